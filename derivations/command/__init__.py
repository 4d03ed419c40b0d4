"""The commands of `derivations`, a module each."""

"""How good are the tests of a backward pass? Mutants of it, each run against them."""

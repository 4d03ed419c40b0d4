"""How far a function is from the truth over the floats, in units of the last place."""

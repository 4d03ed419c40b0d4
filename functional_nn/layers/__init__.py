"""Layers: an operation, its parameters and its backward pass, one family a file."""

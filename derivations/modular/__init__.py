"""Exact modular execution: two functions compared at their real sizes, up to a computed chance."""

from derivations.modular.compare import Comparison, Place, compare

__all__ = ["Comparison", "Place", "compare"]

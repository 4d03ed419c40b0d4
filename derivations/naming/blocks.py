"""Rows that were worked through in blocks, and the rest of them forgotten."""

import numpy as np

from derivations.naming.case import Case, Found
from derivations.naming.samples import Sample

BLOCKS = range(2, 9)


def dropped(case: Case) -> Found | None:
    """Right but for the rows after the last full block."""
    for block in BLOCKS:
        if case.explained(lambda s, b=block: _without_rest(case, s, b)):
            return Found(
                "last_block_dropped",
                f"{case.name} lacks the rows after the last full block of {block}.",
            )
    return None


def _without_rest(case: Case, sample: Sample, block: int) -> np.ndarray | None:
    kept = {}
    for i, cotangent in enumerate(sample.cotangents):
        if not cotangent.ndim:
            return None
        rows = len(cotangent) // block * block
        kept[case.arity + i] = np.where(
            np.arange(len(cotangent)).reshape(-1, *[1] * (cotangent.ndim - 1)) < rows, cotangent, 0
        )
    return case.at(sample, kept)

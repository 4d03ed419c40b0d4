"""How long the proofs take: textbook = rule = jax.grad, value and derivative.

    python benchmarks/proofs.py

Each operation of the catalogue is checked once to warm JAX's and SymPy's own caches, which are not
what is measured, and then from nothing: the memories of the prover are new graphs each time.
Milliseconds of wall time, the median of several checks; "proof" is the deciding alone, "check" the
whole: tracing, holding the lift against JAX's numbers, proving.
"""

import time
from statistics import median

from derivations.catalog import CATALOG
from derivations.check import check

CHECKS = 5
PROVED_BY = ("textbook", "value", "cotangent")


def milliseconds(name: str) -> tuple[float, float]:
    """Gives the time of the proof and of the whole check of one operation."""
    operation = CATALOG[name]
    proofs, checks = [], []
    for _ in range(CHECKS + 1):
        start = time.perf_counter()
        report = check(operation.rule, *operation.arguments, textbook=operation.textbook)
        checks.append(time.perf_counter() - start)
        proofs.append(sum(o.seconds for o in report.obligations if o.name.startswith(PROVED_BY)))
        assert str(report.verdict) == "PROVED", report
    return 1e3 * median(proofs[1:]), 1e3 * median(checks[1:])


def main() -> None:
    """Prints the table."""
    print(f"{'operation':24}{'proof, ms':>12}{'check, ms':>12}")
    for name in CATALOG:
        proof, whole = milliseconds(name)
        print(f"{name:24}{proof:12.1f}{whole:12.0f}")


if __name__ == "__main__":
    main()

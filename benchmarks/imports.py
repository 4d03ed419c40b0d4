"""What `import functional_nn` adds to `import jax, optax`, in CPU time of fresh processes.

python benchmarks/imports.py
"""

import resource
import subprocess
import sys
from statistics import quantiles

ROUNDS = 11
BASE, OURS = "import jax, optax", "import jax, optax, functional_nn"


def cpu_seconds(code: str) -> float:
    """Gives the CPU time of a new interpreter that runs a line of code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Prints the ratio."""
    cpu_seconds(OURS)  # writes the bytecode
    ratios = [cpu_seconds(OURS) / cpu_seconds(BASE) for _ in range(ROUNDS)]
    low, middle, high = quantiles(ratios, n=4)
    print(f"{OURS!r} to {BASE!r}: {middle:.3f} ({low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()

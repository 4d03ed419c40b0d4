"""What orbax and tensorstore lose at every save, without this library: SAVES FOLDER.

Tensorstore 0.1.86 never frees what it turns from JSON into Python objects, and at a save orbax
0.12.8 asks for that once for each array and twice for its own figures. Prints after each save the
resident bytes. The arrays are as many as those of `soak_run.py`: only their number matters.
"""

import os
import sys
from pathlib import Path

import jax.numpy as jnp
import orbax.checkpoint as ocp

ARRAYS = 14  # four parameters, Adam's two of each and its count, and the number of the step


def save(saves, folder):
    state = {f"array {i}": jnp.zeros((64, 128)) for i in range(ARRAYS)}
    options = ocp.CheckpointManagerOptions(max_to_keep=3)
    with ocp.CheckpointManager(folder, options=options) as manager:
        for step in range(saves):
            manager.save(step, args=ocp.args.StandardSave(state))
            manager.wait_until_finished()
            resident = int(Path("/proc/self/statm").read_text().split()[1])
            print(resident * os.sysconf("SC_PAGESIZE"), flush=True)


if __name__ == "__main__":
    save(int(sys.argv[1]), Path(sys.argv[2]).absolute())

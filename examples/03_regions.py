"""Booleans over the reals: networks of threshold units that fire exactly in a coloured region.

Each network is compared with its region at rational points, exactly, and drawn with its region.
Exit status: 0 they agree at every point; 1 they do not; 3 wrong usage.
"""

import sys
from fractions import Fraction
from itertools import product

import numpy as np

from derivations.report.files import write_files
from drawing import canvas, folder, png
from functional_nn.regions import (
    Region,
    apply,
    complement,
    contains,
    fires,
    half_plane,
    intersection,
    minus,
    network,
    polygon,
    union,
)

COLOURS = ["#f4f4f2", "#2f7fd0"]
HEXAGON = polygon([(2, 0), (6, 0), (8, 4), (6, 8), (2, 8), (0, 4)])
TRIANGLE = polygon([(3, 2), (5, 2), (4, 6)])
LEFT = polygon([(0, 1), (3, 0), (4, 3), (1, 5)])
RIGHT = polygon([(5, 3), (8, 4), (7, 8), (3, 7)])
REGIONS: dict[str, Region] = {
    "half-plane": half_plane([1, 2], -10),
    "convex polygon": HEXAGON,
    "union of polygons": union(LEFT, RIGHT),
    "polygon with a hole": minus(HEXAGON, TRIANGLE),
    "between two complements": intersection(
        complement(half_plane([1, 1], -11)), complement(half_plane([-1, -1], 5)), HEXAGON
    ),
    "hole with an island": union(
        minus(polygon([(0, 0), (8, 0), (8, 8), (0, 8)]), HEXAGON), TRIANGLE
    ),
}


def main() -> int:
    out = folder(__doc__, "build/regions")
    steps = [Fraction(n, 3) for n in range(-3, 28)]
    points = list(product(steps, steps))
    agree = True
    for name, region in REGIONS.items():
        layers = network(region)
        wrong = [p for p in points if fires(layers, p) != contains(region, p)]
        agree &= not wrong
        units = " + ".join(str(len(layer)) for layer in layers)
        print(f"{name}: {units} units, {len(wrong)} of {len(points)} points told wrongly")
    write_files(out, {"regions.png": picture()})
    print(f"\nPicture: {out / 'regions.png'}")
    return 0 if agree else 1


def picture() -> bytes:
    """Where each network fires, and the lines of its first layer."""
    steps = np.linspace(-1, 9, 301)
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).astype(np.float32)
    figure, cells = canvas(3, rows=2)
    for axes, (name, region) in zip(cells, REGIONS.items(), strict=True):
        layers = network(region)
        axes.contourf(steps, steps, np.asarray(apply(layers, grid)), [-1, 0.5, 2], colors=COLOURS)
        for offset, *normal in layers[0]:
            line = float(offset) + grid @ np.array(normal, np.float32)
            axes.contour(steps, steps, line, [0], colors="#7b7f86", linewidths=0.6)
        axes.set(title=name, aspect="equal")
    return png(figure)


if __name__ == "__main__":
    sys.exit(main())

"""Images and labels for a classifier: the digits that scikit-learn ships, or the user's own."""

import math
import zipfile
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

SIDE = 16  # pixels of an ink image
INK = 0.3  # how dark a pixel of the enlarged scan has to be to count as ink


class Data(NamedTuple):
    """A data set, split into a training part and a held-out fifth.

    Attributes:
      x, y: Inputs (N, d) and integer labels (N,) to train on.
      test_x, test_y: The held-out ones.
      classes: How many labels there are, 0 to classes - 1.
      picture: (height, width) of an input shown as a picture; what is left over are channels.
    """

    x: jax.Array
    y: jax.Array
    test_x: jax.Array
    test_y: jax.Array
    classes: int
    picture: tuple[int, int]


def digits(seed: int) -> Data:
    """1,797 handwritten digits as 16 by 16 pixels of ink (1) and paper (0)."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    scans = jnp.asarray(pixels / 16).reshape(-1, 8, 8)
    larger = jax.image.resize(scans, (len(scans), SIDE, SIDE), "cubic")
    return split(np.asarray(larger > INK).reshape(len(scans), -1), labels, (SIDE, SIDE), seed)


def from_file(path: Path, seed: int) -> Data:
    """The arrays `images` (n, ...) and `labels` (n,) of an .npz file.

    Raises:
      ValueError: They are not there or do not fit; the message says what came and what to do.
    """
    images, labels = _read(path)
    if images.dtype.kind not in "buif":
        raise ValueError(
            f"images must hold numbers. Got {images.dtype}. Save them as floats or uint8."
        )
    if images.ndim < 2 or images.size == 0:
        raise ValueError(
            "images must have shape (n, ...) with n images of at least one pixel. "
            f"Got {images.shape}. Save one image per entry of the first axis."
        )
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "ui":
        raise ValueError(
            "labels must be one integer for each image. "
            f"Got labels of shape {labels.shape}, {labels.dtype}, for images of shape "
            f"{images.shape}. Save them as integers of shape ({len(images)},)."
        )
    if len(images) < 5:
        raise ValueError(
            f"A fifth is held out, which takes at least 5 images. Got {len(images)}. Add some."
        )
    bad = np.flatnonzero(~np.isfinite(images.astype(float)).reshape(len(images), -1).all(axis=1))
    if bad.size:
        raise ValueError(
            f"images must be finite. Got {bad.size} with NaN or infinite pixels, the first is "
            f"images[{bad[0]}]. Remove them or fill in the pixels."
        )
    found = np.unique(labels)
    if len(found) < 2 or not np.array_equal(found, np.arange(len(found))):
        shown = ", ".join(map(str, found[:10])) + (", ..." if len(found) > 10 else "")
        raise ValueError(
            "labels must be 0 to K - 1 for K >= 2 classes, each of them in use. "
            f"Got {shown}. Renumber them: numpy.unique(labels, return_inverse=True)[1]."
        )
    rows = images.reshape(len(images), -1) / max(np.abs(images).max().astype(float), 1e-30)
    return split(rows, labels, _picture(images.shape[1:]), seed)


def split(rows: np.ndarray, labels: np.ndarray, picture: tuple[int, int], seed: int) -> Data:
    """Shuffles, and holds a fifth out."""
    order = np.random.default_rng(seed).permutation(len(rows))
    test, train = np.split(order, [len(rows) // 5])
    x, y = rows.astype(jnp.result_type(float)), labels.astype(np.int32)
    parts = (jnp.asarray(part) for part in (x[train], y[train], x[test], y[test]))
    return Data(*parts, classes=int(labels.max()) + 1, picture=picture)


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    if not path.is_file() or not zipfile.is_zipfile(path):
        raise ValueError(
            f"--data must name an .npz file. Got {str(path)!r}, which is not one. "
            "Save one with numpy.savez(path, images=..., labels=...)."
        )
    # Never allow_pickle: a pickle runs the code that its author put into it. And never one kind of
    # error: what a damaged archive raises is up to zipfile, its decompressors and NumPy.
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            there = file.files
            found = [file[name] for name in ("images", "labels") if name in there]
    except Exception as error:
        raise ValueError(
            f"{path} must hold plain arrays of numbers. Got a file that cannot be read: "
            f"{error}. Save them anew with numpy.savez."
        ) from error
    if len(found) < 2:
        raise ValueError(
            f"{path} must hold the arrays images and labels. Got {', '.join(there) or 'no array'}. "
            "Save them with numpy.savez(path, images=..., labels=...)."
        )
    images, labels = found
    if not (isinstance(images, np.ndarray) and isinstance(labels, np.ndarray)):
        raise ValueError(
            f"{path} must hold plain arrays of numbers. Got entries that are no arrays. "
            "Save them anew with numpy.savez."
        )
    return images, labels


def _picture(shape: tuple[int, ...]) -> tuple[int, int]:
    """How to lay out an input as a picture: as it is, as a square, or in one line."""
    if len(shape) > 1:
        return shape[0], shape[1]
    pixels = math.prod(shape)
    side = math.isqrt(pixels)
    return (side, side) if side * side == pixels else (1, pixels)

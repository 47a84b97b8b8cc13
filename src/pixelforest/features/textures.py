"""Textures in NumPy, SciPy and scikit-image: entropy, local binary patterns, membranes."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

N_POINTS = 8
PATCH, HALF_PATCH = 19, 9
N_ANGLES = 10


def quantised_entropy(
    image: Image, *, radii: tuple[int, ...], n_bins: int, statistics: tuple[float, float]
) -> NDArray[Any]:
    """Return the entropy in bit of a box around every pixel; `statistics` are the limits of the bins.

    Examples
    --------
    >>> image = np.float32([[0, 0, 1, 1]])
    >>> quantised_entropy(image, radii=(0, 1), n_bins=32, statistics=(0, 1)).round(2).tolist()
    [[0.0, 0.92, 0.92, 0.0]]
    """
    from skimage.filters import rank

    low, high = statistics
    width = max(high - low, np.finfo(np.float64).tiny)
    bins = np.clip((image.astype(np.float64) - low) / width * n_bins, 0, n_bins - 1).astype(np.uint8)
    footprint = np.ones([2 * r + 1 for r in radii], np.uint8)
    values: NDArray[Any] = rank.entropy(bins, footprint)
    return values


def binary_pattern(image: Image, *, radius: float) -> NDArray[Any]:
    """Return uniform local binary patterns of 8 points on a circle.

    Examples
    --------
    >>> binary_pattern(np.eye(3, dtype=np.float32), radius=1.0)[1, 1]
    np.uint8(0)
    """
    angles = 2 * np.pi * np.arange(N_POINTS) / N_POINTS
    points = np.round(np.stack([-radius * np.sin(angles), radius * np.cos(angles)], axis=1), 5)
    bits = np.stack([_interpolated(image, y, x) >= image for y, x in points])
    changes = (bits != np.roll(bits, 1, axis=0)).sum(axis=0)
    return np.where(changes <= 2, bits.sum(axis=0), N_POINTS + 1).astype(np.uint8)


def _interpolated(image: Image, y: float, x: float) -> NDArray[np.float64]:
    """Return the image at every pixel plus (y, x), linearly interpolated; 0 outside."""
    margin = int(np.ceil(max(abs(y), abs(x)))) + 1
    padded = np.pad(image.astype(np.float64), margin)
    top, left = int(np.floor(y)), int(np.floor(x))
    dy, dx = y - top, x - left

    def at(row: int, column: int) -> NDArray[np.float64]:
        start = margin + row, margin + column
        return padded[start[0] : start[0] + image.shape[0], start[1] : start[1] + image.shape[1]]

    above = at(top, left) + dx * (at(top, left + 1) - at(top, left)) if dx else at(top, left)
    if not dy:
        return above
    below = at(top + 1, left) + dx * (at(top + 1, left + 1) - at(top + 1, left)) if dx else at(top + 1, left)
    return above + dy * (below - above)


@cache
def membrane_kernels() -> tuple[NDArray[np.float64], ...]:
    """Return a line of two by 19 pixels in a square of 19, turned by multiples of 18 degrees; each sums to 1.

    Examples
    --------
    >>> [int(np.count_nonzero(kernel)) for kernel in membrane_kernels()[:3]]
    [38, 36, 37]
    """
    line = np.zeros((PATCH, PATCH))
    line[:, HALF_PATCH : HALF_PATCH + 2] = 1
    turned = [_turned(line, i * np.pi / N_ANGLES) for i in range(N_ANGLES)]
    return tuple(kernel / kernel.sum() for kernel in turned)


def _turned(patch: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """Return a square patch turned about its centre; every pixel takes the nearest one, 0 outside."""
    dy, dx = np.indices(patch.shape) - HALF_PATCH
    y = HALF_PATCH + np.cos(angle) * dy - np.sin(angle) * dx
    x = HALF_PATCH + np.sin(angle) * dy + np.cos(angle) * dx
    rows, columns = np.floor(y + 0.5).astype(int), np.floor(x + 0.5).astype(int)
    is_inside = (y >= -0.01) & (x >= -0.01) & (rows < PATCH) & (columns < PATCH)
    return np.where(is_inside, patch[rows.clip(0, PATCH - 1), columns.clip(0, PATCH - 1)], 0.0)


def projected_membranes(image: Image) -> NDArray[Any]:
    """Return mean, maximum, minimum, sum, standard deviation and median over 10 directions, as the last axis."""
    from scipy import ndimage

    exact = image.astype(np.float64)
    stack = np.stack([ndimage.correlate(exact, kernel, mode="nearest") for kernel in membrane_kernels()], axis=-1)
    return np.stack(
        [
            stack.mean(axis=-1),
            stack.max(axis=-1),
            stack.min(axis=-1),
            stack.sum(axis=-1),
            stack.std(axis=-1, ddof=1),
            np.median(stack, axis=-1),
        ],
        axis=-1,
    )

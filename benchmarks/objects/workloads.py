"""Label images with very many objects, and what is measured of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

HOT = (
    "area",
    "intensity_mean",
    "intensity_std",
    "intensity_min",
    "intensity_max",
    "centroid",
    "bbox",
    "axis_major_length",
    "axis_minor_length",
)
"""What the first goal names; all of it scikit-image's."""
OUTLINES = ("perimeter", "perimeter_crofton", "euler_number")
NEIGHBOURS = (
    "area",
    "touching_neighbor_count",
    "touch_portion",
    "average_distance_of_touching_neighbors",
    "average_distance_of_n_nearest_neighbors=6",
    "proximal_neighbor_count=40",
)


def tissue(side: int, n_objects: int, *, gap: float) -> NDArray[np.int32]:
    """Return about `n_objects` wobbly cells on a square of `side` pixels, numbered in no order.

    Parameters
    ----------
    side, n_objects : int
    gap : float
        Share of the pixels that is background between cells; 0: all cells touch their neighbours.
    """
    per_side = round(n_objects**0.5)
    size = side / per_side
    y, x = np.mgrid[:side, :side].astype(np.float32)
    row = (y + 0.2 * size * np.sin(x / size)) / size
    column = (x + 0.2 * size * np.sin(1.3 * y / size)) / size
    inside = np.maximum(np.abs(row % 1 - 0.5), np.abs(column % 1 - 0.5)) <= 0.5 * (1 - gap) ** 0.5
    width = per_side + 2
    cell = (np.floor(row).astype(np.int32) + 1) * width + np.floor(column).astype(np.int32) + 1
    number = np.random.default_rng(0).permutation(width**2).astype(np.int32) + 1
    return np.where(inside, number[cell], 0)


def intensities(side: int) -> NDArray[np.uint16]:
    """Return noise on a ramp, as a camera of 12 bits gives it."""
    ramp = np.linspace(200, 3000, side)
    noise = np.random.default_rng(1).normal(0, 60, (side, side))
    return np.asarray((ramp + noise).clip(0, 4095), np.uint16)


def largest_error(found: dict[str, NDArray[Any]], expected: dict[str, NDArray[Any]]) -> float:
    """Return the largest error of any measurement, relative to the largest value of that measurement."""
    if list(found) != list(expected):
        raise ValueError(f"measured {list(found)} instead of {list(expected)}")
    return max(
        float(np.abs(found[name] - values).max() / (np.abs(values).max() or 1)) for name, values in expected.items()
    )

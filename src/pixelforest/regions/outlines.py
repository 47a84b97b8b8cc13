"""Outlines of 2-D regions: perimeters and holes of all regions at once, from the neighbourhoods of their pixels.

Each is the sum of a value per neighbourhood. scikit-image looks at one region's mask at a time; here a neighbour counts
if it has the same label, which comes to the same.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.regions.masks import by_scikit_image
from pixelforest.regions.regions import Regions, ratio
from pixelforest.regions.sizes_and_axes import area

DIAGONAL, STRAIGHT = 10, 2
"""What `skimage.measure.perimeter` adds for neighbours on the border."""
LENGTHS = {1.0: (4, 6, 14, 16, 24, 26), 2**0.5: (20, 32), (1 + 2**0.5) / 2: (12, 22)}
"""Its length of a border pixel: by those sums."""
_S = 0.5**0.5
CROFTON = np.pi / 4 * np.array([0, 1 + _S, _S, 2 * _S, 0, 1 + _S, 0, _S, 1, 2, _S, _S, 1, 2, 0, 0])
"""Its `perimeter_crofton` of four pixels in a square: 1 and 2 are lower and upper right, 4 and 8 those on the left."""


def perimeter(regions: Regions) -> NDArray[Any]:
    """Return the length of the line through the centres of border pixels (`skimage.measure.perimeter`)."""
    padded = np.pad(regions.compact, 2)
    centre = padded[1:-1, 1:-1]
    is_border = np.zeros(centre.shape, np.bool_)
    for shift in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        is_border |= centre != _shifted(padded, shift)
    border = np.where(is_border, centre, 0)  # one pixel wider than the image on all sides
    inner = border[1:-1, 1:-1]
    at = np.flatnonzero(inner)
    region = inner.reshape(-1)[at]
    sums = np.zeros(len(at), np.int64)
    for dy, dx in product((-1, 0, 1), repeat=2):
        if dy or dx:
            weight = DIAGONAL if dy and dx else STRAIGHT
            sums += weight * (_shifted(border, (dy, dx)).reshape(-1)[at] == region)
    total = np.zeros(len(regions))
    for length, codes in LENGTHS.items():
        total += length * np.bincount(region[np.isin(sums, codes)], minlength=len(regions) + 1)[1:]
    return total * regions.spacing[0]


def square_counts(regions: Regions) -> NDArray[np.int64]:
    """Return how often each of the 16 patterns of 2 × 2 pixels occurs in each region, shape (n_regions, 16)."""
    padded = np.pad(regions.compact, 1)
    corners = [padded[1:, 1:], padded[:-1, 1:], padded[1:, :-1], padded[:-1, :-1]]
    is_mixed = np.zeros(corners[0].shape, np.bool_)
    for corner in corners[1:]:
        is_mixed |= corner != corners[0]
    mixed = np.stack([corner[is_mixed] for corner in corners])
    counts = np.zeros((len(regions) + 1) * 16, np.int64)
    for i, corner in enumerate(mixed):
        is_first = ~np.any(mixed[:i] == corner, axis=0)
        code = sum((mixed[j] == corner).astype(np.int64) << j for j in range(4))
        counts += np.bincount((corner * np.int64(16) + code)[is_first], minlength=counts.size)
    return counts.reshape(-1, 16)[1:]


def perimeter_crofton(regions: Regions) -> NDArray[Any]:
    """Return the length of the outline by Crofton's formula in 4 directions (`skimage.measure.perimeter_crofton`)."""
    total: NDArray[Any] = (regions.shared(square_counts) * CROFTON).sum(axis=1)
    return total * regions.spacing[0]


def euler_number(regions: Regions) -> NDArray[Any]:
    """Return the number of parts minus the number of holes, plus hollows in 3-D; diagonal neighbours are connected."""
    if regions.ndim == 3:
        return by_scikit_image("euler_number")(regions)
    counts = regions.shared(square_counts)
    n_corners, n_notches = counts[:, [1, 2, 4, 8]].sum(axis=1), counts[:, [7, 11, 13, 14]].sum(axis=1)
    return (n_corners - n_notches - 2 * counts[:, [6, 9]].sum(axis=1)) / 4


def circularity(regions: Regions) -> NDArray[Any]:
    """Return 4π area / perimeter²."""
    return ratio(4 * np.pi * area(regions), regions.shared(perimeter) ** 2)


def compactness(regions: Regions) -> NDArray[Any]:
    """Return perimeter² / (4π area)."""
    return regions.shared(perimeter) ** 2 / (4 * np.pi * area(regions))


def _shifted(padded: NDArray[Any], shift: tuple[int, int]) -> NDArray[Any]:
    """Return the neighbours at `shift` of all pixels but the outermost ones."""
    return padded[tuple(slice(1 + s, n - 1 + s) for s, n in zip(shift, padded.shape, strict=True))]

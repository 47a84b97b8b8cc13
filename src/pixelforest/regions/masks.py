"""Measurements that scikit-image takes, region by region, from masks: only what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from pixelforest.regions.regions import Regions

HULLS = ("area_convex", "solidity", "feret_diameter_max")
"""What is measured on convex hulls, which flat regions in volumes do not have."""


def is_flat(regions: Regions) -> NDArray[np.bool_]:
    """Return which regions of a volume lie in one plane; none of a plane do."""
    if regions.ndim == 2:
        return np.zeros(len(regions), np.bool_)
    scale = np.asarray(regions.spacing)
    in_pixels = regions.covariance / (scale[:, None] * scale)
    return np.linalg.matrix_rank(in_pixels, rtol=1e-12, hermitian=True) < regions.ndim


def region_masks(regions: Regions) -> list[Any]:
    """Return scikit-image's view of every region; what several properties share, such as the hull, is kept there."""
    from skimage.measure import regionprops

    image = None
    if regions.planes is not None:
        image = np.moveaxis(regions.planes, 0, -1) if regions.has_channels else regions.planes[0]
    return list(regionprops(regions.compact, image, spacing=regions.spacing))


def by_scikit_image(name: str) -> Callable[[Regions], NDArray[Any]]:
    """Return the function that computes one property of `skimage.measure.regionprops`."""

    def compute(regions: Regions) -> NDArray[Any]:
        if not len(regions):
            return _empty(regions, name)
        is_measured = ~regions.shared(is_flat) if name in HULLS else np.ones(len(regions), np.bool_)
        found = [np.nan] * len(regions)
        with np.errstate(divide="ignore", invalid="ignore"):  # of intensities that add up to 0
            for i in np.flatnonzero(is_measured):
                found[i] = getattr(regions.shared(region_masks)[i], name)
        return np.asarray(found, np.float64)

    compute.__doc__ = f"Return `{name}` of `skimage.measure.regionprops`; NaN where it is not defined."
    return compute


def _empty(regions: Regions, name: str) -> NDArray[Any]:
    """Return what a property looks like for no region, as it does for one pixel without its row."""
    planes = None if regions.planes is None else np.ones((len(regions.planes), *(1,) * regions.ndim))
    one = Regions(np.ones((1,) * regions.ndim, np.uint8), planes, regions.spacing, regions.has_channels)
    return by_scikit_image(name)(one)[:0]


def feret_diameter_min(regions: Regions) -> NDArray[Any]:
    """Return the smallest distance between two parallel lines that enclose the region.

    Its hull is that of the middles of the pixels' faces, as in `feret_diameter_max`.
    """
    runs, found = regions.runs, np.empty(len(regions))
    begin = (runs.coordinates - (regions.lower - regions.origin).T[:, runs.region]).T
    end = begin + np.stack([np.zeros_like(runs.length), runs.length - 1], axis=1)
    offsets = np.array([[0.5, 0], [-0.5, 0], [0, 0.5], [0, -0.5]])
    points = np.stack([begin, end], axis=1)[:, :, None] + offsets
    for i, of_region in enumerate(np.split(points, runs.first[1:])[: len(regions)]):
        corners = of_region.reshape(-1, 2) * np.asarray(regions.spacing)
        hull = corners[ConvexHull(corners).vertices]
        sides = np.roll(hull, -1, axis=0) - hull
        normals = sides[:, ::-1] * (1, -1) / np.sqrt((sides**2).sum(axis=1, keepdims=True))
        found[i] = np.ptp((hull[:, None] * normals).sum(axis=2), axis=0).min()
    return found

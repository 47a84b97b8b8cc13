"""Measurements that scikit-image takes, region by region, from masks: only what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from pixelforest.regions.regions import Regions


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
        return np.stack([np.asarray(getattr(region, name)) for region in regions.shared(region_masks)])

    compute.__doc__ = f"Return `{name}` of `skimage.measure.regionprops`."
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
    last = runs.coordinates + np.array([[0], [1]]) * (runs.length - 1)
    ends = np.concatenate([runs.coordinates.T, last.T], axis=0).astype(np.float64)
    region = np.concatenate([runs.region, runs.region])
    offsets = np.array([[0.5, 0], [-0.5, 0], [0, 0.5], [0, -0.5]])
    order = np.argsort(region, kind="stable")
    for i, points in enumerate(np.split(ends[order], np.cumsum(np.bincount(region))[:-1]) if len(regions) else []):
        corners = (points[:, None] + offsets).reshape(-1, 2) * np.asarray(regions.spacing)
        hull = corners[ConvexHull(corners).vertices]
        sides = np.roll(hull, -1, axis=0) - hull
        normals = sides[:, ::-1] * (1, -1) / np.linalg.norm(sides, axis=1, keepdims=True)
        found[i] = np.ptp(hull @ normals.T, axis=0).min()
    return found

"""Size, position and axes of regions, from sums over their runs.

Definitions are scikit-image's (`skimage.measure.regionprops`); `roundness`, `circularity` and `aspect_ratio` are those
of ImageJ. What would divide by zero is NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.regions.regions import Regions, ratio


def num_pixels(regions: Regions) -> NDArray[Any]:
    """Return the number of pixels."""
    return regions.runs.n_pixels


def area(regions: Regions) -> NDArray[Any]:
    """Return the number of pixels times the size of one."""
    return regions.runs.n_pixels * np.prod(regions.spacing)


def bbox(regions: Regions) -> NDArray[Any]:
    """Return the lowest coordinates, then the highest plus one, in pixels."""
    return np.concatenate([regions.lower, regions.upper], axis=1)


def bbox_last(regions: Regions) -> NDArray[Any]:
    """Return the highest coordinates, in pixels, as apoc counts."""
    return regions.upper - 1


def bbox_size(regions: Regions) -> NDArray[Any]:
    """Return the sides of the bounding box in pixels."""
    return regions.upper - regions.lower


def area_bbox(regions: Regions) -> NDArray[Any]:
    """Return the size of the bounding box."""
    return bbox_size(regions).prod(axis=1) * np.prod(regions.spacing)


def extent(regions: Regions) -> NDArray[Any]:
    """Return the share of the bounding box that the region fills."""
    return regions.runs.n_pixels / bbox_size(regions).prod(axis=1)


def centroid(regions: Regions) -> NDArray[Any]:
    """Return the mean coordinates."""
    return regions.centre * np.asarray(regions.spacing)


def centroid_local(regions: Regions) -> NDArray[Any]:
    """Return the mean coordinates, counted from the corner of the bounding box."""
    return regions.mean_offset * np.asarray(regions.spacing)


def equivalent_diameter_area(regions: Regions) -> NDArray[Any]:
    """Return the diameter of the disc or ball of the same size."""
    return (2 * regions.ndim * area(regions) / np.pi) ** (1 / regions.ndim)


def inertia_tensor(regions: Regions) -> NDArray[Any]:
    """Return trace(C) I − C, where C is the covariance of the coordinates."""
    trace = np.trace(regions.covariance, axis1=1, axis2=2)[:, None, None]
    return trace * np.eye(regions.ndim) - regions.covariance


def inertia_tensor_eigvals(regions: Regions) -> NDArray[Any]:
    """Return the eigenvalues of the inertia tensor, the largest first."""
    values = np.linalg.eigvalsh(inertia_tensor(regions))[:, ::-1]
    return _without_rounding(values, values)


def _without_rounding(values: NDArray[Any], eigenvalues: NDArray[Any]) -> NDArray[Any]:
    """Return `values`, and 0 where they are no more than what rounding leaves of the largest eigenvalue."""
    return np.where(values > 32 * np.finfo(float).eps * eigenvalues[:, :1], values, 0.0)


def squared_axes(regions: Regions) -> NDArray[Any]:
    """Return the squared axes of the ellipse or ellipsoid with the same second moments, the longest first."""
    values = regions.shared(inertia_tensor_eigvals)
    if regions.ndim == 2:
        return 16 * values
    return 10 * _without_rounding(values.sum(axis=1, keepdims=True) - 2 * values[:, ::-1], values)


def axis_major_length(regions: Regions) -> NDArray[Any]:
    """Return the longest axis of the ellipse or ellipsoid with the same second moments."""
    return np.sqrt(squared_axes(regions)[:, 0])


def axis_minor_length(regions: Regions) -> NDArray[Any]:
    """Return the shortest axis of the ellipse or ellipsoid with the same second moments."""
    return np.sqrt(squared_axes(regions)[:, -1])


def eccentricity(regions: Regions) -> NDArray[Any]:
    """Return √(1 − l₂/l₁) for the eigenvalues l of the inertia tensor; 0 for one pixel."""
    large, small = regions.shared(inertia_tensor_eigvals).T
    return np.sqrt(1 - np.nan_to_num(ratio(small, large), nan=1.0))


def orientation(regions: Regions) -> NDArray[Any]:
    """Return the angle between the first axis and the major axis, from −π/2 to π/2."""
    (a, b), (_, c) = np.moveaxis(regions.covariance, 0, -1)
    return np.where(a == c, np.where(b > 0, np.pi / 4, -np.pi / 4), 0.5 * np.arctan2(2 * b, a - c))


def orientation_degrees(regions: Regions) -> NDArray[Any]:
    """Return the orientation in degrees, as CellProfiler has it."""
    return np.degrees(orientation(regions))


def aspect_ratio(regions: Regions) -> NDArray[Any]:
    """Return major axis / minor axis."""
    return ratio(axis_major_length(regions), axis_minor_length(regions))


def roundness(regions: Regions) -> NDArray[Any]:
    """Return 4 area / (π major axis²)."""
    return ratio(4 * area(regions), np.pi * axis_major_length(regions) ** 2)

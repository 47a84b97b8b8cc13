"""Filters of boxes: ``2 r + 1`` pixels per axis, where ``r = int(σ / spacing + 0.5)``; r may be 0 on coarse axes.

Borders follow the convention. Everything is separable and made of planes, except the median.
"""

from __future__ import annotations

from typing import Literal

from pixelforest.features.geometry import Geometry, pointwise, stencil
from pixelforest.features.kernels import box
from pixelforest.features.planes import Convolution, Extremum, Plane, Spread


def local_mean(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return the mean of the box. Unit and range: those of the image. Source: `scipy.ndimage.uniform_filter`."""
    kernels = tuple(box(radius) for radius in geometry.radii)
    return (stencil(plane, geometry, kernels, geometry.convention.boundary),)


def local_variance(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return the population variance of the box, axis by axis as the mean of variances plus the variance of means.

    Unit: that of the image, squared; range: 0 to 1/4 for an image from 0 to 1. Source: `scipy.ndimage.generic_filter`
    with `numpy.var`.
    """
    boundary = geometry.convention.boundary
    mean, variance = plane, None
    for axis, radius in zip(geometry.axes, geometry.radii, strict=True):
        total = Convolution(mean, axis, box(radius), boundary)
        variance = Spread(variance, mean, total, axis, radius, boundary)
        mean = total
    return (variance,) if variance is not None else ()


def local_std(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return the population standard deviation of the box. Unit: that of the image; range: 0 to 1/2."""
    return (pointwise("square_root", *local_variance(plane, geometry)),)


def _extremum(plane: Plane, geometry: Geometry, kind: Literal["minimum", "maximum"]) -> Plane:
    for axis, radius in zip(geometry.axes, geometry.radii, strict=True):
        plane = Extremum(plane, axis, radius, kind, geometry.convention.boundary)
    return plane


def minimum(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return the least value of the box. Unit and range: those of the image. Source: `scipy.ndimage.minimum_filter`."""
    return (_extremum(plane, geometry, "minimum"),)


def maximum(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return the greatest value of the box. Unit and range: those of the image. Source: as of `minimum`."""
    return (_extremum(plane, geometry, "maximum"),)


def white_top_hat(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return f - maximum(minimum(f)), what is bright and smaller than the box.

    Unit: that of the image; range: 0 to 1. Source: `scipy.ndimage.white_tophat`.
    """
    opened = _extremum(_extremum(plane, geometry, "minimum"), geometry, "maximum")
    return (pointwise("subtract", plane, opened),)


def black_top_hat(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return minimum(maximum(f)) - f, what is dark and smaller than the box.

    Unit: that of the image; range: 0 to 1. Source: `scipy.ndimage.black_tophat`.
    """
    closed = _extremum(_extremum(plane, geometry, "maximum"), geometry, "minimum")
    return (pointwise("subtract", closed, plane),)

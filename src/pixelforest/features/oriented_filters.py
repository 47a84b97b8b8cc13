"""Filters that look along several directions."""

from __future__ import annotations

from itertools import product
from math import log, pi, sqrt

from pixelforest.features.geometry import Geometry, pointwise
from pixelforest.features.kernels import WaveKernel
from pixelforest.features.planes import Boundary, Convolution, Plane

CYCLES_PER_SIGMA = 3 * sqrt(log(2) / 2) / pi
"""Frequency times sigma of a Gabor filter whose bandwidth is one octave, as `skimage.filters.gabor` has it."""


def directions(ndim: int) -> tuple[tuple[int, ...], ...]:
    """Return one step towards each pair of opposite neighbours: 4 in 2-D, 13 in 3-D.

    Examples
    --------
    >>> directions(2)
    ((0, 1), (1, -1), (1, 0), (1, 1))
    """
    return tuple(step for step in product((-1, 0, 1), repeat=ndim) if step > (0,) * ndim)


def gabor(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return the magnitude of Gabor filters of one octave, one per direction; names end in the direction.

    ``|Σ_k f(x + k) φ(k) exp(2πi ν · k)|``, φ the Gaussian of σ that sums to 1, cut at ``int(4 σ + 0.5)``, and ν of
    length ``0.562 / σ`` cycles along the direction: stripes about 1.8 σ apart that lie across it. The envelope is
    round, so every direction is a sum of separable passes. Directions are those of physical space.
    Unit: that of the image; range: 0 to 1. Source: `skimage.filters.gabor`.
    """
    return tuple(_gabor(plane, geometry, direction) for direction in directions(geometry.ndim))


def _gabor(plane: Plane, geometry: Geometry, direction: tuple[int, ...]) -> Plane:
    length = sqrt(sum(step * step for step in direction))
    boundary = geometry.convention.boundary
    real, imaginary = plane, None
    for axis, sigma, step in zip(geometry.axes, geometry.sigmas, direction, strict=True):
        frequency = CYCLES_PER_SIGMA / sigma * step / length
        real, imaginary = _modulated(real, imaginary, axis, sigma, frequency, boundary)
    return real if imaginary is None else pointwise("magnitude", real, imaginary)


def _modulated(
    real: Plane, imaginary: Plane | None, axis: int, sigma: float, frequency: float, boundary: Boundary
) -> tuple[Plane, Plane | None]:
    """Return real and imaginary part of a plane correlated with a Gaussian times ``exp(2πi frequency k)``."""
    radius = int(4 * sigma + 0.5)

    def wave(plane: Plane, parity: int) -> Plane:
        return Convolution(plane, axis, WaveKernel(sigma, frequency, radius, parity), boundary)

    if frequency == 0:
        return wave(real, 1), None if imaginary is None else wave(imaginary, 1)
    if imaginary is None:
        return wave(real, 1), wave(real, -1)
    return (
        pointwise("subtract", wave(real, 1), wave(imaginary, -1)),
        pointwise("add", wave(real, -1), wave(imaginary, 1)),
    )

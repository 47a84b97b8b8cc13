"""Scale and axes of a filter, and the building blocks that all filters share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

from pixelforest.features.cascade import CoarseKernel, LargeSigma, factor_for
from pixelforest.features.conventions import CONVENTIONS, Convention
from pixelforest.features.kernels import Kernel
from pixelforest.features.planes import (
    Boundary,
    Convolution,
    Decimation,
    Difference,
    Interpolation,
    Plane,
    Pointwise,
    PointwiseFunction,
)


@dataclass(frozen=True)
class Geometry:
    """Where and how a filter acts.

    Parameters
    ----------
    sigmas : tuple of float
        Scale in pixels, on every filtered axis.
    spacing : tuple of float
        Distance between pixels, on every filtered axis.
    convention : Convention
    first_axis : int
        First spatial axis that is filtered: 1 for volumes that are filtered slice by slice.
    large_sigma : {"direct", "cascade"}
        How Gaussians of many pixels are computed; see `pixelforest.features.cascade`.
    """

    sigmas: tuple[float, ...]
    spacing: tuple[float, ...]
    convention: Convention = CONVENTIONS["scipy"]
    first_axis: int = 0
    large_sigma: LargeSigma = "direct"

    @property
    def factors(self) -> tuple[int, ...]:
        """Distance in pixels, on every filtered axis, of the samples on which Gaussians are computed."""
        return tuple(1 if self.large_sigma == "direct" else factor_for(sigma) for sigma in self.sigmas)

    @property
    def ndim(self) -> int:
        """Number of filtered axes."""
        return len(self.spacing)

    @property
    def axes(self) -> range:
        """Filtered axes."""
        return range(self.first_axis, self.first_axis + self.ndim)

    @property
    def radii(self) -> tuple[int, ...]:
        """Half the extent of windows on every filtered axis: sigma, rounded."""
        return tuple(int(sigma + 0.5) for sigma in self.sigmas)

    def scaled(self, factor: float) -> Geometry:
        """Return the geometry with sigma multiplied by `factor`."""
        return replace(self, sigmas=tuple(sigma * factor for sigma in self.sigmas))

    def under(self, convention: str) -> Geometry:
        """Return the geometry in another convention."""
        return replace(self, convention=CONVENTIONS[convention])


def smoothed_before(plane: Plane, geometry: Geometry) -> tuple[Plane, Geometry]:
    """Return what a filter is to be applied to, and at which scale: ilastik smooths first, others do not."""
    sigmas = []
    for axis, sigma in zip(geometry.axes, geometry.sigmas, strict=True):
        kernel, left = geometry.convention.before(sigma)
        sigmas.append(left)
        if kernel is not None:
            plane = Convolution(plane, axis, kernel, geometry.convention.boundary)
    return plane, replace(geometry, sigmas=tuple(sigmas))


def smoothed(plane: Plane, geometry: Geometry) -> Plane:
    """Return the plane smoothed by a Gaussian, one pass per axis."""
    return gaussian_derivative(plane, geometry, (0,) * geometry.ndim)


def gaussian_derivative(plane: Plane, geometry: Geometry, orders: tuple[int, ...]) -> Plane:
    """Return the derivative of `orders` of the smoothed plane, one separable pass per axis.

    Along axes where the Gaussian is computed on samples, these are taken first and pixels interpolated last: x before
    y before z, so that most of the work is done where planes are small.
    """
    factors, boundary = geometry.factors, geometry.convention.boundary
    coarse = [(axis, factor) for axis, factor in zip(geometry.axes, factors, strict=True) if factor > 1]
    for axis, factor in coarse:
        plane = Decimation(plane, axis, factor, boundary)
    settings = zip(geometry.axes, orders, geometry.sigmas, geometry.spacing, factors, strict=True)
    for axis, order, sigma, spacing, factor in settings:
        kernel = geometry.convention.gaussian(sigma, order, scale=spacing**-order)
        plane = Convolution(plane, axis, kernel if factor == 1 else CoarseKernel(kernel, factor), boundary, factor)
    for axis, factor in reversed(coarse):
        plane = Interpolation(plane, axis, factor)
    return plane


def derivatives(plane: Plane, geometry: Geometry, order: int) -> tuple[Plane, ...]:
    """Return all partial derivatives of one order: the gradient, or the upper triangle of the Hessian by rows."""
    choices = tuple(combinations_with_replacement(range(geometry.ndim), order))
    if geometry.convention.edges != "differences":
        orders = (tuple(chosen.count(i) for i in range(geometry.ndim)) for chosen in choices)
        return tuple(gaussian_derivative(plane, geometry, o) for o in orders)
    blurred = smoothed(plane, geometry)
    return tuple(_differences(blurred, geometry, chosen) for chosen in choices)


def _differences(plane: Plane, geometry: Geometry, chosen: tuple[int, ...]) -> Plane:
    for i in chosen:
        plane = Difference(plane, geometry.axes[i], 1 / geometry.spacing[i])
    return plane


def stencil(plane: Plane, geometry: Geometry, kernels: tuple[Kernel, ...], boundary: Boundary) -> Plane:
    """Return the plane correlated with one kernel per filtered axis."""
    for axis, kernel in zip(geometry.axes, kernels, strict=True):
        plane = Convolution(plane, axis, kernel, boundary)
    return plane


def pointwise(function: PointwiseFunction, *planes: Plane) -> Plane:
    """Return `function` of the values that `planes` have at each pixel; sums are interpolated once, not their parts."""
    parts = [plane for plane in planes if isinstance(plane, Interpolation)]
    is_one_way = len(parts) == len(planes) and len({(part.axis, part.factor) for part in parts}) == 1
    if function in ("add", "subtract") and is_one_way:
        return replace(parts[0], plane=pointwise(function, *(part.plane for part in parts)))
    return Pointwise(function, planes)


def eigenvalues(matrix: tuple[Plane, ...]) -> tuple[Plane, ...]:
    """Return the eigenvalues, largest first, of the symmetric matrix with this upper triangle."""
    functions: tuple[PointwiseFunction, ...] = ("eigenvalue_0", "eigenvalue_1", "eigenvalue_2")
    return tuple(Pointwise(function, matrix) for function in functions[: 2 if len(matrix) == 3 else 3])

"""The filters: each builds its planes from one channel, and says its formula.

Notation: f is the image; ``G(σ)`` its convolution with a sampled Gaussian that sums to 1; ``∂`` derivatives of that
Gaussian (Gaussian derivatives, not differences of pixels). With ``spacing`` given, σ is in physical units
(``σ_axis = σ / spacing_axis`` pixels) and derivatives are per physical unit.

scikit-image's and SciPy's names have SciPy's conventions: borders are reflected (``mode="reflect"``) and kernels end
at ``int(4 σ + 0.5)`` pixels (``truncate=4``). apoc's names have apoc's: borders are repeated (``mode="nearest"``) and
kernels have ``int(8 σ)`` taps, made odd; its stencils work in pixels and ignore ``spacing`` except in σ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations_with_replacement

from pixelforest.features.kernels import GaussianKernel, Kernel, StencilKernel
from pixelforest.features.planes import Boundary, Convolution, Plane, Pointwise, PointwiseFunction, Source

TRUNCATE = 4.0
"""Where SciPy's Gaussian kernels end, in standard deviations."""


@dataclass(frozen=True)
class Geometry:
    """Scale of a filter and the distance between pixels on every spatial axis."""

    sigma: float
    spacing: tuple[float, ...]

    @property
    def axes(self) -> range:
        """Spatial axes."""
        return range(len(self.spacing))

    def scaled(self, factor: float) -> Geometry:
        """Return the geometry with sigma multiplied by `factor`."""
        return Geometry(self.sigma * factor, self.spacing)


def gaussian_derivative(plane: Plane, geometry: Geometry, orders: tuple[int, ...]) -> Plane:
    """Return the derivative of `orders` of the smoothed plane, one separable pass per axis (SciPy's conventions)."""
    for axis, (order, spacing) in enumerate(zip(orders, geometry.spacing, strict=True)):
        sigma = geometry.sigma / spacing
        kernel = GaussianKernel(sigma, order, radius=int(TRUNCATE * sigma + 0.5), scale=spacing**-order)
        plane = Convolution(plane, axis, kernel, "reflect")
    return plane


def derivatives(plane: Plane, geometry: Geometry, order: int) -> tuple[Plane, ...]:
    """Return all partial derivatives of one order: the gradient, or the upper triangle of the Hessian by rows."""
    return tuple(
        gaussian_derivative(plane, geometry, tuple(axes.count(axis) for axis in geometry.axes))
        for axes in combinations_with_replacement(geometry.axes, order)
    )


def pointwise(function: PointwiseFunction, *planes: Plane) -> Plane:
    """Return `function` of the values that `planes` have at each pixel."""
    return Pointwise(function, planes)


def eigenvalues(matrix: tuple[Plane, ...], ndim: int) -> tuple[Plane, ...]:
    """Return the eigenvalues, largest first, of the symmetric matrix with this upper triangle."""
    functions: tuple[PointwiseFunction, ...] = ("eigenvalue_0", "eigenvalue_1", "eigenvalue_2")
    return tuple(Pointwise(function, matrix) for function in functions[:ndim])


def original(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return f, the image itself. Unit: that of the image."""
    return (pointwise("copy", plane),)


def gaussian(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return G(σ). Source: `scipy.ndimage.gaussian_filter`."""
    return (gaussian_derivative(plane, geometry, (0,) * len(geometry.spacing)),)


def difference_of_gaussians(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return G(0.9 σ) - G(1.1 σ), a band-pass around σ. Ratios are apoc's."""
    return (pointwise("subtract", *gaussian(plane, geometry.scaled(0.9)), *gaussian(plane, geometry.scaled(1.1))),)


def laplacian_of_gaussian(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return Σ_i ∂²G(σ)/∂x_i², negative in bright blobs. Source: `scipy.ndimage.gaussian_laplace`."""
    ndim = len(geometry.spacing)
    orders = [tuple(2 * (axis == i) for i in geometry.axes) for axis in range(ndim)]
    return (pointwise("add", *(gaussian_derivative(plane, geometry, o) for o in orders)),)


def gaussian_gradient_magnitude(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return sqrt(Σ_i (∂G(σ)/∂x_i)²). Source: `scipy.ndimage.gaussian_gradient_magnitude`."""
    return (pointwise("magnitude", *derivatives(plane, geometry, 1)),)


def hessian_eigenvalues(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return the eigenvalues of (∂²G(σ)/∂x_i∂x_j), largest first; order as in `skimage.feature`."""
    return eigenvalues(derivatives(plane, geometry, 2), len(geometry.spacing))


def structure_tensor_eigenvalues(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return the eigenvalues of the structure tensor, largest first.

    The tensor is the outer product of the gradient, smoothed: ``G(σ/2) * (∂G(σ)/∂x_i · ∂G(σ)/∂x_j)``. The outer
    scale of half the inner one is ilastik's. Unit: that of the image, squared (per squared length).
    """
    gradient = derivatives(plane, geometry, 1)
    products = (pointwise("multiply", a, b) for a, b in combinations_with_replacement(gradient, 2))
    tensor = tuple(gaussian(product, geometry.scaled(0.5))[0] for product in products)
    return eigenvalues(tensor, len(geometry.spacing))


def gaussian_blur(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return apoc's ``gaussian_blur``: G(σ) from a kernel of ``int(8 σ)`` taps, made odd, with repeated borders."""
    for axis, spacing in enumerate(geometry.spacing):
        sigma = geometry.sigma / spacing
        kernel = GaussianKernel(sigma, 0, radius=int(8 * sigma) // 2)
        plane = Convolution(plane, axis, kernel, "nearest")
    return (plane,)


def difference_of_gaussian(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return apoc's ``difference_of_gaussian``: blur(0.9 σ) - blur(1.1 σ)."""
    narrow, wide = gaussian_blur(plane, geometry.scaled(0.9)), gaussian_blur(plane, geometry.scaled(1.1))
    return (pointwise("subtract", *narrow, *wide),)


def _stencil(plane: Plane, kernels: tuple[Kernel, ...], boundary: Boundary = "nearest") -> Plane:
    for axis, kernel in enumerate(kernels):
        plane = Convolution(plane, axis, kernel, boundary)
    return plane


ONES = StencilKernel((1.0, 1.0))
SMOOTH = StencilKernel((2.0, 1.0))
STEP = StencilKernel((0.0, 1.0), parity=-1)


def laplace_box_of_gaussian_blur(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return apoc's Laplace box: ``(3ⁿ - 1) · centre - Σ neighbours`` of the blurred image, n dimensions.

    apoc's own 3-D kernel has a wrong centre weight (a constant image gives -25); this is the right one.
    """
    (blurred,) = gaussian_blur(plane, geometry)
    ndim = len(geometry.spacing)
    centre = Convolution(blurred, 0, StencilKernel((float(3**ndim),)), "nearest")
    return (pointwise("subtract", centre, _stencil(blurred, (ONES,) * ndim)),)


def sobel_of_gaussian_blur(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return apoc's Sobel: sqrt(Σ_i S_i²) of the blurred image.

    ``S_i`` is (-1, 0, 1) along axis i and (1, 2, 1) along the others, not divided: a unit ramp gives 8 in 2-D, 32 in
    3-D (apoc's own 3-D operator reads out of bounds).
    """
    (blurred,) = gaussian_blur(plane, geometry)
    steps = [_stencil(blurred, tuple(STEP if i == axis else SMOOTH for i in geometry.axes)) for axis in geometry.axes]
    return (pointwise("magnitude", *steps),)


@dataclass(frozen=True)
class Filter:
    """A named filter: what builds its planes, and how many it gives."""

    build: Callable[[Source, Geometry], tuple[Plane, ...]]
    has_sigma: bool = True
    is_per_axis: bool = False

    def n_outputs(self, ndim: int) -> int:
        """Return the number of planes in `ndim` dimensions."""
        return ndim if self.is_per_axis else 1


FILTERS: dict[str, Filter] = {
    "original": Filter(original, has_sigma=False),
    "gaussian": Filter(gaussian),
    "difference_of_gaussians": Filter(difference_of_gaussians),
    "laplacian_of_gaussian": Filter(laplacian_of_gaussian),
    "gaussian_gradient_magnitude": Filter(gaussian_gradient_magnitude),
    "hessian_eigenvalues": Filter(hessian_eigenvalues, is_per_axis=True),
    "structure_tensor_eigenvalues": Filter(structure_tensor_eigenvalues, is_per_axis=True),
    "gaussian_blur": Filter(gaussian_blur),
    "difference_of_gaussian": Filter(difference_of_gaussian),
    "laplace_box_of_gaussian_blur": Filter(laplace_box_of_gaussian_blur),
    "sobel_of_gaussian_blur": Filter(sobel_of_gaussian_blur),
}
"""Every filter by name. The first seven are what `ImageFeatureStack(filters=…)` takes; apoc's names follow."""

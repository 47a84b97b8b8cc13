"""Filters made of Gaussians and their derivatives.

Notation: f is the image; ``G(σ)`` its convolution with a sampled Gaussian that sums to 1; ``∂`` derivatives of that
Gaussian, or what the convention takes for them (`pixelforest.features.conventions`). With ``spacing`` given, σ is in
physical units (``σ_axis = σ / spacing_axis`` pixels) and derivatives are per physical unit. Stencils (Sobel, Laplace
box) work in pixels and ignore ``spacing`` except in σ. "Range" is that of an image with values from 0 to 1.
"""

from __future__ import annotations

from itertools import combinations_with_replacement

from pixelforest.features.geometry import (
    Geometry,
    derivatives,
    eigenvalues,
    gaussian_derivative,
    pointwise,
    smoothed,
    smoothed_before,
    stencil,
)
from pixelforest.features.kernels import StencilKernel
from pixelforest.features.planes import Convolution, Plane

ONES = StencilKernel((1.0, 1.0))
SMOOTH = StencilKernel((2.0, 1.0))
STEP = StencilKernel((0.0, 1.0), parity=-1)


def original(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return f, the image itself. Unit and range: those of the image."""
    return (pointwise("copy", plane),)


def gaussian(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return G(σ). Unit and range: those of the image. Source: `scipy.ndimage.gaussian_filter`."""
    return (smoothed(*smoothed_before(plane, geometry)),)


def difference_of_gaussians(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return G(0.9 σ) - G(1.1 σ), a band-pass around σ (in ilastik's convention G(σ) - G(0.66 σ)).

    Unit: that of the image; range: [-1, 1]. The ratios are apoc's.
    """
    plane, geometry = smoothed_before(plane, geometry)
    first, second = (smoothed(plane, geometry.scaled(factor)) for factor in geometry.convention.band)
    return (pointwise("subtract", first, second),)


def difference_of_scales(plane: Plane, geometry: Geometry, *, ratio: float) -> tuple[Plane, ...]:
    """Return G(ratio · σ) - G(σ), dark where something bright is smaller than the larger scale.

    Unit: that of the image; range: [-1, 1]. Source: Trainable Weka Segmentation, ratios 2, 4, 8 and 16.
    """
    return (pointwise("subtract", *gaussian(plane, geometry.scaled(ratio)), *gaussian(plane, geometry)),)


def laplacian_of_gaussian(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return Σ_i ∂²G(σ)/∂x_i², negative in bright blobs; in clesperanto's convention apoc's Laplace box instead.

    Unit: that of the image per squared length; range: about ±1.2 n/σ² in n dimensions.
    Source: `scipy.ndimage.gaussian_laplace`.
    """
    if geometry.convention.edges == "stencils":
        return laplace_box_of_gaussian_blur(plane, geometry)
    return hessian_trace(plane, geometry)


def hessian_trace(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return Σ_i ∂²G(σ)/∂x_i², the sum of the Hessian's eigenvalues. Unit and range: see `laplacian_of_gaussian`."""
    plane, geometry = smoothed_before(plane, geometry)
    if geometry.convention.edges == "differences":
        pairs = combinations_with_replacement(range(geometry.ndim), 2)
        matrix = dict(zip(pairs, derivatives(plane, geometry, 2), strict=True))
        return (pointwise("add", *(matrix[i, i] for i in range(geometry.ndim))),)
    orders = [tuple(2 * (i == axis) for i in range(geometry.ndim)) for axis in range(geometry.ndim)]
    return (pointwise("add", *(gaussian_derivative(plane, geometry, o) for o in orders)),)


def hessian_determinant(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return the determinant of (∂²G(σ)/∂x_i∂x_j): positive in blobs of either sign (2-D), negative on saddles.

    Unit: (that of the image per squared length) to the power of the number n of dimensions; range: about ±σ^(-2n).
    Source: `skimage.feature.hessian_matrix_det` approximates it with boxes.
    """
    return (pointwise("determinant", *derivatives(*smoothed_before(plane, geometry), 2)),)


def gaussian_derivatives(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return ∂G(σ)/∂x_i for every axis i, then ∂²G(σ)/∂x_i∂x_j for i ≤ j; names end in the axes, 0 is the first.

    Unit: that of the image per (squared) length; range: about ±0.4/σ and ±0.6/σ².
    Source: `scipy.ndimage.gaussian_filter` with ``order``.
    """
    plane, geometry = smoothed_before(plane, geometry)
    return (*derivatives(plane, geometry, 1), *derivatives(plane, geometry, 2))


def gaussian_gradient_magnitude(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return sqrt(Σ_i (∂G(σ)/∂x_i)²).

    Unit: that of the image per length; range: 0 to about 0.4/σ · sqrt(n). Source: as SciPy's function of that name.
    """
    return (pointwise("magnitude", *derivatives(*smoothed_before(plane, geometry), 1)),)


def hessian_eigenvalues(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return the eigenvalues of (∂²G(σ)/∂x_i∂x_j), largest first; order as in `skimage.feature`.

    Unit: that of the image per squared length; range: about ±0.6/σ².
    """
    return eigenvalues(derivatives(*smoothed_before(plane, geometry), 2))


def structure_tensor_eigenvalues(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return the eigenvalues of the structure tensor, largest first.

    The tensor is the outer product of the gradient, smoothed: ``G(σ/2) * (∂G(σ)/∂x_i · ∂G(σ)/∂x_j)``. The outer
    scale of half the inner one is the one that ilastik means; in its convention the two are exchanged, as it computes
    them. Unit: that of the image, squared, per squared length; range: 0 to about
    0.16 n/σ².
    """
    plane, geometry = smoothed_before(plane, geometry)
    inner, outer = geometry.convention.tensor
    gradient = derivatives(plane, geometry.scaled(inner), 1)
    products = (pointwise("multiply", a, b) for a, b in combinations_with_replacement(gradient, 2))
    return eigenvalues(tuple(smoothed(product, geometry.scaled(outer)) for product in products))


def sobel(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return Sobel's gradient of G(σ): sqrt(Σ_i S_i²).

    ``S_i`` is (-1, 0, 1) along axis i and (1, 2, 1) along the others, not divided: a unit ramp gives 8 in 2-D, 32 in
    3-D. In scikit-image's convention the smoothing is a mean and the sum is divided by n, so that it gives 2/sqrt(n).
    Unit: that of the image per pixel; range: 0 to 4 sqrt(2) in 2-D. Source: `scipy.ndimage.sobel`,
    `skimage.filters.sobel`. For the gradient of the image itself take a sigma below 0.125.
    """
    convention, ndim = geometry.convention, geometry.ndim
    blurred = smoothed(*smoothed_before(plane, geometry))
    step, smooth = STEP, SMOOTH
    if convention.sobel_is_mean:
        step, smooth = StencilKernel((0.0, 1 / ndim**0.5), parity=-1), StencilKernel((0.5, 0.25))
    kernels = [tuple(step if i == axis else smooth for i in range(ndim)) for axis in range(ndim)]
    steps = [stencil(blurred, geometry, along, convention.stencil_boundary) for along in kernels]
    return (pointwise("magnitude", *steps),)


def gaussian_blur(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return apoc's ``gaussian_blur``: `gaussian` in clesperanto's convention, whatever the convention of the stack."""
    return gaussian(plane, geometry.under("clesperanto"))


def difference_of_gaussian(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return apoc's ``difference_of_gaussian``: blur(0.9 σ) - blur(1.1 σ)."""
    return difference_of_gaussians(plane, geometry.under("clesperanto"))


def laplace_box_of_gaussian_blur(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return apoc's Laplace box: ``(3ⁿ - 1) · centre - Σ neighbours`` of the blurred image, n dimensions.

    Unit: that of the image; range: ±(3ⁿ - 1). apoc's own 3-D kernel has a wrong centre weight (a constant image gives
    -25); this is the right one, and pyclesperanto's.
    """
    (blurred,) = gaussian_blur(plane, geometry)
    centre = Convolution(blurred, geometry.first_axis, StencilKernel((float(3**geometry.ndim),)), "nearest")
    return (pointwise("subtract", centre, stencil(blurred, geometry, (ONES,) * geometry.ndim, "nearest")),)


def sobel_of_gaussian_blur(plane: Plane, geometry: Geometry) -> tuple[Plane, ...]:
    """Return apoc's Sobel: `sobel` in clesperanto's convention (apoc's own 3-D operator reads out of bounds)."""
    return sobel(plane, geometry.under("clesperanto"))

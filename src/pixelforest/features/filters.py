"""The registry: every filter by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from pixelforest.features import gaussian_filters, host_filters, oriented_filters, window_filters
from pixelforest.features.conventions import ConventionName
from pixelforest.features.geometry import Geometry
from pixelforest.features.planes import Plane, Source


class ImageFilter(Protocol):
    """What the registry holds."""

    @property
    def build(self) -> Callable[[Source, Geometry], tuple[Plane, ...]]:
        """Builder of the planes."""
        ...

    @property
    def has_sigma(self) -> bool:
        """Whether the filter has a scale."""
        ...

    @property
    def is_per_channel(self) -> bool:
        """Whether every channel is filtered; otherwise the filter runs once per image."""
        ...

    @property
    def ndims(self) -> tuple[int, ...]:
        """Numbers of axes that can be filtered."""
        ...

    def labels(self, ndim: int) -> tuple[str, ...]:
        """Return what tells the outputs apart in `ndim` dimensions; one empty text if there is one output."""
        ...


def one(ndim: int) -> tuple[str, ...]:
    """Return the label of a single output."""
    return ("",)


def per_axis(ndim: int) -> tuple[str, ...]:
    """Return ``0``, ``1`` and so on."""
    return tuple(str(axis) for axis in range(ndim))


def partial_derivatives(ndim: int) -> tuple[str, ...]:
    """Return the axes of all first and second derivatives: ``0``, ``1``, ``00``, ``01``, ``11`` in 2-D."""
    return (*per_axis(ndim), *(f"{i}{j}" for i in range(ndim) for j in range(i, ndim)))


def named_axes(ndim: int) -> tuple[str, ...]:
    """Return ``y``, ``x`` or ``z``, ``y``, ``x``."""
    return ("z", "y", "x")[-ndim:]


def named_directions(ndim: int) -> tuple[str, ...]:
    """Return steps such as ``0p`` (no step, one step forward) and ``pm`` (forward, backward)."""
    return tuple("".join("m0p"[step + 1] for step in steps) for steps in oriented_filters.directions(ndim))


def projections(ndim: int) -> tuple[str, ...]:
    """Return the names of the projections of `membrane_projections`."""
    return ("mean", "maximum", "minimum", "sum", "std", "median")


@dataclass(frozen=True)
class Filter:
    """A filter of this package: what builds its planes, and what it gives."""

    build: Callable[[Source, Geometry], tuple[Plane, ...]]
    has_sigma: bool = True
    naming: Callable[[int], tuple[str, ...]] = one
    is_per_channel: bool = True
    ndims: tuple[int, ...] = (2, 3)
    needs_square_pixels: bool = False

    def labels(self, ndim: int) -> tuple[str, ...]:
        """Return what tells the outputs apart in `ndim` dimensions; one empty text if there is one output."""
        return self.naming(ndim)


FILTERS: dict[str, ImageFilter] = {
    "original": Filter(gaussian_filters.original, has_sigma=False),
    "gaussian": Filter(gaussian_filters.gaussian),
    "difference_of_gaussians": Filter(gaussian_filters.difference_of_gaussians),
    "laplacian_of_gaussian": Filter(gaussian_filters.laplacian_of_gaussian),
    "gaussian_gradient_magnitude": Filter(gaussian_filters.gaussian_gradient_magnitude),
    "hessian_eigenvalues": Filter(gaussian_filters.hessian_eigenvalues, naming=per_axis),
    "structure_tensor_eigenvalues": Filter(gaussian_filters.structure_tensor_eigenvalues, naming=per_axis),
    "gaussian_derivatives": Filter(gaussian_filters.gaussian_derivatives, naming=partial_derivatives),
    "hessian_determinant": Filter(gaussian_filters.hessian_determinant),
    "hessian_trace": Filter(gaussian_filters.hessian_trace),
    "sobel": Filter(gaussian_filters.sobel),
    "local_mean": Filter(window_filters.local_mean),
    "local_std": Filter(window_filters.local_std),
    "local_variance": Filter(window_filters.local_variance),
    "minimum": Filter(window_filters.minimum),
    "maximum": Filter(window_filters.maximum),
    "median": Filter(host_filters.median),
    "white_top_hat": Filter(window_filters.white_top_hat),
    "black_top_hat": Filter(window_filters.black_top_hat),
    "entropy": Filter(host_filters.entropy),
    "gabor": Filter(oriented_filters.gabor, naming=named_directions),
    "membrane_projections": Filter(host_filters.membrane_projections, has_sigma=False, naming=projections, ndims=(2,)),
    "local_binary_pattern": Filter(host_filters.local_binary_pattern, ndims=(2,), needs_square_pixels=True),
    "position": Filter(host_filters.position, has_sigma=False, naming=named_axes, is_per_channel=False),
    **{
        f"difference_of_scales_{ratio}": Filter(partial(gaussian_filters.difference_of_scales, ratio=ratio))
        for ratio in (2, 4, 8, 16)
    },
    "gaussian_blur": Filter(gaussian_filters.gaussian_blur),
    "difference_of_gaussian": Filter(gaussian_filters.difference_of_gaussian),
    "laplace_box_of_gaussian_blur": Filter(gaussian_filters.laplace_box_of_gaussian_blur),
    "sobel_of_gaussian_blur": Filter(gaussian_filters.sobel_of_gaussian_blur),
}
"""Every filter by name, those of apoc last. What users register is added by `register_filter`."""

FIXED_CONVENTIONS: dict[str, ConventionName] = dict.fromkeys(
    ("gaussian_blur", "difference_of_gaussian", "laplace_box_of_gaussian_blur", "sobel_of_gaussian_blur"), "clesperanto"
)
"""Filters that have a convention of their own, whatever that of the stack: apoc's."""

BUILT_IN: dict[str, Filter] = {name: entry for name, entry in FILTERS.items() if isinstance(entry, Filter)}
"""The filters of this package, whose names `register_filter` does not give away."""


def filters_for(spacing: tuple[float, ...]) -> tuple[str, ...]:
    """Return the names of the filters of this package that images with these distances between pixels can have.

    Examples
    --------
    >>> "membrane_projections" in filters_for((1.0, 1.0)), "membrane_projections" in filters_for((2.0, 1.0, 1.0))
    (True, False)
    """
    is_square = len(set(spacing)) == 1
    return tuple(
        name
        for name, entry in BUILT_IN.items()
        if len(spacing) in entry.ndims and (is_square or not entry.needs_square_pixels)
    )

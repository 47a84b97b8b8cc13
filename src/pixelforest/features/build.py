"""From specifications to a plan for images of a given kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from pixelforest.features.cascade import LargeSigma
from pixelforest.features.conventions import ConventionName
from pixelforest.features.custom import CustomFilter, transformer_filter
from pixelforest.features.filters import FILTERS, ImageFilter
from pixelforest.features.plan import FeaturePlan
from pixelforest.features.planes import Host, Plane
from pixelforest.features.spec import FeatureSpec


def build_plan(
    specs: tuple[FeatureSpec, ...],
    spacing: tuple[float, ...],
    n_channels: int = 1,
    *,
    convention: ConventionName = "scipy",
    filter_ndim: int | None = None,
    large_sigma: LargeSigma = "direct",
) -> FeaturePlan:
    """Return the plan that computes `specs` on every channel.

    Features of channel 0 come first, then those of channel 1, and so on; last those that are computed once per image.
    With several channels the names begin with ``channel_0_``, ``channel_1_``, …

    Parameters
    ----------
    specs : tuple of FeatureSpec
    spacing : tuple of float
        Distance between pixels on every spatial axis.
    n_channels : int
    convention : str
        Of specifications that name none.
    filter_ndim : int, optional
        Number of axes, counted from the last, that are filtered; fewer than there are: slice by slice.
    large_sigma : str
        Of specifications that say nothing.

    Examples
    --------
    >>> plan = build_plan((FeatureSpec("gaussian", 1), FeatureSpec("laplacian_of_gaussian", 1)), spacing=(1.0, 1.0))
    >>> plan.names
    ('gaussian_sigma_1', 'laplacian_of_gaussian_sigma_1')
    >>> plan.halo
    (4, 4)
    """
    entries = tuple(spec.entry for spec in specs)  # a name may be given to another function
    return _build_plan(specs, entries, spacing, n_channels, convention, filter_ndim or len(spacing), large_sigma)


@lru_cache(maxsize=64)
def _build_plan(
    specs: tuple[FeatureSpec, ...],
    entries: tuple[ImageFilter, ...],
    spacing: tuple[float, ...],
    n_channels: int,
    convention: ConventionName,
    filter_ndim: int,
    large_sigma: LargeSigma,
) -> FeaturePlan:
    outputs: list[Plane] = []
    names: list[str] = []
    first_axis = len(spacing) - filter_ndim
    for spec, channel in applications(specs, n_channels):
        planes = spec.planes(
            channel or 0, spacing[first_axis:], convention=convention, first_axis=first_axis, large_sigma=large_sigma
        )
        if isinstance(spec.entry, CustomFilter) and not spec.entry.is_per_channel:
            everything = tuple(range(n_channels))
            planes = tuple(replace(p, channels=everything) if isinstance(p, Host) else p for p in planes)
        outputs.extend(planes)
        prefix = "" if channel is None or n_channels == 1 else f"channel_{channel}_"
        names.extend(prefix + name for name in spec.names(filter_ndim))
    return FeaturePlan(tuple(outputs), tuple(names), len(spacing), n_channels)


def applications(specs: tuple[FeatureSpec, ...], n_channels: int) -> Iterator[tuple[FeatureSpec, int | None]]:
    """Yield every specification with every channel that it is applied to, in the order of the features.

    The channel is None for what is computed once per image.
    """
    for channel in range(n_channels):
        for spec in specs:
            if spec.entry.is_per_channel:
                yield spec, channel
    for spec in specs:
        if not spec.entry.is_per_channel:
            yield spec, None


def grid(filters: Sequence[Any], sigmas: Sequence[float]) -> tuple[FeatureSpec, ...]:
    """Return every filter at every sigma; filters without a sigma once.

    Parameters
    ----------
    filters : sequence of str, CustomFilter, or object with `transform`
    sigmas : sequence of float

    Examples
    --------
    >>> [spec.name for spec in grid(("original", "gaussian"), (1, 2))]
    ['original', 'gaussian_sigma_1', 'gaussian_sigma_2']
    """
    specs: list[FeatureSpec] = []
    for given in filters:
        if isinstance(given, str | CustomFilter):
            name = given
        elif hasattr(given, "transform") and not isinstance(given, type):
            name = transformer_filter(given)
        else:
            raise TypeError(
                "`filters` must hold names of filters, what `register_filter` returns, or objects with "
                f"`transform(image)`, got {given!r}"
            )
        entry = FILTERS.get(name) if isinstance(name, str) else name
        has_sigma = entry is None or entry.has_sigma  # unknown names: FeatureSpec says so
        specs += [FeatureSpec(name, sigma) for sigma in sigmas] if has_sigma else [FeatureSpec(name)]
    return tuple(specs)

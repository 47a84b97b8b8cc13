"""From specifications to a plan for images of a given kind."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from pixelforest.features.filters import FILTERS
from pixelforest.features.plan import FeaturePlan
from pixelforest.features.planes import Plane
from pixelforest.features.spec import FeatureSpec


@lru_cache(maxsize=64)
def build_plan(specs: tuple[FeatureSpec, ...], spacing: tuple[float, ...], n_channels: int = 1) -> FeaturePlan:
    """Return the plan that computes `specs` on every channel.

    Features of channel 0 come first, then those of channel 1, and so on. With several channels the names begin with
    ``channel_0_``, ``channel_1_``, …

    Parameters
    ----------
    specs : tuple of FeatureSpec
    spacing : tuple of float
        Distance between pixels on every spatial axis.
    n_channels : int

    Examples
    --------
    >>> plan = build_plan((FeatureSpec("gaussian", 1), FeatureSpec("laplacian_of_gaussian", 1)), spacing=(1.0, 1.0))
    >>> plan.names
    ('gaussian_sigma_1', 'laplacian_of_gaussian_sigma_1')
    >>> plan.halo
    (4, 4)
    """
    outputs: list[Plane] = []
    names: list[str] = []
    for channel in range(n_channels):
        prefix = f"channel_{channel}_" if n_channels > 1 else ""
        for spec in specs:
            outputs += spec.planes(channel, spacing)
            names += [prefix + name for name in spec.names(len(spacing))]
    return FeaturePlan(tuple(outputs), tuple(names), len(spacing), n_channels)


def grid(filters: Sequence[str], sigmas: Sequence[float]) -> tuple[FeatureSpec, ...]:
    """Return every filter at every sigma; filters without a sigma once.

    Examples
    --------
    >>> [spec.name for spec in grid(("original", "gaussian"), (1, 2))]
    ['original', 'gaussian_sigma_1', 'gaussian_sigma_2']
    """
    specs: list[FeatureSpec] = []
    for name in filters:
        has_sigma = name not in FILTERS or FILTERS[name].has_sigma  # unknown names: FeatureSpec says so
        specs += [FeatureSpec(name, sigma) for sigma in sigmas] if has_sigma else [FeatureSpec(name)]
    return tuple(specs)

"""Where every feature comes from: its filter, its scale, its channel."""

from __future__ import annotations

from dataclasses import dataclass

from pixelforest.features.build import applications
from pixelforest.features.spec import FeatureSpec


@dataclass(frozen=True)
class FeatureOrigin:
    """What computed one feature.

    Attributes
    ----------
    filter : str
        Name of the filter.
    sigma : float or None
        Its scale; None for filters without one.
    channel : int or None
        Channel of the image; None for what is computed once per image.
    """

    filter: str
    sigma: float | None
    channel: int | None


def feature_origins(specs: tuple[FeatureSpec, ...], filter_ndim: int, n_channels: int = 1) -> tuple[FeatureOrigin, ...]:
    """Return one origin per feature, in the order of the names of `build_plan`.

    Parameters
    ----------
    specs : tuple of FeatureSpec
    filter_ndim : int
        Number of axes that are filtered.
    n_channels : int

    Examples
    --------
    >>> origins = feature_origins((FeatureSpec("original"), FeatureSpec("hessian_eigenvalues", 2)), 2)
    >>> [(origin.filter, origin.sigma) for origin in origins]
    [('original', None), ('hessian_eigenvalues', 2.0), ('hessian_eigenvalues', 2.0)]
    """
    return tuple(
        FeatureOrigin(spec.filter_name, spec.sigma, channel)
        for spec, channel in applications(specs, n_channels)
        for _ in spec.names(filter_ndim)
    )

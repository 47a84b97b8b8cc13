"""Feature specifications: what a user asks for, as data."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np

from pixelforest.features.filters import FILTERS, Geometry
from pixelforest.features.planes import Plane, Source
from pixelforest.features.suggest import suggestion


@dataclass(frozen=True)
class FeatureSpec:
    """One filter at one scale, applied to every channel.

    Parameters
    ----------
    filter : str
        Name of a filter; `pixelforest.features.filters.FILTERS` lists them with their formulae.
    sigma : float, optional
        Scale of the filter, in pixels, or in the unit of `spacing` where one is given. ``None`` for filters without
        a scale (``"original"``).

    Raises
    ------
    ValueError
        Unknown filter (with a suggestion), a missing or superfluous `sigma`, or one that is not positive and finite.

    Examples
    --------
    >>> FeatureSpec("gaussian", 2).name
    'gaussian_sigma_2'
    >>> FeatureSpec("gausian", 2)
    Traceback (most recent call last):
        ...
    ValueError: `features`: unknown filter 'gausian'; did you mean 'gaussian'?
    """

    filter: str
    sigma: float | None = None

    def __post_init__(self) -> None:
        if self.filter not in FILTERS:
            raise ValueError(f"`features`: unknown filter {self.filter!r}; {suggestion(self.filter, FILTERS)}")
        if not FILTERS[self.filter].has_sigma:
            if self.sigma is not None:
                raise ValueError(f"`features`: filter {self.filter!r} has no sigma, got {self.sigma!r}")
            return
        if not isinstance(self.sigma, Real) or isinstance(self.sigma, bool | np.bool_):
            raise ValueError(f"`features`: filter {self.filter!r} needs a number as sigma, got {self.sigma!r}")
        if not (np.isfinite(self.sigma) and self.sigma > 0):
            raise ValueError(f"`features`: sigma must be a finite number > 0, got {self.sigma!r} for {self.filter!r}")
        object.__setattr__(self, "sigma", float(self.sigma))

    @property
    def name(self) -> str:
        """Name of the feature, such as ``gaussian_sigma_2``."""
        return (
            self.filter
            if self.sigma is None
            else f"{self.filter}_sigma_{np.format_float_positional(self.sigma, trim='-')}"
        )

    def names(self, ndim: int) -> tuple[str, ...]:
        """Return one name for each plane that the filter gives in `ndim` dimensions."""
        n_outputs = FILTERS[self.filter].n_outputs(ndim)
        if n_outputs == 1:
            return (self.name,)
        return tuple(self.name.replace(self.filter, f"{self.filter}_{i}", 1) for i in range(n_outputs))

    def planes(self, channel: int, spacing: tuple[float, ...]) -> tuple[Plane, ...]:
        """Return the planes that compute the filter on one channel."""
        return FILTERS[self.filter].build(Source(channel), Geometry(self.sigma or 0.0, spacing))

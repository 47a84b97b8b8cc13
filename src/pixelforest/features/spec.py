"""Feature specifications: what a user asks for, as data."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np

from pixelforest.features.conventions import CONVENTIONS, ConventionName, checked_convention
from pixelforest.features.custom import CustomFilter
from pixelforest.features.filters import FILTERS, ImageFilter
from pixelforest.features.geometry import Geometry
from pixelforest.features.planes import Plane, Source
from pixelforest.features.suggest import suggestion


@dataclass(frozen=True)
class FeatureSpec:
    """One filter at one scale, applied to every channel.

    Parameters
    ----------
    filter : str or CustomFilter
        Name of a filter (`pixelforest.features.filters.FILTERS` lists them with their formulae), or what
        `register_filter` returned.
    sigma : float, optional
        Scale of the filter, in pixels, or in the unit of `spacing` where one is given. ``None`` for filters without
        a scale (``"original"``).
    convention : {"scipy", "ilastik", "clesperanto", "skimage"}, optional
        Whose borders, kernels and edge operators; None: those of the `ImageFeatureStack`.

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

    filter: str | CustomFilter
    sigma: float | None = None
    convention: ConventionName | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.filter, CustomFilter) and self.filter not in FILTERS:
            raise ValueError(f"`features`: unknown filter {self.filter!r}; {suggestion(self.filter, FILTERS)}")
        if self.convention is not None:
            checked_convention(self.convention)
        if not self.entry.has_sigma:
            if self.sigma is not None:
                raise ValueError(f"`features`: filter {self.filter_name!r} has no sigma, got {self.sigma!r}")
            return
        if not isinstance(self.sigma, Real) or isinstance(self.sigma, bool | np.bool_):
            raise ValueError(f"`features`: filter {self.filter_name!r} needs a number as sigma, got {self.sigma!r}")
        if not (np.isfinite(self.sigma) and self.sigma > 0):
            raise ValueError(
                f"`features`: sigma must be a finite number > 0, got {self.sigma!r} for {self.filter_name!r}"
            )
        object.__setattr__(self, "sigma", float(self.sigma))

    @property
    def entry(self) -> ImageFilter:
        """The filter itself.

        Raises
        ------
        ValueError
            It was registered in another process, and is not known in this one.
        """
        if isinstance(self.filter, CustomFilter):
            return self.filter
        if self.filter not in FILTERS:
            raise ValueError(
                f"`features`: filter {self.filter!r} is not registered in this process; call `register_filter` here "
                "too, or put what it returned into `filters`"
            )
        return FILTERS[self.filter]

    @property
    def filter_name(self) -> str:
        """Name of the filter."""
        return self.filter if isinstance(self.filter, str) else self.filter.name

    @property
    def name(self) -> str:
        """Name of the feature, such as ``gaussian_sigma_2``."""
        if self.sigma is None:
            return self.filter_name
        return f"{self.filter_name}_sigma_{np.format_float_positional(self.sigma, trim='-')}"

    def names(self, ndim: int) -> tuple[str, ...]:
        """Return one name for each plane that the filter gives in `ndim` dimensions."""
        start, end = len(self.filter_name), self.name
        return tuple(f"{end[:start]}{'_' * bool(label)}{label}{end[start:]}" for label in self.entry.labels(ndim))

    def planes(
        self,
        channel: int,
        spacing: tuple[float, ...],
        *,
        convention: ConventionName = "scipy",
        first_axis: int = 0,
    ) -> tuple[Plane, ...]:
        """Return the planes that compute the filter on one channel.

        Parameters
        ----------
        channel : int
        spacing : tuple of float
            Distance between pixels on the filtered axes.
        convention : str
            Used where the specification names none.
        first_axis : int
            First spatial axis that is filtered.

        Raises
        ------
        ValueError
            The filter cannot filter that many axes.
        """
        if len(spacing) not in self.entry.ndims:
            raise ValueError(
                f"`features`: filter {self.filter_name!r} is for {self.entry.ndims[0]}-D images, got {len(spacing)} "
                "spatial axes; `filter_ndim=2` filters volumes slice by slice"
            )
        sigmas = tuple((self.sigma or 0.0) / distance for distance in spacing)
        geometry = Geometry(sigmas, spacing, CONVENTIONS[self.convention or convention], first_axis)
        return self.entry.build(Source(channel), geometry)

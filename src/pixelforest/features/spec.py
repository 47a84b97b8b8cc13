"""Feature specifications: what a user asks for, as data."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np

from pixelforest.features.cascade import LargeSigma, checked_large_sigma
from pixelforest.features.conventions import CONVENTIONS, ConventionName, checked_convention
from pixelforest.features.custom import CustomFilter
from pixelforest.features.filters import FILTERS, FIXED_CONVENTIONS, ImageFilter
from pixelforest.features.geometry import Geometry
from pixelforest.features.planes import Plane, Source
from pixelforest.spelling import suggestion


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
    large_sigma : {"direct", "cascade"}, optional
        How Gaussians of 4.5 and more pixels are computed; None: as the `ImageFeatureStack` says.

    Raises
    ------
    ValueError
        Unknown filter (with a suggestion), a missing or superfluous `sigma`, or one that is not positive and finite;
        a cascade for a convention that promises the numbers of another library.

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
    large_sigma: LargeSigma | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.filter, CustomFilter) and self.filter not in FILTERS:
            raise ValueError(f"`features`: unknown filter {self.filter!r}; {suggestion(self.filter, FILTERS)}")
        if self.convention is not None:
            checked_convention(self.convention)
        if self.large_sigma is not None:
            self._refuse_cascade(checked_large_sigma(self.large_sigma), self.convention or "scipy")
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
        large_sigma: LargeSigma = "direct",
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
        large_sigma : str
            Used where the specification says nothing.

        Raises
        ------
        ValueError
            The filter cannot filter that many axes, or its convention knows no cascades.
        """
        if len(spacing) not in self.entry.ndims:
            raise ValueError(
                f"`features`: filter {self.filter_name!r} is for {self.entry.ndims[0]}-D images, got {len(spacing)} "
                "spatial axes; `filter_ndim=2` filters volumes slice by slice"
            )
        sigmas = tuple((self.sigma or 0.0) / distance for distance in spacing)
        chosen, how = self.convention or convention, self.large_sigma or large_sigma
        self._refuse_cascade(how, chosen)
        geometry = Geometry(sigmas, spacing, CONVENTIONS[chosen], first_axis, how)
        return self.entry.build(Source(channel), geometry)

    def _refuse_cascade(self, large_sigma: LargeSigma, convention: ConventionName) -> None:
        convention = FIXED_CONVENTIONS.get(self.filter_name, convention)
        if large_sigma == "cascade" and convention != "scipy" and self.entry.has_sigma:
            raise ValueError(
                f"`large_sigma` must be 'direct' for {self.name!r}: the convention {convention!r} promises the numbers "
                f"of another library, got {large_sigma!r}"
            )

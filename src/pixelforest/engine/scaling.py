"""Scale every channel of an image by its own percentiles, also where only a part of it is at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.engine.percentiles import (
    count_first_digits,
    count_second_digits,
    find_places,
    is_one_digit,
    percentiles_of,
)
from pixelforest.engine.tiling import tiles
from pixelforest.images.containers import NanPolicy, as_float32

VALUES_AT_ONCE = 2**22
"""Values that are read together where percentiles are looked for, unless a stored chunk has more."""


@dataclass(frozen=True)
class PercentileScaling:
    """How images are brought onto one scale: ``(f - P_low) / (P_high - P_low)``, channel by channel.

    Percentiles are those of all pixels of the whole image, interpolated as ``numpy.percentile`` does; with
    ``nan_policy="mask"`` of its finite ones. A constant channel becomes 0.

    Parameters
    ----------
    low, high : float
        Percentiles, ``0 <= low < high <= 100``.
    clip : bool
        Whether values outside the percentiles are cut to 0 and 1.

    Raises
    ------
    ValueError
        Such percentiles cannot be.

    Examples
    --------
    >>> import numpy as np
    >>> import pixelforest as pf
    >>> image = np.random.default_rng(0).normal(size=(32, 32))
    >>> stack = pf.ImageFeatureStack(["gaussian"], normalization=pf.PercentileScaling(low=2, high=98))
    >>> bool(np.allclose(stack.transform(image), stack.transform(1000 * image + 5), atol=1e-5))
    True
    """

    low: float = 1.0
    high: float = 99.8
    clip: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high <= 100:
            raise ValueError(
                f"`low` and `high` must be percentiles, 0 <= low < high <= 100, got {self.low}, {self.high}"
            )


@dataclass(frozen=True)
class ChannelScales:
    """What `PercentileScaling` found in one image.

    Parameters
    ----------
    bounds : tuple of (float, float)
        Low and high percentile of every channel.
    clip : bool
    """

    bounds: tuple[tuple[float, float], ...]
    clip: bool

    def apply(self, planes: NDArray[Any], *, index: int) -> NDArray[np.float32]:
        r"""Return scaled planes ``(n_channels, *spatial)``; NaN and inf stay what they are, or become one another.

        Every value depends on its pixel alone, so a part has the bits of the whole.

        Raises
        ------
        ValueError
            Values beyond float32, before or after.
        """
        scaled = np.empty(planes.shape, np.float32)
        for plane, (low, high), out in zip(as_float32(planes, index=index), self.bounds, scaled, strict=True):
            with np.errstate(invalid="ignore"):
                values = plane.astype(np.float64) - low
                values *= 1.0 / (high - low) if high > low else 0.0
            out[...] = as_float32(values, index=index)
        if self.clip:
            np.clip(scaled, 0, 1, out=scaled, where=np.isfinite(scaled))
        return scaled


@dataclass(frozen=True)
class ScaledPlanes:
    r"""An image with channels first whose values are scaled when a part of it is cut.

    Parameters
    ----------
    planes : ndarray or StoredPlanes or KnownPart, shape (n_channels, \*spatial)
    scales : ChannelScales
    index : int
        Position of the image in the call, for messages.
    """

    planes: Any
    scales: ChannelScales
    index: int

    @property
    def shape(self) -> tuple[int, ...]:
        r"""``(n_channels, *spatial)``."""
        return tuple(self.planes.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """float64, in which values are scaled: what a pixel costs while it is read."""
        return np.dtype(np.float64)

    def __getitem__(self, part: Sequence[slice]) -> NDArray[np.float32]:
        return self.scales.apply(self.planes[part], index=self.index)


def scaled_planes(
    planes: Any,
    scaling: PercentileScaling | None,
    nan_policy: NanPolicy,
    index: int,
    scales: ChannelScales | None = None,
) -> Any:
    r"""Return an image as filters are to see it: as it is, or scaled.

    Parameters
    ----------
    planes : ndarray or StoredPlanes or KnownPart, shape (n_channels, \*spatial)
    scaling : PercentileScaling, optional
    nan_policy : {"raise", "mask"}
    index : int
        Position of the image in the call, for messages.
    scales : ChannelScales, optional
        Of the whole image, where they are known, or where `planes` are a part of it.

    Raises
    ------
    ValueError
        See `measure_scales`.
    """
    if scaling is None:
        return planes
    if scales is None:
        scales = measure_scales(planes, scaling, nan_policy, index)
    return ScaledPlanes(planes, scales, index)


def measure_scales(planes: Any, scaling: PercentileScaling, nan_policy: NanPolicy, index: int) -> ChannelScales:
    r"""Return the scales of an image, which is read once (integers of up to 16 bits) or twice, part by part.

    Parameters
    ----------
    planes : ndarray or StoredPlanes, shape (n_channels, \*spatial)
        The whole image.
    scaling : PercentileScaling
    nan_policy : {"raise", "mask"}
    index : int
        Position of the image in the call, for messages.

    Raises
    ------
    ValueError
        NaN or inf under ``nan_policy="raise"``; values beyond float32.

    Examples
    --------
    >>> measure_scales(np.arange(101.0).reshape(1, 101), PercentileScaling(10, 90), "raise", 0).bounds
    ((10.0, 90.0),)
    """
    skips = nan_policy == "mask"
    first: Any = sum(count_first_digits(part, index=index, skips_invalid=skips) for part in _parts(planes))
    places = find_places(first, (scaling.low, scaling.high))
    second: Any = None
    if not is_one_digit(planes.dtype):
        second = sum(count_second_digits(part, places, index=index) for part in _parts(planes))
    return scales_of(scaling, percentiles_of(planes.dtype, places, second))


def scales_of(scaling: PercentileScaling, percentiles: NDArray[np.float64]) -> ChannelScales:
    """Return percentiles, ``(n_channels, 2)``, as scales."""
    return ChannelScales(tuple((float(low), float(high)) for low, high in percentiles), scaling.clip)


def _parts(planes: Any) -> Iterator[NDArray[Any]]:
    """Yield the image in parts of whole chunks, where it has any."""
    n_channels, *spatial = planes.shape
    sides = list(spatial)
    while n_channels * prod(sides) > VALUES_AT_ONCE and max(sides) > 1:
        longest = sides.index(max(sides))
        sides[longest] = ceil(sides[longest] / 2)
    chunks = getattr(planes, "chunks", None) or (1,) * len(planes.shape)
    shape = tuple(max(side // chunk, 1) * chunk for side, chunk in zip(sides, chunks[1:], strict=True))
    for window in tiles(tuple(spatial), shape):
        yield planes[(slice(None), *window.slices)]

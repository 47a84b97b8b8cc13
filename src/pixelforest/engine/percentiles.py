"""Exact percentiles of images that are read part by part: values become ordered integers, counted digit by digit.

Counts of parts add up, in any order and on any machine, so the percentiles of an image do not depend on how it is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.forest.keys import order_keys
from pixelforest.images.containers import as_float32

DIGIT = 16
"""Bits; a float32 has two digits, an integer of 16 bits one."""
BINS = 2**DIGIT


@dataclass(frozen=True)
class RankPlaces:
    r"""Where the wanted order statistics lie: each percentile is interpolated between two of them.

    Parameters
    ----------
    digits : ndarray of int64, shape (n_channels, 2 \* n_percentiles)
        First digit of each.
    ranks : ndarray of int64, shape (n_channels, 2 \* n_percentiles)
        Rank of each among the values with that digit.
    weights : ndarray of float64, shape (n_channels, n_percentiles)
        Of the upper one of two.
    """

    digits: NDArray[np.int64]
    ranks: NDArray[np.int64]
    weights: NDArray[np.float64]


def is_one_digit(dtype: np.dtype[Any]) -> bool:
    """Return whether the first digit of values says all.

    Examples
    --------
    >>> is_one_digit(np.dtype(np.int16)), is_one_digit(np.dtype(np.float32))
    (True, False)
    """
    return dtype.kind in "bui" and dtype.itemsize * 8 <= DIGIT


def count_first_digits(planes: NDArray[Any], *, index: int, skips_invalid: bool) -> NDArray[np.int64]:
    r"""Return how often every first digit occurs.

    Parameters
    ----------
    planes : ndarray, shape (n_channels, \*spatial)
        Part of an image.
    index : int
        Position of the image in the call, for messages.
    skips_invalid : bool
        Whether NaN and inf are left out; else they raise.

    Returns
    -------
    ndarray of int64, shape (n_channels, BINS)

    Raises
    ------
    ValueError
        NaN or inf; values beyond float32.
    """
    if is_one_digit(planes.dtype):
        return np.stack([np.bincount(_short_digits(plane).ravel(), minlength=BINS) for plane in planes])
    counts = []
    for plane in as_float32(planes, index=index):
        values = plane[np.isfinite(plane)]
        if values.size < plane.size and not skips_invalid:
            raise ValueError(f"`X[{index}]` holds NaN or inf: percentiles of it are undefined")
        counts.append(np.bincount(_keys(values) >> DIGIT, minlength=BINS))
    return np.stack(counts)


def find_places(counts: NDArray[np.int64], percentages: tuple[float, ...]) -> RankPlaces:
    """Return where percentiles lie, as ``numpy.percentile(..., method="linear")`` defines them.

    Parameters
    ----------
    counts : ndarray of int64, shape (n_channels, BINS)
        Of all of the image; see `count_first_digits`.
    percentages : tuple of float
        From 0 to 100.
    """
    totals = counts.sum(axis=1)
    positions = np.maximum(totals - 1, 0)[:, np.newaxis] * (np.array(percentages) / 100)
    below = np.floor(positions).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(totals - 1, 0)[:, np.newaxis])
    wanted = np.stack([below, above], axis=-1).reshape(len(counts), -1)
    digits, ranks = _located(counts, wanted)
    return RankPlaces(digits, ranks, positions - below)


def count_second_digits(planes: NDArray[Any], places: RankPlaces, *, index: int) -> NDArray[np.int64]:
    r"""Return how often every second digit occurs behind each of the first digits that are wanted.

    Parameters
    ----------
    planes : ndarray, shape (n_channels, \*spatial)
        Part of an image.
    places : RankPlaces
    index : int
        Position of the image in the call, for messages.

    Returns
    -------
    ndarray of int64, shape (n_channels, n_places, BINS)
    """
    counts = np.zeros((*places.digits.shape, BINS), np.int64)
    for plane, digits, found in zip(as_float32(planes, index=index), places.digits, counts, strict=True):
        keys = _keys(plane[np.isfinite(plane)])
        first = keys >> DIGIT
        for digit in np.unique(digits):
            found[digits == digit] = np.bincount(keys[first == digit] & (BINS - 1), minlength=BINS)
    return counts


def percentiles_of(
    dtype: np.dtype[Any], places: RankPlaces, counts: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Return the percentiles: NumPy's of all values as float32, bit for bit; 0 for a channel without any.

    Parameters
    ----------
    dtype : dtype
        Of the image.
    places : RankPlaces
    counts : ndarray of int64, optional
        See `count_second_digits`; needed unless `is_one_digit`.

    Returns
    -------
    ndarray of float64, shape (n_channels, n_percentiles)

    Examples
    --------
    >>> planes = np.arange(5, dtype=np.uint8).reshape(1, 5)
    >>> places = find_places(count_first_digits(planes, index=0, skips_invalid=False), (50, 75))
    >>> percentiles_of(planes.dtype, places).tolist()
    [[2.0, 3.0]]
    """
    if counts is None:
        values = (places.digits + _lowest(dtype)).astype(np.float32)
    else:
        last, _ = _located(counts.reshape(-1, BINS), places.ranks.reshape(-1, 1))
        values = _values((places.digits << DIGIT) | last.reshape(places.digits.shape))
        values[np.isnan(values)] = 0  # of a channel without valid values
    pairs = values.reshape(*places.weights.shape, 2)
    found = [
        [np.quantile(pair, weight) for pair, weight in zip(*channel, strict=True)]
        for channel in zip(pairs, places.weights, strict=True)
    ]
    return np.array(found, np.float64) + 0.0  # -0 becomes 0


def _located(counts: NDArray[np.int64], ranks: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, row by row, the bin of every rank, and its rank in there."""
    sums = np.cumsum(counts, axis=1)
    bins = np.stack([np.searchsorted(s, r, side="right") for s, r in zip(sums, ranks, strict=True)])
    bins = np.where(sums[:, -1:] > 0, bins, 0)
    return bins, ranks - np.take_along_axis(sums - counts, bins, axis=1)


def _lowest(dtype: np.dtype[Any]) -> int:
    return 0 if dtype.kind == "b" else int(np.iinfo(dtype).min)


def _short_digits(plane: NDArray[Any]) -> NDArray[np.intp]:
    return plane.astype(np.intp) - _lowest(plane.dtype)


def _keys(plane: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return integers from 0 to 2**32 - 1 that order as values do."""
    return order_keys(plane).astype(np.int64) + 2**31


def _values(keys: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the values that have these keys."""
    signed = (keys - 2**31).astype(np.int32)
    return (signed ^ ((signed >> 31) & np.int32(0x7FFFFFFF))).view(np.float32)

"""Pairs of touching regions, found by the faces between their pixels, and measurements of such pairs.

Everything is a list with one entry per face or per pair; nothing grows with the square of the number of regions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.regions.measure import measure_regions

DIFFERENCE = "_difference"
TOUCHES = ("touch_count", "touch_portion", "smaller_touch_portion", "mean_touch_intensity", "centroid_distance")
"""Measurements of a pair as a whole; all others are differences of a measurement of regions."""


@dataclass(frozen=True, eq=False)
class TouchingPairs:
    """Pairs of regions that share a face, sorted by `first`, then `second`.

    Parameters
    ----------
    first, second : ndarray of int64, shape (n_pairs,)
        The regions, ``first < second``.
    n_faces : ndarray of int64, shape (n_pairs,)
        Faces between the two: neighbouring pixels along an axis, one in each.
    n_border_faces : ndarray of int64, shape (2, n_pairs)
        Faces of each of the two with anything else, background included; the border of the image is none.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    n_faces: NDArray[np.int64]
    n_border_faces: NDArray[np.int64]

    def row_of(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.intp]:
        """Return the row of each pair ``(first, second)``, in either order; -1 for regions that do not touch."""
        regions = np.unique(np.concatenate([self.first, self.second]))
        if not len(regions):
            return np.full(len(first), -1)
        known = _codes(self.first, self.second, regions)
        wanted = _codes(np.minimum(first, second), np.maximum(first, second), regions)
        row = np.searchsorted(known, wanted).clip(max=len(known) - 1)
        return np.where((known[row] == wanted) & np.isin(first, regions) & np.isin(second, regions), row, -1)


@dataclass(frozen=True, eq=False)
class PairTable:
    """One row per pair, one column per measurement; see `RegionTable`."""

    pairs: TouchingPairs
    names: tuple[str, ...]
    values: NDArray[np.float64]


def across_faces(labels: NDArray[Any], values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    r"""Return the values on both sides of every face at which the label changes.

    Parameters
    ----------
    labels : ndarray, shape (\*spatial)
    values : ndarray, shape (\*spatial) or (\*spatial, n_channels)

    Returns
    -------
    lower, upper : ndarray, shape (n_faces,) or (n_faces, n_channels)

    Examples
    --------
    >>> across_faces(np.array([[1, 1, 2]]), np.array([[10, 20, 30]]))
    (array([20]), array([30]))
    """
    lower, upper = [], []
    for axis in range(labels.ndim):
        along, of_values = np.moveaxis(labels, axis, 0), np.moveaxis(values, axis, 0)
        is_face = along[:-1] != along[1:]
        lower.append(of_values[:-1][is_face])
        upper.append(of_values[1:][is_face])
    return np.concatenate(lower), np.concatenate(upper)


def find_touching_pairs(labels: NDArray[Any]) -> TouchingPairs:
    """Return all pairs of regions with a common face: 4 neighbours of a pixel in 2-D, 6 in 3-D.

    Parameters
    ----------
    labels : ndarray of integers
        0 is background, which touches nothing.

    Examples
    --------
    >>> pairs = find_touching_pairs(np.array([[1, 1, 7], [0, 3, 3]]))
    >>> pairs.first.tolist(), pairs.second.tolist(), pairs.n_faces.tolist()
    ([1, 1, 3], [3, 7, 7], [1, 1, 1])
    """
    lower, upper = (side.astype(np.int64) for side in across_faces(labels, labels))
    regions, border = np.unique(np.concatenate([lower, upper]), return_counts=True)
    inner = (lower > 0) & (upper > 0)
    lower, upper = lower[inner], upper[inner]
    codes, n_faces = np.unique(_codes(np.minimum(lower, upper), np.maximum(lower, upper), regions), return_counts=True)
    rows = np.stack(np.divmod(codes, max(len(regions), 1)))
    return TouchingPairs(regions[rows[0]], regions[rows[1]], n_faces.astype(np.int64), border[rows])


def measure_pairs(
    labels: NDArray[Any],
    image: NDArray[Any] | None = None,
    *,
    properties: Sequence[str],
    spacing: Sequence[float] | None = None,
    channel_axis: int | None = None,
) -> PairTable:
    r"""Measure all pairs of touching regions.

    Parameters
    ----------
    labels : ndarray of integers, shape (\*spatial)
    image : ndarray, optional
        Intensities.
    properties : sequence of str
        touch_count
            Faces between the two.
        touch_portion, smaller_touch_portion
            ``touch_count`` by the number of all faces of a region with other regions and background: the larger and
            the smaller of the two numbers.
        mean_touch_intensity
            Mean over the faces of ``(I_1 + I_2) / 2``, of the pixels on both sides; per channel.
        centroid_distance
            Distance of the centroids, in units of `spacing`.
        <measurement>_difference
            ``|m_1 - m_2|`` of any measurement of `measure_regions`.
    spacing : sequence of float, optional
    channel_axis : int, optional
        Axis of `image` with channels.

    Raises
    ------
    ValueError
        A measurement that is unknown, or that needs an image where there is none.
    """
    known = [name for name in properties if name in TOUCHES or name.endswith(DIFFERENCE)]
    if unknown := [name for name in properties if name not in known]:
        raise ValueError(f"`properties` must be of {TOUCHES} or end with {DIFFERENCE!r}, got {unknown}")
    pairs = find_touching_pairs(labels)
    names: list[str] = []
    columns: list[NDArray[np.float64]] = []
    for name in properties:
        if name.endswith(DIFFERENCE):
            measured = measure_regions(
                labels, image, properties=(name.removesuffix(DIFFERENCE),), spacing=spacing, channel_axis=channel_axis
            )
            values = np.abs(_of_both(pairs, measured.labels, measured.values))
            names.extend(f"{column}{DIFFERENCE}" for column in measured.names)
        elif name == "mean_touch_intensity":
            values = _mean_touch_intensity(pairs, labels, image, channel_axis)
            names.extend([name] if channel_axis is None else [f"{name}-{i}" for i in range(values.shape[1])])
        else:
            values = _touch_values(name, pairs, labels, spacing)[:, np.newaxis]
            names.append(name)
        columns.append(values)
    return PairTable(pairs, tuple(names), np.concatenate(columns, axis=1).astype(np.float64))


def _touch_values(
    name: str, pairs: TouchingPairs, labels: NDArray[Any], spacing: Sequence[float] | None
) -> NDArray[np.float64]:
    if name == "touch_count":
        return pairs.n_faces.astype(np.float64)
    if name == "centroid_distance":
        centroids = measure_regions(labels, properties=("centroid",), spacing=spacing)
        distance: NDArray[np.float64] = np.linalg.norm(_of_both(pairs, centroids.labels, centroids.values), axis=1)
        return distance
    borders = pairs.n_border_faces
    border = borders.min(axis=0) if name == "touch_portion" else borders.max(axis=0)
    return np.asarray(pairs.n_faces / border, np.float64)


def _mean_touch_intensity(
    pairs: TouchingPairs, labels: NDArray[Any], image: NDArray[Any] | None, channel_axis: int | None
) -> NDArray[np.float64]:
    """Return the mean intensity at the faces of every pair, shape ``(n_pairs, n_channels)``."""
    if image is None:
        raise ValueError("'mean_touch_intensity' needs an image, got labels alone")
    channels_last = image[..., np.newaxis] if channel_axis is None else np.moveaxis(image, channel_axis, -1)
    lower, upper = across_faces(labels, labels)
    inner = (lower > 0) & (upper > 0)
    row = pairs.row_of(lower[inner].astype(np.int64), upper[inner].astype(np.int64))
    sides = across_faces(labels, channels_last)
    means = (sides[0][inner].astype(np.float64) + sides[1][inner]) / 2
    sums = [np.bincount(row, channel, minlength=len(pairs.first)) for channel in means.T]
    return np.asarray(np.stack(sums, axis=1) / pairs.n_faces[:, np.newaxis], np.float64)


def _of_both(pairs: TouchingPairs, regions: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the measurements of the first region of every pair minus those of the second."""
    first, second = (np.searchsorted(regions, side) for side in (pairs.first, pairs.second))
    return values[first] - values[second]


def _codes(first: NDArray[np.int64], second: NDArray[np.int64], regions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one number per pair, in the order of pairs."""
    return np.asarray(np.searchsorted(regions, first) * len(regions) + np.searchsorted(regions, second), np.int64)

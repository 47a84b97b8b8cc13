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
from pixelforest.regions.neighbours import find_contacts

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
    values : ndarray, shape (\*spatial)

    Returns
    -------
    lower, upper : ndarray, shape (n_faces,)

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
    contacts = find_contacts(labels)
    regions, position = np.unique(np.stack([contacts.first, contacts.second]), return_inverse=True)
    border = np.bincount(position.ravel(), np.tile(contacts.n_faces, 2), minlength=len(regions)).astype(np.int64)
    inner = contacts.first > 0
    return TouchingPairs(
        contacts.first[inner],
        contacts.second[inner],
        contacts.n_faces[inner],
        border[position.reshape(2, -1)[:, inner]],
    )


def measure_pairs(
    labels: NDArray[Any],
    image: NDArray[Any] | None = None,
    *,
    properties: Sequence[str] | str,
    spacing: Sequence[float] | None = None,
    channel_axis: int | None = None,
) -> PairTable:
    r"""Measure all pairs of touching regions.

    Parameters
    ----------
    labels : ndarray of integers, shape (\*spatial)
    image : ndarray, optional
        Intensities.
    properties : sequence of str, or str
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
    asked = properties.replace(",", " ").split() if isinstance(properties, str) else list(properties)
    if unknown := [name for name in asked if name not in TOUCHES and not name.endswith(DIFFERENCE)]:
        raise ValueError(f"`properties` must be of {TOUCHES} or end with {DIFFERENCE!r}, got {unknown}")
    if not asked:
        raise ValueError(f"`properties` must name at least one measurement, got {properties!r}")
    pairs = find_touching_pairs(labels)
    differences = _differences(asked, pairs, labels, image, spacing, channel_axis)
    columns: dict[str, NDArray[np.float64]] = {}
    for name in asked:
        if name.endswith(DIFFERENCE):
            columns |= {column: np.abs(values) for column, values in differences[name].items()}
        elif name == "centroid_distance":
            columns[name] = np.linalg.norm(list(differences[f"centroid{DIFFERENCE}"].values()), axis=0)
        elif name == "mean_touch_intensity":
            columns |= _mean_touch_intensity(pairs, labels, image, channel_axis)
        else:
            columns[name] = _touch_values(name, pairs)
    return PairTable(pairs, tuple(columns), np.stack(list(columns.values()), axis=1))


def _differences(
    asked: Sequence[str],
    pairs: TouchingPairs,
    labels: NDArray[Any],
    image: NDArray[Any] | None,
    spacing: Sequence[float] | None,
    channel_axis: int | None,
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Return, for every difference that is needed, its columns by name: first region of each pair minus the second."""
    needed = [name.removesuffix(DIFFERENCE) for name in asked if name.endswith(DIFFERENCE)]
    if "centroid_distance" in asked and "centroid" not in needed:
        needed.append("centroid")
    if not needed:
        return {}
    table = measure_regions(labels, image, properties=needed, spacing=spacing, channel_axis=channel_axis)
    first, second = (np.searchsorted(table.labels, side) for side in (pairs.first, pairs.second))
    values = dict(zip(table.names, (table.values[first] - table.values[second]).T, strict=True))
    return {
        f"{name}{DIFFERENCE}": {
            f"{column}{DIFFERENCE}": found
            for column, found in values.items()
            if column == name or column.startswith(f"{name}-")
        }
        for name in needed
    }


def _touch_values(name: str, pairs: TouchingPairs) -> NDArray[np.float64]:
    if name == "touch_count":
        return pairs.n_faces.astype(np.float64)
    borders = pairs.n_border_faces
    border = borders.min(axis=0) if name == "touch_portion" else borders.max(axis=0)
    return np.asarray(pairs.n_faces / border, np.float64)


def _mean_touch_intensity(
    pairs: TouchingPairs, labels: NDArray[Any], image: NDArray[Any] | None, channel_axis: int | None
) -> dict[str, NDArray[np.float64]]:
    """Return the mean intensity at the faces of every pair, one column per channel."""
    if image is None:
        raise ValueError("`properties`: 'mean_touch_intensity' needs an image of intensities; give (labels, image)")
    lower, upper = across_faces(labels, labels)
    inner = (lower > 0) & (upper > 0)
    row = pairs.row_of(lower[inner].astype(np.int64), upper[inner].astype(np.int64))
    planes = image[np.newaxis] if channel_axis is None else np.moveaxis(image, channel_axis, 0)
    columns = {}
    for channel, plane in enumerate(planes):
        sides = [side[inner].astype(np.float64) for side in across_faces(labels, plane)]
        sums = np.bincount(row, (sides[0] + sides[1]) / 2, minlength=len(pairs.first))
        name = "mean_touch_intensity" if channel_axis is None else f"mean_touch_intensity-{channel}"
        columns[name] = sums / pairs.n_faces
    return columns


def _codes(first: NDArray[np.int64], second: NDArray[np.int64], regions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one number per pair, in the order of pairs."""
    return np.asarray(np.searchsorted(regions, first) * len(regions) + np.searchsorted(regions, second), np.int64)

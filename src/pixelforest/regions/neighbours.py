"""Neighbours of regions: who touches whom, and who is near; lists of pairs and k-d trees, never a square matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from pixelforest.regions.regions import Regions, ratio
from pixelforest.regions.sizes_and_axes import centroid


@dataclass(frozen=True, eq=False)
class Contacts:
    """Which regions share faces of pixels; diagonal neighbours do not touch.

    Attributes
    ----------
    first, second : ndarray of int64, shape (n_pairs,)
        Labels that touch, ``first < second``, in ascending order.
    n_faces : ndarray of int64, shape (n_pairs,)
        How many faces of pixels they share.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    n_faces: NDArray[np.int64]


def find_contacts(labels: NDArray[Any], core: tuple[int, ...] | None = None) -> Contacts:
    """Return which labels touch, background among them.

    Parameters
    ----------
    labels : ndarray of int
    core : tuple of int, optional
        Shape of a part in the low corner: only faces above its pixels count. So parts of an image that know one more
        pixel on each axis find every face once.

    Examples
    --------
    >>> contacts = find_contacts(np.array([[1, 1, 0], [2, 2, 0]]))
    >>> contacts.first.tolist(), contacts.second.tolist(), contacts.n_faces.tolist()
    ([0, 0, 1], [1, 2, 2], [1, 1, 2])
    """
    core = labels.shape if core is None else core
    pairs = [np.empty((2, 0), np.int64)]
    for axis, (size, whole) in enumerate(zip(core, labels.shape, strict=True)):
        part = [slice(n) for n in core]
        n_faces = min(size, whole - 1)
        part[axis] = slice(n_faces)
        below = labels[tuple(part)]
        part[axis] = slice(1, n_faces + 1)
        above = labels[tuple(part)]
        differs = below != above
        pairs.append(np.stack([below[differs], above[differs]]).astype(np.int64))
    return count_contacts(np.sort(np.concatenate(pairs, axis=1), axis=0))


def count_contacts(pairs: NDArray[np.int64], n_faces: NDArray[np.int64] | None = None) -> Contacts:
    """Return pairs of labels, shape (2, n), each once, with the sum of their faces: one per pair, if not given."""
    if pairs.max(initial=0) >= 2**31:  # two labels shall fit into one number
        labels, position = np.unique(pairs, return_inverse=True)
        found = count_contacts(position.reshape(pairs.shape), n_faces)
        return Contacts(labels[found.first], labels[found.second], found.n_faces)
    keys = (pairs[0] << 31) | pairs[1]
    if n_faces is None:
        keys, counts = np.unique(keys, return_counts=True)
    else:
        keys, position = np.unique(keys, return_inverse=True)
        counts = np.bincount(position, n_faces, minlength=len(keys)).astype(np.int64)
    return Contacts(keys >> 31, keys & (2**31 - 1), counts)


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Where regions lie among one another.

    Attributes
    ----------
    centroids : ndarray of float64, shape (n_regions, ndim)
        In units of `spacing`.
    find_contacts : callable
        Returns `Contacts` between positions of regions in the table; -1 is the background.
    """

    centroids: NDArray[np.float64]
    find_contacts: Callable[[], Contacts]

    def __len__(self) -> int:
        return len(self.centroids)

    @cached_property
    def contacts(self) -> Contacts:
        """Who touches whom."""
        return self.find_contacts()

    @cached_property
    def tree(self) -> KDTree:
        """The centroids in a k-d tree."""
        return KDTree(self.centroids)

    @cached_property
    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Region, neighbour and shared faces of every pair of regions that touch, both ways round."""
        found = self.contacts
        is_pair = found.first >= 0
        one, other, n_faces = found.first[is_pair], found.second[is_pair], found.n_faces[is_pair]
        return np.concatenate([one, other]), np.concatenate([other, one]), np.concatenate([n_faces, n_faces])


def neighbourhood(regions: Regions) -> Neighbourhood:
    """Return where the regions of a label image lie among one another."""

    def contacts() -> Contacts:
        found = find_contacts(regions.compact)
        return Contacts(found.first - 1, found.second - 1, found.n_faces)

    return Neighbourhood(centroid(regions), contacts)


def touching_neighbor_count(around: Neighbourhood) -> NDArray[Any]:
    """Return how many regions share a face of a pixel with the region."""
    return np.bincount(around.pairs[0], minlength=len(around))


def touch_portion(around: Neighbourhood) -> NDArray[Any]:
    """Return the share of the region's faces that lie on other regions, and not on the background.

    Faces on the border of the image do not count; a region without other faces has 0.
    """
    region, _, n_faces = around.pairs
    touching = np.bincount(region, n_faces, minlength=len(around))
    is_open = around.contacts.first < 0
    outside = np.bincount(around.contacts.second[is_open], around.contacts.n_faces[is_open], minlength=len(around))
    return np.nan_to_num(ratio(touching, touching + outside))


def average_distance_of_touching_neighbors(around: Neighbourhood) -> NDArray[Any]:
    """Return the mean distance between centroids of the region and those it touches; 0 if it touches none."""
    region, neighbour, _ = around.pairs
    distance = np.sqrt(((around.centroids[region] - around.centroids[neighbour]) ** 2).sum(axis=1))
    total = np.bincount(region, distance, minlength=len(around))
    return np.nan_to_num(ratio(total, touching_neighbor_count(around)))


def average_distance_of_n_nearest_neighbors(around: Neighbourhood, n: float) -> NDArray[Any]:
    """Return the mean distance between centroids of the region and the `n` nearest others.

    Where there are fewer, of all others; a region that is alone has NaN.
    """
    n_others = min(int(n), len(around) - 1)
    if n_others < 1:
        return np.full(len(around), np.nan)
    distance, _ = around.tree.query(around.centroids, k=n_others + 1)  # the nearest is the region itself, at 0
    mean: NDArray[Any] = distance[:, 1:].mean(axis=1)
    return mean


def proximal_neighbor_count(around: Neighbourhood, distance: float) -> NDArray[Any]:
    """Return how many other regions have their centroid within a distance."""
    if not len(around):
        return np.empty(0)
    return np.asarray(around.tree.query_ball_point(around.centroids, distance, return_length=True)) - 1

"""Neighbours of regions: who touches whom, and who is near; lists of pairs and k-d trees, never a square matrix."""

from __future__ import annotations

from dataclasses import dataclass
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


def find_contacts(labels: NDArray[Any]) -> Contacts:
    """Return which labels touch, background among them.

    Parameters
    ----------
    labels : ndarray of int

    Examples
    --------
    >>> contacts = find_contacts(np.array([[1, 1, 0], [2, 2, 0]]))
    >>> contacts.first.tolist(), contacts.second.tolist(), contacts.n_faces.tolist()
    ([0, 0, 1], [1, 2, 2], [1, 1, 2])
    """
    pairs = [np.empty((2, 0), np.int64)]
    for axis in range(labels.ndim):
        below, above = (labels[(slice(None),) * axis + (part,)] for part in (slice(-1), slice(1, None)))
        differs = below != above
        pairs.append(np.stack([below[differs], above[differs]]).astype(np.int64))
    return count_contacts(np.sort(np.concatenate(pairs, axis=1), axis=0))


def count_contacts(pairs: NDArray[np.int64], n_faces: NDArray[np.int64] | None = None) -> Contacts:
    """Return pairs that occur several times, shape (2, n), once."""
    order = np.lexsort(pairs[::-1])
    pairs = pairs[:, order]
    is_new = np.append(True, (pairs[:, 1:] != pairs[:, :-1]).any(axis=0))[: pairs.shape[1]]
    first = np.flatnonzero(is_new)
    if n_faces is None:
        counts = np.diff(first, append=pairs.shape[1])
    else:
        counts = np.add.reduceat(n_faces[order], first) if len(first) else n_faces
    return Contacts(pairs[0, first], pairs[1, first], counts)


def contacts_of(regions: Regions) -> Contacts:
    """Return which regions touch; labels are positions in `regions.labels`, and -1 is the background."""
    found = find_contacts(regions.compact)
    return Contacts(found.first - 1, found.second - 1, found.n_faces)


def _touching(regions: Regions) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return region, neighbour and shared faces of every pair of regions, both ways round."""
    found = regions.shared(contacts_of)
    is_pair = found.first >= 0
    one, other, n_faces = found.first[is_pair], found.second[is_pair], found.n_faces[is_pair]
    return np.concatenate([one, other]), np.concatenate([other, one]), np.concatenate([n_faces, n_faces])


def touching_neighbor_count(regions: Regions) -> NDArray[Any]:
    """Return how many regions share a face of a pixel with the region."""
    return np.bincount(_touching(regions)[0], minlength=len(regions))


def touch_portion(regions: Regions) -> NDArray[Any]:
    """Return the share of the region's faces that lie on other regions, and not on the background.

    Faces on the border of the image do not count; a region without other faces has 0.
    """
    region, _, n_faces = _touching(regions)
    touching = np.bincount(region, n_faces, minlength=len(regions))
    found = regions.shared(contacts_of)
    is_open = found.first < 0
    outside = np.bincount(found.second[is_open], found.n_faces[is_open], minlength=len(regions))
    return np.nan_to_num(ratio(touching, touching + outside))


def average_distance_of_touching_neighbors(regions: Regions) -> NDArray[Any]:
    """Return the mean distance between centroids of the region and those it touches; 0 if it touches none."""
    region, neighbour, _ = _touching(regions)
    centres = centroid(regions)
    distance = np.sqrt(((centres[region] - centres[neighbour]) ** 2).sum(axis=1))
    n_neighbours = np.bincount(region, minlength=len(regions))
    return np.nan_to_num(ratio(np.bincount(region, distance, minlength=len(regions)), n_neighbours))


def average_distance_of_n_nearest_neighbors(regions: Regions, n: float) -> NDArray[Any]:
    """Return the mean distance between centroids of the region and the `n` nearest others.

    Where there are fewer, of all others; a region that is alone has NaN.
    """
    n_others = min(int(n), len(regions) - 1)
    if n_others < 1:
        return np.full(len(regions), np.nan)
    tree = regions.shared(centroid_tree)
    distance, _ = tree.query(tree.data, k=n_others + 1)  # the nearest is the region itself, at 0
    return distance[:, 1:].mean(axis=1)


def proximal_neighbor_count(regions: Regions, distance: float) -> NDArray[Any]:
    """Return how many other regions have their centroid within a distance."""
    tree = regions.shared(centroid_tree)
    if not len(regions):
        return np.empty(0)
    return np.asarray(tree.query_ball_point(tree.data, distance, return_length=True)) - 1


def centroid_tree(regions: Regions) -> KDTree:
    """Return the centroids in a k-d tree."""
    return KDTree(centroid(regions))

"""Overlaps of labelled objects, and the best one-to-one matching among them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from pixelforest.metrics._inputs import LabelImages, paired_label_images
from pixelforest.metrics._label_pairs import LabelPairs, count_label_pairs


@dataclass(frozen=True, eq=False)
class ObjectOverlaps:
    """The objects of two label images, and the intersection over union of those that overlap.

    Overlap ``k`` is between ``reference_labels[reference_index[k]]`` and ``predicted_labels[predicted_index[k]]``;
    overlaps are sorted by the two. Memory grows with the number of overlaps, never with the product of the objects.
    """

    reference_labels: NDArray[np.int64]
    predicted_labels: NDArray[np.int64]
    reference_index: NDArray[np.intp]
    predicted_index: NDArray[np.intp]
    iou: NDArray[np.float64]


def object_overlaps(reference: LabelImages, predicted: LabelImages, *, names: tuple[str, str]) -> list[ObjectOverlaps]:
    """Measure the overlaps of the objects of each image.

    Raises
    ------
    TypeError
        If the labels are not integers, or an argument is a tuple.
    ValueError
        If the numbers or the shapes of the images differ, or a label is negative.
    """
    images = paired_label_images(reference, predicted, names=names)
    return [_overlaps(count_label_pairs(*pair), names, index) for index, pair in enumerate(images)]


def best_overlaps(overlaps: ObjectOverlaps) -> NDArray[np.float64]:
    """Return the largest intersection over union of each reference object."""
    best = np.zeros(overlaps.reference_labels.size)
    np.maximum.at(best, overlaps.reference_index, overlaps.iou)
    return best


def matched_overlaps(overlaps: ObjectOverlaps, threshold: float) -> NDArray[np.intp]:
    """Choose overlaps of at least `threshold` so that each object is matched at most once.

    The number of matches is as large as it can be, and among such choices the sum of their overlaps is.

    Returns
    -------
    ndarray of shape (n_matches,)
        Positions in `overlaps`, sorted.
    """
    candidates = np.flatnonzero(overlaps.iou >= threshold)
    rows, columns = overlaps.reference_index[candidates], overlaps.predicted_index[candidates]
    if _is_distinct(rows) and _is_distinct(columns):  # always so above one half: two such overlaps would share a pixel
        return candidates
    return candidates[_most_matches(rows, columns, overlaps.iou[candidates])]


def _overlaps(pairs: LabelPairs, names: tuple[str, str], index: int) -> ObjectOverlaps:
    for name, labels in zip(names, (pairs.first, pairs.second), strict=True):
        if (labels < 0).any():
            raise ValueError(
                f"image {index} of `{name}` must hold object labels, with 0 for background, got the negative label "
                f"{labels.min()}"
            )
    reference_labels, reference_index, reference_area = _areas(pairs.first, pairs.counts)
    predicted_labels, predicted_index, predicted_area = _areas(pairs.second, pairs.counts)
    is_overlap = (pairs.first > 0) & (pairs.second > 0)
    rows, columns, counts = reference_index[is_overlap], predicted_index[is_overlap], pairs.counts[is_overlap]
    union = reference_area[rows] + predicted_area[columns] - counts
    return ObjectOverlaps(reference_labels, predicted_labels, rows, columns, counts / union)


def _areas(
    labels: NDArray[np.int64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.intp], NDArray[np.int64]]:
    """Return the object labels, each pair's position among them (-1: background), and the objects' areas."""
    distinct, index = np.unique(labels, return_inverse=True)
    areas = np.zeros(distinct.size, dtype=np.int64)
    np.add.at(areas, index, counts)
    n_background = int((distinct == 0).sum())
    return distinct[n_background:], index - n_background, areas[n_background:]


def _is_distinct(indices: NDArray[np.intp]) -> bool:
    return np.unique(indices).size == indices.size


def _most_matches(rows: NDArray[np.intp], columns: NDArray[np.intp], iou: NDArray[np.float64]) -> NDArray[np.intp]:
    """Solve the assignment over the candidate overlaps only, as a full matching of the rows.

    Every row may also take a column of its own that means "not matched" and weighs 1. A match weighs 2 plus its share
    of the overlap, and all shares together stay below 1: the number of matches counts first, then their overlap.
    """
    distinct_rows, rows = np.unique(rows, return_inverse=True)
    distinct_columns, columns = np.unique(columns, return_inverse=True)
    n_rows, n_columns = distinct_rows.size, distinct_columns.size
    every_row = np.arange(n_rows)
    weights = np.concatenate([2 + iou / (n_rows + 1), np.ones(n_rows)])
    positions = np.concatenate([rows, every_row]), np.concatenate([columns, n_columns + every_row])
    table = coo_array(
        (weights, tuple(p.astype(np.int32) for p in positions)),  # SciPy before 1.14 takes no other integers
        shape=(n_rows, n_columns + n_rows),
    )
    matched_rows, matched_columns = min_weight_full_bipartite_matching(table.tocsr(), maximize=True)
    is_match = matched_columns < n_columns
    keys = matched_rows[is_match] * n_columns + matched_columns[is_match]
    return np.flatnonzero(np.isin(rows * n_columns + columns, keys))

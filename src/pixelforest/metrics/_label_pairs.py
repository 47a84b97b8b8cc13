"""Count how often each pair of labels meets in the same pixel: a sparse contingency table."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelforest.metrics._inputs import ImagePair

# Pixels counted at once: bounds the memory of the int64 codes, whatever the size of the image.
BLOCK_SIZE = 1 << 22


@dataclass(frozen=True, eq=False)
class LabelPairs:
    """Pairs of labels and the number of pixels that hold each, sorted by `first`, then `second`.

    Memory grows with the number of distinct pairs, never with the product of the numbers of labels.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def n_pixels(self) -> int:
        """Number of pixels counted."""
        return int(self.counts.sum())


def count_label_pairs(first: NDArray[np.integer], second: NDArray[np.integer]) -> LabelPairs:
    """Count the label pairs of two arrays of one shape, block by block."""
    return merge_label_pairs(_count_block(one, other) for one, other in _blocks(first.ravel(), second.ravel()))


def count_annotated_pairs(images: ImagePair, unlabeled: int | None) -> LabelPairs:
    """Count the pairs of true and predicted labels where the true label is not `unlabeled`."""
    y_true, y_pred = images
    if unlabeled is None:
        return count_label_pairs(y_true, y_pred)
    annotated = y_true != unlabeled
    return count_label_pairs(y_true[annotated], y_pred[annotated])


def merge_label_pairs(parts: Iterable[LabelPairs]) -> LabelPairs:
    """Add up tables; no table at all gives an empty one."""
    tables = [LabelPairs(*np.empty((3, 0), dtype=np.int64)), *parts]
    first = np.concatenate([table.first for table in tables])
    second = np.concatenate([table.second for table in tables])
    counts = np.concatenate([table.counts for table in tables])
    order = np.lexsort((second, first))
    first, second, counts = first[order], second[order], counts[order]
    starts = np.flatnonzero(_differs_from_previous(first) | _differs_from_previous(second))
    return LabelPairs(first[starts], second[starts], np.add.reduceat(counts, starts) if starts.size else counts)


def _differs_from_previous(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    differs = np.ones(values.shape, dtype=bool)
    np.not_equal(values[1:], values[:-1], out=differs[1:])
    return differs


def _blocks(first: NDArray[np.integer], second: NDArray[np.integer]) -> Iterator[ImagePair]:
    for start in range(0, first.size, BLOCK_SIZE):
        yield first[start : start + BLOCK_SIZE], second[start : start + BLOCK_SIZE]


def _count_block(first: NDArray[np.integer], second: NDArray[np.integer]) -> LabelPairs:
    first_values, first_codes = _encode(first)
    second_values, second_codes = _encode(second)
    cells, counts = _count_values(first_codes * second_values.size + second_codes)
    rows, columns = np.divmod(cells, second_values.size)
    return LabelPairs(first_values[rows], second_values[columns], counts)


def _encode(labels: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct values, and for each pixel the position of its value among them."""
    low, high = int(labels.min()), int(labels.max())
    if high > np.iinfo(np.int64).max:
        raise ValueError(f"labels must fit into int64, got {high}")
    values = labels.astype(np.int64)
    if high - low >= 4 * labels.size:  # a lookup table over the range would be larger than a sort is slow
        distinct, codes = np.unique(values, return_inverse=True)
        return distinct, codes
    values -= low
    is_present = np.zeros(high - low + 1, dtype=bool)
    is_present[values] = True
    return np.flatnonzero(is_present) + low, (np.cumsum(is_present) - 1)[values]


def _count_values(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct codes and their counts; codes are not negative."""
    if int(codes.max()) >= 4 * codes.size:
        cells, counts = np.unique(codes, return_counts=True)
        return cells, counts
    counts = np.bincount(codes)
    cells = np.flatnonzero(counts)
    return cells, counts[cells]

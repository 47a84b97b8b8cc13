"""How far the trees that are still to come can change the scores of the classes, in the integers of `FixedPoint`."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pixelforest.forest.fixed_point import FixedPoint
from pixelforest.forest.representation import Forest

Rule = Literal["PLAIN", "COMPLEMENT", "SIGN"]
LARGEST = {"uint": 2**32 - 1, "ulong": 2**64 - 1, "long": 2**63 - 1}


def rule_of(forest: Forest, numbers: FixedPoint) -> Rule:
    """Return how scores follow from sums; see ``forest_decision.cl``."""
    if forest.decision == "sign":
        return "SIGN"
    return "COMPLEMENT" if numbers.is_complement else "PLAIN"


def tree_of_leaves(forest: Forest) -> NDArray[np.intp]:
    """Return the tree that each row of the leaf values belongs to; rows that no leaf has belong to the first.

    Raises
    ------
    ValueError
        Two trees share a row.
    """
    tree_of_nodes = np.repeat(np.arange(forest.n_trees), np.diff(np.append(forest.roots, len(forest.leaf))))
    is_leaf = forest.leaf >= 0
    trees = np.zeros(len(forest.leaf_values), np.intp)
    trees[forest.leaf[is_leaf]] = tree_of_nodes[is_leaf]
    if (trees[forest.leaf[is_leaf]] != tree_of_nodes[is_leaf]).any():
        raise ValueError("`leaf` must not name one row of `leaf_values` in two trees")
    return trees


def leaf_swings(forest: Forest, numbers: FixedPoint) -> NDArray[np.float64]:
    """Return by how much each leaf can change the lead of one class over another, rounded up."""
    values = numbers.leaves.astype(np.float64)
    if numbers.is_complement:
        rest = np.maximum(numbers.whole // forest.n_trees - values.sum(axis=1), 0)
        values = np.column_stack([values, rest])
    elif values.shape[1] < forest.n_outputs or forest.decision == "sign":
        values = np.column_stack([values, np.zeros(len(values))])  # the outputs that it does not change
    spread = values.max(axis=1) - values.min(axis=1)
    swings: NDArray[np.float64] = np.where(spread < 2**53, spread, np.nextafter(spread, np.inf))
    return swings


def swings_to_come(forest: Forest, numbers: FixedPoint) -> NDArray[Any]:
    """Return by how much the trees from each one on can change a lead, and 0 behind the last, ``(n_trees + 1,)``."""
    of_nodes = np.where(forest.leaf >= 0, leaf_swings(forest, numbers)[forest.leaf], 0.0)
    of_trees = np.maximum.reduceat(of_nodes, forest.roots)
    limit = LARGEST[numbers.sum_type]
    total, sums = 0, [0]
    for swing in of_trees[::-1]:
        total += int(swing)
        sums.append(min(total, limit))
    return np.array(sums[::-1], sum_dtype(numbers))


def sum_dtype(numbers: FixedPoint) -> np.dtype[Any]:
    """Return the dtype of a sum over all trees.

    Examples
    --------
    >>> from pixelforest.forest.fixed_point import FixedPoint
    >>> sum_dtype(FixedPoint(np.zeros((1, 1), np.uint32), 1, 0, 0.0, "uint"))
    dtype('uint32')
    """
    return np.dtype({"uint": np.uint32, "ulong": np.uint64, "long": np.int64}[numbers.sum_type])


def leaf_scores(forest: Forest, numbers: FixedPoint, rows: NDArray[np.intp], trees: NDArray[np.intp]) -> NDArray[Any]:
    """Return what leaves add to the score of each class, ``(n, n_classes)``, as sums.

    Parameters
    ----------
    forest, numbers
        The forest, and its leaf values as integers.
    rows, trees : ndarray of int, shape (n,)
        Rows of `numbers.leaves`, and the trees they belong to.
    """
    dtype = sum_dtype(numbers)
    scores = np.zeros((len(rows), forest.n_classes), dtype)
    stored = numbers.leaves[rows].astype(dtype)
    if numbers.is_complement:
        scores[:, :-1] = stored
        added = np.minimum(stored.sum(axis=1, dtype=dtype), dtype.type(numbers.whole // forest.n_trees))
        scores[:, -1] = dtype.type(numbers.whole // forest.n_trees) - added
    elif forest.decision == "sign":
        scores[:, 1:] = stored
    else:
        columns = forest.first_output[trees][:, np.newaxis] + np.arange(stored.shape[1])
        np.put_along_axis(scores, columns, stored, axis=1)
    return scores

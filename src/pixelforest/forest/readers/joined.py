"""Trees of any source, one after the other in shared arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, kw_only=True)
class TreeArrays:
    """One tree; children are counted from its root, which is node 0.

    Attributes
    ----------
    left, right : ndarray of int, shape (n_nodes,)
        Negative in leaves.
    feature : ndarray of int, shape (n_nodes,)
    threshold : ndarray of float64, shape (n_nodes,)
    missing_left : ndarray of bool, shape (n_nodes,)
    values : ndarray of float64, shape (n_nodes, n_columns)
        Used in leaves only.
    node_ids : ndarray of int, shape (n_nodes,), optional
        What the model calls the nodes, if not by their position.
    """

    left: NDArray[Any]
    right: NDArray[Any]
    feature: NDArray[Any]
    threshold: NDArray[Any]
    missing_left: NDArray[Any]
    values: NDArray[Any]
    node_ids: NDArray[Any] | None = None


class JoinedTrees(TypedDict):
    """Arguments of `make_forest` that describe nodes."""

    left: NDArray[Any]
    right: NDArray[Any]
    feature: NDArray[Any]
    threshold: NDArray[Any]
    missing_left: NDArray[Any]
    leaf: NDArray[Any]
    roots: NDArray[Any]
    leaf_values: NDArray[Any]
    node_ids: NDArray[Any]


def join_trees(trees: Sequence[TreeArrays]) -> JoinedTrees:
    """Put the nodes of all trees into one array per kind of information.

    Parameters
    ----------
    trees : sequence of TreeArrays
        At least one.

    Returns
    -------
    dict
        Arguments for `make_forest`.

    Examples
    --------
    >>> leaf = TreeArrays(
    ...     left=np.array([-1]), right=np.array([-1]), feature=np.array([0]), threshold=np.array([0.0]),
    ...     missing_left=np.array([False]), values=np.array([[2.5]]),
    ... )
    >>> join_trees([leaf, leaf])["roots"].tolist()
    [0, 1]
    """
    counts = np.array([len(tree.left) for tree in trees])
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    shift = np.repeat(starts, counts)
    left = np.concatenate([tree.left for tree in trees]).astype(np.int64)
    right = np.concatenate([tree.right for tree in trees]).astype(np.int64)
    is_leaf = left < 0
    ids = [np.arange(len(tree.left)) if tree.node_ids is None else tree.node_ids for tree in trees]
    return JoinedTrees(
        left=np.where(is_leaf, -1, left + shift),
        right=np.where(is_leaf, -1, right + shift),
        feature=np.where(is_leaf, 0, np.concatenate([tree.feature for tree in trees]).astype(np.int64)),
        threshold=np.where(is_leaf, 0.0, np.concatenate([tree.threshold for tree in trees])),
        missing_left=np.concatenate([tree.missing_left for tree in trees]).astype(bool),
        leaf=np.where(is_leaf, np.cumsum(is_leaf) - 1, -1),
        roots=starts,
        leaf_values=np.concatenate([tree.values[tree.left < 0] for tree in trees]),
        node_ids=np.concatenate(ids).astype(np.int64),
    )

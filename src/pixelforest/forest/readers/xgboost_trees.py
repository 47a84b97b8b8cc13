"""One tree of XGBoost's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.forest.categories import CategoryColumns, CategorySplit
from pixelforest.forest.readers.joined import TreeArrays

BELOW_FLOAT32 = -1e39
"""Stands for a threshold of -inf in float32: of finite rows none is below."""


def read_tree(tree: Mapping[str, Any], columns: CategoryColumns) -> TreeArrays:
    """Read a tree; nodes that pruning left behind are dropped.

    Parameters
    ----------
    tree : mapping
        An entry of ``trees`` in the model's JSON.
    columns : CategoryColumns
        Splits on categories are added here.

    Returns
    -------
    TreeArrays

    Examples
    --------
    >>> tree = {
    ...     "left_children": [1, -1, -1], "right_children": [2, -1, -1], "split_indices": [0, 0, 0],
    ...     "split_conditions": [0.5, -1.0, 1.0], "default_left": [1, 0, 0], "split_type": [0, 0, 0],
    ...     "tree_param": {"size_leaf_vector": "1"},
    ... }
    >>> read_tree(tree, CategoryColumns(1)).values.ravel().tolist()
    [0.5, -1.0, 1.0]
    """
    left, right = (np.array(tree[f"{side}_children"], np.int64) for side in ("left", "right"))
    is_leaf = left < 0
    default_left = np.array(tree["default_left"], bool)
    conditions = np.array(tree["split_conditions"], np.float64).astype(np.float32)
    feature = np.array(tree["split_indices"], np.int64)
    threshold = _below(conditions)
    for node, members in _category_sets(tree).items():
        split = CategorySplit(
            feature=int(feature[node]),
            members=members,
            is_missing_member=not default_left[node],
            category="floor",  # numbers below zero are no category, also those above -1
        )
        feature[node], threshold[node] = columns.column(split), 0.5
    n_values = int(tree["tree_param"].get("size_leaf_vector", "1"))
    if n_values > 1:
        values = _leaf_vectors(tree, right, is_leaf, n_values)
    else:
        values = conditions.astype(np.float64)[:, np.newaxis]
    order = _reachable(left, right)
    position = np.full(len(left), -1)
    position[order] = np.arange(len(order))
    return TreeArrays(
        left=np.where(is_leaf, -1, position[left])[order],
        right=np.where(is_leaf, -1, position[right])[order],
        feature=np.where(is_leaf, 0, feature)[order],
        threshold=np.where(is_leaf, 0.0, threshold)[order],
        missing_left=default_left[order],
        values=values[order],
        node_ids=order,
    )


def _below(thresholds: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return what ``<=`` compares with where the model's ``<`` compares with `thresholds`."""
    below = np.nextafter(thresholds, np.float32(-np.inf)).astype(np.float64)
    return np.where(np.isneginf(below), BELOW_FLOAT32, below)


def _category_sets(tree: Mapping[str, Any]) -> dict[int, tuple[float, ...]]:
    """Return the categories that go right, for each node that splits on them."""
    sets = {}
    names = ("categories_nodes", "categories_segments", "categories_sizes")
    for node, start, size in zip(*(tree.get(name, []) for name in names), strict=True):
        sets[int(node)] = tuple(sorted(float(value) for value in tree["categories"][start : start + size]))
    return sets


def _leaf_vectors(
    tree: Mapping[str, Any], right: NDArray[np.int64], is_leaf: NDArray[np.bool_], n_values: int
) -> NDArray[np.float64]:
    """Return the vectors of leaves, whose row the right child names."""
    if "leaf_weights" not in tree:
        raise ValueError("`model` must have `leaf_weights` in trees with several outputs, as XGBoost 3.1 writes them")
    vectors = np.array(tree["leaf_weights"], np.float64).astype(np.float32).reshape(-1, n_values)
    return np.where(is_leaf[:, np.newaxis], vectors[np.where(is_leaf, right, 0)], 0).astype(np.float64)


def _reachable(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the nodes that can be reached from the root, in the order of their names."""
    reached, pending = set(), [0]
    while pending:
        node = pending.pop()
        if node in reached or not 0 <= node < len(left):
            raise ValueError(f"`model` must have trees, got one whose node {node} is reached twice or does not exist")
        reached.add(node)
        if left[node] >= 0:
            pending += [int(left[node]), int(right[node])]
    return np.array(sorted(reached), np.int64)

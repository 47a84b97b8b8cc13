"""What every part of pixelforest means by a forest: one frozen record of validated arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Forest:
    """Trees whose leaf values are averaged. Equal only to itself, so it can key a cache; made by `make_forest`.

    A row of float32 features starts at each root. At a node, ``x = row[feature]`` goes left if
    ``float64(x) <= threshold``; NaN goes left where `missing_left` says so, else right. The result is the sum of the
    values of the leaves in float64, in the order of the trees, divided by the number of trees.

    Attributes
    ----------
    feature : ndarray of int32, shape (n_nodes,)
        Column that a node looks at; 0 in leaves.
    threshold : ndarray of float64, shape (n_nodes,)
        Finite or +inf (splits NaN from everything else); 0 in leaves.
    left, right : ndarray of int32, shape (n_nodes,)
        Children, counted over all trees; -1 in leaves.
    missing_left : ndarray of bool, shape (n_nodes,)
        Where NaN goes left.
    leaf : ndarray of int32, shape (n_nodes,)
        Row of `leaf_values`; -1 in inner nodes.
    roots : ndarray of int32, shape (n_trees,)
        First node of each tree; the nodes of a tree are contiguous and the trees in order.
    depths : ndarray of int32, shape (n_trees,)
        Number of decisions on the longest path.
    leaf_values : ndarray of float64, shape (n_leaves, n_classes)
        What leaves add.
    n_features : int
        Length of a row.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    missing_left: NDArray[np.bool_]
    leaf: NDArray[np.int32]
    roots: NDArray[np.int32]
    depths: NDArray[np.int32]
    leaf_values: NDArray[np.float64]
    n_features: int

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return len(self.roots)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return int(self.leaf_values.shape[1])

    @property
    def max_depth(self) -> int:
        """Number of decisions on the longest path of all trees."""
        return int(self.depths.max())

    @cached_property
    def levels(self) -> tuple[NDArray[np.int32], ...]:
        """Nodes by their distance from the root, roots first."""
        return tuple(_walk_levels(self.left, self.right, self.roots))


def make_forest(
    *,
    feature: ArrayLike,
    threshold: ArrayLike,
    left: ArrayLike,
    right: ArrayLike,
    missing_left: ArrayLike,
    leaf: ArrayLike,
    roots: ArrayLike,
    leaf_values: ArrayLike,
    n_features: int,
) -> Forest:
    """Check arrays from any source and freeze them.

    Parameters
    ----------
    feature, threshold, left, right, missing_left, leaf, roots, leaf_values, n_features
        See `Forest`. What `feature` and `threshold` hold in leaves is ignored.

    Returns
    -------
    Forest
        Its arrays are read-only copies.

    Raises
    ------
    ValueError
        Names the argument and the first node that is wrong: lengths that differ, children outside the tree, nodes
        with no or several parents, cycles, features or leaf rows out of range, thresholds that are NaN or -inf.

    Examples
    --------
    >>> stump = make_forest(
    ...     feature=[0, 0, 0], threshold=[0.5, 0, 0], left=[1, -1, -1], right=[2, -1, -1],
    ...     missing_left=[False] * 3, leaf=[-1, 0, 1], roots=[0], leaf_values=[[1, 0], [0, 1]], n_features=1,
    ... )
    >>> stump.n_trees, stump.n_classes, stump.max_depth
    (1, 2, 1)
    """
    left_, right_ = _integers("left", left), _integers("right", right)
    leaf_, roots_ = _integers("leaf", leaf), _integers("roots", roots)
    feature_ = _integers("feature", feature)
    threshold_ = np.array(threshold, np.float64)
    missing_left_ = np.array(missing_left, np.bool_)
    values = np.array(leaf_values, np.float64)
    arrays: dict[str, NDArray[Any]] = {
        "feature": feature_,
        "threshold": threshold_,
        "right": right_,
        "missing_left": missing_left_,
        "leaf": leaf_,
    }
    for name, array in arrays.items():
        if array.shape != left_.shape:
            raise ValueError(f"`{name}` must have one entry per node, {left_.shape}, got {array.shape}")
    if values.ndim != 2 or not values.size:
        raise ValueError(f"`leaf_values` must have shape (n_leaves >= 1, n_classes >= 1), got {values.shape}")
    inner = leaf_ < 0
    _check_structure(left_, right_, roots_, inner)
    _refuse("leaf", ~inner & (leaf_ >= len(values)), leaf_, f"-1 in inner nodes, else below {len(values)}")
    _refuse("feature", inner & ((feature_ < 0) | (feature_ >= n_features)), feature_, f"in [0, {n_features})")
    with np.errstate(invalid="ignore"):
        usable = threshold_ > -np.inf
    _refuse("threshold", inner & ~usable, threshold_, "finite or +inf")
    forest = Forest(
        feature=np.where(inner, feature_, 0).astype(np.int32),
        threshold=np.where(inner, threshold_, 0.0),
        left=left_,
        right=right_,
        missing_left=missing_left_ & inner,
        leaf=leaf_,
        roots=roots_,
        depths=_depths(left_, right_, roots_),
        leaf_values=values,
        n_features=int(n_features),
    )
    for value in vars(forest).values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return forest


def _integers(name: str, values: ArrayLike) -> NDArray[np.int32]:
    array = np.array(values)
    if array.ndim != 1 or not array.size or array.dtype.kind not in "iu":
        raise ValueError(f"`{name}` must be a non-empty 1-D array of integers, got {array.dtype} {array.shape}")
    if array.min() < -(2**31) or array.max() >= 2**31:
        raise ValueError(f"`{name}` must fit into 32 bits, got values from {array.min()} to {array.max()}")
    return array.astype(np.int32)


def _refuse(name: str, wrong: NDArray[np.bool_], values: NDArray[np.generic], expected: str) -> None:
    if wrong.any():
        node = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"`{name}` must be {expected}; node {node} has {values[node]}")


def _check_structure(
    left: NDArray[np.int32], right: NDArray[np.int32], roots: NDArray[np.int32], inner: NDArray[np.bool_]
) -> None:
    n_nodes = len(left)
    if roots[0] != 0 or (np.diff(roots) <= 0).any() or roots[-1] >= n_nodes:
        raise ValueError(f"`roots` must begin with 0 and increase, all below the number of nodes, {n_nodes}")
    first = np.repeat(roots, np.diff(np.append(roots, n_nodes)))
    end = np.repeat(np.append(roots[1:], n_nodes), np.diff(np.append(roots, n_nodes)))
    for name, child in (("left", left), ("right", right)):
        _refuse(name, inner & ((child < first) | (child >= end)), child, "a node of the same tree")
        _refuse(name, ~inner & (child != -1), child, "-1 in leaves")
    parents = np.bincount(np.concatenate([left[inner], right[inner]]), minlength=n_nodes)
    expected = np.ones(n_nodes, np.intp)
    expected[roots] = 0
    if (parents != expected).any():
        node = int(np.flatnonzero(parents != expected)[0])
        raise ValueError(f"`left` and `right` must give node {node} {expected[node]} parents, not {parents[node]}")
    # Every node but the roots has one parent, so a walk from the roots ends, and what it does not see is a cycle.
    seen = sum(len(level) for level in _walk_levels(left, right, roots))
    if seen != n_nodes:
        raise ValueError(f"`left` and `right` must not form cycles; {n_nodes - seen} nodes are on or behind one")


def _walk_levels(
    left: NDArray[np.int32], right: NDArray[np.int32], roots: NDArray[np.int32]
) -> list[NDArray[np.int32]]:
    levels = []
    level = roots
    while level.size:
        levels.append(level)
        inner = level[left[level] >= 0]
        level = np.stack([left[inner], right[inner]], axis=1).ravel()
    return levels


def _depths(left: NDArray[np.int32], right: NDArray[np.int32], roots: NDArray[np.int32]) -> NDArray[np.int32]:
    depths = np.zeros(len(roots), np.int32)
    for depth, level in enumerate(_walk_levels(left, right, roots)):
        depths[np.searchsorted(roots, level, side="right") - 1] = depth
    return depths

"""Trees as arrays of children: what is a tree, how its nodes lie in levels, how deep it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def integers(name: str, values: ArrayLike) -> NDArray[np.int32]:
    """Return a 1-D copy as int32.

    Raises
    ------
    ValueError
        Naming `name`: `values` are empty, not 1-D, not integers, or do not fit.

    Examples
    --------
    >>> integers("left", [1, -1, -1])
    array([ 1, -1, -1], dtype=int32)
    """
    array = np.array(values)
    if array.ndim != 1 or not array.size or array.dtype.kind not in "iu":
        raise ValueError(f"`{name}` must be a non-empty 1-D array of integers, got {array.dtype} {array.shape}")
    if array.min() < -(2**31) or array.max() >= 2**31:
        raise ValueError(f"`{name}` must fit into 32 bits, got values from {array.min()} to {array.max()}")
    return array.astype(np.int32)


def refuse(name: str, wrong: NDArray[np.bool_], values: NDArray[Any], expected: str, *, what: str = "node") -> None:
    """Raise a `ValueError` that names the first entry which is wrong, if any is.

    Examples
    --------
    >>> refuse("leaf", np.array([False, True]), np.array([0, 7]), "below 2")
    Traceback (most recent call last):
        ...
    ValueError: `leaf` must be below 2; node 1 has 7
    """
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"`{name}` must be {expected}; {what} {first} has {values[first]}")


def check_structure(
    left: NDArray[np.int32], right: NDArray[np.int32], roots: NDArray[np.int32], inner: NDArray[np.bool_]
) -> None:
    """Raise where children and roots do not make trees.

    Raises
    ------
    ValueError
        Naming the first node that is wrong: children outside the tree, no or several parents, cycles.

    Examples
    --------
    >>> left, right = np.array([1, -1, -1], np.int32), np.array([2, -1, -1], np.int32)
    >>> check_structure(left, right, np.array([0], np.int32), left >= 0)
    """
    n_nodes = len(left)
    if roots[0] != 0 or (np.diff(roots) <= 0).any() or roots[-1] >= n_nodes:
        raise ValueError(f"`roots` must begin with 0 and increase, all below the number of nodes, {n_nodes}")
    first = np.repeat(roots, np.diff(np.append(roots, n_nodes)))
    end = np.repeat(np.append(roots[1:], n_nodes), np.diff(np.append(roots, n_nodes)))
    for name, child in (("left", left), ("right", right)):
        refuse(name, inner & ((child < first) | (child >= end)), child, "a node of the same tree")
        refuse(name, ~inner & (child != -1), child, "-1 in leaves")
    parents = np.bincount(np.concatenate([left[inner], right[inner]]), minlength=n_nodes)
    expected = np.ones(n_nodes, np.intp)
    expected[roots] = 0
    if (parents != expected).any():
        node = int(np.flatnonzero(parents != expected)[0])
        raise ValueError(f"`left` and `right` must give node {node} {expected[node]} parents, not {parents[node]}")
    # Every node but the roots has one parent, so a walk from the roots ends, and what it does not see is a cycle.
    seen = sum(len(level) for level in walk_levels(left, right, roots))
    if seen != n_nodes:
        raise ValueError(f"`left` and `right` must not form cycles; {n_nodes - seen} nodes are on or behind one")


def walk_levels(left: NDArray[np.int32], right: NDArray[np.int32], roots: NDArray[np.int32]) -> list[NDArray[np.int32]]:
    """Return the nodes by their distance from the roots, roots first.

    Examples
    --------
    >>> left, right = np.array([1, -1, -1], np.int32), np.array([2, -1, -1], np.int32)
    >>> [level.tolist() for level in walk_levels(left, right, np.array([0], np.int32))]
    [[0], [1, 2]]
    """
    levels = []
    level = roots
    while level.size:
        levels.append(level)
        inner = level[left[level] >= 0]
        level = np.stack([left[inner], right[inner]], axis=1).ravel()
    return levels


def tree_depths(left: NDArray[np.int32], right: NDArray[np.int32], roots: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the number of decisions on the longest path of each tree.

    Examples
    --------
    >>> left, right = np.array([1, -1, -1, -1], np.int32), np.array([2, -1, -1, -1], np.int32)
    >>> tree_depths(left, right, np.array([0, 3], np.int32)).tolist()
    [1, 0]
    """
    depths = np.zeros(len(roots), np.int32)
    for depth, level in enumerate(walk_levels(left, right, roots)):
        depths[np.searchsorted(roots, level, side="right") - 1] = depth
    return depths

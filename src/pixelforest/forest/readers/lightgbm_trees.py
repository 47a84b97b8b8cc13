"""One tree of LightGBM, from its text or from its JSON dump."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.forest.categories import CategoryColumns, CategorySplit
from pixelforest.forest.readers.joined import TreeArrays

ZERO = float(np.float32(1e-35))
"""LightGBM takes every number of at most this magnitude for 0 (``kZeroThreshold``)."""
INFINITY_IN_DUMPS = 1e300
MISSING_TYPES = ("None", "Zero", "NaN")


@dataclass(kw_only=True)
class Splits:
    """Inner nodes and leaves of a tree as LightGBM writes them: a child below 0 is leaf ``-1 - child``.

    Attributes
    ----------
    feature, left, right : list of int
    threshold : list of float
        Not used by splits on categories.
    categories : dict of int to tuple of float
        For nodes that split on categories: those that go left.
    default_left : list of bool
    missing_type : list of str
        "None": NaN is taken for 0; "Zero": NaN and 0 take the default; "NaN": NaN does.
    leaf_values : list of float
    """

    feature: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    categories: dict[int, tuple[float, ...]] = field(default_factory=dict)
    default_left: list[bool] = field(default_factory=list)
    missing_type: list[str] = field(default_factory=list)
    leaf_values: list[float] = field(default_factory=list)


def splits_of_text(entries: Mapping[str, str]) -> Splits:
    """Read the ``key=value`` lines of a tree.

    Raises
    ------
    ValueError
        The tree is linear.

    Examples
    --------
    >>> splits_of_text({"num_leaves": "1", "leaf_value": "0.25", "is_linear": "0"}).leaf_values
    [0.25]
    """
    if entries.get("is_linear", "0") != "0":
        raise ValueError("`model` must have constant leaves, got a linear tree")

    def numbers(name: str) -> list[float]:
        return [float(word) for word in entries.get(name, "").split()]

    def integers(name: str) -> list[int]:
        return [int(word) for word in entries.get(name, "").split()]

    if int(entries["num_leaves"]) == 1:
        return Splits(leaf_values=numbers("leaf_value"))
    kinds, thresholds = integers("decision_type"), numbers("threshold")
    words, starts = integers("cat_threshold"), integers("cat_boundaries")
    sets = [_members(words[start:end]) for start, end in pairwise(starts)]
    return Splits(
        feature=integers("split_feature"),
        left=integers("left_child"),
        right=integers("right_child"),
        threshold=thresholds,
        categories={node: sets[int(thresholds[node])] for node, kind in enumerate(kinds) if kind & 1},
        default_left=[bool(kind & 2) for kind in kinds],
        missing_type=[MISSING_TYPES[kind >> 2 & 3] for kind in kinds],
        leaf_values=numbers("leaf_value"),
    )


def splits_of_dump(root: Mapping[str, Any]) -> Splits:
    """Read the ``tree_structure`` of a tree in LightGBM's JSON dump.

    Raises
    ------
    ValueError
        The tree is linear.

    Examples
    --------
    >>> splits_of_dump({"leaf_value": 0.25}).leaf_values
    [0.25]
    """
    splits = Splits()
    pending: list[tuple[Mapping[str, Any], int, list[int] | None]] = [(root, 0, None)]
    while pending:
        node, parent, side = pending.pop()
        if "leaf_value" in node:
            if "leaf_coeff" in node:
                raise ValueError("`model` must have constant leaves, got a linear tree")
            index = int(node.get("leaf_index", 0))
            splits.leaf_values += [0.0] * (index + 1 - len(splits.leaf_values))
            splits.leaf_values[index] = float(node["leaf_value"])
            name = -1 - index
        else:
            name = len(splits.feature)
            is_category = node["decision_type"] == "=="
            if is_category:
                splits.categories[name] = tuple(sorted(float(word) for word in str(node["threshold"]).split("||")))
            splits.feature.append(int(node["split_feature"]))
            splits.threshold.append(0.0 if is_category else _dumped(float(node["threshold"])))
            splits.default_left.append(bool(node["default_left"]))
            splits.missing_type.append(str(node["missing_type"]))
            splits.left.append(0)
            splits.right.append(0)
            pending += [(node["right_child"], name, splits.right), (node["left_child"], name, splits.left)]
        if side is not None:
            side[parent] = name
    return splits


def tree_arrays(splits: Splits, columns: CategoryColumns) -> TreeArrays:
    """Turn LightGBM's decisions into ``x <= threshold`` with one rule for NaN; leaves keep their names.

    Raises
    ------
    ValueError
        A split sends zeros, as missing, elsewhere than its threshold does.

    Examples
    --------
    >>> tree_arrays(Splits(leaf_values=[0.25]), CategoryColumns(1)).values.tolist()
    [[0.25]]
    """
    n_inner, n_leaves = len(splits.feature), len(splits.leaf_values)
    left, right = (_children(side, n_inner, n_leaves) for side in (splits.left, splits.right))
    feature = np.array([*splits.feature, *[0] * n_leaves], np.int64)
    threshold, missing_left = np.zeros(n_inner + n_leaves), np.zeros(n_inner + n_leaves, bool)
    for node in range(n_inner):
        if node in splits.categories:
            # Members go left, all others and NaN right. Here members go right: the sides change places.
            members = splits.categories[node]
            split = CategorySplit(feature=splits.feature[node], members=members, category="truncated")
            feature[node], threshold[node] = columns.column(split), 0.5
            left[node], right[node] = right[node], left[node]
        else:
            threshold[node], missing_left[node] = _decision(
                splits.threshold[node], splits.missing_type[node], splits.default_left[node]
            )
    values = np.array([*[0.0] * n_inner, *splits.leaf_values])
    return TreeArrays(
        left=left,
        right=right,
        feature=feature,
        threshold=threshold,
        missing_left=missing_left,
        values=values[:, np.newaxis],
        node_ids=np.concatenate([np.arange(n_inner), np.arange(n_leaves)]),
    )


def _decision(threshold: float, missing_type: str, default_left: bool) -> tuple[float, bool]:
    """Return the threshold, and whether NaN goes left, that decide alike for numbers beside 0 as well."""
    zero_left = threshold >= 0
    if missing_type == "Zero":
        # Zeros and NaN take the default. One threshold can say so unless it lies on the other side of zero.
        if (default_left and threshold < -ZERO) or (not default_left and threshold > ZERO):
            side = "left" if default_left else "right"
            raise ValueError(
                f"`model` must treat only NaN as missing, got a split at {threshold} that sends zeros {side} as "
                "missing; train with zero_as_missing=False"
            )
        zero_left = default_left
    if abs(threshold) <= ZERO or missing_type == "Zero":
        # Numbers in [-ZERO, ZERO] are one number: they go together.
        threshold = max(threshold, ZERO) if zero_left else min(threshold, float(np.nextafter(-ZERO, -np.inf)))
    return threshold, default_left if missing_type == "NaN" else zero_left


def _dumped(threshold: float) -> float:
    """Return infinity for what stands for it in dumps, which have no word for it."""
    return np.inf if threshold >= INFINITY_IN_DUMPS else threshold


def _children(names: list[int], n_inner: int, n_leaves: int) -> NDArray[np.int64]:
    children = np.array(names, np.int64)
    return np.concatenate([np.where(children >= 0, children, n_inner - 1 - children), np.full(n_leaves, -1)])


def _members(words: list[int]) -> tuple[float, ...]:
    return tuple(float(32 * index + bit) for index, word in enumerate(words) for bit in range(32) if word >> bit & 1)

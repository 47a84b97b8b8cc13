"""Scikit-learn's trees as plain arrays, for engines whose model files can hold them exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier


@dataclass(frozen=True)
class TreeNodes:
    """One tree: ``x <= threshold`` goes left, leaves have no children (-1) and the class fractions in `values`."""

    left: NDArray[np.intp]
    right: NDArray[np.intp]
    feature: NDArray[np.intp]
    threshold: NDArray[np.float64]
    values: NDArray[np.float64]

    @property
    def is_leaf(self) -> NDArray[np.bool_]:
        """Where there are no children."""
        return self.left < 0

    def by_level(self) -> TreeNodes:
        """Return the same tree, numbered so that the two children of a node follow each other."""
        levels = [np.zeros(1, np.intp)]
        while levels[-1].size:
            inner = levels[-1][~self.is_leaf[levels[-1]]]
            levels.append(np.stack([self.left[inner], self.right[inner]], axis=1).ravel())
        order = np.concatenate(levels)
        number = np.empty_like(order)
        number[order] = np.arange(order.size)
        left, right = (np.where(self.is_leaf, -1, number[child])[order] for child in (self.left, self.right))
        return TreeNodes(left, right, self.feature[order], self.threshold[order], self.values[order])


def trees_of(model: RandomForestClassifier) -> Iterator[TreeNodes]:
    """Yield the trees, with values that are already divided by their number."""
    for estimator in model.estimators_:
        tree = estimator.tree_
        values = tree.value[:, 0, :] / len(model.estimators_)
        yield TreeNodes(tree.children_left, tree.children_right, tree.feature, tree.threshold, values)

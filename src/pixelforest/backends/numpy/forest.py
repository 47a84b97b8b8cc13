"""Forests in NumPy: the decisions and sums of scikit-learn, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.protocol import FeatureBlock
from pixelforest.forest.lower import KernelPlan
from pixelforest.forest.representation import Forest

PAIRS_AT_ONCE = 2**18
"""Pairs of row and tree that are walked together; about 10 MB of working memory."""


class NumpyForestProgram:
    """Walk all trees level by level; sum leaves in float64 in the order of the trees, as scikit-learn does.

    Parameters
    ----------
    forest : Forest
        What to apply.
    """

    source = "# NumPy: x <= threshold (float64) decides, float64 sums in the order of the trees\n"
    plan = KernelPlan(form="numpy", reason="no OpenCL device is used")

    def __init__(self, forest: Forest) -> None:
        self.forest = forest

    def class_probabilities(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return ``(n_rows, n_classes)`` for rows ``(n_rows, n_features)`` of any strides."""
        X = np.asarray(X, np.float32)
        probabilities = np.empty((len(X), self.forest.n_classes))
        rows_at_once = max(PAIRS_AT_ONCE // self.forest.n_trees, 1)
        for start in range(0, len(X), rows_at_once):
            batch = slice(start, start + rows_at_once)
            probabilities[batch] = _mean_leaf_values(self.forest, X[batch])
        return probabilities

    def class_indices(self, X: NDArray[Any]) -> NDArray[np.unsignedinteger[Any]]:
        """Return the index of the winning class, ``(n_rows,)``, for rows of any strides."""
        winners = np.argmax(self.class_probabilities(X), axis=1)
        indices: NDArray[np.unsignedinteger[Any]] = winners.astype(np.min_scalar_type(self.forest.n_classes - 1))
        return indices

    def block_probabilities(self, block: FeatureBlock) -> NDArray[np.float32]:
        """Return ``(n_classes, *spatial)`` for a feature block of this backend."""
        probabilities = self.class_probabilities(_rows(block)).astype(np.float32)
        return np.ascontiguousarray(probabilities.T).reshape(-1, *block.shape[1:])

    def block_class_indices(self, block: FeatureBlock) -> NDArray[np.unsignedinteger[Any]]:
        """Return the index of the winning class, ``(*spatial)``, for a feature block of this backend."""
        return self.class_indices(_rows(block)).reshape(block.shape[1:])


def _rows(block: FeatureBlock) -> NDArray[np.float32]:
    values = block.to_host()
    return values.reshape(len(values), -1).T


def _mean_leaf_values(forest: Forest, X: NDArray[np.float32]) -> NDArray[np.float64]:
    leaves = forest.leaf[_leaf_nodes(forest, X)]
    sums = np.zeros((len(X), forest.n_classes))
    for tree in range(forest.n_trees):
        sums += forest.leaf_values[leaves[:, tree]]
    sums /= forest.n_trees
    return sums


def _leaf_nodes(forest: Forest, X: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return the node that each row reaches in each tree, shape (n_rows, n_trees)."""
    nodes = np.tile(forest.roots, len(X))
    walking = np.flatnonzero(forest.left[nodes] >= 0)
    while walking.size:
        at = nodes[walking]
        values = X[walking // forest.n_trees, forest.feature[at]]
        with np.errstate(invalid="ignore"):
            goes_left = (values <= forest.threshold[at]) | (np.isnan(values) & forest.missing_left[at])
        below = np.where(goes_left, forest.left[at], forest.right[at])
        nodes[walking] = below
        walking = walking[forest.left[below] >= 0]
    return nodes.reshape(len(X), forest.n_trees)

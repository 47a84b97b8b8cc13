"""Forests in NumPy: the decisions and sums of the model that was read, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.protocol import FeatureBlock
from pixelforest.forest import links
from pixelforest.forest.categories import as_compared
from pixelforest.forest.lower import KernelPlan
from pixelforest.forest.representation import Forest

PAIRS_AT_ONCE = 2**18
"""Pairs of row and tree that are walked together; about 10 MB of working memory."""


class NumpyForestProgram:
    """Walk all trees level by level; sum leaves in the precision and order of the model.

    Parameters
    ----------
    forest : Forest
        What to apply.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from pixelforest.forest.read import read_forest
    >>> program = NumpyForestProgram(read_forest(DecisionTreeClassifier().fit([[0], [1]], [0, 1])))
    >>> program.class_indices([[0.2], [0.8]]).tolist()
    [0, 1]
    """

    source = "# NumPy: x <= threshold (float64) decides, sums in the precision and order of the model\n"
    plan = KernelPlan(form="numpy", reason="no OpenCL device is used")

    def __init__(self, forest: Forest) -> None:
        self.forest = forest

    def values(self, X: Any, out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return means or sums of the trees, ``(..., n_outputs)``, for rows ``(..., n_features)``."""
        rows, shape = _as_rows(X)
        values = np.empty((len(rows), self.forest.n_outputs))
        for batch in self._batches(len(rows)):
            nodes = _walk(self.forest, as_compared(self.forest, rows[batch]))
            values[batch] = _sum_leaves(self.forest, self.forest.leaf[nodes])
        return _result(values.reshape(*shape, self.forest.n_outputs), out)

    def leaf_nodes(self, X: Any) -> NDArray[np.int32]:
        """Return the model's name of the leaf that each row reaches in each tree, ``(..., n_trees)``."""
        rows, shape = _as_rows(X)
        ids = np.empty((len(rows), self.forest.n_trees), np.int32)
        for batch in self._batches(len(rows)):
            ids[batch] = self.forest.node_ids[_walk(self.forest, as_compared(self.forest, rows[batch]))]
        return ids.reshape(*shape, self.forest.n_trees)

    def class_probabilities(self, X: Any, out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return ``(..., n_classes)`` for rows ``(..., n_features)``."""
        rows, shape = _as_rows(X)
        found = links.probabilities(self.forest, self.values(rows))
        return _result(found.reshape(*shape, self.forest.n_classes), out)

    def class_indices(
        self, X: Any, out: NDArray[np.unsignedinteger[Any]] | None = None
    ) -> NDArray[np.unsignedinteger[Any]]:
        """Return the index of the winning class, ``(...,)``, for rows ``(..., n_features)``."""
        rows, shape = _as_rows(X)
        return _result(links.class_indices(self.forest, self.values(rows)).reshape(shape), out)

    def block_values(self, block: FeatureBlock) -> NDArray[np.float32]:
        """Return means or sums of the trees, ``(n_outputs, *spatial)``, for a feature block of this backend."""
        return _as_planes(self.values(_rows(block)), block.shape)

    def block_probabilities(self, block: FeatureBlock) -> NDArray[np.float32]:
        """Return ``(n_classes, *spatial)`` for a feature block of this backend."""
        return _as_planes(self.class_probabilities(_rows(block)), block.shape)

    def block_class_indices(self, block: FeatureBlock) -> NDArray[np.unsignedinteger[Any]]:
        """Return the index of the winning class, ``(*spatial)``, for a feature block of this backend."""
        return self.class_indices(_rows(block)).reshape(block.shape[1:])

    def _batches(self, n_rows: int) -> list[slice]:
        step = max(PAIRS_AT_ONCE // self.forest.n_trees, 1)
        return [slice(start, start + step) for start in range(0, max(n_rows, 1), step)]


def _as_rows(X: Any) -> tuple[NDArray[Any], tuple[int, ...]]:
    """Return rows as a table, a view where the layout allows it, and the shape of the answer for one output."""
    X = np.asarray(X)
    return (X, X.shape[:-1]) if X.ndim <= 2 else (X.reshape(-1, X.shape[-1]), X.shape[:-1])


def _result(found: NDArray[Any], out: NDArray[Any] | None) -> NDArray[Any]:
    if out is None:
        return found
    out[...] = found
    return out


def _rows(block: FeatureBlock) -> NDArray[np.float32]:
    values = block.to_host()
    return values.reshape(len(values), -1).T


def _as_planes(values: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.ascontiguousarray(values.T, np.float32).reshape(-1, *shape[1:])


def _sum_leaves(forest: Forest, leaves: NDArray[np.int32]) -> NDArray[np.float64]:
    """Add up what the leaves ``(n_rows, n_trees)`` hold."""
    leaf_values = forest.leaf_values.astype(forest.sum_precision)
    sums = np.tile(forest.baseline.astype(forest.sum_precision), (len(leaves), 1))
    for tree, first in enumerate(forest.first_output):
        sums[:, first : first + forest.n_columns] += leaf_values[leaves[:, tree]]
    if forest.averages:
        sums /= sums.dtype.type(forest.n_averaged)
    return sums.astype(np.float64)


def _walk(forest: Forest, X: NDArray[Any]) -> NDArray[np.int32]:
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

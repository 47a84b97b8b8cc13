"""Forests that compare float64, for devices that compare float32: rows and thresholds become ranks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.forest.categories import as_compared
from pixelforest.forest.representation import Forest

MAX_RANK = 2**24
"""Up to here every integer is a float32."""


@dataclass(frozen=True, eq=False)
class RankedForest:
    """A forest whose thresholds are ranks, and the thresholds that rows are ranked among.

    The rank of `x` in a column is the number of different thresholds there that are below `x`; that of a threshold is
    its position among them. So ``rank(x) <= rank(threshold)`` exactly if ``x <= threshold``, and both are small
    integers.

    Attributes
    ----------
    forest : Forest
        Compares float32; its columns are those of the original and, behind them, its derived columns.
    cuts : tuple of ndarray of float64
        The different thresholds of each column, in increasing order.
    original : Forest
        What was ranked.
    """

    forest: Forest
    cuts: tuple[NDArray[np.float64], ...]
    original: Forest

    def ranks(self, X: Any) -> NDArray[np.float32]:
        """Return ranks of rows as `forest` wants them; NaN stays NaN, columns without thresholds are 0.

        Parameters
        ----------
        X : array-like, shape (n_rows, n_features)
            Rows of the original model.

        Returns
        -------
        ndarray of float32, shape (n_rows, len(cuts))
            Columns are contiguous in memory.
        """
        rows = as_compared(self.original, X)
        ranks = np.zeros((len(self.cuts), len(rows)), np.float32)
        for column, cuts in enumerate(self.cuts):
            if cuts.size:
                values = rows[:, column]
                below = np.searchsorted(cuts, values.astype(np.float64), side="left")
                ranks[column] = np.where(np.isnan(values), np.nan, below)
        return ranks.T


def rank_forest(forest: Forest) -> RankedForest:
    """Replace the thresholds of a forest by their ranks.

    Parameters
    ----------
    forest : Forest
        Any; meant for those with the precision "float64".

    Returns
    -------
    RankedForest

    Raises
    ------
    ValueError
        A column has 2**24 thresholds or more.

    Examples
    --------
    >>> from pixelforest.forest.representation import make_forest
    >>> stumps = make_forest(
    ...     feature=[0, 0, 0] * 2, threshold=[0.5, 0, 0, 0.1, 0, 0], left=[1, -1, -1, 4, -1, -1],
    ...     right=[2, -1, -1, 5, -1, -1], missing_left=[False] * 6, leaf=[-1, 0, 1] * 2, roots=[0, 3],
    ...     leaf_values=[[1, 0], [0, 1]], n_features=1, precision="float64",
    ... )
    >>> ranked = rank_forest(stumps)
    >>> ranked.forest.threshold[[0, 3]].tolist()
    [1.0, 0.0]
    >>> ranked.ranks([[0.1], [0.1 + 1e-18], [0.1 + 1e-16], [9.0], [float("nan")]]).ravel().tolist()
    [0.0, 0.0, 1.0, 2.0, nan]
    """
    n_columns = forest.n_features + len(forest.categorical)
    inner = forest.leaf < 0
    thresholds = np.zeros_like(forest.threshold)
    order = np.argsort(forest.feature[inner], kind="stable")
    nodes = np.flatnonzero(inner)[order]
    bounds = np.searchsorted(forest.feature[nodes], np.arange(n_columns + 1))
    cuts = []
    for start, end in pairwise(bounds):
        here = nodes[start:end]
        column_cuts, positions = np.unique(forest.threshold[here], return_inverse=True)
        if len(column_cuts) >= MAX_RANK:
            raise ValueError(f"`forest` must have fewer than {MAX_RANK} thresholds per column, got {len(column_cuts)}")
        thresholds[here] = positions
        cuts.append(column_cuts)
    thresholds.flags.writeable = False
    ranked = replace(forest, threshold=thresholds, precision="float32", n_features=n_columns, categorical=())
    return RankedForest(forest=ranked, cuts=tuple(cuts), original=forest)

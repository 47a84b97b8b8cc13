"""Splits on categories, as columns that are derived from the row before the trees see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pixelforest.forest.representation import Forest

Category = Literal["value", "truncated", "floor"]
"""What of a number is its category: itself, its integer part, or the largest integer that is not above it."""


@dataclass(frozen=True, kw_only=True)
class CategorySplit:
    """A derived column: 1.0 where the category of a row is a member of a set, else 0.0.

    Nodes that split on categories look at such a column with the threshold 0.5, so members go right.

    Attributes
    ----------
    feature : int
        Column of the row that holds the category.
    members : tuple of float
        Sorted. Unknown categories are no members.
    is_missing_member : bool
        What NaN is.
    category : {"value", "truncated", "floor"}
        What of the number is its category.

    Examples
    --------
    >>> split = CategorySplit(feature=0, members=(1.0, 4.0), is_missing_member=True, category="truncated")
    >>> split.apply(np.array([[1.0], [4.9], [2.0], [np.nan], [-1e300]])).tolist()
    [1.0, 1.0, 0.0, 1.0, 0.0]
    """

    feature: int
    members: tuple[float, ...]
    is_missing_member: bool = False
    category: Category = "value"

    def apply(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return the column, ``(n_rows,)``, for rows ``(n_rows, n_features)``."""
        values = X[:, self.feature].astype(np.float64)
        functions = {"value": np.positive, "truncated": np.trunc, "floor": np.floor}
        is_member = np.isin(functions[self.category](values), np.array(self.members, np.float64))
        return np.where(np.isnan(values), self.is_missing_member, is_member).astype(np.float64)


class CategoryColumns:
    """Derived columns of a forest, each once.

    Examples
    --------
    >>> columns = CategoryColumns(4)
    >>> split = CategorySplit(feature=1, members=(2.0,))
    >>> columns.column(split), columns.column(split), len(columns.splits)
    (4, 4, 1)
    """

    def __init__(self, n_features: int) -> None:
        self.n_features = n_features
        self.splits: dict[CategorySplit, int] = {}

    def column(self, split: CategorySplit) -> int:
        """Return the index of the derived column."""
        return self.n_features + self.splits.setdefault(split, len(self.splits))


def check_categories(splits: tuple[CategorySplit, ...], n_features: int) -> None:
    """Raise where a derived column is not one.

    Raises
    ------
    ValueError
        Naming the entry: a feature out of range, members that are not sorted and finite, an unknown kind of category.

    Examples
    --------
    >>> check_categories((CategorySplit(feature=0, members=(1.0,)),), 1)
    """
    for index, split in enumerate(splits):
        where = f"`categorical[{index}]"
        if not 0 <= split.feature < n_features:
            raise ValueError(f"{where}.feature` must be in [0, {n_features}), got {split.feature}")
        members = np.array(split.members, np.float64)
        if not np.isfinite(members).all() or (np.diff(members) <= 0).any():
            raise ValueError(f"{where}.members` must be finite and increase, got {split.members}")
        if split.category not in get_args(Category):
            raise ValueError(f"{where}.category` must be one of {get_args(Category)}, got {split.category!r}")


def with_derived_columns(forest: Forest, X: NDArray[Any]) -> NDArray[Any]:
    """Return rows as nodes see them: `X` and, behind it, one column per split on categories.

    Parameters
    ----------
    forest : Forest
        Whose `categorical` says which columns.
    X : ndarray of float32 or float64, shape (n_rows, n_features)

    Returns
    -------
    ndarray, shape (n_rows, n_features + len(forest.categorical))
        Of the dtype of `X`; `X` itself where there are no such columns.

    Examples
    --------
    >>> from pixelforest.forest.representation import make_forest
    >>> stump = make_forest(
    ...     feature=[1, 0, 0], threshold=[0.5, 0, 0], left=[1, -1, -1], right=[2, -1, -1], missing_left=[False] * 3,
    ...     leaf=[-1, 0, 1], roots=[0], leaf_values=[[1, 0], [0, 1]], n_features=1,
    ...     categorical=(CategorySplit(feature=0, members=(3.0,)),),
    ... )
    >>> with_derived_columns(stump, np.array([[3.0], [5.0]])).tolist()
    [[3.0, 1.0], [5.0, 0.0]]
    """
    if not forest.categorical:
        return X
    columns = [split.apply(X).astype(X.dtype) for split in forest.categorical]
    return np.column_stack([X, *columns])


def as_compared(forest: Forest, X: Any) -> NDArray[Any]:
    """Return rows exactly as the nodes of a forest compare them.

    Parameters
    ----------
    forest : Forest
        Its `precision` says what the model converts rows to.
    X : array-like, shape (n_rows, n_features)

    Returns
    -------
    ndarray of float32 or float64, shape (n_rows, n_features + len(forest.categorical))

    Raises
    ------
    ValueError
        `X` has another shape.

    Examples
    --------
    >>> from pixelforest.forest.representation import make_forest
    >>> leaf = make_forest(
    ...     feature=[0], threshold=[0], left=[-1], right=[-1], missing_left=[False], leaf=[0], roots=[0],
    ...     leaf_values=[[1.0]], n_features=1,
    ... )
    >>> as_compared(leaf, [[0.1]]).dtype
    dtype('float32')
    """
    with np.errstate(over="ignore"):  # beyond float32 is infinity, as for the model
        rows = np.asarray(X, forest.precision)
    if rows.ndim != 2 or rows.shape[1] != forest.n_features:
        raise ValueError(f"`X` must have shape (n_rows, {forest.n_features}), got {rows.shape}")
    return with_derived_columns(forest, rows)

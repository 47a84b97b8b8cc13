"""`correlation_table`: which measurements, or which features, say the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

Method = Literal["pearson", "spearman", "kendall"]


def correlation_table(
    X: Any, *, feature_names: Sequence[str] | None = None, method: Method = "pearson"
) -> pd.DataFrame:
    """Return the correlation of every two columns.

    Parameters
    ----------
    X : DataFrame, array-like with features on the last axis, or list of such arrays
        A table of measurements; or features of one or several images, such as `ImageFeatureStack.transform` returns,
        whose pixels are then taken together.
    feature_names : sequence of str, optional
        Names of the columns of arrays. Default: those of a DataFrame or of the ``feature`` coordinates of a DataArray,
        or x0, x1, …
    method : {"pearson", "spearman", "kendall"}
        See :meth:`pandas.DataFrame.corr`. The last one compares every two rows and takes long for pixels.

    Returns
    -------
    pandas.DataFrame
        Symmetric. NaN where a column is constant; rows with NaN in one of two columns do not count for these.

    Raises
    ------
    TypeError
        Columns that hold no numbers; they are named.
    ValueError
        Fewer than two rows, images with other numbers of features, more or fewer `feature_names` than columns, or an
        unknown `method`.

    Examples
    --------
    >>> import pandas as pd
    >>> import pixelforest as pf
    >>> table = pd.DataFrame({"area": [10, 20, 30], "perimeter": [4, 8, 12], "solidity": [0.9, 0.8, 0.7]})
    >>> pf.explain.correlation_table(table).round(3)
               area  perimeter  solidity
    area        1.0        1.0      -1.0
    perimeter   1.0        1.0      -1.0
    solidity   -1.0       -1.0       1.0
    """
    if method not in get_args(Method):
        raise ValueError(f"`method` must be one of {get_args(Method)}, got {method!r}")
    table = X if isinstance(X, pd.DataFrame) else _pixel_table(X)
    if feature_names is not None:
        if len(feature_names) != table.shape[1]:
            raise ValueError(f"`feature_names` must hold {table.shape[1]} names, one per column, got {feature_names!r}")
        table = table.set_axis(list(feature_names), axis=1)
    texts = [name for name, dtype in table.dtypes.items() if not pd.api.types.is_numeric_dtype(dtype)]
    if texts:
        raise TypeError(f"`X` must hold numbers; drop the columns {texts}")
    if len(table) < 2:
        raise ValueError(f"`X` must have at least two rows, got {len(table)}")
    return table.corr(method=method)


def _pixel_table(X: Any) -> pd.DataFrame:
    """Return pixels as rows."""
    images = X if isinstance(X, list) and X and np.ndim(X[0]) > 1 else [X]
    names = images[0].coords["feature"].values if "feature" in getattr(images[0], "coords", ()) else None
    arrays = [np.asarray(image) for image in images]
    widths = [array.shape[-1] if array.ndim > 1 else 0 for array in arrays]
    if not all(widths) or len(set(widths)) > 1:
        raise ValueError(
            "`X` must hold arrays with the same number of features on the last axis, got shapes "
            f"{[array.shape for array in arrays]}"
        )
    rows = np.concatenate([array.reshape(-1, widths[0]) for array in arrays])
    return pd.DataFrame(rows, columns=[f"x{column}" for column in range(widths[0])] if names is None else names)

"""Tables of numbers as coloured fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from pixelforest.plot.axes import axes_for, readable_on

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NUMBERS = 12
"""Columns up to which the numbers are written into the fields."""
INCHES_PER_LETTER = 0.085
"""Room that names take."""


def draw_split_statistics(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw which share of the splits at each depth each feature has.

    Parameters
    ----------
    table : DataFrame
        From `pixelforest.explain.split_statistics`: one row per feature, one column per depth.
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        `table` is empty: no tree has a split.
    ImportError
        matplotlib is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> import pixelforest as pf
    >>> table = pd.DataFrame([[0.25, 0.5], [0.75, 0.5]], index=["gaussian", "sobel"])
    >>> pf.plot.draw_split_statistics(table).get_xlabel()
    'depth'
    """
    _check_filled(table)
    label = "splits" if table.max().max() > 1 else "share"
    ax = _draw(table, ax, colors="cividis", limits=(0.0, None), label=label, rotation=0)
    ax.set_xlabel("depth")
    return ax


def draw_correlations(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw correlations: orange for negative, white for none, violet for positive ones.

    Parameters
    ----------
    table : DataFrame
        From `pixelforest.explain.correlation_table`.
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        `table` is empty, is not square, or holds values outside [-1, 1].
    ImportError
        matplotlib is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> import pixelforest as pf
    >>> table = pd.DataFrame({"area": [10, 20, 30], "solidity": [0.9, 0.8, 0.8]})
    >>> ax = pf.plot.draw_correlations(pf.explain.correlation_table(table))
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['area', 'solidity']
    """
    _check_filled(table)
    if table.shape[0] != table.shape[1] or table.abs().max().max() > 1 + 1e-9:
        raise ValueError(f"`table` must be a square table of correlations, got shape {table.shape}")
    return _draw(table, ax, colors="PuOr", limits=(-1.0, 1.0), label="correlation", rotation=90)


def _check_filled(table: pd.DataFrame) -> None:
    if table.empty:
        raise ValueError(f"`table` must have rows and columns, got shape {table.shape}")


def _draw(
    table: pd.DataFrame,
    ax: Axes | None,
    *,
    colors: str,
    limits: tuple[float, float | None],
    label: str,
    rotation: Literal[0, 90],
) -> Axes:
    n_rows, n_columns = table.shape
    values = table.to_numpy(float)
    has_numbers = n_columns <= MOST_NUMBERS
    room = INCHES_PER_LETTER * max(len(str(name)) for name in table.index)
    below = room if rotation else 0.5
    ax = axes_for(ax, (1.5 + room + (0.45 if has_numbers else 0.28) * n_columns, 0.4 + below + 0.26 * n_rows))
    picture = ax.imshow(values, cmap=colors, vmin=limits[0], vmax=limits[1], aspect="auto")
    ax.set_xticks(np.arange(n_columns), [str(name) for name in table.columns], rotation=rotation)
    ax.set_yticks(np.arange(n_rows), [str(name) for name in table.index])
    if has_numbers:
        for (row, column), value in np.ndenumerate(values):
            color = readable_on(*picture.to_rgba(value)[:3])
            text = "" if np.isnan(value) else f"{value:.2f}"
            ax.text(column, row, text, ha="center", va="center", fontsize=7, color=color)
    ax.figure.colorbar(picture, ax=ax, label=label)
    return ax

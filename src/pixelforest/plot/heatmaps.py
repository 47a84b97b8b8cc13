"""Tables of numbers as coloured fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pixelforest.plot.axes import axes_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NUMBERS = 12
"""Columns up to which the numbers are written into the fields."""


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
    ax = _draw(table, ax, colors="cividis", limits=(0.0, None), label="splits" if table.max().max() > 1 else "share")
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
    ax = _draw(table, ax, colors="PuOr", limits=(-1.0, 1.0), label="correlation")
    ax.tick_params(axis="x", rotation=90)
    return ax


def _check_filled(table: pd.DataFrame) -> None:
    if table.empty:
        raise ValueError(f"`table` must have rows and columns, got shape {table.shape}")


def _draw(table: pd.DataFrame, ax: Axes | None, *, colors: str, limits: tuple[float, float | None], label: str) -> Axes:
    n_rows, n_columns = table.shape
    has_numbers = n_columns <= MOST_NUMBERS
    width = (0.55 if has_numbers else 0.24) * n_columns
    ax = axes_for(ax, (3.4 + width, 1.2 + 0.24 * n_rows))
    picture = ax.imshow(table.to_numpy(float), cmap=colors, vmin=limits[0], vmax=limits[1], aspect="auto")
    ax.set_xticks(np.arange(n_columns), [str(name) for name in table.columns])
    ax.set_yticks(np.arange(n_rows), [str(name) for name in table.index])
    if has_numbers:
        for (row, column), value in np.ndenumerate(table.to_numpy(float)):
            color = _readable(*picture.to_rgba(value)[:3])
            ax.text(
                column,
                row,
                "" if np.isnan(value) else f"{value:.2f}",
                ha="center",
                va="center",
                fontsize=7,
                color=color,
            )
    ax.figure.colorbar(picture, ax=ax, label=label)
    return ax


def _readable(red: float, green: float, blue: float) -> str:
    """Return black or white, whichever is easier to read on a colour; luminance as in ITU-R BT.709."""
    return "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5 else "white"

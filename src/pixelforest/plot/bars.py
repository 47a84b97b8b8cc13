"""Importances as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pixelforest.plot.axes import BLUE, axes_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_importances(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw importances as horizontal bars, the largest on top, with a line of one standard deviation to each side.

    Parameters
    ----------
    table : DataFrame
        With columns ``importance`` and ``std``: from `impurity_importances` or `permutation_importances`.
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        `table` is empty or lacks one of the columns.
    ImportError
        matplotlib is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> import pixelforest as pf
    >>> table = pd.DataFrame({"importance": [0.2, 0.7], "std": [0.1, 0.2]}, index=["gaussian", "sobel"])
    >>> ax = pf.plot.draw_importances(table)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['gaussian', 'sobel']
    """
    if not len(table) or not {"importance", "std"} <= set(table.columns):
        raise ValueError(f"`table` must have rows and the columns 'importance' and 'std', got {list(table.columns)}")
    ordered = table.sort_values("importance")
    ax = axes_for(ax, (6.4, 1.0 + 0.26 * len(ordered)))
    positions = np.arange(len(ordered))
    spread = None if ordered["std"].isna().all() else ordered["std"]
    ax.barh(positions, ordered["importance"], color=BLUE, height=0.7)
    if spread is not None:
        ax.errorbar(ordered["importance"], positions, xerr=spread, fmt="none", ecolor="black", elinewidth=1, capsize=2)
    ax.set_yticks(positions, [str(name) for name in ordered.index])
    ax.axvline(0, color="black", linewidth=0.8)
    is_permuted = "baseline" in ordered
    ax.set_xlabel(
        f"drop of the score when shuffled (score: {ordered['baseline'].iloc[0]:.3f})" if is_permuted else "importance"
    )
    ax.spines[["top", "right"]].set_visible(False)
    return ax

"""What a model is worth for what it costs, as a curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from pixelforest.plot.axes import BLUE, VERMILION, axes_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = ("dropped", "score", "std", "cost", "is_selected")


def draw_cost_and_score(path: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the score of every step of `select_features` over its cost, with one standard deviation up and down.

    Parameters
    ----------
    path : DataFrame
        `FeatureSelection.path`.
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        `path` is empty or lacks one of the columns.
    ImportError
        matplotlib is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> import pixelforest as pf
    >>> path = pd.DataFrame({
    ...     "dropped": ["", "sobel_sigma_4"], "score": [0.9, 0.91], "std": [0.02, 0.03], "cost": [800.0, 500.0],
    ...     "is_selected": [False, True],
    ... })
    >>> ax = pf.plot.draw_cost_and_score(path)
    >>> [label.get_text() for label in ax.texts]
    ['all features', '− sobel_sigma_4']
    """
    if not len(path) or not set(COLUMNS) <= set(path.columns):
        raise ValueError(f"`path` must have rows and the columns {COLUMNS}, got {list(path.columns)}")
    ax = axes_for(ax, (9.0, 4.8))
    ax.errorbar(path["cost"], path["score"], yerr=path["std"], color=BLUE, marker="o", ecolor="0.8", capsize=2)
    chosen = path[path["is_selected"]]
    ax.plot(chosen["cost"], chosen["score"], "o", color=VERMILION, markersize=10, label="selected", zorder=3)
    for cost, score, dropped in zip(path["cost"], path["score"], path["dropped"], strict=True):
        text = f"\N{MINUS SIGN} {dropped}" if dropped else "all features"
        ax.annotate(text, (cost, score), (0, -8), textcoords="offset points", rotation=-60, fontsize=7, va="top")
    ax.set_xlabel("cost of the features (µs per megapixel)")
    ax.set_ylabel("score of held-out images")
    ax.legend(loc="lower right", frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax

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

    Steps are numbered; what each of them dropped stands beside the axes.

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
    >>> print(ax.texts[-1].get_text())
    0  all features
    1  − sobel_sigma_4
    """
    if not len(path) or not set(COLUMNS) <= set(path.columns):
        raise ValueError(f"`path` must have rows and the columns {COLUMNS}, got {list(path.columns)}")
    names = list(enumerate(path["dropped"]))
    ax = axes_for(ax, (9.0, max(4.2, 0.6 + 0.17 * len(names))))
    ax.errorbar(path["cost"], path["score"], yerr=path["std"], color=BLUE, marker="o", ecolor="0.8", capsize=2)
    chosen = path[path["is_selected"]]
    ax.plot(chosen["cost"], chosen["score"], "o", color=VERMILION, markersize=10, label="selected", zorder=3)
    for step, (cost, score) in enumerate(zip(path["cost"], path["score"], strict=True)):
        ax.annotate(str(step), (cost, score), (4, 6), textcoords="offset points", fontsize=8)
    steps = [f"{step}  \N{MINUS SIGN} {name}" if name else f"{step}  all features" for step, name in names]
    ax.text(1.02, 1, "\n".join(steps), transform=ax.transAxes, va="top", fontsize=8)
    ax.set_xlabel("cost of the features (µs per megapixel)")
    ax.set_ylabel("score of held-out images")
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax

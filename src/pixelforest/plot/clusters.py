"""Clusters of colours: their centres, and the areas that they cover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pixelforest.plot.axes import axes_for, readable_on

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_cluster_centers(centers: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the centres of clusters as fields of their colour, with the number of each cluster.

    Parameters
    ----------
    centers : array-like of float, shape (n_clusters, 3)
        Red, green and blue in [0, 1]: ``kmeans.cluster_centers_ / 255`` or ``mixture.means_ / 255`` of uint8 images.
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        `centers` have another shape, or values outside [0, 1].
    ImportError
        matplotlib is missing.

    Examples
    --------
    >>> import pixelforest as pf
    >>> ax = pf.plot.draw_cluster_centers([[0.9, 0.9, 1.0], [0.4, 0.1, 0.6]])
    >>> [text.get_text() for text in ax.texts]
    ['0', '1']
    """
    colors = _checked_colors(centers, "centers")
    ax = axes_for(ax, (0.4 + 0.9 * len(colors), 1.2))
    ax.imshow(colors[np.newaxis], vmin=0, vmax=1, aspect="auto")
    for cluster, color in enumerate(colors):
        ax.text(cluster, 0, str(cluster), ha="center", va="center", color=readable_on(*color))
    ax.set_axis_off()
    return ax


def draw_cluster_areas(table: pd.DataFrame, *, colors: Any = None, ax: Axes | None = None) -> Axes:
    """Draw the areas of clusters, one stacked bar per image.

    Parameters
    ----------
    table : DataFrame
        From `pixelforest.explain.cluster_areas`: one row per image, one column per cluster.
    colors : array-like of float, shape (n_clusters, 3), optional
        Red, green and blue in [0, 1] of every column, such as the clusters' centres. Default: matplotlib's cycle.
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        `table` is empty, or `colors` are not one per column, or have values outside [0, 1].
    ImportError
        matplotlib is missing.

    Examples
    --------
    >>> import numpy as np
    >>> import pixelforest as pf
    >>> table = pf.explain.cluster_areas([np.array([[0, 0, 1]]), np.array([[1, 0]])], names=["a", "b"])
    >>> ax = pf.plot.draw_cluster_areas(table)
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['a', 'b']
    """
    if table.empty:
        raise ValueError(f"`table` must have rows and columns, got shape {table.shape}")
    fills = [None] * table.shape[1] if colors is None else list(_checked_colors(colors, "colors"))
    if len(fills) != table.shape[1]:
        raise ValueError(f"`colors` must hold {table.shape[1]} colours, one per cluster, got {len(fills)}")
    ax = axes_for(ax, (1.8 + 0.8 * len(table), 3.6))
    positions, bottom = np.arange(len(table)), np.zeros(len(table))
    for (cluster, heights), color in zip(table.items(), fills, strict=True):
        ax.bar(positions, heights, bottom=bottom, color=color, edgecolor="black", linewidth=0.6, label=str(cluster))
        bottom = bottom + heights.to_numpy()
    ax.set_xticks(positions, [str(name) for name in table.index])
    ax.set_ylabel("share of the image" if np.allclose(bottom, 1) else "area")
    ax.legend(title="cluster", loc="upper left", bbox_to_anchor=(1, 1), reverse=True, frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _checked_colors(colors: Any, argument: str) -> NDArray[np.float64]:
    values = np.asarray(colors, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != 3 or not len(values):
        raise ValueError(f"`{argument}` must hold red, green and blue, shape (n_clusters, 3), got shape {values.shape}")
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(
            f"`{argument}` must lie in [0, 1], got {values.min():g} to {values.max():g}; "
            "divide those of uint8 images by 255"
        )
    return values

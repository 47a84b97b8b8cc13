"""Axes to draw on: the caller's, or those of a new figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, VERMILION = "#0072B2", "#D55E00"
"""Of Okabe and Ito's palette for colour-blind readers."""


def axes_for(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Return `ax`, or axes of a new figure of `size` inches.

    Raises
    ------
    ImportError
        matplotlib is missing.
    """
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(f'pictures need matplotlib: pip install "pixelforest[plot]" ({error})') from error
    return pyplot.subplots(figsize=size, layout="constrained")[1]

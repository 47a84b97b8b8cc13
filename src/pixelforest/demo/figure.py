"""The picture of the demo: scribbles, raw images, and what was made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pixelforest.demo_data import DemoData

BACKGROUND_COLOR, NUCLEUS_COLOR, TRUTH_COLOR = "#56B4E9", "#E69F00", "#009E73"
"""Okabe and Ito's palette, distinct for colour-blind readers."""

PAPER, INK = "#10141a", "#e8ebef"


def stretched(image: NDArray[Any]) -> NDArray[np.float64]:
    """Return an image as RGB from 0 to 1 between its percentiles 1 and 99.8, a little brightened."""
    low, high = np.percentile(image, (1, 99.8))
    grey = np.clip((image - low) / max(high - low, 1e-9), 0, 1) ** 0.7
    return np.repeat(grey[..., np.newaxis], 3, axis=2)


def painted(rgb: NDArray[np.float64], where: NDArray[np.bool_], color: str, opacity: float) -> NDArray[np.float64]:
    """Return `rgb` with `color` laid over the pixels `where`."""
    weight = opacity * where[..., np.newaxis]
    return rgb * (1 - weight) + np.array(to_rgb(color)) * weight


def square(image: NDArray[Any]) -> NDArray[Any]:
    """Return the upper left square of an image, so that images of any size make one grid."""
    side = min(image.shape[:2])
    return image[:side, :side]


def draw_demo(data: DemoData, labels: list[NDArray[Any]], table: pd.DataFrame, output: Path) -> None:
    """Draw training scribbles, test images and their segmentations, and write a PNG file.

    Parameters
    ----------
    data : DemoData
    labels : list of ndarray
        Predicted classes of the test images; 2 is nucleus.
    table : DataFrame
        Scores, one row per test image.
    output : Path
        Written to a temporary file first, then renamed.
    """
    n_columns = len(data.train_images)
    n_blocks = -(-len(labels) // n_columns)
    figure = Figure(figsize=(2.3 * n_columns, 2.55 * (1 + 2 * n_blocks) + 0.6), facecolor=PAPER, layout="constrained")
    axes = figure.subplots(1 + 2 * n_blocks, n_columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, image, scribbles in zip(axes[0], data.train_images, data.train_scribbles, strict=False):
        rgb = painted(stretched(image), scribbles == 1, BACKGROUND_COLOR, 0.95)
        ax.imshow(square(painted(rgb, scribbles == 2, NUCLEUS_COLOR, 0.95)), interpolation="nearest")
        ax.set_title("trained on these strokes", color=INK, fontsize=10)
    for position, (image, predicted, mask) in enumerate(zip(data.test_images, labels, data.test_masks, strict=True)):
        block, column = divmod(position, n_columns)
        raw, result = axes[1 + 2 * block, column], axes[2 + 2 * block, column]
        raw.imshow(square(stretched(image)), interpolation="nearest")
        raw.set_title(data.test_names[position].removeprefix("fluo_"), color=INK, fontsize=10)
        draw_outlines(result, *(square(values) for values in (image, predicted == 2, mask > 0)))
        row = table.iloc[position]
        result.set_title(f"Jaccard {row['jaccard']:.3f}   Otsu {row['otsu']:.3f}", color=INK, fontsize=10)
    figure.suptitle(
        "pixelforest: trained on the strokes in the first row, applied to images it has never seen\n"
        "orange: segmented as nucleus    green: true outline    (squares cut from the images)",
        color=INK,
        fontsize=13,
    )
    partial = output.with_name(f".{output.name}.part")
    figure.savefig(partial, dpi=110, format="png", facecolor=PAPER)
    partial.replace(output)


def draw_outlines(ax: Axes, image: NDArray[Any], nucleus: NDArray[np.bool_], truth: NDArray[np.bool_]) -> None:
    """Draw the image with the segmented area tinted and outlined, and the true outline over it."""
    ax.imshow(painted(stretched(image), nucleus, NUCLEUS_COLOR, 0.3), interpolation="nearest")
    for area, color in ((nucleus, NUCLEUS_COLOR), (truth, TRUTH_COLOR)):
        if area.any() and not area.all():
            ax.contour(area, levels=[0.5], colors=color, linewidths=0.7)

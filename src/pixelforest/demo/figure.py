"""The picture of the demo: scribbles, raw images, and what was made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray
from skimage.segmentation import find_boundaries

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


def enlarged(image: NDArray[Any], factor: int = 3) -> NDArray[Any]:
    """Return an image with every pixel repeated, so that lines drawn on it are thinner than a pixel."""
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


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
    n_columns = 4
    n_blocks = -(-len(labels) // n_columns)
    figure = Figure(figsize=(12.8, 3.55 * (1 + 2 * n_blocks)), facecolor=PAPER, layout="constrained")
    axes = figure.subplots(1 + 2 * n_blocks, n_columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, image, scribbles in zip(axes[0], data.train_images, data.train_scribbles, strict=False):
        rgb = painted(stretched(image), scribbles == 1, BACKGROUND_COLOR, 0.95)
        ax.imshow(painted(rgb, scribbles == 2, NUCLEUS_COLOR, 0.95), interpolation="nearest")
        ax.set_title("trained on these strokes", color=INK, fontsize=10)
    for position, (image, predicted, mask) in enumerate(zip(data.test_images, labels, data.test_masks, strict=True)):
        block, column = divmod(position, n_columns)
        raw, result = axes[1 + 2 * block, column], axes[2 + 2 * block, column]
        raw.imshow(stretched(image), interpolation="nearest")
        raw.set_title(data.test_names[position].removeprefix("fluo_"), color=INK, fontsize=10)
        result.imshow(overlay(image, predicted == 2, mask > 0), interpolation="nearest")
        row = table.iloc[position]
        result.set_title(f"Jaccard {row['jaccard']:.3f}   Otsu {row['otsu']:.3f}", color=INK, fontsize=10)
    figure.suptitle(
        "pixelforest: trained on the strokes in the first row, applied to images it has never seen\n"
        "orange: segmented as nucleus    green line: true outline",
        color=INK,
        fontsize=13,
    )
    partial = output.with_name(f".{output.name}.part")
    figure.savefig(partial, dpi=100, format="png", facecolor=PAPER)
    partial.replace(output)


def overlay(image: NDArray[Any], nucleus: NDArray[np.bool_], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the image with the segmented area tinted and outlined, and the true outline drawn thinly."""
    large, truth_large = enlarged(nucleus), enlarged(truth)
    rgb = painted(enlarged(stretched(image)), large, NUCLEUS_COLOR, 0.25)
    rgb = painted(rgb, find_boundaries(large, mode="inner"), NUCLEUS_COLOR, 1.0)
    return painted(rgb, find_boundaries(truth_large, mode="outer"), TRUTH_COLOR, 1.0)

"""The picture of the leakage: how pixels are split, and what each split claims."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.colors import ListedColormap

import pixelforest as pf
from benchmarks.validation.claims import SPLITS, Scene

COLOURS = ListedColormap(["#00000000", "#4477aa", "#ee6677"])
SHOWN = ("random pixels", "by stroke", "by block, with a buffer")


def roles(scene: Scene, split: str) -> np.ndarray:
    """Return for every pixel of a scene 1 where it is trained on in the first fold, 2 where it is tested, else 0."""
    cv, by = SPLITS[split]
    X, y, groups = pf.to_table(scene.features, scene.scribbles, by=by or "image")
    train, test = next(iter(cv.split(X, y, None if by is None else groups)))
    positions = np.flatnonzero(scene.scribbles)
    found = np.zeros(scene.scribbles.size, np.uint8)
    found[positions[train]], found[positions[test]] = 1, 2
    return found.reshape(scene.scribbles.shape)


def draw(scene: Scene, table: pd.DataFrame, output: Path) -> None:
    """Write the picture."""
    figure, axes = plt.subplots(1, len(SHOWN) + 1, figsize=(11, 2.9), width_ratios=(1, 1, 1, 1.5), layout="constrained")
    window = np.s_[:128, :128]
    for axis, split in zip(axes, SHOWN, strict=False):
        axis.imshow(scene.image[window], cmap="gray", interpolation="nearest")
        axis.imshow(roles(scene, split)[window], cmap=COLOURS, vmin=0, vmax=2, interpolation="nearest")
        axis.set_title(split, fontsize=9)
        axis.axis("off")
    axes[0].text(3, 124, "trained on", color="#88bbee", fontsize=8)
    axes[0].text(60, 124, "tested", color="#ff99aa", fontsize=8)
    places = np.arange(len(table))[::-1]
    for shift, (name, colour) in zip((0.18, -0.18), zip(table, ("#bbbbbb", "#228833"), strict=True), strict=True):
        bars = axes[-1].barh(places + shift, table[name], 0.34, color=colour, label=name)
        axes[-1].bar_label(bars, fmt="%.2f", fontsize=7, padding=2)
    axes[-1].set_yticks(places, table.index, fontsize=8)
    axes[-1].set_xlim(0.4, 1.12)
    axes[-1].set_xlabel("balanced accuracy", fontsize=8)
    axes[-1].tick_params(axis="x", labelsize=8)
    axes[-1].spines[["top", "right"]].set_visible(False)
    axes[-1].legend(fontsize=7, loc="lower right", framealpha=0.9)
    figure.savefig(output, dpi=110)
    plt.close(figure)

"""The picture of the leakage: how pixels are split, and what each split claims."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

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
    figure, axes = plt.subplots(1, len(SHOWN) + 1, figsize=(11, 2.9), width_ratios=(1, 1, 1, 1.3), layout="constrained")
    for axis, split in zip(axes, SHOWN, strict=False):
        axis.imshow(np.sqrt(scene.image), cmap="gray")
        axis.imshow(roles(scene, split), cmap=COLOURS, vmin=0, vmax=2, interpolation="nearest")
        axis.set_title(split, fontsize=9)
        axis.axis("off")
    handles = [Patch(color=COLOURS(role), label=label) for role, label in ((1, "trained on"), (2, "tested"))]
    axes[1].legend(handles=handles, fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.01), frameon=False)
    places = np.arange(len(table))[::-1]
    for name, colour, marker, shift in zip(table, ("#999999", "#228833"), "so", (-27, 7), strict=True):
        axes[-1].plot(table[name], places, marker, color=colour, label=name)
        for value, place in zip(table[name], places, strict=True):
            axes[-1].annotate(f"{value:.2f}", (value, place), (shift, -3), textcoords="offset points", fontsize=8)
    axes[-1].axvline(0.5, color="#bbbbbb", linewidth=0.8, linestyle=":", zorder=0)
    axes[-1].set_yticks(places, table.index, fontsize=8)
    axes[-1].set_xlim(0.4, 1.08)
    axes[-1].set_xlabel("balanced accuracy (dotted: chance)", fontsize=8)
    axes[-1].tick_params(axis="x", labelsize=8)
    axes[-1].spines[["top", "right"]].set_visible(False)
    axes[-1].legend(fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.4, 1), frameon=False)
    figure.savefig(output, dpi=110)
    plt.close(figure)

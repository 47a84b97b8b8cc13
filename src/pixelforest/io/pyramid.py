"""Levels of a multiscale label image: which axes are halved, and which label stands for a block of voxels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pixelforest.features.patch import Window

Downsampling = Literal["mode", "nearest"]


@dataclass(frozen=True)
class Level:
    """One level of a pyramid.

    Parameters
    ----------
    shape : tuple of int
    step : tuple of int
        Voxels of the level below per voxel, 1 or 2 on every axis; all 1 at level 0.
    factor : tuple of int
        Voxels of level 0 per voxel.
    """

    shape: tuple[int, ...]
    step: tuple[int, ...]
    factor: tuple[int, ...]


def plan_levels(
    shape: tuple[int, ...], scale: tuple[float, ...], spatial: tuple[bool, ...], smallest: int
) -> tuple[Level, ...]:
    """Plan levels until no spatial axis is longer than `smallest`.

    The axes with the finest spacing are halved, and those less than twice as coarse, so voxels become more isotropic.

    Parameters
    ----------
    shape : tuple of int
    scale : tuple of float
        Size of a voxel on every axis.
    spatial : tuple of bool
        Which axes are spatial; only those are halved.
    smallest : int

    Examples
    --------
    >>> [level.shape for level in plan_levels((30, 400, 301), (4.0, 1.0, 1.0), (True, True, True), 100)]
    [(30, 400, 301), (30, 200, 151), (30, 100, 76)]
    """
    levels = [Level(shape, (1,) * len(shape), (1,) * len(shape))]
    while max((n for n, s in zip(levels[-1].shape, spatial, strict=True) if s), default=0) > smallest:
        last = levels[-1]
        sizes = [s * f for s, f in zip(scale, last.factor, strict=True)]
        can = [s and n > 1 for s, n in zip(spatial, last.shape, strict=True)]
        finest = min(size for size, c in zip(sizes, can, strict=True) if c)
        step = tuple(2 if c and size < 2 * finest else 1 for size, c in zip(sizes, can, strict=True))
        levels.append(
            Level(
                tuple(-(-n // s) for n, s in zip(last.shape, step, strict=True)),
                step,
                tuple(f * s for f, s in zip(last.factor, step, strict=True)),
            )
        )
    return tuple(levels)


def source_window(window: Window, step: tuple[int, ...], shape: tuple[int, ...]) -> Window:
    """Return the voxels of the level below, of `shape`, that `window` stands for."""
    return Window(
        tuple(a * s for a, s in zip(window.start, step, strict=True)),
        tuple(min(b * s, n) for b, s, n in zip(window.stop, step, shape, strict=True)),
    )


def downsample(labels: NDArray[Any], step: tuple[int, ...], method: Downsampling) -> NDArray[Any]:
    """Return one label per block of `step` voxels; blocks at the end may be cut.

    Parameters
    ----------
    labels : ndarray of int
    step : tuple of int
        1 or 2 on every axis.
    method : {"mode", "nearest"}
        "mode": the most frequent label of the block, the smallest of equally frequent ones, as `scipy.stats.mode`;
        "nearest": its first voxel.

    Raises
    ------
    ValueError
        Another `method`.

    Examples
    --------
    >>> downsample(np.array([[1, 2, 7], [2, 3, 5]]), (2, 2), "mode").tolist()
    [[2, 5]]
    >>> downsample(np.array([[1, 2, 7], [2, 3, 5]]), (2, 2), "nearest").tolist()
    [[1, 7]]
    """
    if method == "nearest":
        return labels[tuple(slice(None, None, s) for s in step)]
    if method != "mode":
        raise ValueError(f"`downsampling` must be 'mode' or 'nearest', got {method!r}")
    # A cut block repeats its voxels, each equally often, which leaves the mode as it is.
    padding = [(0, -n % s) for n, s in zip(labels.shape, step, strict=True)]
    padded = np.pad(labels, padding, mode="edge")
    corners = product(*(range(s) for s in step))
    members = [padded[tuple(slice(o, None, s) for o, s in zip(at, step, strict=True))] for at in corners]
    best, best_count = members[0].copy(), np.zeros(members[0].shape, np.int8)
    for member in members:
        count = np.zeros(member.shape, np.int8)
        for other in members:
            count += member == other
        wins = (count > best_count) | ((count == best_count) & (member < best))
        best[wins], best_count[wins] = member[wins], count[wins]
    return best

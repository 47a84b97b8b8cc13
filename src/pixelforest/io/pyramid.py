"""Levels of a multiscale image: how much smaller each is, and what stands for a block of voxels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pixelforest.features.patch import Window

Downsampling = Literal["mode", "nearest", "mean"]


Step = tuple[int, ...]
"""Voxels of the level below per voxel, on every axis."""


@dataclass(frozen=True)
class Level:
    """One level of a pyramid.

    Parameters
    ----------
    shape : tuple of int
    step : Step
        All 1 at level 0.
    factor : tuple of int
        Voxels of level 0 per voxel.
    """

    shape: tuple[int, ...]
    step: Step
    factor: tuple[int, ...]


def plan_levels(shape: tuple[int, ...], steps: Sequence[Step]) -> tuple[Level, ...]:
    """Return level 0 of `shape` and one level per step; voxels at the end may stand for less than a step.

    Examples
    --------
    >>> [level.shape for level in plan_levels((30, 301), [(1, 2), (2, 2)])]
    [(30, 301), (30, 151), (15, 76)]
    """
    levels = [Level(shape, (1,) * len(shape), (1,) * len(shape))]
    for step in steps:
        below = levels[-1]
        smaller = tuple(-(-n // s) for n, s in zip(below.shape, step, strict=True))
        levels.append(Level(smaller, step, tuple(f * s for f, s in zip(below.factor, step, strict=True))))
    return tuple(levels)


def halving_steps(
    shape: tuple[int, ...], scale: tuple[float, ...], spatial: tuple[bool, ...], smallest: int
) -> tuple[Step, ...]:
    """Return steps until no spatial axis is longer than `smallest`.

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
    >>> halving_steps((30, 400, 301), (4.0, 1.0, 1.0), (True, True, True), 100)
    ((1, 2, 2), (1, 2, 2))
    """
    steps: list[Step] = []
    while True:
        last = plan_levels(shape, steps)[-1]
        if max((n for n, s in zip(last.shape, spatial, strict=True) if s), default=0) <= smallest:
            return tuple(steps)
        sizes = [s * f for s, f in zip(scale, last.factor, strict=True)]
        can = [s and n > 1 for s, n in zip(spatial, last.shape, strict=True)]
        finest = min(size for size, c in zip(sizes, can, strict=True) if c)
        steps.append(tuple(2 if c and size < 2 * finest else 1 for size, c in zip(sizes, can, strict=True)))


def source_window(window: Window, step: Step, shape: tuple[int, ...]) -> Window:
    """Return the voxels of the level below, of `shape`, that `window` stands for."""
    return Window(
        tuple(a * s for a, s in zip(window.start, step, strict=True)),
        tuple(min(b * s, n) for b, s, n in zip(window.stop, step, shape, strict=True)),
    )


def downsample(values: NDArray[Any], step: Step, method: Downsampling) -> NDArray[Any]:
    """Return one value per block of `step` voxels; blocks at the end may be cut.

    Parameters
    ----------
    values : ndarray
    step : Step
    method : {"mode", "nearest", "mean"}
        "mode": the most frequent label of the block, the smallest of equally frequent ones, as `scipy.stats.mode`;
        "nearest": its first voxel; "mean": as `numpy.nanmean`, so NaN only where all of the block is.

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
        return values[tuple(slice(None, None, s) for s in step)]
    if method not in ("mode", "mean"):
        raise ValueError(f"`downsampling` must be 'mode', 'nearest' or 'mean', got {method!r}")
    padding = [(0, -n % s) for n, s in zip(values.shape, step, strict=True)]
    padded, inside = np.pad(values, padding), np.pad(np.ones(values.shape, np.bool_), padding)
    corners = [
        tuple(slice(o, None, s) for o, s in zip(at, step, strict=True)) for at in product(*(range(s) for s in step))
    ]
    members, valid = [padded[corner] for corner in corners], [inside[corner] for corner in corners]
    return _mode(members, valid) if method == "mode" else _mean(members, valid)


def _mode(members: list[NDArray[Any]], valid: list[NDArray[np.bool_]]) -> NDArray[Any]:
    best, best_count = members[0].copy(), np.zeros(members[0].shape, np.uint16)
    for member, is_valid in zip(members, valid, strict=True):
        count = np.zeros(best.shape, np.uint16)
        for other, is_other in zip(members, valid, strict=True):
            count += (member == other) & is_other
        wins = (count > best_count) | ((count == best_count) & (member < best))
        wins &= is_valid
        best[wins], best_count[wins] = member[wins], count[wins]
    return best


def _mean(members: list[NDArray[Any]], valid: list[NDArray[np.bool_]]) -> NDArray[Any]:
    total, count = np.zeros(members[0].shape), np.zeros(members[0].shape)
    for member, is_valid in zip(members, valid, strict=True):
        counts = is_valid & ~np.isnan(member)
        total[counts] += member[counts]
        count += counts
    with np.errstate(invalid="ignore"):  # 0 / 0: nothing but NaN
        return (total / count).astype(members[0].dtype)

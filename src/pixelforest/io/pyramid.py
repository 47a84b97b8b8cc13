"""Levels of a multiscale image: how much smaller each is, and what stands for a block of voxels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pixelforest.features.patch import Window

Downsampling = Literal["mode", "nearest", "mean"]
AT_ONCE = 2**16
"""Blocks that are looked at together; more of them leave the cache."""


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
    return _reduced(values, step, _modes if method == "mode" else _means)


def _reduced(values: NDArray[Any], step: Step, reduce: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
    """Return what `reduce` makes of every block; a cut block is a block of a smaller step."""
    for axis, (n, s) in enumerate(zip(values.shape, step, strict=True)):
        whole = n - n % s
        if 0 < whole < n:
            parts = np.split(values, [whole], axis)
            return np.concatenate([_reduced(part, step, reduce) for part in parts], axis)
    step = tuple(map(min, step, values.shape))
    shape = tuple(n // s for n, s in zip(values.shape, step, strict=True))
    found = np.empty(shape, values.dtype)
    slab = max(1, AT_ONCE // max(1, prod(shape[1:])))
    for start in range(0, shape[0], slab):
        part = values[start * step[0] : (start + slab) * step[0]]
        members = [
            part[tuple(slice(o, None, s) for o, s in zip(at, step, strict=True))].ravel()
            for at in product(*map(range, step))
        ]
        found[start : start + slab] = reduce(np.stack(members)).reshape(-1, *shape[1:])
    return found


def _modes(members: NDArray[Any]) -> NDArray[Any]:
    """Return the mode of every column of ``(n_members, n_blocks)``, the smallest of several.

    Most blocks of a segmentation have one label; only the others are counted.
    """
    modes = members[0].copy()
    mixed = np.flatnonzero((members[1:] != modes).any(axis=0))
    rows = members[:, mixed]
    counts = np.zeros(rows.shape, np.uint16)
    for one, other in combinations(range(len(rows)), 2):
        same = rows[one] == rows[other]
        counts[one] += same
        counts[other] += same
    modes[mixed] = np.where(counts == counts.max(axis=0), rows, np.iinfo(rows.dtype).max).min(axis=0)
    return modes


def _means(members: NDArray[Any]) -> NDArray[Any]:
    """Return the mean of every column of ``(n_members, n_blocks)`` without NaN; NaN where there is nothing else."""
    is_known = ~np.isnan(members)
    total = np.where(is_known, members, 0).sum(axis=0, dtype=np.float64)
    with np.errstate(invalid="ignore"):  # 0 / 0
        return (total / is_known.sum(axis=0)).astype(members.dtype)

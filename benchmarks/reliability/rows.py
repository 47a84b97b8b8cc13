"""Tables to fit models to, rows that are hard to decide alike, and the ways in which rows lie in memory."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pixelforest.forest.representation import Forest

Layout = Literal["C rows", "F rows", "wide rows", "block"]
LAYOUTS: tuple[Layout, ...] = ("C rows", "F rows", "wide rows", "block")
"""Rows in C and in Fortran order, float64 that float32 cannot hold, and a feature block seen with features last."""

LARGEST = float(np.finfo(np.float32).max)
NUMBERS = np.array([0.0, 5e-324, 1.401298464324817e-45, 1e-40, 1e-35, 1.17549435e-38, 1.0, LARGEST])
SPECIAL = np.concatenate([NUMBERS, -NUMBERS])
"""Denormals of both precisions, signed zeros, what LightGBM takes for zero, the largest float32."""


CALM = 0.3
"""Part of the columns that are calm."""


def training_table(
    rng: np.random.Generator, n_rows: int, n_features: int, n_classes: int, *, missing: bool
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return columns of many kinds, and classes that depend on them, with noise."""
    X = np.stack([_column(rng, n_rows) for _ in range(n_features)], axis=1)
    score = np.nan_to_num(X @ rng.normal(size=n_features), posinf=0, neginf=0).argsort().argsort()
    y = score * n_classes // n_rows
    noisy = rng.random(n_rows) < rng.choice([0.0, 0.1, 0.5])
    y[noisy] = rng.integers(0, n_classes, noisy.sum())
    y[:n_classes] = np.arange(n_classes)
    return (X if missing else np.nan_to_num(X)), y


def _column(rng: np.random.Generator, n_rows: int) -> NDArray[np.float32]:
    normal = rng.normal(size=n_rows)
    columns = {
        "normal": normal,
        "bytes": rng.integers(0, 256, n_rows),
        "few integers": rng.integers(-2, 3, n_rows),
        "halves beside zero": rng.choice([-1e-7, 1e-7, 0.0, -0.0, 3e-7], n_rows),
        "neighbouring floats": 4.0 + rng.integers(0, 40, n_rows) * 2.0**-21,
        "denormal": normal * 1e-41,
        "huge": normal * 1e34,
        "missing": np.where(rng.random(n_rows) < 0.2, np.nan, normal),
        "constant": np.ones(n_rows),
    }
    kinds = list(columns)
    weights = np.array([4, 3, 3, 1, 2, 0.5, 1, 1, 0.3])
    return columns[kinds[rng.choice(len(kinds), p=weights / weights.sum())]].astype(np.float32)


def hard_rows(
    rng: np.random.Generator, forest: Forest, n_rows: int, *, missing: bool, infinite: bool, wide: bool
) -> NDArray[Any]:
    """Return rows of values at and beside thresholds, known and unknown categories, special values.

    Some columns are calm: all their values are one threshold and perhaps one neighbour of it, so that the ranges of
    whole tiles of rows end at a threshold. Half of the tables that may hold NaN do, because kernels ask for it first.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws them.
    forest : Forest
        Whose thresholds they sit beside.
    n_rows : int
        How many.
    missing, infinite : bool
        Whether NaN, and infinity, are among them; finite values never leave the range of float32.
    wide : bool
        Whether they are float64, among them steps of float64, which float32 cannot hold; else float32.
    """
    rows, is_calm = rng.normal(size=(n_rows, forest.n_features)), np.zeros(forest.n_features, bool)
    missing = missing and bool(rng.random() < 0.5)
    inner = forest.leaf < 0
    for column in range(forest.n_features):
        here = forest.threshold[inner & (forest.feature == column)]
        if here.size:
            calm = rng.random() < CALM
            rows[:, column] = (
                _plateau(rng, rng.choice(here), n_rows) if calm else _beside(rng, rng.choice(here, n_rows))
            )
            is_calm[column] = calm
        members = [member for split in forest.categorical if split.feature == column for member in split.members]
        if members:
            is_calm[column] = False
            rows[:, column] = rng.choice(members, n_rows) + rng.choice([0, 0, 0, 0, 0.5, 1, -0.5, -100], n_rows)
    rows = np.clip(rows, -LARGEST, LARGEST)
    special = rng.random(rows.shape) < np.array([0.3, 0.0, 0.02])[np.arange(n_rows) % 3, np.newaxis] * ~is_calm
    values = [*SPECIAL, *([np.inf, -np.inf] * 2 if infinite else []), *([np.nan] * 5 if missing else [])]
    rows[special] = rng.choice(values, special.sum())
    return rows if wide else rows.astype(np.float32)


def _beside(rng: np.random.Generator, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values, or their neighbours by one step of float32 or float64."""
    with np.errstate(over="ignore", under="ignore"):
        single = values.astype(np.float32)
        choices = [
            values,
            np.nextafter(values, np.inf),
            np.nextafter(values, -np.inf),
            single,
            np.nextafter(single, np.float32(np.inf)),
            np.nextafter(single, np.float32(-np.inf)),
        ]
    return np.choose(rng.integers(0, len(choices), len(values)), [choice.astype(np.float64) for choice in choices])


def _plateau(rng: np.random.Generator, value: float, n_rows: int) -> NDArray[np.float64]:
    """Return a value and, in two of three cases, one neighbour of it, many times."""
    with np.errstate(over="ignore", under="ignore"):
        single = np.float32(value)
        above, below = np.nextafter(single, np.float32(np.inf)), np.nextafter(single, np.float32(-np.inf))
    return rng.choice([value, float(rng.choice([single, above, below]))], n_rows)


def arranged(rows: NDArray[Any], layout: Layout, width: int) -> NDArray[Any]:
    """Return rows as they are to lie in memory; as a block of `width` columns, without the rows that do not fill it."""
    if layout == "F rows":
        return np.asfortranarray(rows)
    if layout == "block":
        return np.moveaxis(as_block(rows, width), 0, -1)
    return np.ascontiguousarray(rows)


def as_block(rows: NDArray[Any], width: int) -> NDArray[Any]:
    """Return the feature block ``(n_features, height, width)`` of rows."""
    n_pixels = len(rows) // width * width
    return np.ascontiguousarray(rows[:n_pixels].T).reshape(rows.shape[1], -1, width)

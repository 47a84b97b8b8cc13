"""Rows that are hard to decide alike, made from the thresholds and categories of a forest."""

import numpy as np
import pytest

SPECIAL = [0.0, -0.0, 5e-324, -5e-324, 1e-40, -1e-40, 1e-35, -1e-35, 1.0, 3.4028234663852886e38, 1e300, -1e300]


def make_hard_rows(forest, *, seed=0, n_rows=400, missing=True, infinite=True, float32=False):
    """Exact thresholds, one ulp of float32 or float64 beside them, categories known and unknown, special values."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n_rows, forest.n_features))
    inner = forest.leaf < 0
    for column in range(forest.n_features):
        here = forest.threshold[inner & (forest.feature == column)]
        members = [m for split in forest.categorical if split.feature == column for m in split.members]
        if here.size:
            rows[:, column] = beside(rng, rng.choice(here, n_rows))
        if members:
            known = rng.choice(np.array(members), n_rows)
            rows[:, column] = known + rng.choice([0, 0, 0, 0, 0.5, 1, -0.5, -100], n_rows)
    special = rng.random(rows.shape) < np.where(np.arange(n_rows) % 3, 0.02, 0.3)[:, np.newaxis]
    values = [*SPECIAL, *([np.inf, -np.inf] if infinite else []), *([np.nan] * 6 if missing else [])]
    rows[special] = rng.choice(values, special.sum())
    if not infinite:
        limit = np.finfo(np.float32).max
        rows = np.clip(rows, -limit, limit)  # NaN stays
    with np.errstate(over="ignore"):
        return rows.astype(np.float32) if float32 else rows


def beside(rng, values):
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


@pytest.fixture
def hard_rows():
    return make_hard_rows

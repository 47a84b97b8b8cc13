"""Random forests and rows that are hard to decide alike.

Models are fitted by scikit-learn to columns of many kinds. In half of them some thresholds are then replaced by
special values, which fits seldom give: denormals, signed zeros, float64 values a hair beside a float32 value.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

DEPTHS = (1, 2, 3, 4, 5, 8, 12, None)
TINY = np.float32(1.401298464324817e-45)
LARGEST = np.finfo(np.float32).max
NUMBERS = np.array([0.0, TINY, 1e-40, 1.17549435e-38, 1.0, LARGEST], np.float32)
NUMBERS = np.concatenate([NUMBERS, -NUMBERS])
SPECIAL = np.concatenate([NUMBERS, np.array([np.inf, -np.inf, np.nan], np.float32)])


@dataclass(frozen=True)
class ForestProblem:
    """One fitted model and its adversarial rows, both determined by the seed."""

    seed: int

    @cached_property
    def model(self) -> Any:
        """A fitted forest of 1 to 50 trees, depth 1 to unlimited, 2 to 10 classes, 1 to 60 features."""
        rng = np.random.default_rng([self.seed, 0])
        n_rows, n_features, n_classes = int(rng.integers(40, 300)), int(rng.integers(1, 61)), int(rng.integers(2, 11))
        X = np.stack([_column(rng, n_rows) for _ in range(n_features)], axis=1)
        score = np.nan_to_num(X @ rng.normal(size=n_features), posinf=0, neginf=0).argsort().argsort()
        y = score * n_classes // n_rows
        noisy = rng.random(n_rows) < rng.choice([0.0, 0.1, 0.5])
        y[noisy] = rng.integers(0, n_classes, noisy.sum())
        y[:n_classes] = np.arange(n_classes)
        kind = RandomForestClassifier if rng.random() < 0.8 else ExtraTreesClassifier
        model = kind(
            n_estimators=int(np.exp(rng.uniform(0, np.log(51)))),
            max_depth=DEPTHS[self.seed % len(DEPTHS)],
            max_leaf_nodes=int(rng.integers(2, 40)) if rng.random() < 0.2 else None,
            min_samples_leaf=int(rng.choice([1, 1, 2, 5])),
            max_features=[None, "sqrt", 1][rng.integers(3)],
            criterion=str(rng.choice(["gini", "entropy"])),
            class_weight="balanced" if rng.random() < 0.2 else None,
            bootstrap=bool(rng.random() < 0.7),
            random_state=self.seed,
            n_jobs=1,
        ).fit(X, y)
        if rng.random() < 0.5:
            _plant_thresholds(rng, model)
        return model

    @cached_property
    def rows(self) -> NDArray[np.float32]:
        """Rows of values within one float32 step of thresholds, rows with special values, and a plain one."""
        rng = np.random.default_rng([self.seed, 1])
        model = self.model
        inner = [tree.tree_.feature >= 0 for tree in model.estimators_]
        feature = np.concatenate([tree.tree_.feature[k] for tree, k in zip(model.estimators_, inner, strict=True)])
        threshold = np.concatenate([tree.tree_.threshold[k] for tree, k in zip(model.estimators_, inner, strict=True)])
        n_features = model.n_features_in_
        rows = rng.normal(size=(401, n_features)).astype(np.float32)
        for column in range(n_features):
            here = threshold[feature == column]
            if here.size:
                step = rng.integers(-1, 2, len(rows))
                toward = np.where(step < 0, -np.inf, np.inf).astype(np.float32)
                with np.errstate(all="ignore"):
                    near = rng.choice(here, len(rows)).astype(np.float32)
                    rows[:, column] = np.where(step == 0, near, np.nextafter(near, toward))
        special = rng.random(rows.shape) < np.where(np.arange(len(rows)) % 3, 0.0, 0.3)[:, np.newaxis]
        rows[special] = rng.choice(SPECIAL, special.sum())
        if not _knows_missing(model):
            rows[np.isnan(rows)] = 0
        return rows

    def expected(self) -> NDArray[np.float64]:
        """Probabilities by scikit-learn, ``n_jobs=1``; its check refuses inf, so such rows go to its trees directly."""
        sums = np.zeros((len(self.rows), len(self.model.classes_)))
        for tree in self.model.estimators_:
            sums += tree.predict_proba(self.rows, check_input=False)
        sums /= len(self.model.estimators_)
        usable = ~np.isinf(self.rows).any(axis=1)
        with np.errstate(all="ignore"):  # scikit-learn looks for inf in the sum of all values
            same = np.array_equal(self.model.predict_proba(self.rows[usable]), sums[usable])
        if not same:
            raise AssertionError("the sum over scikit-learn's trees is not what its forest gives")
        return sums


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


def _plant_thresholds(rng: np.random.Generator, model: Any) -> None:
    planted = np.concatenate([NUMBERS.astype(np.float64), [1e-50, -1e-50, 0.1, 1e39, -1e39, np.inf]])
    for tree in model.estimators_:
        thresholds = tree.tree_.threshold
        chosen = (tree.tree_.feature >= 0) & (rng.random(len(thresholds)) < 0.2)
        exact = thresholds.astype(np.float32).astype(np.float64)
        beside = rng.choice([exact, np.nextafter(exact, -np.inf), np.nextafter(exact, np.inf), exact * (1 + 2.0**-26)])
        thresholds[chosen] = np.where(rng.random(chosen.sum()) < 0.5, rng.choice(planted, chosen.sum()), beside[chosen])


def _knows_missing(model: Any) -> bool:
    return model.estimators_[0].monotonic_cst is None

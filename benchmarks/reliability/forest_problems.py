"""Forests of scikit-learn for classification, in which half of the thresholds may be special.

Models are fitted to columns of many kinds. In half of them some thresholds are then replaced by special values, which
fits seldom give: denormals, signed zeros, float64 values a hair beside a float32 value.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from benchmarks.reliability.averaged_problems import AveragedProblem
from benchmarks.reliability.problem import Problem
from benchmarks.reliability.rows import LAYOUTS, SPECIAL, Layout, training_table

KINDS = ((2, 4), (3, 4), (2, 1), (10, 30), (5, 60))
"""Numbers of classes and of features. The first forests draw from the first of them, so that they share kernels."""
SEEDS_PER_KIND = 60
FEW_DEPTHS = (None, 2)
DEPTHS = (1, 2, 3, 4, 5, 8, 12, None)


class ForestProblem(AveragedProblem):
    """A random forest, or extremely randomised trees."""

    family = "RandomForest, ExtraTrees classifier"
    n_rows = 401

    @property
    def n_kinds(self) -> int:
        """Number of kinds that this forest may be of."""
        return min(2 + self.seed // SEEDS_PER_KIND, len(KINDS))

    @property
    def kind(self) -> int:
        """Position in `KINDS`."""
        return self.seed % self.n_kinds

    @property
    def depth(self) -> int | None:
        depths = FEW_DEPTHS if self.seed < SEEDS_PER_KIND else DEPTHS
        return depths[self.seed // self.n_kinds % len(depths)]

    @property
    def layout(self) -> Layout:
        if self.seed < SEEDS_PER_KIND:
            return LAYOUTS[self.seed % len(LAYOUTS)]
        layouts = LAYOUTS if self.kind == 0 else ("C rows", "F rows", "block")
        return layouts[self.seed // 3 % len(layouts)]

    def fit(self, rng: np.random.Generator) -> Any:
        """Return 1 to 50 trees, of depth 1 to unlimited, 2 to 10 classes, 1 to 60 features."""
        n_classes, n_features = KINDS[self.kind]
        X, y = training_table(rng, int(rng.integers(40, 300)), n_features, n_classes, missing=True)
        kind = RandomForestClassifier if rng.random() < 0.8 else ExtraTreesClassifier
        model = kind(
            n_estimators=int(np.exp(rng.uniform(0, np.log(51)))),
            max_depth=self.depth,
            max_leaf_nodes=int(rng.integers(20 if self.seed < SEEDS_PER_KIND else 2, 40))
            if rng.random() < 0.2
            else None,
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


def _plant_thresholds(rng: np.random.Generator, model: Any) -> None:
    planted = np.concatenate([SPECIAL, [1e-50, -1e-50, 0.1, 1e39, -1e39, np.inf]])
    for tree in model.estimators_:
        thresholds: NDArray[np.float64] = tree.tree_.threshold
        chosen = (tree.tree_.feature >= 0) & (rng.random(len(thresholds)) < 0.2)
        exact = thresholds.astype(np.float32).astype(np.float64)
        beside = rng.choice([exact, np.nextafter(exact, -np.inf), np.nextafter(exact, np.inf), exact * (1 + 2.0**-26)])
        thresholds[chosen] = np.where(rng.random(chosen.sum()) < 0.5, rng.choice(planted, chosen.sum()), beside[chosen])


PROBLEMS: tuple[type[Problem], ...] = (ForestProblem,)

"""Forests at the ends of what is promised: nodes, trees, classes, features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier, RandomForestRegressor

from benchmarks.reliability.averaged_problems import AveragedProblem
from benchmarks.reliability.problem import N_FEATURES, Problem


class ExtremeProblem(AveragedProblem):
    """A forest whose rows all have the layout that its seed says."""

    n_rows = 151
    missing = False


class OneNodeProblem(ExtremeProblem):
    """Trees that decide nothing."""

    family = "one node per tree, classifier"

    def fit(self, rng: np.random.Generator) -> Any:
        return RandomForestClassifier(3, random_state=0).fit(np.ones((40, N_FEATURES)), rng.integers(0, 3, 40))


class OneNodeRegressorProblem(ExtremeProblem):
    """Trees that decide nothing, and average a number."""

    family = "one node per tree, regressor"

    def fit(self, rng: np.random.Generator) -> Any:
        return RandomForestRegressor(3, random_state=0).fit(np.ones((40, N_FEATURES)), rng.normal(size=40))


class OneTreeProblem(ExtremeProblem):
    """A forest of one tree."""

    family = "1 tree"
    missing = True

    def fit(self, rng: np.random.Generator) -> Any:
        return RandomForestClassifier(1, max_depth=2, random_state=0).fit(*self.table(rng))


class ManyTreesProblem(ExtremeProblem):
    """Sums of this many fractions need more than 32 bits."""

    family = "5,000 trees"

    def fit(self, rng: np.random.Generator) -> Any:
        X, y = _random_labels(rng, 60, N_FEATURES, 2)
        return ExtraTreesClassifier(5000, max_depth=2, random_state=0).fit(X, y)


class ManyClassesProblem(ExtremeProblem):
    """Labels need 16 bits."""

    family = "1,000 classes"

    def fit(self, rng: np.random.Generator) -> Any:
        X = rng.normal(size=(3000, N_FEATURES)).astype(np.float32)
        return ExtraTreesClassifier(5, max_features=1, random_state=0).fit(X, np.arange(3000) % 1000)


class OneFeatureProblem(ExtremeProblem):
    """All nodes look at the same number."""

    family = "1 feature"
    missing = True

    def fit(self, rng: np.random.Generator) -> Any:
        X = rng.normal(size=(200, 1)).astype(np.float32)
        X[::9] = np.nan
        return RandomForestClassifier(9, max_depth=2, random_state=0).fit(X, rng.integers(0, 2, 200))


class ManyFeaturesProblem(ExtremeProblem):
    """Most columns are looked at by some node."""

    family = "2,000 features"

    def fit(self, rng: np.random.Generator) -> Any:
        X, y = _random_labels(rng, 2000, 2000, 2)
        model = ExtraTreesClassifier(10, max_features=1, random_state=0).fit(X, y)
        looked_at = np.unique(np.concatenate([tree.tree_.feature for tree in model.estimators_]))
        if len(looked_at) < 1500:
            raise AssertionError(f"the model looks at only {len(looked_at)} features")
        return model


class MillionNodesProblem(ExtremeProblem):
    """Trees that know noise by heart."""

    family = "1,000,000 nodes"

    def fit(self, rng: np.random.Generator) -> Any:
        model = ExtraTreesClassifier(12, max_features=1, random_state=0).fit(
            *_random_labels(rng, 56_000, N_FEATURES, 2)
        )
        n_nodes = sum(tree.tree_.node_count for tree in model.estimators_)
        if n_nodes < 10**6:
            raise AssertionError(f"the model has only {n_nodes} nodes")
        return model


def _random_labels(
    rng: np.random.Generator, n_rows: int, n_features: int, n_classes: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    X = rng.normal(size=(n_rows, n_features)).astype(np.float32)
    return X, rng.integers(0, n_classes, n_rows)


PROBLEMS: tuple[type[Problem], ...] = (
    OneNodeProblem,
    OneNodeRegressorProblem,
    OneTreeProblem,
    ManyTreesProblem,
    ManyClassesProblem,
    OneFeatureProblem,
    ManyFeaturesProblem,
    MillionNodesProblem,
)
SEEDS = (3,)
"""Whose rows are a block: an array with features last, and on the device."""

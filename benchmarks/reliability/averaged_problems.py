"""Families of scikit-learn whose trees are averaged: forests for regression, single trees, bags of trees."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, ExtraTreesRegressor, RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from benchmarks.reliability.problem import Expected, Problem, finite, require_equal

Member = tuple[Any, NDArray[np.intp]]
"""A tree and the columns that it sees."""


def members_of(model: Any) -> list[Member]:
    """Return the trees of an averaging model."""
    columns = np.arange(model.n_features_in_)
    trees = getattr(model, "estimators_", None) or [model]
    return list(zip(trees, getattr(model, "estimators_features_", [columns] * len(trees)), strict=True))


def averaged(model: Any, rows: NDArray[Any]) -> Expected:
    """Ask the trees, because the model refuses infinity; and the model, where it does not."""
    single, usable = rows.astype(np.float32), finite(rows)
    members = members_of(model)
    leaves = np.stack([tree.apply(single[:, columns], check_input=False) for tree, columns in members], axis=1)
    if is_classifier(model):
        sums = np.zeros((len(rows), len(model.classes_)))
        for tree, columns in members:
            seen = np.asarray(tree.classes_, np.intp)  # classes are 0, 1, ...; a tree of a bag may not know all
            sums[:, seen] += tree.predict_proba(single[:, columns], check_input=False)
        probabilities = sums / len(members)
        require_equal("probabilities", model.predict_proba(rows[usable]), probabilities[usable])
        labels = probabilities.argmax(axis=1)
        require_equal("labels", model.predict(rows[usable]), model.classes_[labels[usable]])
        return Expected(labels=labels, probabilities=probabilities, leaves=leaves)
    total: Any = 0.0
    for tree, columns in members:
        total = total + tree.predict(single[:, columns], check_input=False)
    values = total / len(members)
    require_equal("predictions", model.predict(rows[usable]), values[usable])
    return Expected(values=values.reshape(len(rows), -1), leaves=leaves)


class AveragedProblem(Problem):
    """A model whose answers are averages."""

    def answers(self, rows: NDArray[Any]) -> Expected:
        return averaged(self.model, rows)


class RegressionForestProblem(AveragedProblem):
    """One target, or two where the shape has three classes."""

    family = "RandomForest, ExtraTrees regressor"

    def fit(self, rng: np.random.Generator) -> Any:
        X, y = self.table(rng)
        target = y * rng.choice([1.0, 1e-3, 1e6]) + rng.normal(size=len(y))
        if self.n_classes == 3:
            target = np.column_stack([target, rng.normal(size=len(y)) - y])
        kind = RandomForestRegressor if rng.random() < 0.5 else ExtraTreesRegressor
        criterion = "squared_error" if rng.random() < 0.8 else "absolute_error"
        n_trees = int(rng.integers(2, 30))
        return kind(n_trees, max_depth=self.depth, criterion=criterion, random_state=self.seed).fit(X, target)


class TreeClassifierProblem(AveragedProblem):
    """One tree."""

    family = "DecisionTree classifier"

    def fit(self, rng: np.random.Generator) -> Any:
        X, y = self.table(rng)
        criterion = str(rng.choice(["gini", "entropy"]))
        leaf = int(rng.choice([1, 5]))
        return DecisionTreeClassifier(
            max_depth=self.depth, criterion=criterion, min_samples_leaf=leaf, random_state=self.seed
        ).fit(X, y)


class TreeRegressorProblem(AveragedProblem):
    """One tree, and one or two targets."""

    family = "DecisionTree regressor"

    def fit(self, rng: np.random.Generator) -> Any:
        X, y = self.table(rng)
        target = rng.normal(size=(len(y), 2 if self.n_classes == 3 else 1)) + y[:, np.newaxis]
        model = DecisionTreeRegressor(max_depth=self.depth, min_samples_leaf=2, random_state=self.seed)
        return model.fit(X, target if target.shape[1] > 1 else target[:, 0])


class BaggingClassifierProblem(AveragedProblem):
    """Trees that see some rows, some columns, and perhaps not all classes."""

    family = "Bagging classifier"

    def fit(self, rng: np.random.Generator) -> Any:
        X, y = self.table(rng)
        tree = DecisionTreeClassifier(max_depth=self.depth)
        share = 12 if rng.random() < 0.3 else 0.7
        model = BaggingClassifier(tree, int(rng.integers(2, 20)), max_samples=share, random_state=self.seed)
        return model.set_params(max_features=0.6, bootstrap_features=bool(rng.random() < 0.5)).fit(X, y)


class BaggingRegressorProblem(AveragedProblem):
    """Trees that see some rows and some columns."""

    family = "Bagging regressor"

    def fit(self, rng: np.random.Generator) -> Any:
        X, y = self.table(rng)
        tree = DecisionTreeRegressor(max_depth=self.depth)
        model = BaggingRegressor(tree, int(rng.integers(2, 20)), max_features=0.6, random_state=self.seed)
        return model.fit(X, y + rng.normal(size=len(y)))


PROBLEMS: tuple[type[Problem], ...] = (
    RegressionForestProblem,
    TreeClassifierProblem,
    TreeRegressorProblem,
    BaggingClassifierProblem,
    BaggingRegressorProblem,
)

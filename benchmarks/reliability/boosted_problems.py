"""Gradient boosting of scikit-learn, with and without histograms."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)

from benchmarks.reliability.problem import Expected, Problem, finite, require_equal

TIED = (-1.0, 0.0, 1.0)
"""Leaf values whose sums are often equal."""


class BoostingProblem(Problem):
    """What both kinds of GradientBoosting share: neither takes NaN, or infinity where it checks."""

    missing = False

    def answers(self, rows: NDArray[Any]) -> Expected:
        """Ask behind the check of inputs, and with it where it lets rows pass."""
        model, usable, single = self.model, finite(rows), rows.astype(np.float32)
        sums = model._raw_predict_init(np.zeros_like(single))  # no estimator that starts these looks at rows
        for iteration in model.estimators_:
            for output, tree in enumerate(iteration):
                sums[:, output] += model.learning_rate * tree.predict(single, check_input=False)
        leaves = np.stack([tree.apply(single, check_input=False) for tree in model.estimators_.ravel()], axis=1)
        require_equal("leaves", model.apply(rows[usable]).reshape(usable.sum(), -1), leaves[usable])
        if not is_classifier(model):
            require_equal("predictions", model.predict(rows[usable]), sums[usable].ravel())
            return Expected(values=sums, leaves=leaves)
        require_equal("scores", model.decision_function(rows[usable]), np.squeeze(sums[usable]))
        probabilities = model._loss.predict_proba(np.squeeze(sums))
        require_equal("probabilities", model.predict_proba(rows[usable]), probabilities[usable])
        labels = sums.argmax(axis=1) if sums.shape[1] > 1 else (sums[:, 0] >= 0).astype(int)
        require_equal("labels", model.predict(rows[usable]), model.classes_[labels[usable]])
        return Expected(labels=labels, probabilities=probabilities, values=sums, leaves=leaves)


class BoostingClassifierProblem(BoostingProblem):
    """Two or three classes, both losses, several starting points; some with many ties."""

    family = "GradientBoosting classifier"

    def fit(self, rng: np.random.Generator) -> Any:
        X, y = self.table(rng)
        loss = "exponential" if self.n_classes == 2 and rng.random() < 0.4 else "log_loss"
        ties = rng.random() < 0.3
        start = ["zero", None, DummyClassifier(strategy="most_frequent")][0 if ties else rng.integers(3)]
        model = GradientBoostingClassifier(
            loss=loss, n_estimators=int(rng.integers(1, 12)), max_depth=self.depth or 6, subsample=0.8,
            learning_rate=float(rng.choice([0.1, 0.3, 1.0])), init=start, random_state=self.seed,
        ).fit(X, y)  # fmt: skip
        for tree in model.estimators_.ravel() if ties else ():
            tree.tree_.value[:] = rng.choice(TIED, tree.tree_.value.shape)
        return model


class BoostingRegressorProblem(BoostingProblem):
    """All losses."""

    family = "GradientBoosting regressor"

    def fit(self, rng: np.random.Generator) -> Any:
        X, y = self.table(rng)
        loss = str(rng.choice(["squared_error", "absolute_error", "huber", "quantile"]))
        model = GradientBoostingRegressor(
            loss=loss, n_estimators=int(rng.integers(1, 20)), max_depth=self.depth or 6,
            init="zero" if rng.random() < 0.3 else None, random_state=self.seed,
        )  # fmt: skip
        return model.fit(X, y * rng.choice([1.0, 1e4]) + rng.normal(size=len(y)) + 100 * (rng.random() < 0.3))


class HistProblem(Problem):
    """What both kinds of HistGradientBoosting share: float64 rows, NaN, in some models categories."""

    @property
    def categorical(self) -> list[int] | None:
        """Columns of categories."""
        return [1, 3] if self.is_categorical else None

    @property
    def infinite(self) -> bool:  # type: ignore[override]
        """Whether the model takes infinity: the encoder of categories refuses it."""
        return self.categorical is None

    def prepared(self, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return a table whose columns have values between those of float32, and a few that are categories."""
        X, y = self.table(rng)
        X = X * (1 + 2.0**-30)
        X[:, 0] = rng.normal(size=len(X))
        if self.categorical:
            X[:, 1] = rng.integers(0, 12, len(X))
            X[:, 3] = rng.choice([-2.5, 7.0, 1e6, 3.0, np.nan], len(X))
            y = np.where(X[:, 1] % 3 == 1, rng.permutation(self.n_classes)[0], y)
            y[: self.n_classes] = np.arange(self.n_classes)
        return X, y

    def answers(self, rows: NDArray[Any]) -> Expected:
        """Ask the model."""
        model = self.model
        if is_classifier(model):
            sums = model.decision_function(rows).reshape(len(rows), -1)
            labels = np.searchsorted(model.classes_, model.predict(rows))
            return Expected(labels=labels, probabilities=model.predict_proba(rows), values=sums)
        sums, predictions = model._raw_predict(rows), model.predict(rows)
        return Expected(values=sums, predictions=None if self.forest.link == "identity" else predictions)


class HistClassifierProblem(HistProblem):
    """Two or three classes, some with many ties."""

    family = "HistGradientBoosting classifier"

    def fit(self, rng: np.random.Generator) -> Any:
        X, y = self.prepared(rng)
        model = HistGradientBoostingClassifier(
            max_iter=int(rng.integers(1, 12)), max_depth=self.depth, min_samples_leaf=4, early_stopping=False,
            categorical_features=self.categorical, random_state=self.seed,
        ).fit(X, y)  # fmt: skip
        if rng.random() < 0.3:
            model._baseline_prediction = np.zeros_like(model._baseline_prediction)
            for predictor in (predictor for iteration in model._predictors for predictor in iteration):
                predictor.nodes = predictor.nodes.copy()
                predictor.nodes["value"] = rng.choice(TIED, len(predictor.nodes))
        return model


class HistRegressorProblem(HistProblem):
    """All losses, two of them with a logarithm as their link."""

    family = "HistGradientBoosting regressor"

    def fit(self, rng: np.random.Generator) -> Any:
        X, y = self.prepared(rng)
        losses = ("squared_error", "poisson", "absolute_error", "gamma", "quantile")
        return HistGradientBoostingRegressor(
            loss=losses[self.seed % len(losses)], quantile=0.7, max_iter=int(rng.integers(1, 20)), early_stopping=False,
            max_depth=self.depth, min_samples_leaf=3, categorical_features=self.categorical, random_state=self.seed,
        ).fit(X, y + rng.random(len(y)) + 0.1)  # fmt: skip


PROBLEMS: tuple[type[Problem], ...] = (
    BoostingClassifierProblem,
    BoostingRegressorProblem,
    HistClassifierProblem,
    HistRegressorProblem,
)

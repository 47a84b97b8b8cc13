"""XGBoost and LightGBM, where they are installed."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier

from benchmarks.reliability.problem import N_FEATURES, Expected, Problem, finite

CATEGORICAL = (1, 3)


class LibraryProblem(Problem):
    """Models of another library, with categories in some regressors."""

    @property
    def has_categories(self) -> bool:
        """Whether some columns are categories."""
        return "regressor" in self.family and self.is_categorical

    @property
    def infinite(self) -> bool:  # type: ignore[override]
        """Whether rows have infinity; not as categories, and not always, because XGBoost then tells no leaves."""
        return not self.has_categories and self.seed % 2 == 0

    def prepared(self, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return a table, some of whose columns are categories."""
        X, y = self.table(rng)
        if self.has_categories:
            for column in CATEGORICAL:
                X[:, column] = rng.integers(0, 12, len(X))
            y = y + (X[:, CATEGORICAL[0]] % 3 == 1)
        return X, y

    def expected_of(self, sums: NDArray[Any], leaves: NDArray[Any] | None, rows: NDArray[Any]) -> Expected:
        """Return the answers of the library's estimator around its sums and leaves."""
        values = sums.reshape(len(rows), -1)
        leaves = None if leaves is None else leaves.reshape(len(rows), -1)
        if is_classifier(self.model):
            labels, probabilities = self.model.predict(rows), self.model.predict_proba(rows)
            return Expected(labels=labels, probabilities=probabilities, values=values, leaves=leaves)
        predictions = None if self.forest.link == "identity" else self.predictions(rows)
        return Expected(values=values, predictions=predictions, leaves=leaves)

    def predictions(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return what a regressor with a link predicts."""
        return np.asarray(self.model.predict(rows))


class XGBoostProblem(LibraryProblem):
    """Rows become float32, sums are float32."""

    library = "xgboost"

    def accepted(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Replace huge values where they would be categories, which XGBoost refuses."""
        if self.has_categories:
            for column in CATEGORICAL:
                rows[np.abs(rows[:, column]) > 1e6, column] = 3
        return rows

    def ask(self, rows: NDArray[Any], *, margin: bool) -> NDArray[Any]:
        """Return sums or predictions; the container of rows refuses infinity, which prediction in place takes."""
        booster = self.model.get_booster()
        if finite(rows).all():
            return np.asarray(booster.predict(self.matrix(rows), output_margin=margin))
        return np.asarray(
            booster.inplace_predict(rows.astype(np.float32), predict_type="margin" if margin else "value")
        )

    def matrix(self, rows: NDArray[Any]) -> Any:
        """Return rows in the library's own container."""
        import xgboost

        return xgboost.DMatrix(
            rows.astype(np.float32), feature_types=self.feature_types, enable_categorical=self.has_categories
        )

    @property
    def feature_types(self) -> list[str] | None:
        """Which columns are categories."""
        if not self.has_categories:
            return None
        return ["c" if column in CATEGORICAL else "q" for column in range(N_FEATURES)]

    def answers(self, rows: NDArray[Any]) -> Expected:
        leaves = None  # prediction in place does not tell
        if finite(rows).all():
            leaves = np.asarray(self.model.get_booster().predict(self.matrix(rows), pred_leaf=True))
        return self.expected_of(self.ask(rows, margin=True), leaves, rows.astype(np.float32))

    def predictions(self, rows: NDArray[Any]) -> NDArray[Any]:
        return self.ask(rows, margin=False)


class XGBoostClassifierProblem(XGBoostProblem):
    """Two or three classes, parallel trees, base scores."""

    family = "XGBoost classifier"

    def fit(self, rng: np.random.Generator) -> Any:
        import xgboost

        options = [{}, {"num_parallel_tree": 3, "subsample": 0.6}, {"base_score": 0.3}][rng.integers(3)]
        X, y = self.prepared(rng)
        return xgboost.XGBClassifier(
            n_estimators=int(rng.integers(1, 12)), max_depth=self.depth or 6, min_child_weight=0.1, n_jobs=1,
            random_state=self.seed, **options,
        ).fit(X, y)  # fmt: skip


class XGBoostRegressorProblem(XGBoostProblem):
    """Losses with and without links, categories, two targets where the shape has three classes."""

    family = "XGBoost regressor"

    def fit(self, rng: np.random.Generator) -> Any:
        import xgboost

        objectives = ("reg:squarederror", "count:poisson", "reg:absoluteerror", "reg:logistic", "reg:gamma")
        X, y = self.prepared(rng)
        target = y + rng.random(len(y)) + 0.1
        objective = objectives[self.seed % len(objectives)]
        if objective == "reg:logistic":
            target = target / 5
        elif self.n_classes == 3 and objective == "reg:squarederror":
            target = np.column_stack([target, -target])
        return xgboost.XGBRegressor(
            n_estimators=int(rng.integers(1, 20)), max_depth=self.depth or 6, objective=objective, n_jobs=1,
            feature_types=self.feature_types, enable_categorical=self.has_categories, random_state=self.seed,
        ).fit(X, target)  # fmt: skip


class LightGBMProblem(LibraryProblem):
    """Rows and sums are float64."""

    library = "lightgbm"
    small = {"min_child_samples": 3, "verbose": -1, "n_jobs": 1}  # noqa: RUF012  # never changed

    def answers(self, rows: NDArray[Any]) -> Expected:
        booster = self.model.booster_
        sums, leaves = booster.predict(rows, raw_score=True), booster.predict(rows, pred_leaf=True)
        with warnings.catch_warnings():  # of names of features, which it gave itself
            warnings.filterwarnings("ignore", "X does not have valid feature names")
            return self.expected_of(sums, leaves, rows)


class LightGBMClassifierProblem(LightGBMProblem):
    """Two or three classes, one against all, dropped trees, without a notion of missing values."""

    family = "LightGBM classifier"

    def fit(self, rng: np.random.Generator) -> Any:
        import lightgbm

        options: list[dict[str, Any]] = [{}, {"boosting_type": "dart"}, {"use_missing": False}]
        options.append({"objective": "multiclassova"} if self.n_classes > 2 else {"sigmoid": 2.5})
        X, y = self.prepared(rng)
        return lightgbm.LGBMClassifier(
            n_estimators=int(rng.integers(1, 12)), max_depth=self.depth or -1, random_state=self.seed, **self.small,
            **options[rng.integers(len(options))],
        ).fit(X, y)  # fmt: skip


class LightGBMRegressorProblem(LightGBMProblem):
    """Losses with and without links, and categories."""

    family = "LightGBM regressor"

    def fit(self, rng: np.random.Generator) -> Any:
        import lightgbm

        objectives = ("regression", "poisson", "huber", "gamma", "quantile", "tweedie", "regression_l1")
        X, y = self.prepared(rng)
        model = lightgbm.LGBMRegressor(
            n_estimators=int(rng.integers(1, 20)), max_depth=self.depth or -1, random_state=self.seed, **self.small,
            objective=objectives[self.seed % len(objectives)], cat_smooth=1, min_data_per_group=2,
        )  # fmt: skip
        return model.fit(
            X, y + rng.random(len(y)) + 0.1, categorical_feature=list(CATEGORICAL) if self.has_categories else []
        )


PROBLEMS: tuple[type[Problem], ...] = (
    XGBoostClassifierProblem,
    XGBoostRegressorProblem,
    LightGBMClassifierProblem,
    LightGBMRegressorProblem,
)

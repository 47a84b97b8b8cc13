"""Every tree ensemble of scikit-learn, read and decided by NumPy, against scikit-learn itself: equal bit for bit."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from pixelforest.backends.numpy.forest import NumpyForestProgram
from pixelforest.forest import links
from pixelforest.forest.read import read_forest, read_forests

SEEDS = range(4)


def table(seed, n_classes=3, *, missing=True, n_rows=160, n_features=5):
    """Columns of few and of many values, with and without NaN, and classes that depend on them with noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features))
    X[:, 0] = X[:, 0].round(1)
    X[:, 1] = rng.integers(0, 6, n_rows)
    if missing:
        X[rng.random(X.shape) < 0.1] = np.nan
    y = (np.nan_to_num(X).sum(axis=1).argsort().argsort() * n_classes) // n_rows
    noisy = rng.random(n_rows) < 0.2
    y[noisy] = rng.integers(0, n_classes, noisy.sum())
    return X, y


def check_classifier(model, forest, rows):
    program = NumpyForestProgram(forest)
    with np.errstate(all="ignore"):  # scikit-learn looks for infinity in the sum of all values
        expected, labels = model.predict_proba(rows), model.predict(rows)
        sums = model.decision_function(rows) if hasattr(model, "decision_function") else None
    assert np.array_equal(model.classes_[program.class_indices(rows)], labels)
    found = program.class_probabilities(rows)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-15
    if sums is not None:
        assert np.array_equal(links.decision_function(forest, program.values(rows)), sums)
    else:
        assert np.array_equal(found, expected)


def check_regressor(model, forest, rows):
    values = NumpyForestProgram(forest).values(rows)
    with np.errstate(all="ignore"):
        assert np.array_equal(links.predictions(forest, values), model.predict(rows))


def check_leaves(model, forest, rows):
    with np.errstate(all="ignore"):
        leaves = model.apply(rows).reshape(len(rows), -1)
    assert np.array_equal(NumpyForestProgram(forest).leaf_nodes(rows), leaves)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(7),
        RandomForestClassifier(5, max_depth=2, class_weight="balanced"),
        ExtraTreesClassifier(6, min_samples_leaf=3),
        DecisionTreeClassifier(max_depth=4),
        ExtraTreeClassifier(),
    ],
)
def test_averaged_classifiers(model, seed, hard_rows):
    model.set_params(random_state=seed)
    model.fit(*table(seed, missing=not isinstance(model, ExtraTreeClassifier)))
    forest = read_forest(model)
    assert (forest.decision, forest.averages, forest.precision) == ("largest", True, "float32")
    rows = hard_rows(forest, seed=seed, infinite=False, missing=not isinstance(model, ExtraTreeClassifier))
    check_classifier(model, forest, rows)
    check_leaves(model, forest, rows)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n_targets", [1, 3])
@pytest.mark.parametrize(
    "model",
    [
        RandomForestRegressor(7),
        ExtraTreesRegressor(6, max_depth=3),
        DecisionTreeRegressor(criterion="absolute_error", max_depth=5),
        ExtraTreeRegressor(),
    ],
)
def test_averaged_regressors(model, n_targets, seed, hard_rows):
    missing = isinstance(model, RandomForestRegressor | ExtraTreesRegressor)
    X, y = table(seed, missing=missing)
    targets = np.random.default_rng(seed).normal(size=(len(X), n_targets)) + y[:, np.newaxis]
    model.set_params(random_state=seed).fit(X, targets if n_targets > 1 else targets[:, 0])
    forest = read_forest(model)
    assert (forest.decision, forest.n_outputs) == ("none", n_targets)
    rows = hard_rows(forest, seed=seed, infinite=False, missing=missing)
    check_regressor(model, forest, rows)
    check_leaves(model, forest, rows)


@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesClassifier])
def test_classifiers_of_several_targets_are_one_forest_each(kind, hard_rows):
    X, y = table(0)
    targets = np.column_stack([y, y > 0, np.arange(len(y)) % 4])
    model = kind(6, max_depth=4, random_state=0).fit(X, targets)
    forests = read_forests(model)
    rows = hard_rows(forests[0], infinite=False)
    for target, (forest, expected) in enumerate(zip(forests, model.predict_proba(rows), strict=True)):
        program = NumpyForestProgram(forest)
        assert np.array_equal(program.class_probabilities(rows), expected)
        assert np.array_equal(program.class_indices(rows), model.predict(rows)[:, target])
    with pytest.raises(ValueError, match="must have one output, got 3"):
        read_forest(model)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("init", [None, "zero", DummyClassifier(strategy="most_frequent")])
@pytest.mark.parametrize(("loss", "n_classes"), [("log_loss", 2), ("exponential", 2), ("log_loss", 4)])
def test_boosted_classifiers(loss, n_classes, init, ties, seed, hard_rows):
    parameters = {"max_depth": 3, "subsample": 0.7, "learning_rate": 0.3, "random_state": seed, "init": init}
    model = GradientBoostingClassifier(loss=loss, n_estimators=9, **parameters)
    model.fit(*table(seed, n_classes, missing=False))
    if ties:
        plant_equal_sums(model, seed)
    forest = read_forest(model)
    rows = hard_rows(forest, seed=seed, missing=False, infinite=False)
    check_classifier(model, forest, rows)
    check_leaves(model, forest, rows)
    if ties and init == "zero":
        values = np.sort(NumpyForestProgram(forest).values(rows), axis=1)
        close = values[:, 0] == 0 if n_classes == 2 else values[:, -1] == values[:, -2]
        assert close.mean() > 0.02


def plant_equal_sums(model, seed):
    rng = np.random.default_rng(seed)
    for tree in model.estimators_.ravel():
        tree.tree_.value[:] = rng.choice([-1.0, 0.0, 1.0], tree.tree_.value.shape)


@pytest.mark.parametrize("init", [None, "zero"])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
def test_boosted_regressors(loss, init, hard_rows):
    X, y = table(1, missing=False)
    model = GradientBoostingRegressor(loss=loss, n_estimators=12, init=init, random_state=0).fit(X, y + X[:, 2])
    forest = read_forest(model)
    rows = hard_rows(forest, missing=False, infinite=False)
    check_regressor(model, forest, rows)
    check_leaves(model, forest, rows)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("categorical", [None, [1], [0, 1, 4]])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_histogram_classifiers(n_classes, categorical, ties, seed, hard_rows):
    X, y = table(seed, n_classes, missing=bool(seed % 2))
    X[:, 4] = np.random.default_rng(seed).choice([-2.5, 7.0, 1e6, 3.0], len(X))
    model = HistGradientBoostingClassifier(
        max_iter=8, min_samples_leaf=4, categorical_features=categorical, random_state=seed, early_stopping=False
    ).fit(X, y)
    if ties:
        rng = np.random.default_rng(seed)
        model._baseline_prediction = np.zeros_like(model._baseline_prediction)
        for predictor in (p for iteration in model._predictors for p in iteration):
            predictor.nodes = predictor.nodes.copy()
            predictor.nodes["value"] = rng.choice([-1.0, 0.0, 1.0], len(predictor.nodes))
    forest = read_forest(model)
    assert forest.precision == "float64"
    assert bool(forest.categorical) == (categorical is not None)
    for float32 in (False, True):
        check_classifier(model, forest, hard_rows(forest, seed=seed, float32=float32, infinite=not categorical))


@pytest.mark.parametrize("categorical", [None, [0, 1]])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "gamma", "poisson", "quantile"])
def test_histogram_regressors(loss, categorical, hard_rows):
    X, y = table(2)
    model = HistGradientBoostingRegressor(
        loss=loss, max_iter=15, min_samples_leaf=3, quantile=0.7, categorical_features=categorical
    ).fit(X, y + 1.0)
    forest = read_forest(model)
    check_regressor(model, forest, hard_rows(forest, n_rows=1500, infinite=not categorical))


def test_many_categories_and_missing_ones(hard_rows):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 200, (900, 2)).astype(float)
    X[rng.random(X.shape) < 0.1] = np.nan
    y = np.nan_to_num(X[:, 0] * 37 % 11) + np.isnan(X[:, 1])
    model = HistGradientBoostingRegressor(max_iter=30, min_samples_leaf=2, categorical_features=[0, 1]).fit(X, y)
    forest = read_forest(model)
    assert len(forest.categorical) > 5
    check_regressor(model, forest, hard_rows(forest, n_rows=2000, infinite=False))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n_classes", [2, 6])
def test_bagged_classifiers(n_classes, seed, hard_rows):
    X, y = table(seed, n_classes)
    tree = DecisionTreeClassifier(max_depth=3)
    model = BaggingClassifier(tree, n_estimators=9, max_samples=30, max_features=3, random_state=seed).fit(X, y)
    seen = y != 1  # one tree that has not seen a class; whether others have depends on how scikit-learn draws
    model.estimators_[4].fit(X[seen][:, model.estimators_features_[4]], y[seen])
    forest = read_forest(model)
    check_classifier(model, forest, hard_rows(forest, seed=seed, infinite=False))


def test_bagged_regressors(hard_rows):
    X, y = table(0)
    model = BaggingRegressor(n_estimators=9, max_features=2, bootstrap_features=True, random_state=0).fit(X, y)
    forest = read_forest(model)
    check_regressor(model, forest, hard_rows(forest, infinite=False))


def unfitted_and_unsupported():
    X, y = table(0, 2, missing=False)
    named = np.array([["a", "b"][i] for i in y], dtype=object)[:, np.newaxis]
    yield GradientBoostingClassifier(), "must be fitted, got an unfitted GradientBoostingClassifier"
    yield HistGradientBoostingRegressor(), "must be fitted, got an unfitted HistGradientBoostingRegressor"
    yield BaggingClassifier(), "must be fitted, got an unfitted BaggingClassifier"
    yield ExtraTreesRegressor(), "must be a fitted forest or tree"
    yield AdaBoostClassifier(DecisionTreeClassifier(), n_estimators=2).fit(X, y), "got AdaBoostClassifier"
    yield IsolationForest(n_estimators=2).fit(X), "got IsolationForest"
    yield BaggingClassifier(LogisticRegression(), 2).fit(X, y), "must be a decision tree, got LogisticRegression"
    boosted = GradientBoostingRegressor(n_estimators=1, init=LinearRegression()).fit(X, y)
    yield boosted, r"`model.init` must be None, 'zero' or .* constant, got LinearRegression"
    drawn = GradientBoostingClassifier(n_estimators=1, init=DummyClassifier(strategy="stratified")).fit(X, y)
    yield drawn, "`model.init` must be"
    strings = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0], min_samples_leaf=1)
    yield strings.fit(named, y), "must have categories that are numbers, got 'a' in feature 0"


def test_what_cannot_be_read_is_named():
    for model, message in unfitted_and_unsupported():
        with pytest.raises(ValueError, match=message):
            read_forest(model)

"""LightGBM's models, read from their text and JSON, against LightGBM: equal labels, sums equal bit for bit."""

import numpy as np
import pytest

from pixelforest.backends.numpy.forest import NumpyForestProgram
from pixelforest.forest import links
from pixelforest.forest.read import read_forest

lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is not installed")

SMALL = {"n_estimators": 10, "min_child_samples": 3, "verbose": -1, "n_jobs": 1}
TINY = float(np.float32(1e-35))


def table(seed, n_classes=3, n_rows=300):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 5))
    X[:, 0] = X[:, 0].round(1)
    X[:, 1] = rng.integers(0, 40, n_rows)
    X[:, 2] = rng.integers(-1, 2, n_rows)
    X[rng.random(X.shape) < 0.1] = np.nan
    y = (np.nan_to_num(X).sum(axis=1).argsort().argsort() * n_classes) // n_rows
    noisy = rng.random(n_rows) < 0.2
    y[noisy] = rng.integers(0, n_classes, noisy.sum())
    return X, y


def with_zeros(rows):
    """Values beside what LightGBM takes for zero."""
    values = np.array([TINY, -TINY, np.nextafter(TINY, 1), np.nextafter(-TINY, -1), 5e-324, -5e-324, 0.0, -0.0])
    chosen = np.random.default_rng(9).integers(0, 40, rows.shape)
    return np.where(chosen < len(values), values[np.minimum(chosen, len(values) - 1)], rows)


def check(model, rows, forest=None):
    forest = forest or read_forest(model)
    booster = getattr(model, "booster_", model)
    program = NumpyForestProgram(forest)
    values = program.values(rows)
    sums = booster.predict(rows, raw_score=True)
    if not forest.averages:
        assert np.array_equal(values.reshape(sums.shape), sums)
    assert np.array_equal(program.leaf_nodes(rows), booster.predict(rows, pred_leaf=True).reshape(len(rows), -1))
    if forest.decision == "none":
        assert np.allclose(links.predictions(forest, values), booster.predict(rows), rtol=1e-14, atol=0)
    else:
        assert np.array_equal(model.classes_[program.class_indices(rows)], model.predict(rows))
        assert np.abs(program.class_probabilities(rows) - model.predict_proba(rows)).max() < 1e-14


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("n_classes", "parameters"),
    [
        (2, {}),
        (2, {"objective": "binary", "sigmoid": 2.5}),
        (2, {"use_missing": False}),
        (2, {"boosting_type": "rf", "subsample": 0.6, "subsample_freq": 1}),
        (3, {"boosting_type": "rf", "subsample": 0.6, "subsample_freq": 1}),
        (2, {"boosting_type": "dart"}),
        (4, {}),
        (3, {"objective": "multiclassova"}),
    ],
)
def test_classifiers(n_classes, parameters, seed, hard_rows):
    X, y = table(seed, n_classes)
    model = lightgbm.LGBMClassifier(**SMALL, **parameters, random_state=seed).fit(X, y)
    forest = read_forest(model)
    assert (forest.precision, forest.averages) == ("float64", parameters.get("boosting_type") == "rf")
    check(model, with_zeros(hard_rows(forest, seed=seed)))
    check(model, hard_rows(forest, seed=seed, float32=True))


@pytest.mark.parametrize(
    "objective",
    ["regression", "regression_l1", "huber", "fair", "poisson", "quantile", "mape", "gamma", "tweedie",
     "cross_entropy", "cross_entropy_lambda"],
)  # fmt: skip
def test_regressors(objective, hard_rows):
    X, y = table(1)
    y = y / 4 if objective.startswith("cross") else y + 1.0
    model = lightgbm.LGBMRegressor(**SMALL, objective=objective).fit(X, y)
    check(model, with_zeros(hard_rows(read_forest(model))))


def test_square_root_of_targets(hard_rows):
    X, y = table(1)
    model = lightgbm.LGBMRegressor(**SMALL, reg_sqrt=True).fit(X, y - 1.0)
    assert read_forest(model).link == "signed_square"
    check(model, hard_rows(read_forest(model)))


@pytest.mark.parametrize("one_hot", [1, 100])
def test_categories(one_hot, hard_rows):
    X, y = table(3)
    y = y + (np.nan_to_num(X[:, 1]) % 3 == 1) * 2.0
    model = lightgbm.LGBMRegressor(**SMALL, max_cat_to_onehot=one_hot, cat_smooth=1, min_data_per_group=2)
    model.fit(X, y, categorical_feature=[1])
    forest = read_forest(model)
    assert forest.categorical
    check(model, with_zeros(hard_rows(forest, n_rows=1500)))


def test_zeros_as_missing_are_read_where_that_changes_nothing(hard_rows):
    X, y = table(0, 2)
    X = np.abs(X)
    outcomes = set()
    for seed in range(12):
        model = lightgbm.LGBMClassifier(**{**SMALL, "n_estimators": 1}, num_leaves=3, zero_as_missing=True)
        model.fit(X[:, seed % 5 :], (y + X[:, seed % 5] > 0.5 + seed / 9).astype(int))
        text = model.booster_.model_to_string()
        if is_harmless(text):
            check(model, with_zeros(hard_rows(read_forest(model))))
        else:
            with pytest.raises(ValueError, match="must treat only NaN as missing, got a split at"):
                read_forest(text)
        outcomes.add(is_harmless(text))
    assert outcomes == {True, False}


def is_harmless(text):
    lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    splits = zip(lines["threshold"].split(), lines["decision_type"].split(), strict=True)
    return all(abs(float(t)) <= TINY or (float(t) > 0) == bool(int(kind) & 2) for t, kind in splits)


@pytest.mark.parametrize("objective", ["binary", "multiclass", "multiclassova"])
def test_ties_of_probabilities(objective):
    """Sums a few ulp beside the tie, and saturated ones, where unequal sums have equal probabilities."""
    n_classes = 2 if objective == "binary" else 3
    X = np.arange(900.0)[:, np.newaxis]
    options = {**SMALL, "n_estimators": 1, "num_leaves": 500, "min_child_samples": 1, "min_sum_hessian_in_leaf": 0}
    model = lightgbm.LGBMClassifier(**options, objective=objective).fit(X, np.arange(900) % n_classes)
    rng = np.random.default_rng(0)
    lines = model.booster_.model_to_string().split("\n")
    lines = [line for line in lines if not line.startswith("tree_sizes=")]  # they will change
    for number, line in enumerate(lines):
        if line.startswith("leaf_value="):
            count = len(line.split("=")[1].split())
            values = (
                rng.choice([0, 40, 60], count) * (objective == "multiclassova") + rng.integers(-9, 10, count) * 2.0**-54
            )
            lines[number] = "leaf_value=" + " ".join(map(repr, values.tolist()))
    booster = lightgbm.Booster(model_str="\n".join(lines))
    program = NumpyForestProgram(read_forest(booster))
    expected = booster.predict(X)
    assert np.array_equal(program.values(X).reshape(expected.shape), booster.predict(X, raw_score=True))
    if n_classes == 2:
        expected = np.column_stack([1.0 - expected, expected])  # as the classifier of LightGBM does
    assert np.array_equal(program.class_indices(X), expected.argmax(axis=1))
    if n_classes > 2:
        assert not np.array_equal(program.class_indices(X), program.values(X).argmax(axis=1))


def test_sources_give_the_same_forest(tmp_path, hard_rows):
    X, y = table(3)
    model = lightgbm.LGBMRegressor(**SMALL, min_data_per_group=2).fit(X, y, categorical_feature=[1])
    booster, path = model.booster_, tmp_path / "model.txt"
    booster.save_model(path)
    rows = hard_rows(read_forest(model))
    for source in (booster, path, str(path), booster.model_to_string(), booster.dump_model()):
        check(model, rows, read_forest(source))


def test_early_stopping_reads_what_predicts(hard_rows):
    X, y = table(0, 2)
    model = lightgbm.LGBMClassifier(**{**SMALL, "n_estimators": 200})
    model.fit(
        X, y, eval_X=(table(1, 2)[0],), eval_y=(table(1, 2)[1],), callbacks=[lightgbm.early_stopping(3, verbose=False)]
    )
    forest = read_forest(model)
    assert forest.n_trees == model.best_iteration_ < 190
    check(model, hard_rows(forest))


def test_a_model_that_learned_nothing(hard_rows):
    X, y = table(0)
    model = lightgbm.LGBMRegressor(**{**SMALL, "min_child_samples": 10**6}).fit(X, y)
    check(model, hard_rows(read_forest(model), n_rows=5))


def test_what_cannot_be_read_is_named():
    X, y = table(0, 2)
    linear = lightgbm.LGBMRegressor(**SMALL, linear_tree=True).fit(np.nan_to_num(X), y + 0.5)
    plain = lightgbm.LGBMRegressor(**SMALL).fit(X, y)
    for model, message in (
        (linear, "must have constant leaves, got a linear tree"),
        (linear.booster_.dump_model(), "must have constant leaves, got a linear tree"),
        (lightgbm.LGBMClassifier(), "must be fitted, got an unfitted LGBMClassifier"),
        ("tree\nnum_class=1\n", "must hold LightGBM's text or dump, got one without 'max_feature_idx'"),
        (plain.booster_.model_to_string().replace("split_feature=", "split_feature=9"), r"`feature` must be in \[0, 5"),
        ({"tree_info": [], "objective": "x", "max_feature_idx": 0, "num_tree_per_iteration": 1}, "got 'x'"),
    ):
        with pytest.raises(ValueError, match=message):
            read_forest(model)

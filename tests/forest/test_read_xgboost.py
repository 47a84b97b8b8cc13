"""XGBoost's models, read from their JSON, against XGBoost: equal labels, sums equal in all bits of float32."""

import json

import numpy as np
import pytest

from pixelforest.backends.numpy.forest import NumpyForestProgram
from pixelforest.forest import links
from pixelforest.forest.read import read_forest

xgboost = pytest.importorskip("xgboost", reason="xgboost is not installed")


def table(seed, n_classes=3, n_rows=240):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 5)).astype(np.float32)
    X[:, 0] = X[:, 0].round(1)
    X[:, 1] = rng.integers(0, 6, n_rows)
    X[rng.random(X.shape) < 0.1] = np.nan
    y = (np.nan_to_num(X).sum(axis=1).argsort().argsort() * n_classes) // n_rows
    noisy = rng.random(n_rows) < 0.2
    y[noisy] = rng.integers(0, n_classes, noisy.sum())
    return X, y


def check(model, rows):
    forest = read_forest(model)
    program = NumpyForestProgram(forest)
    values = program.values(rows)
    with np.errstate(over="ignore"):
        single = rows.astype(np.float32)
    sums = model.predict(single, output_margin=True)
    assert np.array_equal(values.reshape(sums.shape), sums)
    leaves = model.get_booster().predict(xgboost.DMatrix(single), pred_leaf=True)
    assert np.array_equal(program.leaf_nodes(rows), leaves.reshape(len(rows), -1))
    if forest.decision == "none":
        expected = model.predict(single)
        assert np.allclose(links.predictions(forest, values), expected, rtol=3e-7, atol=0)
    else:
        assert np.array_equal(program.class_indices(rows), model.predict(single))
        assert np.abs(program.class_probabilities(rows) - model.predict_proba(single)).max() < 2e-7


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("parameters", [{}, {"num_parallel_tree": 3, "subsample": 0.6}, {"base_score": 0.3}])
def test_classifiers(parameters, n_classes, seed, hard_rows):
    model = xgboost.XGBClassifier(n_estimators=12, max_depth=4, random_state=seed, **parameters)
    model.fit(*table(seed, n_classes))
    check(model, hard_rows(read_forest(model), seed=seed, infinite=False))


def test_the_last_bit_of_base_scores():
    X = np.zeros((1, 1), np.float32)
    for score in np.random.default_rng(0).uniform(0.01, 0.99, 60).astype(np.float32).tolist():
        model = xgboost.XGBClassifier(n_estimators=1, base_score=score).fit(np.zeros((2, 1)), [0, 1])
        sums = model.predict(X, output_margin=True)
        assert np.array_equal(NumpyForestProgram(read_forest(model)).values(X)[0], sums)


def test_softmax_objective_decides_on_sums(hard_rows):
    model = xgboost.XGBClassifier(n_estimators=5, objective="multi:softmax").fit(*table(0))
    assert read_forest(model).decides_on == "values"
    check(model, hard_rows(read_forest(model), infinite=False))


@pytest.mark.parametrize(
    "objective",
    ["reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:squaredlogerror", "reg:logistic",
     "count:poisson", "reg:gamma", "reg:tweedie", "binary:logitraw"],
)  # fmt: skip
def test_regressors(objective, hard_rows):
    X, y = table(1)
    y = (y + 0.5) / 4 if objective in ("reg:logistic", "binary:logitraw") else y + 1.0
    model = xgboost.XGBRegressor(n_estimators=20, max_depth=3, objective=objective).fit(X, y)
    check(model, hard_rows(read_forest(model), infinite=False))


@pytest.mark.parametrize("strategy", ["one_output_per_tree", "multi_output_tree"])
def test_several_targets(strategy, hard_rows):
    X, y = table(2)
    model = xgboost.XGBRegressor(n_estimators=6, max_depth=3, multi_strategy=strategy).fit(
        X, np.column_stack([y, -2 * y])
    )
    forest = read_forest(model)
    rows = hard_rows(forest, infinite=False)
    assert np.array_equal(NumpyForestProgram(forest).values(rows), model.predict(rows))


@pytest.mark.parametrize("one_hot", [1, 100])
def test_categories(one_hot, hard_rows):
    X, y = table(3)
    X[:, 4] = np.random.default_rng(0).integers(0, 12, len(X))
    y = y + (X[:, 4] % 3 == 1) * 2.0
    types = ["q", "c", "q", "q", "c"]
    model = xgboost.XGBRegressor(
        n_estimators=12, max_depth=4, feature_types=types, enable_categorical=True, max_cat_to_onehot=one_hot
    ).fit(X, y)
    forest = read_forest(model)
    assert forest.categorical
    rows = hard_rows(forest, infinite=False)
    rows[:, [1, 4]] = np.where(np.abs(rows[:, [1, 4]]) > 1e6, 3, rows[:, [1, 4]])
    with np.errstate(over="ignore"):
        matrix = xgboost.DMatrix(rows.astype(np.float32), feature_types=types, enable_categorical=True)
    booster = model.get_booster()
    program = NumpyForestProgram(forest)
    assert np.array_equal(program.leaf_nodes(rows), booster.predict(matrix, pred_leaf=True))
    assert np.array_equal(program.values(rows)[:, 0], booster.predict(matrix, output_margin=True))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_ties_of_float32_probabilities(n_classes):
    """Sums a few steps of float32 beside the tie, where unequal sums have equal probabilities."""
    X = np.arange(512, dtype=np.float32)[:, np.newaxis]
    model = xgboost.XGBClassifier(n_estimators=1, max_depth=10, min_child_weight=0, reg_lambda=0, base_score=0.5)
    model.fit(X, np.arange(512) % n_classes)
    raw = json.loads(bytes(model.get_booster().save_raw("json")))
    values = np.linspace(-4e-7, 4e-7, 512).astype(np.float32)
    for number, tree in enumerate(raw["learner"]["gradient_booster"]["model"]["trees"]):
        leaf = iter(np.random.default_rng(number).permutation(values).tolist())
        for node, child in enumerate(tree["left_children"]):
            if child < 0:
                tree["split_conditions"][node] = next(leaf)
    planted = xgboost.XGBClassifier()
    planted.load_model(bytearray(json.dumps(raw).encode()))
    check(planted, X.astype(np.float64))


def test_sources_give_the_same_forest(tmp_path):
    X, y = table(0, 2)
    model = xgboost.XGBClassifier(n_estimators=4).fit(X, y)
    path = tmp_path / "model.json"
    model.save_model(path)
    forests = [
        read_forest(source) for source in (model, model.get_booster(), path, str(path), json.loads(path.read_text()))
    ]
    for forest in forests:
        assert np.array_equal(forest.threshold, forests[0].threshold)
        assert (forest.decision, forest.sum_precision) == ("sign", "float32")


def test_early_stopping_reads_what_predicts(hard_rows):
    X, y = table(0, 2)
    model = xgboost.XGBClassifier(n_estimators=200, early_stopping_rounds=3).fit(
        X, y, eval_set=[table(1, 2)], verbose=0
    )
    assert read_forest(model).n_trees == model.best_iteration + 1 < 190
    rows = hard_rows(read_forest(model), infinite=False)
    values = NumpyForestProgram(read_forest(model)).values(rows)
    assert np.array_equal(values[:, 0], model.predict(rows, output_margin=True))


def test_what_cannot_be_read_is_named():
    X, y = table(0, 2)
    for model, message in (
        (xgboost.XGBClassifier(n_estimators=2, booster="dart").fit(X, y), "must have the booster 'gbtree', got 'dart'"),
        (xgboost.XGBClassifier(n_estimators=2, objective="binary:hinge").fit(X, y), "got 'binary:hinge'"),
        (xgboost.XGBClassifier(n_estimators=2, missing=0).fit(X, y), "`model.missing` must be NaN, got 0"),
        (xgboost.XGBClassifier(), "must be fitted, got an unfitted XGBClassifier"),
        (xgboost.XGBClassifier(n_estimators=1).fit(X, np.column_stack([y, 1 - y])), "must have one target .* got 2"),
        ({"learner": {}}, "must hold XGBoost's JSON, got something else: KeyError"),
        (changed(X, y, "split_indices", 77), r"`feature` must be in \[0, 5\); node 0 has 77"),
        (changed(X, y, "split_conditions", float("nan")), "`threshold` must be finite or .inf; node 0 has nan"),
        (changed(X, y, "left_children", 0), "must have trees, got one whose node 0 is reached twice"),
    ):
        with pytest.raises(ValueError, match=message):
            read_forest(model)


def changed(X, y, name, value):
    """A model's JSON with another entry for the root of its first tree."""
    raw = json.loads(bytes(xgboost.XGBClassifier(n_estimators=1).fit(X, y).get_booster().save_raw("json")))
    raw["learner"]["gradient_booster"]["model"]["trees"][0][name][0] = value
    return raw

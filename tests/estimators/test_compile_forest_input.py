"""What `compile_forest` and its results refuse: exactly what the model refuses, and models that it cannot read."""

from importlib.util import find_spec

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

import pixelforest as pf

X = np.random.default_rng(0).normal(size=(80, 4))
y = (X[:, 0] + X[:, 1] > 0).astype(int)
MODELS = {
    "forest": RandomForestClassifier(4, random_state=0),
    "forest with monotonic features": RandomForestClassifier(4, monotonic_cst=[1, 0, 0, 0], random_state=0),
    "forest of absolute errors": RandomForestRegressor(3, criterion="absolute_error", random_state=0),
    "extra trees": ExtraTreesRegressor(4, random_state=0),
    "tree": DecisionTreeClassifier(random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=3, random_state=0),
    "histograms": HistGradientBoostingClassifier(max_iter=3, random_state=0),
    "bagging": BaggingClassifier(n_estimators=4, random_state=0),
    "bagging of two features": BaggingClassifier(n_estimators=1, max_features=2, random_state=1),
}
BAD_VALUES = [np.nan, np.inf, -np.inf, 1e300, -3.4028235677973366e38, 3.4028235677973362e38]
needs_xgboost = pytest.mark.skipif(find_spec("xgboost") is None, reason="xgboost is not installed")
needs_lightgbm = pytest.mark.skipif(find_spec("lightgbm") is None, reason="lightgbm is not installed")


def outcome(model, rows):
    """Return predictions, or what is raised."""
    try:
        with np.errstate(over="ignore"):
            return np.asarray(model.predict(rows)).round(5).ravel().tolist()
    except ValueError as error:
        return str(error).split("\n")[0]


@pytest.mark.parametrize("device", ["auto", "numpy"])
@pytest.mark.parametrize("is_trained_with_nan", [False, True], ids=["finite", "with NaN"])
@pytest.mark.parametrize("name", MODELS)
def test_numbers_are_refused_where_the_model_refuses_them(name, is_trained_with_nan, device):
    rows = X.copy()
    if is_trained_with_nan:
        if name in ("boosting", "forest of absolute errors"):
            pytest.skip("scikit-learn cannot train it with NaN")
        rows[::5, 1] = np.nan
    model = MODELS[name].fit(rows, y)
    compiled = pf.compile_forest(model, device=device)
    for value in BAD_VALUES:
        for column in range(4):
            bad = X.copy()
            bad[7, column] = value
            expected = outcome(model, bad)
            assert outcome(compiled, bad) == expected, (value, column)
            image = np.moveaxis(bad.T.reshape(4, 8, 10).copy(), 0, -1)
            assert outcome(compiled, image) == expected, (value, column)
            with np.errstate(over="ignore"):
                single = bad.astype(np.float32)
            assert outcome(compiled, single) == outcome(model, single), (value, column)


def check_takes_all(model):
    model.fit(X, y)
    rows = np.repeat(X[:6], 4, axis=0)
    rows[np.arange(24), np.tile(np.arange(4), 6)] = np.repeat([np.nan, np.inf, -np.inf, 1e300, 0, 1], 4)
    with np.errstate(over="ignore"):
        assert np.array_equal(pf.compile_forest(model).predict(rows), model.predict(rows))
    with pytest.raises(ValueError, match="X has 3 features, but"):
        pf.compile_forest(model).predict(X[:, :3])


@needs_xgboost
def test_xgboost_takes_all_numbers():
    import xgboost

    check_takes_all(xgboost.XGBClassifier(n_estimators=3))


@needs_lightgbm
def test_lightgbm_takes_all_numbers():
    import lightgbm

    check_takes_all(lightgbm.LGBMClassifier(n_estimators=3, verbose=-1))


@needs_xgboost
def test_xgboost_compares_names_that_it_is_given():
    import pandas
    import xgboost

    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = xgboost.XGBClassifier(n_estimators=3).fit(frame, y)
    compiled = pf.compile_forest(model)
    for rows in (frame, X):  # no warning about missing names, which XGBoost does not give
        assert np.array_equal(compiled.predict(rows), model.predict(rows))
    with pytest.raises(ValueError, match="feature_names mismatch"):
        model.predict(frame[list("abdc")])
    with pytest.raises(ValueError, match="feature names should match"):
        compiled.predict(frame[list("abdc")])


@needs_lightgbm
def test_categories_that_the_model_encodes_are_refused():
    import lightgbm
    import pandas

    frame = pandas.DataFrame({"a": X[:, 0], "b": pandas.Categorical(np.where(y, 30, 10))})
    model = lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(frame, y)
    with pytest.raises(ValueError, match=r"category.*pass the codes"):
        pf.compile_forest(model).predict(frame)


def test_finite_numbers_can_be_assumed():
    compiled = pf.compile_forest(MODELS["boosting"].fit(X, y), device="numpy")
    with config_context(assume_finite=True):
        assert compiled.predict(np.full((2, 4), np.nan)).shape == (2,)


def test_large_finite_sums_are_no_infinities():
    model = MODELS["forest"].fit(X, y)
    for rows in (np.full((400, 4), 3e38, np.float32), np.full((400, 4), 6e4, np.float16)):
        assert np.array_equal(pf.compile_forest(model).predict(rows), model.predict(rows))


@pytest.mark.parametrize(
    "rows",
    [X[:, :3], np.hstack([X, X]), np.ones(4), X[:0], [["a"] * 4], X * 1j, [[1, 2], [3]]],
    ids=["narrow", "wide", "1-D", "empty", "text", "complex", "ragged"],
)
def test_tables_are_refused_in_scikit_learns_words(rows):
    model = MODELS["forest"].fit(X, y)
    compiled = pf.compile_forest(model)
    for method in ("predict", "predict_proba", "apply"):
        with pytest.raises(ValueError) as theirs:
            getattr(model, method)(rows)
        with pytest.raises(ValueError) as ours:
            getattr(compiled, method)(rows)
        assert str(ours.value).replace("CompiledClassifier", "RandomForestClassifier") == str(theirs.value)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 8, 10)), r"`X` must have 4 features.*RandomForestClassifier.*\(4, 8, 10\).*moveaxis"),
        (np.zeros((8, 10, 4), complex), "real numbers, got complex128"),
        (np.full((2, 2, 4), "a"), "could not convert string"),
    ],
    ids=["feature-major", "complex", "text"],
)
def test_images_are_refused_by_name(image, message):
    with pytest.raises(ValueError, match=message):
        pf.compile_forest(MODELS["forest"].fit(X, y)).predict(image)


@pytest.mark.parametrize("device", ["auto", "numpy"])
def test_images_without_pixels_have_no_labels(device):
    compiled = pf.compile_forest(MODELS["forest"].fit(X, y), device=device)
    assert compiled.predict(np.zeros((0, 7, 4))).shape == (0, 7)
    assert compiled.predict_proba(np.zeros((0, 7, 4))).shape == (0, 7, 2)


def test_sparse_rows_are_refused():
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        pf.compile_forest(MODELS["forest"].fit(X, y)).predict(sparse.csr_matrix(X))


@pytest.mark.parametrize(
    ("model", "kind", "message"),
    [
        (RandomForestClassifier(), NotFittedError, "`model` must be fitted, got an unfitted RandomForestClassifier"),
        (HistGradientBoostingClassifier(), NotFittedError, "unfitted HistGradientBoostingClassifier"),
        (RandomForestClassifier, ValueError, "the class RandomForestClassifier"),
        (LogisticRegression().fit(X, y), ValueError, "forest or tree of scikit-learn, got LogisticRegression"),
        (
            BaggingClassifier(KNeighborsClassifier()).fit(X, y),
            ValueError,
            "`model.estimator` must be a decision tree, got KNeighborsClassifier",
        ),
        (
            GradientBoostingClassifier(n_estimators=2, init=ExtraTreeClassifier()).fit(X, y),
            ValueError,
            "`model.init` must be None, 'zero'",
        ),
        (None, ValueError, "NoneType"),
        ({"a": 1}, ValueError, "dict"),
    ],
    ids=["unfitted", "unfitted histograms", "class", "linear", "bag of neighbours", "init", "None", "mapping"],
)
def test_models_that_cannot_be_compiled_are_named(model, kind, message):
    with pytest.raises(kind, match=message):
        pf.compile_forest(model)


def test_absent_devices_are_named():
    with pytest.raises(ValueError, match=r"`device`.*Babbage"):
        pf.compile_forest(MODELS["forest"].fit(X, y), device="Babbage")


@needs_xgboost
def test_files_of_xgboost_have_classes_from_0(tmp_path):
    import xgboost

    model = xgboost.XGBClassifier(n_estimators=3).fit(X, y)
    model.save_model(tmp_path / "model.json")
    for source in (tmp_path / "model.json", str(tmp_path / "model.json"), model.get_booster()):
        compiled = pf.compile_forest(source)
        assert compiled.classes_.tolist() == [0, 1]
        assert np.array_equal(compiled.predict(X), model.predict(X))
        assert np.allclose(compiled.predict_proba(X), model.predict_proba(X), atol=1e-6)
        assert not hasattr(compiled, "apply")


@needs_lightgbm
def test_files_of_lightgbm_have_classes_from_0(tmp_path):
    import lightgbm

    model = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(X, np.array(["no", "yes"])[y])
    assert np.array_equal(pf.compile_forest(model).predict(X), model.predict(X))
    model.booster_.save_model(tmp_path / "model.txt")
    dump = model.booster_.dump_model()
    for source in (tmp_path / "model.txt", model.booster_.model_to_string(), dump, model.booster_):
        compiled = pf.compile_forest(source)
        assert np.array_equal(compiled.predict(X), (model.predict(X) == "yes").astype(int))
        assert np.allclose(compiled.predict_proba(X), model.predict_proba(X), atol=1e-6)

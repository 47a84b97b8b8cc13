"""`compile_forest`: same methods and answers as the model, for every family, device, layout and dtype."""

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any, NamedTuple

import joblib
import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.inspection import permutation_importance
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.validation import check_is_fitted

import pixelforest as pf

N_FEATURES = 5


class Table(NamedTuple):
    """Rows, classes (of any number) and targets."""

    X: np.ndarray
    scores: np.ndarray

    def classes(self, n_classes: int) -> np.ndarray:
        return self.scores.argsort().argsort() * n_classes // len(self.scores)

    def targets(self, n_outputs: int) -> np.ndarray:
        more = [self.scores * (i + 1) + self.X[:, i] for i in range(n_outputs)]
        return np.column_stack(more) if n_outputs > 1 else more[0]


def make_table(n_rows: int = 300, seed: int = 0) -> Table:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, N_FEATURES))
    X[:, 1] = X[:, 1].round(1)
    return Table(X.astype(np.float32), X[:, 0] + X[:, 1] ** 2 - X[:, 2] + rng.normal(size=n_rows))


def _xgboost(name: str, **parameters: Any) -> Any:
    import xgboost

    return getattr(xgboost, name)(**parameters)


def _lightgbm(name: str, **parameters: Any) -> Any:
    import lightgbm

    return getattr(lightgbm, name)(verbose=-1, min_child_samples=5, **parameters)


class Problem(NamedTuple):
    """How to make a model, and how many classes or targets it is fitted to."""

    make: Callable[[], Any]
    n_classes: int = 0
    n_outputs: int = 1

    def target(self, table: Table) -> np.ndarray:
        if not self.n_classes:
            return table.targets(self.n_outputs)
        if self.n_outputs > 1:
            return np.column_stack([table.classes(self.n_classes + i) * 3 - 1 for i in range(self.n_outputs)])
        return table.classes(self.n_classes)

    def fitted(self, table: Table) -> Any:
        return self.make().fit(table.X, self.target(table))


SCIKIT_LEARN = {
    "random forest": Problem(lambda: RandomForestClassifier(12, random_state=0), 3),
    "shallow forest": Problem(lambda: RandomForestClassifier(30, max_depth=2, random_state=0), 2),
    "random forest, one class": Problem(lambda: RandomForestClassifier(3, random_state=0), 1),
    "random forest, two targets": Problem(lambda: RandomForestClassifier(6, random_state=0), 2, 2),
    "extra trees": Problem(lambda: ExtraTreesClassifier(10, max_depth=6, random_state=0), 4),
    "tree": Problem(lambda: DecisionTreeClassifier(random_state=0), 3),
    "tree, two targets": Problem(lambda: DecisionTreeClassifier(max_depth=4, random_state=0), 3, 2),
    "boosting": Problem(lambda: GradientBoostingClassifier(n_estimators=8, random_state=0), 3),
    "boosting, two classes": Problem(lambda: GradientBoostingClassifier(n_estimators=8, random_state=0), 2),
    "boosting, exponential": Problem(lambda: GradientBoostingClassifier(loss="exponential", n_estimators=5), 2),
    "histograms": Problem(lambda: HistGradientBoostingClassifier(max_iter=8, min_samples_leaf=5), 3),
    "histograms, two classes": Problem(lambda: HistGradientBoostingClassifier(max_iter=8, min_samples_leaf=5), 2),
    "bagging": Problem(lambda: BaggingClassifier(n_estimators=6, max_features=3, random_state=0), 3),
    "forest regression": Problem(lambda: RandomForestRegressor(12, random_state=0)),
    "forest regression, three targets": Problem(lambda: RandomForestRegressor(7, random_state=0), n_outputs=3),
    "extra trees regression": Problem(lambda: ExtraTreesRegressor(12, max_depth=4, random_state=0)),
    "tree regression": Problem(lambda: DecisionTreeRegressor(max_depth=5, random_state=0)),
    "boosted regression": Problem(lambda: GradientBoostingRegressor(n_estimators=9, random_state=0)),
    "histogram regression": Problem(lambda: HistGradientBoostingRegressor(max_iter=9, min_samples_leaf=5)),
    "bagged regression": Problem(lambda: BaggingRegressor(n_estimators=6, random_state=0)),
}
XGBOOST = {
    "XGBoost": Problem(lambda: _xgboost("XGBClassifier", n_estimators=6, max_depth=3), 3),
    "XGBoost, two classes": Problem(lambda: _xgboost("XGBClassifier", n_estimators=6, max_depth=3), 2),
    "XGBoost regression": Problem(lambda: _xgboost("XGBRegressor", n_estimators=6, max_depth=3)),
    "XGBoost forest": Problem(lambda: _xgboost("XGBRFRegressor", n_estimators=6, max_depth=3)),
}
LIGHTGBM = {
    "LightGBM": Problem(lambda: _lightgbm("LGBMClassifier", n_estimators=6), 3),
    "LightGBM, two classes": Problem(lambda: _lightgbm("LGBMClassifier", n_estimators=6), 2),
    "LightGBM regression": Problem(lambda: _lightgbm("LGBMRegressor", n_estimators=6)),
}


def problems() -> list[Any]:
    """Return every problem as a parameter of a test."""

    def needing(library: str, some: dict[str, Problem]) -> list[Any]:
        skip = pytest.mark.skipif(find_spec(library) is None, reason=f"{library} is not installed")
        return [pytest.param(problem, id=name, marks=skip) for name, problem in some.items()]

    return [
        *(pytest.param(problem, id=name) for name, problem in SCIKIT_LEARN.items()),
        *needing("xgboost", XGBOOST),
        *needing("lightgbm", LIGHTGBM),
    ]


METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "apply")
TABLE = make_table()
each_problem = pytest.mark.parametrize("problem", problems())


@pytest.fixture(scope="module", params=["auto", "numpy"])
def device(request):
    return request.param


def answer(model, method, X):
    with np.errstate(divide="ignore", over="ignore"):
        return getattr(model, method)(X)


def assert_same(compiled, model, X, *, rows=None):
    """Check all methods on `X`; `rows` are what the model gets, the same numbers."""
    rows = np.asarray(X).reshape(-1, N_FEATURES) if rows is None else rows
    for method in METHODS:
        assert hasattr(compiled, method) == hasattr(model, method), method
        if not hasattr(model, method):
            continue
        found, expected = answer(compiled, method, X), answer(model, method, rows)
        assert isinstance(found, list) == isinstance(expected, list)
        pairs = zip(found, expected, strict=True) if isinstance(found, list) else [(found, expected)]
        for shaped, theirs in pairs:
            assert shaped.dtype == theirs.dtype
            assert shaped.shape == (*np.shape(X)[:-1], *theirs.shape[1:])
            ours = shaped.reshape(theirs.shape)
            if method == "apply" or (method == "predict" and is_classifier(model)):
                assert np.array_equal(ours, theirs), method
            elif method == "predict_log_proba":
                assert np.allclose(np.exp(ours), np.exp(theirs), rtol=0, atol=1e-6)
            else:
                assert np.allclose(ours, theirs, rtol=2e-6, atol=2.5e-7), method


@each_problem
def test_every_method_answers_as_the_model(problem, device):
    model = problem.fitted(TABLE)
    compiled = pf.compile_forest(model, device=device)
    assert_same(compiled, model, TABLE.X)
    assert_same(compiled, model, make_table(77, seed=5).X)
    assert is_classifier(compiled) == is_classifier(model)
    assert is_regressor(compiled) == is_regressor(model)
    assert compiled.n_features_in_ == model.n_features_in_
    assert compiled.n_outputs_ == problem.n_outputs
    if is_classifier(model):
        as_list = isinstance(model.classes_, list)
        pairs = zip(*((m.classes_ if as_list else [m.classes_]) for m in (compiled, model)), strict=True)
        assert all(np.array_equal(ours, theirs) for ours, theirs in pairs)
    else:
        assert not hasattr(compiled, "classes_")
    if not (is_classifier(model) and problem.n_outputs > 1):
        assert compiled.score(TABLE.X, problem.target(TABLE)) == pytest.approx(
            model.score(TABLE.X, problem.target(TABLE)), abs=1e-6
        )


def layouts() -> dict[str, np.ndarray]:
    """Return images and tables of many dtypes and strides."""
    rng = np.random.default_rng(3)
    planes = rng.normal(size=(N_FEATURES, 12, 17)).astype(np.float32)
    wide = rng.normal(size=(40, N_FEATURES)) * (1 + 1e-12)
    bytes_ = rng.integers(0, 256, (N_FEATURES, 9, 11)).astype(np.uint8)
    frozen = planes.copy()
    frozen.flags.writeable = False
    return {
        "C": np.ascontiguousarray(planes.reshape(N_FEATURES, -1).T),
        "F": planes.reshape(N_FEATURES, -1).T,
        "moved axis": np.moveaxis(planes, 0, -1),
        "volume": np.moveaxis(planes.reshape(N_FEATURES, 4, 3, 17), 0, -1),
        "image in C order": np.ascontiguousarray(np.moveaxis(planes, 0, -1)),
        "float64": wide,
        "float64 image": np.moveaxis(wide.T.reshape(N_FEATURES, 5, 8).copy(), 0, -1),
        "float16": np.moveaxis(planes, 0, -1).astype(np.float16),
        "big-endian": np.moveaxis(planes, 0, -1).astype(">f4"),
        "uint8": np.moveaxis(bytes_, 0, -1),
        "int8": np.moveaxis(bytes_, 0, -1).view(np.int8),
        "uint16": np.moveaxis(bytes_.astype(np.uint16) * 257, 0, -1),
        "int64": np.moveaxis(bytes_.astype(np.int64) << 40, 0, -1),
        "bool": np.moveaxis(bytes_ > 99, 0, -1),
        "every other": np.moveaxis(planes[:, ::2, ::3], 0, -1),
        "backwards": np.moveaxis(planes[:, ::-1, ::-1], 0, -1),
        "read-only": np.moveaxis(frozen, 0, -1),
        "one row": planes[:, 0, :1].T,
        "one pixel": planes[:, :1, :1].transpose(1, 2, 0),
    }


@pytest.mark.parametrize("layout", layouts())
@pytest.mark.parametrize("name", ["random forest", "shallow forest", "histograms", "forest regression"])
def test_layouts_and_dtypes(name, layout, device):
    problem = SCIKIT_LEARN[name]
    model = problem.make().fit(TABLE.X * 50, problem.target(TABLE))
    X = layouts()[layout]
    if X.dtype.kind == "f":
        X = X * X.dtype.type(50)
    before = X.copy()
    assert_same(pf.compile_forest(model, device=device), model, X)
    assert np.array_equal(X, before)


def test_read_only_rows_are_read(device):
    model = SCIKIT_LEARN["random forest"].fitted(TABLE)
    X = layouts()["read-only"]
    assert not X.flags.writeable
    assert_same(pf.compile_forest(model, device=device), model, X)


def test_lists_and_named_columns(device):
    import pandas

    frame = pandas.DataFrame(TABLE.X.astype(np.float64), columns=list("abcde"))
    model = RandomForestClassifier(5, random_state=0).fit(frame, TABLE.classes(3))
    compiled = pf.compile_forest(model, device=device)
    assert compiled.feature_names_in_.tolist() == list("abcde")
    assert_same(compiled, model, frame, rows=frame)
    for wrong in (frame[list("abced")], frame.rename(columns={"a": "z"}), frame.assign(f=0)):
        with pytest.raises(ValueError) as theirs:
            model.predict(wrong)
        with pytest.raises(ValueError) as ours:
            compiled.predict(wrong)
        assert str(ours.value).replace("CompiledClassifier", "RandomForestClassifier") == str(theirs.value)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        compiled.predict(TABLE.X)
    compiled.predict(np.zeros((3, 4, N_FEATURES)))  # no image has names
    plain = pf.compile_forest(SCIKIT_LEARN["random forest"].fitted(TABLE), device=device)
    assert not hasattr(plain, "feature_names_in_")
    assert np.array_equal(plain.predict(TABLE.X.tolist()), plain.predict(TABLE.X))


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
@pytest.mark.parametrize("order", ["C", "F"])
def test_labels_are_written_to_out(dtype, order, device):
    for classes in ([0, 1, 2], [3, 200, 7]):
        y = np.array(classes)[TABLE.classes(3)]
        compiled = pf.compile_forest(RandomForestClassifier(5, random_state=0).fit(TABLE.X, y), device=device)
        X = layouts()["moved axis"]
        out = np.zeros(X.shape[:-1], dtype, order=order)
        assert compiled.predict(X, out=out) is out
        assert np.array_equal(out, compiled.predict(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["random forest", "boosting", "forest regression", "forest regression, three targets"])
def test_numbers_are_written_to_out(name, dtype, device):
    compiled = pf.compile_forest(SCIKIT_LEARN[name].fitted(TABLE), device=device)
    method = compiled.predict_proba if is_classifier(compiled) else compiled.predict
    X = layouts()["moved axis"]
    expected = method(X)
    class_major = np.zeros(expected.shape[::-1], dtype).T
    for out in (np.zeros(expected.shape, dtype), class_major):
        assert method(X, out=out) is out
        assert np.allclose(out, expected, rtol=1e-6)


def test_several_targets_are_written_to_out(device):
    compiled = pf.compile_forest(SCIKIT_LEARN["tree, two targets"].fitted(TABLE), device=device)
    out = np.zeros((300, 2), np.int8)
    assert np.array_equal(compiled.predict(TABLE.X, out=out), compiled.predict(TABLE.X))
    parts = [np.zeros((300, 3)), np.zeros((300, 4))]
    for found, part in zip(compiled.predict_proba(TABLE.X, out=parts), parts, strict=True):
        assert found is part
        assert part.any()
    with pytest.raises(ValueError, match="list of 2 arrays, one per target, got 1"):
        compiled.predict_proba(TABLE.X, out=parts[:1])


def test_out_may_be_the_input(device):
    rows = np.random.default_rng(0).integers(0, 256, (20_000, N_FEATURES)).astype(np.uint8)
    model = RandomForestClassifier(9, random_state=0).fit(rows[:500], rows[:500, 0] // 90)
    expected = model.predict(rows)
    out = rows.reshape(-1)[-len(rows) :]  # labels of the first rows lie in the last ones
    assert np.array_equal(pf.compile_forest(model, device=device).predict(rows, out=out), expected)


@pytest.mark.parametrize(
    ("out", "kind", "message"),
    [
        (np.zeros((12, 16), np.uint8), ValueError, r"`out` must have shape \(12, 17\), got \(12, 16\)"),
        (np.zeros((12, 17), np.bool_), ValueError, r"holds the classes \[0, 1, 2\], such as int64, got bool"),
        (np.zeros((12, 17), "U3"), ValueError, "got <U3"),
        ([0] * 12, TypeError, "ndarray.*got list"),
        (np.broadcast_to(np.uint8(0), (12, 17)), ValueError, "writeable"),
    ],
    ids=["shape", "bool", "text", "list", "read-only"],
)
def test_out_that_does_not_fit_is_named(out, kind, message, device):
    compiled = pf.compile_forest(SCIKIT_LEARN["random forest"].fitted(TABLE), device=device)
    with pytest.raises(kind, match=message):
        compiled.predict(layouts()["moved axis"], out=out)


def test_probabilities_need_floats(device):
    compiled = pf.compile_forest(SCIKIT_LEARN["random forest"].fitted(TABLE), device=device)
    with pytest.raises(ValueError, match="float32 or float64, got float16"):
        compiled.predict_proba(TABLE.X, out=np.zeros((300, 3), np.float16))


@pytest.mark.parametrize("labels", [["b", "a", "c"], [-5, 300, 7], [2.0, 1.0, -1.0]])
def test_labels_of_any_kind(labels, device):
    model = RandomForestClassifier(5, random_state=0).fit(TABLE.X, np.array(labels)[TABLE.classes(3)])
    assert_same(pf.compile_forest(model, device=device), model, TABLE.X)


@each_problem
def test_it_is_a_copy_that_pickles(problem, device):
    model = problem.fitted(TABLE)
    compiled = pf.compile_forest(model, device=device)
    expected = compiled.predict(TABLE.X)
    bare = len(pickle.dumps(pf.compile_forest(model, device=device)))
    assert len(pickle.dumps(compiled)) <= 1.01 * bare
    for twin in (pickle.loads(pickle.dumps(compiled)), copy.deepcopy(compiled), copy.copy(compiled)):
        assert np.array_equal(twin.predict(TABLE.X), expected)
        assert twin.get_params().keys() == compiled.get_params().keys()
    for trees in getattr(model, "estimators_", ()):
        for tree in np.atleast_1d(trees):
            tree.tree_.value[...] = 0
    assert np.array_equal(compiled.predict(TABLE.X), expected)


def test_sixteen_threads_predict_at_once(device):
    model = SCIKIT_LEARN["random forest"].fitted(TABLE)
    compiled = pickle.loads(pickle.dumps(pf.compile_forest(model, device=device)))  # so that threads build the kernels
    expected = [model.predict(TABLE.X[i:]) for i in range(64)]
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda i: compiled.predict(TABLE.X[i:]), range(64)))
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_other_processes_predict_the_same(device):
    compiled = pf.compile_forest(SCIKIT_LEARN["random forest"].fitted(TABLE), device=device)
    compiled.predict(TABLE.X)
    found = joblib.Parallel(2)(joblib.delayed(compiled.predict)(TABLE.X[i::2]) for i in range(2))
    assert all(np.array_equal(found[i], compiled.predict(TABLE.X[i::2])) for i in range(2))


def test_it_is_a_frozen_estimator(device):
    model = SCIKIT_LEARN["random forest"].fitted(TABLE)
    compiled = pf.compile_forest(model, device=device)
    y = TABLE.classes(3)
    check_is_fitted(compiled)
    assert clone(compiled) is compiled
    assert compiled.fit(TABLE.X, y[::-1]) is compiled
    with pytest.raises(ValueError, match="X has 4 features, but CompiledClassifier is expecting 5"):
        compiled.fit(TABLE.X[:, 1:], y)
    assert cross_val_score(compiled, TABLE.X, y, cv=3) == pytest.approx([model.score(p, t) for p, t in folds(y)])
    assert permutation_importance(compiled, TABLE.X, y, n_repeats=1).importances.shape == (N_FEATURES, 1)
    assert repr(compiled).endswith("model=<RandomForestClassifier, 12 trees>)")
    assert compiled.set_params(device="numpy").kernel_plan_.form == "numpy"
    assert_same(compiled, model, TABLE.X)


def folds(y):
    from sklearn.model_selection import StratifiedKFold

    return [(TABLE.X[test], y[test]) for _, test in StratifiedKFold(3).split(TABLE.X, y)]


@pytest.mark.parametrize("form", ["traverse", "shared", "coherent", "shallow"])
def test_forms_can_be_forced(form, opencl_engine):
    model = SCIKIT_LEARN["shallow forest"].fitted(TABLE)
    compiled = pf.compile_forest(model, device=opencl_engine.name, form=form)
    assert compiled.kernel_plan_.form == form
    kernel = "traverse" if form == "shared" else form
    assert f"forest_{kernel}(" in compiled.kernel_source_
    assert_same(compiled, model, layouts()["moved axis"])
    with pytest.raises(ValueError, match="`form` 'shallow' needs trees of depth"):
        pf.compile_forest(SCIKIT_LEARN["random forest"].fitted(TABLE), device=opencl_engine.name, form="shallow")


def test_forms_are_refused_without_a_device():
    with pytest.raises(ValueError, match="`form` must be None without an OpenCL device, got 'shallow'"):
        pf.compile_forest(SCIKIT_LEARN["shallow forest"].fitted(TABLE), device="numpy", form="shallow")


def test_source_plan_and_export(tmp_path):
    compiled = pf.compile_forest(SCIKIT_LEARN["random forest"].fitted(TABLE), device="numpy")
    assert "NumPy" in compiled.kernel_source_
    text = compiled.to_opencl(tmp_path / "forest.cl")
    assert (tmp_path / "forest.cl").read_text(encoding="utf-8") == text
    assert "kernel void predict" in text
    with pytest.raises(ValueError, match="several outputs cannot be compiled into one"):
        pf.compile_forest(SCIKIT_LEARN["tree, two targets"].fitted(TABLE), device="numpy").to_opencl()


def strokes(shape):
    labels = np.zeros(shape, np.uint8)
    labels[3, :20], labels[20, :20] = 1, 2
    return labels


def test_image_segmenters_take_a_compiled_forest(device, monkeypatch):
    image = np.random.default_rng(0).normal(size=(32, 40)) + np.arange(32)[:, None] / 4
    stack = pf.ImageFeatureStack(("gaussian",), (1, 2), device=device)
    rows = stack.transform(image).reshape(-1, 2)
    model = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5).fit(rows, 1 + (np.arange(len(rows)) >= 640))
    compiled = pf.compile_forest(model, device=device)
    segmenter = pf.ImageSegmenter(stack, compiled).fit([image], [strokes(image.shape)])
    assert segmenter.classifier_ is compiled
    expected = model.predict(rows).reshape(image.shape)
    with monkeypatch.context() as patch:  # on the device of the features, no row is asked for
        patch.setattr(type(compiled), "predict", None)
        assert np.array_equal(segmenter.predict(image), expected)
    assert np.allclose(segmenter.predict_proba(image).reshape(-1, 2), model.predict_proba(rows), atol=1e-6)
    pixels = pf.PixelClassifier(compiled).fit([stack.transform(image)], [strokes(image.shape)])
    assert np.array_equal(pixels.predict(stack.transform(image)), expected)


def test_segmenters_name_classes_that_strokes_lack():
    image = np.random.default_rng(0).normal(size=(32, 40))
    stack = pf.ImageFeatureStack(("gaussian",), (1,))
    compiled = pf.compile_forest(RandomForestClassifier(2).fit([[0], [1], [2]], [1, 2, 7]))
    with pytest.raises(ValueError, match=r"fitted with the classes \[7\].*`classes=`"):
        pf.ImageSegmenter(stack, compiled).fit([image], [strokes(image.shape)])
    fitted = pf.ImageSegmenter(stack, compiled, classes=[1, 2, 7]).fit([image], [strokes(image.shape)])
    assert fitted.predict_proba(image).shape == (32, 40, 3)
    narrow = pf.compile_forest(RandomForestClassifier(2).fit([[0, 0], [1, 1]], [1, 2]))
    with pytest.raises(ValueError, match="X has 1 features, but CompiledClassifier is expecting 2"):
        pf.ImageSegmenter(stack, narrow).fit([image], [strokes(image.shape)])

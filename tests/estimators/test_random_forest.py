import copy
import inspect
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from pixelforest.backends.select import open_backend
from pixelforest.estimators.compiled import WatchedPrograms
from pixelforest.estimators.extra_trees import OpenCLExtraTreesClassifier
from pixelforest.estimators.extra_trees_regressor import OpenCLExtraTreesRegressor
from pixelforest.estimators.random_forest import OpenCLRandomForestClassifier
from pixelforest.estimators.random_forest_regressor import OpenCLRandomForestRegressor

# scikit-learn lists the same two for its own random forests.
EXPECTED_FAILURES = {
    f"check_sample_weight_equivalence_on_{kind}_data": (
        "scikit-learn draws bootstrap samples by weight, so weights and repeated rows give other random trees"
    )
    for kind in ("dense", "sparse")
}


@parametrize_with_checks(
    [
        OpenCLRandomForestClassifier(n_estimators=5),
        OpenCLRandomForestClassifier(n_estimators=5, device="numpy"),
        OpenCLExtraTreesClassifier(n_estimators=5),
        OpenCLRandomForestRegressor(n_estimators=5),
        OpenCLExtraTreesRegressor(n_estimators=5),
    ],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES if "RandomForest" in type(estimator).__name__ else {},
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def table():
    X, y = make_classification(400, 8, n_informative=5, n_classes=3, flip_y=0.2, random_state=0)
    return X.astype(np.float32), y


@pytest.fixture(params=["auto", "numpy"])
def device(request):
    return request.param


def pair(X, y, device="auto", **parameters):
    """Return our forest and scikit-learn's, fitted alike."""
    parameters = {"n_estimators": 15, "random_state": 0, **parameters}
    ours = OpenCLRandomForestClassifier(device=device, **parameters)
    return ours.fit(X, y), RandomForestClassifier(**parameters, n_jobs=1).fit(X, y)


def assert_same(ours, reference, X):
    assert np.array_equal(ours.predict(X), reference.predict(X))
    probabilities = reference.predict_proba(X)
    assert np.abs(ours.predict_proba(X) - probabilities).max() <= 2.5e-7
    assert np.array_equal(ours.predict_proba(X).argmax(axis=1), probabilities.argmax(axis=1))


@pytest.mark.parametrize(
    "kind",
    [OpenCLRandomForestClassifier, OpenCLExtraTreesClassifier, OpenCLRandomForestRegressor, OpenCLExtraTreesRegressor],
)
def test_signature_is_scikit_learns_and_device(kind):
    ours = inspect.signature(kind).parameters
    theirs = inspect.signature(kind.__bases__[1]).parameters
    assert {name: p.default for name, p in ours.items() if name != "device"} == {
        n: p.default for n, p in theirs.items()
    }


@pytest.mark.parametrize(
    "parameters",
    [
        {"max_depth": 2},
        {"max_depth": 9},
        {},
        {"min_samples_leaf": 4, "class_weight": "balanced"},
        {"criterion": "entropy"},
    ],
)
def test_answers_are_scikit_learns(table, device, parameters):
    X, y = table
    ours, reference = pair(X, y, device, **parameters)
    assert_same(ours, reference, X)
    assert_same(ours, reference, np.asfortranarray(X))
    assert_same(ours, reference, X[::-2].astype(np.float64))
    with np.errstate(divide="ignore"):
        assert np.allclose(ours.predict_log_proba(X), reference.predict_log_proba(X), rtol=0, atol=1e-4)
    assert ours.score(X, y) == reference.score(X, y)


@pytest.mark.parametrize("names", [["b", "a", "c"], [-5, 300, 7], [2.0, 1.0, -1.0], [True, False, True]])
def test_classes_are_kept_as_given(table, device, names):
    X, y = table
    ours, reference = pair(X, np.array(names)[y], device)
    assert np.array_equal(ours.classes_, reference.classes_)
    assert ours.predict(X).dtype == reference.predict(X).dtype
    assert_same(ours, reference, X)


def test_missing_values_go_where_scikit_learn_sends_them(table, device):
    X, y = table
    X = np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X)
    ours, reference = pair(X, y, device)
    assert_same(ours, reference, X)
    ours, reference = pair(table[0], y, device, max_depth=3)
    assert_same(ours, reference, X)


def test_sparse_rows_are_scikit_learns(table):
    X, y = table
    ours, reference = pair(X, y)
    rows = sparse.csr_matrix(X)
    assert np.array_equal(ours.predict(rows), reference.predict(rows))
    assert np.array_equal(ours.predict_proba(rows), reference.predict_proba(rows))
    assert np.array_equal(ours.apply(rows), reference.apply(rows))


def test_several_outputs_are_compiled_each_by_itself(table, device):
    X, y = table
    for labels in (np.column_stack([y, y > 0]), np.array(["a", "bc", "d"])[np.column_stack([y, y])]):
        ours, reference = pair(X, labels, device)
        assert np.array_equal(ours.predict(X), reference.predict(X))
        assert ours.predict(X).dtype == reference.predict(X).dtype
        for probabilities, expected in zip(ours.predict_proba(X), reference.predict_proba(X), strict=True):
            assert np.abs(probabilities - expected).max() <= 2.5e-7
        with pytest.raises(ValueError, match="several outputs cannot be compiled"):
            ours.to_opencl()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (OpenCLRandomForestClassifier, RandomForestClassifier),
        (OpenCLExtraTreesClassifier, ExtraTreesClassifier),
        (OpenCLRandomForestRegressor, RandomForestRegressor),
        (OpenCLExtraTreesRegressor, ExtraTreesRegressor),
    ],
    ids=lambda kind: kind.__name__,
)
def test_leaves_are_scikit_learns(table, device, ours, theirs):
    X, y = table
    for labels in (y, np.column_stack([y, y > 0])):
        leaves = ours(9, random_state=0, device=device).fit(X, labels).apply(X)
        expected = theirs(9, random_state=0).fit(X, labels).apply(X)
        assert leaves.dtype == expected.dtype
        assert np.array_equal(leaves, expected)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("parameters", [{}, {"max_depth": 3}, {"min_samples_leaf": 4}])
@pytest.mark.parametrize(
    ("kind", "reference"),
    [(OpenCLRandomForestRegressor, RandomForestRegressor), (OpenCLExtraTreesRegressor, ExtraTreesRegressor)],
    ids=["random forest", "extra trees"],
)
def test_regressors_predict_as_scikit_learn(table, device, kind, reference, parameters, n_outputs):
    X, _ = table
    targets = X[:, :n_outputs] * 1000 + X[:, -1:] if n_outputs > 1 else X[:, 0] + X[:, 1] ** 2
    ours = kind(15, random_state=0, device=device, **parameters).fit(X, targets)
    expected = reference(15, random_state=0, **parameters).fit(X, targets).predict(X)
    scale = np.abs(targets).max()
    for rows in (X, np.asfortranarray(X), X.astype(np.float64)):
        assert ours.predict(rows).shape == expected.shape
        assert np.abs(ours.predict(rows) - expected).max() <= 1e-6 * scale
    twin = pickle.loads(pickle.dumps(ours))
    assert np.array_equal(twin.predict(X), ours.predict(X))
    refitted = reference(15, random_state=0, **parameters).fit(X, -targets).predict(X)
    assert np.abs(ours.fit(X, -targets).predict(X) - refitted).max() <= 1e-6 * scale
    assert "A forest of 15 trees" in ours.to_opencl()


@pytest.mark.parametrize(
    "X",
    [np.zeros((2, 7)), np.full((2, 8), np.inf), np.zeros(8), np.zeros((0, 8)), [["a"] * 8]],
    ids=["width", "inf", "1-D", "empty", "text"],
)
def test_errors_are_scikit_learns(table, X):
    ours, reference = pair(*table, n_estimators=2)
    for method in ("predict", "predict_proba"):
        with pytest.raises(ValueError) as theirs:
            getattr(reference, method)(X)
        with pytest.raises(ValueError) as raised:
            getattr(ours, method)(X)
        assert str(raised.value).replace("OpenCL", "") == str(theirs.value)


def test_unfitted_forests_say_so():
    model = OpenCLRandomForestClassifier()
    assert not hasattr(model, "kernel_source_")
    for use in (lambda: model.predict([[0]]), model.to_opencl):
        with pytest.raises(NotFittedError):
            use()


@pytest.mark.parametrize(("device", "error"), [("no such device", ValueError), (3, ValueError)])
def test_absent_devices_are_errors(table, device, error):
    model = OpenCLRandomForestClassifier(2, device=device)
    with pytest.raises(error, match="device"):
        model.fit(*table).predict(table[0])


def test_refits_and_more_trees_are_noticed(table, device):
    X, y = table
    ours, _ = pair(X, y, device)
    ours.predict(X)
    assert_same(ours.fit(X, (y + 1) % 3), RandomForestClassifier(15, random_state=0).fit(X, (y + 1) % 3), X)
    ours, reference = pair(X, y, device, warm_start=True)
    assert_same(ours, reference, X)
    assert_same(ours.set_params(n_estimators=25).fit(X, y), reference.set_params(n_estimators=25).fit(X, y), X)
    other = RandomForestClassifier(25, random_state=9).fit(X, y)
    ours.estimators_[3] = reference.estimators_[3] = other.estimators_[3]
    assert_same(ours, reference, X)
    ours.estimators_ = reference.estimators_ = other.estimators_[:7]
    assert_same(ours, reference, X)


def test_pickles_and_copies_predict_the_same_and_carry_no_program(table, device):
    X, y = table
    ours, reference = pair(X, y, device)
    bare = len(pickle.dumps(ours))
    ours.predict(X)
    assert len(pickle.dumps(ours)) == bare
    for twin in (pickle.loads(pickle.dumps(ours)), copy.deepcopy(ours), copy.copy(ours)):
        assert_same(twin, reference, X)
    assert clone(ours).get_params() == ours.get_params()
    assert not hasattr(clone(ours), "estimators_")


def test_predict_leaves_the_estimator_unchanged(table):
    ours, _ = pair(*table)
    before = dict(vars(ours))
    ours.predict(table[0]), ours.predict_proba(table[0]), ours.kernel_source_, ours.kernel_plan_
    assert vars(ours) == before


def test_sixteen_threads_predict_at_once(table):
    X, y = table
    ours, reference = pair(X, y, min_samples_leaf=2)
    expected = [reference.predict(X[i:]) for i in range(64)]
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda i: ours.predict(X[i:]), range(64)))
    assert all(np.array_equal(a, b) for a, b in zip(results, expected, strict=True))


def test_grid_search(table):
    X, y = table
    search = GridSearchCV(OpenCLRandomForestClassifier(5, random_state=0), {"max_depth": [2, 4]}, cv=2).fit(X, y)
    reference = GridSearchCV(RandomForestClassifier(5, random_state=0), {"max_depth": [2, 4]}, cv=2).fit(X, y)
    assert np.array_equal(search.cv_results_["mean_test_score"], reference.cv_results_["mean_test_score"])


def test_source_plan_and_export(table, tmp_path):
    ours, _ = pair(*table, device="numpy")
    assert "NumPy" in ours.kernel_source_
    assert ours.kernel_plan_.form == "numpy"
    text = ours.to_opencl(tmp_path / "forest.cl")
    assert (tmp_path / "forest.cl").read_text(encoding="utf-8") == text
    assert "kernel void predict" in text


def test_source_and_plan_on_a_device(table, opencl_engine):
    ours, _ = pair(*table, device=opencl_engine.name, max_depth=3)
    assert ours.kernel_plan_.form in ("shallow", "coherent")
    assert f"forest_{ours.kernel_plan_.form}(global const VALUE *values" in ours.kernel_source_


@pytest.mark.parametrize(
    "y",
    [
        [np.ones((4, 5), int), np.ones((3, 5), int)],
        [np.ones((4, 5), int)] * 2,
        np.ones((2, 4, 5), int),
        np.ones((4, 5), int),
        np.array([np.ones((4, 5), int), None], dtype=object)[:1],
    ],
    ids=["ragged", "list", "stack", "image", "objects"],
)
def test_label_images_are_refused_with_directions(y):
    with pytest.raises(ValueError, match=r"label image.*pixelforest\.PixelClassifier"):
        OpenCLRandomForestClassifier().fit(np.zeros((40, 3)), y)


def test_holder_reads_once_and_keys_by_backend(table, monkeypatch):
    from pixelforest.estimators import compiled as module

    reads = []
    read = module.read_forests
    monkeypatch.setattr(module, "read_forests", lambda model: reads.append(1) or read(model))
    ours, _ = pair(*table)
    holder, backend = WatchedPrograms(), open_backend("numpy")
    with ThreadPoolExecutor(8) as pool:
        programs = set(pool.map(lambda _: holder.of(ours).on(backend), range(20)))
    assert len(programs) == len(reads) == 1
    assert copy.deepcopy(holder)._programs is None


def test_extra_trees_answer_as_scikit_learn(table):
    X, y = table
    ours = OpenCLExtraTreesClassifier(20, max_depth=3, class_weight="balanced", random_state=0).fit(X, y)
    reference = ExtraTreesClassifier(20, max_depth=3, class_weight="balanced", random_state=0).fit(X, y)
    assert ours.get_params().keys() == {*reference.get_params(), "device"}
    np.testing.assert_array_equal(ours.predict(X), reference.predict(X))
    np.testing.assert_allclose(ours.predict_proba(X), reference.predict_proba(X), rtol=0, atol=2.5e-7)
    assert all(value == ours.get_params()[name] for name, value in reference.get_params().items())

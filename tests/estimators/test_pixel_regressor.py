"""`PixelRegressor`: scikit-learn's regressor on the annotated pixels, in pipelines, searches and chunks."""

import dask.array
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import is_regressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

import pixelforest as pf
from pixelforest.exceptions import UnlabeledImageWarning
from tests.estimators.test_bad_input import assert_refuses

SHAPES = [(20, 24), (17, 30), (20, 24)]
FEATURES = [np.random.default_rng(seed).normal(size=(*shape, 3)) for seed, shape in enumerate(SHAPES)]
TRUTH = [features @ [1.0, -2.0, 0.5] + 4 for features in FEATURES]
TARGETS = [np.where(np.indices(t.shape).sum(axis=0) % 4 == 0, t, np.nan) for t in TRUTH]
LINEAR = pf.PixelRegressor(LinearRegression())
TREE = DecisionTreeRegressor(random_state=0)


def test_numbers_are_those_of_scikit_learn():
    forest = RandomForestRegressor(7, random_state=0)
    model = pf.PixelRegressor(forest).fit(FEATURES, TARGETS)
    known = [~np.isnan(target) for target in TARGETS]
    rows = np.concatenate([features[at] for features, at in zip(FEATURES, known, strict=True)])
    values = np.concatenate([target[at] for target, at in zip(TARGETS, known, strict=True)])
    forest.fit(rows, values)
    for got, features in zip(model.predict(FEATURES), FEATURES, strict=True):
        assert_array_equal(got, forest.predict(features.reshape(-1, 3)).reshape(features.shape[:2]))
        assert got.dtype == np.float64
    assert model.score(FEATURES, TARGETS) == pytest.approx(r2_score(values, forest.predict(rows)))
    assert is_regressor(model)
    assert model.n_features_in_ == 3


def test_default_forest_in_a_pipeline():
    """A sharp image from a blurred one."""
    random = np.random.default_rng(0)
    images = [random.uniform(0, 1, (48, 48)).astype(np.float32) for _ in range(2)]
    features = pf.ImageFeatureStack(("original", "gaussian"), (1,))
    targets = [features.transform(image)[..., 1].astype(float) for image in images]
    annotated = [np.where(np.arange(48) % 2 == 0, target, np.nan) for target in targets]
    model = make_pipeline(features, pf.PixelRegressor()).fit(images[:1], annotated[:1])
    assert model.score(images[1:], targets[1:]) > 0.95
    search = GridSearchCV(make_pipeline(features, LINEAR), {"imagefeaturestack__sigmas": [(3,), (1,)]}, cv=2).fit(
        images, annotated
    )
    assert search.best_params_ == {"imagefeaturestack__sigmas": (1,)}
    assert search.best_score_ == pytest.approx(1)


def test_chunks_give_the_same():
    model = pf.PixelRegressor(TREE).fit(FEATURES, TARGETS)
    lazy = model.predict(dask.array.from_array(FEATURES[0], chunks=(7, 11, 2)))
    assert isinstance(lazy, dask.array.Array)
    assert lazy.dtype == np.float64
    assert_array_equal(lazy.compute(), model.predict(FEATURES[0]))


def test_weights_reach_the_estimator():
    weights = [np.full(shape, 1.0) for shape in SHAPES]
    doubled = [np.where(np.arange(shape[1]) < 9, 2.0, 1.0) for shape in SHAPES]
    doubled = [np.broadcast_to(w, shape) for w, shape in zip(doubled, SHAPES, strict=True)]
    noisy = [target + np.sin(1e3 * target) for target in TARGETS]
    plain, weighted = (pf.PixelRegressor(LinearRegression()).fit(FEATURES, noisy, w) for w in (weights, doubled))
    assert_allclose(plain.predict(FEATURES[0]), LINEAR.fit(FEATURES, noisy).predict(FEATURES[0]))
    assert not np.allclose(weighted.predict(FEATURES[0]), plain.predict(FEATURES[0]))
    assert weighted.score(FEATURES, noisy, doubled) != weighted.score(FEATURES, noisy)
    words = ("`sample_weight`", "KNeighborsRegressor")
    model = pf.PixelRegressor(KNeighborsRegressor())
    assert_refuses(lambda: model.fit(FEATURES, TARGETS, weights), ValueError, words)


def test_nan_features():
    holes = [features.copy() for features in FEATURES]
    holes[1][3, 5] = np.nan
    assert_refuses(lambda: LINEAR.fit(holes, TARGETS), ValueError, ("`X[1]`", "NaN", "nan_policy='mask'"))
    masked = pf.PixelRegressor(LinearRegression(), nan_policy="mask").fit(holes, TARGETS)
    got = masked.predict(holes)[1]
    assert np.isnan(got[3, 5])
    assert_allclose(np.delete(got, 95), np.delete(TRUTH[1], 95))
    assert_refuses(
        lambda: masked.fit([features * np.nan for features in FEATURES], TARGETS), ValueError, ("`X`", "NaN")
    )


def test_volumes_and_cross_validation():
    volumes = [np.stack([features] * 2) for features in FEATURES]
    y = [np.stack([target] * 2) for target in TARGETS]
    model = pf.PixelRegressor(LinearRegression(), spatial_ndim=3)
    assert_allclose(cross_val_score(model, volumes, y, cv=3), 1)


def test_images_without_numbers_are_left_out():
    with pytest.warns(UnlabeledImageWarning, match=r"\[2\]"):
        LINEAR.fit(FEATURES, [*TARGETS[:2], TARGETS[2] * np.nan])


BAD_TARGETS = {
    "integers": ([*TARGETS[:2], np.zeros(SHAPES[2], int)], TypeError, ("`y[2]`", "floats", "NaN", "int64")),
    "another shape": ([*TARGETS[:2], TARGETS[1]], ValueError, ("`y[2]`", "(20, 24)", "(17, 30)")),
    "inf": ([*TARGETS[:2], TARGETS[2] * np.inf], ValueError, ("`y[2]`", "finite", "inf")),
    "nothing": ([target * np.nan for target in TARGETS], ValueError, ("`y`", "no annotated pixel", "3")),
    "too few": (TARGETS[:2], ValueError, ("`y`", "3", "2")),
    "none": (None, ValueError, ("`y`", "required")),
}


@pytest.mark.parametrize(("y", "kind", "words"), BAD_TARGETS.values(), ids=BAD_TARGETS)
def test_bad_targets_are_named(y, kind, words):
    model = pf.PixelRegressor(LinearRegression())
    assert_refuses(lambda: model.fit(FEATURES, y), kind, words)
    assert not hasattr(model, "estimator_")


def test_missing_features_are_named():
    model = LINEAR.fit(FEATURES, TARGETS)
    assert_refuses(lambda: model.predict([f[..., :2] for f in FEATURES]), ValueError, ("`X[0]`", "3 features", "2"))
    assert_refuses(lambda: LINEAR.fit(FEATURES[0], TARGETS[0]), ValueError, ("`X`", "fit([image], [labels])"))

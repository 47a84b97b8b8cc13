"""Filters of users: registered by name, passed as objects, with halo, position or statistics, and transformers."""

import pickle
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import pixelforest as pf
from pixelforest.engine.tiling import TileReader, tiles
from pixelforest.features.build import build_plan, grid
from pixelforest.features.filters import FILTERS
from pixelforest.features.host import evaluate_host

IMAGE = np.random.default_rng(0).normal(50, 9, (31, 42)).astype(np.float32)


def local_range(image):
    return ndimage.maximum_filter(image, 5) - ndimage.minimum_filter(image, 5)


def percentile(image, sigma):
    return ndimage.percentile_filter(image, 20, size=[2 * int(s + 0.5) + 1 for s in sigma])


def from_corner(image, origin, shape):
    rows, columns = np.indices(image.shape)
    return np.stack([rows + origin[0] + 0 * image, (columns + origin[1]) / shape[1]], axis=-1)


def above(image, statistics):
    return image > statistics


class Doubling:
    """Knows no halo, sees all channels."""

    n_outputs = 2

    def transform(self, image):
        total = image.sum(axis=-1) if image.ndim == 3 else image
        return np.stack([2 * total, np.full(total.shape, image.mean())], axis=-1)


class Mean(TransformerMixin, BaseEstimator):
    """A transformer of scikit-learn that has to be fitted."""

    halo = 0

    def fit(self, X, y=None):
        self.mean_ = 3.0
        return self

    def transform(self, X):
        return X - self.mean_

    def get_feature_names_out(self):
        return ["centred"]


@pytest.fixture
def registered():
    """Forget after the test what it registers."""
    before = dict(FILTERS)
    yield
    FILTERS.clear()
    FILTERS.update(before)


def stack(*filters, **settings):
    return pf.ImageFeatureStack(filters=filters, sigmas=settings.pop("sigmas", (1.0, 2.0)), device="numpy", **settings)


def in_tiles(engine, plan, image, tile_shape):
    reader = TileReader(image[np.newaxis], plan, "raise", 0)
    out = np.empty((len(plan.outputs), *image.shape), np.float32)
    for window in tiles(image.shape, tile_shape):
        out[(slice(None), *window.slices)] = engine.compute(plan, reader.read(window)[0])
    return out


def test_three_lines_make_a_filter(registered):
    pf.register_filter("local_range", local_range, halo=2)
    values = stack("gaussian", "local_range").transform(IMAGE)
    assert_array_equal(values[..., 2], local_range(IMAGE))
    assert stack("local_range").get_feature_names_out().tolist() == ["local_range"]
    assert_array_equal(pf.ImageFeatureStack(features="local_range").transform(IMAGE)[..., 0], local_range(IMAGE))


@pytest.mark.parametrize(
    "settings",
    [
        {"function": local_range, "halo": 2},
        {"function": percentile, "halo": lambda sigma: int(sigma + 0.5), "takes_sigma": True},
        {"function": from_corner, "halo": 0, "needs_position": True, "n_outputs": 2},
        {"function": above, "halo": 0, "statistics": np.median},
    ],
    ids=["halo", "sigma", "position", "statistics"],
)
def test_tiles_give_what_the_whole_gives(engine, registered, settings):
    mine = pf.register_filter("mine", **settings)
    plan = build_plan(grid(("gaussian", mine), (1.0, 2.0)), (1.0, 1.0))
    whole = in_tiles(engine, plan, IMAGE, IMAGE.shape)
    assert_array_equal(in_tiles(engine, plan, IMAGE, (9, 17)), whole)
    direct = settings["function"](
        IMAGE,
        **({"sigma": (1.0, 1.0)} if settings.get("takes_sigma") else {}),
        **({"origin": (0, 0), "shape": IMAGE.shape} if settings.get("needs_position") else {}),
        **({"statistics": np.median(IMAGE)} if "statistics" in settings else {}),
    )
    assert_allclose(whole[2], direct if direct.ndim == 2 else direct[..., 0], rtol=1e-6)


def test_one_pixel_of_halo_less_gives_something_else(engine, registered):
    short = pf.register_filter("short", local_range, halo=1)
    plan = build_plan(grid((short,), ()), (1.0, 1.0))
    assert not np.array_equal(in_tiles(engine, plan, IMAGE, (9, 17)), in_tiles(engine, plan, IMAGE, IMAGE.shape))


def test_without_a_halo_only_whole_images(engine, registered):
    centred = pf.register_filter("centred", lambda image: image - image.mean())
    plan = build_plan(grid(("gaussian", centred), (1.0,)), (1.0, 1.0))
    assert_allclose(in_tiles(engine, plan, IMAGE, IMAGE.shape)[1], IMAGE - IMAGE.mean(), atol=1e-5)
    with pytest.raises(ValueError, match="filter 'centred' declares no halo: it runs on whole images only"):
        in_tiles(engine, plan, IMAGE, (9, 17))
    strokes = np.zeros(IMAGE.shape, np.uint8)
    strokes[:2], strokes[20:22] = 1, 2
    features = stack("gaussian", centred)
    model = pf.ImageSegmenter(features, pf.OpenCLRandomForestClassifier(3, random_state=0, device="numpy"))
    labels = model.fit([IMAGE], [strokes]).predict(IMAGE)
    rows = np.moveaxis(features.transform(IMAGE), -1, 0).reshape(3, -1).T
    assert_array_equal(labels.ravel(), model.classifier_.predict(rows))
    with pytest.raises(ValueError, match="'centred' declares no halo"):
        model.set_params(tile_shape=(8, 8)).predict(IMAGE)


def test_statistics_are_those_of_the_whole_image(registered):
    seen = []
    mine = pf.register_filter("mine", above, halo=0, statistics=lambda image: seen.append(image.shape) or 50)
    plan = build_plan(grid((mine,), ()), (1.0, 1.0))
    reader = TileReader(IMAGE[np.newaxis], plan, "raise", 0)
    patches = [reader.read(window)[0] for window in tiles(IMAGE.shape, (9, 17))]
    assert seen == [IMAGE.shape]
    alone = type(patches[0])(patches[0].planes, patches[0].window, patches[0].target, IMAGE.shape)
    with pytest.raises(ValueError, match="filter 'mine' needs statistics of the whole image"):
        evaluate_host(plan.host_operations[0][0], (0,), alone, alone.target)


def test_the_returned_filter_needs_no_registry(registered):
    mine = pf.register_filter("mine", local_range, halo=2)
    by_name, by_object = stack("mine"), pickle.loads(pickle.dumps(stack(mine)))
    assert clone(by_object).filters == (mine,)
    del FILTERS["mine"]
    assert_array_equal(by_object.transform(IMAGE)[..., 0], local_range(IMAGE))
    with pytest.raises(ValueError, match="unknown filter 'mine'"):
        by_name.transform(IMAGE)
    spec = pf.FeatureSpec(mine)
    assert spec == pickle.loads(pickle.dumps(spec))


def test_a_name_given_anew_is_not_remembered(registered):
    pf.register_filter("mine", lambda image: image + 1, halo=0)
    first = stack("mine").transform(IMAGE)[..., 0]
    pf.register_filter("mine", lambda image: image + 2, halo=0)
    assert_array_equal(stack("mine").transform(IMAGE)[..., 0], first + 1)


@pytest.fixture
def fresh_workers():
    """Give joblib new worker processes before and after: what one test did in them is no matter of the next."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)
    yield
    get_reusable_executor().shutdown(wait=True)


@pytest.mark.usefixtures("fresh_workers")
def test_grid_search_over_filters_in_processes(registered):
    mine = pf.register_filter("mine", local_range, halo=2)
    strokes = np.zeros(IMAGE.shape, np.uint8)
    strokes[:2], strokes[20:22] = 1, 2
    model = pf.PixelClassifier(pf.OpenCLRandomForestClassifier(2, random_state=0, device="numpy"))
    pipeline = make_pipeline(stack("gaussian", sigmas=(1,)), model)
    search = GridSearchCV(
        pipeline,
        {"imagefeaturestack__filters": [("gaussian",), ("gaussian", mine)]},
        cv=2,
        n_jobs=2,
        error_score="raise",
    )
    search.fit([IMAGE, IMAGE[::-1], IMAGE[:, ::-1]], [strokes] * 3)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_transformers_see_the_image_once():
    colour = np.stack([IMAGE, 2 * IMAGE, 3 * IMAGE], axis=-1)
    features = stack("gaussian", Doubling(), sigmas=(1,), channel_axis=-1)
    values = features.fit_transform(colour)
    names = [f"channel_{c}_gaussian_sigma_1" for c in range(3)] + ["doubling_0", "doubling_1"]
    assert features.get_feature_names_out().tolist() == names
    assert_allclose(values[..., 3], 12 * IMAGE, rtol=1e-6)
    assert_allclose(values[..., 4], colour.mean(), rtol=1e-5)
    assert clone(features).transform(colour).shape == values.shape


def test_transformers_of_scikit_learn(registered):
    from sklearn.frozen import FrozenEstimator

    fitted = FrozenEstimator(Mean().fit(None))
    features = clone(stack(fitted))
    assert features.get_feature_names_out().tolist() == ["frozen_estimator_centred"]
    assert_array_equal(features.transform(IMAGE)[..., 0], IMAGE - 3)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda image: image[1:], "filter 'mine' must give 1 feature(s), shape (31, 42, 1) or (31, 42)"),
        (lambda image: np.log(image - image), "filter 'mine' gave NaN or inf"),
        (lambda image: image * 1e38, "filter 'mine' gave NaN or inf, or numbers beyond float32"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:overflow")
def test_wrong_results_are_refused_by_name(registered, function, message):
    mine = pf.register_filter("mine", function, halo=0)
    with pytest.raises(ValueError, match=re.escape(message)):
        stack(mine).transform(IMAGE)


def test_functions_cannot_change_the_image(registered):
    def clear(image):
        image[:] = 0
        return image

    mine = pf.register_filter("mine", clear, halo=0)
    with pytest.raises(ValueError, match="read-only"):
        stack(mine).transform(IMAGE)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"name": "gaussian"}, ValueError, "'gaussian' is a filter of pixelforest"),
        ({"name": "a=b"}, ValueError, "letters, digits and underscores"),
        ({"function": 3}, TypeError, "`function` must be callable"),
        ({"halo": -1}, ValueError, "`halo` must be an integer >= 0"),
        ({"halo": 1.5}, ValueError, "`halo` must be an integer >= 0"),
        ({"halo": int}, ValueError, "`takes_sigma` must be True"),
        ({"n_outputs": 0}, ValueError, "`n_outputs` must be an integer >= 1"),
    ],
)
def test_wrong_registrations_are_refused(registered, arguments, error, message):
    with pytest.raises(error, match=re.escape(message)):
        pf.register_filter(**{"name": "mine", "function": np.abs, "halo": 0} | arguments)


@pytest.mark.parametrize("wrong", [3, PCA, None, ("gaussian",)])
def test_other_things_are_not_filters(wrong):
    with pytest.raises(TypeError, match="`filters` must hold names of filters"):
        stack(wrong).transform(IMAGE)


def test_slices_are_filtered_one_by_one(registered):
    volume = np.random.default_rng(1).normal(size=(4, 20, 21))
    mine = pf.register_filter("mine", local_range, halo=2)
    names = (
        "gaussian",
        "hessian_eigenvalues",
        "local_std",
        "median",
        "membrane_projections",
        "local_binary_pattern",
        mine,
    )
    flat, deep = stack(*names), stack(*names, spatial_ndim=3, filter_ndim=2, spacing=(5, 1, 1))
    values = deep.transform(volume)
    for z in range(4):
        assert_array_equal(values[z], flat.transform(volume[z]))
    assert deep.plan_.halo[0] == 0
    with pytest.raises(ValueError, match=r"'membrane_projections' is for 2-D images.*`filter_ndim=2`"):
        stack("membrane_projections", spatial_ndim=3).transform(volume)
    for wrong in (1, 3, "2"):
        with pytest.raises(ValueError, match="`filter_ndim` must be"):
            stack("gaussian", filter_ndim=wrong).transform(IMAGE)

"""A search computes every filter at every sigma once per image, and finds what it finds without a cache."""

import copy
import gc
import pickle
from collections import Counter

import numpy as np
import pytest
import xarray
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 it makes the next import work
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, HalvingGridSearchCV, KFold, RandomizedSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import pixelforest as pf
from pixelforest.backends.numpy.backend import NumpyBackend
from pixelforest.batch.identity import model_digest
from pixelforest.engine import feature_cache
from pixelforest.io.model_files import load_model, save_model
from pixelforest.metrics import pixel_jaccard_scorer

FILTERS = ("gaussian", "laplacian_of_gaussian", "hessian_eigenvalues")
FEW = ("gaussian", "laplacian_of_gaussian")
N_FEATURES = 2 * (1 + 1 + 2)
"""Of all filters of `GRID` at all its sigmas."""
GRID = {
    "features__filters": [FEW, FILTERS],
    "features__sigmas": [(1,), (1, 2)],
    "classify__estimator": [
        pf.OpenCLRandomForestClassifier(4, max_depth=4, random_state=0, device="numpy"),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
}
IMAGE = np.random.default_rng(0).normal(50, 9, (23, 31)).astype(np.float32)


def stack(cache=None, filters=FILTERS, sigmas=(1, 2), device="numpy", **parameters):
    return pf.ImageFeatureStack(filters, sigmas, device=device, cache=cache, **parameters)


def pipeline(cache=None):
    forest = pf.OpenCLRandomForestClassifier(4, max_depth=4, random_state=0, device="numpy")
    return Pipeline([("features", stack(cache)), ("classify", pf.PixelClassifier(forest))])


@pytest.fixture
def computed(monkeypatch):
    """Count how often each feature is really computed for each image."""
    counts = Counter()
    compute = NumpyBackend.compute_features

    def counted(self, plan, patch):
        counts.update((plane, patch.planes.tobytes()) for plane in plan.outputs)
        return compute(self, plan, patch)

    monkeypatch.setattr(NumpyBackend, "compute_features", counted)
    return counts


def scores(search):
    return {name: values for name, values in search.cv_results_.items() if "score" in name and "time" not in name}


FEATURES = {name: values for name, values in GRID.items() if name.startswith("features")}
SEARCHES = {
    "grid": (GridSearchCV, GRID, {"cv": GroupKFold(3)}, True),
    "randomized": (RandomizedSearchCV, FEATURES, {"cv": GroupKFold(3), "n_iter": 3, "random_state": 0}, True),
    "halving": (
        HalvingGridSearchCV,
        FEATURES,
        {"cv": KFold(2), "min_resources": 4, "factor": 2, "random_state": 0},
        False,
    ),
}


@pytest.mark.parametrize(("search", "grid", "options", "is_grouped"), SEARCHES.values(), ids=list(SEARCHES))
def test_searches_find_the_same_and_compute_every_feature_once(search, grid, options, is_grouped, crops, computed):
    groups = {"groups": crops.donors} if is_grouped else {}

    def fitted(model):
        found = search(model, grid, scoring=pixel_jaccard_scorer, **options)
        return found.fit(crops.images, crops.scribbles, **groups)

    cache = pf.FeatureCache()
    cached = fitted(pipeline(cache))
    assert set(computed.values()) == {1}
    assert len(computed) == cache.misses == len(cache)
    assert search is not GridSearchCV or len(cache) == N_FEATURES * len(crops.images)  # others skip some
    computed.clear()
    plain = fitted(pipeline())
    assert sum(computed.values()) > 3 * len(computed)
    assert cache.hits + cache.misses == sum(computed.values())
    assert cached.best_index_ == plain.best_index_
    assert str(cached.best_params_) == str(plain.best_params_)
    for name, values in scores(plain).items():
        assert_array_equal(scores(cached)[name], values, err_msg=name)
    for found, expected in zip(cached.predict(crops.images), plain.predict(crops.images), strict=True):
        assert_array_equal(found, expected)


def test_workers_keep_the_cache_that_they_were_sent(monkeypatch):
    cache = pf.FeatureCache(10**6)
    assert pickle.loads(pickle.dumps(cache)) is cache  # where it lives already
    assert clone(stack(cache)).cache is copy.deepcopy(cache) is cache
    sent = pickle.dumps(stack(cache))
    cache.put("key", IMAGE)
    name = cache.name
    del cache
    gc.collect()
    assert name not in feature_cache._caches
    monkeypatch.setattr(feature_cache, "_arrived", type(feature_cache._arrived)(maxlen=1))
    pickle.loads(sent).transform(IMAGE)
    gc.collect()
    again = pickle.loads(sent)
    assert (again.cache.max_bytes, again.cache.misses, again.cache.hits) == (10**6, N_FEATURES, 0)
    again.transform(IMAGE)
    assert again.cache.hits == N_FEATURES


def test_searches_with_several_processes_find_the_same(crops):
    grid = {"features__sigmas": [(1,), (1, 2)]}
    cached, plain = (
        GridSearchCV(pipeline(cache), grid, cv=KFold(2), scoring=pixel_jaccard_scorer, n_jobs=n_jobs, refit=False)
        for cache, n_jobs in ((pf.FeatureCache(), 2), (None, 1))
    )
    cached.fit(crops.images, crops.scribbles)
    assert_array_equal(
        cached.cv_results_["mean_test_score"],
        plain.fit(crops.images, crops.scribbles).cv_results_["mean_test_score"],
    )


DIFFERENT = [
    {},
    {"dtype": "float16"},
    {"convention": "clesperanto"},
    {"spacing": (2, 1)},
    {"channel_axis": 0},
    {"spatial_ndim": 3},
    {"spatial_ndim": 3, "filter_ndim": 2},
    {"sigmas": (1, 6)},
    {"sigmas": (1, 6), "large_sigma": "cascade"},
    {"filters": ("hessian_eigenvalues", "median", "gaussian")},
    {"nan_policy": "mask"},
]


def test_one_cache_serves_stacks_that_differ(engine):
    """Whatever is asked for, in whatever order, has the bits of a stack without a cache."""
    cache = pf.FeatureCache()
    volume = np.random.default_rng(1).normal(size=(3, 23, 31))
    for parameters in [*DIFFERENT, *reversed(DIFFERENT)]:
        plain = pf.ImageFeatureStack(**{"filters": FILTERS, "sigmas": (1, 2), "device": engine.name} | parameters)
        image = volume if {"spatial_ndim", "channel_axis"} & set(parameters) else IMAGE
        cached = clone(plain).set_params(cache=cache)
        assert_array_equal(cached.transform(image), plain.transform(image), err_msg=str(parameters))
    assert cache.misses == len(cache)
    assert cache.hits > cache.misses


def test_devices_do_not_share_what_may_differ(opencl_engine):
    cache = pf.FeatureCache()
    stack(cache).transform(IMAGE)
    found = stack(cache, device=opencl_engine.name).transform(IMAGE)
    assert cache.hits == 0
    assert_array_equal(found, stack(device=opencl_engine.name).transform(IMAGE))


def test_images_are_known_by_their_content():
    cache, image = pf.FeatureCache(), IMAGE.copy()
    cached = stack(cache)
    first = cached.transform(image)
    first[...] = 0  # what was returned is the caller's
    assert_array_equal(cached.transform(image), stack().transform(image))
    assert cache.hits == N_FEATURES
    for same in (IMAGE[::-1].copy()[::-1], np.asfortranarray(IMAGE), xarray.DataArray(IMAGE), IMAGE.tolist()):
        assert_array_equal(np.asarray(cached.transform([same])[0]), stack().transform(IMAGE))
    image[3, 4] += 1
    assert_array_equal(cached.transform(image), stack().transform(image))
    for other in (IMAGE.view(np.uint32), IMAGE.reshape(31, 23), IMAGE.T):
        assert_array_equal(cached.transform(other), stack().transform(other))


def test_results_may_be_written_over_the_image():
    """What is missing is computed from the image before anything is written."""
    cache = pf.FeatureCache()
    stack(cache, ("gaussian",), (1,)).transform(IMAGE)
    memory = np.zeros((2, *IMAGE.shape), np.float32)
    memory[0] = IMAGE
    out = np.moveaxis(memory, 0, -1)
    stack(cache, ("gaussian",), (1, 2)).transform(memory[0], out=out)
    assert_array_equal(out, stack(None, ("gaussian",), (1, 2)).transform(IMAGE))


def test_nan_is_masked_or_refused_as_without_a_cache():
    bad = IMAGE.copy()
    cache = pf.FeatureCache()
    stack(cache).transform(bad)
    bad[5, 6] = np.nan
    masked = stack(cache, nan_policy="mask").transform(bad)
    assert_array_equal(masked, stack(nan_policy="mask").transform(bad))
    assert np.isnan(masked).any()
    for _ in range(2):
        with pytest.raises(ValueError, match=r"`X\[0\]` holds NaN or inf"):
            stack(cache).transform(bad)
    assert len(cache) == N_FEATURES


class Shifted:
    """A transformer with a state that changes."""

    halo = 0
    offset = 1

    def transform(self, image):
        return image + self.offset


def test_objects_that_may_change_inside_are_asked_again():
    cache, shifted = pf.FeatureCache(), Shifted()
    cached = stack(cache, (shifted, "gaussian"), (1,))
    cached.transform(IMAGE)
    shifted.offset = 2
    assert_array_equal(cached.transform(IMAGE)[..., -1], IMAGE + 2)
    assert (cache.misses, cache.hits) == (1, 1)


def test_memory_is_bounded_and_the_least_used_goes_first():
    cache, plane = pf.FeatureCache(3 * IMAGE.nbytes), IMAGE
    for key in "abc":
        cache.put(key, plane)
    cache.put("a", plane + 1)
    assert (cache.n_bytes, len(cache)) == (3 * IMAGE.nbytes, 3)
    assert_array_equal(cache.get("b"), plane)
    cache.put("d", plane)
    assert [key for key in "abcd" if cache.get(key) is None] == ["c"]
    assert (cache.hits, cache.misses) == (4, 1)
    cache.put("large", np.zeros(4 * IMAGE.size, np.float32))
    assert (len(cache), cache.n_bytes) == (3, 3 * IMAGE.nbytes)
    cache.clear()
    assert (len(cache), cache.n_bytes, cache.hits, cache.misses) == (0, 0, 0, 0)


def test_a_cache_that_is_too_small_changes_no_result():
    cache = pf.FeatureCache(2 * IMAGE.nbytes)
    for _ in range(2):
        assert_array_equal(stack(cache).transform([IMAGE, -IMAGE])[1], stack().transform(-IMAGE))
        assert cache.n_bytes <= cache.max_bytes
    assert cache.hits == 0


@pytest.mark.parametrize(
    ("max_bytes", "error", "message"),
    [
        (0, ValueError, "`max_bytes` must be at least 1, got 0"),
        (1e9, TypeError, "`max_bytes` must be a number of bytes, got 1000000000.0"),
        (True, TypeError, "`max_bytes` must be a number of bytes, got True"),
    ],
)
def test_sizes_are_whole_numbers_of_bytes(max_bytes, error, message):
    with pytest.raises(error, match=message):
        pf.FeatureCache(max_bytes)


def test_what_is_no_cache_is_refused(crops):
    with pytest.raises(TypeError, match=r"`cache` must be a FeatureCache or None, got \{\}"):
        stack({}).fit([IMAGE])
    model = pf.ImageSegmenter(stack(pf.FeatureCache()))
    with pytest.raises(ValueError, match="an ImageSegmenter computes tiles and keeps none; pass cache=None"):
        model.fit(crops.images, crops.scribbles)


def test_models_are_saved_without_planes(crops, tmp_path):
    model = pipeline(pf.FeatureCache(10**6)).fit(crops.images, crops.scribbles)
    save_model(model, tmp_path / "model.skops")
    loaded = load_model(tmp_path / "model.skops")
    assert (loaded["features"].cache.max_bytes, len(loaded["features"].cache)) == (10**6, 0)
    assert_array_equal(loaded.predict(crops.images[0][None])[0], model.predict(crops.images[0][None])[0])
    assert model_digest(loaded) == model_digest(clone(model).set_params(features__cache=None).fit(*crops[:2]))

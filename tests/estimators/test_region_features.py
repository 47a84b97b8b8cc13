"""`RegionFeatures`: label images, alone or with images, become one table."""

import pickle

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray
from numpy.testing import assert_array_equal
from skimage import data
from skimage.measure import label, regionprops_table
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks

import pixelforest as pf
from pixelforest.estimators.checks import TABLE_FREE_CHECKS
from pixelforest.estimators.region_features import region_index


def samples():
    """Return two label images of different sizes with their images."""
    image = data.coins()
    return [(label(part > 110), part) for part in (image[:120, :150], image[100:, 40:])]


PROPERTIES = ("area", "intensity_mean", "centroid", "touching_neighbor_count")


def test_all_images_are_in_one_table():
    features = pf.RegionFeatures(PROPERTIES)
    table = features.fit_transform(samples())
    assert table.dtype == np.float64
    expected = [regionprops_table(*pair, properties=("area", "intensity_mean", "centroid")) for pair in samples()]
    for column, name in enumerate(features.get_feature_names_out()[:4]):
        np.testing.assert_allclose(table[:, column], np.concatenate([e[name] for e in expected]), rtol=1e-12)


def test_images_and_labels_of_rows_are_known():
    tables = pf.RegionFeatures(PROPERTIES).measure(samples())
    image, labels = region_index(tables)
    ids = [np.unique(pair[0])[1:] for pair in samples()]
    assert_array_equal(image, np.repeat([0, 1], [len(i) for i in ids]))
    assert_array_equal(labels, np.concatenate(ids))
    frame = pf.RegionFeatures(PROPERTIES).set_output(transform="pandas").fit_transform(samples())
    assert frame.index.names == ["image", "label"]
    assert_array_equal(frame.index.get_level_values("image"), image)
    assert_array_equal(frame.index.get_level_values("label"), labels)
    assert list(frame.columns) == ["area", "intensity_mean", "centroid-0", "centroid-1", "touching_neighbor_count"]
    assert_array_equal(frame.to_numpy(), pf.RegionFeatures(PROPERTIES).transform(samples()))
    assert frame.loc[(1, 2), "area"] == (samples()[1][0] == 2).sum()


def test_the_output_of_scikit_learn_is_respected():
    from sklearn import config_context

    with config_context(transform_output="pandas"):
        assert isinstance(pf.RegionFeatures("area").transform(samples()), pd.DataFrame)
    kept = clone(pf.RegionFeatures("area").set_output(transform="pandas"))
    assert isinstance(kept.transform(samples()), pd.DataFrame)
    assert isinstance(kept.set_output(transform="default").transform(samples()), np.ndarray)


def test_containers():
    pairs = samples()
    labels = [pair[0] for pair in pairs]
    features = pf.RegionFeatures(("area", "perimeter"))
    expected = features.transform(labels)
    as_objects = np.empty(2, object)
    as_objects[:] = labels
    assert_array_equal(features.transform(as_objects), expected)
    assert_array_equal(features.transform([xarray.DataArray(image) for image in labels]), expected)
    assert_array_equal(features.transform(pairs), expected)
    assert_array_equal(np.concatenate([features.transform(image) for image in labels]), expected)
    assert_array_equal(np.concatenate([features.transform(pair) for pair in pairs]), expected)
    stack = np.stack([labels[0], labels[0][::-1]])
    assert_array_equal(features.transform(stack), features.transform(list(stack)))


@pytest.mark.parametrize("named", [False, True])
def test_dask_images(named):
    lazy = [tuple(da.from_array(array, chunks=64) for array in pair) for pair in samples()]
    if named:
        lazy = [tuple(xarray.DataArray(array) for array in pair) for pair in lazy]
    features = pf.RegionFeatures((*PROPERTIES, "intensity_std", "solidity"))
    assert_array_equal(features.transform(lazy), features.transform(samples()))
    mixed = [(samples()[0][0], lazy[0][1]), (lazy[1][0], samples()[1][1])]
    assert_array_equal(features.transform(mixed), features.transform(samples()))


def test_channels():
    (labels, image), other = samples()
    channels = np.stack([image, image // 2, 255 - image])
    features = pf.RegionFeatures(("intensity_max", "area"), channel_axis=0)
    with pytest.raises(ValueError, match="before `fit` where `channel_axis` is set"):
        features.get_feature_names_out()
    table = features.fit_transform([(labels, channels)])
    assert list(features.get_feature_names_out()) == ["intensity_max-0", "intensity_max-1", "intensity_max-2", "area"]
    assert_array_equal(table[:, 1], table[:, 0] // 2)
    lazy = (da.from_array(labels, chunks=50), da.from_array(channels, chunks=50))
    assert_array_equal(features.transform([lazy]), table)
    with pytest.raises(ValueError, match=r"`X\[0\]` must have 3 channels of intensity.*it has 2"):
        features.transform([(labels, channels[:2])])
    with pytest.raises(ValueError, match=r"`X\[0\]\[1\]` must have the shape of its label image"):
        features.transform([other])


def test_volumes_and_spacing():
    volume = np.kron(np.arange(8).reshape(2, 2, 2), np.ones((3, 4, 5), int))
    features = pf.RegionFeatures(("area", "bbox_depth", "axis_major_length"), spatial_ndim=3, spacing=(2, 1, 0.5))
    table = features.transform(volume)
    assert_array_equal(table[:, 0], [60.0] * 7)
    assert len(pf.RegionFeatures("area").transform(volume)) == 3 * 3 + 3 * 4  # a stack of 6 images; 0 is no region
    with pytest.raises(ValueError, match="'perimeter' is defined for 2-D images only"):
        pf.RegionFeatures("perimeter", spatial_ndim=3).fit(volume)


def test_images_without_regions():
    empty = np.zeros((5, 5), int)
    features = pf.RegionFeatures(("area", "solidity", "bbox"))
    assert features.transform([empty]).shape == (0, 6)
    assert features.transform([empty, empty + 1]).shape == (1, 6)
    frame = features.set_output(transform="pandas").transform([empty])
    assert (len(frame), frame.index.names) == (0, ["image", "label"])


def test_pipelines():
    pipeline = make_pipeline(pf.RegionFeatures(), StandardScaler(), KMeans(3, random_state=0, n_init=1))
    clusters = pipeline.fit_predict([pair[0] for pair in samples()])
    assert len(clusters) == sum(len(np.unique(pair[0])) - 1 for pair in samples())
    names = pipeline[:-1].get_feature_names_out()
    assert list(names) == list(pf.RegionFeatures().get_feature_names_out())
    pipeline.set_params(regionfeatures__properties=("area",)).fit([pair[0] for pair in samples()])
    frame = pf.RegionFeatures(PROPERTIES).set_output(transform="pandas").transform(samples())
    chosen = ColumnTransformer([("size", StandardScaler(), ["area"])]).fit_transform(frame)
    assert chosen.shape == (len(frame), 1)


@pytest.mark.parametrize("name", [name for name in TABLE_FREE_CHECKS if hasattr(estimator_checks, name)])
def test_conventions_of_scikit_learn(name):
    getattr(estimator_checks, name)("RegionFeatures", pf.RegionFeatures())


def test_it_is_stateless_and_pickles():
    features = pf.RegionFeatures(PROPERTIES)
    table = features.transform(samples())
    assert set(vars(features)) == set(features.get_params())
    assert not features.__sklearn_tags__().requires_fit
    fitted = pickle.loads(pickle.dumps(features.fit(samples())))
    assert fitted.n_features_in_ == 1
    assert_array_equal(fitted.transform(samples()), table)
    assert pf.RegionFeatures().fit([labels for labels, _ in samples()]).n_features_in_ == 0


def test_inputs_are_not_changed_and_any_layout_will_do():
    features = pf.RegionFeatures((*PROPERTIES, "solidity", "perimeter", "intensity_median"))
    labels, image = samples()[0]
    expected = features.transform((labels, image))
    for array in (labels, image):
        array.setflags(write=False)
    for change in (np.asfortranarray, lambda x: np.repeat(x, 2, axis=1)[:, ::2], lambda x: x[::-1].copy()[::-1]):
        assert_array_equal(features.transform((change(labels), change(image))), expected)
    for dtype in (np.uint16, ">i4", np.uint64):
        assert_array_equal(features.transform((labels.astype(dtype), image)), expected)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ([], ValueError, "`X` holds no image"),
        ([np.zeros((3, 3))], TypeError, r"`X\[0\]` must hold integers"),
        ([(np.zeros((3, 3)), np.zeros((3, 3)))], TypeError, r"`X\[0\]\[0\]` must hold integers"),
        ([np.ones((3, 3), int), np.full((3, 3), -1)], ValueError, r"`X\[1\]` must not hold negative labels, got -1"),
        ([(np.ones((3, 3), int),)], TypeError, r"`X\[0\]` must be a label image or a pair \(labels, image\), got 1"),
        ([np.ones((2, 3, 3), int)], ValueError, r"`X\[0\]` must be an image of 2 axes"),
        ([np.ones((0, 3), int)], ValueError, r"`X\[0\]` is empty"),
        (np.ones(3, int), ValueError, "a stack of them, or one image"),
        ([(np.ones((3, 3), int), np.zeros((3, 4)))], ValueError, r"`X\[0\]\[1\]` must have the shape"),
        ([(np.ones((3, 3), int), np.full((3, 3), np.nan))], ValueError, r"`X\[0\]\[1\]` holds NaN or inf"),
        (
            [(np.ones((3, 3), int), np.zeros((3, 3))), np.ones((3, 3), int)],
            ValueError,
            r"`X\[1\]` must have 1 channels of intensity, as the first one and in `fit`; it has 0",
        ),
        (["text"], ValueError, r"`X\[0\]` must be an image"),
    ],
)
def test_bad_input(X, error, message):
    with pytest.raises(error, match=message):
        pf.RegionFeatures("area").fit(X)
    with pytest.raises(error, match=message):
        pf.RegionFeatures("area").transform(X)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"properties": ["aera"]}, "did you mean 'area'"),
        ({"properties": ["intensity_mean"]}, "'intensity_mean' needs an image"),
        ({"spacing": (1, 2, 3)}, "`spacing` must be 2 finite numbers"),
        ({"spatial_ndim": 4}, "`spatial_ndim` must be 2 or 3"),
        ({"channel_axis": 5}, "`channel_axis` must lie in"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        pf.RegionFeatures(**parameters).fit([np.ones((3, 3), int)])


def test_tables_of_channels_have_names_without_fit():
    labels = np.array([[1, 1, 0, 5]])
    features = pf.RegionFeatures("intensity_mean", channel_axis=0).set_output(transform="pandas")
    table = features.transform([(labels, np.stack([labels * 1.0, labels * 2.0]))])
    assert table.columns.tolist() == ["intensity_mean-0", "intensity_mean-1"]
    assert table.loc[(0, 5)].tolist() == [5, 10]

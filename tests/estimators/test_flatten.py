"""`Flatten`: pixels as rows, and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from skimage import data
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

import pixelforest as pf


def numbered(shape, dtype=np.int32):
    return np.arange(np.prod(shape), dtype=dtype).reshape(shape)


def test_one_image_is_a_view():
    image = numbered((4, 5, 3))
    table = pf.Flatten().transform(image)
    assert table.shape == (20, 3)
    assert np.shares_memory(table, image)
    assert_array_equal(table[7], image[1, 2])


def test_features_are_a_view_too():
    features = pf.ImageFeatureStack(("gaussian", "hessian_eigenvalues"), (1,)).transform(numbered((9, 8), np.uint8))
    table = pf.Flatten().transform(features)
    assert np.shares_memory(table, features)
    assert_array_equal(table[8 * 3 + 2], features[3, 2])


def test_rows_follow_the_order_of_images_and_pixels():
    images = [numbered((2, 3, 2)), 100 + numbered((3, 1, 2))]
    table = pf.Flatten().transform(images)
    assert_array_equal(table, np.concatenate([image.reshape(-1, 2) for image in images]))
    assert table.dtype == np.int32
    assert_array_equal(pf.Flatten().transform(images[::-1])[:3], images[1].reshape(-1, 2))


@pytest.mark.parametrize("channel_axis", [0, 1, -1])
def test_channels_become_columns(channel_axis):
    image = numbered((4, 5, 3))
    moved = np.moveaxis(image, -1, channel_axis)
    assert_array_equal(pf.Flatten(channel_axis=channel_axis).transform(moved), image.reshape(-1, 3))


def test_grey_images_are_one_column():
    image = numbered((4, 5))
    assert_array_equal(pf.Flatten(channel_axis=None).transform(image), image.reshape(-1, 1))


def test_volumes():
    image = numbered((2, 3, 4, 5))
    assert_array_equal(pf.Flatten(spatial_ndim=3).transform(image), image.reshape(-1, 5))
    assert pf.Flatten(spatial_ndim=2).transform(image).shape == (24, 5)  # a stack of two images
    assert pf.Flatten(spatial_ndim=3).inverse_transform(np.arange(24), like=image).shape == (2, 3, 4)


@given(
    shapes=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=4),
    channel_axis=st.sampled_from([None, 0, -1]),
)
def test_round_trip(shapes, channel_axis):
    flatten = pf.Flatten(channel_axis=channel_axis)
    images = [
        numbered(shape) if channel_axis is None else np.moveaxis(numbered((*shape, 2)), -1, channel_axis)
        for shape in shapes
    ]
    back = flatten.inverse_transform(flatten.transform(images), like=images)
    for restored, image in zip(back, images, strict=True):
        expected = image[..., None] if channel_axis is None else np.moveaxis(image, channel_axis, -1)
        assert_array_equal(restored, expected)
    one_value = flatten.inverse_transform(np.arange(sum(np.prod(s) for s in shapes)), like=images)
    assert [image.shape for image in one_value] == shapes


def test_the_container_comes_back():
    stack = numbered((3, 4, 5, 2))
    flatten = pf.Flatten()
    assert_array_equal(flatten.inverse_transform(flatten.transform(stack), like=stack), stack)
    assert flatten.inverse_transform(np.arange(60), like=stack).shape == (3, 4, 5)
    assert flatten.inverse_transform(np.arange(20), like=stack[0]).shape == (4, 5)
    assert isinstance(flatten.inverse_transform(np.arange(60), like=list(stack)), list)


@pytest.mark.parametrize("values", [np.arange(19), np.arange(21), np.zeros((4, 5, 1)), np.float64(3)])
def test_another_number_of_rows_is_named(values):
    with pytest.raises(ValueError, match=r"`X` must hold one row per pixel of `like`, 20, got shape"):
        pf.Flatten().inverse_transform(values, like=numbered((4, 5, 3)))


def test_images_with_another_number_of_channels_are_named():
    with pytest.raises(ValueError, match=r"`X\[1\]` must have 3 channels.*it has 4"):
        pf.Flatten().transform([numbered((4, 5, 3)), numbered((4, 5, 4))])
    with pytest.raises(ValueError, match=r"`X\[0\]` must have 3 channels"):
        pf.Flatten().fit([numbered((4, 5, 3))]).transform([numbered((4, 5, 4))])


def test_stateless():
    image = numbered((4, 5, 3))
    assert_array_equal(pf.Flatten().fit_transform(image), pf.Flatten().transform(image))


def test_colours_of_real_images_cluster():
    images = [data.astronaut()[::8, ::8], data.chelsea()[::8, ::8]]
    model = make_pipeline(pf.Flatten(), KMeans(4, n_init=1, random_state=0))
    clusters = model.fit_predict(images)
    assert clusters.shape == (sum(image.shape[0] * image.shape[1] for image in images),)
    maps = pf.Flatten().inverse_transform(clusters, like=images)
    assert [m.shape for m in maps] == [image.shape[:2] for image in images]
    flat = np.concatenate([image.reshape(-1, 3) for image in images])
    assert_array_equal(clusters, KMeans(4, n_init=1, random_state=0).fit_predict(flat))
    centres = pf.Flatten().inverse_transform(model[-1].cluster_centers_[clusters], like=images)
    assert np.abs(centres[0] - images[0]).mean() < np.abs(images[0].mean(axis=(0, 1)) - images[0]).mean() / 1.5


def test_features_reach_unsupervised_learners():
    image = data.camera()[::8, ::8]
    model = make_pipeline(
        pf.ImageFeatureStack(sigmas=(1,)), pf.Flatten(), PCA(2), KMeans(3, n_init=1, random_state=0)
    ).fit([image, image[:20]])
    assert model.predict([image]).shape == (image.size,)

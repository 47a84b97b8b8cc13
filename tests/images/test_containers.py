"""Containers of images: what is one sample, which axes it has, and what every refusal says."""

import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pixelforest.images.containers import (
    ImageAxes,
    as_float32,
    channels_first,
    checked_axes,
    checked_spacing,
    collect_images,
)

FLAT = ImageAxes(2, None)
VOLUME = ImageAxes(3, None)
COLOUR = ImageAxes(2, -1)


def object_array(images):
    out = np.empty(len(images), object)
    out[:] = images
    return out


def test_lists_and_object_arrays_may_be_ragged():
    images = [np.zeros((3, 4)), np.ones((1, 9))]
    for container in (images, object_array(images)):
        batch = collect_images(container, FLAT)
        assert batch.container == "list"
        assert [i.shape for i in batch.images] == [(3, 4), (1, 9)]
        assert batch.restore(["a", "b"]) == ["a", "b"]


def test_a_stack_comes_back_as_a_stack():
    stack = np.arange(5 * 3 * 4).reshape(5, 3, 4)
    batch = collect_images(stack, FLAT)
    assert batch.container == "stack"
    assert_array_equal(batch.restore(batch.images), stack)


def test_a_single_image_comes_back_alone():
    image = np.zeros((5, 3, 4))
    assert collect_images(image, VOLUME).container == "single"
    assert collect_images(image, COLOUR).restore(["one"]) == "one"
    assert collect_images(image, FLAT).container == "stack"  # the same array: only the axes say what it is


def test_nested_lists_are_images():
    batch = collect_images([[[1, 2], [3, 4]]], FLAT)
    assert channels_first(batch.images[0], FLAT, index=0).shape == (1, 2, 2)


class Duck:
    """Something with axes that is not NumPy's."""

    ndim, shape = 3, (2, 4, 5)

    def __getitem__(self, index):
        return np.full((4, 5), index)


def test_containers_are_recognised_by_their_axes():
    assert [int(i[0, 0]) for i in collect_images(Duck(), FLAT).images] == [0, 1]


@pytest.mark.parametrize(
    ("X", "axes", "error", "message"),
    [
        ((np.zeros((3, 3)), np.zeros((3, 3))), FLAT, TypeError, "`X` must be a list of images; a tuple is always one sample, got 2"),  # noqa: E501
        (3.0, FLAT, TypeError, "`X` must be a list of images or an array, got float"),
        ("image", FLAT, TypeError, "`X` must be a list of images or an array, got str"),
        (None, FLAT, TypeError, "got NoneType"),
        ([], FLAT, ValueError, "`X` holds no image (0 samples), got []"),
        (np.zeros((0, 4, 4)), FLAT, ValueError, "`X` holds no image (0 samples)"),
        (np.zeros(4), FLAT, ValueError, "`X` must be a list of images of 2 axes (y, x), a stack of them, or one image; got an array of shape (4,)"),  # noqa: E501
        (np.zeros((2, 3, 4, 5)), FLAT, ValueError, "got an array of shape (2, 3, 4, 5)"),
        ([np.zeros((3, 3)), np.zeros((3, 3, 3))], FLAT, ValueError, "`X[1]` must be an image of 2 axes (y, x), got shape (3, 3, 3)"),  # noqa: E501
        ([np.zeros((3, 3))], COLOUR, ValueError, "`X[0]` must be an image of 3 axes (y, x, channel), got shape (3, 3)"),
        ([np.zeros((3, 3))], ImageAxes(3, 0), ValueError, "4 axes (channel, z, y, x)"),
        ([np.zeros((3, 3)), np.zeros((3, 0))], FLAT, ValueError, "`X[1]` is empty: it has shape (3, 0)"),
        ([1.0], FLAT, ValueError, "`X[0]` must be an image of 2 axes (y, x), got shape ()"),
    ],
)  # fmt: skip
def test_wrong_containers_are_refused(X, axes, error, message):
    with pytest.raises(error, match=re.escape(message)):
        collect_images(X, axes)
    with pytest.raises(error, match=re.escape(message.replace("`X", "`images"))):
        collect_images(X, axes, argument="images")


def test_fit_refuses_a_lone_image():
    message = re.escape("`X`: got one image of shape (4, 5); write `fit([image], [labels])`")
    with pytest.raises(ValueError, match=message):
        collect_images(np.zeros((4, 5)), FLAT, allow_single=False)
    assert collect_images(np.zeros((1, 4, 5)), FLAT, allow_single=False).container == "stack"


@pytest.mark.parametrize("axis", [-3, -2, -1, 0, 1, 2])
def test_channels_may_lie_anywhere(axis):
    planes = np.random.default_rng(0).random((2, 5, 6))
    axes = checked_axes(2, axis)
    image = np.moveaxis(planes, 0, axis)
    view = channels_first(image, axes, index=0)
    assert_array_equal(view, planes)
    assert np.shares_memory(view, image)
    assert axes.spatial(image.shape) == (5, 6)
    assert axes.describe().index("channel") >= 0


def test_no_channel_axis_gives_one_plane():
    image = np.zeros((3, 4, 5), np.uint8)[::-1, :, ::2]
    view = channels_first(image, VOLUME, index=0)
    assert view.shape == (1, 3, 4, 3)
    assert view.dtype == np.uint8
    assert np.shares_memory(view, image)


@pytest.mark.parametrize("image", [np.zeros((2, 2), complex), np.full((2, 2), "a"), np.full((2, 2), None)])
def test_only_real_numbers_are_images(image):
    with pytest.raises(TypeError, match=r"`X\[4\]` must hold real numbers, got dtype"):
        channels_first(image, FLAT, index=4)


@pytest.mark.parametrize("dtype", ["?", "u1", "i2", "u4", "i8", "u8", "f2", "f4", "f8", ">f4", ">u2"])
def test_every_real_dtype_becomes_float32_unscaled(dtype):
    values = np.array([[0, 1], [1, 0]]).astype(dtype)
    converted = as_float32(values, index=0)
    assert converted.dtype == np.float32
    assert_array_equal(converted, [[0, 1], [1, 0]])


def test_conversion_gives_contiguous_planes():
    assert as_float32(np.zeros((4, 6), np.float32)[::-1, ::2], index=0).flags.c_contiguous


@pytest.mark.parametrize("value", [1e39, -1e39, 3.5e38])
def test_values_beyond_float32_are_refused(value):
    with pytest.raises(ValueError, match=r"`images\[7\]` holds values beyond the range of float32"):
        as_float32(np.array([0.0, value]), index=7, argument="images")


def test_nan_inf_and_the_largest_float32_pass_conversion():
    values = np.array([np.nan, np.inf, -np.inf, float(np.finfo(np.float32).max), 1e-60])
    assert_array_equal(as_float32(values, index=0), values.astype(np.float32))


@pytest.mark.parametrize("ndim", [1, 4, 0, None, "2", 2.5])
def test_spatial_ndim_is_2_or_3(ndim):
    with pytest.raises(ValueError, match=f"`spatial_ndim` must be 2 or 3, got {re.escape(repr(ndim))}"):
        checked_axes(ndim, None)


@pytest.mark.parametrize("axis", [3, -4])
def test_channel_axis_must_be_inside(axis):
    with pytest.raises(ValueError, match=re.escape(f"`channel_axis` must lie in [-3, 3), got {axis}")):
        checked_axes(2, axis)


@pytest.mark.parametrize("axis", [True, 1.0, "last"])
def test_channel_axis_is_an_integer(axis):
    with pytest.raises(TypeError, match="`channel_axis` must be an integer or None, got"):
        checked_axes(2, axis)


def test_spacing():
    assert checked_spacing(None, 3) == (1.0, 1.0, 1.0)
    assert checked_spacing([2, 0.5], 2) == (2.0, 0.5)
    assert checked_spacing(np.array([1, 2, 3]), 3) == (1.0, 2.0, 3.0)


@pytest.mark.parametrize("spacing", [(1, 2, 3), 1.0, (0, 1), (-1, 1), (np.nan, 1), (np.inf, 1), ()])
def test_wrong_spacing_is_refused(spacing):
    with pytest.raises(ValueError, match="`spacing` must be 2 finite numbers > 0, one per spatial axis, got"):
        checked_spacing(spacing, 2)

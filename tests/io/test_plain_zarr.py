"""Arrays without metadata take their axes from the model; what does not fit is told in words."""

import numpy as np
import pytest
import zarr
from numpy.testing import assert_array_equal

from pixelforest.images.containers import ImageAxes
from pixelforest.io.ome_zarr import ImagePlanes, open_ome_zarr
from pixelforest.io.plain_zarr import is_plain_zarr, open_plain_zarr
from tests.ome_zarr_by_hand import write_image

VALUES = np.random.default_rng(0).integers(0, 255, (2, 3, 8, 9)).astype(np.uint8)


def store(path, values, zarr_format=3):
    zarr.create_array(path, data=values, chunks=tuple(min(4, n) for n in values.shape), zarr_format=zarr_format)
    return path


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize(
    ("shape", "axes", "names"),
    [
        ((8, 9), ImageAxes(2, None), "yx"),
        ((3, 8, 9), ImageAxes(2, None), "tyx"),
        ((3, 8, 9), ImageAxes(3, None), "zyx"),
        ((3, 8, 9), ImageAxes(2, 0), "cyx"),
        ((8, 9, 3), ImageAxes(2, -1), "yxc"),
        ((2, 8, 9, 3), ImageAxes(2, 2), "tyxc"),
        ((3, 2, 8, 9), ImageAxes(3, 1), "zcyx"),
    ],
)
def test_axes_are_those_of_the_model(tmp_path, zarr_format, shape, axes, names):
    values = np.resize(VALUES, shape)
    path = store(tmp_path / "a.zarr", values, zarr_format)
    assert is_plain_zarr(path)
    image = open_plain_zarr(path, axes)
    assert "".join(image.axes) == names
    outer = (1,) if names[0] == "t" else ()
    planes = np.asarray(ImagePlanes(image, axes.spatial_ndim, image.channels(), outer))
    one = values[outer]
    expected = one[np.newaxis] if axes.channel_axis is None else np.moveaxis(one, axes.channel_axis, 0)
    assert_array_equal(planes, expected)


def test_groups_and_nothing_are_no_arrays(tmp_path):
    image = write_image(tmp_path / "image.zarr", VALUES[0, 0], "yx", "0.5")
    assert not is_plain_zarr(image)
    assert is_plain_zarr(image / "0")
    assert not is_plain_zarr(tmp_path / "nothing.zarr")
    zarr.create_group(tmp_path / "group.zarr")
    assert not is_plain_zarr(tmp_path / "group.zarr")
    with pytest.raises(ValueError, match=r"no `multiscales` metadata; give one of the arrays in it, such as .*/0"):
        open_ome_zarr(tmp_path / "group.zarr")


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (np.zeros(5, np.uint8), ValueError, r"2 axes \(y, x\), or a stack of them, but .* has shape \(5,\)"),
        (VALUES, ValueError, r"has shape \(2, 3, 8, 9\)"),
        (np.zeros((0, 5), np.uint8), ValueError, r"is empty: it has shape \(0, 5\)"),
        (np.zeros((4, 5), np.complex64), TypeError, "must hold real numbers, got dtype complex64"),
        (np.zeros((4, 5), "datetime64[s]"), TypeError, "must hold real numbers, got dtype datetime64"),
        (np.full((4, 5), "a"), TypeError, "must hold real numbers, got dtype <U1"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*does not have a Zarr V3 specification")
def test_what_does_not_fit_is_told_in_words(tmp_path, values, error, message):
    with pytest.raises(error, match=message):
        open_plain_zarr(store(tmp_path / "a.zarr", values), ImageAxes(2, None))


def test_arrays_have_no_levels(tmp_path):
    with pytest.raises(ValueError, match=r"`level` must be 0: .* is an array, without a pyramid, got 1"):
        open_plain_zarr(store(tmp_path / "a.zarr", VALUES[0, 0]), ImageAxes(2, None), level=1)

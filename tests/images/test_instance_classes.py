"""Classes made of label images of objects."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from skimage.segmentation import find_boundaries

import pixelforest as pf


@given(st.integers(0, 9999), st.sampled_from([(9, 12), (5, 6, 7)]))
def test_a_border_of_one_pixel_is_scikit_images_inner_boundary(seed, shape):
    labels = np.random.default_rng(seed).integers(0, 3, shape).repeat(3, axis=0).repeat(3, axis=-1)
    classes = pf.instance_classes(labels, border_width=1)
    assert_array_equal(classes == 3, find_boundaries(labels, connectivity=1, mode="inner"))
    assert_array_equal(classes == 1, labels == 0)
    assert classes.dtype == np.uint8


def test_a_wide_border_reaches_as_far_as_it_says():
    labels = np.zeros((1, 20), np.int32)
    labels[0, 2:12], labels[0, 12:20] = 5, 900
    assert_array_equal(
        pf.instance_classes(labels, border_width=2.5)[0], [1] * 2 + [3] * 2 + [2] * 6 + [3] * 4 + [2] * 6
    )


def test_without_a_border_there_are_two_classes():
    assert_array_equal(pf.instance_classes([[0, 7], [300, 0]], background=4, inside=9), [[4, 9], [9, 4]])


@pytest.mark.parametrize(
    ("labels", "how", "error", "message"),
    [
        ([[0.0, 1.0]], {}, TypeError, "`instances` must hold integer labels, got dtype float64"),
        ([0, 1], {}, ValueError, "`instances` must be an image of two or more axes"),
        ([[0, -2]], {}, ValueError, "`instances` must not hold negative labels, got -2"),
        ([[0, 1]], {"border_width": -1}, ValueError, "`border_width` must be a number of pixels >= 0, got -1"),
        ([[0, 1]], {"inside": 1}, ValueError, "`background`, `inside` and `border` must differ"),
        ([[0, 1]], {"border": 256}, ValueError, "lie in 0 to 255"),
    ],
)
def test_bad_input_is_named(labels, how, error, message):
    with pytest.raises(error, match=message):
        pf.instance_classes(labels, **how)

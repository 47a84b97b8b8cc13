"""Holes, touching objects, small ones and those at the border: against SciPy, scikit-image and drawn figures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import ndimage
from skimage.segmentation import clear_border, relabel_sequential

from pixelforest.regions.objects import ObjectRules, label_objects, number_by_first_pixel, smooth, split_touching


def rules(split=None, seed_depth=0.75, **others):
    defaults = {"smoothing": 0, "fill_holes": False, "min_size": 0, "clear_border": False, "spacing": (1.0, 1.0)}
    return ObjectRules(split, seed_depth, **(defaults | others))


def two_balls(step=(1.0, 1.0), radius=10.0, apart=15.0):
    """Return two touching balls, as seen with pixels of size `step`, and for each pixel which of them is nearer."""
    size = (2 * radius + 4, *(2 * radius + 4,) * (len(step) - 2), 2 * radius + apart + 4)
    grid = [np.arange(0, n, s) for n, s in zip(size, step, strict=True)]
    at = np.meshgrid(*grid, indexing="ij")
    middle = radius + 2
    distance = [np.sqrt(sum((a - middle) ** 2 for a in at[:-1]) + (at[-1] - x) ** 2) for x in (middle, middle + apart)]
    mask = np.minimum(*distance) <= radius
    return mask, np.where(mask, np.where(distance[0] <= distance[1], 1, 2), 0)


def random_mask(seed, shape, density):
    return ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 1) > density


@given(st.integers(0, 9999), st.sampled_from([(9, 11), (5, 6, 7), (1, 8)]), st.floats(0.4, 0.6))
def test_without_rules_objects_are_the_components_of_scipy(seed, shape, density):
    mask = random_mask(seed, shape, density)
    assert_array_equal(label_objects(mask, None, rules(spacing=(1.0,) * len(shape))), ndimage.label(mask)[0])


@given(st.integers(0, 9999), st.integers(0, 12), st.booleans(), st.booleans())
def test_cleaning_is_what_scipy_and_scikit_image_do(seed, min_size, fill, clear):
    mask = random_mask(seed, (24, 30), 0.5)
    found = label_objects(mask, None, rules(min_size=min_size, fill_holes=fill, clear_border=clear))
    expected, n_objects = ndimage.label(ndimage.binary_fill_holes(mask) if fill else mask)
    if clear:
        expected = clear_border(expected)
    for label in range(1, n_objects + 1):
        if (expected == label).sum() < min_size:
            expected[expected == label] = 0
    assert_array_equal(found, relabel_sequential(expected)[0])
    assert found.dtype == np.uint32


@pytest.mark.parametrize("split", ["distance", "probability"])
@pytest.mark.parametrize("step", [(1.0, 1.0), (2.0, 0.5), (1.0, 1.0, 1.0), (2.5, 1.0, 1.0)], ids=str)
def test_two_balls_that_touch_are_two_objects(split, step):
    mask, expected = two_balls(step)
    assert ndimage.label(mask)[1] == 1
    inside = ndimage.distance_transform_edt(mask, step) / 10  # most probable in the middle
    depth = 0.75 if split == "distance" else 0.05
    found = label_objects(mask, inside, rules(split, depth, spacing=step))
    assert found.max() == 2
    assert ((found > 0) == mask).all()
    assert (found == expected)[mask].mean() > 0.97


def test_one_ball_stays_one_object():
    mask, halves = two_balls()
    assert label_objects(halves == 1, None, rules("distance")).max() == 1
    assert label_objects(mask, None, rules("distance", seed_depth=10)).max() == 1


def test_depths_of_distances_are_in_the_unit_of_the_spacing():
    mask, _ = two_balls()  # distances fall by about 3.4 pixels between the middles
    assert label_objects(mask, None, rules("distance", 20)).max() == 1
    assert label_objects(mask, None, rules("distance", 20, spacing=(10.0, 10.0))).max() == 2


def test_seeds_count_by_the_depth_of_the_valley_between_them():
    height = np.array([[1.0, 3.0, 2.0, 2.5, 1.0, 4.0]])
    mask = np.ones((1, 6), bool)
    for depth, n_objects in ((0.0, 3), (0.4, 3), (0.6, 2), (1.9, 2), (2.1, 1)):
        assert split_touching(mask, height, depth).max() == n_objects, depth


@given(st.integers(0, 9999), st.floats(0, 0.3), st.sampled_from([(12, 15), (6, 7, 8)]))
def test_splitting_cuts_components_and_never_joins_or_loses_pixels(seed, depth, shape):
    mask = random_mask(seed, shape, 0.45)
    found = split_touching(mask, np.random.default_rng(seed + 1).random(shape), depth)
    assert_array_equal(found > 0, mask)
    components = ndimage.label(mask)[0]
    for label in range(1, found.max() + 1):
        part = found == label
        assert len(np.unique(components[part])) == 1
        assert ndimage.label(part)[1] == 1


def test_what_lies_outside_the_mask_does_not_matter():
    mask = np.array([[True, True, False, True, True]])
    height = np.array([[1.0, 2.0, 9.0, 2.0, 1.0]])
    assert_array_equal(split_touching(mask, height, 0.5), [[1, 1, 0, 2, 2]])


@pytest.mark.parametrize("mask", [np.zeros((4, 5), bool), np.ones((4, 5), bool), np.ones((1, 1), bool)])
def test_empty_and_full_masks(mask):
    for split in (None, "distance", "probability"):
        found = label_objects(mask, np.full(mask.shape, 0.5), rules(split))
        assert_array_equal(found, mask.astype(np.uint32))


def test_numbers_follow_first_pixels():
    labels = np.array([[0, 9, 9, 0], [4, 0, 2, 2], [4, 0, 0, 7]])
    assert_array_equal(number_by_first_pixel(labels, min_size=2), [[0, 1, 1, 0], [2, 0, 3, 3], [2, 0, 0, 0]])


def test_smoothing_is_scipys_gaussian_in_units_of_the_spacing():
    values = np.random.default_rng(0).random((9, 12))
    assert_array_equal(smooth(values, 2.0, (2.0, 0.5)), ndimage.gaussian_filter(values, (1.0, 4.0), mode="nearest"))
    assert smooth(values, 0, (1.0, 1.0)) is values

"""Tiles cover images once; patches carry their halo; NaN and inf raise or mask exactly what they reach."""

import itertools
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from pixelforest.backends.numpy.features import compute_features
from pixelforest.engine.tiling import TileReader, tiles
from pixelforest.features.build import build_plan
from pixelforest.features.patch import Window
from pixelforest.features.spec import FeatureSpec

PLAN = build_plan((FeatureSpec("gaussian", 0.5), FeatureSpec("sobel_of_gaussian_blur", 0.3)), (1.0, 1.0))
WIDE = build_plan((FeatureSpec("gaussian", 1),), (2.0, 1.0))  # halo (2, 4)


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 35)), min_size=2, max_size=3))
def test_tiles_cover_every_pixel_once(sizes):
    shape, tile_shape = zip(*sizes, strict=True)
    if prod(shape) / prod(min(s, t) for s, t in sizes) > 2000:
        return
    count = np.zeros(shape, int)
    starts = []
    for tile in tiles(shape, tile_shape):
        assert all(1 <= n <= t for n, t in zip(tile.shape, tile_shape, strict=True))
        count[tile.slices] += 1
        starts.append(tile.start)
    assert (count == 1).all()
    assert starts == sorted(starts)


def test_patches_carry_the_halo_cut_at_borders():
    image = np.arange(20 * 30, dtype=np.uint16).reshape(1, 20, 30)
    patch, touched = TileReader(image, WIDE, "raise", 0).read(Window((0, 10), (5, 12)))
    assert WIDE.halo == (2, 4)
    assert patch.window == Window((0, 6), (7, 16))
    assert touched is None
    assert patch.image_shape == (20, 30)
    assert patch.planes.dtype == np.float32
    assert patch.planes.flags.c_contiguous
    assert_array_equal(patch.planes[0], image[0, 0:7, 6:16])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_invalid_pixels_raise_with_index_and_position(value):
    image = np.zeros((2, 20, 30))
    image[1, 12, 21] = value
    with pytest.raises(ValueError, match=r"`X\[3\]` holds NaN or inf, first at \(12, 21\); pass nan_policy='mask'"):
        TileReader(image, WIDE, "raise", 3).read(Window((10, 18), (14, 22)))
    TileReader(image, WIDE, "raise", 3).read(Window((0, 0), (10, 30)))  # two rows away: out of reach


def test_values_beyond_float32_raise():
    image = np.zeros((1, 8, 8))
    image[0, 3, 3] = 1e39
    for policy in ("raise", "mask"):
        with pytest.raises(ValueError, match=r"`X\[2\]` holds values beyond the range of float32"):
            TileReader(image, PLAN, policy, 2).read(Window.whole((8, 8)))


def reach_of(invalid, halo):
    touched = np.zeros_like(invalid)
    for position in np.argwhere(invalid):
        touched[tuple(slice(max(0, p - h), p + h + 1) for p, h in zip(position, halo, strict=True))] = True
    return touched


@given(st.data())
def test_mask_is_exactly_what_invalid_pixels_reach(data):
    shape = (data.draw(st.integers(1, 14)), data.draw(st.integers(1, 14)))
    plan = data.draw(st.sampled_from([PLAN, WIDE]))
    corners = [tuple(c) for c in itertools.product(*((0, n - 1) for n in shape))]
    inner = [(data.draw(st.integers(0, shape[0] - 1)), data.draw(st.integers(0, shape[1] - 1)))]
    chosen = data.draw(st.lists(st.sampled_from(corners + inner), max_size=2))
    clean = np.random.default_rng(0).normal(size=(1, *shape))
    image = clean.copy()
    for position in chosen:
        image[(0, *position)] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    expected = reach_of(~np.isfinite(image[0]), plan.halo)
    tile_shape = (data.draw(st.integers(1, shape[0])), data.draw(st.integers(1, shape[1])))
    masked, reference = TileReader(image, plan, "mask", 0), TileReader(clean, plan, "raise", 0)
    for tile in tiles(shape, tile_shape):
        patch, touched = masked.read(tile)
        got = np.zeros(tile.shape, bool) if touched is None else touched
        assert_array_equal(got, expected[tile.slices])
        features = compute_features(plan, patch)
        assert np.isfinite(features).all()
        untouched = compute_features(plan, reference.read(tile)[0])
        assert_array_equal(features[:, ~got], untouched[:, ~got])


def test_one_invalid_channel_masks_the_pixel():
    image = np.zeros((3, 9, 9))
    image[2, 4, 4] = np.nan
    plan = build_plan((FeatureSpec("original"),), (1.0, 1.0), 3)
    _, touched = TileReader(image, plan, "mask", 0).read(Window.whole((9, 9)))
    assert touched is not None
    assert np.argwhere(touched).tolist() == [[4, 4]]


def test_volume_mask():
    image = np.zeros((1, 7, 9, 11))
    image[0, 0, 0, 0] = image[0, 6, 4, 5] = np.nan
    plan = build_plan((FeatureSpec("gaussian", 0.5),), (2.0, 1.0, 0.5))
    _, touched = TileReader(image, plan, "mask", 0).read(Window.whole((7, 9, 11)))
    assert_array_equal(touched, reach_of(np.isnan(image[0]), plan.halo))

"""Pyramids: modes are SciPy's, of every block; levels shrink the fine axes."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from pixelforest.features.patch import Window
from pixelforest.io.pyramid import downsample, halving_steps, plan_levels, source_window


def modes(labels: np.ndarray, step: tuple[int, ...]) -> np.ndarray:
    shape = tuple(-(-n // s) for n, s in zip(labels.shape, step, strict=True))
    found = np.empty(shape, labels.dtype)
    for at in product(*map(range, shape)):
        block = labels[tuple(slice(i * s, (i + 1) * s) for i, s in zip(at, step, strict=True))]
        found[at] = stats.mode(block, axis=None).mode
    return found


@given(st.data())
def test_modes_are_those_of_scipy(data):
    ndim = data.draw(st.integers(1, 4))
    shape = tuple(data.draw(st.integers(1, 6)) for _ in range(ndim))
    step = tuple(data.draw(st.integers(1, 3)) for _ in range(ndim))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    labels = rng.integers(0, data.draw(st.integers(1, 5)), shape).astype(
        data.draw(st.sampled_from([np.uint8, np.int32]))
    )
    assert_array_equal(downsample(labels, step, "mode"), modes(labels, step))
    assert_array_equal(downsample(labels, step, "nearest"), labels[tuple(slice(None, None, s) for s in step)])


@given(st.data())
def test_means_are_those_of_numpy_without_nan(data):
    ndim = data.draw(st.integers(1, 4))
    shape = tuple(data.draw(st.integers(1, 6)) for _ in range(ndim))
    step = tuple(data.draw(st.integers(1, 3)) for _ in range(ndim))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    values = rng.random(shape).astype(np.float32)
    values[rng.random(shape) < data.draw(st.sampled_from([0, 0.5]))] = np.nan
    found = downsample(values, step, "mean")
    assert found.dtype == np.float32
    for at in product(*map(range, found.shape)):
        block = values[tuple(slice(i * s, (i + 1) * s) for i, s in zip(at, step, strict=True))]
        expected = np.nan if np.isnan(block).all() else np.nanmean(block, dtype=np.float64)
        assert_allclose(found[at], expected, rtol=2**-23)


@given(st.lists(st.integers(1, 300), min_size=2, max_size=3), st.integers(1, 64), st.floats(1, 10))
def test_levels_shrink_until_they_fit(shape, smallest, coarse):
    scale = (coarse, *(1.0,) * (len(shape) - 1))
    levels = plan_levels(tuple(shape), halving_steps(tuple(shape), scale, (True,) * len(shape), smallest))
    assert levels[0].shape == tuple(shape)
    assert max(levels[-1].shape) <= smallest
    for below, above in pairwise(levels):
        assert max(below.shape) > smallest
        assert above.shape == tuple(-(-n // s) for n, s in zip(below.shape, above.step, strict=True))
        assert above.factor == tuple(f * s for f, s in zip(below.factor, above.step, strict=True))
        assert max(above.step) == 2


def test_coarse_axes_wait_and_time_stays():
    shape = (7, 40, 400, 400)
    levels = plan_levels(shape, halving_steps(shape, (9.0, 3.0, 1.0, 1.0), (False, True, True, True), 60))
    assert [level.shape for level in levels] == [
        (7, 40, 400, 400),
        (7, 40, 200, 200),
        (7, 20, 100, 100),
        (7, 10, 50, 50),
    ]


def test_windows_of_a_level_below():
    assert source_window(Window((2, 3), (4, 5)), (2, 1), (7, 9)) == Window((4, 3), (7, 5))


def test_unknown_methods_are_refused():
    with pytest.raises(ValueError, match="`downsampling` must be 'mode', 'nearest' or 'mean', got 'median'"):
        downsample(np.zeros((2, 2)), (2, 2), "median")

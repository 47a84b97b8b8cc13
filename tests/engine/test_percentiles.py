"""Percentiles counted part by part are those that NumPy finds in the whole, bit for bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from pixelforest.engine import scaling
from pixelforest.engine.percentiles import (
    count_first_digits,
    count_second_digits,
    find_places,
    is_one_digit,
    percentiles_of,
)
from pixelforest.engine.scaling import PercentileScaling, measure_scales

DTYPES = ("bool", "uint8", "int8", "uint16", "int16", "int32", "uint64", "float16", "float32", "float64")
RNG = np.random.default_rng(0)
PERCENTAGES = st.floats(0, 100)


def counted(parts: list[np.ndarray], percentages: tuple[float, ...]) -> np.ndarray:
    """Percentiles of the single channel that `parts` make together, NaN and inf left out."""
    first = sum(count_first_digits(part[np.newaxis], index=0, skips_invalid=True) for part in parts)
    places = find_places(first, percentages)
    second = None
    if not is_one_digit(parts[0].dtype):
        second = sum(count_second_digits(part[np.newaxis], places, index=0) for part in parts)
    return percentiles_of(parts[0].dtype, places, second)[0]


@given(data=st.data(), dtype=st.sampled_from(DTYPES), percentages=st.tuples(PERCENTAGES, PERCENTAGES))
def test_percentiles_are_those_of_numpy(data, dtype, percentages):
    kind = np.dtype(dtype).kind
    elements = {"min_value": -100, "max_value": 100, "allow_nan": False} if kind == "f" else None
    if kind == "f":
        elements["width"] = min(np.dtype(dtype).itemsize, 4) * 8
    values = data.draw(arrays(dtype, st.integers(1, 40), elements=elements and st.floats(**elements)))
    cut = data.draw(st.integers(0, values.size))
    expected = np.percentile(values.astype(np.float32), percentages)
    assert_array_equal(counted([values[:cut], values[cut:]], percentages), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_many_values_of_every_dtype(dtype):
    low, high = (0, 2) if dtype == "bool" else (0, 120)
    values = RNG.integers(low, high, 5001).astype(dtype)
    if np.dtype(dtype).kind == "f":
        values = (values * RNG.normal(size=values.size)).astype(dtype)
    wanted = (0, 1, 50, 99.8, 100)
    assert_array_equal(counted([values[::2], values[1::2]], wanted), np.percentile(values.astype(np.float32), wanted))


def test_values_that_float32_tells_apart_by_its_last_bit():
    values = np.nextafter(np.float32(1), np.float32(2)) * np.ones(9, np.float32)
    values[:4] = 1
    assert_array_equal(counted([values], (0, 40, 60, 100)), np.percentile(values, (0, 40, 60, 100)))
    tiny = np.array([-1e-45, 0, 1e-45, 3e38, -3e38], np.float32)
    assert_array_equal(counted([tiny], (0, 25, 50, 75, 100)), np.sort(tiny).astype(float))


def test_minus_zero_is_zero():
    assert not np.signbit(counted([np.array([-0.0, -0.0], np.float32)], (1, 99))).any()


def test_invalid_values_are_left_out_or_raise():
    values = np.array([3, np.nan, 1, np.inf, 2, -np.inf], np.float32)
    assert_array_equal(counted([values[:3], values[3:]], (0, 50, 90)), np.percentile([1, 2, 3], (0, 50, 90)))
    assert_array_equal(counted([values[1:2]], (1, 99)), [0, 0])
    with pytest.raises(ValueError, match=r"`X\[7\]` holds NaN or inf: percentiles of it are undefined"):
        count_first_digits(values[np.newaxis], index=7, skips_invalid=False)


def test_float64_beyond_float32_raises():
    with pytest.raises(ValueError, match=r"`X\[2\]` holds values beyond the range of float32"):
        measure_scales(np.array([[0, 1e300]]), PercentileScaling(), "raise", 2)


@pytest.mark.parametrize("bad", [(-1, 50), (50, 50), (60, 50), (0, 101), (np.nan, 50)])
def test_percentages_are_checked(bad):
    with pytest.raises(ValueError, match=r"`low` and `high` must be percentiles, 0 <= low < high <= 100, got"):
        PercentileScaling(*bad)


class Stored:
    """Planes that note which parts are read."""

    def __init__(self, planes, chunks):
        self.planes, self.chunks, self.shape, self.dtype = planes, chunks, planes.shape, planes.dtype
        self.read = []

    def __getitem__(self, part):
        self.read.append(tuple((s.start, s.stop) for s in part[1:]))
        return self.planes[part]


@pytest.mark.parametrize(("dtype", "times"), [("uint16", 1), ("float32", 2)])
def test_stored_images_are_read_by_whole_chunks(monkeypatch, dtype, times):
    monkeypatch.setattr(scaling, "VALUES_AT_ONCE", 300)
    planes = (RNG.random((2, 45, 37)) * 60000).astype(dtype)
    stored = Stored(planes, (1, 10, 8))
    found = measure_scales(stored, PercentileScaling(5, 95), "raise", 0)
    expected = np.percentile(planes.astype(np.float32), (5, 95), axis=(1, 2)).T
    assert_array_equal(found.bounds, expected)
    assert len(stored.read) == times * len(set(stored.read)) == times * 5 * 5
    assert all(start % side == 0 for read in stored.read for (start, _), side in zip(read, (10, 8), strict=True))

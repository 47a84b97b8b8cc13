"""Uncertainty of probabilities against SciPy and plain formulae."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import entropy

from pixelforest.metrics import uncertainty

RNG = np.random.default_rng(0)
PROBABILITIES = RNG.dirichlet(np.ones(4), size=(20, 30))


def test_entropy_is_scipys_in_units_of_its_maximum():
    assert_allclose(uncertainty(PROBABILITIES), entropy(PROBABILITIES, axis=-1, base=4), rtol=1e-12)


def test_margin_is_one_minus_the_lead_of_the_likeliest_class():
    ordered = np.sort(PROBABILITIES, axis=-1)
    assert_array_equal(uncertainty(PROBABILITIES, "margin"), 1 - (ordered[..., -1] - ordered[..., -2]))


def test_least_confident_is_what_the_likeliest_class_lacks():
    assert_allclose(uncertainty(PROBABILITIES, "least_confident"), (1 - PROBABILITIES.max(-1)) * 4 / 3, rtol=1e-12)


@pytest.mark.parametrize("measure", ["entropy", "margin", "least_confident"])
def test_runs_from_certain_to_equally_likely(measure):
    assert_allclose(uncertainty([[0, 1, 0], [1 / 3, 1 / 3, 1 / 3]], measure), [0, 1], atol=1e-15)
    assert not np.signbit(uncertainty([[0, 1, 0]], measure)).any()
    assert np.isnan(uncertainty([[np.nan, np.nan]], measure)).all()


@pytest.mark.parametrize("measure", ["entropy", "margin", "least_confident"])
def test_a_pixel_has_the_same_bits_wherever_it_lies(measure):
    whole = uncertainty(PROBABILITIES, measure)
    planes = np.moveaxis(PROBABILITIES, -1, 0)
    assert_array_equal(uncertainty(planes, measure, axis=0), whole)
    for start in range(9):
        assert_array_equal(
            uncertainty(PROBABILITIES[start : start + 3, start:], measure), whole[start : start + 3, start:]
        )


def test_refuses_an_unknown_measure_and_a_lone_class():
    with pytest.raises(ValueError, match=r"`measure` must be one of .*'margin'.*got 'entrpoy'"):
        uncertainty(PROBABILITIES, "entrpoy")
    with pytest.raises(ValueError, match="`probabilities` must have at least 2 classes on axis -1, got 1"):
        uncertainty(np.ones((3, 1)))

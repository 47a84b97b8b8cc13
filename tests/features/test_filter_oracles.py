"""Every filter against SciPy and NumPy, or apoc's formulae written out, on every backend."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import ndimage

from benchmarks.agreement.scipy_oracles import ORACLES
from pixelforest.features.build import build_plan, grid
from pixelforest.features.filters import BUILT_IN, filters_for
from pixelforest.features.patch import Patch, Window
from pixelforest.features.spec import FeatureSpec

SIGMAS = (0.7, 1.0, 2.5, 5.0)
# 35 columns: runtimes that vectorise along x do so only in rows at least as long as their vectors
SHAPES = [(37, 53), (1, 40), (40, 1), (1, 1), (3, 4), (9, 14, 11), (4, 5, 35), (1, 1, 7), (2, 3, 1)]
SPACINGS = [(0.5, 2.0), (1.25, 1.25), (2.0, 0.5, 0.8)]


def whole(image):
    window = Window.whole(image.shape)
    return Patch(np.ascontiguousarray(image, np.float32)[np.newaxis], window, window, image.shape)


def random_image(shape, seed=0):
    return np.random.default_rng(seed).normal(20, 100, shape).astype(np.float32)


def check_against_oracles(engine, image, sigma, spacing):
    names = filters_for(spacing)
    plan = build_plan(grid(names, (sigma,)), spacing)
    values = engine.compute(plan, whole(image))
    in_order = [
        *(n for n in names if BUILT_IN[n].is_per_channel),
        *(n for n in names if not BUILT_IN[n].is_per_channel),
    ]
    expected = [f for name in in_order for f in ORACLES[name](image.astype(np.float64), sigma, spacing)]
    peak = float(np.abs(image).max())
    assert values.dtype == np.float32
    assert values.shape == (len(expected), *image.shape)
    for name, value, oracle, bound in zip(plan.names, values, expected, plan.bounds, strict=True):
        allowed = max(bound.tolerance(peak, engine.tolerance), 1e-6 * peak if bound.degree is None else 0)
        assert_allclose(value, oracle, rtol=0, atol=allowed, err_msg=f"{name} on {image.shape}, spacing {spacing}")


def test_every_filter_has_an_oracle():
    assert set(ORACLES) == set(BUILT_IN)


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_filters_equal_their_oracles(engine, shape, sigma):
    check_against_oracles(engine, random_image(shape), sigma, (1.0,) * len(shape))


@pytest.mark.parametrize("sigma", [0.9, 2.5])
@pytest.mark.parametrize("spacing", SPACINGS, ids=str)
def test_spacing_scales_sigma_and_derivatives(engine, spacing, sigma):
    check_against_oracles(engine, random_image((21, 18, 15)[: len(spacing)]), sigma, spacing)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_scipys_own_functions_agree(engine, sigma):
    image = random_image((31, 24))
    names = ("gaussian", "laplacian_of_gaussian", "gaussian_gradient_magnitude")
    values = engine.compute(build_plan(tuple(FeatureSpec(n, sigma) for n in names), (1.0, 1.0)), whole(image))
    functions = (ndimage.gaussian_filter, ndimage.gaussian_laplace, ndimage.gaussian_gradient_magnitude)
    for value, function in zip(values, functions, strict=True):
        oracle = function(image.astype(np.float64), sigma, mode="reflect", truncate=4.0)
        assert_allclose(value, oracle, rtol=0, atol=1e-5 * np.abs(image).max())


@pytest.mark.parametrize(("ndim", "slope"), [(2, 8), (3, 32)])
@pytest.mark.parametrize("axis", [0, -1])
def test_sobel_of_a_unit_ramp(engine, ndim, slope, axis):
    ramp = np.moveaxis(np.broadcast_to(np.arange(14.0), (14,) * ndim), -1, axis)
    value = engine.compute(build_plan((FeatureSpec("sobel_of_gaussian_blur", 0.7),), (1.0,) * ndim), whole(ramp))
    assert_allclose(value[0][(slice(5, 9),) * ndim], slope, rtol=1e-6)


@pytest.mark.parametrize("ndim", [2, 3])
def test_laplace_box_of_a_constant_is_zero_and_of_a_point_is_positive(engine, ndim):
    plan = build_plan((FeatureSpec("laplace_box_of_gaussian_blur", 0.1),), (1.0,) * ndim)  # one tap: no blur
    constant = engine.compute(plan, whole(np.full((5,) * ndim, 7.0)))
    assert_allclose(constant, 0, atol=1e-4)
    point = np.zeros((5,) * ndim)
    point[(2,) * ndim] = 1
    value = engine.compute(plan, whole(point))[0]
    assert value[(2,) * ndim] == 3**ndim - 1
    assert value[(1,) * ndim] == -1
    assert value.sum() == 0


@pytest.mark.parametrize("name", list(BUILT_IN)[1:7])
def test_features_are_physical(engine, name):
    """A smooth function sampled twice as densely (and four times along x) has the same features at the same places."""

    def sample(steps):
        y, x = (np.arange(0, 64, step) for step in steps)
        return np.sin(0.21 * y)[:, None] + np.cos(0.13 * y[:, None] + 0.17 * x[None])

    spec = (FeatureSpec(name, 3.0),)
    coarse = engine.compute(build_plan(spec, (1.0, 1.0)), whole(sample((1, 1))))
    fine = engine.compute(build_plan(spec, (0.5, 0.25)), whole(sample((0.5, 0.25))))[:, ::2, ::4]
    inner = np.s_[:, 20:-20, 20:-20]
    assert_allclose(fine[inner], coarse[inner], atol=0.02 * np.abs(coarse[inner]).max())

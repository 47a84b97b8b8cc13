"""Hard images: kernels larger than they are, one-pixel axes, huge and tiny values, constants, NaN."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

import pixelforest as pf
from pixelforest.engine.tiling import TileReader
from pixelforest.features.build import build_plan, grid
from pixelforest.features.filters import filters_for
from pixelforest.features.patch import Window

CONVENTIONS = ["scipy", "ilastik", "skimage", "clesperanto"]


def compute(engine, image, names, sigma, convention="scipy"):
    plan = build_plan(grid(names, (sigma,)), (1.0,) * image.ndim, convention=convention)
    reader = TileReader(np.asarray(image)[np.newaxis], plan, "raise", 0)
    return plan, engine.compute(plan, reader.read(Window.whole(image.shape))[0])


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("shape", [(3, 4), (1, 9), (1, 1), (2, 1, 3)], ids=str)
def test_kernels_may_be_larger_than_the_image(engine, shape, convention):
    """The boundary rule is applied as often as it takes, as SciPy does."""
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    mode = {"scipy": "reflect", "ilastik": "mirror", "skimage": "nearest", "clesperanto": "nearest"}[convention]
    _, values = compute(engine, image, ("local_mean", "minimum", "white_top_hat"), 20, convention)
    exact = image.astype(float)
    assert_allclose(values[0], ndimage.uniform_filter(exact, 41, mode=mode), atol=1e-5)
    assert_allclose(values[1], ndimage.minimum_filter(exact, 41, mode=mode), atol=1e-7)
    assert_allclose(values[2], ndimage.white_tophat(exact, 41, mode=mode), atol=1e-6)
    plan, values = compute(engine, image, filters_for((1.0,) * image.ndim), 12, convention)
    assert np.isfinite(values).all(), np.array(plan.names)[~np.isfinite(values).all(axis=tuple(range(1, values.ndim)))]


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("value", [0.0, 7.0, -3e4])
def test_constant_images(engine, value, convention):
    image = np.full((9, 35), value, np.float32)
    plan, values = compute(engine, image, filters_for((1.0, 1.0)), 1.0, convention)
    same = ("original", "gaussian_sigma", "gaussian_blur", "local_mean", "minimum", "maximum", "median")
    exactly_zero = ("white_top", "black_top", "entropy")
    # second derivatives of sampled Gaussians do not quite sum to 0, in SciPy either; those of ilastik do
    leak = 1e-6 if convention in ("ilastik", "skimage") else 2e-4
    for name, plane, bound in zip(plan.names, values, plan.bounds, strict=True):
        if name.startswith(same):
            assert_allclose(plane, value, rtol=1e-5)
        elif name.startswith(exactly_zero):
            assert_array_equal(plane, 0, err_msg=name)
        elif name.startswith("local_"):
            assert name.startswith("local_binary") or np.abs(plane).max() <= 1e-6 * bound.limit(abs(value)), name
        elif not name.startswith(("position", "membrane", "gabor")):
            assert np.abs(plane).max() <= leak * bound.limit(abs(value)), name
    assert_array_equal(values[plan.names.index("local_binary_pattern_sigma_1")][2:-2, 2:-2], 8)


def test_deviations_do_not_cancel(engine):
    """The textbook formula, mean of squares minus square of the mean, gives 0 or NaN here."""
    image = 1e4 + np.random.default_rng(1).normal(0, 0.5, (20, 40)).astype(np.float32)
    _, values = compute(engine, image, ("local_std",), 2)
    expected = ndimage.generic_filter(image.astype(float), np.std, 5)
    assert_allclose(values[0], expected, rtol=0.02)


@pytest.mark.parametrize("size", [1e-41, 1e-30, 1e15])
def test_small_and_large_values_stay_finite(engine, size):
    image = (np.random.default_rng(2).normal(size=(20, 33)) * size).astype(np.float32)
    plan, values = compute(engine, image, filters_for((1.0, 1.0)), 1.3)
    assert np.isfinite(values).all()
    gaussian = ndimage.gaussian_filter(image.astype(float), 1.3)
    got = values[plan.names.index("gaussian_sigma_1.3")]
    # devices may take denormal numbers for 0
    assert_allclose(got, gaussian, rtol=0, atol=1e-6 * np.abs(gaussian).max() + 1.2e-38)


@pytest.mark.parametrize("name", ["structure_tensor_eigenvalues", "hessian_determinant", "local_variance", "local_std"])
def test_what_can_overflow_is_refused_by_name(name):
    image = np.zeros((9, 10), np.float32)
    image[4, 4] = 1e30
    stack = pf.ImageFeatureStack(filters=("gaussian", name), sigmas=(1,), device="numpy")
    with pytest.raises(
        ValueError, match=rf"`X\[1\]` holds values up to 1e\+30, with which '{name}.*can overflow float32"
    ):
        stack.transform([np.zeros((5, 5)), image])
    assert np.isfinite(stack.set_params(filters=("gaussian", "hessian_eigenvalues", "sobel")).transform(image)).all()
    stack.set_params(filters=(name,), nan_policy="mask")
    with pytest.raises(ValueError, match="can overflow float32"):
        stack.transform(image)


def test_values_at_the_end_of_float32():
    largest = np.finfo(np.float32).max
    image = np.full((5, 6), largest, np.float32)
    assert_array_equal(pf.ImageFeatureStack(filters=("original",), device="numpy").transform(image)[..., 0], image)
    with pytest.raises(ValueError, match=r"'difference_of_gaussians_sigma_1'.*can overflow"):
        pf.ImageFeatureStack(filters=("difference_of_gaussians",), sigmas=(1,), device="numpy").transform(image)


@pytest.mark.parametrize("name", ["minimum", "local_std", "median", "entropy", "position", "gabor", "white_top_hat"])
def test_masked_pixels_reach_as_far_as_the_halo(name):
    image = np.random.default_rng(3).normal(50, 9, (30, 31))
    image[12, 13] = np.nan
    stack = pf.ImageFeatureStack(filters=(name,), sigmas=(1,), nan_policy="mask", device="numpy")
    values, halo = stack.transform(image), stack.plan_.halo
    expected = np.zeros(image.shape, bool)
    expected[12 - halo[0] : 13 + halo[0], 13 - halo[1] : 14 + halo[1]] = True
    assert_array_equal(np.isnan(values).all(axis=-1), expected)
    filled = np.where(np.isnan(image), np.nanmedian(image), image)
    clean = stack.transform(filled)
    assert_array_equal(values[~expected], clean[~expected])

"""What `ImageFeatureStack` returns: into arrays that are given, as float16, of many channels, at physical scales."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

import pixelforest as pf
from pixelforest.backends.numpy.backend import NumpyBackend
from pixelforest.engine.tiling import TileReader
from pixelforest.features.build import build_plan, grid
from pixelforest.features.patch import Window

IMAGE = np.random.default_rng(0).normal(50, 9, (31, 42)).astype(np.float32)
STACK = pf.ImageFeatureStack(filters=("gaussian", "local_std"), sigmas=(1, 2), device="numpy")


def test_results_go_where_they_are_wanted():
    expected = STACK.transform(IMAGE)
    for out in (np.empty((31, 42, 4), np.float32), np.moveaxis(np.empty((4, 31, 42), np.float32), 0, -1)):
        assert STACK.transform(IMAGE, out=out) is out
        assert_array_equal(out, expected)
    outputs = [np.empty_like(expected), np.empty((20, 42, 4), np.float32)]
    assert STACK.transform([IMAGE, IMAGE[:20]], out=outputs) is outputs
    assert_array_equal(outputs[0], expected)
    assert_array_equal(outputs[1], STACK.transform(IMAGE[:20]))
    stacked = np.empty((2, 31, 42, 4), np.float32)
    assert STACK.transform(np.stack([IMAGE, -IMAGE]), out=stacked) is stacked
    assert_array_equal(stacked[0], expected)


def test_a_given_output_is_filled_tile_by_tile(monkeypatch):
    expected = STACK.transform(IMAGE)
    monkeypatch.setattr(NumpyBackend, "tile_bytes", 30_000)
    reads = []
    read = TileReader.read
    monkeypatch.setattr(TileReader, "read", lambda self, window: (reads.append(window), read(self, window))[1])
    assert_array_equal(STACK.transform(IMAGE, out=np.empty((31, 42, 4), np.float32)), expected)
    assert len(reads) >= 4


@pytest.mark.parametrize(
    ("X", "out", "error", "message"),
    [
        (
            IMAGE,
            np.empty((31, 42, 3), np.float32),
            ValueError,
            r"`out` must have shape \(31, 42, 4\) and dtype f",
        ),
        (IMAGE, np.empty((31, 42, 4)), ValueError, "dtype float32, got .* float64"),
        (IMAGE, [[1.0]], TypeError, "`out` must be a NumPy array, got list"),
        ([IMAGE], [], ValueError, "`out` must hold 1 arrays, one per image, got 0"),
        ([IMAGE], [None], TypeError, r"`out\[0\]` must be a NumPy array"),
        (IMAGE, np.broadcast_to(np.float32(0), (31, 42, 4)), ValueError, "`out` cannot be written to"),
    ],
)
def test_wrong_outputs_are_refused(X, out, error, message):
    with pytest.raises(error, match=message):
        STACK.transform(X, out=out)


def test_half_precision():
    expected = STACK.transform(IMAGE)
    half = pf.ImageFeatureStack(filters=("gaussian", "local_std"), sigmas=(1, 2), dtype=np.float16, device="numpy")
    values = half.transform(IMAGE)
    assert values.dtype == np.float16
    assert_array_equal(values, expected.astype(np.float16))
    with pytest.raises(ValueError, match=r"'gaussian_sigma_1' reaches .*, but float16 ends at 65504"):
        half.transform(IMAGE * 2000)
    strokes = np.ones(IMAGE.shape, np.uint8)
    strokes[:9] = 2
    with pytest.raises(ValueError, match="an ImageSegmenter needs features of dtype float32"):
        pf.ImageSegmenter(half).fit([IMAGE], [strokes])


@pytest.mark.parametrize("dtype", ["float64", None, "halves", int])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(ValueError, match="`dtype` must be 'float32' or 'float16'"):
        pf.ImageFeatureStack(dtype=dtype).fit([IMAGE])


def test_channels_are_not_copied():
    planes = np.random.default_rng(1).random((3, 20, 21), np.float32)
    plan = build_plan(grid(("gaussian",), (1,)), (1.0, 1.0), 3)
    patch, _ = TileReader(planes, plan, "raise", 0).read(Window.whole((20, 21)))
    assert np.shares_memory(patch.planes, planes)
    first = pf.ImageFeatureStack(filters=("gaussian",), channel_axis=0, device="numpy").fit_transform(planes)
    last = pf.ImageFeatureStack(filters=("gaussian",), channel_axis=-1, device="numpy")
    assert_array_equal(last.fit_transform(np.moveaxis(planes, 0, -1)), first)


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("gaussian", 0.01),
        ("laplacian_of_gaussian", 0.03),
        ("hessian_eigenvalues", 0.03),
        ("gaussian_gradient_magnitude", 0.02),
        ("structure_tensor_eigenvalues", 0.03),
        ("gabor", 0.03),
    ],
)
def test_an_anisotropic_volume_has_the_features_of_the_isotropic_one(engine, name, tolerance):
    """Resample a smooth volume to slices three times as far apart; features with `spacing` stay the same."""
    rough = np.random.default_rng(2).normal(size=(61, 40, 40))
    fine = ndimage.gaussian_filter(rough, 4) * 100
    coarse = fine[::3]
    settings = {"filters": (name,), "sigmas": (4.0,), "spatial_ndim": 3, "device": engine.name}
    isotropic = pf.ImageFeatureStack(**settings).transform(fine)[::3]
    anisotropic = pf.ImageFeatureStack(**settings, spacing=(3.0, 1.0, 1.0)).transform(coarse)
    inner = np.s_[6:-6, 14:-14, 14:-14]
    assert_allclose(anisotropic[inner], isotropic[inner], atol=tolerance * np.ptp(isotropic))
    ignored = pf.ImageFeatureStack(**settings).transform(coarse)
    assert not np.allclose(ignored[inner], isotropic[inner], atol=tolerance * np.ptp(isotropic))


def test_plans_can_be_read():
    text = str(pf.ImageFeatureStack(features="ilastik").plan_)
    first = text.splitlines()[0]
    assert first.startswith("49 features of 1 channel; halo ")
    assert "of them shared" in first
    assert all(name in text for name in ("structure_tensor_eigenvalues_1_sigma_10", "magnitude of", "gaussian''"))
    with pytest.raises(AttributeError, match="call `fit` first"):
        _ = pf.ImageFeatureStack(channel_axis=-1).plan_
    every = str(pf.ImageFeatureStack(filters=("minimum", "entropy", "gabor", "local_std", "sobel")).plan_)
    assert "entropy, output 0, on the host, of 0" in every

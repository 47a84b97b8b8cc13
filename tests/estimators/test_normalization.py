"""Scaling by percentiles of the whole image, as a part of the model: exact in tiles, chunks and files."""

import dask.array as da
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

import pixelforest as pf
from pixelforest.engine import scaling
from pixelforest.io.model_files import load_model, save_model

RNG = np.random.default_rng(5)
SHAPE = (61, 47)
FILTERS = ("original", "gaussian", "hessian_eigenvalues")
SPEC = pf.PercentileScaling(3, 96, clip=True)


def picture(dtype="float32", n_channels=None, factor=1.0):
    channels = [RNG.normal(size=SHAPE) * 900 + 3000 for _ in range(n_channels or 1)]
    for channel in channels:
        channel[:, 20:] += 2000
    image = np.stack(channels, axis=-1) if n_channels else channels[0]
    return (image * factor).astype(dtype)


SCRIBBLES = np.zeros(SHAPE, np.uint8)
SCRIBBLES[5:50:9, 3:15] = 1
SCRIBBLES[5:50:9, 25:44] = 2


def stack(normalization=SPEC, **parameters):
    return pf.ImageFeatureStack(FILTERS, (1, 2), normalization=normalization, **parameters)


def forest():
    return pf.OpenCLRandomForestClassifier(5, max_depth=4, random_state=0)


def fitted(image, normalization=SPEC, *, tile_shape=None, **parameters):
    return pf.ImageSegmenter(stack(normalization, **parameters), forest(), tile_shape=tile_shape).fit(
        [image], [SCRIBBLES]
    )


def by_formula(image, low, high, clip):
    bounds = np.percentile(image.astype(np.float32), (low, high)).astype(float)
    scaled = ((image.astype(np.float32) - bounds[0]) * (1 / (bounds[1] - bounds[0]))).astype(np.float32)
    return scaled.clip(0, 1) if clip else scaled


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("normalization", [SPEC, "percentile"])
def test_images_are_scaled_by_the_formula(dtype, normalization):
    image = picture(dtype, factor=0.02 if dtype == "uint8" else 1)
    spec = pf.PercentileScaling() if normalization == "percentile" else normalization
    expected = by_formula(image, spec.low, spec.high, spec.clip)
    assert_array_equal(pf.ImageNormalizer(spec.low, spec.high, clip=spec.clip).transform(image), expected)
    assert_array_equal(stack(normalization).transform(image), stack(None).transform(expected))


@pytest.mark.parametrize("n_channels", [None, 2])
def test_model_is_the_pipeline_with_a_normalizer_in_front(n_channels):
    axis = None if n_channels is None else -1
    images = [picture("uint16", n_channels), picture("uint16", n_channels, factor=0.3)]
    labels = [SCRIBBLES, SCRIBBLES]
    model = pf.ImageSegmenter(stack(channel_axis=axis), forest(), tile_shape=(16, 13)).fit(images, labels)
    pipeline = make_pipeline(
        pf.ImageNormalizer(3, 96, clip=True, channel_axis=axis),
        stack(None, channel_axis=axis),
        pf.PixelClassifier(forest()),
    ).fit(images, labels)
    others = [picture("uint16", n_channels, factor=0.1), *images]
    for got, expected in zip(model.predict(others), pipeline.predict(others), strict=True):
        assert_array_equal(got, expected)
    plain = pf.ImageSegmenter(stack(None, channel_axis=axis), forest())
    plain.fit(pipeline[0].transform(images), labels)
    for got, scaled in zip(model.predict_proba(others), pipeline[0].transform(others), strict=True):
        assert_array_equal(got, plain.predict_proba(scaled))


def test_brightness_of_an_image_does_not_matter():
    image = picture("float32")
    model = fitted(image)
    assert_array_equal(model.predict(image * 4), model.predict(image))
    assert (fitted(image, None).predict(image * 4) != model.predict(image)).any()


@pytest.mark.parametrize("tile", [(61, 47), (7, 47), (16, 16), (5, 9)])
@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_tiles_have_the_bits_of_the_whole(monkeypatch, tile, dtype):
    image = picture(dtype)
    model = fitted(image)
    whole, probabilities = model.predict(image), model.predict_proba(image)
    monkeypatch.setattr(scaling, "VALUES_AT_ONCE", 100)
    model.set_params(tile_shape=tile)
    assert_array_equal(model.predict(image), whole)
    assert_array_equal(model.predict_proba(image), probabilities)
    mask = np.zeros(SHAPE, bool)
    mask[3:20, 30:40] = True
    assert_array_equal(model.predict(image, mask=mask), np.where(mask, whole, 0))


@pytest.mark.parametrize("chunks", [(30, 47), (16, 20)])
@pytest.mark.parametrize(("dtype", "n_channels"), [("uint16", None), ("float32", None), ("float32", 2)])
def test_lazy_images_have_the_bits_of_the_whole(chunks, dtype, n_channels):
    axis = None if n_channels is None else -1
    image = picture(dtype, n_channels)
    model = fitted(image, channel_axis=axis)
    lazy = da.from_array(image, chunks=chunks if n_channels is None else (*chunks, 1))
    labels = model.predict(lazy)
    assert isinstance(labels, da.Array)
    assert_array_equal(labels.compute(), model.predict(image))
    assert_array_equal(model.predict_proba(lazy).compute(), model.predict_proba(image))
    features = stack(channel_axis=axis)
    assert_array_equal(features.transform(lazy).compute(), features.transform(image))


def test_lazy_statistics_of_filters_see_the_scaled_image():
    def above_mean(image, *, statistics):
        return (image > statistics).astype(np.float32)

    own = pf.CustomFilter("above_mean", above_mean, halo=0, statistics=np.mean)
    features = pf.ImageFeatureStack([own], (1,), normalization=SPEC)
    image = picture("float32")
    plain = pf.ImageFeatureStack([own], (1,)).transform(pf.ImageNormalizer(3, 96, clip=True).transform(image))
    assert_array_equal(features.transform(image), plain)
    assert_array_equal(features.transform(da.from_array(image, chunks=20)).compute(), plain)


def test_stored_images_are_read_in_parts(tmp_path):
    image = picture("float32")
    np.save(tmp_path / "image.npy", image)
    stored = np.load(tmp_path / "image.npy", mmap_mode="r")
    model = fitted(image, tile_shape=(20, 20))
    assert_array_equal(model.predict(stored), model.predict(image))


def test_pixels_that_nan_reaches_are_masked_and_others_scaled_by_the_finite_ones():
    image = picture("float32")
    holes = image.copy()
    holes[30, 20], holes[2, 40] = np.nan, np.inf
    finite = holes[np.isfinite(holes)]
    bounds = np.percentile(finite, (3, 96))
    with np.errstate(invalid="ignore"):
        scaled = ((holes - bounds[0]) * (1 / (bounds[1] - bounds[0]))).astype(np.float32).clip(0, 1)
    scaled[~np.isfinite(holes)] = np.nan
    masked = stack(nan_policy="mask")
    expected = stack(None, nan_policy="mask").transform(scaled)
    assert np.isnan(expected).any()
    assert_array_equal(masked.transform(holes), expected)
    model = fitted(image, nan_policy="mask")
    labels = model.predict(holes)
    assert (labels == 0).any()
    model.set_params(tile_shape=(9, 11))
    assert_array_equal(model.predict(holes), labels)
    assert_array_equal(model.predict(da.from_array(holes, chunks=13)).compute(), labels)


def test_infinity_is_never_clipped_to_a_number():
    image = np.full((20, 20), 5, np.float32)
    image[10, 10] = np.inf
    features = pf.ImageFeatureStack(["original"], (1,), normalization=SPEC, nan_policy="mask")
    assert np.isnan(features.transform(image)[10, 10]).all()
    image[3, :] = 7
    assert np.isnan(features.transform(image)[10, 10]).all()


def test_nan_raises_with_the_image_and_the_chunk():
    image = picture("float32")
    model = fitted(image)
    image[50, 3] = np.nan
    with pytest.raises(ValueError, match=r"`X\[1\]` holds NaN or inf: percentiles of it are undefined"):
        model.predict([picture(), image])
    with pytest.raises(ValueError, match=r"`X\[0\]` holds NaN or inf: .* \[in the chunk at 40:60, 0:20\]"):
        model.predict(da.from_array(image, chunks=20)).compute()


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_constant_images_become_zero(dtype):
    image = np.full(SHAPE, 7, dtype)
    assert_array_equal(pf.ImageNormalizer().transform(image), np.zeros(SHAPE, np.float32))
    assert_array_equal(stack().transform(image), stack(None).transform(np.zeros(SHAPE, np.float32)))
    assert_array_equal(stack().transform(da.from_array(image, chunks=16)).compute(), stack().transform(image))


def test_scaling_that_leaves_float32_raises():
    image = np.zeros((50, 50), np.float32)
    image[0, 0], image[1, :30] = 1e30, 1e-20
    with pytest.raises(ValueError, match=r"`X\[0\]` holds values beyond the range of float32"):
        pf.ImageNormalizer(1, 99).transform(image)


@pytest.mark.parametrize("bad", ["percentiles", (1, 99), True, pf.ImageNormalizer()])
def test_other_normalizations_are_refused(bad):
    with pytest.raises(ValueError, match="`normalization` must be None, 'percentile' or a PercentileScaling, got"):
        stack(bad).fit([picture()])


def test_models_are_cloned_and_saved_with_it(tmp_path):
    image = picture("uint16")
    model = fitted(image)
    assert clone(model).features.normalization == SPEC
    save_model(model, tmp_path / "model.skops")
    loaded = load_model(tmp_path / "model.skops")
    assert loaded.features_.normalization == SPEC
    assert_array_equal(loaded.predict(image), model.predict(image))
    object.__setattr__(loaded.features_.normalization, "low", 99.9)  # what a tampered file could hold
    with pytest.raises(ValueError, match="`low` and `high` must be percentiles"):
        loaded.predict(image)

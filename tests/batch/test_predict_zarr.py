"""OME-Zarr predicted tile by tile is the prediction of the whole; only the same run resumes."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import yaozarrs
import zarr
from numpy.testing import assert_allclose, assert_array_equal
from skimage import transform
from sklearn.linear_model import RidgeClassifier

import pixelforest as pf
from pixelforest.batch import predict_zarr, zarr_images
from pixelforest.estimators.window_results import WindowResults
from pixelforest.io.label_zarr import LabelImage
from pixelforest.io.ome_zarr import open_ome_zarr
from tests.ome_zarr_by_hand import VERSIONS, write_image

VALUES = np.random.default_rng(0).integers(0, 255, (2, 2, 5, 40, 33)).astype(np.uint8)


def segmenter(spatial_ndim: int, n_channels: int = 1, **options) -> pf.ImageSegmenter:
    features = pf.ImageFeatureStack(
        filters=("gaussian", "hessian_eigenvalues"),
        sigmas=(1,),
        device="numpy",
        spatial_ndim=spatial_ndim,
        channel_axis=None if n_channels == 1 else 0,
        **options,
    )
    forest = pf.OpenCLRandomForestClassifier(5, max_depth=4, random_state=0, device="numpy")
    model = pf.ImageSegmenter(features, forest, tile_shape=(3, 7, 7)[-spatial_ndim:])
    shape = (n_channels, *(5, 24, 24)[-spatial_ndim:])[n_channels == 1 :]
    image = np.random.default_rng(1).integers(0, 255, shape).astype(np.uint8)
    labels = (image if n_channels == 1 else image[0]) // 100 + 1
    return model.fit([image], [labels])


@pytest.fixture
def small_tiles(monkeypatch):
    """Many write tiles; models compute smaller ones."""

    def like(image, spatial_ndim, dtype):
        layout = plain(image, spatial_ndim, dtype)
        inner = [n != 1 or s != 1 for n, s in zip(layout.chunks, layout.shape, strict=True)]
        shards = tuple(16 if axis >= len(inner) - 2 else n for axis, n in enumerate(layout.shards))
        return replace(layout, chunks=tuple(n // 2 if n == 16 else n for n in shards), shards=shards, tile_shape=shards)

    plain = LabelImage.like
    monkeypatch.setattr(LabelImage, "like", like)


def whole(model: pf.ImageSegmenter, values: np.ndarray) -> np.ndarray:
    return np.stack([model.predict(image) for image in values])


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("version", VERSIONS)
def test_volumes_over_time_are_predicted_one_by_one(tmp_path, version):
    source = write_image(tmp_path / "image.zarr", VALUES, "tczyx", version)
    model = segmenter(3, 2)
    predict_zarr(model, source, tmp_path / "labels.zarr")
    yaozarrs.validate_zarr_store(str(tmp_path / "labels.zarr"))
    found = open_ome_zarr(tmp_path / "labels.zarr")
    assert found.axes == tuple("tzyx")
    assert found.array.dtype == np.uint8
    assert_array_equal(found.array[:], whole(model, VALUES))


@pytest.mark.usefixtures("small_tiles")
def test_a_model_of_planes_takes_every_plane(tmp_path):
    source = write_image(tmp_path / "image.zarr", VALUES[:, 0], "tzyx", "0.5")
    model = segmenter(2)
    predict_zarr(model, source, tmp_path / "labels.zarr")
    expected = np.stack([whole(model, volume) for volume in VALUES[:, 0]])
    assert_array_equal(open_ome_zarr(tmp_path / "labels.zarr").array[:], expected)


@pytest.mark.usefixtures("small_tiles")
def test_channels_and_levels_are_chosen(tmp_path):
    source = write_image(tmp_path / "image.zarr", VALUES[0], "czyx", "0.4")
    model = segmenter(3)
    predict_zarr(model, source, tmp_path / "labels.zarr", level=1, channels=[1])
    found = open_ome_zarr(tmp_path / "labels.zarr")
    assert found.scale == (2, 1, 1)
    assert_array_equal(found.array[:], model.predict(VALUES[0, 1][:, ::2, ::2]))
    with pytest.raises(
        ValueError, match=r"`channels` must name 1, as many as the model was trained with, got 2 \('0', '1'\)"
    ):
        predict_zarr(model, source, tmp_path / "other.zarr")
    with pytest.raises(ValueError, match="there is no channel 'DAPI', only '0', '1'"):
        predict_zarr(model, source, tmp_path / "other.zarr", channels=["DAPI"])


@pytest.mark.usefixtures("small_tiles")
def test_pixels_that_nan_reaches_stay_unlabelled(tmp_path):
    values = VALUES[0, 0, 0].astype(np.float32)
    values[20, 20] = np.nan
    source = write_image(tmp_path / "image.zarr", values, "yx", "0.5")
    model = segmenter(2, nan_policy="mask")
    predict_zarr(model, source, tmp_path / "labels.zarr")
    found = open_ome_zarr(tmp_path / "labels.zarr").array[:]
    assert (found == 0).any()
    assert_array_equal(found, model.predict(values))
    with pytest.raises(ValueError, match="holds NaN or inf"):
        predict_zarr(segmenter(2), source, tmp_path / "other.zarr")
    assert not (tmp_path / "other.zarr").exists()


@pytest.fixture
def computed(monkeypatch):
    """Windows that were computed; after as many as `limit` says, the user presses Ctrl-C."""

    class Computed(list):
        limit = None

    def call(self, planes, window, scales=None):
        if len(windows) == windows.limit:
            raise KeyboardInterrupt
        windows.append(window)
        return labels(self, planes, window, scales)

    windows, labels = Computed(), WindowResults.__call__
    monkeypatch.setattr(WindowResults, "__call__", call)
    return windows


@pytest.mark.usefixtures("small_tiles")
def test_an_interrupted_run_computes_only_what_is_missing(tmp_path, computed):
    source = write_image(tmp_path / "image.zarr", VALUES[0, 0], "zyx", "0.5")
    model, output = segmenter(3), tmp_path / "labels.zarr"
    computed.limit = 4
    with pytest.raises(KeyboardInterrupt):
        predict_zarr(model, source, output)
    assert not output.exists()
    computed.limit = None
    predict_zarr(model, source, output, resume=True)
    assert len(computed) == len(set(computed)) == 9
    assert_array_equal(open_ome_zarr(output).array[:], model.predict(VALUES[0, 0]))
    stored = zarr.open_group(output).attrs["pixelforest"]
    assert stored["complete"] is True
    assert stored["device"] == zarr_images.device_fingerprint(model)
    predict_zarr(model, source, output, resume=True)  # finished: nothing to do
    assert len(computed) == 9
    with pytest.raises(FileExistsError, match="`output` must not exist yet"):
        predict_zarr(model, source, output)


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("limit", [3, None], ids=["unfinished", "finished"])
@pytest.mark.parametrize("differs", ["model", "source", "device"])
def test_a_resumed_run_that_differs_is_refused(tmp_path, computed, monkeypatch, limit, differs):
    source = write_image(tmp_path / "image.zarr", VALUES[0, 0, 0], "yx", "0.5")
    other = write_image(tmp_path / "other.zarr", VALUES[1, 0, 0], "yx", "0.5")
    computed.limit = limit
    with suppress(KeyboardInterrupt):
        predict_zarr(segmenter(2), source, tmp_path / "labels.zarr")
    if differs == "device":
        monkeypatch.setattr(zarr_images, "device_fingerprint", lambda model: "another")
    model = segmenter(2, nan_policy="mask") if differs == "model" else segmenter(2)
    what = "finished" if limit is None else "unfinished run in"
    with pytest.raises(ValueError, match=rf"`resume`: the {what} '.*' has {differs} "):
        predict_zarr(model, other if differs == "source" else source, tmp_path / "labels.zarr", resume=True)


def test_other_models_and_layouts_are_refused(tmp_path):
    source = write_image(tmp_path / "image.zarr", VALUES[0, 0], "zyx", "0.5")
    with pytest.raises(
        TypeError, match="`model` must be an ImageSegmenter, which sees one tile at a time, got Flatten"
    ):
        predict_zarr(pf.Flatten(), source, tmp_path / "out")
    flat = write_image(tmp_path / "flat.zarr", VALUES[0, 0, 0], "yx", "0.5")
    with pytest.raises(ValueError, match="must have 3 spatial axes"):
        predict_zarr(segmenter(3), flat, tmp_path / "out")
    with pytest.raises(ValueError, match="`tile_shape` must be a whole multiple of the shard"):
        predict_zarr(segmenter(3), source, tmp_path / "out", tile_shape=(4, 16, 16))
    assert not (tmp_path / "out.partial").exists()


def probabilities(model: pf.ImageSegmenter, values: np.ndarray) -> np.ndarray:
    """Return what the file is to hold of several images: the class axis after time."""
    return np.stack([np.moveaxis(model.predict_proba(image), -1, 0) for image in values])


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("version", VERSIONS)
def test_probabilities_have_a_channel_per_class(tmp_path, version, computed):
    source = write_image(tmp_path / "image.zarr", VALUES, "tczyx", version)
    model, output = segmenter(3, 2), tmp_path / "probabilities.zarr"
    computed.limit = 3
    with pytest.raises(KeyboardInterrupt):
        predict_zarr(model, source, output, kind="probabilities")
    with pytest.raises(ValueError, match=r"`resume`: the unfinished run in .* has (kind|chunks|dtype) "):
        predict_zarr(model, source, output, resume=True)
    computed.limit = None
    predict_zarr(model, source, output, kind="probabilities", resume=True)
    assert len(computed) == 2 * 9  # none twice
    yaozarrs.validate_zarr_store(str(output))
    found, expected = open_ome_zarr(output), probabilities(model, VALUES)
    assert found.axes == tuple("tczyx")
    assert found.types[1] == "channel"
    assert found.channel_names == tuple(map(str, model.classes_)) == ("1", "2", "3")
    assert (found.scale, found.translation) == ((1, 1, 2, 0.5, 0.5), (0, 0, 0, 10, 0))
    assert found.array.dtype == np.float32
    assert found.array.shards[:2] == found.array.chunks[:2] == (1, 1)
    assert_array_equal(found.array[:], expected)
    coarse = open_ome_zarr(output, level=1).array[:]
    means = transform.downscale_local_mean(expected[..., :32], (1, 1, 1, 2, 2))
    assert_allclose(coarse[..., :16], means, rtol=1e-6)
    assert zarr.open_group(output).attrs["pixelforest"]["complete"] is True


@pytest.mark.usefixtures("small_tiles")
def test_probabilities_of_planes_lie_over_all_outer_axes(tmp_path):
    source = write_image(tmp_path / "image.zarr", VALUES[:, 0], "tzyx", "0.5")
    model = segmenter(2)
    predict_zarr(model, source, tmp_path / "out.zarr", kind="probabilities")
    expected = np.stack([probabilities(model, volume).swapaxes(0, 1) for volume in VALUES[:, 0]])
    found = open_ome_zarr(tmp_path / "out.zarr")
    assert found.axes == tuple("tczyx")
    assert_array_equal(found.array[:], expected)


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("kind", ["labels", "probabilities"])
def test_plain_arrays_have_the_axes_of_the_model(tmp_path, kind):
    values = np.moveaxis(VALUES[:, :, 0], 1, 0)
    zarr.create_array(tmp_path / "plain.zarr", data=values, chunks=(2, 1, 20, 20))
    model = segmenter(3, 2)  # channels first
    predict_zarr(model, tmp_path / "plain.zarr", tmp_path / "out.zarr", kind=kind)
    yaozarrs.validate_zarr_store(str(tmp_path / "out.zarr"))
    found = open_ome_zarr(tmp_path / "out.zarr")
    assert found.axes == (tuple("zyx") if kind == "labels" else tuple("czyx"))
    expected = model.predict(values) if kind == "labels" else probabilities(model, values[None])[0]
    assert_array_equal(found.array[:], expected)


def test_kinds_that_do_not_fit_are_refused(tmp_path):
    source = write_image(tmp_path / "image.zarr", VALUES[0, 0, 0], "yx", "0.5")
    model = segmenter(2)
    with pytest.raises(ValueError, match="`kind` must be 'labels' or 'probabilities', got 'scores'"):
        predict_zarr(model, source, tmp_path / "out", kind="scores")
    for kind, downsampling in (("labels", "mean"), ("probabilities", "mode")):
        with pytest.raises(ValueError, match=f"`downsampling` must be .*, got '{downsampling}'"):
            predict_zarr(model, source, tmp_path / "out", kind=kind, downsampling=downsampling)
    with pytest.raises(ValueError, match="a folder of labels holds no probabilities"):
        predict_zarr(model, source, source / "labels" / "out", kind="probabilities")
    silent = pf.ImageSegmenter(pf.ImageFeatureStack(sigmas=(1,), device="numpy"), RidgeClassifier(solver="lsqr"))
    silent.fit([VALUES[0, 0, 0]], [VALUES[0, 0, 0] // 100 + 1])
    with pytest.raises(TypeError, match="the model gives no probabilities: its classifier has no `predict_proba`"):
        predict_zarr(silent, source, tmp_path / "out", kind="probabilities")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image.zarr"]


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_every_image_is_scaled_by_its_own_percentiles(tmp_path, dtype):
    values = (VALUES * np.array([1, 0.2]).reshape(2, 1, 1, 1, 1)).astype(dtype)
    source = write_image(tmp_path / "image.zarr", values, "tczyx", "0.5")
    model = segmenter(3, 2, normalization="percentile")
    stages = []
    predict_zarr(model, source, tmp_path / "labels.zarr", progress=lambda *step: stages.append(step))
    assert stages[:2] == [("percentiles", 1, 2), ("percentiles", 2, 2)]
    stages.clear()
    with pytest.raises(FileExistsError, match="`output` must not exist yet"):
        predict_zarr(model, source, tmp_path / "labels.zarr", progress=lambda *step: stages.append(step))
    assert not stages  # no image was read for that
    assert_array_equal(open_ome_zarr(tmp_path / "labels.zarr").array[:], whole(model, values))


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("limit", [3, None], ids=["unfinished", "finished"])
def test_a_resumed_run_must_find_the_same_percentiles(tmp_path, computed, monkeypatch, limit):
    source = write_image(tmp_path / "image.zarr", VALUES[0, 0, 0], "yx", "0.5")
    model = segmenter(2, normalization="percentile")
    computed.limit = limit
    with suppress(KeyboardInterrupt):
        predict_zarr(model, source, tmp_path / "labels.zarr")
    computed.limit = None
    known = zarr_images.source_digest(open_ome_zarr(source))
    monkeypatch.setattr(zarr_images, "source_digest", lambda image: known)
    array = zarr.open_group(source)["0"]
    original = array[:]
    array[:] = np.where(original < 200, original, 255)  # a change that the sampled chunks have not shown
    with pytest.raises(ValueError, match=r"`resume`: the .* has scales "):
        predict_zarr(model, source, tmp_path / "labels.zarr", resume=True)
    array[:] = original
    predict_zarr(model, source, tmp_path / "labels.zarr", resume=True)
    assert_array_equal(open_ome_zarr(tmp_path / "labels.zarr").array[:], model.predict(original))

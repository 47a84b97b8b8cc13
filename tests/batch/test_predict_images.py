"""Image files in, label files out: all of them or, for the time being, none."""

import errno

import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal
from skimage import io

import pixelforest as pf
from pixelforest.batch import image_files, predict_files, predict_images
from pixelforest.demo_data import load_blobs
from pixelforest.io.image_files import read_image, write_labels, write_probabilities
from tests.ome_zarr_by_hand import write_image

IMAGE, SCRIBBLES = load_blobs()


@pytest.fixture(scope="module")
def model() -> pf.ImageSegmenter:
    features = pf.ImageFeatureStack(sigmas=(1,))
    return pf.ImageSegmenter(features, pf.OpenCLRandomForestClassifier(5, max_depth=4)).fit([IMAGE], [SCRIBBLES])


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "images"
    path.mkdir()
    io.imsave(path / "a.png", IMAGE[:60])
    io.imsave(path / "b.tif", IMAGE[60:].astype(np.float32), check_contrast=False)
    io.imsave(path / "c.bmp", IMAGE[:, :90])
    (path / "notes.txt").write_text("no image")
    return path


def test_a_folder_becomes_a_folder(model, folder, tmp_path):
    seen = []
    predict_images(model, [folder], tmp_path / "out", progress=lambda *args: seen.append(args))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.tif", "c.png"]
    assert_array_equal(io.imread(tmp_path / "out" / "a.png"), model.predict(IMAGE[:60]))
    assert_array_equal(io.imread(tmp_path / "out" / "b.tif"), model.predict(IMAGE[60:].astype(np.float32)))
    assert_array_equal(io.imread(tmp_path / "out" / "c.png"), model.predict(IMAGE[:, :90]))
    assert seen == [("predict", n, 3) for n in range(4)]
    assert not (tmp_path / "out.partial").exists()


def test_one_file_becomes_a_file(model, folder, tmp_path):
    predict_images(model, [folder / "a.png"], tmp_path / "labels.tif")
    assert_array_equal(io.imread(tmp_path / "labels.tif"), model.predict(IMAGE[:60]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "labels.tif"]


def test_a_failed_run_resumes_with_the_files_that_are_missing(model, folder, tmp_path, monkeypatch):
    written = []

    def fail_at_the_second(path, labels):
        if len(written) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path.name)
        write_labels(path, labels)

    monkeypatch.setattr(image_files, "write_labels", fail_at_the_second)
    with pytest.raises(OSError, match=r"b\.tif: No space left on device; 1 finished images are kept"):
        predict_images(model, [folder], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(FileExistsError, match="an unfinished run lies in"):
        predict_images(model, [folder], tmp_path / "out")
    monkeypatch.setattr(
        image_files, "write_labels", lambda path, labels: (written.append(path.name), write_labels(path, labels))
    )
    predict_images(model, [folder], tmp_path / "out", resume=True)
    assert written == ["a.png", "b.tif", "c.png"]
    assert_array_equal(io.imread(tmp_path / "out" / "a.png"), model.predict(IMAGE[:60]))


@pytest.mark.parametrize(
    ("names", "output", "error", "message"),
    [
        (["images/notes.txt"], "out", ValueError, r"`inputs` must be images .* got '.*notes\.txt'"),
        (["nothing.png"], "out", FileNotFoundError, r"`inputs`: there is no '.*nothing\.png'"),
        (["empty"], "out", FileNotFoundError, r"`inputs`: folder '.*empty' holds no image"),
        (["images", "images/a.png"], "out", ValueError, r"`inputs` must have names of their own"),
        (["images/a.png"], "images", FileExistsError, "`output` must not exist yet"),
        (["images"], "no/out", FileNotFoundError, "`output` must lie in a folder that exists"),
        (["broken.png"], "out", ValueError, r"cannot read '.*broken\.png' as an image"),
        (["colours.png"], "out", ValueError, r"colours\.png: `X\[0\]` must be an image of 2 axes"),
    ],
)
def test_bad_input_is_told_in_words(model, folder, tmp_path, names, output, error, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.png").write_bytes(b"\x89PNG or not")
    io.imsave(tmp_path / "colours.png", np.zeros((5, 6, 3), np.uint8), check_contrast=False)
    with pytest.raises(error, match=message):
        predict_images(model, [tmp_path / name for name in names], tmp_path / output)
    assert sorted(path.name for path in folder.iterdir()) == ["a.png", "b.tif", "c.bmp", "notes.txt"]


def test_labels_of_volumes_and_large_labels_are_tiff(tmp_path):
    write_labels(tmp_path / "volume.tif", np.full((3, 4, 5), 70_000, np.uint32))
    assert_array_equal(tifffile.imread(tmp_path / "volume.tif"), np.full((3, 4, 5), 70_000))
    assert_array_equal(read_image(tmp_path / "volume.tif"), np.full((3, 4, 5), 70_000))
    for labels in (np.zeros((3, 4, 5), np.uint8), np.zeros((4, 5), np.uint32)):
        with pytest.raises(ValueError, match=r"PNG holds 2-D labels of 8 or 16 bits, got .*; use \.tif"):
            write_labels(tmp_path / "labels.png", labels)


def test_probabilities_are_channels_of_ome_tiff(model, folder, tmp_path):
    predict_files(model, [folder], tmp_path / "out", kind="probabilities")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.tif", "b.tif", "c.tif"]
    with tifffile.TiffFile(tmp_path / "out" / "a.tif") as file:
        assert file.series[0].axes == "CYX"
        channels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]["Channel"]
        assert [str(channel["Name"]) for channel in channels] == [str(label) for label in model.classes_]
        values = file.asarray()
    assert values.dtype == np.float32
    assert_array_equal(np.moveaxis(values, 0, -1), model.predict_proba(IMAGE[:60]))
    with pytest.raises(ValueError, match=r"probabilities are written as \.tif, \.tiff, got '.*out\.png'"):
        predict_images(model, [folder / "a.png"], tmp_path / "out.png", kind="probabilities")
    with pytest.raises(ValueError, match="`kind` must be 'labels' or 'probabilities', got 'scores'"):
        predict_images(model, [folder / "a.png"], tmp_path / "other.tif", kind="scores")


def test_probabilities_of_volumes_are_stacks_of_channels(tmp_path):
    values = np.random.default_rng(0).random((4, 5, 6, 2)).astype(np.float32)
    write_probabilities(tmp_path / "volume.tif", values, ("1", "2"))
    with tifffile.TiffFile(tmp_path / "volume.tif") as file:
        assert file.series[0].axes == "CZYX"
        assert_array_equal(np.moveaxis(file.asarray(), 0, -1), values)


def test_zarr_and_images_do_not_mix(model, folder, tmp_path):
    source = write_image(tmp_path / "image.zarr", IMAGE, "yx", "0.5")
    with pytest.raises(
        ValueError, match="`inputs` must be one OME-Zarr image, or image files and folders, got 1 of Zarr"
    ):
        predict_files(model, [source, folder], tmp_path / "out")
    for options in ({"level": 1}, {"channels": ["DAPI"]}):
        with pytest.raises(ValueError, match="`level` and `channels` are for OME-Zarr images"):
            predict_files(model, [folder], tmp_path / "out", **options)

"""OME-Zarr in and out: both versions are read alike, what is written is valid and says where it lies."""

import errno
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaozarrs
import zarr
from numpy.testing import assert_array_equal

from pixelforest.features.patch import Window
from pixelforest.io.label_zarr import LabelImage
from pixelforest.io.ome_zarr import ImagePlanes, open_ome_zarr
from pixelforest.io.pyramid import downsample
from tests.ome_zarr_by_hand import VERSIONS, write_image

VALUES = np.random.default_rng(0).integers(0, 1000, (2, 3, 4, 12, 14)).astype(np.uint16)
WINDOW = {"min": 0, "max": 1000, "start": 0, "end": 1000}
OMERO = {"channels": [{"label": name, "color": "FFFFFF", "window": WINDOW} for name in ("DAPI", "GFP", "RFP")]}


@pytest.fixture(params=VERSIONS)
def version(request) -> str:
    return request.param


def test_both_versions_are_read_alike(tmp_path, version):
    path = write_image(tmp_path / "a.zarr", VALUES, "tczyx", version, omero=OMERO)
    yaozarrs.validate_zarr_store(str(path))  # what was written by hand is what the specification asks for
    image = open_ome_zarr(path)
    assert isinstance(image.array, zarr.Array)
    assert (image.version, image.n_levels, image.axes) == (version, 2, tuple("tczyx"))
    assert image.types == ("time", "channel", "space", "space", "space")
    assert image.units == ("", "", "micrometer", "micrometer", "micrometer")
    assert image.scale == (1, 1, 2, 0.5, 0.5)
    assert image.translation == (0, 0, 0, 10, 0)
    assert image.channel_names == ("DAPI", "GFP", "RFP")
    assert image.channels(["RFP", 0, "1"]) == (2, 0, 1)
    assert_array_equal(image.array[1, 2, 3, 4:6], VALUES[1, 2, 3, 4:6])
    coarse = open_ome_zarr(path, level=1)
    assert coarse.scale == (1, 1, 2, 1, 1)
    assert_array_equal(coarse.array[:], VALUES[..., ::2, ::2])


def test_opening_reads_no_voxel(tmp_path, version):
    path = write_image(tmp_path / "a.zarr", VALUES, "tczyx", version)
    for chunk in [p for p in path.rglob("*") if p.is_file() and p.name[0] not in ".z"]:
        chunk.write_bytes(b"broken")
    image = open_ome_zarr(path)
    assert image.array.shape == VALUES.shape
    with pytest.raises(OSError, match=r"cannot read '.*a\.zarr', level 0, at \[1, slice\(0, 1, None\)"):
        ImagePlanes(image, 3, (0,), (1,))[(slice(None),) * 4]


@pytest.mark.parametrize("channels", [(0, 1, 2), (2, 0), (1,)])
def test_planes_are_cut_by_name_of_axis(tmp_path, version, channels):
    image = open_ome_zarr(write_image(tmp_path / "a.zarr", VALUES, "tczyx", version))
    key = (slice(None), slice(1, 3), slice(2, 9), slice(3, 14))
    volume = ImagePlanes(image, 3, channels, (1,))
    assert volume.shape == (len(channels), 4, 12, 14)
    assert_array_equal(volume[key], VALUES[1][list(channels)][key])
    assert_array_equal(np.asarray(volume), VALUES[1][list(channels)])
    plane = ImagePlanes(image, 2, channels, (1, 2))
    assert_array_equal(plane[key[0], key[2], key[3]], VALUES[1, list(channels), 2][key[0], key[2], key[3]])


def test_images_without_channels_have_one(tmp_path, version):
    image = open_ome_zarr(write_image(tmp_path / "a.zarr", VALUES[0, 0], "zyx", version))
    assert image.channel_names == ()
    assert_array_equal(ImagePlanes(image, 3, image.channels())[(slice(None),) * 4], VALUES[0, :1])
    with pytest.raises(ValueError, match="`channels` needs an image with a channel axis"):
        image.channels(["DAPI"])


def test_missing_channels_are_named_with_those_there_are(tmp_path, version):
    image = open_ome_zarr(write_image(tmp_path / "a.zarr", VALUES, "tczyx", version, omero=OMERO))
    for wanted in ("dapi", 3, "7", -1):
        with pytest.raises(ValueError, match=rf"`channels`: there is no channel {wanted!r}, only 'DAPI', 'GFP', 'RFP'"):
            image.channels([wanted])


def test_missing_chunks_read_as_the_fill_value(tmp_path, version):
    path = write_image(tmp_path / "a.zarr", VALUES[0, 0, 0], "yx", version)
    next(p for p in (path / "0").rglob("*") if p.is_file() and p.name[0] not in ".z").unlink()
    found = open_ome_zarr(path).array[:]
    assert set(np.unique(found[found != VALUES[0, 0, 0]])) == {0}


def spoil(path: Path, change) -> None:
    """Change the metadata of an image."""
    file = path / "zarr.json"
    content = json.loads(file.read_text())
    change(content["attributes"]["ome"])
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ome: ome.update(version="0.3"), "of version 0.4 or 0.5, but .* is of version 0.3"),
        (lambda ome: ome["multiscales"][0]["datasets"][0].pop("coordinateTransformations"), "has invalid OME-Zarr 0.5"),
        (lambda ome: ome["multiscales"][0]["datasets"][0].update(path="9"), "names level 0 '9', but there is no such"),
        (lambda ome: ome.pop("multiscales"), "has no `multiscales` metadata"),
        (lambda ome: (ome.pop("multiscales"), ome.update(plate={})), "it is a plate: give one of the images in it"),
    ],
)
def test_broken_metadata_are_told_in_words(tmp_path, change, message):
    path = write_image(tmp_path / "a.zarr", VALUES, "tczyx", "0.5")
    spoil(path, change)
    with pytest.raises(ValueError, match=message):
        open_ome_zarr(path)


def test_what_is_no_image_is_told_in_words(tmp_path, version):
    with pytest.raises(FileNotFoundError, match=r"`path` must be an OME-Zarr image \(a Zarr group\), got"):
        open_ome_zarr(tmp_path / "nothing.zarr")
    path = write_image(tmp_path / "a.zarr", VALUES, "tczyx", version)
    with pytest.raises(FileNotFoundError, match="`path` must be an OME-Zarr image"):
        open_ome_zarr(path / "0")
    with pytest.raises(ValueError, match="`level` must lie in 0 to 1, got 2"):
        open_ome_zarr(path, level=2)
    with pytest.raises(ValueError, match=r"is empty: it has shape \(0, 5\)"):
        open_ome_zarr(write_image(tmp_path / "b.zarr", np.zeros((0, 5)), "yx", version))
    with pytest.raises(TypeError, match="must hold real numbers, got dtype complex64"):
        open_ome_zarr(write_image(tmp_path / "c.zarr", np.zeros((3, 5), np.complex64), "yx", version))
    with pytest.raises(ValueError, match="must have 3 spatial axes"):
        open_ome_zarr(write_image(tmp_path / "d.zarr", VALUES[0, 0, 0], "yx", version)).spatial_axes(3)


LABELS = np.random.default_rng(1).integers(0, 3, (2, 9, 40, 37)).astype(np.uint8)


def small(layout: LabelImage) -> LabelImage:
    return replace(layout, chunks=(1, 4, 8, 8), shards=(1, 8, 16, 16), tile_shape=(1, 8, 32, 16))


def labels_of(window: Window) -> np.ndarray:
    return LABELS[window.slices]


@pytest.mark.parametrize("downsampling", ["mode", "nearest"])
def test_label_images_are_valid_and_lie_where_their_image_lies(tmp_path, version, downsampling):
    values = np.zeros((2, 3, *LABELS.shape[1:]), np.uint8)
    source = write_image(tmp_path / "image.zarr", values, "tczyx", version)
    layout = replace(small(LabelImage.like(open_ome_zarr(source), 3, np.uint8)), downsampling=downsampling)
    seen = []
    output = tmp_path / "labels.zarr"
    layout.write(output, labels_of, identity={"device": "abacus"}, progress=lambda *args: seen.append(args))
    group = yaozarrs.validate_zarr_store(str(output))
    assert group.ome_version() == "0.5"
    image = open_ome_zarr(output)
    assert image.axes == ("t", "z", "y", "x")
    assert image.units == ("", "micrometer", "micrometer", "micrometer")
    assert (image.scale, image.translation) == ((1, 2, 0.5, 0.5), (0, 0, 10, 0))
    assert_array_equal(image.array[:], LABELS)
    assert image.array.shards == (1, 8, 16, 16)
    assert image.n_levels == 2  # as the image
    level = open_ome_zarr(output, level=1)
    assert level.scale == (1, 2, 1, 1)
    assert_array_equal(level.array[:], downsample(LABELS, (1, 1, 2, 2), downsampling))
    assert level.translation[2] == (10.25 if downsampling == "mode" else 10)
    attributes = zarr.open_group(output).attrs.asdict()
    if version == "0.5":
        assert attributes["ome"]["image-label"]["source"]["image"] == "../image.zarr"
    assert attributes["pixelforest"]["device"] == "abacus"
    assert attributes["pixelforest"]["complete"] is True
    assert {stage for stage, _, _ in seen} == {"predict", "pyramid", "verify"}
    n_tiles = len(layout.windows())
    assert [done for stage, done, _ in seen if stage == "predict"] == list(range(n_tiles + 1))


def test_labels_inside_an_image_are_listed_there(tmp_path):
    path = write_image(tmp_path / "image.zarr", np.zeros((5, 6)), "yx", "0.5")
    for name in ("nuclei", "cells"):
        layout = LabelImage.like(open_ome_zarr(path), 2, np.uint8)
        layout.write(path / "labels" / name, lambda window: np.ones(window.shape, np.uint8))
    yaozarrs.validate_zarr_store(str(path))
    assert zarr.open_group(path / "labels").attrs["ome"]["labels"] == ["nuclei", "cells"]
    assert open_ome_zarr(path / "labels" / "cells").array[0, 0] == 1


def test_labels_inside_an_image_have_its_levels(tmp_path):
    path = write_image(tmp_path / "image.zarr", np.zeros((5, 6)), "yx", "0.5")
    layout = LabelImage.like(open_ome_zarr(path, level=1), 2, np.uint8)
    with pytest.raises(ValueError, match="as many levels, 2, got 1; give a path outside the image"):
        layout.write(path / "labels" / "nuclei", lambda window: np.ones(window.shape, np.uint8))


def test_levels_of_other_factors_are_followed(tmp_path):
    path = write_image(tmp_path / "image.zarr", np.zeros((9, 14)), "yx", "0.5")
    spoil(
        path, lambda ome: ome["multiscales"][0]["datasets"][1]["coordinateTransformations"][0].update(scale=[1.5, 0.5])
    )
    values = np.random.default_rng(0).integers(0, 3, (9, 14)).astype(np.uint8)
    LabelImage.like(open_ome_zarr(path), 2, np.uint8).write(tmp_path / "out", lambda window: values[window.slices])
    assert_array_equal(open_ome_zarr(tmp_path / "out", level=1).array[:], downsample(values, (3, 1), "mode"))


def test_labels_inside_an_image_of_version_04_are_refused(tmp_path):
    path = write_image(tmp_path / "image.zarr", np.zeros((5, 6)), "yx", "0.4")
    with pytest.raises(ValueError, match=r"is OME-Zarr 0\.4, and so must be its labels"):
        LabelImage.like_shape((5, 6), np.uint8).write(path / "labels" / "a", lambda window: np.ones(window.shape))


@pytest.mark.parametrize(("name", "value"), [("shards", (1, 8, 16, 12)), ("tile_shape", (1, 8, 16, 24))])
def test_misaligned_layouts_are_refused_with_the_reason(name, value):
    layout = small(LabelImage.like_shape(LABELS.shape, np.uint8, (False, True, True, True)))
    with pytest.raises(
        ValueError, match=rf"`{name}` must be a whole multiple of .* would overwrite each other's voxels"
    ):
        replace(layout, **{name: value})


def test_a_failed_run_leaves_other_outputs_alone_and_can_be_resumed(tmp_path):
    layout = small(LabelImage.like_shape(LABELS.shape, np.uint8, (False, True, True, True)))
    calls = []

    def fail(window):
        calls.append(window)
        if len(calls) == 5:
            raise OSError(errno.EIO, "the sky fell")
        return labels_of(window)

    with pytest.raises(OSError, match="the sky fell"):
        layout.write(tmp_path / "out", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["out.partial"]
    with pytest.raises(ValueError, match=r"`resume`: .* has dtype"):
        replace(layout, dtype=np.dtype(np.uint16)).write(tmp_path / "out", labels_of, resume=True)
    layout.write(tmp_path / "out", lambda window: (calls.append(window), labels_of(window))[1], resume=True)
    assert len(calls) == 5 + len(layout.windows()) - 4
    assert_array_equal(open_ome_zarr(tmp_path / "out").array[:], LABELS)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]

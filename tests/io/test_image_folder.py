"""Images in folders: lazy arrays that equal what readers read, pairs by name, and errors that name files."""

import pickle
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile
from PIL import Image

from pixelforest.io import lazy_images
from pixelforest.io.image_files import read_image
from pixelforest.io.image_folder import open_folder, open_pairs
from pixelforest.io.label_zarr import LabelImage
from pixelforest.io.lazy_images import open_image


def grey(shape=(7, 9), dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, 200, shape).astype(dtype)


def write_each_kind(folder: Path) -> None:
    imageio.imwrite(folder / "grey8.png", grey())
    imageio.imwrite(folder / "grey16.png", grey(dtype=np.uint16))
    imageio.imwrite(folder / "rgb.png", grey((7, 9, 3)))
    imageio.imwrite(folder / "rgba.png", grey((7, 9, 4)))
    Image.fromarray(grey((7, 9, 3))).quantize(5).save(folder / "palette.png")
    Image.fromarray(grey() > 100).save(folder / "bits.png")
    imageio.imwrite(folder / "rgb.jpg", grey((7, 9, 3)))
    imageio.imwrite(folder / "rgb.bmp", grey((7, 9, 3)))
    tifffile.imwrite(folder / "float.tif", grey().astype(np.float32))
    tifffile.imwrite(folder / "volume.tif", grey((5, 7, 9)), photometric="minisblack", compression="zlib")
    tifffile.imwrite(folder / "hyper.ome.tif", grey((2, 5, 7, 9), np.uint16), metadata={"axes": "CZYX"})


KINDS = ("grey8.png", "grey16.png", "rgb.png", "rgba.png", "palette.png", "bits.png", "rgb.jpg", "rgb.bmp")


@pytest.mark.parametrize("name", [*KINDS, "float.tif", "volume.tif", "hyper.ome.tif"])
def test_lazy_images_are_what_the_reader_reads(name, tmp_path):
    """Shape and dtype come from the header alone; whole and cut values from the pixels."""
    write_each_kind(tmp_path)
    image, expected = open_image(tmp_path / name), read_image(tmp_path / name)
    assert (image.shape, image.ndim, image.dtype) == (expected.shape, expected.ndim, expected.dtype)
    np.testing.assert_array_equal(np.asarray(image), expected)
    np.testing.assert_array_equal(image[2:5, 1:4], expected[2:5, 1:4])
    np.testing.assert_array_equal(np.asarray(image, np.float64), expected.astype(np.float64))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(image))[1:], expected[1:])


def test_zarr_images_are_read_in_parts(tmp_path):
    values = grey((40, 50))
    LabelImage.like_shape(values.shape, values.dtype).write(tmp_path / "a.zarr", lambda tile: values[tile.slices])
    (image,) = open_folder(tmp_path)
    assert (image.shape, image.ndim, image.dtype) == ((40, 50), 2, np.uint8)
    np.testing.assert_array_equal(image[3:9, 40:], values[3:9, 40:])
    np.testing.assert_array_equal(np.asarray(image, np.float32), values.astype(np.float32))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(image))[:], values)


def test_opening_reads_no_pixels_and_cutting_keeps_two_images(tmp_path, monkeypatch):
    reads = []
    monkeypatch.setattr(lazy_images, "read_image", lambda path: reads.append(path.name) or read_image(path))
    for name in "abc":
        imageio.imwrite(tmp_path / f"{name}.png", grey())
    images = open_folder(tmp_path)
    assert reads == []
    for image in (*images[:2], *images[:2]):
        image[:2, :2], image[2:, :2]
    assert reads == ["a.png", "b.png"]
    images[2][:1], images[0][:1]
    assert reads == ["a.png", "b.png", "c.png", "a.png"]


def test_files_that_change_are_read_again_and_must_keep_their_shape(tmp_path):
    path = tmp_path / "a.png"
    imageio.imwrite(path, grey(seed=1))
    image = open_image(path)
    np.testing.assert_array_equal(image[:], grey(seed=1))
    path.unlink()
    imageio.imwrite(path, grey(seed=2))
    np.testing.assert_array_equal(image[:], grey(seed=2))
    imageio.imwrite(path, grey((3, 3)))
    with pytest.raises(ValueError, match=r"a\.png' must hold \(7, 9\) of uint8, as when it was opened, got \(3, 3\)"):
        np.asarray(image)


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        imageio.imwrite(folder / name, grey()) if not name.endswith("txt") else (folder / name).write_text("")
    return folder


def pairs(*arguments, **options):
    images, masks = open_pairs(*arguments, **options)
    return [(image.path.name, mask.path.name) for image, mask in zip(images, masks, strict=True)]


def test_names_pair_whatever_the_format_and_the_order(tmp_path):
    images = touch(tmp_path / "images", "b.png", "a.tif", "c 2.png", "notes.txt", ".b.png")
    masks = touch(tmp_path / "masks", "c 2.tif", "a.png", "b.ome.tif")
    assert pairs(images, masks) == [("a.tif", "a.png"), ("b.png", "b.ome.tif"), ("c 2.png", "c 2.tif")]


@pytest.mark.parametrize("is_one_folder", [True, False])
@pytest.mark.parametrize("suffixes", [("", "_mask"), ("_raw", ""), ("_raw", "_mask"), ("_mask", "_raw_mask")])
def test_suffixes_pair(is_one_folder, suffixes, tmp_path):
    images = touch(tmp_path / "images", f"x{suffixes[0]}.png", f"y{suffixes[0]}.png")
    masks = touch(images if is_one_folder else tmp_path / "masks", f"x{suffixes[1]}.png", f"y{suffixes[1]}.png")
    found = pairs(images, masks, image_suffix=suffixes[0], mask_suffix=suffixes[1])
    assert found == [(f"{name}{suffixes[0]}.png", f"{name}{suffixes[1]}.png") for name in "xy"]


def test_errors_name_what_does_not_pair(tmp_path):
    images, masks = touch(tmp_path / "images", "a.png", "b.png", "c.png"), touch(tmp_path / "masks", "b.png", "d.tif")
    with pytest.raises(
        ValueError, match=r"images without a mask: 'a\.png', 'c\.png'; masks without an image: 'd\.tif'"
    ):
        open_pairs(images, masks)
    touch(masks, "a_mask.png", "c_mask.png")
    with pytest.raises(
        ValueError, match=r"images without a mask: 'b\.png'; masks without an image: 'b\.png', 'd\.tif'"
    ):
        open_pairs(images, masks, mask_suffix="_mask")
    many = touch(tmp_path / "many", *(f"m{index:02}.png" for index in range(25)))
    with pytest.raises(ValueError, match=r"'m19\.png' and 5 more; masks without an image: 'b"):
        open_pairs(many, touch(tmp_path / "few", "b.png"))


def test_bad_folders_are_refused(tmp_path):
    images = touch(tmp_path / "images", "a.png")
    with pytest.raises(FileNotFoundError, match=r"`masks` must be a folder, and there is none at '.*nowhere'"):
        open_pairs(images, tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="`folder` must be a folder"):
        open_folder(images / "a.png")
    with pytest.raises(FileNotFoundError, match=r"`masks`: folder '.*empty' holds no image \(\.png"):
        open_pairs(images, touch(tmp_path / "empty"))
    with pytest.raises(ValueError, match="`images` and `masks` are one folder: give the suffix"):
        open_pairs(images, images)
    with pytest.raises(ValueError, match=r"`masks` must be stored without loss, which JPEG is not: 'a\.jpg'"):
        open_pairs(images, touch(tmp_path / "lossy", "a.jpg"))
    with pytest.raises(ValueError, match=r"`images` must have names of their own, got 'a\.png' and 'a\.tif'"):
        open_pairs(touch(images, "a.tif"), touch(tmp_path / "masks", "a.png"))


def test_broken_files_are_named(tmp_path):
    for name in ("a.png", "b.tif"):
        (tmp_path / name).write_bytes(b"no image")
        with pytest.raises(ValueError, match=rf"cannot read '.*{name}' as an image"):
            open_folder(tmp_path)
        (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=r"`path`: there is no '.*gone\.png'"):
        open_image("gone.png")

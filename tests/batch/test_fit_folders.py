"""Training on folders: the model of the same arrays, files read one at a time, in cross-validation too."""

import weakref

import imageio.v3 as imageio
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

import pixelforest as pf
from pixelforest.batch import fit_folders, open_folder, open_pairs
from pixelforest.demo_data import load_demo
from pixelforest.io import lazy_images
from pixelforest.io.image_files import read_image, write_labels
from pixelforest.io.label_zarr import LabelImage
from pixelforest.model_selection import cross_val_predict


def small_model():
    forest = pf.OpenCLRandomForestClassifier(5, max_depth=3, random_state=0, device="numpy")
    return pf.ImageSegmenter(pf.ImageFeatureStack(("gaussian",), sigmas=(1, 2), device="numpy"), forest)


@pytest.fixture
def folders(tmp_path):
    """Four images of the demo as PNG, cut to different sizes, and their strokes as TIFF."""
    demo = load_demo()
    images, masks = tmp_path / "images", tmp_path / "masks"
    images.mkdir()
    masks.mkdir()
    chosen = zip(demo.train_images[:4], demo.train_scribbles[:4], strict=True)
    for index, (image, strokes) in enumerate(chosen):
        imageio.imwrite(images / f"{index}.png", image[: 250 - index])
        write_labels(masks / f"{index}.tif", strokes[: 250 - index])
    return images, masks


def arrays(folder):
    return [read_image(path) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize("front", [(), (pf.ImageNormalizer(),)])
def test_models_of_folders_are_those_of_the_arrays(front, folders):
    images, masks = folders
    expected = make_pipeline(*front, small_model()).fit(arrays(images), arrays(masks)).predict(arrays(images))
    fitted = fit_folders(make_pipeline(*front, small_model()), images, masks)
    for labels, other in zip(fitted.predict(open_folder(images)), expected, strict=True):
        np.testing.assert_array_equal(labels, other)


def test_ome_zarr_stands_among_other_files(folders):
    images, masks = folders
    expected = fit_folders(small_model(), images, masks).predict(open_folder(images))
    pixels = read_image(images / "2.png")
    (images / "2.png").unlink()
    written = LabelImage.like_shape(pixels.shape, pixels.dtype)
    written.write(images / "2.ome.zarr", lambda tile: pixels[tile.slices])
    found = fit_folders(small_model(), images, masks).predict(open_folder(images))
    for labels, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(labels, other)


def test_files_are_read_once_and_not_all_held(folders, monkeypatch):
    """`fit` cuts images into cells of 256 pixels; only the two images that were cut last stay in memory."""
    reads, alive, most = [], [], []

    def counted(path):
        reads.append(path.name)
        values = read_image(path)
        alive.append(weakref.ref(values))
        most.append(sum(reference() is not None for reference in alive))
        return values

    monkeypatch.setattr(lazy_images, "read_image", counted)
    monkeypatch.setattr(pf.estimators.segmenter, "TRAINING_CELL", {2: 64, 3: 64})
    fit_folders(small_model(), *folders)
    assert sorted(reads) == sorted([f"{i}.png" for i in range(4)] + [f"{i}.tif" for i in range(4)])
    assert len(alive) == 8
    assert max(most) <= 3  # the two that are kept, and the one that is read


def test_lazy_lists_work_in_cross_validation(folders):
    X, y = open_pairs(*folders)
    whole = arrays(folders[0]), arrays(folders[1])
    options = {"scoring": pf.metrics.pixel_jaccard_scorer, "cv": 2}
    np.testing.assert_array_equal(
        cross_val_score(small_model(), X, y, **options), cross_val_score(small_model(), *whole, **options)
    )
    search = GridSearchCV(small_model(), {"classifier__max_depth": [1, 3]}, **options).fit(X, y)
    assert search.best_score_ == max(search.cv_results_["mean_test_score"])
    for labels, other in zip(
        cross_val_predict(small_model(), X, y, cv=2), cross_val_predict(small_model(), *whole, cv=2), strict=True
    ):
        np.testing.assert_array_equal(labels, other)


def test_errors_name_the_file(folders):
    images, masks = folders
    write_labels(masks / "2.tif", np.ones((5, 5), np.uint8))
    with pytest.raises(
        ValueError, match=r"2\.tif: `y\[2\]` must have the shape of its image, \(248, 256\), got \(5, 5"
    ):
        fit_folders(small_model(), images, masks)
    imageio.imwrite(images / "1.png", np.zeros((6, 6, 3), np.uint8))
    with pytest.raises(
        ValueError, match=r"1\.png: `X\[1\]` must be an image of 2 axes \(y, x\), got shape \(6, 6, 3\)"
    ):
        fit_folders(small_model(), images, masks)
    for name in ("1.tif", "2.tif", "3.tif"):
        (masks / name).unlink()
    with pytest.raises(ValueError, match=r"images without a mask: '1\.png', '2\.png', '3\.png'"):
        fit_folders(small_model(), images, masks)


def test_masks_without_a_class_are_refused(folders):
    images, masks = folders
    for path in masks.iterdir():
        write_labels(path, np.zeros_like(read_image(path)))
    with pytest.raises(ValueError, match="`y` holds no annotated pixel in 4 image"):
        fit_folders(small_model(), images, masks)

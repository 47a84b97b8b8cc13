"""Suggested places: uncertain, apart from strokes and from one another and unlike one another."""

from typing import NamedTuple

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, gaussian_filter

import pixelforest as pf
from pixelforest.demo_data import load_demo
from pixelforest.suggest.diverse import choose_diverse

STACK = pf.ImageFeatureStack(("original", "gaussian", "hessian_eigenvalues"), (1, 3))
FOREST = pf.OpenCLRandomForestClassifier(30, max_depth=6, random_state=0)


class Crops(NamedTuple):
    images: list[np.ndarray]
    scribbles: list[np.ndarray]


@pytest.fixture(scope="module")
def crops():
    demo = load_demo()
    return Crops(demo.train_images[:2], demo.train_scribbles[:2])


@pytest.fixture(scope="module")
def model(crops):

    return pf.ImageSegmenter(classifier=FOREST).fit(crops.images, crops.scribbles)


def test_places_are_maxima_of_the_smoothed_uncertainty(model, crops):
    found = pf.suggest_annotations(model, crops.images, 6, distance=8)
    assert len(found) == 6
    for place in found.itertuples():
        smooth = gaussian_filter(model.predict_uncertainty(crops.images[place.image]), 4, mode="nearest")
        y, x = place.y, place.x
        assert place.uncertainty == smooth[y, x] == smooth[max(y - 8, 0) : y + 9, max(x - 8, 0) : x + 9].max()
    best = [gaussian_filter(model.predict_uncertainty(image), 4, mode="nearest").max() for image in crops.images]
    assert found.uncertainty[0] == max(best)
    assert found.image[0] == np.argmax(best)


def test_places_keep_their_distance_from_strokes_and_from_one_another(model, crops):
    found = pf.suggest_annotations(model, crops.images, 12, annotations=crops.scribbles, distance=9)
    for index, places in found.groupby("image"):
        away = distance_transform_edt(crops.scribbles[index] == 0)
        assert (away[places.y, places.x] >= 9).all()
        for a in places.itertuples():
            others = places.drop(a.Index)
            assert (np.maximum(abs(others.y - a.y), abs(others.x - a.x)) >= 9).all()


def test_suggestions_repeat_and_volumes_have_a_z():
    volume = np.random.default_rng(0).normal(size=(12, 20, 20)).astype(np.float32)
    strokes = np.zeros(volume.shape, np.uint8)
    strokes[2, :, :5], strokes[9, :, 15:] = 1, 2
    stack = pf.ImageFeatureStack(("gaussian",), (1,), spatial_ndim=3)
    model = pf.ImageSegmenter(stack).fit([volume], [strokes])
    found = pf.suggest_annotations(model, volume, 3, distance=4, measure="margin")
    assert found.columns.tolist() == ["image", "z", "y", "x", "uncertainty"]
    assert found.equals(pf.suggest_annotations(model, [volume], 3, distance=4, measure="margin"))


def test_pixels_without_a_prediction_are_no_places(crops):
    image = crops.images[0].astype(np.float32)
    image[:, 200:] = np.nan
    stack = pf.ImageFeatureStack(("gaussian",), (1,), nan_policy="mask")
    model = pf.ImageSegmenter(stack).fit([image, crops.images[1]], crops.scribbles)
    found = pf.suggest_annotations(model, [image], 5, distance=3)
    assert len(found)
    assert (found.x < 196).all()


def test_certain_images_have_no_places(model):
    assert pf.suggest_annotations(model, [np.zeros((40, 40), np.uint8)], 3).empty


def test_choice_weighs_uncertainty_by_distance():
    features = np.array([[0.0], [0.0], [1.0], [10.0]])
    assert choose_diverse(np.array([0.9, 0.8, 0.5, 0.5]), features, 4).tolist() == [0, 3, 2, 1]
    assert choose_diverse(np.array([0.9, 0.8, 0.5, 0.0]), features, 2).tolist() == [0, 2]
    assert choose_diverse(np.array([0.1, 0.2]), np.zeros((2, 3)), 5).tolist() == [1, 0]
    assert choose_diverse(np.zeros(0), np.zeros((0, 3)), 5).tolist() == []


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"k": 0}, ValueError, "`k` must be an integer >= 1, got 0"),
        ({"k": 2.0}, ValueError, "`k` must be an integer >= 1, got 2.0"),
        ({"distance": 0}, ValueError, "`distance` must be positive, got 0"),
        ({"measure": "doubt"}, ValueError, "`measure` must be one of"),
        ({"annotations": []}, ValueError, "`annotations` must hold 2 label images, one per image, got 0"),
        ({"annotations": [np.zeros((3, 3), int)] * 2}, ValueError, r"`annotations\[0\]` must have the shape"),
        ({"images": (1, 2)}, TypeError, "`images` must be a list of images"),
        (
            {"model": pf.PixelClassifier()},
            TypeError,
            "`model` must be .*, got PixelClassifier",
        ),
    ],
)
def test_bad_input_is_named(model, crops, arguments, error, message):
    with pytest.raises(error, match=message):
        pf.suggest_annotations(**{"model": model, "images": crops.images} | arguments)

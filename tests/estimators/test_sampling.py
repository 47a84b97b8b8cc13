"""Pixels that are learnt from: frequencies of classes, how many, always the same ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline

import pixelforest as pf
from pixelforest.estimators.sampling import sample_annotations
from pixelforest.images.labels import Annotation

RNG = np.random.default_rng(2)
IMAGES = [RNG.normal(size=(20, 31)).astype(np.float32) for _ in range(3)]
LABELS = [(RNG.random(image.shape) < 0.2).astype(np.uint8) + 1 for image in IMAGES]  # class 2 is rare
FEATURES = pf.ImageFeatureStack(["original", "gaussian"], (1,), device="numpy")


class Records(DummyClassifier):
    """Keeps what it was fitted to."""

    def fit(self, X, y, sample_weight=None):
        self.seen_ = X, y, sample_weight
        return super().fit(X, y, sample_weight)


def seen(**parameters):
    return pf.ImageSegmenter(FEATURES, Records(), **parameters).fit(IMAGES, LABELS).classifier_.seen_


annotations_drawn = st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=30), min_size=1, max_size=4)


@given(annotations_drawn, st.sampled_from(["natural", "balanced"]), st.none() | st.integers(1, 80))
def test_counts_of_classes(labels, sampling, max_samples):
    given_ones = [
        Annotation(i, np.arange(len(values)) * 2, np.array(values), np.array(values) * 0.5)
        for i, values in enumerate(labels)
    ]
    drawn = sample_annotations(given_ones, sampling, max_samples, 0)
    for annotation in drawn:
        original = given_ones[annotation.index]
        at = np.searchsorted(original.pixels, annotation.pixels)
        assert annotation.pixels.size == np.unique(annotation.pixels).size > 0
        assert_array_equal(original.labels[at], annotation.labels)
        assert_array_equal(original.weights[at], annotation.weights)
    _, before = np.unique(np.concatenate([a.labels for a in given_ones]), return_counts=True)
    classes, after = np.unique(np.concatenate([a.labels for a in drawn]), return_counts=True)
    assert len(classes) == len(before)  # no class is lost
    assert after.sum() <= max(max_samples or before.sum(), len(classes))
    if sampling == "balanced":
        assert np.ptp(after) == 0
        assert max_samples is not None or (after == before.min()).all()
    elif max_samples is None:
        assert_array_equal(after, before)
    elif max_samples < before.sum():
        assert (np.abs(after - before * max_samples / before.sum()) <= 1).all()


def test_natural_is_every_annotated_pixel():
    rows, labels, _ = seen()
    assert_array_equal(labels, np.concatenate([image.ravel() for image in LABELS]))
    assert len(rows) == sum(image.size for image in IMAGES)


def test_rows_belong_to_their_labels():
    features = [stack.reshape(-1, 2) for stack in FEATURES.transform(IMAGES)]
    table = {
        tuple(row): label for row, label in zip(np.concatenate(features), np.concatenate(LABELS, None), strict=True)
    }
    rows, labels, _ = seen(sampling="balanced")
    assert [table[tuple(row)] for row in rows] == labels.tolist()
    assert np.bincount(labels)[1] == np.bincount(labels)[2] == sum((image == 2).sum() for image in LABELS)


def test_draws_repeat_and_follow_random_state():
    first, again = (seen(max_samples=50)[0] for _ in range(2))
    assert_array_equal(first, again)
    assert (seen(max_samples=50, random_state=1)[0] != first).any()
    assert len(first) == 49  # rounded down in each class


def test_segmenter_and_pixel_classifier_draw_the_same():
    how = {"sampling": "balanced", "max_samples": 101, "random_state": 3}
    forest = RandomForestClassifier(3, random_state=0)
    model = pf.ImageSegmenter(FEATURES, forest, **how).fit(IMAGES, LABELS)
    pipeline = make_pipeline(FEATURES, pf.PixelClassifier(forest, **how)).fit(IMAGES, LABELS)
    for got, expected in zip(model.predict(IMAGES), pipeline.predict(IMAGES), strict=True):
        assert_array_equal(got, expected)


def test_weights_follow_their_pixels():
    weights = [labels.astype(float) / 7 for labels in LABELS]
    model = pf.ImageSegmenter(FEATURES, Records(), sampling="balanced").fit(IMAGES, LABELS, sample_weight=weights)
    _, labels, drawn = model.classifier_.seen_
    assert_array_equal(drawn, labels / 7)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"sampling": "equal"}, ValueError, "`sampling` must be 'natural' or 'balanced', got 'equal'"),
        ({"max_samples": 0}, ValueError, "`max_samples` must be at least 1, got 0"),
        ({"max_samples": 0.5}, TypeError, "`max_samples` must be an integer or None, got 0.5"),
        ({"max_samples": True}, TypeError, "`max_samples` must be an integer or None, got True"),
    ],
)
def test_bad_parameters(parameters, error, message):
    for model in (pf.ImageSegmenter(FEATURES, **parameters), make_pipeline(FEATURES, pf.PixelClassifier(**parameters))):
        with pytest.raises(error, match=message):
            model.fit(IMAGES, LABELS)

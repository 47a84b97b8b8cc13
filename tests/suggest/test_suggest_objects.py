"""Suggested objects: the uncertain ones that nobody has annotated, unlike one another."""

import numpy as np
import pytest
from skimage.measure import label

import pixelforest as pf
from pixelforest.demo_data import load_demo


@pytest.fixture(scope="module")
def samples():
    demo = load_demo()
    return [(mask, image) for mask, image in zip(demo.test_masks[:2], demo.test_images[:2], strict=True)]


def truth(sample):
    """Call objects of more than the median area large: what an annotator would see."""
    areas = np.bincount(sample[0].ravel())[1:]
    return {i + 1: 1 + int(area > np.median(areas[areas > 0])) for i, area in enumerate(areas) if area}


@pytest.fixture(scope="module")
def known(samples):
    return [dict(list(truth(sample).items())[:6]) for sample in samples]


@pytest.fixture(scope="module")
def model(samples, known):
    return pf.ObjectClassifier(["area", "eccentricity", "intensity_mean"]).fit(samples, known)


def test_objects_are_the_most_uncertain_first_and_never_annotated_ones(model, samples, known):
    found = pf.suggest_annotations(model, samples, 5, annotations=known)
    assert found.columns.tolist() == ["image", "label", "uncertainty"]
    assert len(found) == 5
    assert not [row for row in found.itertuples() if row.label in known[row.image]]
    assert not found.duplicated(["image", "label"]).any()
    every = [
        (pf.metrics.uncertainty(row), index, number)
        for index, table in enumerate(model.predict_proba(samples))
        for number, row in zip(table.index, table.to_numpy(), strict=True)
        if number not in known[index]
    ]
    assert found.uncertainty[0] == max(every)[0]
    values = {(index, number): value for value, index, number in every}
    assert [values[row.image, row.label] for row in found.itertuples()] == found.uncertainty.tolist()


def test_all_objects_come_up_where_more_are_asked_for(model, samples, known):
    found = pf.suggest_annotations(model, samples, 10_000, annotations=known, measure="margin")
    left = sum(len(set(truth(s)) - set(k)) for s, k in zip(samples, known, strict=True))
    assert len(found) == left
    assert pf.suggest_annotations(model, samples[0], 3).image.eq(0).all()


def test_no_object_is_no_suggestion(model):
    empty = np.zeros((8, 8), int)
    found = pf.suggest_annotations(model, [(empty, np.zeros((8, 8)))], 3)
    assert found.empty
    assert found.columns.tolist() == ["image", "label", "uncertainty"]


def test_measurements_that_are_nan_are_no_obstacle():
    image = np.zeros((30, 60), int)
    image[5:8, 5:9], image[5:8, 20:26], image[20:25, 5:11], image[12, 40] = 1, 1, 1, 1
    labels = label(image)
    model = pf.ObjectClassifier(["area", "average_distance_of_n_nearest_neighbors=1"])
    model.fit([labels], [{1: 1, 2: 2}])
    alone = np.where(labels == 3, 1, 0)
    assert len(pf.suggest_annotations(model, [labels, alone], 9, annotations=[{1: 1, 2: 2}, {}])) == 3


def test_trees_of_any_estimator_cannot_be_asked(model, samples):
    with pytest.raises(ValueError, match=r"`measure` must be .* for objects, got 'disagreement'"):
        pf.suggest_annotations(model, samples, measure="disagreement")

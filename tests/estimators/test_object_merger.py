"""`ObjectMerger`: pairs are learned from strokes across borders; what hangs together becomes one object."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal
from scipy.ndimage import gaussian_filter
from skimage import io
from skimage.measure import label
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.tree import DecisionTreeClassifier

import pixelforest as pf
from pixelforest.exceptions import AmbiguousAnnotationWarning
from pixelforest.regions.samples import ObjectSample

TREE = DecisionTreeClassifier(random_state=0)
BRICKS = np.kron(np.arange(1, 13).reshape(3, 4), np.ones((4, 5), int))
"""Twelve bricks; number 1 is in the corner."""


def walls(seed):
    """Return bricks cut in two at random, and the image: walls between bricks are bright, cuts are not."""
    random = np.random.default_rng(seed)
    labels, image = np.zeros((40, 60), int), random.uniform(0, 5, (40, 60))
    ids = random.permutation(np.arange(1, 100))
    truth = np.kron(np.arange(1, 13).reshape(3, 4), np.ones((14, 15), int))[:40]
    for brick in range(1, 13):
        at = np.argwhere(truth == brick)
        cut = random.integers(4, 10)
        columns = at[:, 1] - at[:, 1].min()
        labels[tuple(at.T)] = np.where(columns < cut, ids[2 * brick], ids[2 * brick + 1])
    edges = np.zeros(labels.shape, bool)
    edges[:, 1:] |= truth[:, 1:] != truth[:, :-1]
    edges[1:] |= truth[1:] != truth[:-1]
    image[edges] += 50
    strokes = np.zeros(labels.shape, np.uint8)
    for row in (6, 20, 33):
        same = (labels[row, 1:] != labels[row, :-1]) & (truth[row, 1:] == truth[row, :-1])
        apart = truth[row, 1:] != truth[row, :-1]
        for marks, value in ((same, 1), (apart, 2)):
            x = np.flatnonzero(marks)[0]
            strokes[row, x : x + 2] = value
    return labels, image, truth, strokes


def same_partition(a, b):
    pairs = np.unique(np.stack([a.ravel(), b.ravel()]), axis=1)
    return len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]


def test_bricks_become_whole_again():
    training, test = [walls(seed) for seed in range(3)], [walls(seed) for seed in range(3, 6)]
    X, y = [item[:2] for item in training], [item[3] for item in training]
    model = pf.ObjectMerger(estimator=TREE).fit(X, y)
    assert model.feature_names_in_.tolist() == ["touch_portion", "mean_touch_intensity"]
    for (labels, _, truth, _), merged in zip(test, model.predict([item[:2] for item in test]), strict=True):
        assert same_partition(merged, truth)
        assert merged.dtype == labels.dtype
        assert all(merged[labels == part].max() <= part for part in np.unique(labels)), "the smallest label stays"
    relabelled = clone(model).set_params(relabel=True).fit(X, y).predict(test[0][:2])
    assert np.unique(relabelled).tolist() == list(range(1, 13))
    assert model.score([item[:2] for item in test], [item[3] for item in test]) == 1


def test_strokes_mark_the_pairs_whose_border_they_cross():
    strokes = np.zeros(BRICKS.shape, np.uint8)
    strokes[1, 3:7] = 1  # 1 and 2
    strokes[2:6, 12] = 2  # 3 and 7
    strokes[9, 18] = 2  # inside of one brick
    strokes[8, 4] = 1  # one side of 9 and 10 only
    model = pf.ObjectMerger(["centroid_distance"], TREE).fit([BRICKS], [strokes])
    by_mapping = pf.ObjectMerger(["centroid_distance"], TREE).fit([BRICKS], [{(2, 1): 1, (3, 7): 2}])
    assert model.estimator_.tree_.n_node_samples[0] == 2
    assert_array_equal(model.predict(BRICKS), by_mapping.predict(BRICKS))
    pairs = model.predict_pairs(BRICKS)
    assert len(pairs) == 17
    assert pairs.loc[(1, 2), "class"] == 1, "bricks beside each other are 5 apart"
    assert pairs.loc[(1, 5), "class"] == 2, "those above each other 4"
    assert np.unique(model.predict(BRICKS)).tolist() == [1, 5, 9]


def test_the_more_frequent_annotation_counts():
    strokes = np.zeros(BRICKS.shape, np.uint8)
    strokes[0:2, 4:6] = 1
    strokes[2, 4:6] = 2  # 1 and 2: two faces to one
    strokes[3:5, 11] = 1
    strokes[3:5, 12] = 2  # 3 and 7: one to one
    with pytest.warns(AmbiguousAnnotationWarning, match=r"\(1, 2\): class 1 2 times, class 2 1 times; \(3, 7\)"):
        model = pf.ObjectMerger(["centroid_distance"], TREE).fit([BRICKS], [strokes])
    assert np.unique(model.predict(BRICKS)).tolist() == [1, 5, 9]


@given(arrays(np.int64, (5, 6), elements=st.integers(0, 8)), st.sets(st.integers(0, 40)))
def test_closure_is_that_of_repeated_painting(labels, merged_rows):
    model = pf.ObjectMerger(["centroid_distance"], TREE).fit([BRICKS], [{(1, 2): 1, (3, 7): 2}])
    pairs, _ = model._classified(ObjectSample(labels, None, labels), 0)
    classes = np.array([1 if row in merged_rows else 2 for row in range(len(pairs.first))], np.int64)
    model._classified = lambda sample, index: (pairs, classes)
    expected = labels.copy()
    for _ in range(10):
        for a, b in zip(pairs.first[classes == 1], pairs.second[classes == 1], strict=True):
            both = {*np.unique(expected[np.isin(labels, [a, b])]).tolist()}
            expected[np.isin(expected, list(both))] = min(both)
    assert_array_equal(model.predict(labels), expected)


def test_nothing_to_merge():
    model = pf.ObjectMerger(["centroid_distance"], TREE).fit([BRICKS], [{(1, 2): 1, (3, 7): 2}])
    for labels in (np.zeros((3, 4), int), np.array([[3, 0, 5]], np.uint8), np.array([[8]], np.int16)):
        merged = model.predict(labels)
        assert_array_equal(merged, labels)
        assert merged.dtype == labels.dtype
        assert len(model.predict_pairs(labels)) == 0


def test_volumes_channels_and_searches():
    items = [walls(seed) for seed in range(4)]
    volumes = [(np.stack([labels] * 2), np.stack([image] * 2)[None]) for labels, image, _, _ in items]
    y = [np.stack([strokes] * 2) for *_, strokes in items]
    model = pf.ObjectMerger(estimator=TREE, spatial_ndim=3, channel_axis=0)
    assert cross_val_score(model, volumes, y, groups=[0, 0, 1, 1], cv=GroupKFold(2)).min() == 1
    grid = {"properties": [["smaller_touch_portion"], "mean_touch_intensity,centroid_distance"]}
    search = GridSearchCV(model, grid, cv=2).fit(volumes, y)
    assert search.best_estimator_.feature_names_in_.tolist() == ["mean_touch_intensity-0", "centroid_distance"]
    assert same_partition(search.predict(volumes[0])[0], items[0][2])


def test_real_membranes(data_folder: Path):
    """apoc's own example: its test asks for 31 cells of 54 pieces; fitted today it returns 30."""
    folder = data_folder / "bia"
    if not folder.is_dir():
        pytest.skip("the data folder has no membranes")
    labels, strokes = (np.asarray(io.imread(folder / f"membrane2d_{name}.tif"))
                       for name in ("oversegmented", "merge_annotation"))  # fmt: skip
    image = np.asarray(io.imread(folder / "membrane2d.tif")).astype(float)
    flat = image / gaussian_filter(image, 10)
    model = pf.ObjectMerger("touch_portion mean_touch_intensity").fit([(labels, flat)], [strokes])
    merged = model.predict((labels, flat))
    assert model.score([(labels, flat)], [strokes]) == 1
    assert 27 <= len(np.unique(merged)) <= 33
    assert label(merged, connectivity=1, background=-1).max() == len(np.unique(merged)), "every cell is in one piece"

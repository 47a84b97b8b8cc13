"""`ImageSegmenter.predict_uncertainty`: what probabilities and scikit-learn's trees say, whole, tiled and lazily."""

import dask.array as da
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import entropy
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

import pixelforest as pf

MEASURES = ["entropy", "margin", "least_confident", "disagreement"]
STACK = pf.ImageFeatureStack(("original", "gaussian"), (1, 2))


@pytest.fixture(scope="module")
def image(crops):
    return crops.images[0]


@pytest.fixture(scope="module")
def model(crops):
    forest = pf.OpenCLRandomForestClassifier(20, max_depth=4, random_state=0)
    return pf.ImageSegmenter(STACK, forest).fit(crops.images, crops.scribbles)


@pytest.mark.parametrize("measure", MEASURES[:3])
def test_is_the_uncertainty_of_the_probabilities(model, image, measure):
    expected = pf.metrics.uncertainty(model.predict_proba(image), measure)
    assert_array_equal(model.predict_uncertainty(image, measure=measure), expected.astype(np.float32))


def test_disagreement_is_the_entropy_of_what_single_trees_predict(model, image):
    rows = STACK.transform(image).reshape(-1, STACK.fit(image).get_feature_names_out().size)
    trees = model.classifier_.estimators_
    votes = np.stack([tree.predict(rows) for tree in trees])  # indices of classes
    shares = np.stack([(votes == i).mean(axis=0) for i in range(2)])
    expected = entropy(shares, base=2).reshape(image.shape)
    found = model.predict_uncertainty(image, measure="disagreement")
    assert_allclose(found, expected, atol=1e-6)
    assert np.unique(found).size > 3


@pytest.mark.parametrize("measure", MEASURES)
def test_tiled_and_lazy_are_whole(model, image, measure):
    whole = model.predict_uncertainty(image, measure=measure)
    assert whole.dtype == np.float32
    tiled = pf.ImageSegmenter(**model.get_params(deep=False) | {"tile_shape": (13, 17)})
    vars(tiled).update({name: value for name, value in vars(model).items() if name.endswith("_")})
    assert_array_equal(tiled.predict_uncertainty(image, measure=measure), whole)
    lazy = model.predict_uncertainty(da.from_array(image, chunks=(20, 33)), measure=measure)
    assert isinstance(lazy, da.Array)
    assert lazy.dtype == np.float32
    assert_array_equal(lazy.compute(), whole)


def test_outside_a_mask_nothing_is_known(model, image):
    mask = np.zeros(image.shape, bool)
    mask[10:30, 5:50] = True
    found = model.predict_uncertainty(image, mask=mask)
    assert_array_equal(found, np.where(mask, model.predict_uncertainty(image), np.nan))


def test_scikit_learns_own_forest_disagrees_like_ours(crops, image, model):
    plain = RandomForestClassifier(20, max_depth=4, random_state=0)
    fitted = pf.ImageSegmenter(STACK, plain).fit(crops.images, crops.scribbles)
    found = fitted.predict_uncertainty(image, measure="disagreement")
    assert_array_equal(found, model.predict_uncertainty(image, measure="disagreement"))


def test_classes_that_training_lacks_get_no_vote(crops, image):
    forest = pf.OpenCLRandomForestClassifier(5, max_depth=3, random_state=0)
    parameters = crops.images, crops.scribbles
    three = pf.ImageSegmenter(STACK, forest, classes=[2, 7, 1]).fit(*parameters)
    two = pf.ImageSegmenter(STACK, forest).fit(*parameters)
    found = three.predict_uncertainty(image, measure="disagreement")
    assert_allclose(found * np.log(3), two.predict_uncertainty(image, measure="disagreement") * np.log(2), atol=1e-6)


@pytest.mark.parametrize("classifier", [LogisticRegression(), HistGradientBoostingClassifier(max_iter=3)])
def test_only_trees_that_vote_disagree(crops, image, classifier):
    fitted = pf.ImageSegmenter(STACK, classifier).fit(crops.images, crops.scribbles)
    assert fitted.predict_uncertainty(image).max() <= 1
    with pytest.raises(ValueError, match="`measure`: 'disagreement' needs a forest whose trees vote; "):
        fitted.predict_uncertainty(image, measure="disagreement")


def test_refuses_an_unknown_measure(model, image):
    with pytest.raises(ValueError, match=r"`measure` must be one of .*'disagreement'.*, got 'variance'"):
        model.predict_uncertainty(image, measure="variance")

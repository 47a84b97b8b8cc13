"""The scorers work wherever scikit-learn takes `scoring=`."""

import pickle

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate

from pixelforest import metrics
from pixelforest.metrics import PixelScorer, pixel_f1, pixel_jaccard

READY = {
    "accuracy": metrics.pixel_accuracy_scorer,
    "precision": metrics.pixel_precision_scorer,
    "recall": metrics.pixel_recall_scorer,
    "f1": metrics.pixel_f1_scorer,
    "jaccard": metrics.pixel_jaccard_scorer,
}


class ThresholdSegmenter(ClassifierMixin, BaseEstimator):
    """Class 2 above a threshold, 1 elsewhere."""

    n_predictions = 0

    def __init__(self, threshold=0.5):
        self.threshold = threshold

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.array([1, 2])
        return self

    def predict(self, X):
        type(self).n_predictions += 1
        return [np.where(image > self.threshold, 2, 1) for image in X]


@pytest.fixture
def ragged():
    """Six ragged images that a threshold of 0.3 segments without error, annotated in half of the pixels."""
    rng = np.random.default_rng(0)
    images = [rng.random((4 + index, 5)) for index in range(6)]
    labels = [np.where(image > 0.3, 2, 1) * rng.integers(0, 2, size=image.shape) for image in images]
    return images, labels


@pytest.mark.parametrize("name", READY)
def test_a_ready_scorer_is_its_metric_of_the_predictions(name, ragged):
    images, labels = ragged
    model = ThresholdSegmenter().fit(images, labels)
    expected = getattr(metrics, f"pixel_{name}")(labels, model.predict(images))
    assert READY[name](model, images, labels) == expected
    assert 0 < expected < 1


@pytest.mark.parametrize("name", READY)
def test_a_scorer_pickles_and_clones(name, ragged):
    model = ThresholdSegmenter().fit(*ragged)
    expected = READY[name](model, *ragged)
    for copy in (pickle.loads(pickle.dumps(READY[name])), clone(READY[name], safe=False)):
        assert copy(model, *ragged) == expected
        assert repr(copy) == repr(READY[name])


def test_options_of_a_scorer_reach_the_metric(ragged):
    images, labels = ragged
    model = ThresholdSegmenter().fit(images, labels)
    scorer = PixelScorer("f1", average="binary", unlabeled=None, pos_label=2)
    assert scorer(model, images, labels) == pixel_f1(
        labels, model.predict(images), average="binary", unlabeled=None, pos_label=2
    )
    assert repr(scorer) == "PixelScorer('f1', average='binary', pos_label=2, zero_division='warn')"


def test_a_grid_search_finds_the_threshold_with_the_best_overlap(ragged):
    search = GridSearchCV(
        ThresholdSegmenter(),
        {"threshold": [0.1, 0.3, 0.6]},
        scoring=metrics.pixel_jaccard_scorer,
        cv=KFold(3),
        error_score="raise",
    )
    search.fit(*ragged)
    assert search.best_params_ == {"threshold": 0.3}
    assert search.best_score_ == 1.0
    assert search.score(*ragged) == 1.0


def test_a_dictionary_of_scorers_costs_one_prediction_per_fold(ragged, monkeypatch):
    monkeypatch.setattr(ThresholdSegmenter, "n_predictions", 0)
    result = cross_validate(ThresholdSegmenter(), *ragged, scoring=READY, cv=KFold(3), error_score="raise")
    assert ThresholdSegmenter.n_predictions == 3
    images, labels = ragged
    expected = pixel_jaccard(labels[:2], ThresholdSegmenter().predict(images[:2]))
    assert result["test_jaccard"][0] == expected


def test_processes_can_score(ragged):
    scores = cross_val_score(
        ThresholdSegmenter(0.3), *ragged, scoring=metrics.pixel_f1_scorer, cv=KFold(2), n_jobs=2, error_score="raise"
    )
    assert scores.tolist() == [1.0, 1.0]


def test_scoring_works_with_metadata_routing(ragged):
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(ThresholdSegmenter(), {"threshold": [0.3]}, scoring=READY, refit="f1", cv=KFold(2))
        assert search.fit(*ragged).best_score_ == 1.0


@pytest.mark.filterwarnings("ignore:.*does not support sample_weight:UserWarning")  # said from scikit-learn 1.7 on
@pytest.mark.parametrize("scoring", [READY, READY["f1"]])
def test_a_search_with_sample_weights_scores_without_them(ragged, scoring):
    weights = [np.ones(image.shape) for image in ragged[0]]
    search = GridSearchCV(ThresholdSegmenter(), {"threshold": [0.3]}, scoring=scoring, refit="f1", cv=KFold(2))
    assert search.fit(*ragged, sample_weight=weights).best_score_ == 1.0


def test_a_fold_without_labelled_pixels_scores_nan_and_warns(ragged):
    images, labels = ragged
    labels[0][:] = 0
    with pytest.warns(UndefinedMetricWarning, match="pixel_jaccard.*no annotated pixel"):
        scores = cross_val_score(
            ThresholdSegmenter(0.3),
            images,
            labels,
            scoring=metrics.pixel_jaccard_scorer,
            cv=KFold(6),
            error_score="raise",
        )
    np.testing.assert_array_equal(scores, [np.nan, 1, 1, 1, 1, 1])


def test_options_that_make_no_sense_are_refused_at_once():
    with pytest.raises(ValueError, match="`metric` must be one of"):
        PixelScorer("iou")
    with pytest.raises(ValueError, match="`pos_label` belongs to"):
        PixelScorer("jaccard", pos_label=2)
    with pytest.raises(ValueError, match="returns one number"):
        PixelScorer("jaccard", average=None)


def test_every_public_name_is_exported_and_documented():
    exported = [getattr(metrics, name) for name in metrics.__all__]
    assert all(value.__doc__ for value in exported)
    assert sorted(metrics.__all__) == metrics.__all__

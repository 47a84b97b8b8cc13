"""Classifiers of other families and libraries inside the pixel estimators; labels are {1, 3}, as given."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, StackingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

import pixelforest as pf
from pixelforest.estimators.encoded_labels import EncodedLabels

STACK = pf.ImageFeatureStack(("original", "gaussian", "laplacian_of_gaussian"), (1, 2))


def boosted():
    xgboost = pytest.importorskip("xgboost")
    return xgboost.XGBClassifier(n_estimators=4, max_depth=3, n_jobs=1, random_state=0)


def logistic():
    return make_pipeline(StandardScaler(), LogisticRegression())


def tpot():
    """Return the pipeline that TPOT found in the project page of the seeds, with scikit-learn's way of stacking."""
    tree = DecisionTreeClassifier(max_depth=8, min_samples_leaf=17, min_samples_split=18, random_state=0)
    return make_pipeline(RobustScaler(), StackingClassifier([("tree", tree)], boosted(), passthrough=True, cv=3))


@parametrize_with_checks([EncodedLabels(LogisticRegression())])
def test_encoded_labels_is_an_estimator_of_scikit_learn(estimator, check):
    check(estimator)


LEARNERS = {
    "histograms": lambda: HistGradientBoostingClassifier(max_iter=4, max_depth=3, random_state=0),
    "xgboost": boosted,
    "xgboost in a pipeline": lambda: make_pipeline(StandardScaler(), boosted()),
    "calibrated": lambda: CalibratedClassifierCV(DecisionTreeClassifier(max_depth=3, random_state=0), cv=3),
    "calibrated xgboost": lambda: CalibratedClassifierCV(boosted(), cv=3),
    "stacking": lambda: StackingClassifier([("line", logistic())], DecisionTreeClassifier(max_depth=3), cv=3),
    "tpot": tpot,
}


@pytest.fixture(scope="module")
def labels(crops):
    return [np.where(scribbles == 2, 3, scribbles).astype(np.uint8) for scribbles in crops.scribbles]


def rows_of(images, labels):
    """Return the table that a person would make by hand."""
    features = STACK.transform(images)
    X = np.concatenate([f[annotated > 0] for f, annotated in zip(features, labels, strict=True)])
    return X, np.concatenate([annotated[annotated > 0] for annotated in labels])


@pytest.mark.parametrize("name", LEARNERS)
def test_pixels_are_decided_as_the_learner_decides_rows(crops, labels, name):
    images, labels = crops.images[:2], labels[:2]
    X, y = rows_of(images, labels)
    alone = LEARNERS[name]().fit(X, (y == 3).astype(int))
    every = STACK.transform(images[0]).reshape(-1, X.shape[1])
    expected = np.where(alone.predict(every) == 1, 3, 1).reshape(images[0].shape)
    segmenter = pf.ImageSegmenter(STACK, LEARNERS[name]()).fit(images, labels)
    pixels = make_pipeline(STACK, pf.PixelClassifier(LEARNERS[name]())).fit(images, labels)
    for model in (segmenter, pixels):
        assert_array_equal(model.classes_, [1, 3])
        assert_array_equal(model.predict(images)[0], expected)
        probabilities = model.predict_proba(images)[0].reshape(-1, 2)
        assert np.abs(probabilities - alone.predict_proba(every)).max() < 1e-6
    assert len(np.unique(expected)) == 2


def test_classes_keep_their_order_where_a_fold_lacks_one(crops, labels):
    three = [np.where(labels[0] == 3, 7, labels[0]), labels[1]]
    model = pf.ImageSegmenter(STACK, boosted(), classes=(7, 3, 1)).fit(crops.images[1:2], labels[1:2])
    probabilities = model.predict_proba(crops.images[1])
    assert (probabilities[..., 0] == 0).all()
    assert_array_equal(np.array([7, 3, 1])[probabilities.argmax(axis=-1)], model.predict(crops.images[1]))
    assert set(np.unique(pf.ImageSegmenter(STACK, boosted()).fit(crops.images[:2], three).classes_)) == {1, 3, 7}


def test_weights_reach_xgboost_through_a_pipeline(crops, labels):
    images, labels = crops.images[:2], labels[:2]
    X, y = rows_of(images, labels)
    weights = [np.where(annotated == 3, 5.0, 1.0) for annotated in labels]
    alone = LEARNERS["xgboost"]().fit(X, y == 3, sample_weight=np.where(y == 3, 5.0, 1.0))
    model = pf.ImageSegmenter(STACK, make_pipeline(RobustScaler(), boosted())).fit(
        images, labels, sample_weight=weights
    )
    unweighted = pf.ImageSegmenter(STACK, boosted()).fit(images, labels)
    every = STACK.transform(images[0]).reshape(-1, X.shape[1])
    expected = alone.predict_proba(every)[:, 1]
    # The scaler moves thresholds by rounding, nothing else.
    assert np.median(np.abs(model.predict_proba(images[0])[..., 1].ravel() - expected)) < 1e-3
    assert np.abs(unweighted.predict_proba(images[0])[..., 1].ravel() - expected).mean() > 1e-2


def test_a_frozen_classifier_keeps_the_classes_that_it_was_fitted_with(crops, labels):
    X, y = rows_of(crops.images[:1], labels[:1])
    frozen = FrozenEstimator(boosted().fit(X, y == 3))
    with pytest.raises(ValueError, match=r"fitted with the classes \[0\]"):
        pf.ImageSegmenter(STACK, frozen).fit(crops.images[:1], labels[:1])


def test_objects_of_any_classes_are_learnt_by_xgboost():
    masks = np.zeros((12, 24), dtype=int)
    for number, (width, column) in enumerate([(2, 1), (2, 6), (4, 11), (4, 18)], start=1):
        masks[1 : 1 + width, column : column + width] = number
    given = np.array([0, 2, 2, 5, 5])[masks]
    model = pf.ObjectClassifier(["area"], boosted().set_params(min_child_weight=0)).fit([masks], [given])
    assert_array_equal(model.predict(masks), given)


def test_importances_are_those_of_the_classifier_inside(crops, labels):
    model = pf.ImageSegmenter(STACK, boosted()).fit(crops.images[:1], labels[:1])
    table = pf.explain.split_statistics(model)
    assert len(table) == len(model.features_.get_feature_names_out())


def test_self_training_takes_pixels_without_strokes_as_unlabelled(crops, labels):
    """The recipe of docs/other-learners.md: 0 becomes −1 in a table, and what was learnt is frozen."""
    features = STACK.transform(crops.images[0])
    annotated = labels[0] > 0
    sample = np.zeros_like(annotated)
    sample[::4, ::4] = True
    X = np.concatenate([features[annotated], features[sample & ~annotated]])
    y = np.r_[labels[0][annotated].astype(int), np.full((sample & ~annotated).sum(), -1)]
    learner = SelfTrainingClassifier(logistic(), threshold=0.9).fit(X, y)
    assert (learner.labeled_iter_[annotated.sum() :] > 0).any()
    model = pf.ImageSegmenter(STACK, FrozenEstimator(learner)).fit(crops.images[:1], labels[:1])
    expected = learner.predict(features.reshape(-1, features.shape[-1]))
    assert_array_equal(model.predict(crops.images[0]).ravel(), expected)


class _Spy(pf.ImageSegmenter):
    """Remember which images a model of the first stage saw, and which it was asked for."""

    seen: list = []  # noqa: RUF012 clones share it, which is the point

    def fit(self, X, y, sample_weight=None):
        self.taught_ = {image.tobytes() for image in X}
        return super().fit(X, y, sample_weight)

    def predict_proba(self, X, **options):
        self.seen.append(self.taught_ & {image.tobytes() for image in X})
        return super().predict_proba(X, **options)


def test_probabilities_for_a_second_stage_come_from_models_that_never_saw_the_image(crops, labels):
    first = _Spy(STACK, RandomForestClassifier(5, max_depth=4, random_state=0))
    _Spy.seen.clear()
    context = pf.model_selection.cross_val_predict(
        first, crops.images, labels, groups=crops.donors, cv=GroupKFold(3), method="predict_proba"
    )
    assert _Spy.seen == [set()] * 3
    both = [np.dstack([image, found]) for image, found in zip(crops.images, context, strict=True)]
    second = pf.ImageSegmenter(STACK.__class__(STACK.filters, STACK.sigmas, channel_axis=-1)).fit(both, labels)
    assert second.n_features_in_ == 3
    assert second.predict(both)[0].shape == crops.images[0].shape

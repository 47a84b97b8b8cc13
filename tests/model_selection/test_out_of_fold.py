"""Out-of-fold predictions of ragged images."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit
from sklearn.model_selection import cross_val_predict as predict_rows
from sklearn.tree import DecisionTreeClassifier

from pixelforest.model_selection import cross_val_predict


class TreeSegmenter(ClassifierMixin, BaseEstimator):
    """One decision tree on the intensity of annotated pixels."""

    def __init__(self, max_depth=3):
        self.max_depth = max_depth

    def fit(self, X, y, sample_weight=None):
        intensity = np.concatenate([image.ravel() for image in X])[:, None]
        labels = np.concatenate([image.ravel() for image in y])
        weights = None if sample_weight is None else np.concatenate([weight.ravel() for weight in sample_weight])
        self.tree_ = DecisionTreeClassifier(max_depth=self.max_depth, random_state=0)
        self.tree_.fit(intensity[labels > 0], labels[labels > 0], None if weights is None else weights[labels > 0])
        self.classes_ = self.tree_.classes_
        return self

    def predict(self, X):
        return [self.tree_.predict(image.reshape(-1, 1)).reshape(image.shape) for image in X]

    def predict_proba(self, X):
        return [self.tree_.predict_proba(image.reshape(-1, 1)).reshape(*image.shape, -1) for image in X]


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return [rng.random((3 + index, 6)) for index in range(5)]


@pytest.fixture
def labels(images):
    rng = np.random.default_rng(1)
    return [np.where(image + rng.normal(0, 0.2, image.shape) > 0.5, 2, 1) for image in images]


def assert_same_images(found, expected):
    assert isinstance(found, list)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_each_image_is_predicted_by_a_model_of_the_other_folds(images, labels, method, n_jobs):
    cv = KFold(3, shuffle=True, random_state=0)
    estimator = TreeSegmenter()
    found = cross_val_predict(estimator, images, labels, cv=cv, method=method, n_jobs=n_jobs)
    expected = [None] * len(images)
    for train, test in cv.split(images):
        model = TreeSegmenter().fit([images[i] for i in train], [labels[i] for i in train])
        for index in test:
            expected[index] = getattr(model, method)([images[index]])[0]
    assert_same_images(found, expected)
    assert not hasattr(estimator, "tree_")


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_pixels_as_rows_give_what_scikit_learn_gives(images, labels, method):
    groups = np.repeat(np.arange(5), [image.size for image in images])
    rows = predict_rows(
        DecisionTreeClassifier(max_depth=3, random_state=0),
        np.concatenate([image.ravel() for image in images])[:, None],
        np.concatenate([image.ravel() for image in labels]),
        groups=groups,
        cv=GroupKFold(5),
        method=method,
    )
    found = cross_val_predict(TreeSegmenter(), images, labels, groups=np.arange(5), cv=GroupKFold(5), method=method)
    n_columns = () if method == "predict" else (2,)
    np.testing.assert_array_equal(np.concatenate([image.reshape(-1, *n_columns) for image in found]), rows)


def test_the_default_is_five_folds_by_image(images, labels):
    images, labels = images * 2, labels * 2
    expected = cross_val_predict(TreeSegmenter(), images, labels, cv=KFold(5))
    assert_same_images(cross_val_predict(TreeSegmenter(), images, labels), expected)


def test_groups_reach_the_splitter(images, labels):
    grouped = cross_val_predict(TreeSegmenter(), images, labels, groups=[0, 1, 0, 1, 0], cv=GroupKFold(2))
    odd = TreeSegmenter().fit(images[1::2], labels[1::2])
    assert_same_images(grouped[::2], odd.predict(images[::2]))


def test_folds_may_be_given_as_masks_or_positions_and_images_as_a_stack(images, labels):
    first = np.array([True, True, False, False, False])
    masks, positions = [(first, ~first), (~first, first)], [([0, 1], [2, 3, 4]), ([2, 3, 4], [0, 1])]
    expected = cross_val_predict(TreeSegmenter(), images, labels, cv=positions)
    assert_same_images(cross_val_predict(TreeSegmenter(), images, labels, cv=masks), expected)
    stack, label_stack = np.stack([image[:3] for image in images]), np.stack([image[:3] for image in labels])
    expected = cross_val_predict(TreeSegmenter(), list(stack), list(label_stack), cv=positions)
    assert_same_images(cross_val_predict(TreeSegmenter(), stack, label_stack, cv=positions), expected)


def test_fit_parameters_are_split_along_with_the_images(images, labels):
    weights = [np.where(image == 1, 50.0, 1.0) for image in labels]
    found = cross_val_predict(TreeSegmenter(), images, labels, cv=KFold(5), params={"sample_weight": weights})
    model = TreeSegmenter().fit(images[1:], labels[1:], weights[1:])
    np.testing.assert_array_equal(found[0], model.predict(images[:1])[0])
    assert (found[0] != TreeSegmenter().fit(images[1:], labels[1:]).predict(images[:1])[0]).any()


@pytest.mark.parametrize(
    "cv", [ShuffleSplit(5, test_size=2, random_state=0), [([0], [1, 2])], [([0], [1, 2, 3, 4]), ([1], [0, 1])]]
)
def test_folds_that_are_no_partition_are_refused(images, labels, cv):
    with pytest.raises(ValueError, match="every one of the 5 images exactly once"):
        cross_val_predict(TreeSegmenter(), images, labels, cv=cv)


def test_folds_that_know_different_classes_are_refused_for_probabilities(images, labels):
    labels[0][:] = 3
    with pytest.raises(ValueError, match=r"folds know different classes.*`classes=`"):
        cross_val_predict(TreeSegmenter(), images, labels, cv=5, method="predict_proba")
    assert len(cross_val_predict(TreeSegmenter(), images, labels, cv=5)) == 5


def test_lengths_that_differ_and_tuples_are_refused(images, labels):
    with pytest.raises(ValueError, match="inconsistent"):
        cross_val_predict(TreeSegmenter(), images, labels[:-1])
    with pytest.raises(TypeError, match="`X` must be a list of images, got a tuple"):
        cross_val_predict(TreeSegmenter(), tuple(images), labels)


def test_a_model_must_return_one_prediction_per_image(images, labels):
    class Careless(TreeSegmenter):
        def predict(self, X):
            return super().predict(X)[:1]

    with pytest.raises(ValueError, match="one prediction per image, got 1 for 3"):
        cross_val_predict(Careless(), images, labels, cv=2)

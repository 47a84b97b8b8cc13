"""Pixel scores equal scikit-learn's on the flattened annotated pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn import metrics as oracle
from sklearn.exceptions import UndefinedMetricWarning

from pixelforest.metrics import (
    pixel_accuracy,
    pixel_confusion_matrix,
    pixel_f1,
    pixel_jaccard,
    pixel_precision,
    pixel_recall,
    pixel_scores,
)

CLASS_METRICS = [
    (pixel_precision, oracle.precision_score),
    (pixel_recall, oracle.recall_score),
    (pixel_f1, oracle.f1_score),
    (pixel_jaccard, oracle.jaccard_score),
]
UNLABELED = st.sampled_from([0, None, 3])
AVERAGES = ["macro", "micro", "weighted", None]
DTYPES = st.sampled_from([np.uint8, np.int8, np.int16, np.uint16, np.int64, np.uint64])


@st.composite
def label_image_lists(draw, values=(0, 1, 3, 100), max_images=3):
    """Ragged lists of true and predicted label images; the first pixel is annotated."""
    y_true, y_pred = [], []
    for _ in range(draw(st.integers(1, max_images))):
        shape = draw(array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=5))
        y_true.append(draw(arrays(draw(DTYPES), shape, elements=st.sampled_from(values))))
        y_pred.append(draw(arrays(draw(DTYPES), shape, elements=st.sampled_from(values))))
    y_true[0].flat[0] = 1
    return y_true, y_pred


def flatten(images):
    return np.concatenate([image.ravel().astype(np.int64) for image in images])


def annotated(y_true, y_pred, unlabeled):
    true, predicted = flatten(y_true), flatten(y_pred)
    is_annotated = np.ones(true.shape, dtype=bool) if unlabeled is None else true != unlabeled
    return true[is_annotated], predicted[is_annotated]


@pytest.mark.parametrize(("metric", "expected"), CLASS_METRICS)
@given(average=st.sampled_from(AVERAGES), unlabeled=UNLABELED, images=label_image_lists())
def test_class_metrics_equal_scikit_learn_on_annotated_pixels(metric, expected, average, unlabeled, images):
    true, predicted = annotated(*images, unlabeled)
    classes = [value for value in np.union1d(true, predicted) if value != unlabeled]
    score = metric(*images, average=average, unlabeled=unlabeled, zero_division=0)
    np.testing.assert_allclose(
        score, expected(true, predicted, labels=classes, average=average, zero_division=0), rtol=1e-14
    )


@given(unlabeled=UNLABELED, images=label_image_lists())
def test_accuracy_and_confusion_equal_scikit_learn(unlabeled, images):
    true, predicted = annotated(*images, unlabeled)
    assert pixel_accuracy(*images, unlabeled=unlabeled) == pytest.approx(oracle.accuracy_score(true, predicted))
    table = pixel_confusion_matrix(*images, unlabeled=unlabeled)
    assert unlabeled not in table.index
    assert (table.index.name, table.columns.name) == ("true", "predicted")
    assert (table.dtypes == np.int64).all()
    assert table.to_numpy().sum() == true.size
    for true_class, predicted_class in np.ndindex(table.shape):
        count = (true == table.index[true_class]) & (predicted == table.columns[predicted_class])
        assert table.iloc[true_class, predicted_class] == count.sum()


@pytest.mark.parametrize(("metric", "expected"), CLASS_METRICS)
@given(images=label_image_lists(values=(1, 2)))
def test_binary_equals_scikit_learn(metric, expected, images):
    true, predicted = flatten(images[0]), flatten(images[1])
    score = metric(*images, average="binary", pos_label=1, zero_division=0)
    assert score == pytest.approx(expected(true, predicted, average="binary", pos_label=1, zero_division=0))


def test_worked_example_accuracy_moves_with_the_background_and_jaccard_does_not():
    y_true, y_pred = np.zeros((2, 74, 100), dtype=np.uint8)
    y_true.flat[:334], y_pred.flat[:334] = 1, 1
    y_true.flat[334:400] = 1  # 66 missed and 59 invented: 125 wrong pixels
    y_pred.flat[400:459] = 1
    jaccards, accuracies = [], []
    for n_pixels in (4900, 2500):
        pair = (y_true.reshape(-1, 50)[: n_pixels // 50], y_pred.reshape(-1, 50)[: n_pixels // 50])
        accuracies.append(pixel_accuracy(*pair, unlabeled=None))
        jaccards.append(pixel_jaccard(*pair, unlabeled=None, average="binary", pos_label=1))
    assert accuracies == [pytest.approx(0.97449, abs=5e-6), 0.95]
    assert jaccards == [pytest.approx(0.72767, abs=5e-6)] * 2


def test_annotated_pixels_predicted_as_unlabeled_are_misses_and_no_class():
    y_true = np.array([[1, 1, 2, 2, 0]])
    y_pred = np.array([[1, 0, 2, 2, 0]])
    assert pixel_accuracy(y_true, y_pred) == 0.75
    assert pixel_recall(y_true, y_pred, average=None).tolist() == [0.5, 1.0]
    assert pixel_precision(y_true, y_pred, average=None).tolist() == [1.0, 1.0]
    assert pixel_jaccard(y_true, y_pred) == 0.75
    assert pixel_jaccard(y_true, y_pred, average="micro") == 0.75
    table = pixel_confusion_matrix(y_true, y_pred)
    assert table.columns.tolist() == [1, 2, 0]
    assert table.to_numpy().tolist() == [[1, 0, 1], [0, 2, 0]]


def test_a_class_absent_from_truth_and_prediction_is_scored_only_when_asked_for():
    y_true = y_pred = np.array([[1, 2]])
    assert pixel_jaccard(y_true, y_pred) == 1.0
    with pytest.warns(UndefinedMetricWarning):
        assert pixel_jaccard(y_true, y_pred, labels=[1, 2, 3]) == pytest.approx(2 / 3)
    assert pixel_jaccard(y_true, y_pred, labels=[3, 1], average=None, zero_division=1).tolist() == [1.0, 1.0]
    assert pixel_confusion_matrix(y_true, y_pred, labels=[7, 8]).to_numpy().tolist() == [[0, 0], [0, 0]]


def test_a_class_predicted_but_never_true_has_part_in_the_macro_average():
    assert pixel_jaccard(np.array([[1, 1]]), np.array([[1, 2]])) == 0.25


def test_many_classes_score_without_a_warning():
    labels = np.arange(1, 901).reshape(30, 30)
    predicted = labels.copy()
    predicted[0, 0] = 2
    assert pixel_recall(labels, predicted) == pixel_accuracy(labels, predicted) == pytest.approx(899 / 900)
    assert np.trace(pixel_confusion_matrix(labels, predicted).to_numpy()) == 899


def test_scores_do_not_depend_on_the_blocks_that_pixels_are_counted_in(monkeypatch):
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.integers(0, 4, size=(2, 31, 17))
    whole = pixel_confusion_matrix(y_true, y_pred)
    monkeypatch.setattr("pixelforest.metrics._label_pairs.BLOCK_SIZE", 10)
    assert pixel_confusion_matrix(y_true, y_pred).equals(whole)


def test_extreme_values_are_classes_like_others():
    low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    y_true = np.array([[low, high, -1, 0]])
    table = pixel_confusion_matrix(y_true, y_true)
    assert table.index.tolist() == [low, -1, high]
    assert (np.diag(table) == 1).all()
    small = np.array([[-100, 100] * 50], dtype=np.int8)  # enough pixels for a lookup table
    assert pixel_confusion_matrix(small, small).index.tolist() == [-100, 100]
    with pytest.raises(ValueError, match="int64"):
        pixel_accuracy(np.array([[2**63]], dtype=np.uint64), np.array([[1]]))


def test_a_list_a_stack_and_an_object_array_are_the_same_images():
    rng = np.random.default_rng(1)
    y_true, y_pred = rng.integers(0, 3, size=(2, 4, 5, 6))
    expected = pixel_jaccard(list(y_true), list(y_pred))
    objects = np.empty(4, dtype=object)
    objects[:] = list(y_pred)
    assert pixel_jaccard(y_true, y_pred) == expected
    assert pixel_jaccard(y_true, list(y_pred)) == expected
    assert pixel_jaccard(list(y_true), objects) == expected
    assert pixel_jaccard(y_true[:, ::-1], y_pred[:, ::-1]) == expected


@pytest.mark.parametrize("metric", [pixel_accuracy, pixel_precision, pixel_recall, pixel_f1, pixel_jaccard])
def test_without_annotated_pixels_a_score_is_nan_and_warns(metric):
    empty = np.zeros((2, 3), dtype=int)
    with pytest.warns(UndefinedMetricWarning, match=rf"{metric.__name__}.*no annotated pixel.*value 0") as caught:
        assert np.isnan(metric(empty, np.ones((2, 3), dtype=int)))
    assert caught[0].filename == __file__


def test_without_annotated_pixels_scores_of_classes_are_nan_too():
    empty = np.zeros((2, 3), dtype=int)
    with pytest.warns(UndefinedMetricWarning):
        np.testing.assert_array_equal(pixel_f1(empty, empty, average=None, labels=[1, 2]), [np.nan, np.nan])
    assert pixel_confusion_matrix(empty, empty).shape == (0, 0)
    assert pixel_confusion_matrix(empty, empty, labels=[1, 2]).to_numpy().tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("bad", [np.ones((2, 2)), np.ones((2, 2), dtype=bool)])
def test_labels_that_are_not_integers_are_refused_by_name(bad):
    good = np.ones((2, 2), dtype=int)
    with pytest.raises(TypeError, match=rf"image 1 of `y_pred`.*{bad.dtype}"):
        pixel_jaccard([good, good], [good, bad])
    with pytest.raises(TypeError, match=rf"image 0 of `y_true`.*{bad.dtype}"):
        pixel_accuracy(bad, good)


def test_images_that_do_not_fit_together_are_refused():
    small, large = np.ones((2, 2), dtype=int), np.ones((2, 3), dtype=int)
    with pytest.raises(ValueError, match=r"image 1 of `y_pred` must have the shape \(2, 3\).*got \(2, 2\)"):
        pixel_f1([small, large], [small, small])
    with pytest.raises(ValueError, match="same number of images, got 2 and 1"):
        pixel_f1([small, small], [small])
    with pytest.raises(ValueError, match="at least one image"):
        pixel_f1([], [])
    with pytest.raises(ValueError, match=r"at least two axes, got shape \(3,\)"):
        pixel_f1(np.array([1, 2, 3]), np.array([1, 2, 3]))
    with pytest.raises(TypeError, match=r"`y_true`.*tuple"):
        pixel_f1((small, small), [small, small])
    with pytest.raises(TypeError, match="masked"):
        pixel_f1(np.ma.masked_equal(small, 1), small)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"average": "mean"}, ValueError, "`average` must be one of"),
        ({"average": "binary"}, ValueError, "`pos_label` belongs to"),
        ({"pos_label": 1}, ValueError, "`pos_label` belongs to"),
        ({"average": "binary", "pos_label": 0}, ValueError, "`pos_label` must be a class"),
        ({"average": "binary", "pos_label": 1.5}, TypeError, "`pos_label` must be an integer"),
        ({"average": "binary", "pos_label": 1, "labels": [1]}, ValueError, "`labels` would be ignored"),
        ({"labels": [0, 1]}, ValueError, "0 means not annotated"),
        ({"labels": []}, ValueError, "at least one class"),
        ({"labels": [1.5]}, TypeError, "`labels` must be an integer"),
        ({"unlabeled": np.nan}, TypeError, "`unlabeled` must be an integer"),
        ({"unlabeled": True}, TypeError, "`unlabeled` must be an integer"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, error, message):
    labels = np.array([[1, 2]])
    with pytest.raises(error, match=message):
        pixel_jaccard(labels, labels, **options)


@given(images=label_image_lists())
def test_the_table_holds_the_scores_of_each_image(images):
    y_true, y_pred = images
    for image in y_true:
        image.flat[0] = 1
    table = pixel_scores(y_true, y_pred, average="micro", zero_division=0)
    assert table.index.tolist() == list(range(len(y_true)))
    for index, pair in enumerate(zip(y_true, y_pred, strict=True)):
        assert table.loc[index, "accuracy"] == pixel_accuracy(*pair)
        assert table.loc[index, "n_pixels"] == np.count_nonzero(pair[0])
        for metric in (pixel_precision, pixel_recall, pixel_f1, pixel_jaccard):
            expected = metric(*pair, average="micro", zero_division=0)
            assert table.loc[index, metric.__name__.removeprefix("pixel_")] == expected


def test_the_table_names_images_without_annotated_pixels():
    empty, labels = np.zeros((1, 2), dtype=int), np.array([[1, 2]])
    with pytest.warns(UndefinedMetricWarning, match="image 1, 2 has no annotated pixel") as caught:
        table = pixel_scores([labels, empty, empty], [labels, labels, labels])
    assert caught[0].filename == __file__
    assert table["n_pixels"].tolist() == [2, 0, 0]
    assert table.drop(columns="n_pixels").isna().all(axis=1).tolist() == [False, True, True]
    with pytest.raises(ValueError, match="`average` must name one average"):
        pixel_scores(labels, labels, average=None)

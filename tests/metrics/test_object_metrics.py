"""Object scores equal brute force over all pairs of objects."""

import itertools
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.exceptions import UndefinedMetricWarning

from pixelforest.metrics import (
    ObjectScorer,
    average_precision,
    match_objects,
    object_f1,
    object_f1_scorer,
    sparse_jaccard,
)

IDS = (0, 0, 1, 2, 70_000, 2**40)


@st.composite
def object_image_pairs(draw):
    shape = draw(array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=5))
    return tuple(draw(arrays(np.int64, shape, elements=st.sampled_from(IDS))) for _ in range(2))


def iou_table(reference, predicted):
    """Intersection over union of all pairs, one mask at a time."""
    references = [reference == label for label in np.unique(reference) if label]
    predictions = [predicted == label for label in np.unique(predicted) if label]
    table = np.zeros((len(references), len(predictions)))
    for row, column in np.ndindex(table.shape):
        table[row, column] = (references[row] & predictions[column]).sum() / (
            references[row] | predictions[column]
        ).sum()
    return table


def best_matching(table, threshold):
    """Try every one-to-one assignment; return the largest (number of matches, sum of overlaps)."""
    table = table if table.shape[0] <= table.shape[1] else table.T
    best = (0, 0.0)
    for columns in itertools.permutations(range(table.shape[1]), table.shape[0]):
        overlaps = [table[row, column] for row, column in enumerate(columns) if table[row, column] >= threshold]
        best = max(best, (len(overlaps), round(sum(overlaps), 12)))
    return best


@given(images=object_image_pairs())
def test_sparse_jaccard_equals_brute_force(images):
    table = iou_table(*images)
    if not table.shape[0]:
        with pytest.warns(UndefinedMetricWarning, match="no object"):
            assert np.isnan(sparse_jaccard(*images))
    else:
        best = table.max(axis=1) if table.shape[1] else np.zeros(table.shape[0])
        assert sparse_jaccard(*images) == pytest.approx(best.mean(), rel=1e-14)


@pytest.mark.parametrize("threshold", [0.05, 0.2, 1 / 3, 0.5, 0.75, 1.0])
@given(images=object_image_pairs())
def test_matching_equals_the_best_of_all_assignments(threshold, images):
    table = iou_table(*images)
    n_matches, total = best_matching(table, threshold)
    matching = match_objects(*images, threshold=threshold)
    assert matching.true_positives == len(matching.pairs) == n_matches
    assert matching.false_negatives == table.shape[0] - n_matches
    assert matching.false_positives == table.shape[1] - n_matches
    assert matching.mean_matched_iou * n_matches == pytest.approx(total, abs=1e-9)
    assert len({pair.reference for pair in matching.pairs}) == len({pair.predicted for pair in matching.pairs})
    for pair in matching.pairs:
        both = (images[0] == pair.reference) & (images[1] == pair.predicted)
        either = (images[0] == pair.reference) | (images[1] == pair.predicted)
        assert pair.iou == both.sum() / either.sum() >= threshold


def test_the_number_of_matches_counts_before_their_overlap():
    reference = np.array([[1] * 6 + [2] * 4])
    predicted = np.array([[5] * 2 + [7] * 8])  # 1-7 overlaps most, but only 1-5 with 2-7 matches both
    matching = match_objects(reference, predicted, threshold=0.2)
    assert [(pair.reference, pair.predicted) for pair in matching.pairs] == [(1, 5), (2, 7)]


def test_a_threshold_of_one_half_is_reached_and_still_matches_one_to_one():
    matching = match_objects(np.array([[1, 1, 1, 1]]), np.array([[5, 5, 6, 6]]))
    assert (matching.true_positives, matching.false_positives, matching.false_negatives) == (1, 1, 0)
    assert matching.mean_matched_iou == 0.5


def test_scores_of_a_matching_by_hand():
    reference = np.array([[1, 1, 1, 1, 0, 2, 2, 2, 0, 3]])
    predicted = np.array([[9, 9, 9, 0, 0, 8, 8, 8, 0, 0]])
    matching = match_objects(reference, predicted)
    assert (matching.true_positives, matching.false_positives, matching.false_negatives) == (2, 0, 1)
    assert (matching.precision, matching.recall, matching.f1) == (1.0, 2 / 3, 0.8)
    assert matching.average_precision == 2 / 3
    assert matching.mean_matched_iou == 0.875
    assert matching.panoptic_quality == pytest.approx((0.75 + 1.0) / (2 + 1 / 2))
    assert matching.pairs == ((0, 1, 9, 0.75), (0, 2, 8, 1.0))


def test_images_pool_their_counts_and_never_match_across():
    left, right = np.array([[1, 1, 0]]), np.array([[0, 1], [0, 1]])
    matching = match_objects([left, right], [left, np.zeros_like(right)])
    assert (matching.true_positives, matching.false_positives, matching.false_negatives) == (1, 0, 1)
    assert match_objects([right, left], [np.zeros_like(right), left]).pairs[0].image == 1
    assert sparse_jaccard([left, right], [left, np.zeros_like(right)]) == 0.5


def test_average_precision_pools_images_at_each_threshold():
    reference = [np.array([[1, 1, 1, 1, 1]]), np.array([[4, 4, 4, 4]])]
    predicted = [np.array([[1, 1, 1, 0, 0]]), np.array([[6, 6, 6, 6]])]  # overlaps 3/5 and 1
    expected = np.array([1.0] * 3 + [1 / 3] * 7)
    np.testing.assert_allclose(average_precision(reference, predicted), expected)
    assert average_precision(reference, predicted, thresholds=(0.6,)) == [1.0]
    assert average_precision(reference, predicted, thresholds=np.arange(0.5, 1, 0.05)).shape == (10,)


def test_without_objects_scores_are_nan():
    empty, one = np.zeros((2, 2), dtype=int), np.array([[1, 0], [0, 0]])
    matching = match_objects(empty, empty)
    scores = (matching.precision, matching.recall, matching.f1, matching.average_precision, matching.panoptic_quality)
    assert np.isnan(scores).all()
    assert match_objects(one, empty).average_precision == 0.0
    assert match_objects(empty, one).false_positives == 1
    assert np.isnan(average_precision(empty, empty)).all()


def test_a_matching_is_a_value():
    images = np.array([[1, 0, 2]]), np.array([[1, 0, 0]])
    matching = match_objects(*images)
    assert hash(matching) == hash(match_objects(*images))
    assert pickle.loads(pickle.dumps(matching)) == matching


def test_memory_grows_with_the_overlaps_not_with_all_pairs_of_objects():
    reference = np.kron(np.arange(1, 20_001).reshape(100, 200), np.ones((3, 3), dtype=np.int64))
    predicted = np.roll(reference, 1, axis=1)  # 20,000 × 20,000 pairs would take 3.2 GB
    tracemalloc.start()
    matching = match_objects(reference, predicted, threshold=0.1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6
    assert matching.true_positives == 20_000
    assert sparse_jaccard(reference, predicted) == pytest.approx(0.5, abs=1e-2)


@pytest.mark.parametrize("threshold", [0, -0.5, 1.1, np.nan])
def test_thresholds_outside_zero_to_one_are_refused(threshold):
    labels = np.array([[1, 2]])
    with pytest.raises(ValueError, match="`threshold` must be above 0"):
        match_objects(labels, labels, threshold=threshold)
    with pytest.raises(ValueError, match="`thresholds` must be above 0"):
        average_precision(labels, labels, thresholds=[0.5, threshold])


def test_labels_that_are_no_objects_are_refused_by_name():
    labels = np.array([[1, 2]])
    with pytest.raises(ValueError, match=r"image 1 of `predicted_labels`.*negative label -1"):
        sparse_jaccard([labels, labels], [labels, -labels + 1])
    with pytest.raises(TypeError, match=r"image 0 of `reference`.*float64"):
        match_objects(labels * 1.0, labels)


def test_object_f1_is_the_mean_over_images_that_hold_objects():
    reference = [np.array([[1, 1, 1, 0, 2, 2]]), np.array([[1, 1, 0]]), np.zeros((2, 2), int), np.zeros((1, 2), int)]
    predicted = [np.array([[5, 5, 0, 0, 0, 0]]), np.array([[3, 3, 0]]), np.zeros((2, 2), int), np.array([[0, 1]])]
    assert object_f1(reference, predicted) == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert object_f1(reference[0], predicted[0], threshold=0.75) == 0
    assert object_f1_scorer._kwargs == {"threshold": 0.5}


def test_object_f1_of_no_object_is_nan_with_a_warning():
    nothing = np.zeros((3, 3), int)
    with pytest.warns(UndefinedMetricWarning, match="no image holds an object"):
        assert np.isnan(object_f1(nothing, nothing))


@pytest.mark.parametrize("make", [lambda t: object_f1([[1]], [[1]], threshold=t), lambda t: ObjectScorer(threshold=t)])
def test_thresholds_of_object_f1_are_overlaps(make):
    with pytest.raises(ValueError, match="`threshold` must be above 0 and at most 1, got 0"):
        make(0)

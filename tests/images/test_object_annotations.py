"""Annotations of objects: majorities against counting by hand, whatever the numbers of objects and classes."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pixelforest.images.object_annotations import count_votes, read_classes, read_values

labels_and_strokes = st.tuples(st.integers(1, 6), st.integers(1, 6)).flatmap(
    lambda shape: st.tuples(
        arrays(np.int64, shape, elements=st.sampled_from([0, 1, 2, 3, 70_000, 2**40])),
        arrays(np.uint16, shape, elements=st.sampled_from([0, 0, 1, 2, 9, 300])),
    )
)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1))
def test_votes_are_counted(votes):
    found = count_votes(*np.array(votes).T)
    by_object = {key: Counter(value for other, value in votes if other == key) for key, _ in votes}
    expected = {key: max(counts, key=lambda value: (counts[value], value)) for key, counts in by_object.items()}
    assert dict(zip(found.objects.tolist(), found.classes.tolist(), strict=True)) == expected
    assert found.objects.tolist() == sorted(expected)
    assert found.disputed == {key: dict(counts) for key, counts in by_object.items() if len(counts) > 1}


@given(labels_and_strokes)
@pytest.mark.filterwarnings("ignore::pixelforest.exceptions.AmbiguousAnnotationWarning")
def test_classes_of_painted_objects(pair):
    labels, strokes = pair
    hits = {}
    for label, value in zip(labels.ravel().tolist(), strokes.ravel().tolist(), strict=True):
        if label and value:
            hits.setdefault(label, []).append(value)
    if strokes.any() and not hits:
        with pytest.raises(ValueError, match=r"`y\[3\]` marks no object: none of its \d+ annotated pixels"):
            read_classes(strokes, labels, 3)
        return
    found = read_classes(strokes, labels, 3)
    if not hits:
        assert found is None
        return
    assert found.index == 3
    assert found.objects.tolist() == sorted(hits)
    for label, value in zip(found.objects.tolist(), found.values.tolist(), strict=True):
        counts = Counter(hits[label])
        assert counts[value] == max(counts.values())


@given(labels_and_strokes, st.integers(0, 99))
def test_numbers_of_painted_objects(pair, seed):
    labels, strokes = pair
    values = np.where(strokes > 0, np.random.default_rng(seed).normal(size=labels.shape), np.nan)
    marked = (strokes > 0) & (labels > 0)
    if not marked.any():
        return
    found = read_values(values, labels, 0)
    expected = {label: values[marked & (labels == label)].mean() for label in np.unique(labels[marked]).tolist()}
    assert dict(zip(found.objects.tolist(), found.values.tolist(), strict=True)) == pytest.approx(expected)


@given(st.permutations([4, 9, 11]))
def test_the_order_of_a_mapping_does_not_matter(order):
    labels = np.array([[4, 9, 11]])
    found = read_classes({label: label * 10 for label in order}, labels, 0)
    assert found.objects.tolist() == [4, 9, 11]
    assert found.values.tolist() == [40, 90, 110]

"""Rows of tables and regions of images lead to one another."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import pixelforest as pf
from pixelforest.explain import map_regions, regions_at, select_regions

FIRST = np.array([[1, 1, 0, 5], [1, 0, 0, 5]], np.uint8)
SECOND = np.array([[9, 0], [2, 2], [9, 1]], np.int32)
BOTH = [FIRST, SECOND]


def measured(labels=BOTH):
    return pf.RegionFeatures("area").set_output(transform="pandas").transform(labels)


def test_values_come_back_to_their_regions_in_any_order():
    table = measured()
    expected = [np.where(x == 0, np.nan, (x[..., None, None] == x).sum((2, 3))) for x in BOTH]
    for rows in (table, table.iloc[::-1], table.sample(frac=1, random_state=0)):
        maps = map_regions(BOTH, rows["area"])
        for found, areas in zip(maps, expected, strict=True):
            np.testing.assert_array_equal(found, areas)


def test_integers_stay_integers_and_regions_without_a_row_are_background():
    clusters = pd.Series([3, 4], measured().index[[1, 4]], dtype=np.int16)
    first, second = map_regions(BOTH, clusters, background=-1)
    assert first.dtype == second.dtype == np.int16
    assert first.tolist() == [[-1, -1, -1, 3], [-1, -1, -1, 3]]
    assert second.tolist() == [[4, -1], [-1, -1], [4, -1]]


def test_selected_rows_keep_their_labels_and_dtypes():
    table = measured()
    first, second = select_regions(BOTH, table[table["area"] == 2])
    assert first.dtype == np.uint8
    assert first.tolist() == [[0, 0, 0, 5], [0, 0, 0, 5]]
    assert second.tolist() == [[9, 0], [2, 2], [9, 0]]
    nothing = select_regions(BOTH, table[:0])
    assert not nothing[0].any()
    assert not nothing[1].any()


def test_marks_lead_to_rows_and_rows_to_marks():
    marks = [np.zeros(FIRST.shape, bool), np.zeros(SECOND.shape)]
    marks[0][1, 2] = marks[0][0, 3] = True  # the first lies on background
    marks[1][2] = 0.5
    index = regions_at(BOTH, marks)
    assert index.to_list() == [(0, 5), (1, 1), (1, 9)]
    assert measured().loc[index, "area"].tolist() == [2, 1, 2]
    assert regions_at(BOTH, select_regions(BOTH, index)).equals(index)


@given(
    stack=arrays(np.int64, (2, 5, 6), elements=st.integers(0, 6)),
    keep=st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_there_and_back_for_any_labels(stack, keep):
    table = measured(stack)
    index = table.index[np.array(keep[: len(table)], bool)]
    chosen = select_regions(stack, index)
    assert chosen.shape == stack.shape
    assert regions_at(stack, chosen).to_list() == index.to_list()
    np.testing.assert_array_equal(map_regions(stack, table["area"][index], background=0) > 0, chosen > 0)


def test_single_images_and_volumes_come_back_as_they_came():
    table = measured([FIRST])
    assert map_regions(FIRST, table["area"]).shape == FIRST.shape
    volume = FIRST[:, np.newaxis]
    index = regions_at(volume, volume == 5, spatial_ndim=3)
    assert select_regions(volume, index, spatial_ndim=3).max() == 5


@pytest.mark.parametrize("function", [map_regions, select_regions])
def test_rows_that_do_not_fit_are_refused(function):
    def rows(pairs, names=("image", "label")):
        frame = pd.DataFrame({"area": 1.0}, pd.MultiIndex.from_tuples(pairs, names=names))
        return frame["area"] if function is map_regions else frame

    for pair in ((0, 2), (2, 1), (0, 0)):
        with pytest.raises(ValueError, match=rf"names a region that .*: label {pair[1]} of image {pair[0]}$"):
            function(BOTH, rows([(0, 1), pair]))
    with pytest.raises(ValueError, match=r"must name every region once, got label 1 of image 0 twice"):
        function(BOTH, rows([(0, 1), (0, 5), (0, 1)]))
    with pytest.raises(ValueError, match=r"must have the levels \['image', 'label'\], got \['label', 'image'\]"):
        function(BOTH, rows([(1, 0)], names=("label", "image")))
    with pytest.raises(TypeError, match=r"`labels\[0\]` must hold integers"):
        function([FIRST / 2], rows([(0, 1)]))


def test_masks_of_rows_and_texts_are_refused():
    table = measured()
    with pytest.raises(TypeError, match=r"`rows` must be a DataFrame or its index \(of a mask: `table\[mask\]`\)"):
        select_regions(BOTH, table["area"] > 2)
    with pytest.raises(TypeError, match="`values` must be a Series of numbers, got DataFrame"):
        map_regions(BOTH, table)
    with pytest.raises(TypeError, match="`values` must be a Series of numbers, got "):
        map_regions(BOTH, table["area"].astype(str))
    with pytest.raises(ValueError, match=r"`marks` must have the shapes of the label images, \[\(2, 4\), \(3, 2\)\]"):
        regions_at(BOTH, BOTH[::-1])

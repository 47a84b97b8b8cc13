"""Label rules: what is annotated, which classes there are, and what every refusal says."""

import re
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pixelforest.exceptions import InstanceMaskWarning, UnlabeledImageWarning
from pixelforest.images.labels import as_labels, label_dtype, read_annotations, resolve_classes

SCRIBBLE = np.array([[0, 3, 0], [1, 0, 3]], np.uint8)


def classes_of(values, **options):
    labels = np.array([values])
    options.setdefault("unlabeled", 0)
    annotations = read_annotations([labels], [labels.shape], unlabeled=options["unlabeled"])
    return resolve_classes(annotations, options.pop("classes", None), **options)


def test_only_annotated_pixels_count():
    (annotation,) = read_annotations([SCRIBBLE], [(2, 3)], unlabeled=0)
    assert annotation.index == 0
    assert annotation.pixels.tolist() == [1, 3, 5]
    assert annotation.labels.tolist() == [3, 1, 3]
    assert annotation.weights is None


def test_every_pixel_counts_without_unlabeled():
    (annotation,) = read_annotations([SCRIBBLE], [(2, 3)], unlabeled=None)
    assert_array_equal(annotation.labels, SCRIBBLE.ravel())
    assert classes_of([0, 3, 1], unlabeled=None).tolist() == [0, 1, 3]


def test_another_value_may_mean_unlabeled():
    (annotation,) = read_annotations([SCRIBBLE], [(2, 3)], unlabeled=3)
    assert annotation.labels.tolist() == [0, 0, 1, 0]


def test_strided_labels_are_read_in_c_order():
    view = np.asfortranarray(SCRIBBLE)[::-1, ::-1]
    (annotation,) = read_annotations([view], [(2, 3)], unlabeled=0)
    assert annotation.pixels.tolist() == [0, 2, 4]
    assert annotation.labels.tolist() == [3, 1, 3]


def test_weights_follow_their_pixels():
    weights = np.arange(6.0).reshape(2, 3)
    (annotation,) = read_annotations([SCRIBBLE], [(2, 3)], unlabeled=0, sample_weight=[weights])
    assert annotation.weights.tolist() == [1, 3, 5]


def test_stacks_of_labels_and_weights():
    stack = np.stack([SCRIBBLE, SCRIBBLE])
    annotations = read_annotations(stack, [(2, 3)] * 2, unlabeled=0, sample_weight=np.ones((2, 2, 3)))
    assert [a.index for a in annotations] == [0, 1]


def test_images_without_annotation_are_named():
    empty = np.zeros((2, 3), int)
    with pytest.warns(UnlabeledImageWarning, match=re.escape("left out: [0, 2]")):
        annotations = read_annotations([empty, SCRIBBLE, empty], [(2, 3)] * 3, unlabeled=0)
    assert [a.index for a in annotations] == [1]


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (None, ValueError, "`y` is required: one label image per image, got None"),
        ((SCRIBBLE, SCRIBBLE), TypeError, "`y` must be a list with one image per sample, got tuple"),
        (5, TypeError, "`y` must be a list with one image per sample, got int"),
        ([SCRIBBLE], ValueError, "`y` must hold one image per sample, 2, got 1"),
        ([SCRIBBLE, SCRIBBLE * 1.0], TypeError, "`y[1]` must hold integer labels, got dtype float64"),
        ([SCRIBBLE > 0, SCRIBBLE], TypeError, "`y[0]` must hold integer labels, got dtype bool"),
        ([SCRIBBLE, SCRIBBLE.T], ValueError, "`y[1]` must have the shape of its image, (2, 3), got (3, 2)"),
        ([SCRIBBLE, -SCRIBBLE.astype(int)], ValueError, "`y[1]` must not hold negative labels, got -3"),
        ([SCRIBBLE * 0] * 2, ValueError, "`y` holds no annotated pixel in 2 image(s): every label is 0 (`unlabeled`)"),
    ],
)
def test_wrong_labels_are_refused(y, error, message):
    with pytest.raises(error, match=re.escape(message)):
        read_annotations(y, [(2, 3)] * 2, unlabeled=0)


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ([np.ones((3, 2))], ValueError, "`sample_weight[0]` must have the shape of its image, (2, 3), got (3, 2)"),
        ([np.ones((2, 3))] * 2, ValueError, "`sample_weight` must hold one image per sample, 1, got 2"),
        ((np.ones((2, 3)),), TypeError, "`sample_weight` must be a list with one image per sample, got tuple"),
    ],
)
def test_wrong_weights_are_refused(weights, error, message):
    with pytest.raises(error, match=re.escape(message)):
        read_annotations([SCRIBBLE], [(2, 3)], unlabeled=0, sample_weight=weights)


def test_as_labels_names_its_argument():
    with pytest.raises(TypeError, match=r"`labels\[2\]` must hold integer labels"):
        as_labels([[0.5]], (1, 1), index=2, argument="labels")


def test_class_values_are_kept():
    classes = classes_of([0, 3, 1, 3])
    assert classes.tolist() == [1, 3]
    assert classes.dtype == np.uint8
    assert classes_of([0, 300, 1]).dtype == np.uint16


def test_classes_fix_columns():
    assert classes_of([0, 3, 1], classes=[7, 3, 1]).tolist() == [7, 3, 1]
    assert classes_of([0, 3, 1], classes=[1, 3, 70000]).dtype == np.uint32


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([0, 2, 2], {}, "`y` must hold at least two classes, got only [2] (0 means not annotated; for a full mask pass `unlabeled=None`)"),  # noqa: E501
        ([2, 2], {"unlabeled": None}, "`y` must hold at least two classes, got only [2]"),
        ([0, 1, 3], {"classes": [1, 2]}, "`y` holds labels that `classes` lacks: [3]"),
        ([0, 1, 3], {"classes": [1, 3, 3]}, "`classes` holds a class twice: [1, 3, 3]"),
        ([0, 1, 3], {"classes": [0, 1, 3]}, "`classes` holds 0, which means not annotated (`unlabeled`)"),
        ([0, 1, 3], {"classes": [1.0, 3.0]}, "`classes` must be a list of integers >= 0, got [1.0, 3.0]"),
        ([0, 1, 3], {"classes": [-1, 1, 3]}, "`classes` must be a list of integers >= 0, got [-1, 1, 3]"),
        ([0, 1, 3], {"classes": []}, "`classes` must be a list of integers >= 0, got []"),
    ],
)  # fmt: skip
def test_wrong_classes_are_refused(values, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        classes_of(values, **options)


def test_many_classes_look_like_an_instance_mask():
    with pytest.warns(InstanceMaskWarning, match="33 classes: is this an instance mask"):
        classes_of(list(range(34)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert classes_of(list(range(33))).size == 32


@pytest.mark.parametrize(("largest", "dtype"), [(1, "u1"), (255, "u1"), (256, "u2"), (65536, "u4"), (2**32, "u8")])
def test_label_dtype_is_the_smallest(largest, dtype):
    assert label_dtype(np.array([1, largest])) == np.dtype(dtype)

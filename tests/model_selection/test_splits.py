"""Tables, groups and folds: nothing is on both sides, the buffer is empty, strokes stay whole."""

import re

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.spatial.distance import cdist
from skimage.measure import label
from sklearn.base import clone
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    LeaveOneGroupOut,
    StratifiedGroupKFold,
    cross_val_score,
)
from sklearn.tree import DecisionTreeClassifier

import pixelforest as pf
from pixelforest.model_selection import BlockKFold, block_masks, scribble_masks

RNG = np.random.default_rng(4)


def scene(shape, n_strokes=6, n_features=3, seed=0):
    """Features, and a label image with strokes of two classes and single pixels."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.uint8)
    for _ in range(n_strokes):
        start = tuple(int(rng.integers(0, n)) for n in shape)
        labels[tuple(slice(s, s + int(rng.integers(1, 7))) for s in start)] = rng.integers(1, 3)
    labels[(0,) * len(shape)], labels[(-1,) * len(shape)] = 1, 2
    return rng.normal(size=(*shape, n_features)).astype(np.float32), labels


scenes = st.builds(
    lambda n, shape, strokes, seed: tuple(zip(*(scene(shape, strokes, seed=seed + i) for i in range(n)), strict=True)),
    st.integers(1, 3),
    st.sampled_from([(20, 31), (40, 17), (9, 12, 11)]),
    st.integers(1, 9),
    st.integers(0, 1000),
)


@given(scenes, st.sampled_from(["image", "scribble", "block", "position"]))
def test_rows_are_the_annotated_pixels(images, by):
    features, labels = map(list, images)
    ndim = labels[0].ndim
    X, y, groups = pf.to_table(features, labels, by=by, block=5 if by == "block" else None, spatial_ndim=ndim)
    assert_array_equal(X, np.concatenate([f[m > 0] for f, m in zip(features, labels, strict=True)]))
    assert_array_equal(y, np.concatenate([m[m > 0] for m in labels]))
    expected, offset = [], 0
    for index, mask in enumerate(labels):
        at = np.argwhere(mask > 0)
        if by == "position":
            expected += [(index, *pixel) for pixel in at.tolist()]
        elif by == "image":
            expected += [index] * len(at)
        elif by == "block":
            expected += [(index, *pixel) for pixel in (at // 5).tolist()]
        else:
            strokes = label(mask, background=0, connectivity=ndim)
            expected += (strokes[mask > 0] + offset).tolist()
            offset += strokes.max()
    if by in ("position", "image"):
        assert_array_equal(groups, expected)
    else:  # the same partition under other names
        names = {name: i for i, name in enumerate(dict.fromkeys(expected))}
        pairs = set(zip([names[e] for e in expected], groups.tolist(), strict=True))
        assert len(pairs) == len(names) == len(set(groups.tolist()))


def test_strokes_touch_by_corners_and_have_one_class():
    labels = np.array([[1, 0, 0, 2], [0, 1, 0, 2], [0, 0, 2, 0], [1, 0, 0, 0]], np.uint8)
    groups = pf.to_table(np.zeros((4, 4, 1)), labels, by="scribble")[2]
    rows = {tuple(pixel): group for pixel, group in zip(np.argwhere(labels).tolist(), groups.tolist(), strict=True)}
    assert rows[0, 0] == rows[1, 1] != rows[3, 0]
    assert rows[0, 3] == rows[1, 3] == rows[2, 2] != rows[1, 1]


def test_one_image_stacks_and_full_masks():
    features, labels = scene((12, 9))
    X, y, groups = pf.to_table(features, labels, unlabeled=None)
    assert_array_equal(X, features.reshape(-1, 3))
    assert_array_equal(y, labels.ravel())
    assert not groups.any()
    stacked = pf.to_table(np.stack([features, features]), np.stack([labels, labels]))
    assert_array_equal(stacked[0], np.concatenate([features[labels > 0]] * 2))
    strokes = pf.to_table(features, labels, unlabeled=None, by="scribble")[2]
    assert len(set(strokes.tolist())) == label(labels + 1, connectivity=2).max()


block_folds = st.builds(
    BlockKFold,
    st.integers(2, 4),
    block=st.integers(1, 9),
    buffer=st.integers(0, 6),
    shuffle=st.just(value=True),
    random_state=st.integers(0, 5),
)


@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")  # scikit-learn's, of a rare class
@given(scenes, block_folds)
def test_blocks_are_apart_by_the_buffer(images, folds):
    features, labels = map(list, images)
    X, y, positions = pf.to_table(features, labels, by="position", spatial_ndim=labels[0].ndim)
    blocks = np.column_stack([positions[:, 0], positions[:, 1:] // folds.block])
    try:
        splits = list(folds.split(X, y, positions))
    except ValueError as error:
        if not re.search(
            "`n_splits` must|n_splits=. cannot|`buffer` of", str(error)
        ):  # too few blocks, too much buffer
            raise
        reject()
    assert_array_equal(np.sort(np.concatenate([test for _, test in splits])), np.arange(len(y)))
    for train, test in splits:
        assert len(train)
        assert not set(map(tuple, blocks[train].tolist())) & set(map(tuple, blocks[test].tolist()))
        distances = cdist(positions[:, 1:], positions[test, 1:], "chebyshev")
        distances[positions[:, :1] != positions[test, 0]] = np.inf
        in_buffer = distances.min(axis=1) <= folds.buffer
        outside = np.setdiff1d(np.arange(len(y)), test)
        assert_array_equal(train, outside[~in_buffer[outside]])  # no more is left out than the buffer


def test_buffer_and_blocks_per_axis():
    labels = np.ones((4, 40), np.uint8)
    labels[:, ::2] = 2
    _, y, positions = pf.to_table(np.zeros((4, 40, 1)), labels, by="position")
    for train, test in BlockKFold(2, block=(4, 20), buffer=(0, 3)).split(y, y, positions):
        assert len(test) == 80
        columns = positions[train, 2]
        assert columns.max() == 16 if columns.min() == 0 else columns.min() == 23


def test_two_halos_of_buffer_share_no_pixel():
    stack = pf.ImageFeatureStack(["gaussian"], (1.5,), device="numpy")
    halo = stack.plan_.halo[0]
    image = RNG.normal(size=(80, 80)).astype(np.float32)
    labels = (RNG.random((80, 80)) < 0.5).astype(np.uint8) + 1
    _, y, positions = pf.to_table(stack.transform(image), labels, by="position")
    for train, test in BlockKFold(2, block=40, buffer=2 * halo).split(y, y, positions):
        changed = image.copy()
        for row, column in positions[test, 1:]:
            changed[max(row - halo, 0) : row + halo + 1, max(column - halo, 0) : column + halo + 1] = 99
        at = tuple(positions[train, 1:].T)
        assert_array_equal(stack.transform(changed)[at], stack.transform(image)[at])


@pytest.mark.parametrize("cv", [GroupKFold(3), StratifiedGroupKFold(3), LeaveOneGroupOut(), BlockKFold(3, block=8)])
def test_scikit_learn_takes_groups_and_splitter(cv):
    features, labels = scene((60, 50), 40)
    by = "position" if isinstance(cv, BlockKFold) else "scribble"
    X, y, groups = pf.to_table(features, labels, by=by)
    scores = cross_val_score(DecisionTreeClassifier(random_state=0), X, y, groups=groups, cv=cv)
    assert len(scores) == cv.get_n_splits(X, y, groups)
    search = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}, cv=cv).fit(X, y, groups=groups)
    assert search.n_splits_ == len(scores)
    assert "BlockKFold" not in repr(cv) or "block=8" in repr(cv)


def test_folds_repeat():
    features, labels = scene((60, 50), 40)
    X, y, positions = pf.to_table(features, labels, by="position")
    cv = BlockKFold(3, block=8, buffer=2, shuffle=True, random_state=1)
    for one, other in zip(cv.split(X, y, positions), cv.split(X, y, positions), strict=True):
        assert_array_equal(one[0], other[0])
        assert_array_equal(one[1], other[1])


@given(st.sampled_from([(30, 31), (10, 12, 14)]), st.integers(0, 100), st.integers(0, 3))
def test_masks_of_one_image(shape, seed, buffer):
    labels = scene(shape, 30, seed=seed)[1]
    strokes = label(labels, background=0, connectivity=labels.ndim)
    for folds in (
        block_masks(labels, block=6, buffer=buffer, n_splits=2),
        scribble_masks(labels, n_splits=2, shuffle=True, random_state=seed),
    ):
        assert_array_equal(np.sum([test for _, test in folds], axis=0), labels)
        for train, test in folds:
            assert train.dtype == test.dtype == labels.dtype
            assert not ((train > 0) & (test > 0)).any()
            assert_array_equal(np.where(train > 0, labels, 0), train)
            assert_array_equal(np.where(test > 0, labels, 0), test)
    for train, test in folds:  # by strokes
        assert not set(strokes[train > 0].tolist()) & set(strokes[test > 0].tolist())
        assert_array_equal(train + test, labels)


def test_searches_over_one_image():
    image, labels = RNG.normal(size=(40, 40)), scene((40, 40), 30)[1]
    folds = block_masks(labels, block=10, buffer=2, n_splits=2)
    masks = [mask for pair in folds for mask in pair]
    cv = [([2 * i], [2 * i + 1]) for i in range(len(folds))]
    model = pf.ImageSegmenter(
        pf.ImageFeatureStack(["gaussian"], (1,), device="numpy"), DecisionTreeClassifier(random_state=0)
    )
    scores = cross_val_score(model, [image] * len(masks), masks, cv=cv)
    expected = [clone(model).fit([image], [train]).score([image], [test]) for train, test in folds]
    assert_array_equal(scores, expected)


FEATURES, LABELS = scene((20, 20))
POSITIONS = pf.to_table(FEATURES, LABELS, by="position")[2]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pf.to_table(FEATURES, LABELS, by="pixel"), ValueError, "`by` must be 'image', 'scribble'"),
        (lambda: pf.to_table(FEATURES, LABELS, by="block"), ValueError, "`block` is for by='block', which needs it"),
        (lambda: pf.to_table(FEATURES, LABELS, block=4), ValueError, "`block` is for by='block', which needs it"),
        (lambda: pf.to_table(FEATURES, LABELS, by="block", block=0), ValueError, "`block` must be an integer >= 1"),
        (lambda: pf.to_table(FEATURES, LABELS, by="block", block=2.5), ValueError, "`block` must be an integer >= 1"),
        (lambda: pf.to_table(FEATURES, LABELS * 0), ValueError, "`labels` holds no annotated pixel"),
        (lambda: pf.to_table(FEATURES, LABELS / 2), TypeError, r"`labels\[0\]` must hold integer labels"),
        (lambda: pf.to_table(FEATURES, LABELS[:9]), ValueError, r"`labels\[0\]` must have the shape of its image"),
        (lambda: pf.to_table([FEATURES], []), ValueError, "`labels` must hold one image per sample, 1, got 0"),
        (
            lambda: pf.to_table([FEATURES, FEATURES[..., :1]], [LABELS, LABELS]),
            ValueError,
            r"`features` must have one number of features, got \[3, 1\]",
        ),
        (lambda: pf.to_table(LABELS, LABELS), ValueError, "`features`"),
        (lambda: fold(block=4, groups=POSITIONS[:, 1]), ValueError, r"`groups` must be positions \(image, \*pixel\)"),
        (lambda: fold(block=4, groups=POSITIONS / 2), ValueError, "`groups` must be positions"),
        (lambda: fold(block=(4, 4, 4)), ValueError, "`block` must be an integer >= 1, or one for each of 2 axes"),
        (lambda: fold(block=4, buffer=-1), ValueError, "`buffer` must be an integer >= 0"),
        (
            lambda: fold(block=40),
            ValueError,
            "`n_splits` must not exceed the number of blocks with annotated pixels, 1",
        ),
        (lambda: fold(block=4, buffer=50), ValueError, "`buffer` of 50 leaves a fold no training pixel"),
        (lambda: block_masks(LABELS * 0, block=4), ValueError, "`labels` holds no annotated pixel"),
        (lambda: block_masks(LABELS / 2, block=4), TypeError, r"`labels\[0\]` must hold integer labels"),
        (lambda: block_masks(LABELS[0], block=4), ValueError, "`labels` must be one label image with 2 or 3 axes"),
        (lambda: scribble_masks(LABELS, n_splits=50), ValueError, "`n_splits` must not exceed the number of strokes"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def fold(*, block, buffer=0, groups=POSITIONS):
    y = np.arange(len(groups)) % 2
    return list(BlockKFold(2, block=block, buffer=buffer).split(y, y, groups))

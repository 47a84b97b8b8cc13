"""Altered copies: labels move with their pixels, nothing else changes, and the same seed gives the same bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import gaussian_filter
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

import pixelforest as pf

RNG = np.random.default_rng(0)
SHAPES = [(20, 30), (31, 17)]
# The value of a pixel is its label, so that a copy shows whether both went the same way.
LABELS = [RNG.integers(0, 4, shape).astype(np.uint8) for shape in SHAPES]
IMAGES = [labels.astype(np.float32) * 10 for labels in LABELS]
SMOOTH = [gaussian_filter(RNG.normal(size=shape), 4) for shape in SHAPES]


@given(seed=st.integers(0, 2**31 - 1), copies=st.integers(1, 4))
def test_flips_and_turns_move_labels_with_their_pixels(seed, copies):
    images, labels = pf.augment(IMAGES, LABELS, copies=copies, random_state=seed)
    assert len(images) == len(labels) == 2 * (1 + copies)
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        assert_array_equal(image, label * np.float32(10))
        assert_array_equal(np.sort(image, axis=None), np.sort(IMAGES[index % 2], axis=None))
        assert label.dtype == np.uint8
    for given_, kept in zip(IMAGES, images, strict=False):
        assert_array_equal(kept, given_)


def test_all_eight_positions_of_a_square_come_up():
    image = np.arange(9).reshape(3, 3)
    copies, _ = pf.augment([image], [image], copies=200, random_state=0)
    assert len({copy.tobytes() for copy in copies}) == 8


def test_rotation_by_a_known_angle_is_scipys():
    from scipy.ndimage import rotate

    from pixelforest.augment.geometry import bend

    planes, (label,) = bend(SMOOTH[0][None], [LABELS[0]], RNG, angle=30, elastic=0, sigma=1)
    assert_allclose(planes[0], rotate(SMOOTH[0], 30, reshape=False, order=1, mode="mirror"), atol=1e-12)
    assert_array_equal(label, rotate(LABELS[0], 30, reshape=False, order=0, mode="mirror"))


def test_labels_follow_bends_and_get_no_new_values():
    coordinates = np.stack(np.indices((60, 70))).astype(np.float64)
    label = (coordinates[0] // 10 * 7 + coordinates[1] // 10).astype(int)
    how = pf.Augmentation(quarter_turns=False, rotation=20, elastic=2, elastic_sigma=6)
    images, labels = pf.augment([coordinates], [label], how, copies=3, channel_axis=0, random_state=1)
    for moved, followed in zip(images[1:], labels[1:], strict=True):
        assert set(np.unique(followed)) <= set(np.unique(label))
        nearest = np.rint(moved).astype(int)
        expected = nearest[0] // 10 * 7 + nearest[1] // 10
        assert (expected == followed).mean() > 0.95  # mirrors at borders interpolate otherwise
        assert abs(moved - coordinates).max() > 2


def test_values_change_as_they_are_told():
    image = SMOOTH[0] + 5
    for name, change in {"gain": 0.5, "offset": 2.0, "blur": 3.0, "noise": 0.2}.items():
        how = pf.Augmentation(flip=False, quarter_turns=False, **{name: change})
        (_, altered), (_, label) = pf.augment([image], [LABELS[0]], how, random_state=0)
        assert_array_equal(label, LABELS[0])
        difference = altered - image
        if name == "gain":
            factor = (altered - image.mean()) / (image - image.mean())
            assert_allclose(factor, factor[0, 0])
            assert 1 / 1.5 <= factor[0, 0] <= 1.5
        elif name == "offset":
            assert_allclose(difference, difference[0, 0])
            assert 0 < abs(difference[0, 0]) <= 2 * image.std()
        elif name == "blur":
            assert 0 < altered.std() < image.std()
        else:
            assert 0 < difference.std() <= 0.25 * image.std()


def test_integers_stay_in_their_range():
    image = np.array([[0, 255], [255, 0]], np.uint8)
    how = pf.Augmentation(gain=3, offset=3, noise=1, rotation=45)
    images, _ = pf.augment([image], [np.ones((2, 2), int)], how, copies=20, random_state=0)
    assert {copy.dtype for copy in images} == {np.dtype(np.uint8)}
    assert (np.stack(images[1:]) != image).any()


def test_a_copy_depends_on_seed_image_and_number_alone():
    how = pf.Augmentation(flip=False, quarter_turns=False, rotation=10, elastic=1, noise=0.1)
    many = pf.augment(SMOOTH, LABELS, how, copies=3, random_state=5)
    few = pf.augment(SMOOTH[:1], LABELS[:1], how, copies=2, random_state=5)
    assert_array_equal(few[0][2], many[0][4])
    other = pf.augment(SMOOTH[:1], LABELS[:1], how, copies=2, random_state=6)
    assert (other[0][2] != few[0][2]).any()
    assert (few[0][1] != few[0][2]).any()


def test_volumes_channels_and_weights_follow():
    volume = RNG.normal(size=(4, 9, 9, 2))
    label = RNG.integers(0, 3, (4, 9, 9))
    volume[..., 1] = label
    images, labels, weights = pf.augment(
        [volume], [label], copies=5, sample_weight=[label * 0.5], spatial_ndim=3, channel_axis=-1, random_state=0
    )
    for image, followed, weight in zip(images, labels, weights, strict=True):
        assert image.shape == (4, 9, 9, 2)
        assert_array_equal(image[..., 1], followed)
        assert_array_equal(weight, followed * 0.5)


class Witness(ClassifierMixin, BaseEstimator):
    """Remember what every fit and predict saw."""

    saw: list = []  # noqa: RUF012 clones write to one list

    def __init__(self, depth=1):
        self.depth = depth

    def fit(self, X, y):
        self.saw.append(("fit", len(X)))
        self.classes_, self.n_features_in_ = np.array([1, 2]), 1
        self.learnt_ = X
        return self

    def predict(self, X):
        known = {image.tobytes() for image in self.learnt_}
        flipped = [np.rot90(np.flip(x, a), k) for x in X for a in ((), 0) for k in range(4)]
        self.saw.append(("predict", len(X), any(np.ascontiguousarray(x).tobytes() in known for x in flipped)))
        return [np.ones(x.shape, np.uint8) for x in X]


def test_in_cross_validation_only_training_images_have_copies():
    images = [RNG.normal(size=(6, 6)) for _ in range(6)]
    labels = [np.ones((6, 6), int)] * 6
    Witness.saw.clear()
    model = pf.AugmentedTraining(Witness(), copies=3, random_state=0)
    cross_val_score(model, images, labels, cv=KFold(3), scoring=pf.metrics.pixel_accuracy_scorer)
    assert Witness.saw == [("fit", 16), ("predict", 2, False)] * 3
    leaky = pf.augment(images, labels, copies=3, random_state=0)
    Witness.saw.clear()
    cross_val_score(Witness(), *leaky, cv=KFold(3), scoring=pf.metrics.pixel_accuracy_scorer)
    assert any(entry[-1] is True for entry in Witness.saw)  # what this test is able to see


def test_trains_a_segmenter_and_takes_part_in_searches():
    image = np.zeros((24, 24), np.float32)
    image[:, 12:] = 1
    strokes = np.zeros(image.shape, np.uint8)
    strokes[4, 2:8], strokes[4, 15:22] = 1, 2
    features = pf.ImageFeatureStack(("gaussian",), (1,))
    model = pf.AugmentedTraining(pf.ImageSegmenter(features), pf.Augmentation(noise=0.1), copies=2, random_state=0)
    search = GridSearchCV(model, {"augmentation__noise": [0, 0.2]}, cv=2)
    search.fit([image] * 4, [strokes] * 4)
    assert search.best_score_ == 1
    assert search.predict_proba([image])[0].shape == (24, 24, 2)
    weighted = model.fit([image], [strokes], sample_weight=[np.ones(image.shape)])
    assert weighted.predict(image)[20, 20] == 2


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"copies": 0}, ValueError, "`copies` must be an integer >= 1, got 0"),
        ({"augmentation": pf.Augmentation(noise=-1)}, ValueError, "`noise` must be a finite number >= 0, got -1"),
        ({"augmentation": pf.Augmentation(blur=np.nan)}, ValueError, "`blur` must be a finite number >= 0, got nan"),
        ({"augmentation": pf.Augmentation(elastic_sigma=0)}, ValueError, "`elastic_sigma` must be positive"),
        ({"augmentation": "flip"}, TypeError, "`augmentation` must be an Augmentation or None, got str"),
        ({"labels": LABELS[:1]}, ValueError, "`labels` must hold 2 arrays, one per image, got 1"),
        ({"labels": LABELS[::-1]}, ValueError, r"`labels\[0\]` must have the shape of its image"),
        ({"labels": IMAGES}, TypeError, r"`labels\[0\]` must hold integer labels"),
        ({"images": IMAGES[0]}, ValueError, "image"),
    ],
)
def test_bad_input_is_named(arguments, error, message):
    with pytest.raises(error, match=message):
        pf.augment(**{"images": IMAGES, "labels": LABELS} | arguments)


def test_a_layout_that_the_features_contradict_is_refused():
    with pytest.raises(ValueError, match="`spatial_ndim` and `channel_axis` must be None, or those of"):
        pf.AugmentedTraining(spatial_ndim=3).fit(IMAGES, LABELS)

"""The conventions of image estimators, for those whose samples are label images, and for `PixelRegressor`."""

from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import pixelforest as pf
from pixelforest.estimators.checks import IMAGE_RULES, Case, image_estimator_checks
from pixelforest.images.containers import ImageAxes

TREE = DecisionTreeClassifier(random_state=0)


@dataclass(frozen=True)
class ObjectCase(Case):
    """Label images in place of images: bars of two pixels along the last axis, numbered at random."""

    def image(self, spatial, seed=0, dtype=np.int32):
        random = np.random.default_rng(seed)
        columns = -(-spatial[-1] // 2)
        rows = int(np.prod(spatial[:-1]))
        ids = random.permutation(np.arange(1, 2 * rows * columns + 1))[: rows * columns].reshape(rows, columns)
        labels = np.repeat(ids, 2, axis=1)[:, : spatial[-1]] * (random.uniform(size=(rows, 1)) < 0.9)
        return labels.reshape(spatial).astype(dtype)


@dataclass(frozen=True)
class PairCase(ObjectCase):
    """Strokes along rows, across borders."""

    def labels(self):
        strokes = []
        for image in self.images():
            marks = np.zeros(image.shape, np.uint8)
            first, last = np.flatnonzero(image.reshape(-1, image.shape[-1]).any(axis=1))[[0, -1]]
            marks.reshape(-1, image.shape[-1])[first, :6], marks.reshape(-1, image.shape[-1])[last, 4:] = 1, 2
            strokes.append(marks)
        return strokes


@dataclass(frozen=True)
class NumberCase(Case):
    """Numbers to learn, NaN elsewhere."""

    def labels(self):
        return [np.where(labels > 0, labels * 1.5, np.nan) for labels in super().labels()]


@dataclass(frozen=True)
class ObjectNumberCase(ObjectCase):
    """Numbers of objects to learn, NaN elsewhere."""

    def labels(self):
        return [np.where(labels > 0, labels * 1.5, np.nan) for labels in super().labels()]


PLANE, VOLUME = ImageAxes(2, None), ImageAxes(3, None)
CLASSIFIER = pf.ObjectClassifier(["area", "centroid-0"], TREE)
CASES = {
    "classifier": ObjectCase(CLASSIFIER, PLANE, 1),
    "classifier 3-D": ObjectCase(pf.ObjectClassifier(["area", "centroid-0"], TREE, spatial_ndim=3), VOLUME, 1),
    "selector": ObjectCase(pf.ObjectSelector(CLASSIFIER), PLANE, 1),
    "selector relabels": ObjectCase(pf.ObjectSelector(CLASSIFIER, keep=1, relabel=True), PLANE, 1),
    "merger": PairCase(pf.ObjectMerger(["centroid_difference", "touch_portion"], TREE), PLANE, 1),
    "regressor": ObjectNumberCase(pf.ObjectRegressor(["area"], DecisionTreeRegressor(random_state=0)), PLANE, 1),
    "pixel regressor": NumberCase(pf.PixelRegressor(DecisionTreeRegressor(random_state=0)), ImageAxes(2, -1), 3),
    "pixel regressor 3-D": NumberCase(
        pf.PixelRegressor(DecisionTreeRegressor(random_state=0), spatial_ndim=3), ImageAxes(3, -1), 2
    ),
}
OF_LABEL_IMAGES = {
    "dtypes_give_the_same": "labels are integers; test_object_classifier.py takes all of those",
    "nan_is_rejected_by_index": "labels are integers; test_object_bad_input.py puts NaN into the images behind",
    "bad_containers_raise": "a tuple is a sample; test_object_bad_input.py has the others",
    "supervised_fit_refuses_a_lone_image": "the words differ; test_object_bad_input.py",
}
OF_NUMBERS = {"failed_fit_leaves_no_state": "floats are what it takes; tests of bad numbers look at the state"}


def skipped(case):
    skips = OF_LABEL_IMAGES if isinstance(case, ObjectCase) else {}
    return skips | (OF_NUMBERS if isinstance(case, NumberCase | ObjectNumberCase) else {})


def name_of(rule):
    return rule.__name__.removeprefix("_")


@pytest.mark.parametrize(
    ("rule", "case"),
    [
        pytest.param(rule, case, id=f"{title}: {name_of(rule)}")
        for title, case in CASES.items()
        for rule in IMAGE_RULES
        if name_of(rule) not in skipped(case)
    ],
)
def test_convention(rule, case):
    rule(case)


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=f"{title}: {name}")
        for title, case in CASES.items()
        for name, check in image_estimator_checks(case.estimator)
        if name.startswith("check_")
    ],
)
def test_convention_of_scikit_learn(check):
    check()

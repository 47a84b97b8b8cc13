"""The public conformance suite: our estimators pass it, and estimators that break one rule fail at that rule."""

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

import pixelforest as pf
from pixelforest.estimators.checks import check_image_estimator, image_estimator_checks


def forest(device="auto"):
    return pf.OpenCLRandomForestClassifier(n_estimators=5, max_depth=4, random_state=0, device=device)


def stack(filters=("gaussian", "hessian_eigenvalues"), sigmas=(1,), **parameters):
    return pf.ImageFeatureStack(filters, sigmas, **parameters)


CASES = {
    "normalizer": (pf.ImageNormalizer(), {}),
    "normalizer clips": (pf.ImageNormalizer(5, 95, clip=True), {}),
    "normalizer channels last": (pf.ImageNormalizer(channel_axis=-1), {"channel_axis": -1}),
    "normalizer channels first": (pf.ImageNormalizer(channel_axis=0), {"channel_axis": 0}),
    "normalizer 3-D": (pf.ImageNormalizer(spatial_ndim=3), {"spatial_ndim": 3}),
    "features": (pf.ImageFeatureStack(sigmas=(1,)), {}),
    "features numpy": (pf.ImageFeatureStack(sigmas=(1,), device="numpy"), {}),
    "features normalized": (pf.ImageFeatureStack(sigmas=(1,), normalization="percentile"), {}),
    "features channels last": (stack(channel_axis=-1), {"channel_axis": -1}),
    "features channels first": (stack(channel_axis=0), {"channel_axis": 0}),
    "features channels between": (stack(channel_axis=1), {"channel_axis": 1, "n_channels": 2}),
    "features 3-D": (stack(spatial_ndim=3), {"spatial_ndim": 3}),
    "features 3-D channels": (
        stack(spatial_ndim=3, channel_axis=0),
        {"spatial_ndim": 3, "channel_axis": 0, "n_channels": 2},
    ),
    "features spacing": (stack(spacing=(2, 0.5)), {}),
    "features 3-D spacing": (stack(spatial_ndim=3, spacing=(2, 1, 1)), {"spatial_ndim": 3}),
    "features preset": (pf.ImageFeatureStack(features="object_size_1_to_2_px"), {}),
    "features string": (pf.ImageFeatureStack(features="original gaussian_blur=1 sobel_of_gaussian_blur=1"), {}),
    "features specs": (pf.ImageFeatureStack(features=[pf.FeatureSpec("gaussian", 2)]), {}),
    "pixel classifier": (pf.PixelClassifier(forest()), {"channel_axis": -1}),
    "pixel classifier tree": (pf.PixelClassifier(DecisionTreeClassifier(random_state=0)), {"channel_axis": -1}),
    "pixel classifier 3-D": (
        pf.PixelClassifier(forest(), spatial_ndim=3),
        {"channel_axis": -1, "spatial_ndim": 3, "n_channels": 2},
    ),
    "segmenter": (pf.ImageSegmenter(stack(), forest()), {}),
    "segmenter numpy": (pf.ImageSegmenter(stack(device="numpy"), forest("numpy")), {}),
    "segmenter tree": (pf.ImageSegmenter(stack(), DecisionTreeClassifier(random_state=0)), {}),
    "segmenter tiles": (pf.ImageSegmenter(stack(), forest(), tile_shape=(4, 5)), {}),
    "segmenter 3-D": (pf.ImageSegmenter(stack(spatial_ndim=3), forest()), {"spatial_ndim": 3}),
    "segmenter channels last": (pf.ImageSegmenter(stack(channel_axis=-1), forest()), {"channel_axis": -1}),
    "segmenter channels first": (pf.ImageSegmenter(stack(channel_axis=0), forest()), {"channel_axis": 0}),
    "segmenter 3-D channels": (
        pf.ImageSegmenter(stack(spatial_ndim=3, channel_axis=-1), forest()),
        {"spatial_ndim": 3, "channel_axis": -1, "n_channels": 2},
    ),
}


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=f"{title}: {name}")
        for title, (estimator, layout) in CASES.items()
        for name, check in image_estimator_checks(estimator, **layout)
    ],
)
def test_convention(check):
    check()


OBJECT_CASES = {
    "objects": (pf.ObjectSegmenter(stack(), forest()), {}),
    "objects split by probability, channels": (
        pf.ObjectSegmenter(
            stack(channel_axis=-1),
            forest(),
            split="probability",
            smoothing=1,
            threshold=0.4,
            fill_holes=True,
            min_size=2,
        ),
        {"channel_axis": -1},
    ),
    "objects split by distance, 3-D, learned from objects": (
        pf.ObjectSegmenter(
            stack(spatial_ndim=3, spacing=(2, 1, 1)), forest(), learn_from="instances", split="distance"
        ),
        {"spatial_ndim": 3},
    ),
}


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=f"{title}: {name}")
        for title, (estimator, layout) in OBJECT_CASES.items()
        for name, check in image_estimator_checks(estimator, **layout)
        # dask arrays: whole images only, test_object_segmenter.py shows that it says so
        if estimator.split is None or name != "lazy_and_named_images_are_equal"
    ],
)
def test_object_convention(check):
    check()


FLATTEN_SKIPS = {
    "containers_are_equal": "many rows per image: a list gives one table, not a list",
    "sizes_may_differ": "the same",
    "thin_images_work": "the same",
    "images_are_independent": "the same; test_flatten.py shows that rows follow the order of the images",
    "nan_is_rejected_by_index": "it only moves values; the learner behind it decides about NaN",
}


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=f"{channel_axis}: {name}")
        for channel_axis in (-1, 0, None)
        for name, check in image_estimator_checks(pf.Flatten(channel_axis=channel_axis), channel_axis=channel_axis)
        if name not in FLATTEN_SKIPS
    ],
)
def test_flatten_convention(check):
    check()


# --- estimators that break one rule ------------------------------------------------------------------------------


class Returns(pf.ImageNormalizer):
    def fit(self, X, y=None):
        super().fit(X)


class RewritesParameter(pf.ImageNormalizer):
    def fit(self, X, y=None):
        super().fit(X)
        self.low = self.low + 1
        return self


class WritesIntoImages(pf.ImageNormalizer):
    def transform(self, X):
        for image in X if isinstance(X, list) else [X]:
            np.add(image, 0, out=image)
        return super().transform(X)


class WritesIntoLabels(pf.ImageNormalizer):
    def fit(self, X, y=None):
        for labels in y:
            labels[0, 0] = 1
        return super().fit(X)


class Brightest(pf.ImageNormalizer):
    """Learns a number; correct but for what subclasses break."""

    def fit(self, X, y=None):
        super().fit(X)
        self.peak_ = max(float(np.max(np.asarray(image))) for image in X)
        return self

    def transform(self, X):
        scaled = super().transform(X)
        peak = getattr(self, "peak_", 1.0)
        return [image * peak for image in scaled] if isinstance(scaled, list) else scaled * peak


class LosesStateInPickle(Brightest):
    def __getstate__(self):
        return {name: value for name, value in super().__getstate__().items() if name != "peak_"}


class RemembersOldFit(Brightest):
    def fit(self, X, y=None):
        before = getattr(self, "peak_", 0.0)
        super().fit(X)
        self.peak_ += before
        return self


class SetsAtTransform(pf.ImageNormalizer):
    def transform(self, X):
        self.last_ = super().transform(X)
        return self.last_


class DriftsWithEveryCall(Brightest):
    def transform(self, X):
        self.peak_ = getattr(self, "peak_", 1.0) + 1
        return super().transform(X)


class TurnsListsIntoStacks(pf.ImageNormalizer):
    def transform(self, X):
        result = super().transform(X)
        return np.stack(result) if isinstance(result, list) else result


class ReadsOneImageOfAStack(pf.ImageNormalizer):
    def transform(self, X):
        result = super().transform(X)
        if isinstance(X, np.ndarray) and X.ndim == 3:
            result[1:] = result[0]
        return result


class WantsNumpy(pf.ImageNormalizer):
    def transform(self, X):
        if not isinstance(X, list | np.ndarray):
            raise TypeError("NumPy only")
        return super().transform(X)


class GuessesAConstantShape(pf.ImageNormalizer):
    def transform(self, X):
        result = super().transform(X)
        return [image[:9, :11] for image in result] if isinstance(result, list) else result


class NeedsNinePixels(pf.ImageNormalizer):
    def transform(self, X):
        if not isinstance(X, list) and min(np.shape(X)) < 3:
            raise ValueError("too small")
        return super().transform(X)


class ScalesByDtypeRange(pf.ImageFeatureStack):
    def transform(self, X):
        if isinstance(X, np.ndarray) and X.dtype == np.uint8:
            X = X / np.float32(255)
        return super().transform(X)


class ReadsMemoryOrder(pf.ImageFeatureStack):
    def transform(self, X):
        if isinstance(X, np.ndarray) and X.flags.f_contiguous:
            X = X.ravel(order="K").reshape(X.shape)
        return super().transform(X)


class IgnoresStrides(pf.ImageFeatureStack):
    def transform(self, X):
        if isinstance(X, np.ndarray) and min(X.strides) < 0:
            X = X[::-1]
        return super().transform(X)


class SwallowsNan(pf.ImageFeatureStack):
    def transform(self, X):
        return super().transform([np.nan_to_num(i) for i in X] if isinstance(X, list) else X)


class NamesNoImage(pf.ImageFeatureStack):
    def transform(self, X):
        if isinstance(X, list) and any(np.ndim(i) and not np.isfinite(i).all() for i in X if isinstance(i, np.ndarray)):
            raise ValueError("NaN")
        return super().transform(X)


class ForgetsAName(pf.ImageFeatureStack):
    def get_feature_names_out(self, input_features=None):
        return super().get_feature_names_out()[:-1]


class ScalesByTheBatch(pf.ImageNormalizer):
    def transform(self, X):
        result = super().transform(X)
        return [image - result[0].mean() for image in result] if isinstance(result, list) else result


class AcceptsTuples(pf.ImageNormalizer):
    def transform(self, X):
        return super().transform(list(X) if isinstance(X, tuple) else X)


class AcceptsEmptyLists(pf.ImageNormalizer):
    def transform(self, X):
        return [] if isinstance(X, list) and not X else super().transform(X)


class SetsInInit(pf.ImageNormalizer):
    def __init__(self, low=1.0):
        super().__init__()
        self.low = low
        self.cache = {}


class CopiesInInit(pf.ImageNormalizer):
    def __init__(self, limits=None):
        super().__init__()
        self.limits = list(limits or [1])


class Segments(pf.ImageSegmenter):
    """A correct, cheap segmenter."""

    def __init__(self, features=None, classifier=None):
        super().__init__(features, classifier)

    def fit(self, X, y):
        self.features = self.features or pf.ImageFeatureStack(features="original", device="numpy")
        self.classifier = self.classifier or DecisionTreeClassifier(random_state=0)
        try:
            return super().fit(X, y)
        finally:
            self.features = self.classifier = None


class SegmentsALoneImage(Segments):
    def fit(self, X, y):
        return super().fit([X] if isinstance(X, np.ndarray) else X, [y] if isinstance(y, np.ndarray) else y)


class LeavesPartialState(Segments):
    def fit(self, X, y):
        self.n_images_ = len(X)
        return super().fit(X, y)


class RoundsFloatLabels(Segments):
    def fit(self, X, y):
        return super().fit(X, [np.asarray(labels).astype(np.uint8) for labels in y])


BROKEN = {
    Returns: "fit_changes_no_parameter",
    RewritesParameter: "fit_changes_no_parameter",
    WritesIntoImages: "inputs_are_not_changed",
    WritesIntoLabels: "inputs_are_not_changed",
    SetsAtTransform: "applying_leaves_no_state",
    DriftsWithEveryCall: "applying_leaves_no_state",
    LosesStateInPickle: "pickled_estimator_gives_the_same",
    TurnsListsIntoStacks: "containers_are_equal",
    ReadsOneImageOfAStack: "containers_are_equal",
    WantsNumpy: "lazy_and_named_images_are_equal",
    GuessesAConstantShape: "sizes_may_differ",
    NeedsNinePixels: "thin_images_work",
    ScalesByDtypeRange: "dtypes_give_the_same",
    ReadsMemoryOrder: "memory_layout_does_not_matter",
    IgnoresStrides: "memory_layout_does_not_matter",
    SwallowsNan: "nan_is_rejected_by_index",
    NamesNoImage: "nan_is_rejected_by_index",
    ForgetsAName: "feature_names_match",
    RemembersOldFit: "refit_forgets",
    ScalesByTheBatch: "images_are_independent",
    AcceptsTuples: "bad_containers_raise",
    AcceptsEmptyLists: "bad_containers_raise",
    SegmentsALoneImage: "supervised_fit_refuses_a_lone_image",
    LeavesPartialState: "failed_fit_leaves_no_state",
    RoundsFloatLabels: "failed_fit_leaves_no_state",
    SetsInInit: "check_no_attributes_set_in_init",
    CopiesInInit: "check_estimator_cloneable",
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_broken_estimators_fail_at_their_rule(broken):
    check = dict(image_estimator_checks(broken()))[BROKEN[broken]]
    with pytest.raises((AssertionError, ValueError, TypeError, RuntimeError)):
        check()


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_public_check_names_a_broken_rule(broken):
    with pytest.raises(AssertionError) as failure:
        check_image_estimator(broken())
    assert str(failure.value).split(":")[0] in dict(image_estimator_checks(broken()))


@pytest.mark.parametrize("correct", [pf.ImageNormalizer, Segments], ids=lambda correct: correct.__name__)
def test_what_broken_estimators_are_made_of_passes(correct):
    check_image_estimator(correct())


def test_every_image_rule_has_a_broken_estimator():
    rules = {name for name, _ in image_estimator_checks(pf.ImageNormalizer()) if not name.startswith("check_")}
    assert rules == {rule for rule in BROKEN.values() if not rule.startswith("check_")}

"""Permutation importance: scikit-learn's numbers by feature, groups shuffled as rows, images held out by default."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneOut
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

import pixelforest as pf
from pixelforest.demo_data import load_demo
from pixelforest.explain import permutation_importances
from pixelforest.metrics import PixelScorer

ACCURACY = PixelScorer("accuracy")
TREE = DecisionTreeClassifier(max_depth=4, random_state=0)


def feature_images(n_images=4, seed=0, n_features=3):
    """Feature 0 decides (feature 1 is a copy of it, if there are more than two), the last one is noise."""
    rng = np.random.default_rng(seed)
    X, y = [], []
    for _ in range(n_images):
        image = rng.normal(size=(12, 14, n_features))
        if n_features > 2:
            image[..., 1] = image[..., 0]
        labels = np.where(image[..., 0] + 0.2 * rng.normal(size=(12, 14)) > 0, 2, 1)
        labels[rng.random((12, 14)) < 0.4] = 0
        X.append(image)
        y.append(labels)
    return X, y


def table_of(X, y):
    rows = np.concatenate([image[labels > 0] for image, labels in zip(X, y, strict=True)])
    return rows, np.concatenate([labels[labels > 0] for labels in y])


def test_by_feature_the_numbers_are_those_of_scikit_learn():
    X, y = feature_images()
    model = pf.PixelClassifier(TREE).fit(X, y)
    table = permutation_importances(
        model, X, y, by="feature", cv="prefit", scoring=ACCURACY, n_repeats=4, random_state=7
    )
    rows, labels = table_of(X, y)
    expected = permutation_importance(model.estimator_, rows, labels, scoring="accuracy", n_repeats=4, random_state=7)
    np.testing.assert_allclose(table["importance"], expected.importances_mean, rtol=0, atol=1e-15)
    np.testing.assert_allclose(table["std"], expected.importances_std, rtol=0, atol=1e-15)
    assert table["baseline"].unique().tolist() == [pytest.approx(model.estimator_.score(rows, labels), abs=1e-15)]
    assert table.index.tolist() == ["x0", "x1", "x2"]
    assert table["importance"].idxmin() == "x2"


def test_groups_are_shuffled_together():
    """Two copies of what decides hide each other one by one, and not as a group; the oracle shuffles rows itself."""
    X, y = feature_images()
    model = pf.PixelClassifier(LogisticRegression(C=1e3)).fit(X, y)
    groups = {"both": ["x0", "x1"], "first": ["x0"], "noise": ["x2"], "first and noise": ["x0", "x2"]}
    table = permutation_importances(model, X, y, by=groups, cv="prefit", scoring=ACCURACY, n_repeats=3, random_state=0)
    assert table["n_features"].to_dict() == {"both": 2, "first": 1, "noise": 1, "first and noise": 2}
    assert table.index.name == "group"
    rows, labels = table_of(X, y)
    seed = np.random.RandomState(0).randint(np.iinfo(np.int32).max + 1)
    for name, columns in {"both": [0, 1], "first": [0], "noise": [2], "first and noise": [0, 2]}.items():
        rng, order, shuffled = np.random.RandomState(seed), np.arange(len(rows)), rows.copy()
        drops = []
        for _ in range(3):
            rng.shuffle(order)
            shuffled[:, columns] = shuffled[order][:, columns]
            drops.append(model.estimator_.score(rows, labels) - model.estimator_.score(shuffled, labels))
        assert table.loc[name, "importance"] == pytest.approx(np.mean(drops), abs=1e-12)
        assert table.loc[name, "std"] == pytest.approx(np.std(drops), abs=1e-12)
    assert table.loc["both", "importance"] > 1.5 * table.loc["first", "importance"]


def test_images_are_held_out_unless_the_caller_says_otherwise():
    """Labels that have nothing to do with the image: learnt by heart they seem important, held out they are not."""
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(15, 15, 2)) for _ in range(6)]
    y = [rng.integers(1, 3, (15, 15)) for _ in range(6)]
    model = pf.PixelClassifier(DecisionTreeClassifier(random_state=0))
    options = {"by": "feature", "scoring": ACCURACY, "random_state": 0}
    learnt = permutation_importances(model.fit(X, y), X, y, cv="prefit", **options)
    assert learnt["baseline"].iloc[0] == 1
    assert (learnt["importance"] > 0.3).all()
    honest = permutation_importances(model, X, y, **options)
    assert abs(honest["baseline"].iloc[0] - 0.5) < 0.05
    assert (honest["importance"].abs() < 0.05).all()


class RefusesKnownGroups(ClassifierMixin, BaseEstimator):
    """Feature 0 says which group a pixel is from; none may be predicted that was trained on."""

    def fit(self, X, y):
        self.classes_, self.known_ = np.unique(y), set(X[:, 0])
        return self

    def predict(self, X):
        assert not self.known_ & set(X[:, 0])
        self.tested_ = len(set(X[:, 0]))
        return np.full(len(X), self.classes_[0])


def test_images_of_one_group_are_held_out_together():
    X, y = feature_images(6)
    donors = ["a", "b", "a", "c", "b", "c"]
    for image, donor in zip(X, donors, strict=True):
        image[..., 0] = ord(donor)
    model = pf.PixelClassifier(RefusesKnownGroups())
    permutation_importances(model, X, y, by="feature", groups=donors, scoring=ACCURACY, n_repeats=1)
    with pytest.raises(AssertionError):
        permutation_importances(model, X, y, by="feature", scoring=ACCURACY, n_repeats=1)


@pytest.fixture(scope="module")
def scribbles():
    demo = load_demo()
    return demo.train_images[:3], demo.train_scribbles[:3]


def test_segmenters_and_pipelines_by_filter_and_sigma(scribbles):
    """The same forest, behind features near strokes or of whole images; folds by hand give the same numbers."""
    images, strokes = scribbles
    stack = pf.ImageFeatureStack(("original", "gaussian", "hessian_eigenvalues"), sigmas=(1, 4), device="numpy")
    forest = pf.OpenCLRandomForestClassifier(8, max_depth=5, random_state=0, device="numpy")
    models = (
        make_pipeline(pf.ImageNormalizer(), pf.ImageSegmenter(stack, forest)),
        make_pipeline(pf.ImageNormalizer(), stack, pf.PixelClassifier(forest)),
    )
    options = {"cv": LeaveOneOut(), "n_repeats": 2, "random_state": 0, "scoring": PixelScorer("f1")}
    tables = [permutation_importances(model, images, strokes, **options) for model in models]
    np.testing.assert_array_equal(*tables)
    assert tables[0].index.tolist() == ["original", "gaussian", "hessian_eigenvalues"]
    assert tables[0]["n_features"].tolist() == [1, 2, 4]
    scores = []
    for test in range(3):
        train = [index for index in range(3) if index != test]
        fitted = models[0].fit([images[i] for i in train], [strokes[i] for i in train])
        scores.append(PixelScorer("f1")(fitted, [images[test]], [strokes[test]]))
    assert tables[0]["baseline"].iloc[0] == pytest.approx(np.mean(scores), abs=1e-12)
    by_sigma = permutation_importances(models[0], images, strokes, by="sigma", **options)
    assert by_sigma["n_features"].to_dict() == {"no sigma": 1, "sigma 1": 3, "sigma 4": 3}
    assert (by_sigma["baseline"] == tables[0]["baseline"].iloc[0]).all()


def test_channels_and_what_belongs_to_none(scribbles):
    images, strokes = scribbles
    coloured = [np.stack([image, image[::-1]], axis=-1) for image in images]
    stack = pf.ImageFeatureStack(("position", "gaussian"), sigmas=(2,), channel_axis=-1, device="numpy")
    model = pf.ImageSegmenter(stack, TREE).fit(coloured, strokes)
    table = permutation_importances(model, coloured, strokes, by="channel", cv="prefit", n_repeats=1)
    assert table["n_features"].to_dict() == {"channel 0": 1, "channel 1": 1, "no channel": 2}


def test_default_score_follows_the_model():
    """Where 0 is a class, it is scored; where it means "not annotated", it is not."""
    X, y = feature_images()
    y = [np.where(labels == 2, 1, 0) for labels in y]
    model = pf.PixelClassifier(TREE, unlabeled=None).fit(X, y)
    table = permutation_importances(model, X, y, by="feature", cv="prefit", n_repeats=1)
    assert table["baseline"].iloc[0] == pytest.approx(PixelScorer("jaccard", unlabeled=None)(model, X, y), abs=1e-12)


def test_pixels_that_nan_reaches_are_left_out(scribbles):
    images, strokes = [image.astype(float) for image in scribbles[0]], scribbles[1]
    images[1][tuple(np.argwhere(strokes[1])[50])] = np.nan
    stack = pf.ImageFeatureStack(("gaussian",), sigmas=(1,), nan_policy="mask", device="numpy")
    model = pf.ImageSegmenter(stack, TREE).fit(images, strokes)
    table = permutation_importances(model, images, strokes, cv="prefit", scoring=ACCURACY, n_repeats=1)
    kept = [np.where(np.isfinite(stack.transform(i)[..., 0]), s, 0) for i, s in zip(images, strokes, strict=True)]
    assert any((k != s).any() for k, s in zip(kept, strokes, strict=True))
    assert table["baseline"].iloc[0] == pytest.approx(ACCURACY(model, images, kept), abs=1e-12)


def test_bad_input_is_refused():
    X, y = feature_images()
    model = pf.PixelClassifier(TREE).fit(X, y)
    refused = [
        ({"by": "filter"}, "`by='filter'` needs a model with an ImageFeatureStack; pass by='feature' or a mapping"),
        ({"by": "filters"}, r"`by` must be one of \('filter', .*got 'filters'"),
        ({"by": {}}, "`by` must name at least one group"),
        ({"by": {"a": ["x9"]}}, r"`by\['a'\]`: there is no feature 'x9'; known names are 'x0', 'x1', 'x2'"),
        ({"by": {"a": "x0"}}, r"`by\['a'\]` must be a sequence of names of features, got 'x0'"),
        ({"cv": "prefitted"}, "`cv` must be a number, a splitter, 'prefit' or None, got 'prefitted'"),
        ({"cv": "prefit", "groups": [0, 1, 2, 3]}, "`groups` say what is held out together"),
        ({"groups": [1, 1, 1, 1]}, "`X` must hold at least two groups, so that one can be held out, got 1"),
    ]
    for options, message in refused:
        with pytest.raises(ValueError, match=message):
            permutation_importances(model, X, y, **{"by": "feature", **options})
    with pytest.raises(ValueError, match="`X` must hold at least two images"):
        permutation_importances(model, X[:1], y[:1], by="feature")
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        permutation_importances(model, X, y[:2], by="feature")
    with pytest.raises(
        TypeError, match=r"`model` must be an ImageSegmenter or PixelClassifier, or a pipeline .*got Dec"
    ):
        permutation_importances(TREE, X, y)
    with pytest.raises(TypeError, match=r"`scoring` must be a scorer of label images, .*got 'accuracy'"):
        permutation_importances(model, X, y, by="feature", scoring="accuracy")
    with pytest.raises(ValueError, match="`y` holds no annotated pixel"):
        permutation_importances(model, X, [np.zeros_like(labels) for labels in y], by="feature", cv="prefit")

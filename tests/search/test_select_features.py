"""Dropped is what is worth least for its cost; scores are those of scikit-learn's cross-validation."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

import pixelforest as pf
from pixelforest.metrics import PixelScorer
from pixelforest.search import selection
from pixelforest.search.feature_cost import measured_cost

TREE = DecisionTreeClassifier(max_depth=3, random_state=0)
JACCARD = PixelScorer("jaccard")
FILTERS = ("original", "gaussian", "gaussian_gradient_magnitude")


def noisy_steps(n_images=6, seed=0, shape=(24, 26), channels=()):
    """Return images of a bright half under noise, whose smoothed value tells the halves apart, and a few strokes."""
    rng = np.random.default_rng(seed)
    X, y = [], []
    for index in range(n_images):
        labels = np.ones((shape[0] + index, shape[1]), np.uint8)
        labels[:, 8 + index :] = 2
        image = labels + rng.normal(size=(*channels, *labels.shape))
        labels[rng.random(labels.shape) < 0.6] = 0
        X.append(image)
        y.append(labels)
    return X, y


def stack(filters=FILTERS, sigmas=(1, 3), **parameters):
    return pf.ImageFeatureStack(filters, sigmas, device="numpy", **parameters)


def n_planes(plan):
    return len(plan.order)


QUICK = {"cost": n_planes, "n_repeats": 1, "random_state": 0}


def remaining(found):
    """Return the specifications that are left after every step, found by the names in the path."""
    given = pf.ImageFeatureStack(FILTERS, (1, 3)).specs()
    left, result = list(given), []
    for name in found.path["dropped"]:
        left = [spec for spec in left if spec.name != name]
        result.append(list(left))
    return result


@pytest.mark.parametrize("grouped", [False, True])
def test_scores_are_those_of_cross_validation_at_every_step(grouped):
    X, y = noisy_steps()
    groups = [0, 0, 1, 1, 2, 2] if grouped else None
    cv = GroupKFold(3) if grouped else None
    model = pf.ImageSegmenter(stack(), TREE)
    found = pf.select_features(model, X, y, groups=groups, budget=3, **QUICK)
    assert len(found.path) > 2
    for row, specs in zip(found.path.itertuples(), remaining(found), strict=True):
        fewer = pf.ImageSegmenter(pf.ImageFeatureStack(features=specs, device="numpy"), TREE)
        scores = cross_val_score(fewer, X, y, groups=groups, cv=cv or KFold(5), scoring=JACCARD)
        assert row.score == pytest.approx(scores.mean(), abs=1e-12)
        assert row.std == pytest.approx(scores.std(), abs=1e-12)
        assert row.cost == len(fewer.features.plan_.order)
        assert row.n_features == len(fewer.features.plan_.outputs)
    assert list(found.features) == remaining(found)[-1]


def test_what_decides_is_kept_and_noise_goes():
    X, y = noisy_steps()
    model = pf.ImageSegmenter(stack(), TREE)
    found = pf.select_features(model, X, y, cost=n_planes, random_state=0, tolerance=0.02)
    assert [spec.name for spec in found.features] == ["gaussian_sigma_3"]
    path = found.path
    assert path["is_selected"].sum() == 1
    chosen = path["is_selected"].to_numpy().argmax()
    assert path["score"][chosen] >= path["score"][0] - 0.02
    assert (path["score"][chosen + 1 :] < path["score"][0] - 0.02).all()
    assert path["n_features"].iloc[-1] == 1
    assert path["dropped"][0] == ""
    assert path["cost"].is_monotonic_decreasing


def test_the_cheapest_within_the_tolerance_is_selected():
    X, y = noisy_steps()
    options = {"cost": n_planes, "random_state": 0, "cv": 3}
    model = pf.ImageSegmenter(stack(("original", "gaussian"), (3,)), TREE)
    found = pf.select_features(model, X, y, tolerance=10, **options)
    assert len(found.path) == 2  # nothing falls that far: one feature is left
    assert found.path["is_selected"].tolist() == [False, True]
    alone = pf.ImageSegmenter(stack(("gaussian_gradient_magnitude", "gaussian"), (3,)), TREE)
    dear_but_needed = pf.select_features(alone, X, y, tolerance=0, scoring=lambda *_: next(falling), **options)
    assert dear_but_needed.path["is_selected"].tolist() == [True, False]


falling = iter(1 - 0.001 * np.arange(1000))


def test_worth_is_importance_by_saving():
    """Two features that say the same are worth the same; the one that costs more goes."""
    X, y = noisy_steps()
    model = pf.ImageSegmenter(stack(("gaussian",), (3, 3.25)), LogisticRegression())
    for dear in (0, 1):
        costs = {"gaussian_sigma_3": 1.0 + 9 * (dear == 0), "gaussian_sigma_3.25": 1.0 + 9 * (dear == 1)}

        def cost(plan, costs=costs):
            return sum(costs[name] for name in plan.names)

        found = pf.select_features(model, X, y, cost=cost, budget=1, cv=2, random_state=0)
        assert found.path["dropped"].tolist() == ["", model.features.specs()[dear].name]
        assert found.path["cost"].tolist() == [11, 1]


def test_a_budget_is_met_whatever_the_score():
    X, y = noisy_steps()
    model = pf.ImageSegmenter(stack(), TREE)
    found = pf.select_features(model, X, y, budget=5, cv=2, **QUICK)
    assert found.path["cost"].iloc[-1] <= 5 < found.path["cost"].iloc[-2]
    assert found.path["is_selected"].tolist() == [False] * (len(found.path) - 1) + [True]
    assert n_planes(found.model.features_.plan_) <= 5
    assert found.held_out_scores is None
    assert len(pf.select_features(model, X, y, cost=n_planes, budget=100, cv=2).path) == 1
    with pytest.raises(ValueError, match=r"`budget` must be at least .*, what '.*' alone costs, got 0.5"):
        pf.select_features(model, X, y, cost=n_planes, budget=0.5, cv=2)


def test_the_model_is_of_the_same_kind_and_learns_from_all_images():
    X, y = noisy_steps()
    forms = [pf.ImageSegmenter(stack(), TREE), make_pipeline(stack(), pf.PixelClassifier(TREE))]
    for model in forms:
        before = repr(model)
        found = pf.select_features(model, X, y, budget=4, cv=2, **QUICK)
        assert repr(model) == before
        assert type(found.model) is type(model)
        again = pf.ImageSegmenter(pf.ImageFeatureStack(features=list(found.features), device="numpy"), TREE)
        for labels, expected in zip(found.model.predict(X), again.fit(X, y).predict(X), strict=True):
            assert_array_equal(labels, expected)


def test_steps_in_front_may_not_learn():
    X, y = noisy_steps()
    front = pf.ImageNormalizer()
    found = pf.select_features(make_pipeline(front, pf.ImageSegmenter(stack(), TREE)), X, y, budget=4, cv=2, **QUICK)
    alone = pf.select_features(
        make_pipeline(stack(), pf.PixelClassifier(TREE)), front.transform(X), y, budget=4, cv=2, **QUICK
    )
    assert found.path.equals(alone.path)
    assert found.model[-1].features_.specs() == found.features
    with pytest.raises(ValueError, match="`model`: the step 'pca' learns from images"):
        pf.select_features(make_pipeline(PCA(), pf.ImageSegmenter(stack(), TREE)), X, y)


def test_filters_go_for_all_channels_at_once():
    X, y = noisy_steps(channels=(2,))
    by_order = DecisionTreeClassifier(max_depth=3, max_features=1, random_state=0)
    model = pf.ImageSegmenter(stack(("gaussian", "hessian_eigenvalues"), (1, 2), channel_axis=0), by_order)
    found = pf.select_features(model, X, y, budget=6, **QUICK)
    assert set(-np.diff(found.path["n_features"])) <= {2, 4}
    assert found.model.features_.plan_.n_channels == 2
    fewer = clone(model).set_params(features=found.model.features)
    for step, steps_model in ((0, model), (-1, fewer)):
        scores = cross_val_score(steps_model, X, y, cv=KFold(5), scoring=JACCARD)
        assert found.path["score"].iloc[step] == pytest.approx(scores.mean(), abs=1e-12)


def test_each_outer_fold_selects_anew_on_its_training_images():
    X, y = noisy_steps()
    seen = []

    class Watched(DecisionTreeClassifier):
        def fit(self, X, y):
            seen.append(len(X))
            return super().fit(X, y)

    found = pf.select_features(
        pf.ImageSegmenter(stack(("gaussian",), (3,)), Watched(max_depth=3)), X, y, outer_cv=2, cv=3, cost=n_planes
    )
    sizes = [int((labels > 0).sum()) for labels in y]
    folds = [list(train) for train, _ in KFold(3).split(X)]
    for train, _ in KFold(2).split(X):
        folds += [[train[i] for i in inner] for inner, _ in KFold(3).split(train)] + [list(train)]
    assert seen == [sum(sizes[i] for i in fold) for fold in [*folds, range(6)]]
    expected = cross_val_score(pf.ImageSegmenter(stack(("gaussian",), (3,)), TREE), X, y, cv=KFold(2), scoring=JACCARD)
    np.testing.assert_allclose(found.held_out_scores, expected, atol=1e-12)


def test_costs_are_measured_on_the_device(engine):
    few, many = (
        measured_cost(pf.ImageFeatureStack(filters, sigmas=(1, 2, 4)).plan_, engine.name, n_rounds=3)
        for filters in [("gaussian",), ("gaussian", "structure_tensor_eigenvalues")]
    )
    assert 0 < few < many
    volume = pf.ImageFeatureStack(("gaussian",), sigmas=(1,), spatial_ndim=3)
    assert measured_cost(volume.plan_, engine.name, n_rounds=1) > 0


def test_costs_are_measured_if_nothing_else_is_said(monkeypatch):
    X, y = noisy_steps(3)
    asked = []

    def measured(plan, device):
        asked.append(device)
        return n_planes(plan)

    monkeypatch.setattr(selection, "measured_cost", measured)
    found = pf.select_features(pf.ImageSegmenter(stack(), TREE), X, y, cv=2, n_repeats=1, random_state=0)
    assert found.path.equals(pf.select_features(pf.ImageSegmenter(stack(), TREE), X, y, cv=2, **QUICK).path)
    assert set(asked) == {"numpy"}


MODEL = pf.ImageSegmenter(stack(("gaussian",)), TREE)
IMAGES, LABELS = noisy_steps(3)
EMPTY = np.zeros_like(LABELS[2])


@pytest.mark.parametrize(
    ("model", "X", "y", "options", "error", "message"),
    [
        (TREE, IMAGES, LABELS, {}, TypeError, "`model` must be an ImageSegmenter or PixelClassifier"),
        (pf.PixelClassifier(), IMAGES, LABELS, {}, TypeError, "`model` must have an ImageFeatureStack in front"),
        (
            make_pipeline(stack(dtype="float16"), pf.PixelClassifier()),
            IMAGES,
            LABELS,
            {},
            ValueError,
            "`model` must have features of dtype float32, got 'float16'",
        ),
        (MODEL, IMAGES[:1], LABELS[:1], {}, ValueError, "`X` must hold at least two images"),
        (MODEL, IMAGES, LABELS, {"groups": [1, 1, 1]}, ValueError, "`X` must hold at least two groups"),
        (MODEL, IMAGES, LABELS, {"tolerance": -0.1}, ValueError, "`tolerance` must be at least 0, got -0.1"),
        (MODEL, IMAGES, LABELS, {"tolerance": np.nan}, ValueError, "`tolerance` must be at least 0, got nan"),
        (MODEL, IMAGES, LABELS, {"scoring": "jaccard"}, TypeError, "`scoring` must be a scorer of label images"),
        (MODEL, IMAGES, LABELS[:2], {}, ValueError, "inconsistent numbers of samples"),
    ],
)
def test_bad_input_is_refused(model, X, y, options, error, message):
    with pytest.raises(error, match=message):
        pf.select_features(model, X, y, **options)


@pytest.mark.filterwarnings("ignore::pixelforest.exceptions.UnlabeledImageWarning")
def test_folds_without_labels_are_named():
    with pytest.raises(ValueError, match=r"`cv`: the held-out images \[2\] have no annotated pixel"):
        pf.select_features(MODEL, IMAGES, [*LABELS[:2], EMPTY], cost=n_planes)
    one = [np.minimum(labels, 1) for labels in LABELS[:2]]
    with pytest.raises(ValueError, match=r"`cv`: the training images \[0, 1\] show fewer than two classes"):
        pf.select_features(MODEL, IMAGES, [*one, LABELS[2]], cost=n_planes, cv=KFold(3))

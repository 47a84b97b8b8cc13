"""scikit-learn's own tools, unchanged, on lists of real images with scribbles."""

import dask.array
import numpy as np
import pytest
import xarray
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 it makes the next import work
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_score,
    cross_validate,
)
from sklearn.model_selection import cross_val_predict as cross_val_predict_of_scikit_learn
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import pixelforest as pf
from pixelforest.metrics import PixelScorer, pixel_accuracy_scorer, pixel_jaccard, pixel_jaccard_scorer

DONORS = [0, 0, 1, 1, 2, 2]


@pytest.fixture(scope="module")
def images(crops):
    assert crops.donors == DONORS
    return crops.images


@pytest.fixture(scope="module")
def scribbles(crops):
    return crops.scribbles


@pytest.fixture(scope="module")
def ragged(images, scribbles):
    """Images and scribbles of six different sizes."""
    return (
        [image[: 64 - 2 * i, : 64 - i] for i, image in enumerate(images)],
        [labels[: 64 - 2 * i, : 64 - i] for i, labels in enumerate(scribbles)],
    )


def pipeline(memory=None, **parameters):
    forest = pf.OpenCLRandomForestClassifier(n_estimators=8, max_depth=6, random_state=0)
    features = pf.ImageFeatureStack(("gaussian", "laplacian_of_gaussian"), (1, 2))
    steps = [("features", features), ("classify", pf.PixelClassifier(forest))]
    return Pipeline(steps, memory=memory).set_params(**parameters)


def segmenter():
    steps = dict(pipeline().steps)
    return pf.ImageSegmenter(steps["features"], steps["classify"].estimator)


GRID = {"features__sigmas": [(1,), (1, 3)], "classify__estimator__max_depth": [1, 6]}


def assert_same_images(got, expected):
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        assert_array_equal(np.asarray(a), np.asarray(b))


def test_pipeline_learns_nuclei(images, scribbles):
    model = pipeline().fit(images[:4], scribbles[:4])
    predicted = model.predict(images[4:])
    assert [labels.shape for labels in predicted] == [(64, 64)] * 2
    assert all(labels.dtype == np.uint8 for labels in predicted)
    assert pixel_jaccard(scribbles[4:], predicted, average="macro") > 0.5
    assert model.score(images[4:], scribbles[4:]) == pixel_accuracy_scorer(model, images[4:], scribbles[4:])
    assert_array_equal(model.classes_, [1, 2])


def test_grid_search_over_sigmas_and_depth_by_donor(images, scribbles):
    search = GridSearchCV(pipeline(), GRID, scoring=pixel_jaccard_scorer, cv=GroupKFold(3))
    search.fit(images, scribbles, groups=DONORS)

    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert search.best_score_ == scores.max() > 0.5
    assert len(set(scores.round(6))) > 1  # the parameters do arrive

    best = pipeline(**search.best_params_)
    by_hand = []
    for train, test in GroupKFold(3).split(images, groups=DONORS):
        model = clone(best).fit([images[i] for i in train], [scribbles[i] for i in train])
        predicted = model.predict([images[i] for i in test])
        by_hand.append(pixel_jaccard([scribbles[i] for i in test], predicted, average="macro"))
    assert search.best_score_ == pytest.approx(np.mean(by_hand), abs=1e-12)
    assert_same_images(search.predict(images), best.fit(images, scribbles).predict(images))


def test_grid_search_in_two_processes_finds_the_same(images, scribbles):
    searches = [
        GridSearchCV(
            pipeline(), GRID, scoring=pixel_jaccard_scorer, cv=GroupKFold(3), n_jobs=n_jobs, error_score="raise"
        ).fit(images, scribbles, groups=DONORS)
        for n_jobs in (1, 2)
    ]
    one, two = (search.cv_results_ for search in searches)
    assert_array_equal(one["mean_test_score"], two["mean_test_score"])
    assert searches[0].best_params_ == searches[1].best_params_


def test_grid_search_over_the_parts_of_a_segmenter(ragged):
    grid = {"features__sigmas": [(1,), (1, 2)], "classifier__max_depth": [1, 6]}
    search = GridSearchCV(segmenter(), grid, scoring=pixel_jaccard_scorer, cv=GroupKFold(3))
    search.fit(*ragged, groups=DONORS)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    as_pipeline = GridSearchCV(
        pipeline(),
        {"features__sigmas": [(1,), (1, 2)], "classify__estimator__max_depth": [1, 6]},
        scoring=pixel_jaccard_scorer,
        cv=GroupKFold(3),
    ).fit(*ragged, groups=DONORS)
    assert_array_equal(
        np.sort(search.cv_results_["mean_test_score"]), np.sort(as_pipeline.cv_results_["mean_test_score"])
    )


def test_cross_val_score_of_ragged_lists(ragged):
    scores = cross_val_score(pipeline(), *ragged, groups=DONORS, cv=GroupKFold(3), scoring=pixel_jaccard_scorer)
    assert scores.shape == (3,)
    assert (scores > 0.5).all()
    own = cross_val_score(pipeline(), *ragged, groups=DONORS, cv=GroupKFold(3))  # the estimator's own `score`
    accuracy = cross_val_score(pipeline(), *ragged, groups=DONORS, cv=GroupKFold(3), scoring=pixel_accuracy_scorer)
    assert_array_equal(own, accuracy)


def test_cross_validate_with_several_scorers(images, scribbles):
    scorers = {
        "jaccard": pixel_jaccard_scorer,
        "accuracy": pixel_accuracy_scorer,
        "nuclei": PixelScorer("jaccard", average="binary", pos_label=2),
    }
    result = cross_validate(
        pipeline(), images, scribbles, groups=DONORS, cv=GroupKFold(3), scoring=scorers, return_train_score=True
    )
    for name in scorers:
        assert np.isfinite(result[f"test_{name}"]).all()
        assert (result[f"train_{name}"] > 0.5).all()
    assert not np.array_equal(result["test_jaccard"], result["test_nuclei"])


def test_randomized_search(images, scribbles):
    search = RandomizedSearchCV(
        pipeline(), GRID, n_iter=2, scoring=pixel_jaccard_scorer, cv=KFold(2), random_state=0, error_score="raise"
    ).fit(images, scribbles)
    assert len(search.cv_results_["params"]) == 2
    assert set(search.best_params_) == set(GRID)


def test_halving_search_halves_the_images(images, scribbles):
    search = HalvingGridSearchCV(
        pipeline(), GRID, min_resources=3, factor=2, scoring=pixel_jaccard_scorer, cv=KFold(2), random_state=0
    ).fit(images, scribbles)
    assert search.n_resources_ == [3, 6]
    assert search.n_candidates_ == [4, 2]


def test_halving_search_over_trees(images, scribbles):
    search = HalvingGridSearchCV(
        pipeline(),
        {"features__sigmas": [(1,), (2,)]},
        resource="classify__estimator__n_estimators",
        min_resources=2,
        max_resources=4,
        factor=2,
        scoring=pixel_jaccard_scorer,
        cv=KFold(2),
    ).fit(images, scribbles)
    assert search.best_estimator_["classify"].estimator_.n_estimators == 4


def test_memory_keeps_features_between_fits(images, scribbles, tmp_path, monkeypatch):
    computed = []
    transform = pf.ImageFeatureStack.transform

    def counted(self, X):
        computed.append(len(X))
        return transform(self, X)

    monkeypatch.setattr(pf.ImageFeatureStack, "transform", counted)
    first = pipeline(memory=str(tmp_path)).fit(images, scribbles)
    assert computed == [6]
    second = pipeline(memory=str(tmp_path), classify__estimator__max_depth=5).fit(images, scribbles)
    assert computed == [6]  # read from the cache
    pipeline(memory=str(tmp_path), features__sigmas=(3,)).fit(images, scribbles)
    assert computed == [6, 6]
    assert_same_images(first.predict(images), pipeline().fit(images, scribbles).predict(images))
    assert_same_images(
        second.predict(images), pipeline(classify__estimator__max_depth=5).fit(images, scribbles).predict(images)
    )


# --- sample weights, one image of weights per image --------------------------------------------------------------


def weights_of(scribbles):
    """Return weights that count background pixels on the left a hundred times less."""
    weights = []
    for labels in scribbles:
        weight = np.ones(labels.shape)
        weight[:, :32][labels[:, :32] == 1] = 0.01
        weights.append(weight)
    return weights


def weighted_reference(images, scribbles, weights):
    """Return scikit-learn's model of the table of annotated pixels with their weights."""
    features = pf.ImageFeatureStack(sigmas=(1,)).transform(images)
    rows = np.concatenate([f[s > 0] for f, s in zip(features, scribbles, strict=True)])
    labels = np.concatenate([s[s > 0] for s in scribbles])
    weight = np.concatenate([w[s > 0] for w, s in zip(weights, scribbles, strict=True)])
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(
        rows, labels, logisticregression__sample_weight=weight
    )


def linear_pipeline(classifier):
    return Pipeline([("features", pf.ImageFeatureStack(sigmas=(1,))), ("classify", classifier)])


def linear_classifier():
    return pf.PixelClassifier(make_pipeline(StandardScaler(), LogisticRegression()))


def coefficients(model):
    return model["classify"].estimator_[-1].coef_


def test_weights_reach_the_classifier(images, scribbles):
    weights = weights_of(scribbles)
    plain = linear_pipeline(linear_classifier()).fit(images, scribbles)
    weighted = linear_pipeline(linear_classifier()).fit(images, scribbles, classify__sample_weight=weights)
    assert_array_equal(coefficients(weighted), weighted_reference(images, scribbles, weights)[-1].coef_)
    assert not np.allclose(coefficients(weighted), coefficients(plain))


def test_weights_are_routed_as_metadata(images, scribbles):
    weights = weights_of(scribbles)
    with config_context(enable_metadata_routing=True):
        model = linear_pipeline(linear_classifier().set_fit_request(sample_weight=True))
        model.fit(images, scribbles, sample_weight=weights)
    assert_array_equal(coefficients(model), weighted_reference(images, scribbles, weights)[-1].coef_)


def test_a_grid_search_splits_weights_with_the_images(images, scribbles):
    weights = weights_of(scribbles)
    depths = {"classify__estimator__logisticregression__C": [0.1, 1.0]}
    with config_context(enable_metadata_routing=True):
        scorer = PixelScorer("jaccard").set_score_request(sample_weight=False)
        search = GridSearchCV(
            linear_pipeline(linear_classifier().set_fit_request(sample_weight=True)),
            depths,
            scoring=scorer,
            cv=KFold(3),
            error_score="raise",
        ).fit(images, scribbles, sample_weight=weights)
    plain = GridSearchCV(linear_pipeline(linear_classifier()), depths, scoring=PixelScorer("jaccard"), cv=KFold(3)).fit(
        images, scribbles
    )
    assert not np.array_equal(search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])
    assert search.best_params_["classify__estimator__logisticregression__C"] in (0.1, 1.0)


def test_unrouted_grid_search_takes_weights_by_step(images, scribbles):
    weights = weights_of(scribbles)
    one_setting = {"classify__estimator__logisticregression__C": [1.0]}
    search = GridSearchCV(
        linear_pipeline(linear_classifier()), one_setting, scoring=PixelScorer("jaccard"), cv=KFold(3)
    ).fit(images, scribbles, classify__sample_weight=weights)
    assert_array_equal(coefficients(search.best_estimator_), weighted_reference(images, scribbles, weights)[-1].coef_)


# --- containers --------------------------------------------------------------------------------------------------


def object_array(items):
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


@pytest.mark.parametrize("make", [pipeline, segmenter])
@pytest.mark.parametrize(
    "container",
    [
        np.stack,
        object_array,
        lambda items: [dask.array.from_array(item, chunks=20) for item in items],
        lambda items: dask.array.from_array(np.stack(items), chunks=20),
        lambda items: [xarray.DataArray(item, dims=("y", "x")) for item in items],
    ],
    ids=["stack", "object array", "dask list", "dask stack", "xarray list"],
)
def test_containers_of_images_and_labels(images, scribbles, make, container):
    expected = make().fit(images, scribbles).predict(images)
    model = make().fit(container(images), container(scribbles))
    assert_same_images(model.predict(images), expected)
    assert_same_images(model.predict(container(images)), expected)


@pytest.mark.parametrize("container", [np.stack, object_array], ids=["stack", "object array"])
def test_cross_validation_splits_containers_by_image(images, scribbles, container):
    how = {"groups": DONORS, "cv": GroupKFold(3), "scoring": pixel_jaccard_scorer}
    assert_array_equal(
        cross_val_score(pipeline(), container(images), container(scribbles), **how),
        cross_val_score(pipeline(), images, scribbles, **how),
    )


def named(image, **more):
    coords = {"y": np.arange(image.shape[0]) * 0.5, "x": np.arange(image.shape[1]) * 0.25, "time": 3.0}
    return xarray.DataArray(image, dims=("y", "x"), coords=coords, attrs={"unit": "um"}, **more)


def test_named_images_give_named_features(images):
    stack = pf.ImageFeatureStack(("gaussian", "hessian_eigenvalues"), (1,))
    features = stack.transform(named(images[0]))
    assert features.dims == ("y", "x", "feature")
    assert_array_equal(features.coords["feature"], stack.get_feature_names_out())
    assert_array_equal(features.coords["x"], np.arange(64) * 0.25)
    assert features.coords["time"] == 3.0
    assert features.attrs == {"unit": "um"}
    assert_array_equal(features, stack.transform(images[0]))


@pytest.mark.parametrize("make", [pipeline, segmenter])
def test_named_images_give_named_labels_and_probabilities(images, scribbles, make):
    model = make().fit(images, scribbles)
    labels, probabilities = model.predict(named(images[0])), model.predict_proba(named(images[0]))
    assert labels.dims == ("y", "x")
    assert probabilities.dims == ("y", "x", "class")
    assert_array_equal(probabilities.coords["class"], [1, 2])
    assert_array_equal(labels.coords["y"], np.arange(64) * 0.5)
    assert_array_equal(probabilities.sel({"class": 2}), model.predict_proba(images[0])[..., 1])
    for result in model.predict([named(images[0]), images[1]]), model.predict_proba([named(images[0]), images[1]]):
        assert isinstance(result[0], xarray.DataArray)
        assert isinstance(result[1], np.ndarray)


@pytest.mark.parametrize("make", [pipeline, segmenter])
def test_named_stacks_keep_the_sample_axis(images, scribbles, make):
    stack = xarray.DataArray(np.stack(images), dims=("field", "y", "x"), coords={"field": list("abcdef")})
    model = make().fit(stack, scribbles)
    labels = model.predict(stack)
    assert labels.dims == ("field", "y", "x")
    assert labels.coords["field"].values.tolist() == list("abcdef")
    assert model.predict_proba(stack).dims == ("field", "y", "x", "class")
    assert_same_images(labels, model.predict(images))


def test_named_channels_leave_and_features_come(images):
    image = xarray.DataArray(np.stack(images[:2]), dims=("stain", "y", "x"), coords={"stain": ["dna", "actin"]})
    features = pf.ImageFeatureStack(("gaussian",), (1,), channel_axis=0).fit([image]).transform(image)
    assert features.dims == ("y", "x", "feature")
    assert features.coords["feature"].values.tolist() == ["channel_0_gaussian_sigma_1", "channel_1_gaussian_sigma_1"]
    assert "stain" not in features.coords
    normal = pf.ImageNormalizer(channel_axis=0).transform(image)
    assert normal.dims == image.dims
    assert normal.coords["stain"].values.tolist() == ["dna", "actin"]


# --- parameters --------------------------------------------------------------------------------------------------


def test_parameters_nest():
    model = segmenter()
    model.set_params(features__sigmas=(7,), classifier__max_depth=3, unlabeled=255)
    assert model.features.sigmas == (7,)
    assert model.classifier.max_depth == 3
    assert model.get_params()["classifier__max_depth"] == 3
    assert pipeline(classify__estimator__n_estimators=2).get_params()["classify__estimator__n_estimators"] == 2
    with pytest.raises(ValueError, match="Invalid parameter 'sigma'"):
        model.set_params(features__sigma=(1,))


@pytest.mark.parametrize("make", [pipeline, segmenter, pf.ImageSegmenter, pf.PixelClassifier])
def test_clones_share_nothing(make):
    model = make()
    copy = clone(model)
    assert repr(copy) == repr(model)
    for name, value in model.get_params().items():
        if hasattr(value, "get_params"):
            assert copy.get_params()[name] is not value


def test_fit_leaves_the_parts_unfitted(images, scribbles):
    model = segmenter().fit(images, scribbles)
    assert not hasattr(model.features, "n_features_in_")
    assert not hasattr(model.classifier, "classes_")
    classifier = pf.PixelClassifier(LogisticRegression())
    make_pipeline(pf.ImageFeatureStack(("original",)), pf.ImageNormalizer(channel_axis=-1), classifier).fit(
        images, scribbles
    )
    assert not hasattr(classifier.estimator, "classes_")


# --- out-of-fold predictions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_out_of_fold_predictions_of_ragged_images(ragged, method):
    images, scribbles = ragged
    results = pf.model_selection.cross_val_predict(
        segmenter(), images, scribbles, groups=DONORS, cv=GroupKFold(3), method=method
    )
    assert [result.shape[:2] for result in results] == [image.shape for image in images]
    train, test = next(GroupKFold(3).split(images, groups=DONORS))
    model = segmenter().fit([images[i] for i in train], [scribbles[i] for i in train])
    assert_same_images([results[i] for i in test], getattr(model, method)([images[i] for i in test]))


def test_scikit_learns_cross_val_predict_serves_stacks(images, scribbles):
    stack, labels = np.stack(images), np.stack(scribbles)
    how = {"groups": DONORS, "cv": GroupKFold(3)}
    expected = pf.model_selection.cross_val_predict(segmenter(), images, scribbles, **how)
    assert_same_images(cross_val_predict_of_scikit_learn(segmenter(), stack, labels, **how), expected)

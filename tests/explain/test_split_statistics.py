"""Splits are counted from nodes: the oracle walks scikit-learn's own trees, of more than ten features."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import pixelforest as pf
from pixelforest.demo_data import load_blobs
from pixelforest.explain import split_statistics

N_FEATURES = 13


def table_data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, N_FEATURES))
    return X, (X[:, 1] + X[:, 11] + 0.3 * rng.normal(size=300) > 0).astype(int) + (X[:, 12] > 1)


def counted_by_hand(model, n_features):
    """Walk every tree from its root and count what nodes look at, by depth."""
    trees = [tree.tree_ for tree in model.estimators_]
    counts = np.zeros((n_features, max(tree.max_depth for tree in trees)), int)
    for tree in trees:
        waiting = [(0, 0)]
        while waiting:
            node, depth = waiting.pop()
            if tree.children_left[node] != -1:
                counts[tree.feature[node], depth] += 1
                waiting += [(tree.children_left[node], depth + 1), (tree.children_right[node], depth + 1)]
    return counts


@pytest.mark.parametrize(
    "model",
    [
        pf.OpenCLRandomForestClassifier(30, max_depth=4, random_state=0, device="numpy"),
        RandomForestClassifier(20, random_state=0),
        ExtraTreesRegressor(20, max_depth=5, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_counts_are_those_of_the_nodes(model):
    X, y = table_data()
    model.fit(X, y)
    expected = counted_by_hand(model, N_FEATURES)
    assert expected[1].sum() != expected[11].sum()  # a search for "x1" in the text would mix up features 1 and 11
    for explained in (model, pf.compile_forest(model, device="numpy")):
        counts = split_statistics(explained, values="counts")
        np.testing.assert_array_equal(counts, expected)
        assert counts.index.tolist() == [f"x{column}" for column in range(N_FEATURES)]
        assert (counts.index.name, counts.columns.name) == ("feature", "depth")
        np.testing.assert_allclose(split_statistics(explained), expected / expected.sum(axis=0))


def test_every_target_has_the_same_nodes():
    X, y = table_data()
    model = RandomForestClassifier(5, max_depth=3, random_state=0).fit(X, np.stack([y, y > 0], axis=1))
    np.testing.assert_array_equal(split_statistics(model, values="counts"), counted_by_hand(model, N_FEATURES))


def test_splits_on_categories_count_for_their_feature():
    rng = np.random.default_rng(0)
    X = np.stack([rng.normal(size=400), rng.integers(0, 6, 400), rng.normal(size=400)], axis=1)
    y = np.isin(X[:, 1], (0, 3, 4)) ^ (X[:, 2] > 1)
    model = HistGradientBoostingClassifier(max_iter=5, max_depth=3, categorical_features=[1]).fit(X, y)
    nodes = np.concatenate([trees[0].nodes for trees in model._predictors])
    inner = nodes[nodes["is_leaf"] == 0]
    assert inner["is_categorical"].any()
    expected = np.zeros((3, inner["depth"].max() + 1), int)
    column = np.array([1, 0, 2])[inner["feature_idx"]]  # scikit-learn puts categories in front
    np.add.at(expected, (column, inner["depth"]), 1)
    np.testing.assert_array_equal(split_statistics(model, values="counts"), expected)


@pytest.mark.parametrize("is_compiled", [False, True])
def test_names_come_from_the_feature_stack(is_compiled):
    image, strokes = load_blobs()
    stack = pf.ImageFeatureStack(sigmas=(1, 2), device="numpy")
    forest = pf.OpenCLRandomForestClassifier(10, max_depth=3, random_state=0, device="numpy")
    pipeline = make_pipeline(pf.ImageNormalizer(), stack, pf.PixelClassifier(forest)).fit([image], [strokes])
    segmenter = make_pipeline(pf.ImageNormalizer(), pf.ImageSegmenter(stack, forest)).fit([image], [strokes])
    expected = counted_by_hand(pipeline[-1].estimator_, 17)
    if is_compiled:
        compiled = pf.compile_forest(pipeline[-1].estimator_, device="numpy")
        pipeline = make_pipeline(stack, pf.PixelClassifier(compiled)).fit([image], [strokes])
        segmenter = pf.ImageSegmenter(stack, compiled).fit([image], [strokes])
    for model in (pipeline, segmenter):
        counts = split_statistics(model, values="counts")
        np.testing.assert_array_equal(counts, expected)
        assert counts.index.tolist() == list(stack.get_feature_names_out())


def test_names_come_from_tables_through_scalers_or_from_the_caller():
    X, y = table_data()
    named = pd.DataFrame(X, columns=[f"feature {column}" for column in range(N_FEATURES)])
    forest = RandomForestClassifier(3, max_depth=2, random_state=0)
    assert list(split_statistics(forest.fit(named, y)).index) == list(named)
    assert list(split_statistics(make_pipeline(StandardScaler(), forest).fit(named, y)).index) == list(named)
    names = [chr(ord("a") + column) for column in range(N_FEATURES)]
    assert list(split_statistics(forest, feature_names=names).index) == names


def test_names_go_through_the_steps_inside_a_pixel_classifier():
    image, strokes = load_blobs()
    stack = pf.ImageFeatureStack(("gaussian",), sigmas=(1, 2), device="numpy")
    forest = RandomForestClassifier(3, max_depth=2, random_state=0)
    for inner, names in (
        (StandardScaler(), ["gaussian_sigma_1", "gaussian_sigma_2"]),
        (PCA(2), ["pca0", "pca1"]),
    ):
        model = make_pipeline(stack, pf.PixelClassifier(make_pipeline(inner, forest))).fit([image], [strokes])
        assert split_statistics(model).index.tolist() == names


def test_forests_of_other_libraries():
    """LightGBM counts depths from 1 and tells what it splits on."""
    lightgbm = pytest.importorskip("lightgbm")
    X, y = table_data()
    model = lightgbm.LGBMClassifier(n_estimators=4, num_leaves=9, min_child_samples=5, verbose=-1).fit(X, y)
    nodes = model.booster_.trees_to_dataframe().dropna(subset="split_feature")
    expected = np.zeros((N_FEATURES, nodes["node_depth"].max()), int)
    column = nodes["split_feature"].str.removeprefix("Column_").astype(int)
    np.add.at(expected, (column, nodes["node_depth"] - 1), 1)
    np.testing.assert_array_equal(split_statistics(model, values="counts"), expected)


def test_trees_without_splits_have_no_depths():
    model = RandomForestClassifier(2).fit([[0.0], [0.0]], [0, 1])
    assert split_statistics(model).shape == (1, 0)


def test_bad_input_is_refused():
    X, y = table_data()
    forest = RandomForestClassifier(3, max_depth=2).fit(X, y)
    with pytest.raises(ValueError, match="`feature_names` must hold one name per column of the model, 13, got 2"):
        split_statistics(forest, feature_names=["a", "b"])
    with pytest.raises(TypeError, match="`feature_names` must be a sequence of names, got the text 'area'"):
        split_statistics(forest, feature_names="area")
    with pytest.raises(ValueError, match=r"`values` must be one of \('shares', 'counts'\), got 'share'"):
        split_statistics(forest, values="share")
    with pytest.raises(ValueError, match="`model` must be a fitted forest or tree of scikit-learn, got SVC"):
        split_statistics(SVC().fit(X, y))
    with pytest.raises(NotFittedError):
        split_statistics(pf.ImageSegmenter())

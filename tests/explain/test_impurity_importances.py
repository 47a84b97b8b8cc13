"""Importances by name are scikit-learn's, and their spread that of its trees."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

import pixelforest as pf
from pixelforest.demo_data import load_blobs
from pixelforest.explain import impurity_importances

rng = np.random.default_rng(0)
X = pd.DataFrame(rng.normal(size=(200, 4)), columns=["area", "perimeter", "solidity", "extent"])
y = (X["area"] + 0.5 * X["extent"] > 0).astype(int)


def test_means_and_spreads_of_a_segmenter_are_those_of_its_forest():
    image, strokes = load_blobs()
    stack = pf.ImageFeatureStack(("gaussian", "sobel"), sigmas=(1, 3), device="numpy")
    forest = pf.OpenCLRandomForestClassifier(12, max_depth=3, random_state=0, device="numpy")
    model = pf.ImageSegmenter(stack, forest).fit([image], [strokes])
    table = impurity_importances(model)
    assert table.index.tolist() == ["gaussian_sigma_1", "gaussian_sigma_3", "sobel_sigma_1", "sobel_sigma_3"]
    np.testing.assert_array_equal(table["importance"], model.classifier_.feature_importances_)
    each = [tree.feature_importances_ for tree in model.classifier_.estimators_]
    np.testing.assert_allclose(table["std"], np.std(each, axis=0), rtol=1e-12)


def test_trees_without_splits_do_not_count():
    """scikit-learn leaves them out of the mean; so does the spread."""
    small = RandomForestClassifier(30, random_state=1, max_depth=2).fit([[0, 0], [0, 1], [1, 1]], [0, 0, 1])
    each = [tree.feature_importances_ for tree in small.estimators_ if tree.tree_.node_count > 1]
    assert 0 < len(each) < 30
    table = impurity_importances(small)
    np.testing.assert_allclose(table["importance"], np.mean(each, axis=0))
    np.testing.assert_allclose(table["std"], np.std(each, axis=0))


@pytest.mark.parametrize("model", [RandomForestClassifier(5), GradientBoostingClassifier(n_estimators=5)])
def test_names_of_tables(model):
    table = impurity_importances(model.fit(X, y))
    assert table.index.tolist() == list(X)
    np.testing.assert_array_equal(table["importance"], model.feature_importances_)
    assert table["std"].notna().all()


def test_a_single_tree_has_no_spread():
    assert impurity_importances(DecisionTreeClassifier().fit(X, y))["std"].isna().all()


def test_models_without_impurities_are_refused():
    forest = RandomForestClassifier(3).fit(X, y)
    with pytest.raises(ValueError, match=r"a CompiledClassifier has none; `permutation_importances` needs predictions"):
        impurity_importances(pf.compile_forest(forest, device="numpy"))
    with pytest.raises(ValueError, match="a HistGradientBoostingClassifier has none"):
        impurity_importances(HistGradientBoostingClassifier(max_iter=2).fit(X, y))
    with pytest.raises(ValueError, match="`feature_names` must hold one name per column of the model, 4, got 1"):
        impurity_importances(forest, feature_names=["area"])

"""A forest without the features that no tree looks at decides as before."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from pixelforest.backends.numpy.forest import NumpyForestProgram
from pixelforest.forest.categories import CategorySplit
from pixelforest.forest.narrow import narrow_forest, used_features
from pixelforest.forest.read import read_forest
from pixelforest.forest.representation import make_forest


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 30))
def test_narrow_forests_give_the_probabilities_of_scikit_learn(seed, depth, n_features):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(60, n_features)).astype(np.float32), rng.integers(0, 3, 60)
    model = RandomForestClassifier(3, max_depth=depth, random_state=seed).fit(X, y)
    forest = read_forest(model)
    used = used_features(forest)
    looked_at = {int(f) for tree in model.estimators_ for f in tree.tree_.feature if f >= 0}
    assert set(used) == looked_at
    narrow = NumpyForestProgram(narrow_forest(forest, used))
    assert_array_equal(narrow.class_probabilities(X[:, list(used)]), model.predict_proba(X))


def test_trees_that_look_at_nothing_keep_one_feature():
    forest = read_forest(DecisionTreeClassifier().fit(np.zeros((4, 5)), [0, 1, 1, 1]))
    assert used_features(forest) == (0,)
    assert NumpyForestProgram(narrow_forest(forest, (0,))).class_indices([[7.0]]).tolist() == [1]


@pytest.mark.parametrize("features", [(2, 3), (1, 2, 3)])
def test_derived_columns_move_with_their_feature(features):
    nodes = {
        "feature": [4, 2, 0, 0, 0],  # column 4 is derived from feature 3
        "threshold": [0.5, 1.5, 0, 0, 0],
        "left": [1, 3, -1, -1, -1],
        "right": [2, 4, -1, -1, -1],
        "leaf": [-1, -1, 0, 1, 2],
    }
    forest = make_forest(
        **nodes,
        missing_left=[False] * 5,
        roots=[0],
        leaf_values=np.eye(3),
        n_features=4,
        categorical=(CategorySplit(feature=3, members=(5.0,)),),
    )
    assert used_features(forest) == (2, 3)
    rows = np.array([[0, 0, 1, 5], [0, 0, 1, 4], [0, 0, 2, 4], [9, 9, 2, 5]], float)
    expected = NumpyForestProgram(forest).class_indices(rows)
    assert expected.tolist() == [0, 1, 2, 0]
    got = NumpyForestProgram(narrow_forest(forest, features)).class_indices(rows[:, list(features)])
    assert_array_equal(got, expected)

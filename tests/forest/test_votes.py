"""Forests whose trees vote, against the trees themselves."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

from pixelforest.backends.select import open_backend
from pixelforest.estimators.compiled import ForestPrograms
from pixelforest.forest.read import read_forest
from pixelforest.forest.votes import vote_forest

X, Y = make_classification(300, 8, n_informative=5, n_classes=3, random_state=0)


@pytest.mark.parametrize("max_depth", [1, 3, None])
def test_shares_of_votes_are_those_of_the_trees(max_depth):
    model = RandomForestClassifier(15, max_depth=max_depth, min_samples_leaf=2, random_state=0).fit(X, Y)
    votes = np.stack([tree.predict(X) for tree in model.estimators_])
    expected = np.stack([(votes == i).mean(axis=0) for i in range(3)], axis=1)
    program = ForestPrograms([vote_forest(read_forest(model))]).on(open_backend("auto"))[0]
    found = program.class_probabilities(X.astype(np.float32))
    assert_allclose(found, expected, atol=1e-7)
    assert abs(found - model.predict_proba(X)).max() > 0.01


def test_boosted_trees_do_not_vote():
    model = GradientBoostingClassifier(n_estimators=2).fit(X, Y)
    with pytest.raises(ValueError, match="do not vote"):
        vote_forest(read_forest(model))

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor

from pixelforest.backends.numpy.forest import NumpyForestProgram
from pixelforest.forest import ranks
from pixelforest.forest.ranks import rank_forest
from pixelforest.forest.read import read_forest
from pixelforest.forest.representation import make_forest


def stumps(thresholds, missing_left):
    first = 3 * np.arange(len(thresholds))
    leaf = np.full_like(first, -1)
    return make_forest(
        feature=[0, 0, 0] * len(thresholds),
        threshold=np.repeat(thresholds, 3),
        left=np.column_stack([first + 1, leaf, leaf]).ravel(),
        right=np.column_stack([first + 2, leaf, leaf]).ravel(),
        missing_left=[missing_left] * 3 * len(thresholds),
        leaf=[-1, 0, 1] * len(thresholds),
        roots=first,
        leaf_values=[[1.0, 0.0], [0.0, 1.0]],
        n_features=1,
        precision="float64",
    )


@given(
    st.lists(st.floats(allow_nan=False, min_value=-1.7e308), min_size=1, max_size=9),
    st.lists(st.floats() | st.sampled_from([0.0, -0.0, 5e-324, np.nan]), max_size=20),
    st.booleans(),
)
def test_ranks_decide_as_float64_does(thresholds, values, missing_left):
    forest = stumps(thresholds, missing_left)
    near = np.array(thresholds)
    with np.errstate(over="ignore"):
        X = np.concatenate([values, near, np.nextafter(near, np.inf), np.nextafter(near, -np.inf)])[:, np.newaxis]
    ranked = rank_forest(forest)
    rows = ranked.ranks(X)
    assert rows.dtype == np.float32
    expected = NumpyForestProgram(forest).leaf_nodes(X)
    assert np.array_equal(NumpyForestProgram(ranked.forest).leaf_nodes(rows), expected)


@pytest.mark.parametrize("categorical", [None, [1, 2]])
def test_fitted_forests_give_the_same_values(categorical, hard_rows):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    X[:, 1:3] = rng.integers(0, 9, (300, 2))
    y = (X[:, 0] > 0) + (X[:, 1] % 3 == 1)
    model = HistGradientBoostingClassifier(max_iter=9, min_samples_leaf=3, categorical_features=categorical).fit(X, y)
    for forest in (read_forest(model), read_forest(RandomForestRegressor(5, random_state=0).fit(X, y))):
        rows = hard_rows(forest, n_rows=1000)
        ranked = rank_forest(forest)
        found = NumpyForestProgram(ranked.forest).values(ranked.ranks(rows))
        assert np.array_equal(found, NumpyForestProgram(forest).values(rows))
        assert ranked.ranks(rows).shape == (1000, ranked.forest.n_features)


def test_more_thresholds_than_float32_counts_are_refused(monkeypatch):
    monkeypatch.setattr(ranks, "MAX_RANK", 3)
    assert rank_forest(stumps([1.0, 2.0, 1.0], False)).cuts[0].tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="must have fewer than 3 thresholds per column, got 3"):
        rank_forest(stumps([1.0, 2.0, 3.0], False))

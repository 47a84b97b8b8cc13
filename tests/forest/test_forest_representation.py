import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from pixelforest.forest.categories import CategorySplit
from pixelforest.forest.read import read_forest
from pixelforest.forest.representation import make_forest

TWO_STUMPS = {
    "feature": [1, 0, 0, 0, 0, 0],
    "threshold": [0.5, 0, 0, np.inf, 0, 0],
    "left": [1, -1, -1, 4, -1, -1],
    "right": [2, -1, -1, 5, -1, -1],
    "missing_left": [True, False, False, False, False, False],
    "leaf": [-1, 0, 1, -1, 1, 0],
    "roots": [0, 3],
    "leaf_values": [[1.0, 0.0], [0.25, 0.75]],
    "n_features": 2,
}


def with_entry(name, index, value):
    entries = list(TWO_STUMPS[name])
    entries[index] = value
    return {**TWO_STUMPS, name: entries}


def test_make_forest_freezes_valid_arrays():
    forest = make_forest(**TWO_STUMPS)
    assert (forest.n_trees, forest.n_classes, forest.max_depth) == (2, 2, 1)
    assert forest.depths.tolist() == [1, 1]
    with pytest.raises(ValueError, match="read-only"):
        forest.threshold[0] = 1
    assert forest in {forest: "usable as a key"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (with_entry("left", 0, 4), "`left` must be a node of the same tree; node 0 has 4"),
        (with_entry("left", 0, 0), "must give node 0 0 parents, not 1"),
        (with_entry("left", 0, 2), "must give node 1 1 parents, not 0"),
        (with_entry("right", 0, -5), "`right` must be a node of the same tree"),
        (with_entry("right", 4, 3), "`right` must be -1 in leaves"),
        (with_entry("feature", 0, 2), r"`feature` must be in \[0, 2\); node 0 has 2"),
        (with_entry("feature", 3, -1), "`feature` must be in"),
        (with_entry("threshold", 0, np.nan), "`threshold` must be finite or .inf; node 0 has nan"),
        (with_entry("threshold", 0, -np.inf), "`threshold` must be finite"),
        (with_entry("leaf", 5, 2), "`leaf` must be -1 in inner nodes, else below 2; node 5 has 2"),
        (with_entry("roots", 0, 1), "`roots` must begin with 0"),
        (with_entry("roots", 1, 0), "`roots` must begin with 0 and increase"),
        (with_entry("roots", 1, 2**33), "`roots` must fit into 32 bits"),
        ({**TWO_STUMPS, "leaf": [0]}, "`leaf` must have one entry per node"),
        ({**TWO_STUMPS, "left": [0.5] * 6}, "`left` must be a non-empty 1-D array of integers"),
        ({**TWO_STUMPS, "leaf_values": []}, "`leaf_values` must have shape"),
        ({**TWO_STUMPS, "leaf_values": [[1.0, 0.0], [np.inf, 0.0]]}, "`leaf_values` must be finite; row 1 has"),
        ({**TWO_STUMPS, "node_ids": [0]}, "`node_ids` must have one entry per node"),
        ({**TWO_STUMPS, "first_output": [0]}, "`first_output` must have one entry per tree"),
        ({**TWO_STUMPS, "first_output": [0, 1]}, r"`first_output` must be in \[0, 0\]; tree 1 has 1"),
        ({**TWO_STUMPS, "n_outputs": 3}, "`first_output` must be the same number of trees for each; output 0 has 2"),
        ({**TWO_STUMPS, "baseline": [0.5, 0]}, "`baseline` must be 0 where `averages` is True"),
        ({**TWO_STUMPS, "baseline": [np.nan, 0], "averages": False}, "`baseline` must be 2 finite numbers"),
        ({**TWO_STUMPS, "baseline": [0.0]}, "`baseline` must be 2 finite numbers"),
        ({**TWO_STUMPS, "decision": "sign"}, "`n_outputs` must be 1 where `decision` is 'sign', got 2"),
        ({**TWO_STUMPS, "decision": "smallest"}, "`decision` must be one of .*, got 'smallest'"),
        ({**TWO_STUMPS, "link": "cube"}, "`link` must be one of"),
        ({**TWO_STUMPS, "precision": "float16"}, "`precision` must be one of"),
        ({**TWO_STUMPS, "tie_class": 2}, "`tie_class` must be 0 or 1, got 2"),
        ({**TWO_STUMPS, "link_scale": 0}, "`link_scale` must be finite and positive"),
        ({**TWO_STUMPS, "categorical": (CategorySplit(feature=2, members=()),)}, r"`categorical\[0\].feature` must be"),
        (
            {**TWO_STUMPS, "categorical": (CategorySplit(feature=0, members=(2, 1)),)},
            "members` must be finite and incre",
        ),
    ],
)
def test_make_forest_names_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_forest(**arguments)


def test_make_forest_refuses_cycles():
    # Every node but the root has exactly one parent; 1 → 2 → 1 hangs beside the tree.
    with pytest.raises(ValueError, match="cycles; 4 nodes"):
        make_forest(
            feature=[0] * 5,
            threshold=[0.0] * 5,
            left=[-1, 2, 1, -1, -1],
            right=[-1, 3, 4, -1, -1],
            missing_left=[False] * 5,
            leaf=[0, -1, -1, 0, 0],
            roots=[0],
            leaf_values=[[1.0]],
            n_features=1,
        )


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(5, random_state=0),
        RandomForestClassifier(5, max_leaf_nodes=6, random_state=0),
        ExtraTreesClassifier(5, random_state=0),
        DecisionTreeClassifier(random_state=0),
    ],
)
def test_read_forest_copies_the_trees(model):
    rng = np.random.default_rng(0)
    model.fit(rng.normal(size=(60, 3)), rng.integers(0, 3, 60))
    forest = read_forest(model)
    trees = getattr(model, "estimators_", [model])
    assert forest.depths.tolist() == [tree.tree_.max_depth for tree in trees]
    assert len(forest.left) == sum(tree.tree_.node_count for tree in trees)
    assert sum(len(level) for level in forest.levels) == len(forest.left)


def test_read_forest_accepts_the_infinite_thresholds_of_missing_values():
    X = np.array([[np.nan], [np.nan], [1.0], [2.0]])
    forest = read_forest(DecisionTreeClassifier(random_state=0).fit(X, [0, 0, 1, 1]))
    assert np.isinf(forest.threshold).any()


def test_read_forest_refuses_what_has_no_single_output_tree():
    X = [[0.0], [1.0]]
    with pytest.raises(ValueError, match="must have one output, got 2"):
        read_forest(RandomForestClassifier(2).fit(X, [[0, 1], [1, 0]]))
    with pytest.raises(ValueError, match="must be a fitted forest or tree of scikit-learn, got dict"):
        read_forest({})
    with pytest.raises(ValueError, match="must be a fitted forest"):
        read_forest(RandomForestClassifier())

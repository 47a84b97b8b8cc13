"""XGBoost, on a model file that holds scikit-learn's trees with a vector in each leaf."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from benchmarks.forest.peers.nodes import TreeNodes, trees_of
from benchmarks.forest.peers.peer import Peer, PeerTask


def _tree(nodes: TreeNodes, number: int, n_features: int) -> dict[str, Any]:
    """Return a tree of the model file, numbered by level.

    Splits ask ``x < condition`` in float32, so the condition is the first number above the threshold. Siblings follow
    each other; the right child of a leaf is its row in the weights.
    """
    is_leaf, n_nodes = nodes.is_leaf, len(nodes.left)
    nearest = nodes.threshold.astype(np.float32)
    above = np.where(nearest > nodes.threshold, nearest, np.nextafter(nearest, np.float32(np.inf)))
    parents = np.full(n_nodes, -1)
    parents[nodes.left[~is_leaf]] = parents[nodes.right[~is_leaf]] = np.flatnonzero(~is_leaf)
    zeros = [0] * n_nodes
    return {
        "id": number,
        "base_weights": np.zeros(nodes.values.size).tolist(),
        "leaf_weights": nodes.values[is_leaf].ravel().tolist(),
        "left_children": nodes.left.tolist(),
        "right_children": np.where(is_leaf, np.cumsum(is_leaf) - 1, nodes.right).tolist(),
        "parents": parents.tolist(),
        "split_indices": np.where(is_leaf, 0, nodes.feature).tolist(),
        "split_conditions": [float(str(value)) for value in np.where(is_leaf, np.float32(0), above)],
        "split_type": zeros,
        "default_left": zeros,
        "loss_changes": [0.0] * n_nodes,
        "sum_hessian": [0.0] * n_nodes,
        **{name: [] for name in ("categories", "categories_nodes", "categories_segments", "categories_sizes")},
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(n_features),
            "num_nodes": str(n_nodes),
            "size_leaf_vector": str(nodes.values.shape[1]),
        },
    }


def model_file(model: RandomForestClassifier) -> bytearray:
    """Return the JSON model: a sum of trees with ``n_classes`` outputs."""
    n_features, n_classes = model.n_features_in_, model.n_classes_
    trees = [_tree(nodes.by_level(), number, n_features) for number, nodes in enumerate(trees_of(model))]
    parameters = {"num_parallel_tree": str(len(trees)), "num_trees": str(len(trees))}
    booster = {
        "gbtree_model_param": parameters,
        "iteration_indptr": [0, len(trees)],
        "tree_info": [0] * len(trees),
        "trees": trees,
        "cats": {"enc": [], "feature_segments": [], "sorted_idx": []},
    }
    learner = {
        "attributes": {},
        "feature_names": [],
        "feature_types": [],
        "gradient_booster": {"model": booster, "name": "gbtree"},
        "learner_model_param": {
            "base_score": str([0] * n_classes).replace(" ", ""),
            "boost_from_average": "0",
            "num_class": "0",
            "num_feature": str(n_features),
            "num_target": str(n_classes),
        },
        "objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}},
    }
    return bytearray(json.dumps({"learner": learner, "version": [3, 2, 0]}).encode())


class XgBoost(Peer):
    name = "XGBoost"
    distributions: ClassVar = {"xgboost": "xgboost"}
    remark = "scikit-learn's trees written as its model file"

    def compile(self, task: PeerTask) -> Callable[[Any], NDArray[Any]]:
        import xgboost

        booster = xgboost.Booster({"nthread": task.threads})
        booster.load_model(model_file(task.model))
        booster.set_param({"nthread": task.threads})
        return booster.inplace_predict

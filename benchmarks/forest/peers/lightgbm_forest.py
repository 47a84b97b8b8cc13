"""LightGBM, and lleaves which compiles its model files by LLVM, on scikit-learn's trees.

A leaf of these engines holds one number, so every tree is written once per class but the last, whose probability is
what is left: once for two classes, twice for three.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from benchmarks.forest.peers.nodes import TreeNodes, trees_of
from benchmarks.forest.peers.peer import Peer, PeerTask


def _joined(values: Any) -> str:
    return " ".join(map(repr, np.asarray(values).tolist()))


def _tree(nodes: TreeNodes, number: int, output: int) -> str:
    """Return the paragraph of one tree: inner nodes count from 0, and a leaf `n` as a child is ``-1 - n``."""
    is_leaf = nodes.is_leaf
    index = np.where(is_leaf, -np.cumsum(is_leaf), np.cumsum(~is_leaf) - 1)
    left, right = index[nodes.left[~is_leaf]], index[nodes.right[~is_leaf]]
    lines = {
        "Tree": number,
        "num_leaves": int(is_leaf.sum()),
        "num_cat": 0,
        "split_feature": _joined(nodes.feature[~is_leaf]),
        "split_gain": _joined(np.zeros(left.size)),
        "threshold": _joined(nodes.threshold[~is_leaf]),
        "decision_type": _joined(np.zeros(left.size, int)),
        "left_child": _joined(left),
        "right_child": _joined(right),
        "leaf_value": _joined(nodes.values[is_leaf, output]),
        "leaf_weight": _joined(np.zeros(left.size + 1)),
        "leaf_count": _joined(np.zeros(left.size + 1, int)),
        "internal_value": _joined(np.zeros(left.size)),
        "internal_weight": _joined(np.zeros(left.size)),
        "internal_count": _joined(np.zeros(left.size, int)),
        "is_linear": 0,
        "shrinkage": 1,
    }
    return "\n".join(f"{key}={value}" for key, value in lines.items())


def model_file(model: RandomForestClassifier) -> str:
    """Return LightGBM's text for the forest, with ``n_classes - 1`` outputs."""
    n_outputs, n_features = model.n_classes_ - 1, model.n_features_in_
    general = [
        "tree",
        "version=v4",
        f"num_class={n_outputs}",
        f"num_tree_per_iteration={n_outputs}",
        "label_index=0",
        f"max_feature_idx={n_features - 1}",
        "objective=custom",
        "feature_names=" + " ".join(f"feature_{i}" for i in range(n_features)),
        "feature_infos=" + " ".join(["[-1e300:1e300]"] * n_features),
    ]
    trees = [
        _tree(nodes, n_outputs * number + output, output) + "\n\n"
        for number, nodes in enumerate(trees_of(model))
        for output in range(n_outputs)
    ]
    general.append("tree_sizes=" + " ".join(str(len(tree)) for tree in trees))
    return "\n".join(general) + "\n\n" + "".join(trees) + "end of trees\n\npandas_categorical:[]\n"


def _with_last_class(sums: NDArray[Any]) -> NDArray[Any]:
    """Return probabilities of all classes."""
    first = sums.reshape(len(sums), -1)
    return np.concatenate([first, 1 - first.sum(axis=1, keepdims=True)], axis=1)


class LightGbm(Peer):
    name = "LightGBM"
    distributions: ClassVar = {"lightgbm": "lightgbm"}
    remark = "scikit-learn's trees written as its model file, once per class but the last"

    def compile(self, task: PeerTask) -> Callable[[Any], NDArray[Any]]:
        import lightgbm

        booster = lightgbm.Booster(model_str=model_file(task.model))
        return lambda rows: _with_last_class(booster.predict(rows, raw_score=True, num_threads=task.threads))


class Lleaves(Peer):
    name = "lleaves"
    distributions: ClassVar = {"lleaves": "lleaves"}
    nodes_per_second = 800
    remark = LightGbm.remark

    def compile(self, task: PeerTask) -> Callable[[Any], NDArray[Any]]:
        import lleaves

        with TemporaryDirectory() as folder:
            path = Path(folder) / "forest.txt"
            path.write_text(model_file(task.model), encoding="utf-8")
            forest = lleaves.Model(model_file=str(path))
            forest.compile(raw_score=True)
        return lambda rows: _with_last_class(forest.predict(rows, n_jobs=task.threads))

    def prepare(self, task: PeerTask) -> Any:
        """Return float64 rows, which is what its code reads."""
        return task.rows.astype(float)

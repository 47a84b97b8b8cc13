"""Yggdrasil Decision Forests, on trees converted from scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.forest.peers.peer import Peer, PeerTask


class Ydf(Peer):
    name = "YDF"
    distributions: ClassVar = {"ydf": "ydf"}

    def compile(self, task: PeerTask) -> Callable[[Any], NDArray[Any]]:
        import ydf

        converted = ydf.from_sklearn(task.model)
        # The converter leaves the learner's default, where every tree casts one vote; scikit-learn's trees vote by
        # probability, so the converted trees move to a forest that averages.
        n_classes, n_features = task.model.n_classes_, task.model.n_features_in_
        shell = ydf.RandomForestLearner("label", num_trees=0, winner_take_all=False).train(
            {"label": [str(c) for c in task.model.classes_], "features": np.zeros((n_classes, n_features))}, verbose=0
        )
        for tree in converted.iter_trees():
            shell.add_tree(tree)

        def predict(rows: Any) -> NDArray[Any]:
            values = shell.predict(rows, num_threads=task.threads)
            return np.stack([1 - values, values], axis=1) if n_classes == 2 else values

        return predict

    def prepare(self, task: PeerTask) -> Any:
        """Return a dictionary, the form of its examples."""
        return {"features": task.rows}

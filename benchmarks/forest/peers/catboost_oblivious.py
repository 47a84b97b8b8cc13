"""CatBoost, whose trees ask one question per level: another model, and the fastest to apply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from numpy.typing import NDArray

from benchmarks.forest.peers.peer import Peer, PeerTask, UnsupportedForestError


class CatBoost(Peer):
    name = "CatBoost"
    distributions: ClassVar = {"catboost": "catboost"}
    is_same_model = False
    remark = "trains its own oblivious trees, as many and as deep"

    def compile(self, task: PeerTask) -> Callable[[Any], NDArray[Any]]:
        import catboost

        if task.model.max_depth is None:
            raise UnsupportedForestError("its trees are at most 16 deep")
        forest = catboost.CatBoostClassifier(
            iterations=task.model.n_estimators,
            depth=task.model.max_depth,
            thread_count=task.threads,
            random_seed=0,
            verbose=0,
            allow_writing_files=False,
        )
        forest.fit(task.training_rows, task.training_labels)
        return lambda rows: forest.predict_proba(rows, thread_count=task.threads)

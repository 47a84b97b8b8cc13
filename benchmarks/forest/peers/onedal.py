"""Intel's oneDAL by way of scikit-learn-intelex, which cannot import a forest: it trains one of equal shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from numpy.typing import NDArray

from benchmarks.forest.peers.peer import Peer, PeerTask


class OneDal(Peer):
    name = "oneDAL"
    distributions: ClassVar = {"scikit-learn-intelex": "sklearnex"}
    is_same_model = False
    remark = "trains its own forest of equal shape"

    def compile(self, task: PeerTask) -> Callable[[Any], NDArray[Any]]:
        from sklearnex.ensemble import RandomForestClassifier

        model = task.model
        forest = RandomForestClassifier(
            model.n_estimators, max_depth=model.max_depth, random_state=0, n_jobs=task.threads
        )
        return forest.fit(task.training_rows, task.training_labels).predict_proba

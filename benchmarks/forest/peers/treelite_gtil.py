"""Treelite's interpreter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from numpy.typing import NDArray

from benchmarks.forest.peers.peer import Peer, PeerTask


class TreeliteGtil(Peer):
    name = "treelite GTIL"
    distributions: ClassVar = {"treelite": "treelite"}

    def compile(self, task: PeerTask) -> Callable[[Any], NDArray[Any]]:
        import treelite

        forest = treelite.sklearn.import_model(task.model)
        return lambda rows: treelite.gtil.predict(forest, rows, nthread=task.threads).reshape(len(rows), -1)

    def prepare(self, task: PeerTask) -> Any:
        """Return float64 rows, the type of scikit-learn's thresholds."""
        return task.rows.astype(float)

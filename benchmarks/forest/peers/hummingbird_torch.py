"""Hummingbird: forests as tensor operations of PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from numpy.typing import NDArray

from benchmarks.forest.peers.peer import Peer, PeerTask


class Hummingbird(Peer):
    name = "Hummingbird"
    distributions: ClassVar = {"hummingbird-ml": "hummingbird", "torch": "torch"}

    def compile(self, task: PeerTask) -> Callable[[Any], NDArray[Any]]:
        import torch
        from hummingbird.ml import convert

        torch.set_num_threads(task.threads)
        return convert(task.model, "torch.jit", task.rows[:1024]).predict_proba

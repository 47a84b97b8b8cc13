"""Peers as contestants: their processes for one run, and why some of them cannot take part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import joblib

from benchmarks.forest.contestants import THREADS, Contestant
from benchmarks.forest.peers.peer import Peer, PeerTask
from benchmarks.forest.peers.process import PeerFailedError, PeerProcess
from benchmarks.forest.workloads import Workload


class PeerTeam:
    """The processes of all peers that are installed; a context.

    Parameters
    ----------
    peers : sequence of Peer
    seconds : float
        How long compiling, or one prediction, may take.
    """

    def __init__(self, peers: Sequence[Peer], seconds: float) -> None:
        self._peers = peers
        self._seconds = seconds
        self._processes: dict[str, PeerProcess] = {}

    def __enter__(self) -> PeerTeam:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes.values():
            process.close()

    @property
    def versions(self) -> dict[str, str]:
        """Versions of what is installed."""
        return {name: version for peer in self._peers for name, version in peer.versions().items()}

    def contestants(self, workload: Workload, n_pixels: int) -> tuple[list[Contestant], dict[str, str]]:
        """Compile the forest with every peer; return who can predict it, and why the others cannot."""
        pixels = workload.spread_pixels(n_pixels)
        width = workload.photograph.shape[1]
        task = PeerTask(
            workload.model, workload.training_rows, workload.training_labels, workload.rows[pixels], width, THREADS
        )
        contestants, left_out = [], {}
        with TemporaryDirectory() as folder:
            path = Path(folder) / "task.joblib"
            joblib.dump(task, path)
            for peer in self._peers:
                try:
                    self._refuse(peer, workload)
                    process = self._process(peer)
                    seconds, step = process.compile(path)
                    process.answer()
                except PeerFailedError as error:
                    left_out[peer.name] = str(error)
                    continue
                decided = pixels.reshape(-1, width)[::step].ravel()
                contestants.append(
                    Contestant(
                        peer.name,
                        peer.output,
                        decided,
                        process.call,
                        process.answer,
                        peer.is_same_model,
                        seconds,
                        peer.remark,
                    )
                )
        return contestants, left_out

    def _refuse(self, peer: Peer, workload: Workload) -> None:
        """Raise `PeerFailedError` where it is no use to try."""
        if not peer.is_available():
            raise PeerFailedError(f"not installed: {', '.join(peer.missing())}")
        seconds = workload.n_nodes / peer.nodes_per_second
        if seconds > self._seconds:
            raise PeerFailedError(
                f"compiling {workload.n_nodes:,} nodes takes about {seconds:.0f} s or more, over --peer-seconds"
            )

    def _process(self, peer: Peer) -> PeerProcess:
        """Return the peer's process; a new one where the last has ended."""
        process = self._processes.get(peer.name)
        if process is None or not process.is_alive:
            process = self._processes[peer.name] = PeerProcess(peer.name, self._seconds)
        return process

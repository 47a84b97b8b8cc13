"""Peers in processes of their own: a crash, a quarrel of thread pools or an endless compiler harms nobody else."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from math import ceil, log2
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any, NoReturn

import joblib
from numpy.typing import NDArray

from benchmarks.forest.peers.peer import Peer, PeerTask, UnsupportedForestError

PREDICTION_SECONDS = 0.5
"""What one prediction of a peer may take before it gets fewer pixels."""


class PeerFailedError(RuntimeError):
    """A peer has no answer; the message is for the table."""


class PeerProcess:
    """One peer, loaded once and asked for one workload after the other.

    Parameters
    ----------
    name : str
        A key of `PEERS`.
    seconds : float
        How long compiling, or one prediction, may take.
    """

    def __init__(self, name: str, seconds: float) -> None:
        self._seconds = seconds
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(name, theirs), daemon=False)
        self._process.start()
        theirs.close()

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.is_alive()

    def compile(self, task: Path) -> tuple[float, int]:
        """Compile the pickled `PeerTask`; return seconds until the first answer, and which lines are decided."""
        return self._ask("compile", task)

    def answer(self) -> NDArray[Any]:
        """Predict, and return what came out."""
        return self._ask("answer")

    def call(self) -> None:
        """Predict, and leave the result where it is."""
        self._ask("call")

    def close(self) -> None:
        """End the process and its compilers."""
        if self._process.is_alive():
            with suppress(ProcessLookupError):  # it leads no group yet
                os.killpg(self._process.pid or 0, signal.SIGKILL)
            self._process.kill()
        self._process.join()
        self._connection.close()

    def _ask(self, *question: Any) -> Any:
        try:
            self._connection.send(question)
            if not self._connection.poll(self._seconds):
                self.close()
                raise PeerFailedError(f"{question[0]} took longer than {self._seconds:.0f} s")
            succeeded, answer = self._connection.recv()
        except (EOFError, OSError) as error:
            self._process.join()
            raise PeerFailedError(f"its process ended with status {self._process.exitcode}") from error
        if not succeeded:
            raise PeerFailedError(answer)
        return answer


def _serve(name: str, connection: Connection) -> NoReturn:
    """Answer questions until the other side hangs up."""
    os.setsid()  # compilers that a peer starts die with it
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    from benchmarks.forest.peers.registry import PEERS

    peer = PEERS[name]
    predict: Callable[[], Any] = lambda: None  # noqa: E731
    while True:
        try:
            question, *arguments = connection.recv()
        except EOFError:
            os._exit(0)  # some engines' threads outlive an ordinary exit
        try:
            if question == "compile":
                predict, answer = _compiled(peer, *arguments)
            else:
                answer = predict()
            connection.send((True, None if question == "call" else answer))
        except Exception as error:  # whatever an engine raises belongs in the table
            connection.send((False, _reason(error)))


def _compiled(peer: Peer, path: Path) -> tuple[Callable[[], Any], tuple[float, int]]:
    """Return a prediction without arguments; and the seconds until the first answer, and which lines it decides.

    Importing the engine counts, because some compile parts of themselves then; reading `path` does not. Slow engines
    decide every second, fourth, ... line only, so that one prediction takes about `PREDICTION_SECONDS`.
    """
    task: PeerTask = joblib.load(path)
    start = perf_counter()
    function = peer.compile(task)
    compiled = perf_counter() - start
    n_lines = len(task.rows) // task.width
    sample = peer.prepare(task.every(min(16, n_lines)))
    start = perf_counter()
    function(sample)
    first = perf_counter() - start
    start = perf_counter()
    function(sample)
    share = min(16, n_lines) * (perf_counter() - start) / PREDICTION_SECONDS
    step = min(2 ** max(ceil(log2(share)), 0), n_lines)
    prepared = peer.prepare(task.every(step))
    return lambda: function(prepared), (compiled + first, step)


def _reason(error: Exception) -> str:
    if isinstance(error, UnsupportedForestError):
        return str(error)
    lines = "".join(traceback.format_exception_only(error)).strip().splitlines()
    return lines[0][:200]

"""What a peer is: an engine that makes a callable of a forest."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier


class UnsupportedForestError(ValueError):
    """The engine cannot represent this forest; the message says why."""


@dataclass(frozen=True)
class PeerTask:
    """A forest, what it was fitted on, and the rows to decide.

    Attributes
    ----------
    model : RandomForestClassifier
        What an exact engine converts; its classes are 0 to ``n_classes - 1``.
    training_rows, training_labels : ndarray
        For engines that can only train a forest of their own.
    rows : ndarray of float32, shape (n_rows, n_features)
        C-ordered.
    width : int
        Pixels in a line of the image: `rows` are whole lines.
    threads : int
        How many the engine may use.
    """

    model: RandomForestClassifier
    training_rows: NDArray[np.float32]
    training_labels: NDArray[np.uint8]
    rows: NDArray[np.float32]
    width: int
    threads: int

    def every(self, step: int) -> PeerTask:
        """Return the task with every `step`-th line of the image."""
        lines = self.rows.reshape(-1, self.width, self.rows.shape[1])[::step]
        return replace(self, rows=np.ascontiguousarray(lines).reshape(-1, self.rows.shape[1]))


class Peer(ABC):
    """One engine.

    Attributes
    ----------
    name : str
        As the table prints it.
    distributions : dict of str to str
        What to install, and the module that it brings.
    output : {"probabilities", "labels"}
        What a prediction returns: ``(n_rows, n_classes)`` or ``(n_rows,)``.
    is_same_model : bool
        False if the engine trains a forest of its own, which cannot be compared label by label.
    nodes_per_second : float
        How fast it compiles, roughly, measured on two cores: forests that would take too long are not tried.
    remark : str
        What a reader of the table should know.
    """

    name: ClassVar[str]
    distributions: ClassVar[dict[str, str]]
    output: ClassVar[str] = "probabilities"
    is_same_model: ClassVar[bool] = True
    nodes_per_second: ClassVar[float] = math.inf
    remark: ClassVar[str] = ""

    def missing(self) -> list[str]:
        """Return the distributions that are not installed."""
        return [name for name, module in self.distributions.items() if find_spec(module) is None]

    def is_available(self) -> bool:
        """Whether everything is installed."""
        return not self.missing()

    def versions(self) -> dict[str, str]:
        """Return the installed versions."""
        found = {}
        for name in self.distributions:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                continue
        return found

    @abstractmethod
    def compile(self, task: PeerTask) -> Callable[[Any], NDArray[Any]]:
        """Return a function of prepared rows.

        Raises
        ------
        UnsupportedForestError
            The engine cannot represent the forest.
        """

    def prepare(self, task: PeerTask) -> Any:
        """Return the rows as the engine likes them best; never timed, to its advantage."""
        return task.rows

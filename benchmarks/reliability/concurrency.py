"""Concurrent predictions: many threads share the same programs, and every answer is compared."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.reliability.averaged_problems import RegressionForestProblem
from benchmarks.reliability.boosted_problems import BoostingClassifierProblem, HistClassifierProblem
from benchmarks.reliability.forest_problems import ForestProblem
from benchmarks.reliability.problem import Expected, Problem
from benchmarks.reliability.tally import Tally
from benchmarks.reliability.ways import Way, ways

N_THREADS = 16
N_PREDICTIONS = 1000
BATCHES = (1, 2, 17, 128, 129, 301)
PROBLEMS: tuple[Problem, ...] = (
    ForestProblem(0),
    ForestProblem(1),
    ForestProblem(3),
    RegressionForestProblem(3),
    BoostingClassifierProblem(1),
    BoostingClassifierProblem(3),
    HistClassifierProblem(1),
)
"""Shallow and deep, few and many classes, with and without classes, rows that are ranked first."""


@dataclass
class Outcome:
    """What all threads together found."""

    n_threads: int
    n_each: int
    n_programs: int
    answers: int = 0
    wrong: int = 0
    seconds: float = 0.0
    messages: list[str] = field(default_factory=list)

    @property
    def passes(self) -> bool:
        """Whether every answer came and was right."""
        return self.answers == self.n_threads * self.n_each and not self.wrong

    def __str__(self) -> str:
        counts = f"{self.n_threads} threads x {self.n_each} predictions by {self.n_programs} shared programs"
        text = f"{counts}: {self.answers} answers, {self.wrong} wrong, {self.seconds:.0f} s"
        return "\n".join([text + ("" if self.passes else "  FAILED"), *self.messages[:5]])


def hammer(opened: Sequence[Any], n_predictions: int, n_threads: int = N_THREADS) -> Outcome:
    """Let threads, started together, each make predictions with programs that nobody used before."""
    shared = [(problem, problem.expected, way) for problem in PROBLEMS for way in ways(problem.forest, opened)]
    outcome = Outcome(n_threads, n_predictions, len(shared))
    start, lock = threading.Barrier(n_threads), threading.Lock()

    def predict(thread: int) -> None:
        rng = np.random.default_rng(thread)
        start.wait()
        for _ in range(n_predictions):
            message = _mistake(rng, *shared[rng.integers(len(shared))])
            with lock:
                outcome.answers += 1
                outcome.wrong += bool(message)
                outcome.messages += [message] if message else []

    threads = [threading.Thread(target=predict, args=(number,)) for number in range(n_threads)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.seconds = time.perf_counter() - started
    return outcome


def _mistake(rng: np.random.Generator, problem: Problem, expected: Expected, way: Way) -> str:
    """Make one prediction; return what is wrong with it, or nothing."""
    count = int(rng.choice(BATCHES))
    first = int(rng.integers(problem.n_rows - count + 1))
    part, tally = slice(first, first + count), Tally(forests=1)
    rows = problem.rows[part] if rng.random() < 0.5 else np.asfortranarray(problem.rows[part])
    where = f"{problem.family}: {way.name}, rows {first} to {first + count}"
    try:
        if expected.labels is None:
            values, unit = way.program.values(rows), problem.magnitudes[part]
            tally.add_values(expected.values[part], values, unit, problem.tolerance)
        elif rng.random() < 0.5:
            tally.add_labels(expected.labels[part], way.program.class_indices(rows), expected.probabilities[part])
        else:
            tally.add_probabilities(expected.probabilities[part], way.program.class_probabilities(rows))
    except Exception as error:  # whatever it is, it is no answer
        return f"{where}: {error!r}"
    return "" if tally.passes else f"{where}: {tally}"

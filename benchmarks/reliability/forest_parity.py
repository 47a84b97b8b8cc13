"""Forest parity: compiled forests against the libraries that they are from, on every device, in every kernel form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from benchmarks.reliability import averaged_problems, boosted_problems, extreme_problems, library_problems
from benchmarks.reliability.forest_problems import ForestProblem
from benchmarks.reliability.problem import Problem
from benchmarks.reliability.rows import arranged, as_block
from benchmarks.reliability.tally import HEADER, Tally
from benchmarks.reliability.ways import Way, ways
from pixelforest.forest import links

N_FORESTS = 1200
N_OTHERS = 100
OTHERS = (*averaged_problems.PROBLEMS, *boosted_problems.PROBLEMS, *library_problems.PROBLEMS)


def compare(seeds: Iterable[int], opened: Sequence[Any], kind: type[Problem] = ForestProblem) -> dict[str, Tally]:
    """Compare all ways to compute on the problems of `seeds`; answers of feature blocks count as further rows."""
    tallies: dict[str, Tally] = {}
    for seed in seeds:
        problem = kind(seed)
        for way in ways(problem.forest, opened):
            tally = tallies.setdefault(way.name, Tally())
            tally.forests += 1
            _add_rows(tally, problem, way)
            if problem.layout == "block" and problem.rows.dtype == np.float32:
                _add_block(tally, problem, way)
    return tallies


def _add_rows(tally: Tally, problem: Problem, way: Way) -> None:
    rows, forest = problem.rows, problem.forest
    X = arranged(rows, problem.layout, problem.width)
    n_rows = int(np.prod(X.shape[:-1]))
    if not way.takes_images:
        X = rows[:n_rows]
    expected = problem.expected.first(n_rows)
    tally.rows += n_rows
    if expected.labels is not None:
        probabilities = way.program.class_probabilities(X).reshape(n_rows, -1)
        tally.add_probabilities(expected.probabilities, probabilities)
        tally.add_labels(expected.labels, way.program.class_indices(X).ravel(), expected.probabilities)
    if expected.leaves is not None and way.names_leaves:
        tally.add_leaves(expected.leaves, way.program.leaf_nodes(X).reshape(n_rows, -1))
    if expected.values is not None or expected.predictions is not None:
        values = way.program.values(X).reshape(n_rows, -1)
        unit, tolerance = problem.magnitudes[:n_rows], problem.tolerance
        if expected.values is not None:
            tally.add_values(expected.values, values, unit, tolerance)
        if expected.predictions is not None:  # by the links at hand, relative errors are at most those of values
            unit = np.abs(expected.predictions) * np.maximum(unit.max(axis=1), 1)
            tally.add_values(expected.predictions, links.predictions(forest, values), unit, tolerance)


def _add_block(tally: Tally, problem: Problem, way: Way) -> None:
    block = as_block(problem.rows, problem.width)
    n_rows = block[0].size
    expected, loaded = problem.expected.first(n_rows), way.load(block)
    tally.rows += n_rows
    if expected.labels is not None:
        labels = way.program.block_class_indices(loaded).ravel()
        tally.add_labels(expected.labels, labels, expected.probabilities)
        found = way.program.block_probabilities(loaded).reshape(-1, n_rows).T
        tally.add_singles(expected.probabilities, found, 1.0)
    elif expected.values is not None:
        found = way.program.block_values(loaded).reshape(-1, n_rows).T
        tally.add_singles(expected.values, found, problem.magnitudes[:n_rows])


def compare_families(first_seed: int, fraction: float, opened: Sequence[Any]) -> bool:
    """Print a table of all families of models; return whether every way to compute passes."""

    def seeds(count: int) -> range:
        return range(first_seed, first_seed + max(round(count * fraction), 1))

    suites: list[tuple[type[Problem], Iterable[int]]] = [(ForestProblem, seeds(N_FORESTS))]
    suites += [(kind, seeds(N_OTHERS)) for kind in OTHERS]
    suites += [(kind, extreme_problems.SEEDS) for kind in extreme_problems.PROBLEMS]
    print(HEADER)
    passed, n_forests = True, 0
    for kind, chosen in suites:
        if not kind.is_available():
            print(f"{'-':>7} {kind.family}: not installed")
            continue
        tallies = compare(chosen, opened, kind)
        for name, tally in tallies.items():
            print(f"{tally}  {kind.family}: {name}{'' if tally.passes else '  FAILED'}", flush=True)
        n_forests += tallies["numpy"].forests
        passed &= all(tally.passes for tally in tallies.values())
    print(f"{n_forests} models", flush=True)
    return passed

"""Forest parity: compiled forests against the libraries that they are from, on every device, in every kernel form."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from benchmarks.reliability import (
    averaged_problems,
    boosted_problems,
    chunkings,
    concurrency,
    extreme_problems,
    library_problems,
)
from benchmarks.reliability.forest_problems import ForestProblem
from benchmarks.reliability.problem import Problem
from benchmarks.reliability.rows import arranged, as_block
from benchmarks.reliability.tally import HEADER, Tally
from benchmarks.reliability.ways import Way, devices, ways
from pixelforest.forest import links

N_FORESTS = 1200
N_OTHERS = 100
PARTS = ("all", "forests", "threads", "chunkings")
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command line."""
    counts = f"{N_FORESTS} forests, {N_OTHERS} models of every other family, {concurrency.N_PREDICTIONS} predictions"
    counts += f" per thread and {chunkings.N_CHUNKINGS} chunkings"
    parser.add_argument("--fraction", type=float, default=1.0, help=f"part of {counts} (default 1)")
    parser.add_argument("--part", choices=PARTS, default="all", help="what to run (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    parser.add_argument("--device", default="all", help="'all', 'numpy', or part of a platform's or device's name")


def run(arguments: argparse.Namespace) -> int:
    """Print a table; return 0 if every part that was asked for passes."""
    started, opened = time.perf_counter(), devices(arguments.device)
    passed = True
    if arguments.part in ("all", "forests"):
        passed &= _run_forests(arguments, opened)
    if arguments.part in ("all", "threads"):
        outcome = concurrency.hammer(opened, max(round(concurrency.N_PREDICTIONS * arguments.fraction), 1))
        print(outcome, flush=True)
        passed &= outcome.passes
    if arguments.part in ("all", "chunkings"):
        device = "auto" if arguments.device == "all" else arguments.device
        tally = chunkings.compare_chunkings(_seeds(arguments, chunkings.N_CHUNKINGS), device)
        print(tally)
        passed &= tally.passes
    print(f"{time.perf_counter() - started:.0f} s")
    return 0 if passed else 1


def _run_forests(arguments: argparse.Namespace, opened: Sequence[Any]) -> bool:
    suites: list[tuple[type[Problem], Iterable[int]]] = [(ForestProblem, _seeds(arguments, N_FORESTS))]
    suites += [(kind, _seeds(arguments, N_OTHERS)) for kind in OTHERS]
    suites += [(kind, extreme_problems.SEEDS) for kind in extreme_problems.PROBLEMS]
    print(HEADER)
    passed, n_forests = True, 0
    for kind, seeds in suites:
        if not kind.is_available():
            print(f"{'-':>7} {kind.family}: not installed")
            continue
        tallies = compare(seeds, opened, kind)
        for name, tally in tallies.items():
            print(f"{tally}  {kind.family}: {name}{'' if tally.passes else '  FAILED'}", flush=True)
        n_forests += tallies["numpy"].forests
        passed &= all(tally.passes for tally in tallies.values())
    print(f"{n_forests} models", flush=True)
    return passed


def _seeds(arguments: argparse.Namespace, count: int) -> range:
    return range(arguments.seed, arguments.seed + max(round(count * arguments.fraction), 1))

"""Forest parity: compiled forests against scikit-learn, on every device and in every kernel form."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.reliability.forest_problems import ForestProblem
from pixelforest.backends.numpy.features import HostBlock
from pixelforest.backends.numpy.forest import NumpyForestProgram
from pixelforest.forest.lower import MAX_SHALLOW_DEPTH
from pixelforest.forest.read import read_forest
from pixelforest.forest.representation import Forest

N_FORESTS = 1200
TIE = 1e-6
TOLERANCE = 1e-6


@dataclass
class Tally:
    """What one way of computing got right and wrong."""

    forests: int = 0
    rows: int = 0
    flips: int = 0
    flips_in_ties: int = 0
    max_error: float = 0.0

    @property
    def passes(self) -> bool:
        """Whether no label differs, in ties neither, and probabilities are within the tolerance."""
        return self.flips == 0 and self.max_error <= TOLERANCE

    def add(self, expected: NDArray[np.float64], labels: NDArray[Any], probabilities: NDArray[Any]) -> None:
        """Compare the answers for one forest."""
        flipped = labels != expected.argmax(axis=1)
        top = np.sort(expected, axis=1)
        self.forests += 1
        self.rows += len(expected)
        self.flips += int(flipped.sum())
        self.flips_in_ties += int((flipped & (top[:, -1] - top[:, -2] < TIE)).sum())
        self.max_error = max(self.max_error, float(np.abs(probabilities - expected).max()))


def devices(request: str) -> list[Any]:
    """Return the working OpenCL devices whose name contains `request`; all of them for "all", none for "numpy"."""
    if request == "numpy":
        return []
    from pixelforest.backends.opencl.runtime import device_reports, open_device

    reports = [report for report in device_reports() if report.works]
    return [open_device(r.name) for r in reports if request == "all" or request.casefold() in r.name.casefold()]


def programs(forest: Forest, opened: Sequence[Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield (name, program, function that loads a block) for every way to compute `forest`."""
    yield "numpy", NumpyForestProgram(forest), HostBlock
    forms = ["traverse", "coherent"] + ["shallow"] * (1 <= forest.max_depth <= MAX_SHALLOW_DEPTH)
    for device in opened:
        from pixelforest.backends.opencl.forest import OpenCLForestProgram

        for form in forms:
            yield f"{device.platform}, {form}", OpenCLForestProgram(device, forest, form=form), device.upload


def compare(seeds: Sequence[int], opened: Sequence[Any]) -> dict[str, Tally]:
    """Compare all ways to compute on the problems of `seeds`.

    Rows come C- and Fortran-ordered in turn; every problem is also decided as a feature block of 1 to 50 columns.
    """
    tallies: dict[str, Tally] = {}
    for seed in seeds:
        problem = ForestProblem(seed)
        expected, rows = problem.expected(), problem.rows
        width = 1 + seed % 50
        n_pixels = len(rows) // width * width
        block = np.ascontiguousarray(rows[:n_pixels].T).reshape(rows.shape[1], -1, width)
        for name, program, load in programs(read_forest(problem.model), opened):
            ordered = np.asfortranarray(rows) if seed % 2 else rows
            probabilities = program.class_probabilities(ordered)
            tally = tallies.setdefault(name, Tally())
            tally.add(expected, program.class_indices(ordered), probabilities)
            in_block = program.block_class_indices(load(block)).ravel()
            tallies.setdefault(f"{name}, block", Tally()).add(expected[:n_pixels], in_block, probabilities[:n_pixels])
            if seed % 8 == 0:
                values = program.block_probabilities(load(block)).reshape(-1, n_pixels).T
                best = probabilities[:n_pixels].argmax(axis=1)
                tallies.setdefault(f"{name}, float32", Tally()).add(expected[:n_pixels], best, values)
    return tallies


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command line."""
    parser.add_argument("--fraction", type=float, default=1.0, help=f"part of the {N_FORESTS} forests (default 1)")
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    parser.add_argument("--device", default="all", help="'all', 'numpy', or part of a platform's or device's name")


def run(arguments: argparse.Namespace) -> int:
    """Print a table; return 0 if every way to compute passes."""
    n_forests = max(round(N_FORESTS * arguments.fraction), 1)
    started = time.perf_counter()
    tallies = compare(range(arguments.seed, arguments.seed + n_forests), devices(arguments.device))
    print(f"{'forests':>8} {'rows':>9} {'flips':>6} {'in ties':>8} {'max |dp|':>9}")
    for name, tally in sorted(tallies.items()):
        counts = f"{tally.forests:8} {tally.rows:9} {tally.flips:6} {tally.flips_in_ties:8} {tally.max_error:9.1e}"
        print(f"{counts}  {name}{'' if tally.passes else '  FAILED'}")
    print(f"{time.perf_counter() - started:.0f} s")
    return 0 if all(tally.passes for tally in tallies.values()) else 1

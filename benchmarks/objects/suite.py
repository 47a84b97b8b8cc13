"""``python -m benchmarks objects``: measure many regions as scikit-image does, faster, and in how much memory."""

from __future__ import annotations

import argparse
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from skimage.measure import regionprops_table

from benchmarks.objects.workloads import HOT, NEIGHBOURS, OUTLINES, intensities, largest_error, tissue
from benchmarks.timing import interleaved_medians, machine, write_json
from pixelforest.regions import RegionTable, measure_regions

OURS, PEER = "pixelforest", "scikit-image"
SPEED_GOAL = 30.0
"""Times as fast as scikit-image, for `HOT`."""
MEMORY_GOAL = 1000.0
"""Megabytes that a process may take for the neighbours of 50,000 objects, itself and all libraries included."""
ERROR_LIMIT = 1e-9
PEAK = """
import resource
from benchmarks.objects.workloads import NEIGHBOURS, tissue
from pixelforest.regions import measure_regions
labels = tissue({side}, {n_objects}, gap=0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
table = measure_regions(labels, properties=NEIGHBOURS)
print(len(table.labels), before / 1024, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this suite."""
    parser.add_argument("--side", type=int, default=2048, help="pixels along a side of the image (%(default)s)")
    parser.add_argument("--objects", type=int, default=20_000, help="regions that are timed (%(default)s)")
    parser.add_argument("--many", type=int, default=50_000, help="regions whose memory is measured (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (%(default)s)")
    parser.add_argument("--json", type=Path, default=Path("docs/benchmarks/objects.json"), help="file (%(default)s)")


def compare(arguments: argparse.Namespace, properties: tuple[str, ...]) -> dict[str, Any]:
    """Check that both measure the same, then let them take turns."""
    labels = tissue(arguments.side, arguments.objects, gap=0.3)
    image = intensities(arguments.side)
    ours = partial(measure_regions, labels, image, properties=properties)
    peer = partial(regionprops_table, labels, image, properties=properties)
    table = ours()
    seconds = interleaved_medians({OURS: ours, PEER: peer}, arguments.rounds)
    return {
        "properties": list(properties),
        "n_regions": len(table.labels),
        "share_of_pixels": float((labels > 0).mean()),
        "max_relative_error": largest_error(columns(table), peer()),
        "median_seconds": seconds,
        "ratio": seconds[PEER] / seconds[OURS],
    }


def columns(table: RegionTable) -> dict[str, Any]:
    """Return the columns of a table by name."""
    return dict(zip(table.names, table.values.T, strict=True))


def peak_memory(side: int, n_objects: int) -> dict[str, Any]:
    """Return the peak memory of a new process that measures the neighbours of many objects; None on Windows."""
    if sys.platform == "win32":
        return {"n_regions": None, "megabytes_before": None, "megabytes": None}
    code = PEAK.format(side=side, n_objects=n_objects)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    n_regions, before, peak = map(float, done.stdout.split())
    return {"n_regions": int(n_regions), "megabytes_before": before, "megabytes": peak}


def neighbour_seconds(side: int, n_objects: int, rounds: int) -> float:
    """Return the median seconds of the neighbours of many objects."""
    labels = tissue(side, n_objects, gap=0)
    return interleaved_medians({OURS: partial(measure_regions, labels, properties=NEIGHBOURS)}, rounds)[OURS]


def run(arguments: argparse.Namespace) -> int:
    """Compare, print tables and write JSON; return 1 if pixelforest's numbers are off."""
    compared = {"hot": compare(arguments, HOT), "outlines": compare(arguments, OUTLINES)}
    memory = peak_memory(arguments.side, arguments.many)
    memory["median_seconds"] = neighbour_seconds(arguments.side, arguments.many, arguments.rounds)
    memory["properties"] = list(NEIGHBOURS)
    memory["megabytes_of_square_matrix"] = 4 * arguments.many**2 / 2**20
    for name, result in compared.items():
        print(f"\n{name}: {', '.join(result['properties'])}")
        print(f"  {result['n_regions']} regions on {arguments.side} x {arguments.side} pixels")
        for contestant, seconds in result["median_seconds"].items():
            print(f"  {contestant:14}{seconds * 1e3:10.1f} ms")
        print(f"  ratio {result['ratio']:.1f}, largest relative error {result['max_relative_error']:.1e}")
    print(f"  goal for 'hot' {SPEED_GOAL:g} x: {'met' if compared['hot']['ratio'] >= SPEED_GOAL else 'MISSED'}")
    print(f"\nneighbours: {', '.join(NEIGHBOURS)}\n  {memory['n_regions']} regions, all touching their neighbours")
    print(f"  {memory['median_seconds'] * 1e3:.1f} ms")
    if memory["megabytes"] is not None:
        is_met = memory["megabytes"] <= MEMORY_GOAL
        print(f"  {memory['megabytes']:.0f} MB at most, {memory['megabytes_before']:.0f} MB before; ", end="")
        print(
            f"goal {MEMORY_GOAL:g} MB: {'met' if is_met else 'MISSED'}; a square matrix of float32 alone takes ", end=""
        )
        print(f"{memory['megabytes_of_square_matrix']:.0f} MB")
    content = {
        "machine": machine(),
        "rounds": arguments.rounds,
        "side": arguments.side,
        **compared,
        "neighbours": memory,
    }
    write_json(arguments.json, content)
    print(f"\nwritten: {arguments.json}")
    return int(not all(result["max_relative_error"] <= ERROR_LIMIT for result in compared.values()))

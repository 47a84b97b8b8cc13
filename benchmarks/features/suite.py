"""``python -m benchmarks features``: check, time and compare, workload by workload."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.features.peers import peers_of
from benchmarks.features.workloads import Workload, workloads
from benchmarks.timing import interleaved_medians, machine, write_json
from pixelforest.backends.select import open_backend

OURS = "pixelforest"
CASCADE = "pixelforest cascade"
CASCADE_LIMIT = 5e-4
"""Error of the cascade relative to what a filter can give, see `benchmarks.agreement.large_sigmas`."""
SLOW = 10.0
"""Seconds; who takes longer is timed once, or a run would take hours."""
DISTRIBUTIONS = (
    "opencv-python-headless",
    "simpleitk",
    "apoc",
    "pyclesperanto_prototype",
    "pyclesperanto",
    "fastfilters",
    "vigra",
)
FIRST_CALL = """
import sys, time
from benchmarks.features.workloads import workloads
workload = next(w for w in workloads({side}, {volume}) if w.name == {name!r})
image = workload.large_image
start = time.perf_counter()
workload.stack({device!r}).transform(image)
print(time.perf_counter() - start)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this suite."""
    parser.add_argument("--workloads", default="W1,W1+25,W2,W3,W4", help="names (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (%(default)s)")
    parser.add_argument("--side", type=int, default=2048, help="pixels along a side of the image (%(default)s)")
    parser.add_argument("--volume", type=int, nargs=3, default=(64, 512, 512), help="shape of the volume (64 512 512)")
    parser.add_argument("--peers", default="all", help="all, none, or names separated by semicolons (%(default)s)")
    parser.add_argument("--first-call", choices=("yes", "no"), default="yes", help="time new processes (%(default)s)")
    parser.add_argument("--device", default="auto", help="device of pixelforest (%(default)s)")
    parser.add_argument("--json", type=Path, default=Path("docs/benchmarks/features.json"), help="file (%(default)s)")


def relative_errors(planes: Sequence[NDArray[Any]], reference: NDArray[Any]) -> float:
    """Return the largest error of any feature, relative to the range of the feature."""
    if len(planes) != len(reference):
        raise ValueError(f"{len(reference)} features are wanted, got {len(planes)}")
    ranges = [float(np.ptp(expected)) or 1.0 for expected in reference]
    return max(
        float(np.abs(np.asarray(plane, np.float64) - expected).max()) / extent
        for plane, expected, extent in zip(planes, reference, ranges, strict=True)
    )


def compare(workload: Workload, arguments: argparse.Namespace) -> dict[str, Any]:
    """Check all contestants on the small image, then let them take turns on the large one."""
    stack = workload.stack(arguments.device)
    small, large = workload.image(workload.check_shape), workload.large_image
    chosen = {"all": None, "none": []}.get(arguments.peers, arguments.peers.split(";"))
    peers, missing = peers_of(workload, chosen)
    reference = workload.reference(small)
    features = np.moveaxis(stack.transform(small), -1, 0)
    errors = {OURS: relative_errors(features, reference)}
    limits = [bound.tolerance(float(np.abs(small).max())) for bound in stack.plan_.bounds]
    is_right = all(np.abs(a - b).max() <= limit for a, b, limit in zip(features, reference, limits, strict=True))
    errors |= {name: relative_errors(peer(small), reference) for name, peer in peers.items()}
    out = stack.transform(large)
    calls = {
        f"{OURS}, fresh output": partial(stack.transform, large),
        f"{OURS}, reused output": partial(stack.transform, large, out=out),
        **{name: partial(peer, large) for name, peer in peers.items()},
    }
    if workload.cascade:
        cascade = workload.cascade_stack(arguments.device)
        errors[CASCADE], is_close = _cascade_error(workload, arguments.device, small)
        is_right = is_right and is_close
        calls |= {
            f"{CASCADE}, fresh output": partial(cascade.transform, large),
            f"{CASCADE}, reused output": partial(cascade.transform, large, out=cascade.transform(large)),
        }
    medians = interleaved_medians(calls, arguments.rounds, slow=SLOW)
    ours = {kind: medians[f"{OURS}, {kind} output"] for kind in ("fresh", "reused")}
    return {
        "title": workload.title,
        "shape": list(workload.shape),
        "n_features": len(reference),
        "max_relative_error": errors,
        "is_right": is_right,
        "median_seconds": medians,
        "ratio_to_fresh": {name: medians[name] / ours["fresh"] for name in peers},
        "ratio_to_reused": {name: medians[name] / ours["reused"] for name in peers},
        "ratio_to_cascade": {name: medians[name] / medians[f"{CASCADE}, reused output"] for name in peers}
        if workload.cascade
        else {},
        "goals": workload.goals,
        "cascade_goals": workload.cascade_goals,
        "first_call_seconds": first_call(workload, arguments) if arguments.first_call == "yes" else None,
        "not_installed": missing,
    }


def _cascade_error(workload: Workload, device: str, image: NDArray[Any]) -> tuple[float, bool]:
    """Return the largest error of the cascade relative to its features' ranges, and whether all are small enough."""
    direct = workload.cascade_stack("numpy", "direct")
    reference = np.moveaxis(direct.transform(image), -1, 0)
    features = np.moveaxis(workload.cascade_stack(device).transform(image), -1, 0)
    limits = [CASCADE_LIMIT * bound.limit(float(np.ptp(image))) for bound in direct.plan_.bounds]
    pairs = zip(features, reference, limits, strict=True)
    return relative_errors(features, reference), all(np.abs(a - b).max() <= limit for a, b, limit in pairs)


def first_call(workload: Workload, arguments: argparse.Namespace) -> float:
    """Return the seconds of the first `transform` of a new process, building of kernels and all."""
    volume = tuple(arguments.volume)
    code = FIRST_CALL.format(side=arguments.side, volume=volume, name=workload.name, device=arguments.device)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(done.stdout)


def print_workload(name: str, compared: dict[str, Any]) -> None:
    """Print the table of one workload."""
    shape = " x ".join(map(str, compared["shape"]))
    print(f"\n{name}: {compared['title']}; {shape}, {compared['n_features']} features")
    print(f"{'contestant':30}{'max error':>11}{'median ms':>11}{'/ fresh':>9}{'/ reused':>9}")
    for contestant, seconds in compared["median_seconds"].items():
        error = compared["max_relative_error"][contestant.split(", fresh")[0].split(", reused")[0]]
        ratios = [compared[f"ratio_to_{kind}"].get(contestant) for kind in ("fresh", "reused")]
        columns = "".join(f"{ratio:9.2f}" if ratio else " " * 9 for ratio in ratios)
        print(f"{contestant:30}{error:11.1e}{seconds * 1e3:11.1f}{columns}")
    if compared["first_call_seconds"] is not None:
        print(f"  first call {compared['first_call_seconds']:.2f} s")
    for goals, ratios, how in (("goals", "ratio_to_reused", ""), ("cascade_goals", "ratio_to_cascade", ", cascade")):
        for peer, goal in compared[goals].items():
            if peer in compared[ratios]:
                ratio = compared[ratios][peer]
                print(f"  goal {goal:g} x {peer}{how}: {'met' if ratio >= goal else 'MISSED'} ({ratio:.2f})")
    if compared["not_installed"]:
        print(f"  not installed: {', '.join(compared['not_installed'])}")


def peer_versions() -> dict[str, str | None]:
    """Return the versions of the peers; None where one is not installed."""
    versions: dict[str, str | None] = {}
    for name in DISTRIBUTIONS:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return versions


def run(arguments: argparse.Namespace) -> int:
    """Compare on all workloads, print tables and write JSON; return 1 if pixelforest's numbers are off."""
    backend = open_backend(arguments.device)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"device: {backend.name}; {cores} cores; medians of {arguments.rounds} interleaved rounds")
    compared = {}
    for workload in workloads(arguments.side, tuple(arguments.volume)):
        if workload.name in arguments.workloads.upper().split(","):
            compared[workload.name] = compare(workload, arguments)
            print_workload(workload.name, compared[workload.name])
    content = {
        "machine": machine(),
        "peers": peer_versions(),
        "device": backend.name,
        "cores": cores,
        "rounds": arguments.rounds,
        "workloads": compared,
    }
    write_json(arguments.json, content)
    print(f"\nwritten: {arguments.json}")
    return int(not all(result["is_right"] for result in compared.values()))

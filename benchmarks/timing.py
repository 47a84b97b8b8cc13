"""Interleaved timing: contestants take turns, so that a machine whose speed drifts is fair to all."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from math import inf
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any


def interleaved_medians(
    contestants: Mapping[str, Callable[[], Any]], rounds: int, *, slow: float = inf
) -> dict[str, float]:
    """Return the median seconds of every contestant over `rounds` rounds, after one warm-up each.

    Who takes `slow` seconds or more to warm up takes part no more: that run counts.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    warm_up = {name: _seconds(call) for name, call in contestants.items()}
    fast = [name for name in contestants if warm_up[name] < slow]
    for _ in range(rounds):
        for name in fast:
            seconds[name].append(_seconds(contestants[name]))
    return {name: median(values or [warm_up[name]]) for name, values in seconds.items()}


def _seconds(call: Callable[[], Any]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def machine() -> dict[str, Any]:
    """Return what a reader needs to know of the machine and the libraries."""
    versions = {}
    for package in ("numpy", "scipy", "scikit-learn", "scikit-image", "pyopencl", "intel-opencl-rt", "pixelforest"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "system": platform.platform(terse=True),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": versions,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` to a file that is either whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)

"""Interleaved timing: contestants take turns, so that a machine whose speed drifts is fair to all."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any


def interleaved_medians(contestants: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return the median seconds of every contestant over `rounds` rounds, after one warm-up each."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, call in contestants.items():
            start = perf_counter()
            call()
            if turn:
                seconds[name].append(perf_counter() - start)
    return {name: median(values) for name, values in seconds.items()}


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

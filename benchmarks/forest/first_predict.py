"""Measure the first prediction in a fresh process, with every cache of compiled kernels switched off.

``python -m benchmarks.forest.first_predict FILE DEVICE`` prints JSON; FILE holds the model and a small feature block.
Seconds of pixelforest only: imports, reading FILE and opening the device are not counted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import joblib
import numpy as np

from benchmarks.forest.compiled import CompiledForest, device_name
from benchmarks.forest.workloads import Workload

SIDE = 64
"""Height and width of the image that is decided: small, so that building is all that counts."""


def measure_first_predict(workload: Workload, device: str) -> dict[str, float]:
    """Return the seconds of the first predictions of a fresh process without warm caches."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.joblib"
        joblib.dump((workload.model, np.ascontiguousarray(workload.block[:, :SIDE, :SIDE])), path)
        caches_off = {
            "PYOPENCL_NO_CACHE": "1",
            "POCL_CACHE_DIR": str(Path(folder) / "pocl"),
            "POCL_KERNEL_CACHE": "0",
            "NEO_CACHE_PERSISTENT": "0",  # Intel's GPU driver
            "CUDA_CACHE_DISABLE": "1",
        }
        (Path(folder) / "pocl").mkdir()
        command = [sys.executable, "-m", "benchmarks.forest.first_predict", str(path), device]
        root = Path(__file__).parents[2]
        done = subprocess.run(
            command, cwd=root, env={**os.environ, **caches_off}, check=True, stdout=subprocess.PIPE, text=True
        )
    return json.loads(done.stdout.splitlines()[-1])


def main(path: str, device: str) -> None:
    """Print how long a fresh program takes to answer first."""
    model, block = joblib.load(path)
    device_name(device)  # opens and probes it
    image = np.moveaxis(block, 0, -1)
    rows = np.ascontiguousarray(image.reshape(-1, image.shape[-1]))
    start = perf_counter()
    forest = CompiledForest(model, device)
    forest.predict(image)
    first = perf_counter()
    forest.predict_proba(rows)
    second = perf_counter()
    forest.predict(image)
    seconds = {"first_predict": first - start, "then_predict_proba": second - first, "warm": perf_counter() - second}
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The agreement table: every filter against its original, per convention, dimension and device."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from benchmarks.agreement import large_sigmas
from benchmarks.agreement.scipy_oracles import ORACLES
from benchmarks.reliability.ways import devices
from benchmarks.timing import machine, write_json
from pixelforest.backends.numpy.features import compute_features
from pixelforest.backends.opencl.features import compute_features as compute_on_device
from pixelforest.features.build import build_plan
from pixelforest.features.filters import BUILT_IN, filters_for
from pixelforest.features.patch import Patch, Window
from pixelforest.features.presets import PRESETS
from pixelforest.features.spec import FeatureSpec

ORIGINALS = Path(__file__).parents[2] / "tests" / "features" / "originals"
SHAPES = {2: (61, 70), 3: (21, 24, 35)}
SIGMAS = (0.7, 1.0, 2.5)
LIMIT = 5e-4
"""Differences of neighbours, or of Gaussians, at large sigmas are near 0, and float32 rounds what they are made of."""
EXCEPTIONS = {
    ("ilastik", "hessian_eigenvalues", 3): "fastfilters solves the cubic in float32",
    ("ilastik", "structure_tensor_eigenvalues", 3): "fastfilters solves the cubic in float32",
}
"""Where the original is the inexact side, and why."""
NOT_COMPARED = {("ilastik", "structure_tensor_eigenvalues", 0.3)}
"""fastfilters divides by a sum of 0 there."""


@dataclass(frozen=True)
class Comparison:
    """What one filter should give for one image."""

    original: str
    convention: str
    specs: tuple[FeatureSpec, ...]
    image: np.ndarray
    expected: np.ndarray
    thinning: int = 1

    def error(self, values: np.ndarray) -> float:
        """Return the largest error, relative to the range of what is expected."""
        picked = values[(slice(None), *(slice(None, None, self.thinning),) * self.image.ndim)]
        scale = max(float(np.ptp(self.expected)), 1e-30)
        return float(np.abs(picked.astype(np.float64) - self.expected).max()) / scale


def comparisons() -> Iterator[Comparison]:
    """Yield every filter in every convention for which there is an original."""
    yield from scipy_comparisons()
    yield from skimage_comparisons()
    for library, convention in (("fastfilters", "ilastik"), ("pyclesperanto", "clesperanto")):
        yield from recorded_comparisons(library, convention)


def scipy_comparisons() -> Iterator[Comparison]:
    for ndim, shape in SHAPES.items():
        image = np.random.default_rng(0).normal(20, 50, shape).astype(np.float32)
        for name in filters_for((1.0,) * ndim):
            for sigma in SIGMAS if BUILT_IN[name].has_sigma else (None,):
                expected = np.stack(ORACLES[name](image.astype(np.float64), sigma or 1.0, (1.0,) * ndim))
                yield Comparison("SciPy and others", "scipy", (FeatureSpec(name, sigma),), image, expected)


def skimage_comparisons() -> Iterator[Comparison]:
    from skimage.feature import multiscale_basic_features

    for shape in SHAPES.values():
        random = np.random.default_rng(1)
        image = ndimage.gaussian_filter(random.normal(size=shape), 6)  # mere noise has nothing to find at sigma 16
        image = (image / np.ptp(image) + 0.05 * random.normal(size=shape)).clip(-1, 1).astype(np.float32)
        expected = np.moveaxis(multiscale_basic_features(image), -1, 0)
        first = 0
        for spec in PRESETS["skimage"]:
            n = len(spec.names(len(shape)))
            yield Comparison("multiscale_basic_features", "skimage", (spec,), image, expected[first : first + n])
            first += n


def recorded_comparisons(library: str, convention: Any) -> Iterator[Comparison]:
    with np.load(ORIGINALS / f"{library}.npz") as file:
        arrays = dict(file)
    for key, expected in arrays.items():
        if key.startswith("image"):
            continue
        name, ndim, sigma = key.split(":")
        if (convention, name, float(sigma)) not in NOT_COMPARED:
            spec = FeatureSpec(name, float(sigma), convention)
            yield Comparison(library, convention, (spec,), arrays[f"image:{ndim}"], expected, thinning=3)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="all", help="part of a device's name, 'all' (default) or 'numpy'")
    parser.add_argument("--json", type=Path, help="also write the table to this file")


def run(arguments: argparse.Namespace) -> int:
    """Print the table; return 0 if every error is small, or the original's."""
    engines: dict[str, Any] = {"numpy": compute_features}
    for device in devices(arguments.device):
        engines[device.name] = lambda plan, patch, device=device: compute_on_device(device, plan, patch).to_host()
    errors: dict[tuple[str, str, int, str], dict[str, float]] = {}
    for case in comparisons():
        window = Window.whole(case.image.shape)
        plan = build_plan(case.specs, (1.0,) * case.image.ndim)
        for engine, compute in engines.items():
            values = compute(plan, Patch(case.image[np.newaxis], window, window, case.image.shape))
            key = (case.convention, case.specs[0].filter_name, case.image.ndim, case.original)
            row = errors.setdefault(key, dict.fromkeys(engines, 0.0))
            row[engine] = max(row[engine], case.error(values))
    print(f"{'convention':12} {'filter':30} {'ndim':4} {'original':26}" + "".join(f" {n[:22]:>22}" for n in engines))
    for (convention, name, ndim, original), row in errors.items():
        note = EXCEPTIONS.get((convention, name, ndim), "")
        cells = "".join(f" {error:22.1e}" for error in row.values())
        print(f"{convention:12} {name:30} {ndim:4d} {original:26}{cells}  {note}".rstrip())
    cascades = {engine: large_sigmas.cascade_errors(compute) for engine, compute in engines.items()}
    n_far = sum(large_sigmas.print_errors(table, engine) for engine, table in cascades.items())
    print(f"{n_far} above {large_sigmas.LIMIT:g}\n")
    bad = [key for key, row in errors.items() if max(row.values()) > LIMIT and key[:3] not in EXCEPTIONS]
    print(f"largest error relative to the range of each filter's values; {len(bad)} above {LIMIT:g}")
    if arguments.json:
        rows = [dict(zip(("convention", "filter", "ndim", "original"), k, strict=True)) | v for k, v in errors.items()]
        write_json(arguments.json, {"machine": machine(), "errors": rows, "cascade_errors": cascades})
    return 1 if bad or n_far else 0

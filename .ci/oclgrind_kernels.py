"""Run every kernel on tiny inputs, under oclgrind, which watches every access to memory.

With ``--control`` run three broken kernels instead: oclgrind has to find their mistakes, or its silence says nothing.
With ``--halves`` run only the kernels and passes that take vectors in halves, and all others without: oclgrind 21.10
crashes on them when it looks for uninitialised values, so they are watched for bounds and races alone.
"""

import re
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor

import pixelforest.backends.opencl
from pixelforest.backends.numpy.features import compute_features as compute_with_numpy
from pixelforest.backends.numpy.forest import NumpyForestProgram
from pixelforest.backends.opencl import features
from pixelforest.backends.opencl.device import Device
from pixelforest.backends.opencl.features import compute_features
from pixelforest.backends.opencl.forest import OpenCLForestProgram
from pixelforest.backends.opencl.runtime import device_reports, open_device
from pixelforest.engine.tiling import TileReader, tiles
from pixelforest.features.build import build_plan, grid
from pixelforest.features.filters import filters_for
from pixelforest.features.patch import Window
from pixelforest.features.plan import FeaturePlan
from pixelforest.forest.read import read_forest

BROKEN = """
__kernel void one_past_the_end(__global float *values) { values[get_global_id(0) + 1] = 1.0f; }
__kernel void not_initialised(__global float *values) { values[0] = values[1]; }
__kernel void race(__global float *values) { values[0] = get_global_id(0); }
"""

HALVES = {"forest_coherent", "forest_shallow"}
FORMS = ("coherent", "shallow") if "--halves" in sys.argv else ("traverse", "shared")

CONVENTIONS = ("scipy", "ilastik", "skimage", "clesperanto")
WIDE = {
    "difference_of_scales_8",
    "difference_of_scales_16",
    "membrane_projections",
}  # slow, no kernels of their own

launched: set[str] = set()
buffers: list[object] = []


def watch_device() -> None:
    """Note the name of every kernel that runs, and keep every buffer alive.

    oclgrind 21.10 gives new buffers the addresses of freed ones and then takes initialised values for uninitialised.
    """
    run, make_buffer = Device.run, Device._buffer

    def recorded_run(self, program, kernel, *arguments):
        launched.add(kernel)
        return run(self, program, kernel, *arguments)

    def kept_buffer(self, *arguments):
        buffers.append(make_buffer(self, *arguments))
        return buffers[-1]

    Device.run, Device._buffer = recorded_run, kept_buffer


def run_features(device: Device) -> None:
    """Compute every filter at two scales, whole and in tiles, and compare with NumPy."""
    rng = np.random.default_rng(0)
    # 99: vectors by four, by one, floats
    small = [(1, 1), (1, 5), (5, 1), (2, 2), (3, 17), (7, 18), (2, 99), (1, 1, 1), (1, 4, 1), (2, 1, 19), (2, 3, 5)]
    for shape, n_channels in [*product(small, [1]), ((3, 4), 2)]:
        sigmas = (0.6, 1.5) if len(shape) == 2 else (0.6,)
        spacing = (2.0, 1.0, 1.0)[-len(shape) :]
        convention = CONVENTIONS[(len(shape) + shape[-1]) % len(CONVENTIONS)]
        specs = grid([name for name in filters_for(spacing) if name not in WIDE], sigmas)
        plan = build_plan(specs, spacing, n_channels, convention=convention)
        compare_features(device, plan, rng.normal(0, 1, (n_channels, *shape)).astype(np.float32))


def run_cascades(device: Device) -> None:
    """Compute Gaussians on coarse grids along all axes, or only the first or the last, of images in part smaller."""
    rng = np.random.default_rng(2)
    cases = [
        ((1, 1), (1, 1)),
        ((5, 1), (1, 1)),
        ((3, 17), (1, 1)),
        ((30, 41), (1, 1)),
        ((4, 99), (9, 1)),
        ((9, 7), (1, 9)),
    ]
    for shape, spacing in [*cases, ((2, 3, 5), (9, 1, 1)), ((4, 3, 19), (1, 9, 1))]:
        specs = grid(("original", "gaussian", "laplacian_of_gaussian", "sobel"), (4.5, 9))
        plan = build_plan(specs, tuple(map(float, spacing)), large_sigma="cascade")
        compare_features(device, plan, rng.normal(0, 1, (1, *shape)).astype(np.float32))


def compare_features(device: Device, plan: FeaturePlan, planes: np.ndarray) -> None:
    """Compare an image, whole and in tiles, in tiles of the cache and plane by plane, with NumPy."""
    shape = planes.shape[1:]
    reader = TileReader(planes, plan, "raise", 0)
    windows = [Window.whole(shape), *list(tiles(shape, tuple(-(-n // 2) for n in shape)))[1:]]
    for window in windows:
        patch, _ = reader.read(window)
        expected = compute_with_numpy(plan, patch)
        limits = np.array([b.tolerance(float(np.abs(reader.planes).max())) for b in plan.bounds])
        for kinds in (frozenset({device.kind}), frozenset()):  # in tiles, plane by plane
            features.TILED_KINDS = kinds
            values = compute_features(device, plan, patch).to_host()
            error = np.abs(values - expected).reshape(len(limits), -1).max(axis=1)
            assert (error <= limits).all(), (shape, window, kinds, np.array(plan.names)[error > limits])


def run_long_passes(device: Device) -> None:
    """Filter images of so many rows by kernels so long that rows are turned to columns, and compare with NumPy."""
    rng = np.random.default_rng(2)
    features.TILED_KINDS = frozenset({device.kind})
    for shape in [(9, 20), (18, 290)]:
        plan = build_plan(grid(["gaussian", "hessian_eigenvalues"], (2.2,)), (1.0, 1.0), 1)
        reader = TileReader(rng.normal(0, 1, (1, *shape)).astype(np.float32), plan, "raise", 0)
        patch, _ = reader.read(Window.whole(shape))
        error = np.abs(compute_features(device, plan, patch).to_host() - compute_with_numpy(plan, patch))
        limits = np.array([b.tolerance(float(np.abs(reader.planes).max())) for b in plan.bounds])
        assert (error.reshape(len(limits), -1).max(axis=1) <= limits).all(), shape


def run_forests(device: Device) -> None:
    """Apply shallow, deep, long and ambiguous forests in all kernel forms and in all outputs."""
    rng = np.random.default_rng(1)
    X = rng.normal(0, 1, (60, 3)).round(1).astype(np.float32)
    special = np.array([np.nan, np.inf, -np.inf, 1e-45, -0.0, 3e38], np.float32)
    for n_trees, depth, n_classes, n_rows in [(2, 1, 2, 1), (5, 3, 3, 35), (3, None, 2, 33), (2, 4, 300, 7)]:
        table = X if n_classes < 30 else np.tile(X, (12, 1))
        y = np.arange(len(table)) % n_classes if n_classes > 30 else rng.integers(0, n_classes, len(table))
        model = RandomForestClassifier(n_trees, max_depth=depth, min_samples_leaf=2, random_state=0).fit(table, y)
        rows = np.resize(X, (n_rows, 3)).copy()
        rows.flat[: len(special)] = np.resize(special, rows[:2].size)[: len(special)]
        for form in FORMS:
            if form in ("traverse", "shared") or (n_classes < 30 and (depth or form == "coherent")):
                run_forest(device, model, rows, form)
    trees = RandomForestClassifier(2, max_depth=2, random_state=0).fit(X, X[:, 0] > 0).estimators_
    long = SimpleNamespace(estimators_=trees * 300)
    for form in FORMS:
        if form != "shared":  # its nodes do not fit into oclgrind's local memory
            run_forest(device, long, X[:5], form)
    for model in boosted_and_regressed(X):
        for form in FORMS:
            run_values(device, model, X[:33], form)


def run_forest(device: Device, model: object, rows: np.ndarray, form: str) -> None:
    """Compare all outputs of one forest with NumPy."""
    forest = read_forest(model)
    program = OpenCLForestProgram(device, forest, form=form)
    expected = NumpyForestProgram(forest).class_probabilities(rows)
    labels = expected.argmax(axis=1)
    for layout in (rows, np.asfortranarray(rows)):
        assert np.array_equal(program.class_indices(layout), labels)
        assert np.abs(program.class_probabilities(layout) - expected).max() < 1e-7
    block = device.upload(np.ascontiguousarray(rows.T)[:, np.newaxis])
    assert np.array_equal(program.block_class_indices(block)[0], labels)
    assert np.abs(program.block_probabilities(block)[:, 0].T - expected).max() < 1e-6


def boosted_and_regressed(X: np.ndarray) -> Iterator[object]:
    """Yield models whose sums are signed, with several outputs, and with a sign that decides."""
    labels = np.arange(len(X)) % 3
    yield RandomForestRegressor(3, max_depth=2, random_state=0).fit(X, X[:, 0])
    yield GradientBoostingClassifier(n_estimators=2, max_depth=2, random_state=0).fit(X, labels)
    yield GradientBoostingClassifier(n_estimators=3, max_depth=3, random_state=0).fit(X, labels > 0)


def run_values(device: Device, model: object, rows: np.ndarray, form: str) -> None:
    """Compare sums, classes and leaves with NumPy, for rows of several dtypes and as an image."""
    forest = read_forest(model)
    program, twin = OpenCLForestProgram(device, forest, form=form), NumpyForestProgram(forest)
    for layout in (rows, rows.astype(np.float16), np.abs(rows).astype(np.uint8), rows.reshape(3, 11, 3)):
        flat = layout.reshape(-1, 3)
        expected = twin.values(flat)
        assert np.abs(program.values(layout).reshape(expected.shape) - expected).max() < 1e-6
        assert np.array_equal(program.leaf_nodes(layout).reshape(len(flat), -1), twin.leaf_nodes(flat))
        if forest.decision != "none":
            assert np.array_equal(program.class_indices(layout).ravel(), twin.class_indices(flat))


def kernels_in_files() -> set[str]:
    """Return the name of every kernel in the `.cl` files."""
    folder = Path(pixelforest.backends.opencl.__file__).parent / "kernels"
    text = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.cl"))
    return set(re.findall(r"\bkernel\s+void\s+(\w+)", text.replace("__kernel", "kernel")))


def run_broken_kernels() -> None:
    """Write beyond the end of a buffer, use a value that nobody wrote, and write one place with two values."""
    import pyopencl as cl

    context = cl.create_some_context(interactive=False)
    queue = cl.CommandQueue(context)
    for kernel in cl.Program(context, BROKEN).build().all_kernels():
        buffers.append(cl.Buffer(context, cl.mem_flags.READ_WRITE, 16))
        kernel(queue, (4,), None, buffers[-1])
        queue.finish()


def main() -> int:
    """Return 0 if all kernels ran and gave the right numbers."""
    if "--control" in sys.argv:
        run_broken_kernels()
        return 0
    names = [report.name for report in device_reports()]
    assert len(names) == 1, names
    assert "oclgrind" in names[0].casefold(), f"run this under oclgrind; OpenCL lists {names}"
    launched.update(name for name in kernels_in_files() if name.startswith("probe_"))  # they ran to open the device
    watch_device()
    device = open_device(names[0])
    if "--halves" in sys.argv:
        run_long_passes(device)
    else:
        run_features(device)
        run_cascades(device)
    run_forests(device)
    missing = (HALVES if "--halves" in sys.argv else kernels_in_files() - HALVES) - launched
    print(f"{len(launched)} kernels ran on {names[0]}: {', '.join(sorted(launched))}")
    if missing:
        print(f"never launched: {', '.join(sorted(missing))}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())

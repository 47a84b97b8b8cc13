"""Find out what a device can do by running kernels on it and checking what comes back.

A listed device need not work: PoCL 3.0 is listed on recent processors and then refuses every kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.opencl.program import build, explain
from pixelforest.backends.opencl.sources import kernel_source

if TYPE_CHECKING:
    import pyopencl as cl

Kind = Literal["cpu", "gpu", "accelerator", "other"]

_FLOATS = np.array(
    [0.0, -0.0, 1.0, -1.0, 1.5, -2.25, 3.4e38, -3.4e38, 1.2e-38, -1.2e-38, np.inf, -np.inf, np.nan], np.float32
)
_DENORMALS = np.array([1e-45, -1e-45, 1e-40, -1e-40, 2e-40], np.float32)


@dataclass(frozen=True)
class DeviceReport:
    """What a device says of itself, and what the probe found.

    Attributes
    ----------
    platform, platform_version, device, driver : str
        The names and versions that the OpenCL runtime reports.
    kind : {"cpu", "gpu", "accelerator", "other"}
        The kind of device; emulators that claim to be several are "other".
    works : bool
        True if the probe kernels were built, ran, and gave the right results.
    reason : str
        Why the device was rejected; empty if it works.
    flushes_denormals : bool
        Comparisons see denormal numbers as zero.
    rounds_correctly : bool
        Quotients and square roots are the nearest float32.
    compute_units : int
        Number of compute units.
    global_memory, max_allocation : int
        Bytes of memory, and bytes of the largest single allocation.
    shares_memory : bool
        The device and the host use the same memory.
    build_options : tuple of str
        Options that every program for this device is built with.
    """

    platform: str
    platform_version: str
    device: str
    driver: str
    kind: Kind
    works: bool
    reason: str
    flushes_denormals: bool
    rounds_correctly: bool
    compute_units: int
    global_memory: int
    max_allocation: int
    shares_memory: bool
    build_options: tuple[str, ...]

    @property
    def name(self) -> str:
        """Platform and device in one line."""
        return f"{self.platform}: {self.device}"

    @property
    def fingerprint(self) -> str:
        """Equal fingerprints give bit-identical results."""
        return f"{self.device}|{self.platform} {self.platform_version}|{self.driver}"


@dataclass(frozen=True)
class _Answers:
    """What a probe run established."""

    reason: str = ""
    flushes_denormals: bool = False
    rounds_correctly: bool = False


def probe_device(device: cl.Device) -> DeviceReport:
    """Build and run the probe kernels on `device`.

    Parameters
    ----------
    device : pyopencl.Device
        Any device that a platform lists.

    Returns
    -------
    DeviceReport
        Rejection is a result, not an error: see `DeviceReport.reason`.
    """
    import pyopencl as cl

    options = _build_options(device)
    try:
        answers = _ask(device, options)
    except cl.Error as error:
        answers = _Answers(reason=explain(error, 1))
    return DeviceReport(
        platform=device.platform.name.strip(),
        platform_version=device.platform.version.strip(),
        device=device.name.strip(),
        driver=device.driver_version.strip(),
        kind=kind_of(device),
        works=not answers.reason,
        reason=answers.reason,
        flushes_denormals=answers.flushes_denormals,
        rounds_correctly=answers.rounds_correctly,
        compute_units=int(device.max_compute_units),
        global_memory=int(device.global_mem_size),
        max_allocation=int(device.max_mem_alloc_size),
        shares_memory=bool(device.host_unified_memory),
        build_options=options,
    )


def _build_options(device: cl.Device) -> tuple[str, ...]:
    import pyopencl as cl

    options: tuple[str, ...] = ("-cl-std=CL1.2",)
    if device.single_fp_config & cl.device_fp_config.CORRECTLY_ROUNDED_DIVIDE_SQRT:
        options += ("-cl-fp32-correctly-rounded-divide-sqrt",)
    return options


def kind_of(device: cl.Device) -> Kind:
    """Return the kind of `device`; "other" for emulators that claim to be several.

    Parameters
    ----------
    device : pyopencl.Device
        Any device.

    Returns
    -------
    {"cpu", "gpu", "accelerator", "other"}
        Its kind.
    """
    import pyopencl as cl

    kinds: dict[int, Kind] = {
        int(cl.device_type.CPU): "cpu",
        int(cl.device_type.GPU): "gpu",
        int(cl.device_type.ACCELERATOR): "accelerator",
    }
    return kinds.get(int(device.type) & ~int(cl.device_type.DEFAULT), "other")


def _ask(device: cl.Device, options: tuple[str, ...]) -> _Answers:
    import pyopencl as cl

    if not (device.available and device.compiler_available):
        return _Answers(reason="the device or its compiler is not available")
    if not device.endian_little:
        return _Answers(reason="the device is not little-endian")
    context = cl.Context([device])
    queue = cl.CommandQueue(context)
    program = build(context, kernel_source("probe"), options)

    def answer(kernel: str, inputs: tuple[NDArray[Any], ...], dtype: type, planes: int = 1) -> NDArray[Any]:
        flags = cl.mem_flags.READ_ONLY | cl.mem_flags.COPY_HOST_PTR
        result: NDArray[Any] = np.zeros((planes, inputs[0].size), dtype)
        output = cl.Buffer(context, cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR, hostbuf=result)
        launch = cl.Kernel(program, kernel)
        buffers = [*(cl.Buffer(context, flags, hostbuf=array) for array in inputs), output]  # a kernel owns no buffer
        for position, buffer in enumerate(buffers):
            launch.set_arg(position, buffer)
        cl.enqueue_nd_range_kernel(queue, launch, (inputs[0].size,), None)
        cl.enqueue_copy(queue, result, output)
        return result

    a, b, c = _arithmetic_inputs()
    products, fused, quotients, roots = answer("probe_arithmetic", (a, b, c), np.float32, planes=4)
    if not np.array_equal(products, a * b + c):
        return _Answers(reason="a * b + c differs from float32 arithmetic (contracted in spite of FP_CONTRACT OFF?)")
    # Products of 24-bit numbers of similar size are exact in float64, and so is the sum: one rounding is left.
    if not np.array_equal(fused, (a.astype(np.float64) * b + c).astype(np.float32)):
        return _Answers(reason="fma() is not correctly rounded")
    if not (np.allclose(quotients, a / b, rtol=1e-6) and np.allclose(roots, np.sqrt(np.abs(a)), rtol=1e-6)):
        return _Answers(reason="quotients or square roots are wrong by more than 1e-6")
    reason, flushes_denormals = _judge_comparisons(lambda x, y: answer("probe_comparisons", (x, y), np.int32)[0])
    reason = reason or _judge_integers(answer)
    return _Answers(
        reason,
        flushes_denormals,
        bool(np.array_equal(quotients, a / b) and np.array_equal(roots, np.sqrt(np.abs(a)))),
    )


def _arithmetic_inputs() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    random = np.random.default_rng(0)
    a, b, c = ((random.uniform(1, 2, 512) * random.choice([-1, 1], 512)).astype(np.float32) for _ in range(3))
    c[:256] = -(a * b)[:256]  # contracted, these are the rounding error of the product; otherwise 0
    return a, b, c


def _judge_comparisons(compare: Any) -> tuple[str, bool]:
    """Return why comparisons are rejected, and whether denormals compare as zero."""
    values = np.concatenate([_FLOATS, _DENORMALS])
    x, y = (np.ascontiguousarray(grid.ravel()) for grid in np.meshgrid(values, values))
    has_denormal = np.isin(x, _DENORMALS) | np.isin(y, _DENORMALS)
    answers = compare(x, y)
    right = answers == _comparison_bits(x, y)
    if not right[~has_denormal].all():
        return "comparisons with NaN, infinity or signed zero are wrong", False
    if right.all():
        return "", False
    flushed = (np.where(np.isin(v, _DENORMALS), np.float32(0), v) for v in (x, y))
    if np.array_equal(answers, _comparison_bits(*flushed)):
        return "", True
    return "comparisons of denormal numbers are neither right nor those of zeros", False


def _comparison_bits(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.int64]:
    answers = (x < y, x <= y, x == y, x != y, x >= y, x > y, np.isnan(x))
    bits: NDArray[np.int64] = np.sum([answer.astype(np.int64) << bit for bit, answer in enumerate(answers)], axis=0)
    return bits


def _judge_integers(answer: Any) -> str:
    random = np.random.default_rng(1)
    a, b = (random.integers(-(2**31), 2**31, 256, dtype=np.int64) for _ in range(2))
    sums, differences = answer("probe_integers", (a, b), np.int64, planes=2)
    shifted = (a.view(np.uint64) >> np.uint64(33)).view(np.int64)
    if not (np.array_equal(sums, a * b + (a >> 7)) and np.array_equal(differences, shifted - b)):
        return "64-bit integer arithmetic is wrong"
    values = np.concatenate([_FLOATS, _DENORMALS])
    bits = values.view(np.int32)
    keys = np.where(np.isnan(values), np.iinfo(np.int32).max, bits ^ ((bits >> 31) & 0x7FFFFFFF))
    if not np.array_equal(answer("probe_order", (values,), np.int32)[0], keys):
        return "integer order keys of floats are wrong"
    return ""

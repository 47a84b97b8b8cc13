"""The devices of this process: listed once, probed when asked for, opened once."""

from __future__ import annotations

import threading
import warnings
from functools import cached_property
from os import getpid
from typing import TYPE_CHECKING

from pixelforest.backends.opencl.device import Device, DeviceArray
from pixelforest.backends.opencl.guards import refuse_fork
from pixelforest.backends.opencl.probe import DeviceReport, kind_of, probe_device
from pixelforest.backends.opencl.program import Program
from pixelforest.backends.opencl.provision import make_runtimes_visible
from pixelforest.exceptions import PixelforestDeviceWarning

if TYPE_CHECKING:
    import pyopencl as cl

__all__ = ["Device", "DeviceArray", "Program", "device_reports", "equal_devices", "find_device", "open_device"]

_KINDS = ("gpu", "cpu", "accelerator", "other")


class _Listed:
    """A listed device; probed and opened once, under the lock of this file."""

    def __init__(self, handle: cl.Device) -> None:
        self.handle = handle

    @cached_property
    def report(self) -> DeviceReport:
        return probe_device(self.handle)

    @cached_property
    def device(self) -> Device:
        return Device(self.handle, self.report)

    @property
    def name(self) -> str:
        return f"{self.handle.platform.name.strip()}: {self.handle.name.strip()}"

    @property
    def rank(self) -> tuple[object, ...]:
        """Sort key: GPUs with their own memory first; on processors Intel's runtime, measured faster than PoCL."""
        return (
            _KINDS.index(kind_of(self.handle)),
            bool(self.handle.host_unified_memory),
            "Intel" not in self.handle.platform.vendor,
            -int(self.handle.global_mem_size),
            self.name,
        )


USUAL_NAMES = {"pocl": "portable computing language"}
"""What people call a platform whose own name says something else."""

_lock = threading.RLock()
_listed: tuple[_Listed, ...] | None = None
_pid: int | None = None


def device_reports() -> tuple[DeviceReport, ...]:
    """Probe every device, once per process.

    Returns
    -------
    tuple of DeviceReport
        The best first by kind, rejected ones included.

    Raises
    ------
    ImportError
        `pyopencl` cannot be imported.
    RuntimeError
        OpenCL was started before this process was forked.
    """
    entries = _list_devices()
    with _lock:
        return tuple(entry.report for entry in entries)


def find_device(request: str = "auto") -> Device | None:
    """Open the best working device that `request` allows.

    Parameters
    ----------
    request : str
        "auto", or a part of ``"platform: device"``, in any case.

    Returns
    -------
    Device or None
        The same object for the same device; None if no working device matches.

    Raises
    ------
    ImportError
        `pyopencl` cannot be imported.
    RuntimeError
        OpenCL was started before this process was forked.
    """
    wanted = request.strip().casefold()
    wanted = USUAL_NAMES.get(wanted, wanted)
    entries = _list_devices()
    with _lock:
        for entry in entries:
            if (wanted == "auto" or (wanted and wanted in entry.name.casefold())) and entry.report.works:
                return entry.device
    return None


def equal_devices(device: Device, *, allow_mixed: bool = False) -> tuple[Device, ...]:
    """Open the other working devices that may share a run with `device`.

    Parameters
    ----------
    device : Device
        The first of the run. A processor has no equals: others that are listed are other drivers of it.
    allow_mixed : bool
        Also those whose results may differ in the last bits.

    Returns
    -------
    tuple of Device
    """
    if device.kind == "cpu":
        return ()
    entries = _list_devices()
    with _lock:
        candidates = [e for e in entries if e.report.works and e.report.kind not in ("cpu", "other")]
        return tuple(
            entry.device
            for entry in candidates
            if entry.device is not device and (allow_mixed or entry.report.fingerprint == device.fingerprint)
        )


def open_device(request: str = "auto") -> Device:
    """Open the best working device that `request` allows, or raise.

    Parameters
    ----------
    request : str
        "auto", or a part of ``"platform: device"``, in any case.

    Returns
    -------
    Device
        The same object for the same device.

    Raises
    ------
    ValueError
        No working device matches; names the devices there are and why some were rejected.
    ImportError
        `pyopencl` cannot be imported.
    RuntimeError
        OpenCL was started before this process was forked.
    """
    device = find_device(request)
    if device is None:
        reports = device_reports()
        existing = "; ".join(f"{r.name} ({'works' if r.works else f'rejected: {r.reason}'})" for r in reports)
        raise ValueError(
            f"`device` must be 'auto', 'numpy' or part of the name of a working device, got {request!r}; "
            f"OpenCL lists {existing or 'no device'}"
        )
    return device


def _list_devices() -> tuple[_Listed, ...]:
    global _listed, _pid  # noqa: PLW0603 platforms exist once per process
    if _pid is not None:
        refuse_fork(_pid)  # before the lock, which another thread may have held during the fork
    with _lock:
        if _listed is None:
            provision = make_runtimes_visible()

            _pid = getpid()
            _listed = tuple(sorted((_Listed(handle) for handle in _all_handles()), key=lambda entry: entry.rank))
            if provision.runtime and provision.was_late and not any(map(_is_intel_cpu, _listed)):
                _warn_late()
        return _listed


def _all_handles() -> list[cl.Device]:
    import pyopencl as cl

    handles = []
    try:
        platforms = cl.get_platforms()
    except cl.LogicError:  # PLATFORM_NOT_FOUND_KHR: the loader knows no platform
        return []
    for platform in platforms:
        try:
            handles += platform.get_devices()
        except cl.Error:  # DEVICE_NOT_FOUND, or a driver without its hardware
            continue
    return handles


def _is_intel_cpu(entry: _Listed) -> bool:
    return "Intel" in entry.handle.platform.vendor and kind_of(entry.handle) == "cpu"


def _warn_late() -> None:
    warnings.warn(
        "intel-opencl-rt is installed but invisible, because OpenCL platforms were listed before pixelforest could "
        "point the loader at it; open a pixelforest device (or call "
        "`pixelforest.backends.opencl.provision.make_runtimes_visible()`) before other code uses pyopencl. "
        "The devices that are visible are used.",
        PixelforestDeviceWarning,
        stacklevel=2,
    )

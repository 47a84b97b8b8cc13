"""Choose a backend: what ``device=`` and the environment variable ``PIXELFOREST_DEVICE`` mean."""

from __future__ import annotations

import os
import threading
import warnings
from typing import TYPE_CHECKING

from pixelforest.exceptions import PixelforestDeviceWarning

if TYPE_CHECKING:
    from pixelforest.backends.opencl.runtime import Device
    from pixelforest.backends.protocol import Backend

_lock = threading.RLock()
_backends: dict[object, Backend] = {}
_has_warned = False


def open_backend(device: str = "auto") -> Backend:
    """Open the backend that `device` names.

    Parameters
    ----------
    device : str
        "numpy", part of an OpenCL platform's or device's name, or "auto": what ``PIXELFOREST_DEVICE`` says, else the
        best working OpenCL device, else NumPy with one warning per process.

    Returns
    -------
    Backend
        The same object for the same device.

    Raises
    ------
    TypeError
        `device` is not a string.
    ValueError
        A device was named and is absent or does not work.

    Warns
    -----
    PixelforestDeviceWarning
        "auto" found no working device.

    Examples
    --------
    >>> open_backend("numpy").name
    'numpy'
    """
    if not isinstance(device, str):
        raise TypeError(f"`device` must be a string such as 'auto' or 'numpy', got {type(device).__name__}")
    request = requested_device(device)
    if request == "numpy":
        return _numpy_backend()
    found = _find_device(request, origin="`device`" if request == device else "PIXELFOREST_DEVICE")
    return _numpy_backend() if found is None else _opencl_backend(found)


def open_backends(device: str = "auto", *, allow_mixed: bool = False) -> tuple[Backend, ...]:
    """Open every backend that may share one run: the one that `device` names, and its equals on this machine.

    Only devices of the same name and driver give the same bits. Processors have no equals: two that are listed are
    two drivers of one.

    Parameters
    ----------
    device : str
        See `open_backend`.
    allow_mixed : bool
        Also open devices that differ, except processors.

    Returns
    -------
    tuple of Backend
        The one that `device` names comes first.

    Raises
    ------
    TypeError, ValueError
        See `open_backend`.

    Examples
    --------
    >>> [backend.name for backend in open_backends("numpy")]
    ['numpy']
    """
    first = open_backend(device)
    if first is _numpy_backend():
        return (first,)
    from pixelforest.backends.opencl.backend import OpenCLBackend
    from pixelforest.backends.opencl.runtime import equal_devices

    assert isinstance(first, OpenCLBackend)
    return (first, *map(_opencl_backend, equal_devices(first.device, allow_mixed=allow_mixed)))


def requested_device(device: str = "auto") -> str:
    """Say what "auto" means: an explicit `device` wins over ``PIXELFOREST_DEVICE``.

    Parameters
    ----------
    device : str
        "auto", "numpy" or part of a name.

    Returns
    -------
    str
        "auto" only if the environment leaves the choice open too.

    Examples
    --------
    >>> requested_device("NumPy")
    'numpy'
    """
    chosen = device.strip()
    if chosen.casefold() == "auto":
        chosen = os.environ.get("PIXELFOREST_DEVICE", "").strip() or "auto"
    return chosen.casefold() if chosen.casefold() in ("auto", "numpy") else chosen


def _find_device(request: str, origin: str) -> Device | None:
    """Return the device to use, or None where "auto" has to do without."""
    try:
        # Importing this imports no OpenCL; looking for a device does.
        from pixelforest.backends.opencl.runtime import find_device, open_device

        if request != "auto":
            return open_device(request)
        found = find_device()
    except ImportError as error:
        if request != "auto":
            raise ValueError(f"{origin} is {request!r}, but pyopencl cannot be imported: {error}") from error
        _warn_once(f"pyopencl cannot be imported ({error})")
        return None
    except ValueError as error:
        if origin == "`device`":
            raise
        raise ValueError(f"{origin} is {request!r}: {error}") from error
    if found is None:
        _warn_once("no OpenCL device works")
    return found


def _numpy_backend() -> Backend:
    from pixelforest.backends.numpy.backend import NumpyBackend

    with _lock:
        return _backends.setdefault("numpy", NumpyBackend())


def _opencl_backend(device: Device) -> Backend:
    from pixelforest.backends.opencl.backend import OpenCLBackend

    with _lock:
        if device not in _backends:
            _backends[device] = OpenCLBackend(device)
        return _backends[device]


def _warn_once(cause: str) -> None:
    global _has_warned  # noqa: PLW0603 one warning per process, not per call site
    with _lock:
        if _has_warned:
            return
        _has_warned = True
    warnings.warn(
        f"{cause}; computing with NumPy, which gives the same results, slower. Install a runtime: "
        '`pip install "pixelforest[cpu]"`, or your system\'s PoCL (`apt install pocl-opencl-icd`); '
        '`pixelforest doctor` tells what was found. `device="numpy"` or PIXELFOREST_DEVICE=numpy silences this.',
        PixelforestDeviceWarning,
        stacklevel=4,
    )

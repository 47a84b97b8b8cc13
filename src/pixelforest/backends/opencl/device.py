"""An opened device with its programs and arrays: the only file that runs kernels for others.

One context per process and device. Kernel objects and queues belong to threads: a kernel that two threads share
mixes up their arguments.
"""

from __future__ import annotations

import ctypes
import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pixelforest.backends.opencl.guards import refuse_fork, refuse_pickle
from pixelforest.backends.opencl.probe import DeviceReport
from pixelforest.backends.opencl.program import Program, build, explain

if TYPE_CHECKING:
    import pyopencl as cl


class DeviceArray:
    """A C-contiguous array in a device's memory; made by `Device.upload` and `Device.allocate`.

    Attributes
    ----------
    device : Device
        Where it lives.
    shape : tuple of int
        Its shape.
    dtype : numpy.dtype
        Its dtype, in native byte order.
    buffer : pyopencl.Buffer or pyopencl.SVM
        Its memory.
    """

    def __init__(
        self,
        device: Device,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        buffer: cl.Buffer | cl.SVM[Any],
        queue: cl.CommandQueue | None = None,
        owner: object = None,
    ) -> None:
        self._owner = owner  # of borrowed memory: it must live as long as this
        self.device = device
        self.shape = shape
        self.dtype = dtype
        self.buffer = buffer
        # The queue that used a computed array last; None for uploads, which are ready and mostly only read.
        self._queue = queue

    @property
    def nbytes(self) -> int:
        """Number of bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def to_host(self, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Wait for the array's kernels and copy it to the host.

        Parameters
        ----------
        out : ndarray, optional
            C-contiguous array of the same shape and dtype to copy into.

        Returns
        -------
        ndarray
            `out`, or a new array.

        Raises
        ------
        ValueError
            `out` has another shape, dtype or layout.
        """
        import pyopencl as cl

        queue = self.device._queue()
        if out is None:
            out = np.empty(self.shape, self.dtype)
        elif out.shape != self.shape or out.dtype != self.dtype or not out.flags.c_contiguous:
            raise ValueError(
                f"`out` must be C-contiguous with shape {self.shape} and dtype {self.dtype}, "
                f"got shape {out.shape}, dtype {out.dtype} and strides {out.strides}"
            )
        self._hand_to(queue)
        if self.nbytes:
            with self.device._memory_errors(self.nbytes):
                cl.enqueue_copy(queue, out, self.buffer, is_blocking=True)
        return out

    def _hand_to(self, queue: cl.CommandQueue) -> None:
        """Let `queue` see what another thread's queue computed."""
        if self._queue is not None and self._queue is not queue:
            self._queue.finish()
            self._queue = queue

    def __reduce__(self) -> NoReturn:
        """Refuse pickling."""
        refuse_pickle(self, "; send `to_host()` instead")

    def __repr__(self) -> str:
        return f"DeviceArray(shape={self.shape}, dtype={self.dtype}, device={self.device.name!r})"


class Device:
    """An opened device; made by `open_device`.

    Attributes
    ----------
    report : DeviceReport
        What the probe found.
    name, platform, fingerprint, kind : str
        Shown to users; equal fingerprints give bit-identical results.
    flushes_denormals : bool
        Comparisons see denormal numbers as zero.
    compute_units : int
        Number of compute units.
    max_allocation, global_memory, local_memory : int
        Bytes of the largest single allocation, of the whole memory, and of the memory of a work-group.
    has_doubles : bool
        Kernels may use double precision.
    reads_host_memory : bool
        Kernels can use NumPy arrays where they are.
    """

    def __init__(self, handle: cl.Device, report: DeviceReport) -> None:
        self.report = report
        self.name = report.device
        self.platform = report.platform
        self.fingerprint = report.fingerprint
        self.kind = report.kind
        self.flushes_denormals = report.flushes_denormals
        self.compute_units = report.compute_units
        self.max_allocation = report.max_allocation
        self.global_memory = report.global_memory
        self.local_memory = int(handle.local_mem_size)
        self.has_doubles = "cl_khr_fp64" in handle.extensions
        self._has_shared_pointers = _shares_pointers(handle)
        # Buffers on foreign memory are used in place by PoCL; other runtimes may copy, and are known to.
        self.reads_host_memory = self._has_shared_pointers or (
            self.kind == "cpu" and "Portable Computing Language" in self.platform
        )
        self._handle = handle
        self._pid = os.getpid()
        self._local = threading.local()
        self._lock = threading.Lock()
        self._programs: dict[tuple[str, tuple[str, ...]], Program] = {}

    @cached_property
    def _context(self) -> cl.Context:
        import pyopencl as cl

        return cl.Context([self._handle])

    def program(self, source: str, options: tuple[str, ...] = ()) -> Program:
        """Build `source`, or return the program that was built from it before.

        Parameters
        ----------
        source : str
            OpenCL C text.
        options : tuple of str
            Compiler options such as ``-D N=3``; the device's own options are added.

        Returns
        -------
        Program
            The same object for the same text and options.

        Raises
        ------
        RuntimeError
            The text does not build; holds the first lines of the compiler's log.
        """
        import pyopencl as cl

        refuse_fork(self._pid)
        key = (source, options)
        with self._lock:
            if key not in self._programs:
                try:
                    handle = build(self._context, source, (*self.report.build_options, *options))
                except cl.Error as error:
                    raise RuntimeError(f"{self.name} refuses a program:\n{explain(error, 12)}") from error
                self._programs[key] = Program(handle, source, options)
            return self._programs[key]

    def upload(self, array: NDArray[Any]) -> DeviceArray:
        """Copy `array` to the device and wait until it is there.

        Parameters
        ----------
        array : ndarray
            Any strides and byte order; not of objects.

        Returns
        -------
        DeviceArray
            A copy that any thread may use at once.
        """
        import pyopencl as cl

        array = np.asarray(array, order="C")
        if array.dtype.hasobject:
            raise TypeError(f"`array` must hold plain numbers, got dtype {array.dtype}")
        array = np.asarray(array, array.dtype.newbyteorder("="))
        if not array.size:
            return self.allocate(array.shape, array.dtype)
        # COPY_HOST_PTR has copied when the buffer exists, so there is nothing to wait for.
        buffer = self._buffer(array.nbytes, cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR, array)
        return DeviceArray(self, array.shape, array.dtype, buffer)

    def borrow(self, array: NDArray[Any]) -> DeviceArray:
        """Let the device use the memory of `array` itself if it can; else `upload` it.

        Parameters
        ----------
        array : ndarray
            C-contiguous, in native byte order. Must stay as it is until the kernels that use it are done.

        Returns
        -------
        DeviceArray
            Never to be read with `to_host`: where kernels write, they write into `array`.
        """
        import pyopencl as cl

        if not self.reads_host_memory or not array.size:
            return self.upload(array)
        # A view of the same bytes that pyopencl accepts although `array` may be read-only.
        address = array.__array_interface__["data"][0]
        memory = np.frombuffer((ctypes.c_ubyte * array.nbytes).from_address(address), array.dtype)
        if self._has_shared_pointers:
            return DeviceArray(self, array.shape, array.dtype, cl.SVM(memory), owner=array)
        flags = cl.mem_flags.READ_WRITE | cl.mem_flags.USE_HOST_PTR
        return DeviceArray(self, array.shape, array.dtype, self._buffer(array.nbytes, flags, memory), owner=array)

    def allocate(self, shape: tuple[int, ...], dtype: DTypeLike) -> DeviceArray:
        """Make an array of unspecified content.

        Parameters
        ----------
        shape : tuple of int
            Its shape.
        dtype : dtype-like
            Its dtype.

        Returns
        -------
        DeviceArray
            An array to be written by a kernel.

        Raises
        ------
        MemoryError
            The device cannot hold it; names the bytes asked for and the limit.
        """
        import pyopencl as cl

        shape, dtype = tuple(int(length) for length in shape), np.dtype(dtype)
        nbytes = math.prod(shape) * dtype.itemsize
        buffer = self._buffer(max(nbytes, 1), cl.mem_flags.READ_WRITE)  # OpenCL has no empty buffers
        return DeviceArray(self, shape, dtype, buffer, self._queue())

    def run(
        self,
        program: Program,
        kernel: str,
        global_size: tuple[int, ...],
        local_size: tuple[int, ...] | None,
        *arguments: DeviceArray | np.generic,
    ) -> None:
        """Enqueue a kernel on this thread's in-order queue and return at once.

        Parameters
        ----------
        program : Program
            A program of this device.
        kernel : str
            Name of the kernel.
        global_size, local_size : tuple of int
            Work-items in all and per group; with None the runtime chooses groups. A size of 0 is no work.
        *arguments : DeviceArray or NumPy scalar
            The kernel's arguments in order. Scalars must have the kernel's exact types, such as ``np.int32(3)``.

        Raises
        ------
        TypeError
            An argument is missing, or a Python number, which has no size in bytes.
        """
        import pyopencl as cl

        queue = self._queue()
        if not all(global_size):
            return
        bound = program.kernel(kernel)
        if len(arguments) != bound.num_args:  # an argument left out would keep its value of the previous run
            raise TypeError(f"`arguments` of {kernel} must be {bound.num_args}, got {len(arguments)}")
        for position, argument in enumerate(arguments):
            if isinstance(argument, DeviceArray):
                argument._hand_to(queue)
                bound.set_arg(position, argument.buffer)
            elif isinstance(argument, np.generic):
                bound.set_arg(position, argument)
            else:
                raise TypeError(
                    f"`arguments` must be device arrays or NumPy scalars, got {type(argument).__name__} at {position}"
                )
        # Some drivers allocate when memory is used first.
        with self._memory_errors(sum(a.nbytes for a in arguments if isinstance(a, DeviceArray))):
            cl.enqueue_nd_range_kernel(queue, bound, global_size, local_size)

    def finish(self) -> None:
        """Wait until this thread's kernels are done."""
        self._queue().finish()

    def _queue(self) -> cl.CommandQueue:
        import pyopencl as cl

        refuse_fork(self._pid)
        if not hasattr(self._local, "queue"):
            with self._lock:
                context = self._context
            self._local.queue = cl.CommandQueue(context)
        queue: cl.CommandQueue = self._local.queue
        return queue

    def _buffer(self, nbytes: int, flags: int, host: NDArray[Any] | None = None) -> cl.Buffer:
        import pyopencl as cl

        refuse_fork(self._pid)
        if nbytes > self.max_allocation:
            raise self._memory_error(nbytes)
        with self._lock:
            context = self._context
        with self._memory_errors(nbytes):
            if host is not None:
                return cl.Buffer(context, flags, hostbuf=host)
            return cl.Buffer(context, flags, size=nbytes)

    @contextmanager
    def _memory_errors(self, nbytes: int) -> Iterator[None]:
        import pyopencl as cl

        codes = (
            cl.status_code.MEM_OBJECT_ALLOCATION_FAILURE,
            cl.status_code.OUT_OF_RESOURCES,
            cl.status_code.OUT_OF_HOST_MEMORY,
            cl.status_code.INVALID_BUFFER_SIZE,
        )
        try:
            yield
        except cl.Error as error:
            if isinstance(error, cl.MemoryError) or error.code in codes:
                raise self._memory_error(nbytes) from error
            raise

    def _memory_error(self, nbytes: int) -> MemoryError:
        return MemoryError(
            f"{self.name} cannot hold {nbytes:,} bytes: its largest array has {self.max_allocation:,} bytes "
            f"and its memory {self.global_memory:,}; use smaller tiles or chunks"
        )

    def __reduce__(self) -> NoReturn:
        """Refuse pickling."""
        refuse_pickle(self, "; send the `device` name and open it there")

    def __repr__(self) -> str:
        return f"Device({self.platform!r}, {self.name!r})"


def _shares_pointers(handle: cl.Device) -> bool:
    """Return whether kernels take pointers of the host as they are (OpenCL 2.0, fine-grained system SVM)."""
    import pyopencl as cl

    try:
        return bool(handle.svm_capabilities & cl.device_svm_capabilities.FINE_GRAIN_SYSTEM)
    except (cl.Error, AttributeError):  # a device of OpenCL 1.2
        return False

"""Programs: kernels built for one device, with kernel objects that belong to threads."""

from __future__ import annotations

import threading
import warnings
from typing import TYPE_CHECKING, NoReturn

from pixelforest.backends.opencl.guards import refuse_pickle

if TYPE_CHECKING:
    import pyopencl as cl

# What runtimes and pyopencl write around the compiler's own words.
_BOILERPLATE = ("clBuildProgram failed", "Build on ", "Compilation started", "(options: ")
_build_lock = threading.Lock()
_kernel_lock = threading.Lock()


class Program:
    """Kernels built for one device; made by `Device.program`.

    Attributes
    ----------
    source : str
        The text that was built.
    options : tuple of str
        The compiler options that it was built with.
    """

    def __init__(self, handle: cl.Program, source: str, options: tuple[str, ...]) -> None:
        self.source = source
        self.options = options
        self._handle = handle
        self._local = threading.local()

    def kernel(self, name: str) -> cl.Kernel:
        """Return this thread's kernel object.

        Parameters
        ----------
        name : str
            Name of a kernel function in the source.

        Returns
        -------
        pyopencl.Kernel
            An object that no other thread uses.

        Raises
        ------
        ValueError
            The program has no kernel of that name.
        """
        import pyopencl as cl

        kernels: dict[str, cl.Kernel] = self._local.__dict__
        if name not in kernels:
            try:
                with _kernel_lock:  # pyopencl writes Python for it, under a name that it looks up first and takes then
                    kernels[name] = cl.Kernel(self._handle, name)
            except cl.LogicError as error:
                raise ValueError(f"`kernel` must name a kernel of the program, got {name!r}: {error}") from error
        return kernels[name]

    def __reduce__(self) -> NoReturn:
        """Refuse pickling."""
        refuse_pickle(self)


def build(context: cl.Context, source: str, options: tuple[str, ...]) -> cl.Program:
    """Build `source`, without warnings about the compiler's remarks and without pyopencl's disk cache.

    Parameters
    ----------
    context : pyopencl.Context
        Where the program is to run.
    source : str
        OpenCL C text.
    options : tuple of str
        Compiler options.

    Returns
    -------
    pyopencl.Program
        The built program.
    """
    import pyopencl as cl

    program = cl.Program(context, source)
    with _build_lock, warnings.catch_warnings():  # the filters are the whole process's
        warnings.filterwarnings("ignore", category=cl.CompilerWarning)
        warnings.filterwarnings("ignore", "Pre-build attribute access defeats compiler caching")
        # Wanted: that cache waits a minute for the lock file of a process that was killed, and litters on failure.
        program.get_info(cl.program_info.REFERENCE_COUNT)
        program.build(options=list(options))
    return program


def explain(error: cl.Error, count: int) -> str:
    """Return the first `count` lines of an error's message or build log that say something.

    Parameters
    ----------
    error : pyopencl.Error
        What a call raised.
    count : int
        How many lines to keep.

    Returns
    -------
    str
        The lines, joined by newlines.
    """
    lines = [line.rstrip() for line in str(error).splitlines() if line.strip(" =\t")] or [type(error).__name__]
    log = [line for line in lines if not line.startswith(_BOILERPLATE)]
    return "\n".join((log or lines)[:count])

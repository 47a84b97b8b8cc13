"""Every way to compute a forest: NumPy, and each kernel form on each OpenCL device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pixelforest.backends.numpy.features import HostBlock
from pixelforest.backends.numpy.forest import NumpyForestProgram
from pixelforest.forest.representation import Forest

FORMS = ("traverse", "shared", "coherent", "shallow")


@dataclass(frozen=True)
class Way:
    """One program.

    Attributes
    ----------
    name : str
        Of the platform, and the kernel form.
    program : ForestProgram
        The forest, ready to be applied.
    load : callable
        Brings a feature block to where the program computes.
    takes_images : bool
        Whether rows may have more than two dimensions.
    names_leaves : bool
        Whether leaves are looked up by this very way.
    """

    name: str
    program: Any
    load: Callable[[Any], Any]
    takes_images: bool = True
    names_leaves: bool = False


def devices(request: str) -> list[Any]:
    """Return the working OpenCL devices whose name contains `request`; all of them for "all", none for "numpy"."""
    if request == "numpy":
        return []
    from pixelforest.backends.opencl.runtime import device_reports, open_device

    reports = [report for report in device_reports() if report.works]
    return [open_device(r.name) for r in reports if request == "all" or request.casefold() in r.name.casefold()]


def ways(forest: Forest, opened: Sequence[Any]) -> Iterator[Way]:
    """Yield every way to compute `forest`; forms that it is too large for are left out."""
    yield Way("numpy", NumpyForestProgram(forest), HostBlock, takes_images=False, names_leaves=True)
    for device in opened:
        from pixelforest.backends.opencl.forest import OpenCLForestProgram

        for form in FORMS:
            try:
                program = OpenCLForestProgram(device, forest, form=form)
            except ValueError as error:
                if form == "traverse" or f"`form` {form!r} needs" not in str(error):
                    raise
                continue
            yield Way(f"{device.platform}, {form}", program, device.upload, names_leaves=form in ("traverse", "shared"))

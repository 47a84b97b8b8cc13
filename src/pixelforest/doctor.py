"""Say which devices there are, which one is used, and what to do where none works."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import TYPE_CHECKING

import pixelforest
from pixelforest.backends.select import requested_device

if TYPE_CHECKING:
    from pixelforest.backends.opencl.probe import DeviceReport

_PACKAGES = ("numpy", "scikit-learn", "pyopencl", "intel-opencl-rt", "intel-cmplr-lib-rt", "pocl-binary-distribution")
_VARIABLES = (
    "PIXELFOREST_DEVICE",
    "OCL_ICD_VENDORS",
    "OCL_ICD_FILENAMES",
    "OPENCL_VENDOR_PATH",
    "POCL_CACHE_DIR",
    "PYOPENCL_NO_CACHE",
    "PYOPENCL_BUILD_OPTIONS",
    "XDG_CACHE_HOME",
)
_ADVICE = """\
No OpenCL device works, so pixelforest computes with NumPy: the same results, more slowly.
  * x86-64 Linux or Windows, no administrator needed:  pip install "pixelforest[cpu]"
  * Debian, Ubuntu:                                    apt install pocl-opencl-icd
  * GPUs: install the vendor's driver with its OpenCL part.
Then run `pixelforest doctor` again."""


def report() -> str:
    """Describe versions, environment and devices as text.

    Returns
    -------
    str
        Several paragraphs; the device that ``device="auto"`` means is marked with an arrow.

    Examples
    --------
    >>> print(report())
    pixelforest ...
    """
    # The environment as the user set it: looking for devices changes it.
    environment = _environment()
    return "\n\n".join([_versions(), environment, _devices()])


def _versions() -> str:
    lines = [f"pixelforest {pixelforest.__version__}, Python {platform.python_version()}, {platform.platform()}"]
    for package in _PACKAGES:
        try:
            version = metadata.version(package)
        except metadata.PackageNotFoundError:
            version = "not installed"
        lines.append(f"  {package:<25} {version}")
    return "\n".join(lines)


def _environment() -> str:
    lines = [f"  {name} = {os.environ[name]}" for name in _VARIABLES if name in os.environ]
    return "\n".join(["Environment", *(lines or ["  nothing is set that matters"])])


def _devices() -> str:
    from pixelforest.backends.opencl.provision import make_runtimes_visible
    from pixelforest.backends.opencl.runtime import device_reports

    try:
        reports = device_reports()
    except ImportError as error:
        return f"OpenCL\n  pyopencl cannot be imported: {error}\n\n{_ADVICE}"
    provision = make_runtimes_visible()
    lines = ["OpenCL"]
    if provision.user_choice:
        lines.append(f"  the loader was pointed at {provision.user_choice} by you, and pixelforest leaves that alone")
    if provision.runtime:
        lines.append(f"  Intel's runtime from pip: {provision.runtime}")
        lines.append(f"  folder of ICD files: {provision.icd_folder}")
    lines += [f"  problem: {problem}" for problem in provision.problems]
    chosen = _chosen(reports)
    lines += [_paragraph(each, is_chosen=each is chosen) for each in reports]
    works = any(each.works for each in reports)
    return "\n".join(lines) + ("" if works else f"\n  no device works\n\n{_ADVICE}") + _conclusion(reports)


def _chosen(reports: tuple[DeviceReport, ...]) -> DeviceReport | None:
    request = requested_device().casefold()
    matching = (each for each in reports if each.works and (request == "auto" or request in each.name.casefold()))
    return next(matching, None)


def _conclusion(reports: tuple[DeviceReport, ...]) -> str:
    request, chosen = requested_device(), _chosen(reports)
    if request == "numpy":
        return '\n\ndevice="auto" means NumPy, because PIXELFOREST_DEVICE says so.'
    if request != "auto" and chosen is None:
        return f'\n\ndevice="auto" is an error: PIXELFOREST_DEVICE is {request!r} and no working device is called so.'
    return f'\n\ndevice="auto" means {chosen.name if chosen else "NumPy"}.'


def _paragraph(each: DeviceReport, *, is_chosen: bool) -> str:
    verdict = "works" if each.works else "rejected: " + each.reason
    rounding = "correctly rounded" if each.rounds_correctly else "within 1e-6"
    lines = [
        f"{'->' if is_chosen else '  '} {each.device}",
        f"     platform    {each.platform}, {each.platform_version}",
        f"     driver      {each.driver}",
        f"     kind        {each.kind}, {each.compute_units} compute units, {_gib(each.global_memory)} memory "
        f"(largest array {_gib(each.max_allocation)})",
        f"     verdict     {verdict}",
    ]
    if each.works:
        denormals = "compared as zero" if each.flushes_denormals else "kept"
        lines.append(f"     arithmetic  denormals {denormals}; quotients and square roots {rounding}")
    return "\n" + "\n".join(lines)


def _gib(nbytes: int) -> str:
    return f"{nbytes / 2**30:.1f} GiB"

"""Which devices a process sees, for each order of events; each in a process of its own."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

HAS_INTEL = any(d.metadata["Name"] == "intel-opencl-rt" for d in metadata.distributions())
needs_intel = pytest.mark.skipif(not HAS_INTEL, reason="needs intel-opencl-rt from pip")
LIST = """
from pixelforest.backends.opencl.runtime import device_reports
print(*(f"{r.platform} {'works' if r.works else r.reason}" for r in device_reports()), sep="\\n")
"""


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `code` with warnings as errors in a clean environment."""
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("OCL_", "POCL_", "PIXELFOREST_", "PYOPENCL_"))
    }
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def output(code: str, **environment: str) -> str:
    done = python(code, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_touches_no_opencl() -> None:
    code = """
import os, sys
before = dict(os.environ)
import pixelforest, pixelforest.backends.select, pixelforest.doctor
import pixelforest.backends.opencl.runtime
assert "pyopencl" not in sys.modules
assert dict(os.environ) == before
"""
    output(code)


@needs_intel
def test_pip_installed_runtime_becomes_visible(tmp_path: Path) -> None:
    assert "Intel(R) OpenCL works" in output(LIST, XDG_CACHE_HOME=str(tmp_path))


@needs_intel
def test_system_runtimes_stay_visible(tmp_path: Path) -> None:
    before = output("import pyopencl as cl; print(len(cl.get_platforms()))", OPENCL_VENDOR_PATH="/etc/OpenCL/vendors")
    assert len(output(LIST, XDG_CACHE_HOME=str(tmp_path)).splitlines()) > int(before)


@needs_intel
def test_pyopencl_imported_first_but_not_used_is_early_enough() -> None:
    assert "Intel(R) OpenCL works" in output("import pyopencl" + LIST)


@needs_intel
def test_platforms_listed_first_warns_once_and_uses_what_is_visible() -> None:
    code = f"""
import warnings
import pyopencl as cl
try:
    visible = len(cl.get_platforms())
except cl.LogicError:
    visible = 0
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    {LIST.strip().replace(chr(10), chr(10) + "    ")}
    device_reports()
assert [w.category.__name__ for w in caught] == ["PixelforestDeviceWarning"], caught
assert "make_runtimes_visible" in str(caught[0].message)
assert len({{r.platform for r in device_reports()}}) <= visible
"""
    assert "Intel" not in output(code)


def test_own_choice_of_the_user_is_respected(tmp_path: Path) -> None:
    code = """
import os
from pixelforest.backends.opencl.provision import make_runtimes_visible
from pixelforest.backends.opencl.runtime import device_reports
assert make_runtimes_visible().user_choice == os.environ["OCL_ICD_VENDORS"]
print(device_reports(), os.environ["OCL_ICD_VENDORS"])
"""
    assert output(code, OCL_ICD_VENDORS=str(tmp_path)) == f"() {tmp_path}\n"


@needs_intel
@pytest.mark.parametrize("cache", ["writable", "/dev/null/nowhere"])
def test_children_inherit_the_folder(tmp_path: Path, cache: str) -> None:
    code = f"""
import os, subprocess, sys
from pixelforest.backends.opencl.provision import make_runtimes_visible
mine = make_runtimes_visible().icd_folder
child = {LIST!r} + '''
import os
print(os.environ["OCL_ICD_VENDORS"])'''
done = subprocess.run([sys.executable, "-W", "error", "-c", child], capture_output=True, text=True, check=True)
assert done.stdout.splitlines()[-1] == str(mine), done.stdout
print(done.stdout)
"""
    cache = str(tmp_path) if cache == "writable" else cache
    assert "Intel(R) OpenCL works" in output(code, XDG_CACHE_HOME=cache)


@needs_intel
def test_folder_of_a_vanished_cache_is_made_again(tmp_path: Path) -> None:
    gone = tmp_path / "pixelforest-icd-0123"
    assert "Intel(R) OpenCL works" in output(LIST, OCL_ICD_VENDORS=str(gone), XDG_CACHE_HOME=str(tmp_path))


@needs_intel
def test_processes_that_start_together_share_one_folder(tmp_path: Path) -> None:
    code = "from pixelforest.backends.opencl.provision import make_runtimes_visible as m; print(m().icd_folder)"
    environment = {k: v for k, v in os.environ.items() if k != "OCL_ICD_VENDORS"} | {"XDG_CACHE_HOME": str(tmp_path)}
    start = [sys.executable, "-c", code]
    running = [subprocess.Popen(start, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    folders = {process.communicate(timeout=60)[0].strip() for process in running}
    (folder,) = (tmp_path / "pixelforest").iterdir()
    assert folders == {str(folder)}


@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
def test_unwritable_caches_hide_no_device(tmp_path: Path, variable: str) -> None:
    # Under a file no folder can be made, not even by root.
    writable = output(LIST, XDG_CACHE_HOME=str(tmp_path))
    environment = {variable: "/dev/null/nowhere"} | ({"XDG_CACHE_HOME": ""} if variable == "HOME" else {})
    assert output(LIST, **environment) == writable

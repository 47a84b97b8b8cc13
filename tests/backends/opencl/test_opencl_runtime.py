"""Opened devices: programs, arrays, threads, and what they refuse."""

import copy
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pixelforest.backends.opencl.runtime import Device, device_reports, find_device, open_device
from pixelforest.backends.opencl.sources import kernel_source

SCALE = (
    kernel_source()
    + """
kernel void scale(global const float *a, global float *result, float factor) {
    size_t i = get_global_id(0);
    result[i] = a[i] * factor;
}
kernel void slow(global float *a, int rounds) {
    size_t i = get_global_id(0);
    float value = 1.0f;
    for (int k = 0; k < rounds; k++) value = value * 0.5f + (float)(i % 7);
    a[i] = value;
}
"""
)


@pytest.mark.parametrize("dtype", ["f4", ">f4", "i8", "u1", "?", "f2"])
@pytest.mark.parametrize("view", [np.s_[:], np.s_[::-1, ::2], np.s_[:0], np.s_[0, 0]])
def test_arrays_come_back_as_they_went(device: Device, dtype: str, view: object) -> None:
    array = np.arange(24).reshape(4, 6).astype(dtype)[view]
    uploaded = device.upload(array)
    assert uploaded.shape == array.shape
    assert uploaded.nbytes == array.nbytes
    assert_array_equal(uploaded.to_host(), array, strict=dtype != ">f4")
    out = np.empty(uploaded.shape, uploaded.dtype)
    assert uploaded.to_host(out) is out
    assert_array_equal(out, array)


def test_upload_is_a_copy(device: Device) -> None:
    array = np.ones(1000, np.float32)
    uploaded = device.upload(array)
    array[:] = 2
    assert (uploaded.to_host() == 1).all()


@pytest.mark.parametrize("out", [np.empty(3, np.float32), np.empty(4, np.float64), np.empty(8, np.float32)[::2]])
def test_wrong_out_is_refused(device: Device, out: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"`out` must be C-contiguous with shape \(4,\) and dtype float32"):
        device.upload(np.zeros(4, np.float32)).to_host(out)


def test_programs_are_built_once(device: Device) -> None:
    program = device.program(SCALE, ("-D N=3",))
    assert device.program(SCALE, ("-D N=3",)) is program
    assert device.program(SCALE) is not program


def test_build_error_shows_the_compilers_words(device: Device) -> None:
    with pytest.raises(RuntimeError, match="refuses a program") as raised:
        device.program("kernel void broken(global int *a) { a[0] = nonsense; }")
    assert "undeclared identifier 'nonsense'" in str(raised.value)


def test_compiler_remarks_are_no_warnings(device: Device) -> None:
    device.program('#warning "a remark"\nkernel void remark(global int *a) { a[0] = 1; }')


def test_thread_storm_gives_right_results(device: Device) -> None:
    # With one kernel object for all threads, arguments of one run turn up in another; threads have to change places
    # between the calls for that.
    program = device.program(SCALE)
    array = np.arange(5000, dtype=np.float32)
    uploaded = device.upload(array)
    start = threading.Barrier(16)

    def work(thread: int) -> bool:
        start.wait()
        results = []
        for round_ in range(40):
            result = device.allocate(array.shape, np.float32)
            factor = np.float32(1 + thread + 16 * round_)
            device.run(program, "scale", array.shape, None, uploaded, result, factor)
            results.append(np.array_equal(result.to_host(), array * factor))
        return all(results)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(16) as threads:
            assert all(threads.map(work, range(16)))
    finally:
        sys.setswitchinterval(interval)


def test_array_computed_in_one_thread_is_whole_in_another(device: Device) -> None:
    program = device.program(SCALE)
    computed = device.allocate((200_000,), np.float32)

    def compute() -> None:
        device.run(program, "slow", computed.shape, None, computed, np.int32(300))

    thread = threading.Thread(target=compute)
    thread.start()
    thread.join()
    there = computed.to_host()
    compute()
    assert_array_equal(there, computed.to_host())
    assert there[0] == 0
    assert (there[1:7] > 0).all()


def test_missing_and_untyped_arguments_are_refused(device: Device) -> None:
    program = device.program(SCALE)
    array = device.upload(np.ones(4, np.float32))
    device.run(program, "scale", (4,), None, array, array, np.float32(2))
    with pytest.raises(TypeError, match="`arguments` of scale must be 3, got 2"):
        device.run(program, "scale", (4,), None, array, array)
    with pytest.raises(TypeError, match="got float at 2"):
        device.run(program, "scale", (4,), None, array, array, 2.0)
    with pytest.raises(ValueError, match="`kernel` must name a kernel of the program, got 'scales'"):
        device.run(program, "scales", (4,), None, array, array, np.float32(2))


def test_no_work_is_no_error(device: Device) -> None:
    array = device.upload(np.ones((0, 3), np.float32))
    device.run(device.program(SCALE), "scale", (0,), None, array, array, np.float32(2))
    device.finish()
    assert array.to_host().shape == (0, 3)


def test_too_large_an_array_names_bytes_and_limit(device: Device) -> None:
    with pytest.raises(MemoryError, match=rf"cannot hold 4,000,000,000,000 bytes.*{device.max_allocation:,} bytes"):
        device.allocate((10**6, 10**6), np.float32)


def test_objects_are_refused(device: Device) -> None:
    with pytest.raises(TypeError, match="`array` must hold plain numbers, got dtype object"):
        device.upload(np.array([None]))


def test_pickling_and_copying_are_refused(device: Device) -> None:
    for value in (device, device.upload(np.ones(3)), device.program(SCALE)):
        for refused in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="lives in one process and cannot be pickled"):
                refused(value)


def test_names_find_devices(device: Device) -> None:
    assert open_device(f" {device.platform.upper()} ") is open_device(device.platform.lower())
    assert open_device(device.report.name) is device
    assert open_device() is open_device("auto")
    assert device.fingerprint.startswith(device.name)


@pytest.mark.parametrize("name", ["no such device", ""])
def test_absent_device_is_named_with_those_that_exist(name: str) -> None:
    pytest.importorskip("pyopencl")
    assert find_device(name) is None
    with pytest.raises(ValueError, match=rf"`device` must be .*got {name!r}; OpenCL lists") as raised:
        open_device(name)
    assert all(report.name in str(raised.value) for report in device_reports())


FORK = """
import os, numpy as np
from pixelforest.backends.opencl.runtime import device_reports, open_device
from pixelforest.backends.select import open_backend
device = open_device()
array = device.upload(np.ones(3))
array.to_host()
pid = os.fork()
if pid == 0:
    refused = 0
    for call in (open_device, device_reports, device.finish, array.to_host, lambda: device.upload(np.ones(3)),
                 lambda: device.allocate((3,), "f4"), lambda: device.program(""), lambda: open_backend("auto")):
        try:
            call()
        except RuntimeError as error:
            refused += "forked" in str(error) and "spawn" in str(error)
    os._exit(refused)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
@pytest.mark.usefixtures("device")
def test_forked_child_is_told_instead_of_hanging() -> None:
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "8"
    assert time.monotonic() - started < 30


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
@pytest.mark.usefixtures("device")
def test_forked_child_may_start_opencl_itself() -> None:
    code = """
import multiprocessing
import pixelforest.backends.select
def work(_):
    from pixelforest.backends.opencl.runtime import open_device
    return open_device().name
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(len(pool.map(work, range(4))))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "4"


def test_kernel_source_joins_files_and_names_absent_ones() -> None:
    assert kernel_source("probe").startswith(kernel_source())
    assert "#pragma OPENCL FP_CONTRACT OFF" in kernel_source()
    with pytest.raises(ValueError, match="got 'nothing'"):
        kernel_source("nothing")

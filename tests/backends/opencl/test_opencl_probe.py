"""The probe: real devices pass, and devices that break a promise are found out."""

import re

import numpy as np
import pytest

from pixelforest.backends.opencl import probe
from pixelforest.backends.opencl.probe import probe_device
from pixelforest.backends.opencl.runtime import Device
from pixelforest.backends.opencl.sources import kernel_source


def spoil(monkeypatch: pytest.MonkeyPatch, pattern: str, replacement: str) -> None:
    """Let the probe build a text that behaves as a faulty device would."""
    text, count = re.subn(pattern, replacement, kernel_source("probe"))
    assert count
    monkeypatch.setattr(probe, "kernel_source", lambda _: text)


def test_report_agrees_with_device(device: Device) -> None:
    report = probe_device(device._handle)
    assert report == device.report
    assert report.works
    assert not report.reason
    assert report.compute_units == device.compute_units >= 1
    assert report.max_allocation <= report.global_memory
    assert hash(report) == hash(device.report)
    assert not any("fast" in option or "mad" in option or "finite" in option for option in report.build_options)


@pytest.mark.parametrize(
    ("pattern", "replacement", "reason"),
    [
        (r"a\[i\] \* b\[i\] \+ c\[i\]", "fma(a[i], b[i], c[i])", "contracted"),
        (r"fma\(a\[i\], b\[i\], c\[i\]\)", "a[i] * b[i] + c[i]", "fma"),
        (r"a\[i\] / b\[i\]", "a[i] / b[i] * 1.001f", "quotients"),
        (r"isnan\(x\)", "0", "NaN"),
        (r"x <= y\)", "!(x > y))", "NaN"),
        (r"x == y\)", "as_int(x) == as_int(y))", "signed zero"),
        (r"a\[i\] \* b\[i\] \+ \(a", "(int)a[i] * (int)b[i] + (a", "64-bit"),
        (r"key;\n", "bits;\n", "order keys"),
        (r"global int \*answers", "global nonsense *answers", "nonsense"),
    ],
)
def test_broken_promises_are_found(
    device: Device, monkeypatch: pytest.MonkeyPatch, pattern: str, replacement: str, reason: str
) -> None:
    spoil(monkeypatch, pattern, replacement)
    report = probe_device(device._handle)
    assert not report.works
    assert reason in report.reason
    assert "\n" not in report.reason


def test_denormals_compared_as_zero_are_a_fact_and_no_fault(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    flush = "fabs({0}[i]) < 1.17549435e-38f ? 0.0f : {0}[i]"
    spoil(monkeypatch, r"x = a\[i\], y = b\[i\]", f"x = {flush.format('a')}, y = {flush.format('b')}")
    report = probe_device(device._handle)
    assert report.works
    assert report.flushes_denormals


def test_inexact_quotients_are_a_fact_and_no_fault(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, r"a\[i\] / b\[i\]", "a[i] * (1.0f / b[i])")
    report = probe_device(device._handle)
    assert report.works
    assert not report.rounds_correctly


def test_arithmetic_inputs_tell_contracted_from_rounded() -> None:
    a, b, c = probe._arithmetic_inputs()
    fused = (a.astype(np.float64) * b + c).astype(np.float32)
    assert (fused != a * b + c).mean() > 0.3

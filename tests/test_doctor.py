"""The doctor's words."""

import pytest

from pixelforest import doctor
from pixelforest.backends.opencl import runtime
from pixelforest.backends.opencl.probe import DeviceReport

GOOD = DeviceReport(
    "Good Runtime", "OpenCL 3.0", "Fine CPU", "1.2", "cpu", True, "", False, True, 8, 2**34, 2**32, True, ()
)
BAD = DeviceReport(
    "Old Runtime",
    "OpenCL 3.0",
    "New CPU",
    "0.1",
    "cpu",
    False,
    "unknown target CPU",
    False,
    False,
    8,
    2**34,
    2**32,
    True,
    (),
)


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIXELFOREST_DEVICE", raising=False)


def see(monkeypatch: pytest.MonkeyPatch, *reports: DeviceReport) -> str:
    """Return the report of a machine with these devices."""
    monkeypatch.setattr(runtime, "device_reports", lambda: reports)
    return doctor.report()


def test_real_machine_is_described() -> None:
    text = doctor.report()
    assert "pyopencl" in text
    assert "OpenCL" in text


def test_chosen_device_is_marked_and_others_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    text = see(monkeypatch, BAD, GOOD)
    assert "-> Fine CPU" in text
    assert "-> New CPU" not in text
    assert "rejected: unknown target CPU" in text
    assert text.endswith('device="auto" means Good Runtime: Fine CPU.')


@pytest.mark.parametrize("reports", [(), (BAD,)])
def test_advice_where_none_works(monkeypatch: pytest.MonkeyPatch, reports: tuple[DeviceReport, ...]) -> None:
    text = see(monkeypatch, *reports)
    assert 'pip install "pixelforest[cpu]"' in text
    assert text.endswith('device="auto" means NumPy.')


@pytest.mark.parametrize(
    ("value", "conclusion"),
    [("numpy", "means NumPy, because"), ("absent", "is an error"), ("FINE", "means Good Runtime: Fine CPU")],
)
def test_environment_is_shown_and_followed(monkeypatch: pytest.MonkeyPatch, value: str, conclusion: str) -> None:
    monkeypatch.setenv("PIXELFOREST_DEVICE", value)
    text = see(monkeypatch, GOOD)
    assert f"PIXELFOREST_DEVICE = {value}" in text
    assert conclusion in text


def test_missing_pyopencl_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ImportError("No module named 'pyopencl'")

    monkeypatch.setattr(runtime, "device_reports", fail)
    assert "pyopencl cannot be imported: No module named 'pyopencl'" in doctor.report()

"""What `device=` and PIXELFOREST_DEVICE choose."""

import warnings
from types import SimpleNamespace

import pytest

from pixelforest.backends import select
from pixelforest.backends.opencl import runtime
from pixelforest.backends.select import open_backend
from pixelforest.exceptions import PixelforestDeviceWarning


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start each test as a new process would."""
    monkeypatch.delenv("PIXELFOREST_DEVICE", raising=False)
    monkeypatch.setattr(select, "_backends", {})
    monkeypatch.setattr(select, "_has_warned", False)


@pytest.fixture
def no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide every device."""
    monkeypatch.setattr(runtime, "_listed", ())


@pytest.fixture
def no_pyopencl(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let looking for devices fail as it does without pyopencl."""

    def fail() -> None:
        raise ImportError("No module named 'pyopencl'")

    monkeypatch.setattr(runtime, "_list_devices", fail)


def working_name() -> str:
    """Return the name of the best working device."""
    names = [report.name for report in runtime.device_reports() if report.works]
    if not names:
        pytest.skip("no OpenCL device works here")
    return names[0]


@pytest.mark.parametrize("name", ["numpy", "NumPy", " numpy "])
def test_numpy_needs_no_device(no_pyopencl: None, name: str) -> None:
    assert open_backend(name).name == "numpy"
    assert open_backend(name) is open_backend("numpy")


@pytest.mark.parametrize("missing", ["no_device", "no_pyopencl"])
def test_auto_without_device_is_numpy_with_one_warning(request: pytest.FixtureRequest, missing: str) -> None:
    request.getfixturevalue(missing)
    with pytest.warns(PixelforestDeviceWarning) as caught:
        assert open_backend().name == "numpy"
    (warning,) = caught
    for advice in ('pip install "pixelforest[cpu]"', "pixelforest doctor", "pocl-opencl-icd"):
        assert advice in str(warning.message)
    assert warning.filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_backend().name == "numpy"


@pytest.mark.parametrize("missing", ["no_device", "no_pyopencl"])
def test_named_device_that_is_absent_raises(request: pytest.FixtureRequest, missing: str) -> None:
    request.getfixturevalue(missing)
    with pytest.raises(ValueError, match="'geforce'"):
        open_backend("geforce")


def test_environment_defines_auto(no_device: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXELFOREST_DEVICE", "numpy")
    assert open_backend("auto").name == "numpy"
    monkeypatch.setenv("PIXELFOREST_DEVICE", "geforce")
    with pytest.raises(ValueError, match="PIXELFOREST_DEVICE is 'geforce'"):
        open_backend("auto")
    assert open_backend("numpy").name == "numpy"


def test_explicit_device_wins_over_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    name = working_name()
    monkeypatch.setenv("PIXELFOREST_DEVICE", "numpy")
    assert open_backend(name).fingerprint == runtime.open_device(name).fingerprint
    monkeypatch.setenv("PIXELFOREST_DEVICE", "auto")
    assert open_backend() is open_backend(name)


@pytest.mark.parametrize("device", [None, 0, SimpleNamespace(name="numpy")])
def test_device_must_be_text(device: object) -> None:
    with pytest.raises(TypeError, match="`device` must be a string"):
        open_backend(device)  # type: ignore[arg-type]

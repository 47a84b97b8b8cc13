"""Fixtures that every folder of tests may use: ways to compute features, real data, hypothesis profiles."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from pixelforest.backends.numpy.features import compute_features as compute_with_numpy
from pixelforest.features.patch import Patch
from pixelforest.features.plan import FeaturePlan

settings.register_profile("dev", max_examples=12, deadline=None)
settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


@dataclass(frozen=True)
class FeatureEngine:
    """One way to compute the features of a patch, as an array on the host."""

    name: str
    compute: Callable[[FeaturePlan, Patch], np.ndarray]
    tolerance: float  # relative to the declared bound of a feature


@cache
def working_devices() -> tuple[str, ...]:
    try:
        from pixelforest.backends.opencl.runtime import device_reports
    except ImportError:
        return ()
    try:
        return tuple(report.name for report in device_reports() if report.works)
    except ImportError:
        return ()


def open_engine(name: str) -> FeatureEngine:
    if name == "numpy":
        return FeatureEngine("numpy", compute_with_numpy, 1e-6)
    from pixelforest.backends.opencl.features import compute_features
    from pixelforest.backends.opencl.runtime import open_device

    device = open_device(name)
    return FeatureEngine(name, lambda plan, patch: compute_features(device, plan, patch).to_host(), 1e-5)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give `engine` NumPy and every working device, `opencl_engine` the devices; nothing is probed for other tests."""
    for fixture, always in (("engine", ["numpy"]), ("opencl_engine", [])):
        if fixture in metafunc.fixturenames:
            none = pytest.param("", marks=pytest.mark.skip(reason="no OpenCL device works here"))
            names = [*always, *(working_devices() or [none])]
            metafunc.parametrize(fixture, names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> FeatureEngine:
    """NumPy and every working OpenCL device in turn."""
    return open_engine(request.param)


@pytest.fixture(scope="session")
def opencl_engine(request: pytest.FixtureRequest) -> FeatureEngine:
    """Every working OpenCL device in turn."""
    return open_engine(request.param)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder of real images; skips where it is absent."""
    chosen = os.environ.get("PIXELFOREST_DATA")
    folder = Path(chosen) if chosen else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real data: set PIXELFOREST_DATA, or put it at ../shared/data")
    return folder

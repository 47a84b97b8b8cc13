"""Devices for the tests of this folder."""

import pytest

from pixelforest.backends.opencl.runtime import Device, device_reports, open_device

try:
    WORKING = [report.name for report in device_reports() if report.works]
except ImportError:
    WORKING = []


@pytest.fixture(params=WORKING or [pytest.param("", marks=pytest.mark.skip(reason="no OpenCL device works here"))])
def device(request: pytest.FixtureRequest) -> Device:
    """Every working device in turn."""
    return open_device(request.param)

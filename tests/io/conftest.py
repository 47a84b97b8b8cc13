"""OME-Zarr images written by hand, from the text of the specification, without the code under test."""

import json
from pathlib import Path

import numpy as np
import pytest
import zarr


def write_image_04(path: Path, values: np.ndarray, axes: list[dict], **attributes) -> Path:
    """Write two levels in version 0.4: Zarr format 2, metadata in `.zattrs`."""
    group = zarr.create_group(path, zarr_format=2)
    for number, step in enumerate((1, 2)):
        group.create_array(str(number), data=values[..., ::step, ::step], chunks=(3,) * values.ndim)
    group.attrs.update({"multiscales": [multiscale(axes, "0.4")], **attributes})
    assert "multiscales" in json.loads((path / ".zattrs").read_text())
    return path


def write_image_05(path: Path, values: np.ndarray, axes: list[dict], **attributes) -> Path:
    """Write two levels in version 0.5: Zarr format 3, metadata under `ome`."""
    group = zarr.create_group(path, zarr_format=3)
    for number, step in enumerate((1, 2)):
        group.create_array(
            str(number),
            data=np.ascontiguousarray(values[..., ::step, ::step]),
            chunks=(3,) * values.ndim,
            dimension_names=[axis["name"] for axis in axes],
        )
    group.attrs["ome"] = {"version": "0.5", "multiscales": [multiscale(axes, None)], **attributes}
    return path


def multiscale(axes: list[dict], version: str | None) -> dict:
    n_leading = len(axes) - 2
    scales = [[2.0, *[1.0] * len(axes)][-n_leading:] * bool(n_leading) + [0.5 * step] * 2 for step in (1, 2)]
    described = {
        "axes": axes,
        "datasets": [
            {
                "path": str(number),
                "coordinateTransformations": [
                    {"type": "scale", "scale": scale},
                    {"type": "translation", "translation": [0.0] * n_leading + [10.0, 20.0]},
                ],
            }
            for number, scale in enumerate(scales)
        ],
    }
    return described if version is None else {**described, "version": version}


WRITERS = {"0.4": write_image_04, "0.5": write_image_05}


@pytest.fixture(params=WRITERS)
def version(request) -> str:
    return request.param

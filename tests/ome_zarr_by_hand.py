"""OME-Zarr images written by hand, from the text of the specification, without the code under test."""

from pathlib import Path

import numpy as np
import zarr

KINDS = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
SIZES = {"t": 1.0, "c": 1.0, "z": 2.0, "y": 0.5, "x": 0.5}
VERSIONS = ("0.4", "0.5")


def write_image(path: Path, values: np.ndarray, names: str, version: str, **more) -> Path:
    """Write two levels: Zarr format 2 and plain attributes in version 0.4, format 3 and attributes in `ome` in 0.5."""
    group = zarr.create_group(path, zarr_format=2 if version == "0.4" else 3)
    for number, step in enumerate((1, 2)):
        part = np.ascontiguousarray(values[..., ::step, ::step])
        dimensions = {} if version == "0.4" else {"dimension_names": list(names)}
        group.create_array(str(number), data=part, chunks=tuple(min(5, n) for n in part.shape), **dimensions)
    image = {"axes": [axis(name) for name in names], "datasets": [dataset(n, names) for n in (0, 1)]}
    if version == "0.4":
        group.attrs.update({"multiscales": [{**image, "version": "0.4"}], **more})
    else:
        group.attrs["ome"] = {"version": "0.5", "multiscales": [image], **more}
    return path


def axis(name: str) -> dict[str, str]:
    unit = {"unit": "micrometer"} if KINDS[name] == "space" else {}
    return {"name": name, "type": KINDS[name], **unit}


def dataset(number: int, names: str) -> dict:
    scale = [SIZES[name] * (2**number if name in "yx" else 1) for name in names]
    place = [10.0 if name == "y" else 0.0 for name in names]
    steps = [{"type": "scale", "scale": scale}, {"type": "translation", "translation": place}]
    return {"path": str(number), "coordinateTransformations": steps}

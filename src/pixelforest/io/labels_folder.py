"""The folder ``labels`` of an OME-Zarr image, which lists the label images that belong to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zarr

from pixelforest.io.ome_zarr import open_ome_zarr


@dataclass(frozen=True)
class LabelsFolder:
    """A folder of label images inside an image of version 0.5.

    Parameters
    ----------
    path : Path
        ``<image>/labels``.
    n_levels : int
        Levels of the image, and so of its labels.
    """

    path: Path
    n_levels: int

    @classmethod
    def around(cls, output: Path) -> LabelsFolder | None:
        """Return the folder that `output` lies in, if that is the ``labels`` of an image; make it if it is missing.

        Raises
        ------
        ValueError
            The image is of version 0.4, which cannot hold labels of version 0.5.
        """
        folder = output.parent
        if folder.name != "labels":
            return None
        try:
            image = open_ome_zarr(folder.parent)
        except FileNotFoundError:
            return None
        if image.version != "0.5":
            raise ValueError(
                f"`output`: the image {str(folder.parent)!r} is OME-Zarr {image.version}, and so must be its "
                "labels, but they are written as 0.5; give a path outside the image"
            )
        if not folder.exists():
            zarr.create_group(str(folder), zarr_format=3, attributes={"ome": {"version": "0.5", "labels": []}})
        return cls(folder, image.n_levels)

    def check_levels(self, n_levels: int) -> None:
        """Raise where labels would have other levels than their image, which the format does not allow."""
        if n_levels != self.n_levels:
            raise ValueError(
                f"`output`: labels inside an image must have as many levels, {self.n_levels}, got {n_levels}; give a "
                "path outside the image"
            )

    def register(self, name: str) -> None:
        """Add `name` to the list of labels."""
        group = zarr.open_group(str(self.path), mode="r+")
        ome: Any = group.attrs.asdict().get("ome", {"version": "0.5"})
        labels = [known for known in ome.get("labels", []) if known != name]
        group.attrs.update({"ome": {**ome, "labels": [*labels, name]}})

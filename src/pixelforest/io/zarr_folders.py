"""What is Zarr, told without the library."""

from __future__ import annotations

from pathlib import Path


def is_zarr(path: Path) -> bool:
    """Return whether a folder is a Zarr array or group."""
    return any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zarray"))

"""Images in files that are read when they are used: they stand in lists where arrays would."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.io.image_files import read_header, read_image
from pixelforest.io.interrupts import held_back
from pixelforest.io.zarr_folders import is_zarr

N_KEPT = 2
"""Decoded images that are kept: that whose tiles are being computed, and the next, which is read meanwhile."""


@dataclass(frozen=True, eq=False)
class ImageFile:
    """A PNG, TIFF, JPEG or BMP file as an array that is read when it is cut; made by `open_image`.

    Such files can only be decoded as a whole. The last two that were cut are kept, and every other one is read again.

    Attributes
    ----------
    path : Path
    shape : tuple of int
    dtype : dtype
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, part: Any) -> NDArray[Any]:
        return self._checked(_kept(self.path, self.path.stat().st_mtime_ns))[part]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        values = self._checked(read_image(self.path))
        return values if dtype is None else values.astype(dtype)

    def _checked(self, values: NDArray[Any]) -> NDArray[Any]:
        if values.shape != self.shape or values.dtype != self.dtype:
            raise ValueError(
                f"{str(self.path)!r} must hold {self.shape} of {self.dtype}, as when it was opened, got {values.shape} "
                f"of {values.dtype}"
            )
        return values


@dataclass(frozen=True, eq=False)
class ZarrFile:
    """One level of an OME-Zarr image as an array of which parts are read; made by `open_image`.

    Attributes
    ----------
    path : Path
    array : zarr.Array
        With the axes of the file.
    """

    path: Path
    array: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return tuple(self.array.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the voxels."""
        return np.dtype(self.array.dtype)

    def __getitem__(self, part: Any) -> NDArray[Any]:
        try:
            with held_back():
                return np.asarray(self.array[part])
        except Exception as error:  # codecs raise whatever they like
            raise OSError(f"cannot read {str(self.path)!r} at {part}: {error}") from error

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self[...].astype(self.dtype if dtype is None else dtype, copy=False)


def open_image(path: str | Path, *, level: int = 0) -> ImageFile | ZarrFile:
    """Return an image in a file as something that knows its shape and is read when it is used.

    It may stand where an image is expected, pickles as its path, and every process reads it for itself.

    Parameters
    ----------
    path : str or Path
        A PNG, TIFF, JPEG or BMP file, or an OME-Zarr folder.
    level : int
        Of the pyramid of OME-Zarr.

    Raises
    ------
    ValueError
        The file cannot be read as an image.
    FileNotFoundError
        It does not exist.

    Examples
    --------
    >>> import tempfile
    >>> from skimage import io
    >>> path = Path(tempfile.mkdtemp()) / "a.png"
    >>> io.imsave(path, np.eye(4, dtype=np.uint8), check_contrast=False)
    >>> image = open_image(path)
    >>> image.shape, image[1:3, 1:3].tolist()
    ((4, 4), [[1, 0], [0, 1]])
    """
    path = Path(path).absolute()
    if not path.exists():
        raise FileNotFoundError(f"`path`: there is no {str(path)!r}")
    if not is_zarr(path):
        return ImageFile(path, *read_header(path))
    try:
        from pixelforest.io.ome_zarr import open_ome_zarr
    except ImportError as error:
        raise ImportError(f'OME-Zarr needs zarr: pip install "pixelforest[zarr]" ({error})') from error
    return ZarrFile(path, open_ome_zarr(path, level=level).array)


@lru_cache(maxsize=N_KEPT)
def _kept(path: Path, modified: int) -> NDArray[Any]:
    """Return a decoded image, which its users share; `modified` tells files from what they were before."""
    values = read_image(path)
    values.flags.writeable = False
    return values

"""Read images in the OME-Zarr format, versions 0.4 and 0.5, without loading them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from ome_zarr_models.v04.multiscales import Multiscale as Multiscale04
from ome_zarr_models.v05.multiscales import Multiscale as Multiscale05
from pydantic import ValidationError

from pixelforest.io.interrupts import held_back

MULTISCALES: dict[str, Any] = {"0.4": Multiscale04, "0.5": Multiscale05}


@dataclass(frozen=True, eq=False)
class OmeZarrImage:
    """One level of an OME-Zarr image, not loaded.

    Attributes
    ----------
    array : zarr.Array
        Voxels are read when it is indexed.
    axes : tuple of str
        Name of every axis, such as ``("t", "c", "z", "y", "x")``.
    types : tuple of str
        Type of every axis: "time", "channel", "space", or "".
    units : tuple of str
        Unit of every axis, or "".
    scale, translation : tuple of float
        Size of a voxel, and position of the first one, on every axis.
    channel_names : tuple of str
        One per channel; "0", "1", … where the file names none. Empty without a channel axis.
    level, n_levels : int
        This level of the pyramid, 0 the finest, and how many there are.
    steps : tuple of tuple of int
        Voxels per voxel of the next coarser level, for every level above this one, by their scales.
    version : {"0.4", "0.5", "none"}
        "none": a plain array, see `pixelforest.io.plain_zarr`.
    path : str
        Where the image was read from.
    """

    array: zarr.Array[Any]
    axes: tuple[str, ...]
    types: tuple[str, ...]
    units: tuple[str, ...]
    scale: tuple[float, ...]
    translation: tuple[float, ...]
    channel_names: tuple[str, ...]
    level: int
    n_levels: int
    steps: tuple[tuple[int, ...], ...]
    version: str
    path: str

    @property
    def channel_axis(self) -> int | None:
        """Position of the channel axis."""
        return self.types.index("channel") if "channel" in self.types else None

    def spatial_axes(self, spatial_ndim: int) -> tuple[int, ...]:
        """Return which axes are spatial for a model of 2-D or 3-D images: the last spatial ones of the file.

        Raises
        ------
        ValueError
            The file has too few spatial axes.
        """
        spatial = tuple(axis for axis, kind in enumerate(self.types) if kind == "space")
        if len(spatial) < spatial_ndim:
            raise ValueError(
                f"`source` must have {spatial_ndim} spatial axes, as the model's images, got axes {self.axes}"
            )
        return spatial[-spatial_ndim:]

    def channels(self, wanted: Sequence[int | str] | None = None) -> tuple[int, ...]:
        """Return the positions of channels given by name or number; all by default.

        Raises
        ------
        ValueError
            A channel is missing; the message lists those that there are.

        """
        if self.channel_axis is None:
            if wanted is not None:
                raise ValueError(f"`channels` needs an image with a channel axis, got axes {self.axes}")
            return (0,)
        names = self.channel_names
        if wanted is None:
            return tuple(range(len(names)))
        found = []
        for channel in wanted:
            if isinstance(channel, str) and channel in names:
                found.append(names.index(channel))
            elif str(channel).isdigit() and int(channel) < len(names):
                found.append(int(channel))
            else:
                raise ValueError(f"`channels`: there is no channel {channel!r}, only {', '.join(map(repr, names))}")
        return tuple(found)


@dataclass(frozen=True, eq=False)
class ImagePlanes:
    r"""One image of the file as ``(n_channels, *spatial)``, read when it is indexed by slices.

    Parameters
    ----------
    image : OmeZarrImage
    spatial_ndim : int
        Spatial axes of the model's images; other axes but the channel's are fixed by `outer`.
    channels : tuple of int
    outer : tuple of int
        Position on every axis that is neither spatial nor the channel's.
    """

    image: OmeZarrImage
    spatial_ndim: int
    channels: tuple[int, ...]
    outer: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of channels, then the spatial shape."""
        array = self.image.array
        return (len(self.channels), *(array.shape[a] for a in self.image.spatial_axes(self.spatial_ndim)))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.spatial_ndim + 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the voxels."""
        return np.dtype(self.image.array.dtype)

    @property
    def chunks(self) -> tuple[int, ...]:
        """Sides of the parts in which it is read, channels first."""
        sides = self.image.array.chunks
        return (1, *(sides[a] for a in self.image.spatial_axes(self.spatial_ndim)))

    def __getitem__(self, key: tuple[slice, ...]) -> NDArray[Any]:
        spatial, channel = self.image.spatial_axes(self.spatial_ndim), self.image.channel_axis
        first, last = min(self.channels), max(self.channels)
        outer = iter(self.outer)
        where: list[int | slice] = []
        for axis in range(self.image.array.ndim):
            if axis == channel:
                where.append(slice(first, last + 1))
            else:
                where.append(key[1 + spatial.index(axis)] if axis in spatial else next(outer))
        try:
            with held_back():
                values = np.asarray(self.image.array[tuple(where)])
        except Exception as error:  # codecs raise whatever they like
            raise OSError(f"cannot read {self.image.path!r}, level {self.image.level}, at {where}: {error}") from error
        if channel is None:
            return values[np.newaxis][key[0]]
        at = sum(axis in spatial for axis in range(channel))  # outer axes are gone
        return np.moveaxis(values, at, 0)[[c - first for c in self.channels]][key[0]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        values = self[(slice(None),) * self.ndim]
        return values if dtype is None else values.astype(dtype)


def open_ome_zarr(path: str | Path, *, level: int = 0) -> OmeZarrImage:
    """Open an image, or a label image, for reading; no voxel is read.

    Parameters
    ----------
    path : str or Path
        The image's folder, or an address that Zarr can open.
    level : int
        Level of the pyramid, 0 the finest.

    Raises
    ------
    FileNotFoundError
        There is no Zarr group.
    ValueError
        It holds no image of version 0.4 or 0.5, its metadata are invalid, it has no such level, or an axis is empty.
    TypeError
        Voxels are not real numbers.

    Examples
    --------
    >>> import tempfile
    >>> from pixelforest.io.label_zarr import LabelImage
    >>> folder = Path(tempfile.mkdtemp()) / "labels.zarr"
    >>> LabelImage.like_shape((4, 6), np.uint8).write(folder, lambda window: np.ones(window.shape, np.uint8))
    >>> image = open_ome_zarr(folder)
    >>> image.axes, image.array.shape, image.array[2:4, 0].tolist()
    (('y', 'x'), (4, 6), [1, 1])
    """
    try:
        group = zarr.open_group(str(path), mode="r")
    except (FileNotFoundError, KeyError, ValueError) as error:
        raise FileNotFoundError(f"`path` must be an OME-Zarr image (a Zarr group), got {str(path)!r}") from error
    attributes: dict[str, Any] = group.attrs.asdict()
    ome: Mapping[str, Any] = attributes.get("ome", attributes)
    multiscale, version = _multiscale(ome, str(path))
    if not 0 <= level < len(multiscale.datasets):
        raise ValueError(f"`level` must lie in 0 to {len(multiscale.datasets) - 1}, got {level}")
    dataset = multiscale.datasets[level]
    array = group.get(dataset.path)
    if not isinstance(array, zarr.Array):
        raise ValueError(f"`path`: {str(path)!r} names level {level} {dataset.path!r}, but there is no such array")
    axes = tuple(str(axis.name) for axis in multiscale.axes)
    check_array(array, axes, str(path))
    types = tuple(str(axis.type or "") for axis in multiscale.axes)
    placements = [
        _placement([d.coordinateTransformations, multiscale.coordinateTransformations], len(axes))
        for d in multiscale.datasets[level:]
    ]
    scale, translation = placements[0]
    n_channels = array.shape[types.index("channel")] if "channel" in types else 0
    return OmeZarrImage(
        array=array,
        axes=axes,
        types=types,
        units=tuple(str(axis.unit or "") for axis in multiscale.axes),
        scale=scale,
        translation=translation,
        channel_names=_channel_names(ome.get("omero"), n_channels),
        level=level,
        n_levels=len(multiscale.datasets),
        steps=tuple(_step(fine, coarse) for (fine, _), (coarse, _) in pairwise(placements)),
        version=version,
        path=str(path),
    )


def _multiscale(ome: Mapping[str, Any], path: str) -> tuple[Any, str]:
    """Return the checked metadata of the first multiscale image, and their version."""
    if not ome.get("multiscales"):
        kinds = [kind for kind in ("plate", "well", "bioformats2raw.layout", "labels") if kind in ome]
        inside = f"{path.rstrip('/')}/0"
        hint = f"; it is a {kinds[0]}: give one of the images in it, such as {inside}" if kinds else ""
        hint = hint or f"; give one of the arrays in it, such as {inside}, to predict it as it is"
        raise ValueError(f"`path` must be an OME-Zarr image, but {path!r} has no `multiscales` metadata{hint}")
    version = str(ome.get("version") or ome["multiscales"][0].get("version"))
    if version not in MULTISCALES:
        raise ValueError(f"`path` must be OME-Zarr of version 0.4 or 0.5, but {path!r} is of version {version}")
    try:
        return MULTISCALES[version].model_validate(ome["multiscales"][0]), version
    except ValidationError as error:
        raise ValueError(f"`path`: {path!r} has invalid OME-Zarr {version} metadata: {error}") from error


def check_array(array: zarr.Array[Any], axes: tuple[str, ...], path: str) -> None:
    """Raise a ValueError or TypeError where an array cannot be an image with these axes."""
    if array.ndim != len(axes):
        raise ValueError(f"`path`: {path!r} names {len(axes)} axes {axes}, but its array has {array.ndim}")
    if 0 in array.shape:
        raise ValueError(f"`path`: {path!r} is empty: it has shape {array.shape}")
    if np.dtype(array.dtype).kind not in "buif":
        raise TypeError(f"`path`: {path!r} must hold real numbers, got dtype {array.dtype}")


def _placement(transforms: Sequence[Any], ndim: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return size and position of the first voxel after the dataset's transformations, then the image's."""
    scale, translation = np.ones(ndim), np.zeros(ndim)
    for sequence in transforms:
        for transform in sequence or ():
            if transform.type == "scale":
                scale, translation = scale * transform.scale, translation * transform.scale
            elif transform.type == "translation":
                translation = translation + transform.translation
    return tuple(scale.tolist()), tuple(translation.tolist())


def _step(fine: tuple[float, ...], coarse: tuple[float, ...]) -> tuple[int, ...]:
    return tuple(max(1, round(c / f)) for f, c in zip(fine, coarse, strict=True))


def _channel_names(omero: Any, n_channels: int) -> tuple[str, ...]:
    """Return the labels that viewers show, if there is one per channel."""
    channels = omero.get("channels", ()) if isinstance(omero, Mapping) else ()
    labels = tuple(str(c.get("label", n)) for n, c in enumerate(channels))
    return labels if len(labels) == n_channels else tuple(map(str, range(n_channels)))

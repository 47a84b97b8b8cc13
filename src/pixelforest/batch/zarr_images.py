"""`predict_zarr`: from an OME-Zarr image to an OME-Zarr label image, one tile in memory at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

import pixelforest
from pixelforest.batch.identity import device_fingerprint, model_digest
from pixelforest.estimators.segmenter import ImageSegmenter
from pixelforest.estimators.window_labels import WindowLabels, label_dtype
from pixelforest.features.patch import Window
from pixelforest.io.interrupts import held_back

if TYPE_CHECKING:
    from pixelforest.io.ome_zarr import OmeZarrImage

Predictor = Callable[[tuple[int, ...]], WindowLabels]

N_SAMPLES = 16
"""Chunks of the source whose voxels enter its digest."""


def predict_zarr(
    model: ImageSegmenter,
    source: str | Path,
    output: str | Path,
    *,
    level: int = 0,
    channels: Sequence[int | str] | None = None,
    tile_shape: Sequence[int] | None = None,
    downsampling: Literal["mode", "nearest"] = "mode",
    resume: bool = False,
    progress: Callable[[str, int, int], object] | None = None,
) -> None:
    """Segment an OME-Zarr image into an OME-Zarr label image.

    Equal to `ImageSegmenter.predict` of the whole image. Axes that the model's images lack, time and for a model of 2-D
    images also z, are images of their own. The output appears under its name when all of it has been written, read back
    and compared; until then it lies in ``<output>.partial``, where an interrupted run goes on with ``resume=True``.
    Percentiles, where the model scales images by them, are found first, and a resumed run must find the same.

    Parameters
    ----------
    model : ImageSegmenter
        Fitted.
    source : str or Path
        An OME-Zarr image of version 0.4 or 0.5.
    output : str or Path
        A local path where nothing lies yet. In the folder ``labels`` of an OME-Zarr 0.5 image, the image lists it.
    level : int
        Level of the pyramid of `source`, 0 the finest.
    channels : sequence of int or str, optional
        Which channels the model sees, by number or name, in its order. Default: all.
    tile_shape : sequence of int, optional
        What is computed, written and marked at once, on every axis of the output: whole multiples of its shards.
    downsampling : {"mode", "nearest"}
        Pyramid of the output: the most frequent label of a block, or its first.
    resume : bool
        Go on with an unfinished run; a finished one of the same model, source and device is left as it is.
    progress : callable, optional
        Called with a stage ("predict", "pyramid" or "verify"), tiles done and tiles in all. Before them, where the
        model scales images, with "percentiles", images done and images in all.

    Raises
    ------
    TypeError
        `model` is no ImageSegmenter, or voxels are not real numbers.
    ValueError
        A missing channel or level; axes, `tile_shape` or NaN that do not fit; or the unfinished run was made by another
        model, on another device, from another source.
    FileExistsError, FileNotFoundError
        `output` or an unfinished run exists; `source` or the output's folder does not.
    OSError
        Disk full, or data that cannot be read. What is finished stays and can be resumed.
    ImportError
        Zarr or ome-zarr-models is missing.

    Examples
    --------
    >>> import tempfile
    >>> import zarr
    >>> from pixelforest.batch import predict_zarr
    >>> from pixelforest.demo_data import load_blobs
    >>> from pixelforest.io.label_zarr import LabelImage
    >>> image, scribbles = load_blobs()
    >>> folder = Path(tempfile.mkdtemp())
    >>> LabelImage.like_shape(image.shape, image.dtype).write(folder / "image.zarr", lambda tile: image[tile.slices])
    >>> model = pixelforest.ImageSegmenter().fit([image], [scribbles])
    >>> predict_zarr(model, folder / "image.zarr", folder / "labels.zarr")
    >>> bool((zarr.open(folder / "labels.zarr")["0"][:] == model.predict(image)).all())
    True
    """
    try:
        from pixelforest.io.label_zarr import LabelImage
        from pixelforest.io.ome_zarr import open_ome_zarr
        from pixelforest.io.run_record import check_output, tidy_published
    except ImportError as error:
        raise ImportError(f'OME-Zarr needs zarr: pip install "pixelforest[zarr]" ({error})') from error
    if not isinstance(model, ImageSegmenter):
        raise TypeError(f"`model` must be an ImageSegmenter, which sees one tile at a time, got {type(model).__name__}")
    check_is_fitted(model)
    image = open_ome_zarr(source, level=level)
    chosen = _checked_channels(model, image, channels)
    spatial_ndim = model.features_.axes().spatial_ndim
    layout = LabelImage.like(image, spatial_ndim, label_dtype(model))
    layout = replace(layout, downsampling=downsampling)
    if tile_shape is not None:
        layout = replace(layout, tile_shape=tuple(int(n) for n in tile_shape))
    identity = {
        "version": pixelforest.__version__,
        "device": device_fingerprint(model),
        "model": model_digest(model),
        "source": source_digest(image),
        "level": level,
        "channels": list(chosen),
    }
    predictor = _predictor_of(model, image, spatial_ndim, chosen)
    if model.features_.scaling() is not None:
        if not resume:
            check_output(Path(output))  # before what takes long
        identity["scales"] = _scales_digest(predictor, image, spatial_ndim, progress)
    if resume and Path(output).exists() and _is_made_by(Path(output), identity):
        tidy_published(Path(output))
        return
    compute = _labels_of(predictor, image, spatial_ndim, label_dtype(model))
    layout.write(output, compute, identity=identity, resume=resume, progress=progress)


def source_digest(image: OmeZarrImage) -> str:
    """Return a digest of an array's shape and dtype and of the voxels of up to `N_SAMPLES` of its chunks.

    Tells one image from another at a cost that does not grow with them; a change between those chunks goes unseen.
    """
    array = image.array
    grid = tuple(-(-n // c) for n, c in zip(array.shape, array.chunks, strict=True))
    n_chunks = int(np.prod(grid))
    summary = hashlib.sha256(json.dumps([list(array.shape), str(array.dtype), list(image.axes)]).encode())
    for number in sorted(set(np.linspace(0, n_chunks - 1, N_SAMPLES).astype(int).tolist())):
        at = np.unravel_index(number, grid)
        where = tuple(slice(int(i) * c, (int(i) + 1) * c) for i, c in zip(at, array.chunks, strict=True))
        try:
            with held_back():
                summary.update(np.ascontiguousarray(array[where]).tobytes())
        except Exception as error:  # codecs raise whatever they like
            raise OSError(f"cannot read {image.path!r}, level {image.level}, at {where}: {error}") from error
    return summary.hexdigest()


def _predictor_of(
    model: ImageSegmenter, image: OmeZarrImage, spatial_ndim: int, channels: tuple[int, ...]
) -> Predictor:
    """Return what gives the predictor of one image of the file, by its position on the outer axes."""
    from pixelforest.io.ome_zarr import ImagePlanes

    @cache
    def predictor(position: tuple[int, ...]) -> WindowLabels:
        return WindowLabels(model, ImagePlanes(image, spatial_ndim, channels, position))

    return predictor


def _scales_digest(
    predictor: Predictor,
    image: OmeZarrImage,
    spatial_ndim: int,
    progress: Callable[[str, int, int], object] | None,
) -> str:
    """Return a digest of the percentiles of all images of the file, which are found now."""
    _, _, outer_shape = _axes_of(image, spatial_ndim)
    n_images = int(np.prod(outer_shape, dtype=int))
    summary = hashlib.sha256()
    for done, position in enumerate(np.ndindex(*outer_shape), 1):
        summary.update(repr(predictor(position).scales).encode())
        if progress is not None:
            progress("percentiles", done, n_images)
    return summary.hexdigest()


def _axes_of(image: OmeZarrImage, spatial_ndim: int) -> tuple[list[int], list[int], tuple[int, ...]]:
    """Return which axes of the output are those of one image, which are outer ones, and how long the latter are."""
    kept = [axis for axis in range(len(image.axes)) if axis != image.channel_axis]
    inner = [kept.index(axis) for axis in image.spatial_axes(spatial_ndim)]
    outer = [axis for axis in range(len(kept)) if axis not in inner]
    return inner, outer, tuple(image.array.shape[kept[axis]] for axis in outer)


def _labels_of(
    predictor: Predictor, image: OmeZarrImage, spatial_ndim: int, dtype: np.dtype[Any]
) -> Callable[[Window], NDArray[Any]]:
    """Return what computes the labels of a window of the output, whose outer axes are images of their own."""
    inner, outer, _ = _axes_of(image, spatial_ndim)

    def compute(window: Window) -> NDArray[Any]:
        labels = np.empty(window.shape, dtype)
        target = Window(tuple(window.start[a] for a in inner), tuple(window.stop[a] for a in inner))
        for offset in np.ndindex(*(window.shape[a] for a in outer)):
            where: list[int | slice] = [slice(None)] * labels.ndim
            for axis, o in zip(outer, offset, strict=True):
                where[axis] = o
            position = tuple(window.start[a] + o for a, o in zip(outer, offset, strict=True))
            labels[tuple(where)] = predictor(position)(target)
        return labels

    return compute


def _checked_channels(
    model: ImageSegmenter, image: OmeZarrImage, wanted: Sequence[int | str] | None
) -> tuple[int, ...]:
    chosen = image.channels(wanted)
    if len(chosen) != model.n_features_in_:
        names = f" ({', '.join(map(repr, image.channel_names))})" if image.channel_names else ""
        raise ValueError(
            f"`channels` must name {model.n_features_in_}, as many as the model was trained with, "
            f"got {len(chosen)}{names}"
        )
    return chosen


def _is_made_by(output: Path, identity: dict[str, Any]) -> bool:
    """Return whether a finished output says that it is what this run would make; raise if it says otherwise."""
    import zarr

    try:
        stored: Any = zarr.open_group(str(output), mode="r").attrs.asdict().get("pixelforest", {})
    except (FileNotFoundError, ValueError):
        return False
    for key, value in identity.items():
        if stored.get(key) != value:
            raise ValueError(
                f"`resume`: the finished {str(output)!r} has {key} {stored.get(key)!r}, this run {value!r}"
            )
    return bool(stored.get("complete"))

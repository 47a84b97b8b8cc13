"""`predict_zarr`: from an OME-Zarr image to one of labels or probabilities, one tile in memory at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

import pixelforest
from pixelforest.batch.classes import check_gives_probabilities, class_names
from pixelforest.batch.identity import device_fingerprint, model_digest
from pixelforest.batch.workers import workers_of
from pixelforest.engine.tasks import in_turn
from pixelforest.estimators.segmenter import ImageSegmenter
from pixelforest.estimators.window_results import Kind, label_dtype
from pixelforest.io.interrupts import held_back

if TYPE_CHECKING:
    from pixelforest.io.ome_zarr import OmeZarrImage
    from pixelforest.io.pyramid import Downsampling
    from pixelforest.io.tiled_image import TiledImage

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
    kind: Kind = "labels",
    downsampling: Downsampling | None = None,
    resume: bool = False,
    progress: Callable[[str, int, int], object] | None = None,
    client: Any = None,
) -> None:
    """Segment an OME-Zarr image into an OME-Zarr label image, or one of probabilities.

    Equal to `ImageSegmenter.predict` or `predict_proba` of the whole image. Axes that the model's images lack, time and
    for a model of 2-D images also z, are images of their own. The output appears under its name when all of it has been
    written, read back and compared; until then it lies in ``<output>.partial``, where an interrupted run goes on with
    ``resume=True``. Percentiles, where the model scales images by them, are found first, by this process; a resumed run
    must find the same.

    Parameters
    ----------
    model : ImageSegmenter
        Fitted.
    source : str or Path
        An OME-Zarr image of version 0.4 or 0.5; or a Zarr array with the axes of the model's images, or one more in
        front, a stack of images.
    output : str or Path
        A local path where nothing lies yet. In the folder ``labels`` of an OME-Zarr 0.5 image, the image lists it.
    level : int
        Level of the pyramid of `source`, 0 the finest.
    channels : sequence of int or str, optional
        Which channels the model sees, by number or name, in its order. Default: all.
    tile_shape : sequence of int, optional
        What is computed, written and marked at once, on every axis of the output: whole multiples of its shards.
    kind : {"labels", "probabilities"}
        Probabilities are float32, with an axis of channels that have the names of the classes.
    downsampling : {"mode", "nearest", "mean"}, optional
        Pyramid of the output: the most frequent label of a block (the default of labels), or its first; or the mean of
        probabilities (their only one).
    resume : bool
        Go on with an unfinished run; a finished one of the same model, source and device is left as it is.
    progress : callable, optional
        Called with a stage ("predict", "pyramid" or "verify"), tiles done and tiles in all. Before them, where the
        model scales images, with "percentiles", images done and images in all.
    client : distributed.Client, optional
        Connected to a cluster whose workers see `source` and `output` under the same paths: they compute, write and
        read back the tiles, with the bits that this process would write. The record of the run is kept here.

    Raises
    ------
    TypeError
        `model` is no ImageSegmenter or, for probabilities, its classifier gives none; or voxels are not real numbers.
    ValueError
        A missing channel or level; axes, `tile_shape` or NaN that do not fit; or the unfinished run was made by another
        model, on another device, from another source, of another kind.
    RuntimeError
        Workers have different devices, or die again and again.
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
        from pixelforest.batch.image_tiles import ImageTiles
        from pixelforest.io.run_record import check_output, tidy_published
    except ImportError as error:
        raise ImportError(f'OME-Zarr needs zarr: pip install "pixelforest[zarr]" ({error})') from error
    if not isinstance(model, ImageSegmenter):
        raise TypeError(f"`model` must be an ImageSegmenter, which sees one tile at a time, got {type(model).__name__}")
    check_is_fitted(model)
    output, workers = Path(output), workers_of(client)
    if workers is not None:  # which have working folders of their own
        source, output = source if "://" in str(source) else Path(source).absolute(), output.absolute()
    image = _opened(model, source, level)
    chosen = _checked_channels(model, image, channels)
    layout = _layout(model, image, kind, tile_shape, downsampling)
    device = device_fingerprint(model) if workers is None else workers.ask(device_fingerprint, model)
    identity = {
        "version": pixelforest.__version__,
        "kind": kind,
        "device": device,
        "model": model_digest(model),
        "source": source_digest(image),
        "level": level,
        "channels": list(chosen),
    }
    tiles = ImageTiles(model, image, chosen, kind, device)
    if model.features_.scaling() is not None:
        if not resume:
            check_output(output)  # before what takes long
        tiles = tiles.measured(progress)
        identity["scales"] = tiles.scales_digest
    if resume and output.exists() and _is_made_by(output, identity):
        tidy_published(output)
        return
    layout.write(output, tiles, identity=identity, resume=resume, progress=progress, spread=workers or in_turn)


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


def _opened(model: ImageSegmenter, source: str | Path, level: int) -> OmeZarrImage:
    from pixelforest.io.ome_zarr import open_ome_zarr
    from pixelforest.io.plain_zarr import is_plain_zarr, open_plain_zarr

    if is_plain_zarr(source):
        return open_plain_zarr(source, model.features_.axes(), level=level)
    return open_ome_zarr(source, level=level)


def _layout(
    model: ImageSegmenter,
    image: OmeZarrImage,
    kind: Kind,
    tile_shape: Sequence[int] | None,
    downsampling: Downsampling | None,
) -> TiledImage:
    from pixelforest.io.label_zarr import LabelImage
    from pixelforest.io.probability_zarr import ProbabilityImage

    spatial_ndim = model.features_.axes().spatial_ndim
    layout: TiledImage
    if kind == "labels":
        layout = LabelImage.like(image, spatial_ndim, label_dtype(model))
    elif kind == "probabilities":
        check_gives_probabilities(model)
        layout = ProbabilityImage.like(image, spatial_ndim, class_names(model))
    else:
        raise ValueError(f"`kind` must be 'labels' or 'probabilities', got {kind!r}")
    if downsampling is not None:
        layout = replace(layout, downsampling=downsampling)
    return layout if tile_shape is None else replace(layout, tile_shape=tuple(int(n) for n in tile_shape))


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

"""Learn from folders of images, and predict files: OME-Zarr tile by tile, ordinary images one by one.

A killed run can be resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pixelforest.batch.folders import fit_folders
from pixelforest.batch.image_files import predict_images
from pixelforest.batch.zarr_images import predict_zarr
from pixelforest.estimators.window_results import Kind
from pixelforest.io.image_folder import open_folder, open_pairs
from pixelforest.io.zarr_folders import is_zarr

__all__ = ["fit_folders", "open_folder", "open_pairs", "predict_files", "predict_images", "predict_zarr"]


def predict_files(
    model: Any,
    inputs: Sequence[str | Path],
    output: str | Path,
    *,
    level: int = 0,
    channels: Sequence[int | str] | None = None,
    kind: Kind = "labels",
    resume: bool = False,
    progress: Callable[[str, int, int], object] | None = None,
    client: Any = None,
) -> None:
    """Segment one Zarr image, or image files and folders of them.

    Parameters
    ----------
    model : estimator
        See `predict_zarr` and `predict_images`.
    inputs : sequence of str or Path
        One OME-Zarr image or Zarr array, or any number of files and folders.
    output : str or Path
    level, channels
        See `predict_zarr`; of no use for image files.
    kind : {"labels", "probabilities"}
    resume : bool
        Go on with an unfinished run.
    progress : callable, optional
        Called with a stage, parts done and parts in all.
    client : distributed.Client, optional
        Connected to a cluster that computes, see `predict_zarr` and `predict_images`.

    Raises
    ------
    ValueError
        Several Zarr images, or `level` or `channels` for image files.

    Examples
    --------
    >>> import tempfile
    >>> import pixelforest as pf
    >>> from skimage import io
    >>> from pixelforest.demo_data import load_blobs
    >>> image, scribbles = load_blobs()
    >>> folder = Path(tempfile.mkdtemp())
    >>> io.imsave(folder / "blobs.tif", image)
    >>> predict_files(pf.ImageSegmenter().fit([image], [scribbles]), [folder], folder / "labels")
    >>> [path.name for path in (folder / "labels").iterdir()]
    ['blobs.tif']
    """
    n_zarr = sum(is_zarr(Path(path)) for path in inputs)
    if n_zarr and len(inputs) > 1:
        raise ValueError(f"`inputs` must be one OME-Zarr image, or image files and folders, got {n_zarr} of Zarr")
    options: Any = {"kind": kind, "resume": resume, "progress": progress, "client": client}
    if n_zarr:
        predict_zarr(model, inputs[0], output, level=level, channels=channels, **options)
    elif level or channels is not None:
        raise ValueError("`level` and `channels` are for OME-Zarr images; image files are predicted as they are")
    else:
        predict_images(model, inputs, output, **options)

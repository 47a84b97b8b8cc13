"""Named arrays: what comes as `xarray.DataArray` goes back as one. The only file that imports xarray."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pixelforest.images.containers import ImageAxes, ImageBatch


def is_named(image: Any) -> bool:
    """Return whether `image` looks like a `xarray.DataArray`."""
    return hasattr(image, "dims") and hasattr(image, "coords") and hasattr(image, "attrs")


def values_of(image: Any) -> Any:
    """Return the lazy array in a DataArray that holds one; anything else as it is."""
    return image.data if is_named(image) and getattr(image, "chunks", None) is not None else image


def name_like(values: Any, image: Any, axes: ImageAxes, *, last: tuple[str, Iterable[Any]] | None = None) -> Any:
    r"""Return `values` with the spatial dims, coords and attrs of `image`, if that is a DataArray.

    Parameters
    ----------
    values : ndarray, shape (\*spatial) or (\*spatial, n)
    image : array-like
        What the user gave.
    axes : ImageAxes
    last : (str, sequence), optional
        Name and coordinates of the last axis of `values`.
    """
    if not is_named(image):
        return values
    import xarray

    dims = axes.spatial(tuple(image.dims))
    coords = {name: c for name, c in image.coords.items() if set(c.dims) <= set(dims)}
    if last is not None:
        dims = (*dims, last[0])
        coords[last[0]] = list(last[1])
    return xarray.DataArray(values, dims=dims, coords=coords, attrs=dict(image.attrs))


def stack_like(results: Sequence[Any], batch: ImageBatch, stack: Any) -> Any:
    """Return named results, one per image of `batch`, along the leading dims of the named `stack` that they came in."""
    import xarray

    first = results[0]
    dims = (*stack.dims[: len(batch.leading)], *first.dims)
    coords = {name: c for name, c in first.coords.items() if name not in stack.coords}
    coords |= {name: c for name, c in stack.coords.items() if set(c.dims) <= set(dims)}
    values = batch.stacked([result.data for result in results])
    return xarray.DataArray(values, dims=dims, coords=coords, attrs=dict(stack.attrs))

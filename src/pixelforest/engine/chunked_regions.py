"""Regions of label images in chunks: measured as if the image were whole, to the last bit.

A region that lies in one chunk is measured there, with nothing but its own pixels. Of those that lie in several, the
box around them is read and they are measured once more. Who touches whom is found across the borders of chunks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.engine.chunked import is_chunked
from pixelforest.regions.input_checks import checked_planes, checked_regions
from pixelforest.regions.measure import table_of, values_of
from pixelforest.regions.names import Asked
from pixelforest.regions.neighbours import Contacts, Neighbourhood, count_contacts, find_contacts
from pixelforest.regions.region_table import RegionTable
from pixelforest.regions.regions import Regions
from pixelforest.regions.sizes_and_axes import centroid

Box = tuple[slice, ...]


@dataclass(frozen=True, eq=False)
class Part:
    """What a chunk, or the box around some regions, tells of its regions.

    Attributes
    ----------
    labels : ndarray of int64, shape (n_regions,)
    values : list of ndarray, shape (n_regions, ...)
        Every measurement that depends on nothing but a region's own pixels, and the centroids.
    lower, upper : ndarray of int64, shape (n_regions, ndim)
        Bounding boxes in the whole image.
    contacts : Contacts
        By labels; 0 is the background.
    """

    labels: NDArray[np.int64]
    values: list[NDArray[Any]]
    lower: NDArray[np.int64]
    upper: NDArray[np.int64]
    contacts: Contacts


@dataclass(frozen=True)
class RegionJob:
    """What is measured, in every chunk.

    Attributes
    ----------
    asked : tuple of Asked
    spacing : tuple of float
    has_channels : bool
        Whether measurements of the image have an axis of channels.
    argument : str
        Name of the label image in messages.
    """

    asked: tuple[Asked, ...]
    spacing: tuple[float, ...]
    has_channels: bool
    argument: str

    def measure_part(
        self,
        labels: NDArray[Any],
        planes: NDArray[Any] | None,
        start: tuple[int, ...],
        core: tuple[int, ...],
        only: NDArray[np.int64] | None = None,
    ) -> Part:
        r"""Return what a part of the image tells.

        Parameters
        ----------
        labels : ndarray of int
            The part, and one more pixel on each axis where the image goes on.
        planes : ndarray, shape (n_channels, \*core), or None
        start, core : tuple of int
            Where the part begins, and its shape.
        only : ndarray of int64, optional
            The regions that count.
        """
        labels = checked_regions(labels, argument=self.argument)
        inside = labels[tuple(slice(n) for n in core)]
        if only is not None:
            inside = np.where(np.isin(inside, only), inside, 0)
        if planes is not None:
            planes = checked_planes(planes, core, 0, argument=self.argument)
        regions = Regions(inside, planes, self.spacing, self.has_channels, start)
        values = [values_of(item, regions) for item in self.asked if item.measurement.scope == "region"]
        contacts = find_contacts(labels, core)
        return Part(regions.labels, [*values, centroid(regions)], regions.lower, regions.upper, contacts)


def measure_chunks(
    labels: Any,
    planes: Any,
    asked: tuple[Asked, ...],
    spacing: tuple[float, ...],
    *,
    has_channels: bool,
    argument: str = "labels",
) -> RegionTable:
    r"""Return the table of the regions of a dask array, computed with the scheduler that is set.

    Chunks are read once, and those that share regions with others a second time; so `labels` should be stored, for
    example in Zarr. A region in several chunks needs memory for the box around it.

    Parameters
    ----------
    labels : array-like of int, shape (\*spatial)
    planes : array-like, shape (n_channels, \*spatial), or None
        At least one of both is a dask array; chunks are those of `labels`, if they have some.
    asked : tuple of Asked
    spacing : tuple of float
    has_channels : bool
    argument : str
        Name of the label image in messages.

    Raises
    ------
    TypeError, ValueError
        See `checked_regions` and `checked_planes`; chunks of unknown sizes.

    Examples
    --------
    >>> import dask.array as da
    >>> from pixelforest.regions.names import parse_properties
    >>> labels = da.from_array(np.array([[3, 3, 3, 0], [0, 7, 3, 0]]), chunks=(1, 2))
    >>> table = measure_chunks(labels, None, parse_properties("area bbox", 2), (1.0, 1.0), has_channels=False)
    >>> table.labels.tolist(), table.values.astype(int).tolist()
    ([3, 7], [[4, 0, 0, 2, 3], [1, 1, 1, 2, 2]])
    """
    import dask
    import dask.array as da

    if not is_chunked(labels):
        labels = da.from_array(labels, chunks=planes.chunks[1:])
    if any(np.isnan(n) for n in labels.shape):
        raise ValueError(f"`{argument}` has chunks of unknown sizes; call its `compute_chunk_sizes()` first")
    labels = labels.rechunk(tuple(tuple(n for n in sizes if n) for sizes in labels.chunks))
    if planes is not None:
        planes = da.asarray(planes).rechunk((len(planes), *labels.chunks))
    job = RegionJob(asked, spacing, has_channels, argument)
    parts = dask.compute(*(_task(job, labels, planes, box) for box in _boxes(labels.chunks)), optimize_graph=False)
    again = [_task(job, labels, planes, box, only) for box, only in _shared_boxes(parts, labels.chunks)]
    return _merged(asked, parts, dask.compute(*again, optimize_graph=False))


def _boxes(chunks: tuple[tuple[int, ...], ...]) -> list[Box]:
    stops = [np.cumsum(sizes).tolist() for sizes in chunks]
    return list(
        product(
            *(
                [slice(stop - size, stop) for stop, size in zip(ends, sizes, strict=True)]
                for ends, sizes in zip(stops, chunks, strict=True)
            )
        )
    )


def _task(job: RegionJob, labels: Any, planes: Any, box: Box, only: NDArray[np.int64] | None = None) -> Any:
    """Return a task that measures the part of the image in a box."""
    import dask

    reach = 1 if only is None else 0  # contacts are known when regions are measured once more
    more = tuple(slice(side.start, min(side.stop + reach, n)) for side, n in zip(box, labels.shape, strict=True))
    start, core = tuple(side.start for side in box), tuple(side.stop - side.start for side in box)
    part = None if planes is None else _cut(planes, (slice(None), *box))
    return dask.delayed(job.measure_part)(_cut(labels, more), part, start, core, only)


def _cut(array: Any, box: Box) -> Any:
    """Return a part of a dask array as one task. Not optimised: so all parts share the chunks that are read."""
    return array[box].rechunk(-1).to_delayed(optimize_graph=False).item()


def _shared_boxes(parts: Sequence[Part], chunks: tuple[tuple[int, ...], ...]) -> list[tuple[Box, NDArray[np.int64]]]:
    """Return boxes around regions that lie in several chunks; regions that begin in the same chunk share one."""
    labels = np.concatenate([part.labels for part in parts])
    order = np.argsort(labels, kind="stable")
    ids, first, counts = np.unique(labels[order], return_index=True, return_counts=True)
    if counts.max(initial=0) < 2:
        return []
    is_shared = counts > 1
    ids = ids[is_shared]
    lower = np.minimum.reduceat(np.concatenate([part.lower for part in parts])[order], first)[is_shared]
    upper = np.maximum.reduceat(np.concatenate([part.upper for part in parts])[order], first)[is_shared]
    stops = [np.cumsum(sizes) for sizes in chunks]
    begins_in = np.stack([np.searchsorted(ends, low, "right") for ends, low in zip(stops, lower.T, strict=True)])
    _, group = np.unique(begins_in, axis=1, return_inverse=True)
    found = []
    for members in (group == i for i in range(group.max() + 1)):
        corners = zip(lower[members].min(axis=0).tolist(), upper[members].max(axis=0).tolist(), strict=True)
        found.append((tuple(slice(a, b) for a, b in corners), ids[members]))
    return found


def _merged(asked: tuple[Asked, ...], parts: Sequence[Part], again: Sequence[Part]) -> RegionTable:
    """Return the table of all regions: those in several chunks from `again`, all others from `parts`."""
    shared = np.concatenate([np.empty(0, np.int64), *(part.labels for part in again)])
    keep = [np.isin(part.labels, shared, invert=True) for part in parts]
    labels = np.concatenate([*(part.labels[k] for part, k in zip(parts, keep, strict=True)), shared])
    order = np.argsort(labels)
    measured = [
        np.concatenate(
            [*(part.values[i][k] for part, k in zip(parts, keep, strict=True)), *(part.values[i] for part in again)]
        )[order]
        for i in range(len(parts[0].values))
    ]
    around = Neighbourhood(measured.pop(), partial(_all_contacts, parts, labels[order]))
    own = iter(measured)
    values = [values_of(item, around) if item.measurement.scope == "neighbours" else next(own) for item in asked]
    return table_of(labels[order], asked, values)


def _all_contacts(parts: Sequence[Part], labels: NDArray[np.int64]) -> Contacts:
    """Return all contacts, between positions in `labels`; -1 is the background."""
    first = np.concatenate([part.contacts.first for part in parts])
    second = np.concatenate([part.contacts.second for part in parts])
    found = count_contacts(np.stack([first, second]), np.concatenate([part.contacts.n_faces for part in parts]))
    positions = [np.where(side == 0, -1, np.searchsorted(labels, side)) for side in (found.first, found.second)]
    return Contacts(positions[0], positions[1], found.n_faces)

"""Write a Zarr array tile by tile so that a killed run loses no more than the tile it was at."""

from __future__ import annotations

import errno
import hashlib
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.storage import LocalStore

from pixelforest.engine.tasks import Spread, in_turn
from pixelforest.features.patch import Window
from pixelforest.io.interrupts import held_back
from pixelforest.io.run_record import RunRecord, retold, sync_file, sync_folder

Compute = Callable[[Window], NDArray[Any]]
Report = Callable[[], object]


@dataclass(frozen=True)
class TileTask:
    """Computes one tile and writes it; travels to workers, which write to the same file system.

    Parameters
    ----------
    target : zarr.Array
        In a local folder.
    compute : callable
        Gives the values of a window, with the dtype of `target`.
    """

    target: zarr.Array[Any]
    compute: Compute

    def __call__(self, part: tuple[str, Window]) -> str:
        """Return the digest of the tile of that name and window, which is on disk then.

        Raises
        ------
        ValueError
            `compute` gives another shape or dtype.
        OSError
            The tile cannot be written, or this machine does not see `target`.
        """
        name, window = part
        values = self.compute(window)
        if values.shape != window.shape or values.dtype != self.target.dtype:
            raise ValueError(
                f"`compute` must give {window.shape} values of {self.target.dtype} for tile {name}, got {values.shape} "
                f"of {values.dtype}"
            )
        try:
            _write(self.target, window, values)
        except OSError as error:
            raise retold(error, f"cannot write tile {name}: {error.strerror or error}") from error
        return digest(values)


def write_tiles(
    target: zarr.Array[Any],
    windows: Sequence[Window],
    compute: Compute,
    *,
    record: RunRecord,
    report: Report | None = None,
    spread: Spread = in_turn,
) -> int:
    """Compute and write the tiles that `record` does not have yet.

    A tile is marked in the record after its shards are on disk. Knows nothing of models.

    Parameters
    ----------
    target : zarr.Array
        In a local folder.
    windows : sequence of Window
        Tiles that cover `target` once, each made of whole shards.
    compute : callable
        Gives the values of a window, with the dtype of `target`.
    record : RunRecord
    report : callable, optional
        Called after every tile that was written.
    spread : callable
        Who computes and writes tiles; the record is kept here.

    Returns
    -------
    int
        How many tiles were computed.

    Raises
    ------
    ValueError
        A window cuts a shard; windows overlap or leave voxels out; `compute` gives another shape or dtype.
    OSError
        A tile cannot be computed or written; the message says which, and how many are safe.
    """
    check_alignment(target, windows)
    parts = [(part_name(target, number), window) for number, window in enumerate(windows)]
    missing = [part for part in parts if part[0] not in record.done]
    try:
        with closing(spread(TileTask(target, compute), missing)) as finished:
            for number, found in finished:
                record.mark(missing[number][0], found)
                if report is not None:
                    report()
    except OSError as error:
        raise record.with_what_is_safe(error, "tiles") from error
    return len(missing)


def verify_tiles(
    target: zarr.Array[Any],
    windows: Sequence[Window],
    *,
    record: RunRecord,
    report: Report | None = None,
    spread: Spread = in_turn,
) -> None:
    """Read every tile back and compare it with what was computed.

    Raises
    ------
    OSError
        Tiles that cannot be read or differ. They are struck from the record, so that a resumed run computes them again.
    """
    bad = []
    with closing(spread(partial(_digest_on_disk, target), windows)) as finished:
        for number, found in finished:
            part = part_name(target, number)
            if record.done.get(part) != found:
                record.unmark(part)
                bad.append(number)
            if report is not None:
                report()
    if bad:
        raise OSError(
            f"{len(bad)} of {len(windows)} tiles do not read back as they were written, first "
            f"{part_name(target, min(bad))!r} in {str(record.data)!r}; a resumed run computes them again"
        )


def check_alignment(target: zarr.Array[Any], windows: Sequence[Window]) -> None:
    """Check that windows cover an array once, in whole shards.

    Raises
    ------
    ValueError
        A window begins or ends inside a shard; a shard is in no window or in several.
    """
    unit = _unit(target)
    covered = np.zeros([-(-n // u) for n, u in zip(target.shape, unit, strict=True)], np.int32)
    for window in windows:
        for start, stop, n, u in zip(window.start, window.stop, target.shape, unit, strict=True):
            if start % u or (stop % u and stop != n) or not 0 <= start < stop <= n:
                raise ValueError(
                    f"`windows` must be made of whole shards of {unit} voxels, got {window.start} to {window.stop}: "
                    "a shard is written as a whole, so tiles that share one would overwrite each other's voxels"
                )
        covered[tuple(slice(a // u, -(-b // u)) for a, b, u in zip(window.start, window.stop, unit, strict=True))] += 1
    if (covered != 1).any():
        first = tuple(int(i) for i in np.argwhere(covered != 1)[0])
        raise ValueError(f"`windows` must cover every shard once, got shard {first} {covered[first]} times")


def part_name(target: zarr.Array[Any], number: int) -> str:
    """Return the name of a tile in the record."""
    return f"{target.path}/{number}"


def digest(values: NDArray[Any]) -> str:
    """Return a digest of the values, dtype and shape not counted."""
    return hashlib.blake2b(np.ascontiguousarray(values).tobytes(), digest_size=8).hexdigest()


def _unit(target: zarr.Array[Any]) -> tuple[int, ...]:
    return target.shards or target.chunks


def _write(target: zarr.Array[Any], window: Window, values: NDArray[Any]) -> None:
    """Write a tile and wait until its files are on disk."""
    files = list(_shard_files(target, window))
    folder = _folder(target)
    if not folder.is_dir():
        raise FileNotFoundError(
            errno.ENOENT,
            f"this machine ({platform.node()}) has no {str(folder)!r}: workers write to the file system "
            "that they share with the one who asks",
        )
    for file in files:  # what a killed run has left: a torn shard, which zarr would read first, and its scratch files
        for left in (file, *file.parent.glob(f"{file.name}.*.partial")):
            left.unlink(missing_ok=True)
    with held_back():
        target[window.slices] = values
    written = [file for file in files if file.exists()]  # shards of nothing but the fill value have no file
    for file in written:
        sync_file(file)
    for folder in {file.parent for file in written}:
        sync_folder(folder)


def _folder(target: zarr.Array[Any]) -> Path:
    if not isinstance(target.store, LocalStore):
        raise TypeError(f"`target` must lie in a local folder, got {type(target.store).__name__}")
    return Path(target.store.root) / target.path


def _shard_files(target: zarr.Array[Any], window: Window) -> Iterator[Path]:
    unit = _unit(target)
    ranges = [range(a // u, -(-b // u)) for a, b, u in zip(window.start, window.stop, unit, strict=True)]
    for position in np.ndindex(*map(len, ranges)):
        key = tuple(r[i] for r, i in zip(ranges, position, strict=True))
        yield _folder(target) / target.metadata.encode_chunk_key(key)


def _digest_on_disk(target: zarr.Array[Any], window: Window) -> str:
    """Return the digest of what is on disk; of an unreadable tile, a reason that equals no digest."""
    try:
        with held_back():
            return digest(np.asarray(target[window.slices]))
    except Exception as error:  # codecs raise whatever they like
        return f"unreadable: {error}"

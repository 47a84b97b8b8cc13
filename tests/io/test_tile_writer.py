"""Tiles are whole shards, marked when on disk, computed once, and read back."""

import errno
from pathlib import Path

import numpy as np
import pytest
import zarr
from numpy.testing import assert_array_equal

from pixelforest.engine.tiling import tiles
from pixelforest.features.patch import Window
from pixelforest.io import run_record, tile_writer
from pixelforest.io.run_record import RunRecord, open_run
from pixelforest.io.tile_writer import check_alignment, verify_tiles, write_tiles

VALUES = np.random.default_rng(0).integers(0, 200, (10, 14)).astype(np.uint8)
WINDOWS = list(tiles(VALUES.shape, (4, 4)))


def make(path: Path) -> None:
    zarr.create_group(path).create_array("0", shape=VALUES.shape, dtype=np.uint8, chunks=(2, 2), shards=(4, 4))


def start(folder: Path, *, resume: bool = False) -> tuple[RunRecord, zarr.Array]:
    record = open_run(folder / "out", {}, make, resume=resume)
    return record, zarr.open_group(record.data)["0"]


def values_of(window: Window) -> np.ndarray:
    return VALUES[window.slices]


def test_only_missing_tiles_are_computed(tmp_path):
    record, target = start(tmp_path)
    computed = []

    def compute(window):
        if len(computed) == 5:
            raise KeyboardInterrupt
        computed.append(window)
        return values_of(window)

    with pytest.raises(KeyboardInterrupt):
        write_tiles(target, WINDOWS, compute, record=record)
    assert computed == WINDOWS[:5]
    record, target = start(tmp_path, resume=True)
    again = []
    n_written = write_tiles(target, WINDOWS, lambda w: (again.append(w), values_of(w))[1], record=record)
    assert n_written == len(again) == len(WINDOWS) - 5
    assert again == WINDOWS[5:]
    assert_array_equal(target[:], VALUES)
    verify_tiles(target, WINDOWS, record=record)


def test_a_tile_is_marked_only_when_its_files_are_synchronised(tmp_path, monkeypatch):
    record, target = start(tmp_path)
    events = []
    monkeypatch.setattr(tile_writer, "sync_file", lambda path: events.append(("file", path.name)))
    monkeypatch.setattr(tile_writer, "sync_folder", lambda path: events.append(("folder", path.name)))
    monkeypatch.setattr(record, "mark", lambda part, digest: events.append(("mark", part)))
    monkeypatch.setattr(type(record), "done", {}, raising=False)
    write_tiles(target, [Window((0, 0), (10, 14))], values_of, record=record)
    kinds = [kind for kind, _ in events]
    assert kinds == ["file"] * 12 + ["folder"] * 3 + ["mark"]


@pytest.mark.parametrize("torn", [b"", b"garbage that is no shard"])
def test_torn_shards_of_unmarked_tiles_are_written_anew(tmp_path, torn):
    """Zarr reads a shard before it writes one, also a whole one; garbage there must not stop a resumed run."""
    record, target = start(tmp_path)
    folder = record.data / "0" / "c" / "2"
    folder.mkdir(parents=True)
    (folder / "3").write_bytes(torn)
    (folder / "3.0123456789abcdef.partial").write_bytes(torn)
    write_tiles(target, WINDOWS, values_of, record=record)
    assert_array_equal(target[:], VALUES)
    assert not list(record.data.rglob("*.partial"))


@pytest.mark.parametrize("shift", [0, 200])
def test_verification_finds_a_changed_byte_and_a_resumed_run_mends_it(tmp_path, shift):
    record, target = start(tmp_path)
    write_tiles(target, WINDOWS, values_of, record=record)
    shard = record.data / "0" / "c" / "1" / "2"
    content = bytearray(shard.read_bytes())
    content[shift % len(content)] ^= 1
    shard.write_bytes(content)
    with pytest.raises(OSError, match=r"1 of 12 tiles do not read back as they were written, first '0/6'"):
        verify_tiles(target, WINDOWS, record=record)
    record, target = start(tmp_path, resume=True)
    assert write_tiles(target, WINDOWS, values_of, record=record) == 1
    verify_tiles(target, WINDOWS, record=record)
    assert_array_equal(target[:], VALUES)


def test_verification_finds_readable_shards_of_other_values(tmp_path):
    record, target = start(tmp_path)
    write_tiles(target, WINDOWS, values_of, record=record)
    target[5, 5] += 1
    with pytest.raises(OSError, match="1 of 12 tiles"):
        verify_tiles(target, WINDOWS, record=record)


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        (list(tiles(VALUES.shape, (6, 4))), "a shard is written as a whole"),
        (list(tiles(VALUES.shape, (2, 2))), "a shard is written as a whole"),
        (WINDOWS[1:], r"must cover every shard once, got shard \(0, 0\) 0 times"),
        ([*WINDOWS, WINDOWS[3]], r"got shard \(0, 3\) 2 times"),
        ([Window((0, 0), (12, 16))], "whole shards"),
    ],
)
def test_windows_that_cut_shards_or_leave_some_out_are_refused(tmp_path, windows, message):
    record, target = start(tmp_path)
    with pytest.raises(ValueError, match=message):
        write_tiles(target, windows, lambda window: np.zeros(window.shape, np.uint8), record=record)
    assert not record.done


def test_tiles_of_several_shards_are_fine(tmp_path):
    _, target = start(tmp_path)
    check_alignment(target, list(tiles(VALUES.shape, (8, 12))))


@pytest.mark.parametrize("wrong", [lambda w: VALUES[w.slices].astype(float), lambda w: VALUES[:1]])
def test_other_shapes_and_dtypes_are_refused(tmp_path, wrong):
    record, target = start(tmp_path)
    with pytest.raises(ValueError, match=r"`compute` must give \(4, 4\) values of uint8 for tile 0"):
        write_tiles(target, WINDOWS, wrong, record=record)


def test_a_full_disk_names_the_tile_and_keeps_the_others(tmp_path, monkeypatch):
    record, target = start(tmp_path)
    synchronised = []

    def fail_at_the_fourth(path):
        synchronised.append(path)
        if len(synchronised) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tile_writer, "sync_file", fail_at_the_fourth)
    with pytest.raises(
        OSError, match=r"cannot write tile 0/3: No space left on device; 3 finished tiles are kept"
    ) as raised:
        write_tiles(target, WINDOWS, values_of, record=record)
    assert raised.value.errno == errno.ENOSPC
    monkeypatch.setattr(tile_writer, "sync_file", run_record.sync_file)
    record, target = start(tmp_path, resume=True)
    assert write_tiles(target, WINDOWS, values_of, record=record) == len(WINDOWS) - 3
    assert_array_equal(target[:], VALUES)

"""Real faults of disks, and images that nobody can predict: told in words, and what was there before stays."""

import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import pixelforest as pf
from pixelforest.batch import predict_zarr
from pixelforest.cli import main
from pixelforest.io.model_files import save_model
from pixelforest.io.ome_zarr import open_ome_zarr
from tests.ome_zarr_by_hand import write_image

resource = pytest.importorskip("resource", reason="limits of file sizes are told to Unix systems")

NOISE = np.random.default_rng(0).normal(size=(3, 120, 130)).astype(np.float32)
EASY_FIRST = NOISE * np.array([0, 1, 1], np.float32)[:, None, None]
"""Probabilities of the first plane take no room on disk, those of the others do."""


@pytest.fixture(scope="module")
def model() -> pf.ImageSegmenter:
    features = pf.ImageFeatureStack(("gaussian",), (0.5, 1), device="numpy", nan_policy="mask")
    forest = pf.OpenCLRandomForestClassifier(20, max_depth=6, random_state=0, device="numpy")
    return pf.ImageSegmenter(features, forest).fit([NOISE[0]], [(NOISE[0] > 0) + 1])


@contextmanager
def files_of_at_most(n_bytes: int):
    """Let the system refuse longer files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount a file system; the limit of file sizes stands for it above")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def assert_resumes(model, source, output) -> None:
    first = (output.with_name("out.zarr.partial") / "done.log").read_text().splitlines()
    assert len(first) == 1  # the plane that took no room
    seen = []
    predict_zarr(model, source, output, kind="probabilities", resume=True, progress=lambda *s: seen.append(s[:2]))
    assert [n_done for stage, n_done in seen if stage == "predict"] == [1, 2, 3]  # only what was missing
    found = open_ome_zarr(output).array[:]
    assert_array_equal(found, np.stack([np.moveaxis(model.predict_proba(plane), -1, 0) for plane in EASY_FIRST]))


def test_files_that_get_too_long_are_told_and_the_run_resumes(model, tmp_path):
    source = write_image(tmp_path / "image.zarr", EASY_FIRST, "tyx", "0.5")
    with (
        files_of_at_most(8_000),
        pytest.raises(OSError, match=r"cannot write tile 0/1: File too large; 1 finished tiles are kept in"),
    ):
        predict_zarr(model, source, tmp_path / "out.zarr", kind="probabilities")
    assert not (tmp_path / "out.zarr").exists()
    assert_resumes(model, source, tmp_path / "out.zarr")


def test_a_full_disk_is_told_and_the_run_resumes(model, tmp_path, small_disk):
    source = write_image(tmp_path / "image.zarr", EASY_FIRST, "tyx", "0.5")

    def fill_the_disk_after_the_first_tile(stage, n_done, n_all):
        if n_done == 1:
            with (small_disk / "ballast").open("wb", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(bytes(1024))

    (small_disk / "old").write_text("precious")
    with pytest.raises(OSError, match=r"cannot write tile 0/1: No space left on device; 1 finished tiles are kept in"):
        predict_zarr(
            model,
            source,
            small_disk / "out.zarr",
            kind="probabilities",
            progress=fill_the_disk_after_the_first_tile,
        )
    assert not (small_disk / "out.zarr").exists()
    assert (small_disk / "old").read_text() == "precious"
    (small_disk / "ballast").unlink()
    assert_resumes(model, source, small_disk / "out.zarr")


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a folder where not even root may write")
def test_folders_that_cannot_be_written_are_told(model, tmp_path, capsys):
    save_model(model, tmp_path / "model.skops")
    source = write_image(tmp_path / "image.zarr", NOISE[0], "yx", "0.5")
    assert main(["predict", str(tmp_path / "model.skops"), str(source), "/sys/kernel/out.zarr"]) == 1
    assert "'/sys/kernel/out.zarr.partial'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (np.zeros((4, 5), np.complex128), TypeError, "must hold real numbers, got dtype complex128"),
        (np.zeros((4, 5), "datetime64[s]"), TypeError, "must hold real numbers, got dtype datetime64"),
        (np.full((4, 5), "a"), TypeError, "must hold real numbers, got dtype <U1"),
        (np.zeros((4, 0), np.uint8), ValueError, r"is empty: it has shape \(4, 0\)"),
        (np.full((4, 5), 1e39), ValueError, "values beyond the range of float32"),
    ],
)
def test_voxels_that_are_no_numbers_are_told(model, tmp_path, values, error, message):
    write_image(tmp_path / "image.zarr", values, "yx", "0.4")
    (tmp_path / "old").write_text("precious")
    with pytest.raises(error, match=message):
        predict_zarr(model, tmp_path / "image.zarr", tmp_path / "out.zarr")
    assert not (tmp_path / "out.zarr").exists()
    assert (tmp_path / "old").read_text() == "precious"


def test_voxels_of_bool_are_numbers(model, tmp_path):
    source = write_image(tmp_path / "image.zarr", NOISE[0] > 0, "yx", "0.5")
    predict_zarr(model, source, tmp_path / "out.zarr")
    assert_array_equal(open_ome_zarr(tmp_path / "out.zarr").array[:], model.predict(NOISE[0] > 0))


def test_empty_chunks_in_and_out(model, tmp_path):
    """Chunks that the source lacks read as its fill value; tiles of nothing but 0 have no file, and are verified."""
    source = write_image(tmp_path / "holes.zarr", NOISE[0], "yx", "0.5")
    (source / "0" / "c" / "2" / "3").unlink()
    predict_zarr(model, source, tmp_path / "out.zarr")
    expected = NOISE[0].copy()
    expected[10:15, 15:20] = 0
    assert_array_equal(open_ome_zarr(tmp_path / "out.zarr").array[:], model.predict(expected))
    planes = NOISE.copy()
    planes[1] = np.nan
    predict_zarr(model, write_image(tmp_path / "nan.zarr", planes, "tyx", "0.5"), tmp_path / "masked.zarr")
    assert_array_equal(open_ome_zarr(tmp_path / "masked.zarr").array[:], np.stack([model.predict(p) for p in planes]))
    assert sorted(path.name for path in (tmp_path / "masked.zarr" / "0" / "c").iterdir()) == ["0", "2"]

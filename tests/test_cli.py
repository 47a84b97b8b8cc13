"""The command line, as a user meets it: in processes of their own."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal

import pixelforest
from pixelforest.cli import main


def run(*words: str, cwd: Path, device: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PIXELFOREST_DEVICE": device, "PYTHONWARNINGS": "default"}
    command = [sys.executable, "-m", "pixelforest", *words]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_demo_scores_images_and_writes_a_picture(tmp_path: Path) -> None:
    """The numbers that it prints are those of `run_demo`, and it beats Otsu's threshold."""
    from pixelforest.demo_data import load_demo

    result = run("demo", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    rows = re.findall(
        r"^(\w+)\s+([01]\.\d{3})\s+([01]\.\d{3})\s+([01]\.\d{3})\s+([01]\.\d{3})$", result.stdout, re.MULTILINE
    )
    assert tuple(name for name, *_ in rows) == load_demo().test_names
    jaccard, otsu = map(
        float, re.search(r"mean Jaccard ([\d.]+) \(Otsu's threshold: ([\d.]+)\)", result.stdout).groups()
    )
    assert jaccard == pytest.approx(sum(float(row[3]) for row in rows) / len(rows), abs=1e-3)
    assert otsu == pytest.approx(sum(float(row[4]) for row in rows) / len(rows), abs=1e-3)
    assert 1 > jaccard > otsu > 0.5
    assert (tmp_path / "pixelforest_demo.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["pixelforest_demo.png"]


def test_options_of_the_demo_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr("pixelforest.demo.run_demo", lambda **options: calls.append(options))
    assert main(["demo", "--output", "here.png", "--device", "numpy"]) == 0
    assert calls == [{"output": Path("here.png"), "device": "numpy", "write": print}]


@pytest.mark.parametrize("error", [OSError("disk full"), ImportError("no matplotlib"), ValueError("no device")])
def test_errors_are_told_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr("pixelforest.demo.run_demo", fail)
    assert main(["demo"]) == 1
    assert capsys.readouterr().err == f"pixelforest demo: {error}\n"


@pytest.mark.parametrize(
    ("words", "device"), [(("demo", "--device", "no such thing"), ""), (("demo",), "no such thing")]
)
def test_an_absent_device_is_an_error_in_words(words: tuple[str, ...], device: str, tmp_path: Path) -> None:
    result = run(*words, cwd=tmp_path, device=device)
    assert result.returncode == 1
    assert result.stderr.startswith("pixelforest demo: ")
    assert "'no such thing'" in result.stderr
    assert ("PIXELFOREST_DEVICE" if device else "`device`") in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_doctor_describes_this_machine(tmp_path: Path) -> None:
    result = run("doctor", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"pixelforest {pixelforest.__version__}")
    assert 'device="auto" means ' in result.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "words", [(), ("segment",), ("demo", "--colour", "red"), ("doctor", "now"), ("predict", "a", "b")]
)
def test_wrong_usage_is_status_2(words: tuple[str, ...], tmp_path: Path) -> None:
    result = run(*words, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: pixelforest")


@pytest.mark.parametrize("word", ["demo", "doctor", "predict"])
def test_help_needs_no_device(word: str, tmp_path: Path) -> None:
    result = run(word, "--help", cwd=tmp_path, device="no such thing")
    assert result.returncode == 0
    assert result.stdout.startswith(f"usage: pixelforest {word}")


def test_a_missing_matplotlib_is_told_before_anything_is_computed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "pixelforest.demo.figure", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["demo", "--output", str(tmp_path / "demo.png")]) == 1
    said = capsys.readouterr()
    assert 'pip install "pixelforest[plot]"' in said.err
    assert not said.out


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pixelforest.ImageSegmenter]:
    """A model trained on two demo images, and its file."""
    from pixelforest.demo_data import load_demo
    from pixelforest.io.model_files import save_model

    demo, path = load_demo(), tmp_path_factory.mktemp("model") / "nuclei.skops"
    features = pixelforest.ImageFeatureStack(sigmas=(1, 2), device="numpy")
    forest = pixelforest.OpenCLRandomForestClassifier(5, max_depth=5, random_state=0, device="numpy")
    model = pixelforest.ImageSegmenter(features, forest).fit(demo.train_images[:2], demo.train_scribbles[:2])
    save_model(model, path)
    return path, model


def test_predict_writes_a_png_a_tiff_and_a_folder(
    tmp_path: Path, trained: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from skimage import io

    from pixelforest.demo_data import load_demo

    path, model = trained
    (tmp_path / "images").mkdir()
    images = {f"image{number}.png": image[:90] for number, image in enumerate(load_demo().test_images[:3])}
    for name, image in images.items():
        io.imsave(tmp_path / "images" / name, image)
    result = run("predict", str(path), "images", "labels", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, "wrote labels\n"), result.stderr
    assert "3/3" in result.stderr
    monkeypatch.chdir(tmp_path)
    for output in ("labels.png", "labels.tif"):
        assert main(["predict", str(path), "images/image0.png", output]) == 0
        assert_array_equal(io.imread(tmp_path / output), model.predict(images["image0.png"]))
    for name, image in images.items():
        assert_array_equal(io.imread(tmp_path / "labels" / name), model.predict(image))
    assert main(["predict", str(path), "images/image0.png", "probabilities.tif", "--probabilities"]) == 0
    found = tifffile.imread(tmp_path / "probabilities.tif")
    assert_array_equal(np.moveaxis(found, 0, -1), model.predict_proba(images["image0.png"]))


def test_predict_killed_or_interrupted_resumes(
    tmp_path: Path, trained: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run over OME-Zarr gets SIGKILL, then Ctrl-C, and at last the time that it needs."""
    import zarr

    from tests.ome_zarr_by_hand import write_image

    path, model = trained
    planes = np.random.default_rng(0).integers(0, 255, (30, 40, 50)).astype(np.uint8)
    write_image(tmp_path / "image.zarr", planes, "tyx", "0.5")
    words = ["predict", str(path), "image.zarr", "labels.zarr"]
    journal, n_done = tmp_path / "labels.zarr.partial" / "done.log", 0
    for stop, status in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
        command = [sys.executable, "-m", "pixelforest", *words, "--resume"]
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        while not (journal.exists() and journal.read_bytes().count(b"\n") > n_done + 1):
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(stop)
        said = process.communicate(timeout=60)[1]
        assert process.returncode == status, said
        n_done = journal.read_bytes().count(b"\n")
        assert 0 < n_done < 30
        assert not (tmp_path / "labels.zarr").exists()
    assert said.splitlines()[-1] == "pixelforest predict: interrupted; what is finished is kept, go on with --resume"
    assert "Traceback" not in said
    monkeypatch.chdir(tmp_path)
    assert main(words) == 1
    assert "an unfinished run lies in" in capsys.readouterr().err
    assert main([*words, "--resume"]) == 0
    assert_array_equal(zarr.open_group(tmp_path / "labels.zarr")["0"][:], np.stack([model.predict(p) for p in planes]))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["image.zarr", "labels.zarr"]
    assert main([*words, "--resume"]) == 0  # all there: nothing to do


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("no.skops", "a.png", "out"), "there is no 'no.skops'"),
        (("model.pickle", "a.png", "out"), "must end in .skops"),
        (("MODEL", "nothing.png", "out.png"), "there is no 'nothing.png'"),
        (("MODEL", "image.zarr", "out.zarr", "--channels", "DAPI"), "`channels` needs an image with a channel axis"),
        (("MODEL", "image.zarr", "out.zarr", "--level", "7"), "`level` must lie in 0 to 1, got 7"),
    ],
)
def test_predict_tells_errors_in_words(
    tmp_path: Path,
    trained: tuple[Path, Any],
    words: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from tests.ome_zarr_by_hand import write_image

    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "image.zarr", np.zeros((8, 8)), "yx", "0.5")
    assert main(["predict", *(str(trained[0]) if word == "MODEL" else word for word in words)]) == 1
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith("pixelforest predict: ")
    assert message in said
    assert [entry.name for entry in tmp_path.iterdir()] == ["image.zarr"]


@pytest.mark.parametrize(("module", "extra"), [("rich.progress", "cli"), ("skops.io", "cli"), ("zarr", "zarr")])
def test_predict_says_what_to_install(
    tmp_path: Path,
    trained: tuple[Path, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    module: str,
    extra: str,
) -> None:
    from tests.ome_zarr_by_hand import write_image

    source = write_image(tmp_path / "image.zarr", np.zeros((8, 8)), "yx", "0.5")
    for name in ("pixelforest.batch.image_tiles", "pixelforest.io.label_zarr", "pixelforest.io.ome_zarr"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    assert main(["predict", str(trained[0]), str(source), str(tmp_path / "out")]) == 1
    assert f'pip install "pixelforest[{extra}]"' in capsys.readouterr().err

"""The command line, as a user meets it: in processes of their own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("words", [(), ("segment",), ("demo", "--colour", "red"), ("doctor", "now")])
def test_wrong_usage_is_status_2(words: tuple[str, ...], tmp_path: Path) -> None:
    result = run(*words, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: pixelforest")


@pytest.mark.parametrize("word", ["demo", "doctor"])
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

"""The benchmark problems run once, so that they cannot rot; nothing here looks at a clock."""

import json

import pytest

from benchmarks.__main__ import main
from benchmarks.timing import interleaved_medians


def test_the_speed_suite_compares_equal_work_and_writes_json(tmp_path, capsys):
    path = tmp_path / "folder" / "speed.json"
    assert main(["speed", "--side", "256", "--rounds", "1", "--json", str(path)]) == 0
    written = json.loads(path.read_text(encoding="utf-8"))
    assert written["check"]["forest_flips"] == 0
    assert written["check"]["feature_error"] < 1e-5
    assert set(written["results"]) == {"features", "forest (rows)", "whole prediction"}
    for result in written["results"].values():
        ours, peer = result["median_seconds"].values()
        assert result["ratio"] == pytest.approx(peer / ours)
    assert "whole prediction" in capsys.readouterr().out


def test_the_features_suite_checks_every_contestant_and_writes_json(tmp_path, capsys):
    path = tmp_path / "features.json"
    options = ["--side", "96", "--volume", "8", "32", "40", "--rounds", "1", "--first-call", "no"]
    assert main(["features", *options, "--json", str(path)]) == 0
    written = json.loads(path.read_text(encoding="utf-8"))["workloads"]
    assert list(written) == ["W1", "W1+25", "W2", "W3", "W4"]
    for result in written.values():
        assert result["is_right"]
        # float32 against the small range that large sigmas leave of a small image
        assert result["max_relative_error"]["SciPy"] < 1e-2
        ours = result["median_seconds"]["pixelforest, reused output"]
        assert result["ratio_to_reused"]["SciPy"] == pytest.approx(result["median_seconds"]["SciPy"] / ours)
    assert "fresh output" in capsys.readouterr().out


def test_the_agreement_suite_finds_every_original_reproduced(tmp_path, capsys):
    path = tmp_path / "agreement.json"
    assert main(["agreement", "--device", "numpy", "--json", str(path)]) == 0
    rows = json.loads(path.read_text(encoding="utf-8"))["errors"]
    assert {row["convention"] for row in rows} == {"scipy", "skimage", "ilastik", "clesperanto"}
    assert len(rows) > 60
    assert "0 above" in capsys.readouterr().out


def test_contestants_take_turns():
    calls = []
    medians = interleaved_medians({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2)
    assert calls == ["a", "b"] * 3
    assert set(medians) == {"a", "b"}

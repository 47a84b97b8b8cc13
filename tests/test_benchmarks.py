"""The benchmark problems run once, so that they cannot rot; nothing here looks at a clock."""

import json
from typing import ClassVar

import pytest

from benchmarks.__main__ import main
from benchmarks.forest.contestants import BASELINE, Agreement, pixelforest_contestants, sklearn_contestants
from benchmarks.forest.peer_contestants import PeerTeam
from benchmarks.forest.peers.peer import Peer
from benchmarks.forest.peers.registry import PEERS, chosen_peers
from benchmarks.forest.workloads import WORKLOADS, Photograph
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


@pytest.mark.parametrize("kind", WORKLOADS, ids=lambda kind: kind.letter)
def test_forest_workloads_are_decided_as_scikit_learn_does(kind):
    workload = kind(Photograph((64, 64)), share_of_trees=0.1)
    assert len(set(workload.expected.argmax(axis=1))) == workload.n_classes
    for contestant in [*sklearn_contestants(workload, 1024), *pixelforest_contestants(workload, 2048, "auto")]:
        agreement = Agreement.of(contestant, workload.expected)
        assert agreement.different_labels == 0, contestant.name
        assert agreement.max_difference is None or agreement.max_difference <= 1e-6, contestant.name


def test_the_forest_suite_writes_json(tmp_path, capsys):
    path = tmp_path / "forest.json"
    options = ["--shape", "64", "64", "--trees", "0.1", "--rounds", "1", "--peers", "none", "--json", str(path)]
    assert main(["forest", "--workloads", "a", *options]) == 0
    written = json.loads(path.read_text(encoding="utf-8"))
    assert list(written["workloads"]) == ["A"]
    results = written["workloads"]["A"]["results"]
    assert [row["ratio"] for row in results if row["name"] == BASELINE] == [1, 1]
    assert {row["name"].split(",")[0] for row in results} == {BASELINE, "scikit-learn n_jobs=1", "pixelforest"}
    assert written["workloads"]["A"]["first_predict_seconds"]["first_predict"] > 0
    assert "10 trees, depth 2" in capsys.readouterr().out


def test_the_table_says_why_a_peer_takes_no_part():
    class Absent(Peer):
        name = "absent"
        distributions: ClassVar = {"some-engine": "no_such_module"}

        def compile(self, task):
            raise AssertionError("never reached")

    class Slow(Absent):
        name = "slow"
        distributions: ClassVar = {}
        nodes_per_second = 1e-3

    workload = WORKLOADS[0](Photograph((64, 64)), share_of_trees=0.02)
    with PeerTeam([Absent(), Slow()], seconds=30) as team:
        contestants, left_out = team.contestants(workload, 1024)
    assert contestants == []
    assert left_out["absent"] == "not installed: some-engine"
    assert "takes about" in left_out["slow"]


def test_installed_peers_apply_the_same_forest():
    installed = [peer for peer in PEERS.values() if peer.is_available()]
    if not installed:
        pytest.skip("no peer is installed")
    workload = WORKLOADS[0](Photograph((64, 64)), share_of_trees=0.1)
    with PeerTeam(installed, seconds=120) as team:
        contestants, left_out = team.contestants(workload, 4096)
        assert not left_out
        for contestant in contestants:
            if contestant.is_same_model:
                assert Agreement.of(contestant, workload.expected).different_labels <= 4, contestant.name


def test_peers_are_chosen_by_name():
    assert list(chosen_peers("all")) == list(PEERS.values())
    assert [peer.name for peer in chosen_peers("catboost, ONNX runtime")] == ["CatBoost", "ONNX Runtime"]
    with pytest.raises(ValueError, match="all, none or some of"):
        chosen_peers("sklern")


def test_the_features_suite_checks_every_contestant_and_writes_json(tmp_path, capsys):
    path = tmp_path / "features.json"
    options = ["--side", "96", "--volume", "8", "32", "40", "--rounds", "1", "--json", str(path)]
    assert main(["features", *options]) == 0
    written = json.loads(path.read_text(encoding="utf-8"))["workloads"]
    assert list(written) == ["W1", "W1+25", "W2", "W3", "W4"]
    for result in written.values():
        assert result["is_right"]
        assert result["max_relative_error"]["SciPy"] < 1e-3
        ours = result["median_seconds"]["pixelforest, reused output"]
        assert result["ratio_to_reused"]["SciPy"] == pytest.approx(result["median_seconds"]["SciPy"] / ours)
        assert result["first_call_seconds"] > 0
    assert "first call" in capsys.readouterr().out


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

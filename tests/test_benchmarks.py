"""The benchmark problems run once, so that they cannot rot; nothing here looks at a clock."""

import json
import shutil
from dataclasses import replace
from functools import cache
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

from benchmarks import search
from benchmarks.__main__ import main
from benchmarks.forest.contestants import BASELINE, Agreement, pixelforest_contestants, sklearn_contestants
from benchmarks.forest.peer_contestants import PeerTeam
from benchmarks.forest.peers.peer import Peer
from benchmarks.forest.peers.registry import PEERS, chosen_peers
from benchmarks.forest.workloads import WORKLOADS, Photograph
from benchmarks.reliability import concurrency, extreme_problems, forest_parity, kills
from benchmarks.reliability.forest_problems import ForestProblem
from benchmarks.reliability.problem import Problem
from benchmarks.reliability.rows import LAYOUTS
from benchmarks.reliability.tally import Tally
from benchmarks.reliability.ways import Way, devices
from benchmarks.scale import workers
from benchmarks.scale.report import JSON, PAGE, memory_table, sections, with_sections
from benchmarks.scale.suite import count_wrong
from benchmarks.timing import interleaved_medians
from benchmarks.validation import claims
from benchmarks.validation.figure import draw, roles
from pixelforest.backends.numpy.features import HostBlock
from pixelforest.backends.numpy.forest import NumpyForestProgram


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


def test_the_objects_suite_measures_what_scikit_image_does_and_writes_json(tmp_path):
    path = tmp_path / "objects.json"
    options = ["--side", "96", "--objects", "80", "--many", "100", "--rounds", "1", "--json", str(path)]
    assert main(["objects", *options]) == 0
    written = json.loads(path.read_text(encoding="utf-8"))
    for name in ("hot", "outlines"):
        assert written[name]["n_regions"] >= 80
        assert written[name]["max_relative_error"] < 1e-9
        ours, peer = written[name]["median_seconds"].values()
        assert written[name]["ratio"] == pytest.approx(peer / ours)
    assert written["neighbours"]["n_regions"] >= 100


def test_the_search_suite_finds_the_same_with_a_cache(monkeypatch, capsys):
    monkeypatch.setitem(search.GRIDS, "gaussian", {"features__sigmas": [(1,), (1, 2)]})
    assert main(["search", "--side", "180", "--trees", "1", "--rounds", "0"]) == 0
    assert "2 candidates" in capsys.readouterr().out


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
    ratio, cascade = written["W1+25"]["ratio_to_cascade"]["SciPy"], "pixelforest cascade, reused output"
    assert ratio == pytest.approx(
        written["W1+25"]["median_seconds"]["SciPy"] / written["W1+25"]["median_seconds"][cascade]
    )
    assert "fresh output" in capsys.readouterr().out


def test_the_scale_suite_writes_json_and_tables(tmp_path, capsys, monkeypatch):
    path = tmp_path / "scale.json"
    options = ["--rounds", "1", "--side", "128", "--volume", "8", "48", "64", "--dask-volume", "16", "48", "64"]
    sizes = ["--megabytes", "4", "--graphs", "27", "--worker-megabytes", "4", "--folder", str(tmp_path)]
    monkeypatch.setattr(workers, "EMPTY_TASKS", 10)
    monkeypatch.setattr(workers, "PROCESSES", False)
    monkeypatch.setattr(workers, "bind_to_core", str)  # this process keeps all of its cores
    monkeypatch.setattr(workers, "_run_processes", lambda n, rounds, device: [[1.0 * n]] * n)
    assert main(["scale", *options, *sizes, "--json", str(path)]) == 0
    written = json.loads(path.read_text(encoding="utf-8"))
    assert list(written) == ["whole", "memory", "dask", "workers"]
    for setting in written["whole"]["results"].values():
        assert setting["flips_of_same_features"] == 0
        peer = setting["results"]["SciPy, scikit-image, scikit-learn"]
        assert peer["ratio"] == pytest.approx(
            peer["median_seconds"] / setting["results"]["pixelforest"]["median_seconds"]
        )
        assert setting["results"]["pixelforest"]["different_labels"] <= 4
    assert written["memory"]["results"]["sizes"]["4"]["peak_rss_kib"] > 2**16
    assert written["dask"]["results"]["graphs"][0]["tasks"] == 27 + 27 + 7**3 - 27 + 2
    assert len(set(written["workers"]["results"]["label_sums"].values())) == 1
    assert written["workers"]["results"]["processes"] == {"one": 1, "two": 2, "speedup": 1}
    assert list(tmp_path.iterdir()) == [path]
    assert "ns/voxel" in capsys.readouterr().out
    assert "10 TB take" in sections(written)["plan"]


def test_the_scale_suite_fails_where_a_label_is_wrong():
    image = {"different_labels": {"plain": 0, "threads": 1}}
    assert count_wrong("dask", {"volume": image, "plane": image}) == 2
    assert count_wrong("whole", {"plane": {"flips_of_same_features": 3}}) == 3
    assert count_wrong("workers", {"label_sums": {"1 worker": 5, "2 workers": 4}}) == 1


def test_goals_of_memory_are_compared_from_a_gigabyte_on():
    row = {
        "peak_rss_kib": 2**20,
        "peak_anonymous_kib": 0,
        "seconds": 1,
        "stage_seconds": {},
        "cpu_seconds": 2,
        "shape": [9],
    }
    small, first, flat = ({**row, "nanoseconds_per_voxel": ns} for ns in (900, 100, 109))
    grown = {**flat, "peak_rss_kib": 1.21 * 2**20}
    found = {"dtype": "uint16", "chunk": 128, "features": ["gaussian=1"], "forest": "few trees"}
    found |= {"read_megabytes_per_second": {"disk": 1, "cache": 2}}
    found |= {"goals": {"memory": 0.2, "cost": 0.1, "from_megabytes": 1024}}
    text = memory_table({**found, "sizes": {"64": small, "1024": first, "8192": flat}})
    assert ("peak RSS: +0%" in text, "time per voxel: +9%" in text, "MISSED" in text) == (True, True, False)
    text = memory_table({**found, "sizes": {"64": small, "1024": first, "2048": grown, "8192": flat}})
    assert "peak RSS: +21% from 1,024 MiB on, goal ±20%: MISSED" in text


def test_the_page_about_scale_quotes_the_json():
    content = json.loads(JSON.read_text(encoding="utf-8"))
    page = PAGE.read_text(encoding="utf-8")
    assert with_sections(page, content) == page


def test_the_agreement_suite_finds_every_original_reproduced(tmp_path, capsys):
    path = tmp_path / "agreement.json"
    assert main(["agreement", "--device", "numpy", "--json", str(path)]) == 0
    rows = json.loads(path.read_text(encoding="utf-8"))["errors"]
    assert {row["convention"] for row in rows} == {"scipy", "skimage", "ilastik", "clesperanto"}
    assert len(rows) > 60
    cascades = json.loads(path.read_text(encoding="utf-8"))["cascade_errors"]["numpy"]
    assert all(0 < error < 5e-4 for row in cascades.values() for error in row.values())
    assert "0 above" in capsys.readouterr().out


def test_contestants_take_turns():
    calls = []
    medians = interleaved_medians({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2)
    assert calls == ["a", "b"] * 3
    assert set(medians) == {"a", "b"}


def test_slow_contestants_run_once():
    calls = []
    medians = interleaved_medians({"a": lambda: calls.append("a")}, rounds=3, slow=0)
    assert calls == ["a"]
    assert medians["a"] > 0


FAMILIES = (ForestProblem, *forest_parity.OTHERS)


@cache
def one_device():
    return devices("all")[:1]


@pytest.mark.parametrize("kind", [*FAMILIES, *extreme_problems.PROBLEMS], ids=lambda kind: kind.__name__)
def test_every_family_is_decided_as_its_library_does(kind):
    if not kind.is_available():
        pytest.skip(f"{kind.library} is not installed")
    tallies = forest_parity.compare([3], one_device(), kind)  # a block of shallow forests: all forms take part
    assert not {name: tally for name, tally in tallies.items() if not tally.passes}
    assert len(tallies) > len(one_device())


@pytest.mark.parametrize("kind", FAMILIES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_layout_is_decided_by_numpy(kind, seed):
    if not kind.is_available():
        pytest.skip(f"{kind.library} is not installed")
    assert kind(seed).layout == LAYOUTS[seed]
    assert forest_parity.compare([seed], [], kind)["numpy"].passes


def broken(name):
    """One way to compute, with a mistake."""

    def ways(forest, opened):
        mistakes = {
            "strict comparison": {"threshold": np.where(forest.leaf < 0, np.nextafter(forest.threshold, -np.inf), 0)},
            "dropped baseline": {"baseline": np.zeros(forest.n_outputs)},
            "missing on the other side": {"missing_left": ~forest.missing_left},
            "ties on the other side": {"tie_class": 1 - forest.tie_class},
            "another leaf": {"leaf": np.where(forest.leaf > 0, forest.leaf - 1, forest.leaf)},
        }
        yield Way("numpy", NumpyForestProgram(replace(forest, **mistakes[name])), HostBlock, takes_images=False)

    return ways


@pytest.mark.parametrize(
    ("mistake", "family"),
    [
        ("strict comparison", "RandomForest, ExtraTrees classifier"),
        ("strict comparison", "HistGradientBoosting regressor"),
        ("dropped baseline", "GradientBoosting regressor"),
        ("dropped baseline", "HistGradientBoosting classifier"),
        ("missing on the other side", "Bagging classifier"),
        ("ties on the other side", "GradientBoosting classifier"),
        ("another leaf", "DecisionTree regressor"),
    ],
)
def test_mistakes_are_seen(mistake, family, monkeypatch):
    kind = next(kind for kind in FAMILIES if kind.family == family)
    seeds = [seed for seed in range(24) if kind(seed).layout != "block"]
    monkeypatch.setattr(forest_parity, "ways", broken(mistake))
    assert not forest_parity.compare(seeds, [], kind)["numpy"].passes


def test_a_tally_counts_what_is_no_number():
    tally = Tally(forests=1)
    tally.add_probabilities(np.array([[0.5, 0.5]]), np.array([[np.nan, 0.5]]))
    assert (tally.beyond, tally.passes) == (1, False)


def test_threads_share_programs():
    outcome = concurrency.hammer(one_device(), 2, n_threads=4)
    assert outcome.passes, str(outcome)
    assert outcome.answers == 8


def test_wrong_and_missing_answers_of_threads_are_counted(monkeypatch):
    class Failing(NumpyForestProgram):
        def values(self, X):
            if len(X) == 1:
                raise MemoryError("no room")
            return super().values(X) + 1e-3

    monkeypatch.setattr(concurrency, "PROBLEMS", concurrency.PROBLEMS[3:4])
    monkeypatch.setattr(concurrency, "ways", lambda forest, opened: [Way("numpy", Failing(forest), HostBlock)])
    outcome = concurrency.hammer([], 9, n_threads=3)
    assert (outcome.answers, outcome.wrong, outcome.passes) == (27, 27, False)
    assert "no room" in " ".join(outcome.messages)


def test_the_reliability_suite_fails_where_an_answer_is_wrong(monkeypatch, capsys):
    class Absent(Problem):
        family, library = "another library", "no_such_library"

    monkeypatch.setattr(forest_parity, "OTHERS", (Absent,))
    monkeypatch.setattr(extreme_problems, "PROBLEMS", extreme_problems.PROBLEMS[:1])
    options = ["reliability", "--fraction", "0.002", "--device", "numpy", "--parts", "forests", "threads"]
    assert main(options) == 0
    text = capsys.readouterr().out
    assert "another library: not installed" in text
    assert "16 threads x 2 predictions" in text
    monkeypatch.setattr(forest_parity, "ways", broken("strict comparison"))
    assert main(options) == 1
    assert "FAILED" in capsys.readouterr().out


def test_killed_runs_write_what_they_had_to():
    toll = kills.hunt(2)
    assert toll.kills >= 2
    assert toll.passes, toll


def test_kill_trials_find_mistakes(tmp_path):
    problem = kills.KillProblem(1)
    kills.write(problem, tmp_path)
    assert kills.mistake(problem, tmp_path) == ""
    assert "differs" in kills.mistake(replace(problem, seed=4), tmp_path)
    shard = tmp_path / "out.zarr" / "0" / "c" / "1" / "0" / "0"
    shard.write_bytes(shard.read_bytes()[:-3])
    assert "unreadable" in kills.mistake(problem, tmp_path)
    (shard.parent / "0.partial").write_text("")
    assert "left behind" in kills.mistake(problem, tmp_path)
    shutil.rmtree(tmp_path / "out.zarr")
    assert kills.mistake(problem, tmp_path) == "not finished"


def test_random_pixels_claim_what_is_not_there(monkeypatch, tmp_path):
    """Classes by coin flip cannot be learnt; splits of neighbours say that they can."""
    monkeypatch.setattr(claims, "forest", lambda: DecisionTreeClassifier(random_state=0))
    scene = claims.read_scenes()[0]
    found = claims.claims(scene.features, scene.coin_flips(0))
    assert list(found) == list(claims.SPLITS)
    assert found["random pixels"] > 0.75 > 0.65 > found["by stroke"]
    draw(scene, pd.DataFrame({"flipped": found, "real": found}), tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    for split in claims.SPLITS:
        shown = roles(scene, split)
        assert set(np.unique(shown).tolist()) == {0, 1, 2}
        assert not shown[scene.scribbles == 0].any()

"""The long check of the benchmarks, a small part of it: compiled forests against scikit-learn on adversarial rows."""

import importlib
from pathlib import Path

import pytest


@pytest.fixture
def parity(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    return importlib.import_module("benchmarks.reliability.forest_parity")


def test_no_label_differs_with_numpy(parity):
    tallies = parity.compare(range(1000, 1040), [])
    assert all(tally.passes and tally.max_error < 1e-7 for tally in tallies.values())


def test_no_label_differs_on_a_device(parity, opencl_engine):
    devices = importlib.import_module("benchmarks.reliability.ways").devices
    tallies = parity.compare(range(1000, 1012), devices(opencl_engine.name))
    assert {name.split(", ")[1] for name in tallies if ", " in name} >= {"traverse", "shared", "coherent", "shallow"}
    failed = {name: tally for name, tally in tallies.items() if not tally.passes}
    assert not failed


def test_the_check_sees_a_flip(parity):
    import numpy as np

    tally = parity.Tally()
    expected = np.array([[0.5, 0.5], [0.2, 0.8]])
    tally.add(expected, np.array([1, 0]), expected)
    assert (tally.flips, tally.flips_in_ties, tally.passes) == (2, 1, False)


def test_command_line(parity, capsys):
    command_line = importlib.import_module("benchmarks.__main__")
    assert command_line.main(["reliability", "--fraction", "0.001", "--device", "numpy", "--parts", "forests"]) == 0
    assert "flips" in capsys.readouterr().out

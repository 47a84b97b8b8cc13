"""One volume gives the same bits in every way that needs no other process; the benchmark runs the others too."""

import numpy as np
import pytest

from benchmarks.reliability.suite import DATA
from benchmarks.reliability.volume_problem import Answer, VolumeProblem
from benchmarks.reliability.volume_table import WaysTable, computing_on
from benchmarks.reliability.volume_ways import IN_PROCESS, in_memory
from benchmarks.reliability.ways import devices

for library in ("dask", "xarray", "zarr"):
    pytest.importorskip(library)


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    """The real volume; one that is made up where that is absent."""
    return VolumeProblem.load(DATA, tmp_path_factory.mktemp("ways"))


@pytest.fixture(scope="module")
def whole(problem):
    answer = in_memory(problem)
    assert 0.2 < (answer.labels == 2).mean() < 0.8
    assert ((answer.labels == 2) == problem.objects).mean() > 0.8
    return answer


@pytest.mark.parametrize("name", [name for name, way in IN_PROCESS.items() if way is not in_memory])
def test_every_way_gives_the_bits_of_the_whole(problem, whole, name):
    table = WaysTable()
    table.add("whole", whole)
    table.add(name, answer := IN_PROCESS[name](problem))
    assert table.passes, table
    assert answer.parts is None or answer.parts > 1 or name == "DataArray"


def test_every_device_gives_the_labels_of_the_whole(problem, whole):
    table = WaysTable()
    table.add("whole", whole)
    for device in (*(device.name for device in devices("all")), "numpy"):
        with computing_on(device):
            table.add(device, in_memory(problem), other_device=True)
    assert table.passes, table


def test_a_bit_that_differs_is_seen():
    rng = np.random.default_rng(0)
    right = Answer(rng.integers(0, 3, (4, 5)).astype(np.uint8), rng.random((4, 5, 2)).astype(np.float32))
    label, probability = right.labels.copy(), right.probabilities.copy()
    label[3, 4] += 1
    probability[3, 4, 1] = np.nextafter(probability[3, 4, 1], np.float32(2))

    def wrong(answer, **how):
        table = WaysTable()
        table.add("right", right)
        table.add("other", answer, **how)
        assert table.passes == (not table.wrong)
        return table.wrong

    assert not wrong(Answer(right.labels.copy()))
    assert wrong(Answer(label, right.probabilities))
    assert wrong(Answer(label), other_device=True)
    assert wrong(Answer(right.labels.astype(np.int16)))
    assert wrong(Answer(right.labels, probability))
    assert not wrong(Answer(right.labels, probability), other_device=True)

"""The record of a run: what is marked stays marked, torn lines are forgotten, another run is refused."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelforest.io.run_record import RunRecord, open_run

IDENTITY = {"model": "a", "shape": (3, 4)}


def start(output: Path, *, identity=None, resume: bool = False) -> RunRecord:
    return open_run(output, identity or IDENTITY, lambda data: data.mkdir(), resume=resume)


def test_marks_survive_and_can_be_taken_back(tmp_path):
    record = start(tmp_path / "out")
    record.mark("0/1", "aa")
    record.mark("na\tme\n.png", "bb")
    record.mark("0/2", "cc")
    record.unmark("0/1")
    assert start(tmp_path / "out", resume=True).done == {"na\tme\n.png": "bb", "0/2": "cc"}


@given(st.lists(st.tuples(st.text(max_size=9), st.text("0123456789abcdef", max_size=5)), max_size=6), st.data())
def test_a_torn_journal_keeps_every_whole_line(entries, data):
    with TemporaryDirectory() as folder:
        record = start(Path(folder) / "out")
        ends = [0]
        for part, digest in entries:
            record.mark(part, digest)
            ends.append((record.folder / "done.log").stat().st_size)
        cut = data.draw(st.integers(0, ends[-1]))
        if entries:
            content = (record.folder / "done.log").read_bytes()[:cut]
            (record.folder / "done.log").write_bytes(content + data.draw(st.sampled_from([b"", b"\0\0\0", b'["x"]\n'])))
        whole = sum(end <= cut for end in ends) - 1
        resumed = start(Path(folder) / "out", resume=True)
        assert resumed.done == dict(entries[:whole])
        resumed.mark("more", "dd")
        assert start(Path(folder) / "out", resume=True).done == {**dict(entries[:whole]), "more": "dd"}


def test_an_unfinished_run_is_not_overwritten(tmp_path):
    start(tmp_path / "out").mark("0/0", "aa")
    with pytest.raises(FileExistsError, match=r"an unfinished run lies in .*out\.partial'; resume it, or remove it"):
        start(tmp_path / "out")


def test_another_run_is_refused_with_what_differs(tmp_path):
    start(tmp_path / "out").mark("0/0", "aa")
    with pytest.raises(ValueError, match=r"`resume`: the unfinished run .* has model 'a', this one 'b'; remove"):
        start(tmp_path / "out", identity={**IDENTITY, "model": "b"}, resume=True)
    assert start(tmp_path / "out", resume=True).done == {"0/0": "aa"}


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("begun", [False, True])
def test_a_run_that_has_finished_nothing_starts_anew(tmp_path, begun, resume):
    if begun:
        start(tmp_path / "out", identity={"model": "another"})
    (tmp_path / "out.partial" / "data").mkdir(parents=True, exist_ok=True)
    (tmp_path / "out.partial" / "data" / "half").write_text("x")
    assert not list(start(tmp_path / "out", resume=resume).data.iterdir())


def test_outputs_are_never_replaced(tmp_path):
    record = start(tmp_path / "out")
    (tmp_path / "out").write_text("precious")
    with pytest.raises(FileExistsError, match="`output` must not exist yet"):
        record.publish()
    for resume in (False, True):
        with pytest.raises(FileExistsError, match="`output` must not exist yet"):
            start(tmp_path / "out", resume=resume)
    assert (tmp_path / "out").read_text() == "precious"


def test_publishing_leaves_nothing_behind(tmp_path):
    record = start(tmp_path / "out")
    (record.data / "a").write_text("x")
    record.publish()
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "a"]


def test_a_run_killed_right_after_it_published_is_tidied_up(tmp_path):
    record = start(tmp_path / "out")
    record.data.rename(tmp_path / "out")  # and here the power goes
    with pytest.raises(FileExistsError, match="`output` must not exist yet"):
        start(tmp_path / "out", resume=True)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_folder_must_exist_and_be_writable(tmp_path):
    with pytest.raises(FileNotFoundError, match="`output` must lie in a folder that exists"):
        start(tmp_path / "no" / "out")
    if Path("/sys/kernel").is_dir():  # nobody may write there, not even root
        with pytest.raises(PermissionError, match=r"out\.partial"):
            start(Path("/sys/kernel/out"))

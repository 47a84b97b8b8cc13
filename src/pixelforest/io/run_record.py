"""What a run has finished so far: a folder beside the output that a killed process leaves usable."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

_IDENTITY, _JOURNAL, _DATA = "run.json", "done.log", "data"


class RunRecord:
    """The unfinished output of a run, and which of its parts are on disk.

    Lies in ``<output>.partial``: ``run.json`` says what the run computes, ``done.log`` has one line per finished part,
    ``data`` becomes the output when `publish` renames it. Until then nothing lies at the place of the output.

    Parameters
    ----------
    output : Path
        Where the finished output goes.

    Attributes
    ----------
    folder, data : Path
        ``<output>.partial``, and the unfinished output in it.
    done : dict of str to str
        Digests of the finished parts, by name.
    """

    def __init__(self, output: Path) -> None:
        self.output = output
        self.folder = output.with_name(f"{output.name}.partial")
        self.data = self.folder / _DATA
        self.done: dict[str, str] = {}

    def mark(self, part: str, digest: str) -> None:
        """Note that `part` is on disk; the caller has synchronised its files."""
        self._append([part, digest])
        self.done[part] = digest

    def unmark(self, part: str) -> None:
        """Note that `part` has to be computed again."""
        self._append([part, None])
        self.done.pop(part, None)

    def publish(self) -> None:
        """Rename the finished data to the output, and remove the record.

        Raises
        ------
        FileExistsError
            Something has come to lie at the output meanwhile.
        """
        if self.output.exists():
            raise FileExistsError(f"`output` must not exist yet; the finished data stay in {str(self.data)!r}")
        self.data.rename(self.output)
        sync_folder(self.output.parent)
        shutil.rmtree(self.folder)

    def with_what_is_safe(self, error: OSError, parts: str) -> OSError:
        """Return the error, saying also how many parts are kept."""
        kept = f"{len(self.done)} finished {parts} are kept in {str(self.folder)!r} to resume from"
        return retold(error, f"{error.strerror or error}; {kept}")

    def _append(self, entry: list[str | None]) -> None:
        with (self.folder / _JOURNAL).open("ab") as journal:
            journal.write(json.dumps(entry).encode() + b"\n")
            journal.flush()
            os.fsync(journal.fileno())

    def read_journal(self) -> None:
        """Read the lines that were written whole; cut off what a crash has left behind them."""
        path = self.folder / _JOURNAL
        content = path.read_bytes() if path.exists() else b""
        valid = 0
        for line in content.splitlines(keepends=True):
            try:
                part, digest = json.loads(line)
            except ValueError:
                break
            if not line.endswith(b"\n"):
                break
            valid += len(line)
            if digest is None:
                self.done.pop(part, None)
            else:
                self.done[part] = digest
        if valid < len(content):
            os.truncate(path, valid)


def open_run(
    output: Path, identity: Mapping[str, Any], prepare: Callable[[Path], object], *, resume: bool = False
) -> RunRecord:
    """Start a run, or go on with one that was interrupted.

    Parameters
    ----------
    output : Path
        Must not exist; its folder must.
    identity : mapping of str to JSON values
        All that the output depends on: device, model, source, sizes.
    prepare : callable
        Makes the empty output at the path that it is given; called once per run.
    resume : bool
        Whether to go on with an unfinished run. Where none has finished a part, a new run starts.

    Raises
    ------
    FileExistsError
        The output exists, or an unfinished run does and `resume` is false.
    FileNotFoundError
        The output's folder does not exist.
    ValueError
        The unfinished run computes something else.
    """
    record = RunRecord(output)
    check_output(output)
    wanted = json.loads(json.dumps(dict(identity)))
    found = _read_identity(record.folder / _IDENTITY)
    record.read_journal()
    if found is None or not record.done:
        with suppress(FileNotFoundError):
            shutil.rmtree(record.folder)  # stopped before anything was finished
        record.folder.mkdir()
        prepare(record.data)
        write_synced(record.folder / _IDENTITY, json.dumps(wanted, indent=1).encode())
        return record
    if not resume:
        raise FileExistsError(
            f"`output`: an unfinished run lies in {str(record.folder)!r}; resume it, or remove it to start anew"
        )
    for key in sorted({*wanted, *found}):
        if wanted.get(key) != found.get(key):
            raise ValueError(
                f"`resume`: the unfinished run in {str(record.folder)!r} has {key} {found.get(key)!r}, this one "
                f"{wanted.get(key)!r}; remove that folder to start anew"
            )
    return record


def retold(error: OSError, text: str) -> OSError:
    """Return an error of the same kind that says `text`.

    Examples
    --------
    >>> retold(OSError(28, "No space"), "cannot write a.png: No space")
    OSError(28, 'cannot write a.png: No space')
    >>> retold(OSError("broken"), "cannot read a.png: broken")
    OSError('cannot read a.png: broken')
    """
    return OSError(text) if error.errno is None else OSError(error.errno, text)


def check_output(output: Path) -> None:
    """Raise where nothing can be written.

    Raises
    ------
    FileExistsError, FileNotFoundError
        The output exists, or its folder does not.
    """
    if output.exists():
        tidy_published(output)
        raise FileExistsError(f"`output` must not exist yet, got {str(output)!r}")
    if not output.parent.is_dir():
        raise FileNotFoundError(f"`output` must lie in a folder that exists, got {str(output)!r}")


def tidy_published(output: Path) -> None:
    """Remove the record of a run that was killed after it had published its output."""
    record = RunRecord(output)
    if output.exists() and record.folder.is_dir() and not record.data.exists():
        shutil.rmtree(record.folder)


def _read_identity(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_bytes()) if path.exists() else None


def write_synced(path: Path, content: bytes) -> None:
    """Write a file so that a crash leaves either all of it or what was there before."""
    scratch = path.with_name(f"{path.name}.tmp")
    with scratch.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Wait until a file is on disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until names in a folder are on disk, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""The words of README.md and docs/: every Python block runs, every error shown is raised, CI runs the same commands.

Blocks of a file run in order and share their names. A `text` block right after a Python block shows what the Python
block ends with: the error, or what it prints.
"""

import re
from contextlib import redirect_stdout
from io import StringIO
from itertools import zip_longest
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
ERROR = re.compile(r"(\w*(?:Error|Warning)): (.*)", re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text(encoding="utf-8")) if found == language]


def python_blocks(page: Path) -> list[tuple[str, str]]:
    """Return (code, what it should end with) in order; line numbers are those of the page."""
    text = page.read_text(encoding="utf-8")
    found = list(BLOCK.finditer(text))
    pairs = []
    for block, following in zip_longest(found, found[1:]):
        if block[1] != "python":
            continue
        is_shown = following and following[1] == "text" and not text[block.end() : following.start()].strip()
        above = text.count("\n", 0, block.start()) + 1
        pairs.append(("\n" * above + block[2], following[2] if is_shown else ""))
    return pairs


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": page.stem}
    for code, shown in python_blocks(page):
        error = ERROR.fullmatch(shown.strip())
        program, printed = compile(code, str(page), "exec"), StringIO()
        if error:
            with pytest.raises(Exception) as raised:
                exec(program, names)
            assert type(raised.value).__name__ == error[1]
            assert words(str(raised.value)) == words(error[2])
            continue
        with redirect_stdout(printed):
            exec(program, names)
        if shown:
            assert words(printed.getvalue()) == words(shown)


def test_commands_are_those_that_ci_runs() -> None:
    """The README has two commands, one for the demo and one for the tests; `.ci/run` runs exactly these."""
    commands = [text.strip() for text in blocks(ROOT / "README.md", "bash")]
    assert len(commands) == 2
    assert commands[0].endswith("/pixelforest demo")
    assert "-m pytest" in commands[1]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in commands:
        assert f"{command}\n" in script


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_rooms_of_the_map_are_the_rooms_of_the_house() -> None:
    """CONTRIBUTING.md names every package and module of the top level."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    source = ROOT / "src" / "pixelforest"
    rooms = {entry.stem for entry in source.iterdir() if entry.suffix == ".py" or (entry / "__init__.py").is_file()}
    for room in sorted(rooms - {"__init__", "__main__"}):
        assert f"`{room}`" in text, f"CONTRIBUTING.md does not say what {room} is"

"""Tables of what was measured, in Markdown; ``python -m benchmarks.scale.report`` puts them into the documentation."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

Found = Mapping[str, Any]
DOCS = Path(__file__).parents[2] / "docs"
JSON, PAGE = DOCS / "benchmarks" / "scale.json", DOCS / "scale.md"
BEGIN, END = "<!-- {}: written by python -m benchmarks.scale.report -->\n", "<!-- end of {} -->"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose columns are as wide as they have to be; all but the first to the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(head))]
    lines.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    padded = [
        [line[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True))]
        for line in lines
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in padded)


def verdict(is_met: bool) -> str:
    """Return the word for it."""
    return "met" if is_met else "MISSED"


def whole_table(found: Found) -> str:
    """Return the table of whole predictions."""
    rows, notes = [], []
    for name, setting in found.items():
        shape = " x ".join(map(str, setting["shape"]))
        for contestant, row in setting["results"].items():
            goal = row["goal"]
            met = "" if goal is None else f"≥ {goal:g}: {verdict(row['ratio'] >= goal)}"
            speed = f"{row['megapixels_per_second']:.2f}"
            differ = f"{row['different_labels']:,}"
            seconds = f"{row['median_seconds']:.2f}"
            rows.append([name, contestant, seconds, speed, f"{row['ratio']:.1f}", met, differ])
        missing = "".join(f"; {peer}: not installed" for peer in setting["not_installed"])
        flips = f"{setting['flips_of_same_features']} labels differ on the same features{missing}"
        notes.append(f"- *{name}*, {shape}: {setting['title']}; {setting['n_features']} features; {flips}.")
    head = ("setting", "contestant", "s", "Mpx/s", "ratio", "goal", "labels unlike scikit-learn's")
    return "\n".join([table(head, rows), "", *notes])


def memory_table(found: Found) -> str:
    """Return the table of memory and throughput against size."""
    sizes, goals = found["sizes"], found["goals"]
    rows = [
        [
            f"{int(size):,} MiB",
            f"{row['peak_rss_kib'] / 1024:.0f}",
            f"{row['peak_anonymous_kib'] / 1024:.0f}",
            f"{row['seconds']:.1f}",
            *(f"{row['stage_seconds'].get(stage, 0):.1f}" for stage in ("predict", "pyramid", "verify")),
            f"{row['nanoseconds_per_voxel']:.1f}",
            f"{row['cpu_seconds'] / row['seconds'] * row['nanoseconds_per_voxel']:.1f}",
        ]
        for size, row in sizes.items()
    ]
    head = ("input", "peak RSS, MiB", "own, MiB", "s", "predict", "pyramid", "verify", "ns/voxel", "CPU ns/voxel")
    features = ", ".join(found["features"])
    lines = [
        table(head, rows),
        "",
        f"- {found['dtype']}, chunks of {found['chunk']}³, no compression, out of the file cache; {features}; "
        f"{found['forest']}. A new process for each size, after a first small prediction.",
        f"- Reading alone, one thread: {found['read_megabytes_per_second']['disk']:.0f} MB/s from disk, "
        f"{found['read_megabytes_per_second']['cache']:.0f} MB/s from the cache.",
    ]
    large = {int(size): row for size, row in sizes.items() if int(size) >= goals["from_megabytes"]}
    measures: dict[str, tuple[str, Callable[[Found], float]]] = {
        "peak RSS": ("memory", lambda row: row["peak_rss_kib"]),
        "time per voxel": ("cost", lambda row: row["nanoseconds_per_voxel"]),
        "CPU time per voxel": ("cost", lambda row: row["cpu_seconds"] / prod(row["shape"])),
    }
    for name, (goal, value) in measures.items():
        if len(large) > 1:
            first, *others = (value(row) for _, row in sorted(large.items()))
            worst = max((other / first - 1 for other in others), key=abs)
            sign = f"{worst:+.0%} from {min(large):,} MiB on"
            lines.append(f"- {name}: {sign}, goal ±{goals[goal]:.0%}: {verdict(abs(worst) <= goals[goal])}.")
    return "\n".join(lines)


def dask_table(found: Found) -> str:
    """Return the tables of dask's overhead and of large graphs."""
    rows = []
    for image in ("volume", "plane"):
        one = found[image]
        shape = " x ".join(map(str, one["shape"]))
        for name, seconds in one["median_seconds"].items():
            over = one["overhead"].get(name)
            is_goal = image == "volume" and name == "threads"
            met = f"≤ {found['goal']:.0%}: {verdict(over <= found['goal'])}" if is_goal else ""
            overhead = "" if over is None else f"{over:+.1%}"
            differ = str(one["different_labels"][name])
            rows.append([f"{shape}, chunks of {one['chunk']}", name, f"{seconds:.2f}", overhead, met, differ])
    graphs = [
        [f"{g['chunks']:,}", f"{g['tasks']:,}", f"{g['seconds']:.1f}", f"{g['megabytes']:.0f}"] for g in found["graphs"]
    ]
    return "\n\n".join(
        [
            table(("image", "who", "s", "overhead", "goal", "labels that differ"), rows),
            table(("chunks of a volume", "tasks", "s to make the graph", "MB of memory"), graphs),
        ]
    )


def workers_table(found: Found) -> str:
    """Return the table of workers."""
    if "not_installed" in found:
        return f"workers: not installed: {', '.join(found['not_installed'])}"
    plain = found["processes"]
    rows = [
        [
            "`dask.distributed`, workers",
            *(f"{seconds:.2f}" for seconds in found["median_seconds"].values()),
            f"{found['speedup']:.2f}",
            f"≥ {found['goal']:g}: {verdict(found['speedup'] >= found['goal'])}",
        ],
        ["processes without dask", f"{plain['one']:.2f}", f"{plain['two']:.2f}", f"{plain['speedup']:.2f}", "ceiling"],
    ]
    return "\n".join(
        [
            table(("one core for each", "1: s", "2: s", "throughput", "goal"), rows),
            "",
            f"- Workers predict {found['megabytes']} MiB on disk in chunks of {found['chunk']}³; processes one such "
            f"chunk in memory, each. A task that does nothing costs the scheduler and its client "
            f"{found['scheduler_microseconds_per_task']:.0f} µs.",
        ]
    )


TABLES: dict[str, Callable[[Found], str]] = {
    "whole": whole_table,
    "memory": memory_table,
    "dask": dask_table,
    "workers": workers_table,
}


def sections(content: Found) -> dict[str, str]:
    """Return the text of every section of the page that is written by machine."""
    from benchmarks.scale.plan import plan

    measured = [_measured(part, content[part]) for part in TABLES if part in content]
    return {"measured": "\n\n".join(measured), "plan": plan(content)}


def _measured(part: str, of_part: Found) -> str:
    load = of_part["load_before"]
    when = f"{of_part['machine']['date']}, {of_part['cores']} cores of {of_part['machine']['processor']}"
    busy = "" if load is None else f", load {load[0]:.1f} before"
    return f"`--parts {part}` ({when}{busy}, {of_part['rounds']} rounds):\n\n{TABLES[part](of_part['results'])}"


def with_sections(page: str, content: Found) -> str:
    """Return the page with its sections written anew."""
    for name, text in sections(content).items():
        before, rest = page.split(BEGIN.format(name))
        _, after = rest.split(END.format(name))
        page = f"{before}{BEGIN.format(name)}\n{text}\n\n{END.format(name)}{after}"
    return page


def main() -> None:
    """Write the sections of `PAGE`."""
    content = json.loads(JSON.read_text(encoding="utf-8"))
    PAGE.write_text(with_sections(PAGE.read_text(encoding="utf-8"), content), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

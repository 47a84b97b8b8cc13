"""What one workload showed, as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HEAD = (
    f"{'contestant':30}{'output':>14}{'pixels':>9}{'differ':>8}{'max |dp|':>10}{'first s':>9}{'median s':>10}"
    f"{'Mpx/s':>9}{'ratio':>8}"
)


def print_workload(letter: str, compared: Mapping[str, Any]) -> None:
    """Print the table of one workload, what could not take part, and the first prediction."""
    title = f"{compared['title']}, {compared['features']} features, {compared['classes']} classes"
    print(f"\n{letter}: {title}, {compared['nodes']:,} nodes\n{HEAD}")
    for row in compared["results"]:
        print(_line(row))
    for row in compared["results"]:
        if row["remark"]:
            print(f"  {row['name']}: {row['remark']}")
    for name, reason in compared["left_out"].items():
        print(f"  {name} takes no part: {reason}")
    first, limit = compared["first_predict_seconds"]["first_predict"], compared["first_predict_limit"]
    verdict = "under" if first < limit else "MISSED:"
    print(f"  pixelforest's first prediction, all caches off: {first:.2f} s ({verdict} the limit of {limit:g} s)")


def _line(row: Mapping[str, Any]) -> str:
    differ = str(row["different_labels"]) if row["is_same_model"] else "other"
    difference = "" if row["max_difference"] is None or differ == "other" else f"{row['max_difference']:.0e}"
    first = "" if row["compile_seconds"] is None else f"{row['compile_seconds']:.2f}"
    return (
        f"{row['name']:30}{row['output']:>14}{row['pixels']:>9}{differ:>8}{difference:>10}{first:>9}"
        f"{row['median_seconds']:>10.4f}{row['megapixels_per_second']:>9.2f}{row['ratio']:>8.2f}"
    )

"""Print the tables of `docs/honest-validation.md`, and draw its picture."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.validation import claims, sampling

PARTS = ("claims", "sampling")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=["claims"], help="tables (default: claims)")
    parser.add_argument("--data", type=Path, help="folder that holds dsb2018, for sampling")
    parser.add_argument("--figure", type=Path, help="PNG file to draw the claims to")


def run(arguments: argparse.Namespace) -> int:
    """Print the tables; return 0."""
    if "claims" in arguments.parts:
        table = claims.table()
        sys.stdout.write(table.to_string(float_format="%.3f") + "\n")
        if arguments.figure is not None:
            from benchmarks.validation.figure import draw

            draw(claims.read_scenes()[0], table, arguments.figure)
    if "sampling" in arguments.parts:
        if arguments.data is None:
            sys.stderr.write("`--data` must name a folder that holds dsb2018\n")
            return 2
        for name, scores in sampling.rows(arguments.data):
            sys.stdout.write(f"{name:24} {scores.mean():.3f}  (splits: {', '.join(f'{s:.3f}' for s in scores)})\n")
    return 0

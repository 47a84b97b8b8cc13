"""The command line: ``pixelforest demo`` and ``pixelforest doctor``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the program's name; those of the process by default.

    Returns
    -------
    int
        0 for success, 1 for an error that is explained on standard error, 2 for wrong usage.
    """
    parser = argparse.ArgumentParser(
        prog="pixelforest", description="Segment images with forests that learn from a few brush strokes."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="train on shipped scribbles, segment nuclei, print scores, write a picture")
    demo.add_argument(
        "--output", type=Path, default=Path("pixelforest_demo.png"), help="picture to write (%(default)s)"
    )
    demo.add_argument("--device", default="auto", help="auto, numpy, or part of a device's name (%(default)s)")
    commands.add_parser("doctor", help="explain which OpenCL devices work, and why others do not")
    options = parser.parse_args(arguments)
    try:
        if options.command == "doctor":
            from pixelforest.doctor import report

            print(report())
        else:
            from pixelforest.demo import run_demo

            run_demo(output=options.output, device=options.device, write=print)
    except (ValueError, OSError, ImportError) as error:
        print(f"pixelforest {options.command}: {error}", file=sys.stderr)
        return 1
    return 0

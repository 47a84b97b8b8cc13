"""Command line of the benchmarks: ``python -m benchmarks NAME [options]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

SUITES = {
    "speed": (
        "benchmarks.speed",
        "features, forest and whole prediction beat scikit-image + scikit-learn, by how much",
    ),
    "forest": ("benchmarks.forest.suite", "compiled forests outrun scikit-learn and every other engine, by how much"),
    "features": ("benchmarks.features.suite", "features are computed faster than by other libraries, by how much"),
    "scale": (
        "benchmarks.scale.suite",
        "whole predictions outrun the field, memory stays flat, dask and workers cost little",
    ),
    "objects": ("benchmarks.objects.suite", "regions are measured faster than by scikit-image, and in how much memory"),
    "search": ("benchmarks.search", "a grid search computes each feature once with a cache, and how much that saves"),
    "agreement": ("benchmarks.agreement.table", "filters give the numbers of the libraries they are named after"),
    "quality": ("benchmarks.quality", "objects that touch are told apart, how well beside Otsu's threshold"),
    "reliability": (
        "benchmarks.reliability.suite",
        "compiled forests decide as scikit-learn does, chunks have the bits of the whole image, killed runs resume",
    ),
    "validation": (
        "benchmarks.validation.suite",
        "cross-validation claims too much where neighbouring pixels are split, by how much; what sampling does",
    ),
}
"""Name: module with `add_arguments(parser)` and `run(arguments)`, which returns an exit status; and what it shows."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one benchmark; return 0 if it passed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="suite", required=True, metavar="NAME")
    words = sys.argv[1:] if arguments is None else arguments
    for name, (module, shows) in SUITES.items():
        command = commands.add_parser(name, help=shows, description=f"Shows that {shows}.")
        if name in words:  # each suite imports libraries that others do without
            import_module(module).add_arguments(command)
    parsed = parser.parse_args(words)
    return int(import_module(SUITES[parsed.suite][0]).run(parsed))


if __name__ == "__main__":
    sys.exit(main())

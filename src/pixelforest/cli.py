"""The command line: ``pixelforest predict``, ``pixelforest demo`` and ``pixelforest doctor``."""

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
        0 for success, 1 for an error that is explained on standard error, 2 for wrong usage, 130 for Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    try:
        if options.command == "doctor":
            from pixelforest.doctor import report

            print(report())
        elif options.command == "demo":
            from pixelforest.demo import run_demo

            run_demo(output=options.output, device=options.device, write=print)
        else:
            _predict(options)
    except (ValueError, TypeError, OSError, ImportError, RuntimeError, MemoryError) as error:
        print(f"pixelforest {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        hint = "; what is finished is kept, go on with --resume" if options.command == "predict" else ""
        print(f"pixelforest {options.command}: interrupted{hint}", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pixelforest", description="Segment images with forests that learn from a few brush strokes."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    predict = commands.add_parser(
        "predict",
        help="segment image files, folders or Zarr images with a saved model",
        description="Segment images with a saved model. The output appears when all of it is written; until then it is "
        "OUTPUT.partial, where an interrupted run goes on with --resume.",
    )
    predict.add_argument(
        "model", type=Path, metavar="MODEL", help="model file (.skops), from pixelforest.io's save_model"
    )
    predict.add_argument("inputs", type=Path, nargs="+", metavar="INPUT", help="images, folders of them, or one Zarr")
    predict.add_argument("output", type=Path, metavar="OUTPUT", help="new file, folder, or OME-Zarr image")
    predict.add_argument(
        "--probabilities",
        action="store_const",
        const="probabilities",
        default="labels",
        dest="kind",
        help="write the probabilities of all classes (float32) instead of labels",
    )
    predict.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="compute on the workers of this dask.distributed scheduler, such as tcp://10.0.0.1:8786; INPUT and OUTPUT "
        "must lie on a file system that all of them share",
    )
    predict.add_argument("--resume", action="store_true", help="go on with an unfinished run, if there is one")
    predict.add_argument(
        "--level", type=int, default=0, help="OME-Zarr: level of the pyramid (%(default)s, the finest)"
    )
    predict.add_argument("--channels", type=_words, help="OME-Zarr: names or numbers of channels, such as DAPI,2")
    demo = commands.add_parser("demo", help="train on shipped scribbles, segment nuclei, print scores, write a picture")
    demo.add_argument(
        "--output", type=Path, default=Path("pixelforest_demo.png"), help="picture to write (%(default)s)"
    )
    demo.add_argument("--device", default="auto", help="auto, numpy, or part of a device's name (%(default)s)")
    commands.add_parser("doctor", help="explain which OpenCL devices work, and why others do not")
    return parser


def _words(text: str) -> list[str]:
    return text.split(",")


def _predict(options: argparse.Namespace) -> None:
    from pixelforest.batch import predict_files
    from pixelforest.batch.progress_bar import progress_bar
    from pixelforest.batch.workers import connected_to
    from pixelforest.io.model_files import load_model

    model = load_model(options.model)
    with connected_to(options.scheduler) as client, progress_bar() as progress:
        predict_files(
            model,
            options.inputs,
            options.output,
            level=options.level,
            channels=options.channels,
            kind=options.kind,
            resume=options.resume,
            progress=progress,
            client=client,
        )
    print(f"wrote {options.output}")

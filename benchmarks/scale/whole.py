"""Whole predictions, features and forest, against SciPy + scikit-image + scikit-learn and against apoc."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.scale.settings import TREES, Setting, settings
from benchmarks.timing import interleaved_medians
from pixelforest.backends.select import open_backend

OURS = "pixelforest"
FIELD = "SciPy, scikit-image, scikit-learn"
APOC = "apoc"
GOALS = {FIELD: 20.0, APOC: 50.0}
SLOW = 10.0
"""Seconds; who takes longer is timed once."""


def apoc_predictor(setting: Setting, folder: Path) -> Callable[[], NDArray[Any]]:
    """Return apoc's prediction by a forest that it has trained on the same strokes, on pixelforest's device."""
    import apoc
    import pyclesperanto_prototype as cle

    cle.select_device(open_backend(setting.device).fingerprint.split("|")[0])
    preset = apoc.PredefinedFeatureSet[str(setting.features)].value
    classifier = apoc.PixelClassifier(str(folder / "apoc.cl"), max_depth=setting.max_depth, num_ensembles=TREES)
    corner, labels = setting.training
    classifier.train(preset, labels, corner)
    return lambda: np.asarray(classifier.predict(setting.image))


def compare(setting: Setting, rounds: int, folder: Path) -> dict[str, Any]:
    """Let all contestants take turns; return medians, ratios and how many labels are not scikit-learn's."""
    calls: dict[str, Callable[[], NDArray[Any]]] = {
        OURS: lambda: setting.model.predict(setting.image),
        FIELD: setting.peer_predict,
    }
    missing = []
    if setting.features is not None and find_spec("apoc") is None:
        missing = [APOC]
    elif setting.features is not None:
        calls[APOC] = apoc_predictor(setting, folder)
    answers: dict[str, NDArray[Any]] = {}

    def keeping(name: str) -> Callable[[], None]:
        return lambda: answers.update({name: calls[name]()})

    flips = setting.flips()
    medians = interleaved_medians({name: keeping(name) for name in calls}, rounds, slow=SLOW)
    pixels = setting.image.size
    return {
        "title": setting.title,
        "shape": list(setting.shape),
        "n_features": setting.n_features,
        "flips_of_same_features": flips,
        "not_installed": missing,
        "results": {
            name: {
                "median_seconds": seconds,
                "megapixels_per_second": pixels / seconds / 1e6,
                "ratio": seconds / medians[OURS],
                "goal": GOALS.get(name),
                "different_labels": int((answers[name] != answers[FIELD]).sum()),
            }
            for name, seconds in medians.items()
        },
    }


def measure(side: int, volume: tuple[int, int, int], rounds: int, device: str) -> dict[str, Any]:
    """Compare in all settings."""
    with TemporaryDirectory() as folder:
        found = {}
        for setting in settings(side, volume, device):
            (Path(folder) / setting.name).mkdir()
            found[setting.name] = compare(setting, rounds, Path(folder) / setting.name)
        return found

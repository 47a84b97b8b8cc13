"""``python -m benchmarks speed``: features, forest and whole prediction against scikit-image and scikit-learn.

Both sides compute the same features of the same image and apply forests with the same trees; outputs are compared
before anything is timed. The peer is what a careful user writes today: SciPy's Gaussian filters, scikit-image's
eigenvalues, scikit-learn's forest with ``n_jobs=2``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import data
from skimage.feature import hessian_matrix_eigvals
from sklearn.ensemble import RandomForestClassifier

import pixelforest as pf
from benchmarks.timing import interleaved_medians, machine, write_json
from pixelforest.backends.select import open_backend

SIGMAS = (1, 2, 4)
FILTERS = ("gaussian", "laplacian_of_gaussian", "gaussian_gradient_magnitude", "hessian_eigenvalues")


def peer_features(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the features of `FILTERS` at `SIGMAS`, ``(n_features, y, x)``, by SciPy and scikit-image."""
    gaussian = [ndimage.gaussian_filter(image, s) for s in SIGMAS]
    laplacian = [ndimage.gaussian_laplace(image, s) for s in SIGMAS]
    gradient = [ndimage.gaussian_gradient_magnitude(image, s) for s in SIGMAS]
    eigenvalues = []
    for sigma in SIGMAS:
        orders = [[axes.count(axis) for axis in range(2)] for axes in combinations_with_replacement(range(2), 2)]
        hessian = [ndimage.gaussian_filter(image, sigma, order=order) for order in orders]
        eigenvalues += list(hessian_matrix_eigvals(hessian))
    return np.stack([*gaussian, *laplacian, *gradient, *eigenvalues])


@dataclass
class SegmentationProblem:
    """A photograph, repeated to `side` pixels with fresh noise, and a forest that was trained on strokes over it.

    Parameters
    ----------
    side : int
        Height and width of the image.
    n_estimators, max_depth : int
        The forest.
    device : str
    """

    side: int = 1024
    n_estimators: int = 100
    max_depth: int = 10
    device: str = "auto"
    stack: pf.ImageFeatureStack = field(init=False)

    def __post_init__(self) -> None:
        self.stack = pf.ImageFeatureStack(FILTERS, SIGMAS, device=self.device)

    @cached_property
    def image(self) -> NDArray[np.float32]:
        """Image to segment."""
        photograph = data.camera().astype(np.float32)
        repeats = -(-self.side // photograph.shape[0])
        noise = np.random.default_rng(0).normal(0, 8, (self.side, self.side))
        return (np.tile(photograph, (repeats, repeats))[: self.side, : self.side] + noise).astype(np.float32)

    @cached_property
    def strokes(self) -> NDArray[np.uint8]:
        """Three classes of brightness on every 16th row."""
        smooth = ndimage.gaussian_filter(self.image, 3)
        labels = np.zeros(self.image.shape, np.uint8)
        labels[::16] = 1 + np.digitize(smooth[::16], [70, 150])
        return labels

    @cached_property
    def model(self) -> pf.ImageSegmenter:
        """Segmenter with the compiled forest."""
        forest = pf.OpenCLRandomForestClassifier(
            self.n_estimators, max_depth=self.max_depth, random_state=0, n_jobs=2, device=self.device
        )
        return pf.ImageSegmenter(self.stack, forest).fit([self.image], [self.strokes])

    @cached_property
    def peer_forest(self) -> RandomForestClassifier:
        """Return scikit-learn's forest with the same trees."""
        X = peer_features(self.image)[:, self.strokes > 0].T
        forest = RandomForestClassifier(self.n_estimators, max_depth=self.max_depth, random_state=0, n_jobs=2)
        twin = forest.fit(X, self.strokes[self.strokes > 0])
        twin.estimators_ = self.model.classifier_.estimators_
        return twin

    @cached_property
    def rows(self) -> NDArray[np.float32]:
        """Features of all pixels as C-ordered rows, as scikit-learn likes them."""
        block = np.moveaxis(self.stack.transform(self.image), -1, 0)
        return np.ascontiguousarray(block.reshape(len(block), -1).T)

    def peer_predict(self) -> NDArray[np.uint8]:
        """Segment the image with SciPy, scikit-image and scikit-learn."""
        features = peer_features(self.image)
        return self.peer_forest.predict(features.reshape(len(features), -1).T).reshape(self.image.shape)

    def contests(self) -> dict[str, dict[str, Callable[[], Any]]]:
        """Return, for each part of the work, what does it."""
        forest = self.model.classifier_
        return {
            "features": {
                "pixelforest": lambda: self.stack.transform(self.image),
                "scipy + scikit-image": lambda: peer_features(self.image),
            },
            "forest (rows)": {
                "pixelforest": lambda: forest.predict(self.rows),
                "scikit-learn n_jobs=2": lambda: self.peer_forest.predict(self.rows),
            },
            "whole prediction": {
                "pixelforest": lambda: self.model.predict(self.image),
                "scikit-image + scikit-learn": self.peer_predict,
            },
        }

    def check(self) -> dict[str, float]:
        """Compare the outputs of both sides.

        Raises
        ------
        AssertionError
            The forests differ on any row, or features by more than float32's rounding.
        """
        ours, peer = np.moveaxis(self.stack.transform(self.image), -1, 0), peer_features(self.image)
        error = float(np.abs(ours - peer).max() / np.abs(self.image).max())
        flips = int((self.model.classifier_.predict(self.rows) != self.peer_forest.predict(self.rows)).sum())
        agreement = float((self.model.predict(self.image) == self.peer_predict()).mean())
        assert flips == 0, f"{flips} of {len(self.rows)} rows differ from scikit-learn"
        assert error < 1e-5, f"features differ by {error} of the image's maximum"
        return {"feature_error": error, "forest_flips": flips, "label_agreement": agreement}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this suite."""
    parser.add_argument("--side", type=int, default=1024, help="height and width of the image (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (%(default)s)")
    parser.add_argument("--device", default="auto", help="device of pixelforest (%(default)s)")
    parser.add_argument(
        "--json", type=Path, default=Path("docs/benchmarks/speed.json"), help="file to write (%(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Check, time, print a table of medians and ratios, and write JSON."""
    problem = SegmentationProblem(side=arguments.side, device=arguments.device)
    print(f"device: {open_backend(arguments.device).fingerprint}")
    checked = problem.check()
    print(
        f"same trees, {checked['forest_flips']} labels differ on the same rows; features differ by at most "
        f"{checked['feature_error']:.1e} of the image's maximum;\n"
        f"end to end {checked['label_agreement']:.6%} of labels agree"
    )
    megapixels = problem.side**2 / 1e6
    print(f"\n{'part':18}{'contestant':30}{'median s':>10}{'Mpx/s':>9}{'ratio':>8}")
    results: dict[str, Any] = {}
    for part, contestants in problem.contests().items():
        medians = interleaved_medians(contestants, arguments.rounds)
        ours, peer = medians.values()
        results[part] = {"median_seconds": medians, "ratio": peer / ours}
        for name, seconds in medians.items():
            ratio = f"{peer / ours:8.2f}" if name == "pixelforest" else ""
            print(f"{part:18}{name:30}{seconds:10.4f}{megapixels / seconds:9.2f}{ratio}")
    content = {"machine": machine(), "device": open_backend(arguments.device).fingerprint, "rounds": arguments.rounds}
    write_json(arguments.json, {**content, "side": problem.side, "check": checked, "results": results})
    print(f"\nwritten: {arguments.json}")
    return 0

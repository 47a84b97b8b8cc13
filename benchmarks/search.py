"""``python -m benchmarks search``: a grid search over filters, sigmas and depth, with and without `FeatureCache`.

Real images of nuclei with strokes (`pixelforest.demo_data`), three folds, macro Jaccard. Before anything is
timed, both must find the same scores, bit for bit, and the cached one must compute every feature once per image.
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline

import pixelforest as pf
from benchmarks.timing import interleaved_medians
from pixelforest.demo_data import load_demo
from pixelforest.metrics import pixel_jaccard_scorer

GAUSSIAN = ("gaussian", "laplacian_of_gaussian")
GRIDS = {
    "gaussian": {
        "features__filters": [
            GAUSSIAN,
            (*GAUSSIAN, "gaussian_gradient_magnitude", "hessian_eigenvalues", "structure_tensor_eigenvalues"),
        ],
        "features__sigmas": [(1, 2), (1, 2, 4), (1, 2, 4, 8)],
        "classify__estimator__max_depth": [4, 8],
    },
    "windows": {
        "features__filters": [("gaussian", "median"), ("gaussian", "median", "entropy", "gabor")],
        "features__sigmas": [(1, 2), (1, 2, 4)],
        "classify__estimator__max_depth": [4, 8],
    },
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--grid", choices=list(GRIDS), default="gaussian", help="what is searched")
    parser.add_argument("--device", default="auto", help="where features are computed")
    parser.add_argument("--trees", type=int, default=20)
    parser.add_argument("--side", type=int, default=0, help="use only the first pixels of each image along both axes")
    parser.add_argument("--rounds", type=int, default=3)


def run(arguments: argparse.Namespace) -> int:
    side, demo = arguments.side or None, load_demo()
    images = [image[:side, :side] for image in demo.train_images]
    scribbles = [labels[:side, :side] for labels in demo.train_scribbles]

    def search(make_cache) -> GridSearchCV:
        stack = pf.ImageFeatureStack(device=arguments.device, cache=make_cache())
        forest = pf.OpenCLRandomForestClassifier(arguments.trees, random_state=0)
        pipeline = Pipeline([("features", stack), ("classify", pf.PixelClassifier(forest))])
        grid = GridSearchCV(pipeline, GRIDS[arguments.grid], cv=KFold(3), scoring=pixel_jaccard_scorer)
        return grid.fit(images, scribbles)

    cache = pf.FeatureCache()
    cached, plain = search(lambda: cache), search(lambda: None)
    scores = [found.cv_results_["mean_test_score"] for found in (cached, plain)]
    is_same = np.array_equal(*scores) and cache.misses == len(cache)
    print(f"{len(scores[0])} candidates, best score {plain.best_score_:.4f}, the same scores: {is_same}")
    print(f"{cache.misses} planes computed, {cache.hits} found again, {cache.n_bytes / 2**20:.0f} MiB")
    seconds = interleaved_medians(
        {"without cache": partial(search, lambda: None), "with cache": partial(search, pf.FeatureCache)},
        arguments.rounds,
    )
    for name, median in seconds.items():
        print(f"{name:14} {median:8.2f} s")
    print(f"ratio {seconds['without cache'] / seconds['with cache']:.2f}")
    return 0 if is_same else 1

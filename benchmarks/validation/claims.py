"""What cross-validation claims about a classifier of pixels, split in several ways, beside what is true."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skimage import io
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import LeaveOneGroupOut, StratifiedGroupKFold, StratifiedKFold, cross_val_predict

import pixelforest as pf
from pixelforest import demo_data
from pixelforest.demo_data import load_demo
from pixelforest.model_selection import BlockKFold

N_FOLDS = 3
N_FLIPS = 4
BLOCK = 48
HALO = max(pf.ImageFeatureStack().plan_.halo)
SPLITS: dict[str, tuple[Any, str | None]] = {
    "random pixels": (StratifiedKFold(N_FOLDS, shuffle=True, random_state=0), None),
    "by stroke": (StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=0), "scribble"),
    "by block": (BlockKFold(N_FOLDS, block=BLOCK, shuffle=True, random_state=0), "position"),
    "by block, with a buffer": (
        BlockKFold(N_FOLDS, block=BLOCK, buffer=HALO, shuffle=True, random_state=0),
        "position",
    ),
}
"""Name: splitter, and the groups that it takes, if any."""


@dataclass(frozen=True)
class Scene:
    """One image of the demo with strokes: features of every pixel, strokes, and the class of every pixel."""

    image: NDArray[np.uint8]
    features: NDArray[np.float32]
    scribbles: NDArray[np.uint8]
    truth: NDArray[np.uint8]

    def coin_flips(self, seed: int) -> NDArray[np.uint8]:
        """Return the strokes with classes that have nothing to do with the image: half of them each, at random."""
        _, _, strokes = pf.to_table(self.features, self.scribbles, by="scribble")
        flips = np.random.default_rng(seed).permutation(np.arange(strokes.max() + 1) % 2 + 1)
        labels = np.zeros_like(self.scribbles)
        labels[self.scribbles > 0] = flips[strokes]
        return labels


def read_scenes() -> list[Scene]:
    """Return the demo's images with strokes of both classes."""
    demo, masks = load_demo(), Path(demo_data.__file__).parent / "masks"
    stack = pf.ImageFeatureStack(normalization="percentile")
    scenes = []
    for name, image, scribbles in zip(demo.train_names, demo.train_images, demo.train_scribbles, strict=True):
        if np.unique(scribbles).size < 3:
            continue
        truth = np.where(np.asarray(io.imread(masks / f"{name}.png")) > 0, 2, 1).astype(np.uint8)
        scenes.append(Scene(image, stack.transform(image), scribbles, truth))
    return scenes


def forest() -> RandomForestClassifier:
    """Return scikit-learn's forest as most people use it."""
    return RandomForestClassifier(50, random_state=0)


def claims(features: NDArray[np.float32], labels: NDArray[np.uint8]) -> dict[str, float]:
    """Return the balanced accuracy that every split claims, over the predictions of all folds."""
    found = {}
    for name, (cv, by) in SPLITS.items():
        X, y, groups = pf.to_table(features, labels, by=by or "image")
        predicted = cross_val_predict(forest(), X, y, groups=None if by is None else groups, cv=cv)
        found[name] = balanced_accuracy_score(y, predicted)
    return found


def claim_by_image(scenes: list[Scene], labels: list[NDArray[np.uint8]]) -> float:
    """Return the balanced accuracy that leaving out one of all images claims."""
    X, y, images = pf.to_table([scene.features for scene in scenes], labels)
    return balanced_accuracy_score(y, cross_val_predict(forest(), X, y, groups=images, cv=LeaveOneGroupOut()))


def truths(scenes: list[Scene], index: int) -> dict[str, float]:
    """Return the balanced accuracy of a forest of one scene's strokes where nobody has painted, and elsewhere."""
    scene, others = scenes[index], scenes[:index] + scenes[index + 1 :]
    X, y, _ = pf.to_table(scene.features, scene.scribbles)
    fitted = forest().fit(X, y)
    rest = scene.scribbles == 0
    X_others, y_others, _ = pf.to_table([s.features for s in others], [s.scribbles for s in others])
    return {
        "true: the rest of the image": balanced_accuracy_score(scene.truth[rest], fitted.predict(scene.features[rest])),
        "true: strokes on other images": balanced_accuracy_score(y_others, fitted.predict(X_others)),
    }


def claims_of_all(scenes: list[Scene], labels: list[NDArray[np.uint8]]) -> pd.Series:
    """Return the claims of all splits, those within one image as the mean over all."""
    single = pd.DataFrame([claims(s.features, image) for s, image in zip(scenes, labels, strict=True)]).mean()
    single["by image, all together"] = claim_by_image(scenes, labels)
    return single


def table() -> pd.DataFrame:
    """Return claims and truths, one row each; classes by coin flip (the mean over `N_FLIPS` of all), and real ones."""
    scenes = read_scenes()
    flips = [claims_of_all(scenes, [s.coin_flips(10 * n + i) for i, s in enumerate(scenes)]) for n in range(N_FLIPS)]
    flipped = pd.DataFrame(flips).mean()
    real = claims_of_all(scenes, [scene.scribbles for scene in scenes])
    found = pd.DataFrame([truths(scenes, index) for index in range(len(scenes))]).mean()
    return pd.concat(
        [
            pd.DataFrame({"classes by coin flip": flipped, "real classes": real}),
            pd.DataFrame({"classes by coin flip": 0.5, "real classes": found}),
        ]
    )

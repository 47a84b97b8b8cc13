"""Quality on images that were not learned from: the recipes, beside Otsu and scikit-image's trainable segmentation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skimage.feature import multiscale_basic_features
from skimage.filters import threshold_otsu
from skimage.future import fit_segmenter, predict_segmenter
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import ShuffleSplit

import pixelforest as pf
from benchmarks.quality import SHARE, Nucleus, annotations, clean_objects, nuclei, recipe, recipe_at_common_size
from pixelforest.metrics import object_f1, pixel_jaccard

N_TRAINED, N_SPLITS = 5, 5
SEEDS = (0, 1)
"""Relatives of the recipes were scored on the splits of the first before these were fixed; not on the second's."""
Labels = list[NDArray[Any]]


def otsu_masks(images: Labels) -> Labels:
    """Return what is brighter than Otsu's threshold of each image."""
    return [image > threshold_otsu(image) for image in images]


def trainable_masks(train: list[Nucleus], images: Labels) -> Labels:
    """Return the nuclei that scikit-image's trainable segmentation finds, with the settings of its example.

    Images are scaled by their percentiles first, and it learns from the same pixels as the recipe.
    """
    scaling = pf.ImageNormalizer()

    def features(image: NDArray[Any]) -> NDArray[Any]:
        return multiscale_basic_features(scaling.transform(image), sigma_min=1, sigma_max=16)

    classes = np.concatenate([c.ravel() for c in annotations([one.objects for one in train], SHARE[2])])
    table = np.concatenate([(f := features(one.image)).reshape(-1, f.shape[-1]) for one in train])
    forest = RandomForestClassifier(50, max_depth=10, random_state=0, n_jobs=-1)
    fitted = fit_segmenter(classes, table, forest)
    return [predict_segmenter(features(image), fitted) == 2 for image in images]


def answers(train: list[Nucleus], images: Labels, device: str) -> Iterator[tuple[str, Labels]]:
    """Yield objects of images that each way finds."""
    for name, masks in (("Otsu", otsu_masks(images)), ("scikit-image", trainable_masks(train, images))):
        for split, how in ((None, name), ("distance", f"{name}, split")):
            yield how, [clean_objects(mask, split) for mask in masks]
    known, objects = [one.image for one in train], [one.objects for one in train]
    yield "recipe", recipe(device=device).fit(known, annotations(objects, SHARE[2])).predict(images)
    yield "recipe, common size", recipe_at_common_size(device=device).fit(known, objects).predict(images)


def classes_of(labels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return 1 where no object is and 2 where one is: 0 would mean that a pixel is not annotated."""
    return np.where(labels > 0, 2, 1).astype(np.uint8)


def scores(train: list[Nucleus], test: list[Nucleus], device: str = "auto") -> pd.DataFrame:
    """Return the mean Jaccard of nuclei, and the mean F1 of objects, of the test images; one row per way."""
    truth, rows = [classes_of(one.objects) for one in test], {}
    for name, found in answers(train, [one.image for one in test], device):
        pixels = [
            pixel_jaccard([classes], [classes_of(labels)], average="binary", pos_label=2)
            for classes, labels in zip(truth, found, strict=True)
        ]
        rows[name] = {"Jaccard": np.mean(pixels), "F1": object_f1([one.objects for one in test], found)}
    return pd.DataFrame(rows).T


def table(seed: int, device: str = "auto") -> pd.DataFrame:
    """Return the mean and the standard deviation of the scores of random splits; models learn from five images."""
    data = nuclei()
    splits = ShuffleSplit(N_SPLITS, train_size=N_TRAINED, random_state=seed).split(data)
    found = [scores([data[i] for i in train], [data[i] for i in test], device) for train, test in splits]
    by_way = pd.concat(found).groupby(level=0, sort=False)
    return pd.concat([by_way.mean().add_prefix("mean "), by_way.std(ddof=1).add_prefix("sd ")], axis=1)

"""How well touching objects are told apart on real images: the recipe of `docs/object-segmentation.md` beside Otsu."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage import io
from skimage.filters import threshold_otsu
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

import pixelforest as pf
from benchmarks.common_size import BORDER, CommonSize
from pixelforest import demo_data
from pixelforest.metrics import match_objects, object_f1
from pixelforest.regions.objects import ObjectRules, Split, label_objects

MIN_SIZE = {2: 25, 3: 50}
"""Pixels; objects of fewer are dropped, from Otsu's masks too."""
SHARE = {2: 1 / 30, 3: 1.0}
"""Of the pixels, how many are learned from."""


@dataclass(frozen=True)
class Nucleus:
    """One image of nuclei and its reference objects."""

    name: str
    image: NDArray[Any]
    objects: NDArray[Any]
    is_for_tuning: bool


def with_dim_objects(images: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """Give images a second channel, last, in which dim and bright objects stand out alike."""
    return [np.stack([image, np.arcsinh(10 * image)], axis=-1) for image in images]


def recipe(spatial_ndim: int = 2, *, n_trees: int = 100, device: str = "auto", **rules: Any) -> Pipeline:
    """Return the recipe of the documentation; `rules` replace parameters of its ObjectSegmenter."""
    features = pf.ImageFeatureStack(
        sigmas=(1, 2, 4, 8)[: 6 - spatial_ndim], spatial_ndim=spatial_ndim, channel_axis=-1, device=device
    )
    trees = pf.OpenCLExtraTreesClassifier(
        n_trees, max_depth=14, min_samples_leaf=3, random_state=0, n_jobs=-1, device=device
    )
    defaults = {
        "split": "probability",
        "smoothing": 1,
        "threshold": 0.5,
        "seed_depth": 0.05,
        "fill_holes": True,
        "min_size": MIN_SIZE[spatial_ndim],
    }
    return make_pipeline(
        pf.ImageNormalizer(1, 99.95, spatial_ndim=spatial_ndim),
        FunctionTransformer(with_dim_objects),
        pf.ObjectSegmenter(features, trees, **(defaults | rules)),
    )


def recipe_at_common_size(*, n_trees: int = 100, device: str = "auto") -> CommonSize:
    """Return the recipe for nuclei of many sizes; pixels of its parameters are those of resized images."""
    rules = {"border_class": BORDER, "smoothing": 1.5, "seed_depth": 0.08, "min_size": 75}
    return CommonSize(recipe(n_trees=n_trees, device=device, **rules))


def annotations(objects: list[NDArray[Any]], share: float) -> list[NDArray[np.uint8]]:
    """Return classes at random pixels of every image, so that classes are as frequent as they are in the images."""
    random = np.random.default_rng(0)
    classes = [pf.instance_classes(labels) for labels in objects]
    return [np.where(random.random(c.shape) < share, c, 0).astype(np.uint8) for c in classes]


def nuclei() -> list[Nucleus]:
    """Return the 18 fluorescence images that the package ships; those with scribbles are for tuning."""
    demo, folder = demo_data.load_demo(), Path(demo_data.__file__).parent
    images = dict(zip(demo.train_names + demo.test_names, demo.train_images + demo.test_images, strict=True))
    return [
        Nucleus(name, images[name], np.asarray(io.imread(folder / "masks" / f"{name}.png")), name in demo.train_names)
        for name in sorted(images)
    ]


def clean_objects(mask: NDArray[np.bool_], split: Split | None) -> NDArray[np.uint32]:
    """Return objects of a mask, with the recipe's size and holes; `split` them as `ObjectSegmenter` does."""
    rules = ObjectRules(split, 0.75, 1, True, MIN_SIZE[mask.ndim], False, (1.0,) * mask.ndim)
    return label_objects(mask, None, rules)


def otsu(image: NDArray[Any], split: Split | None) -> NDArray[np.uint32]:
    """Return objects of Otsu's mask."""
    return clean_objects(image > threshold_otsu(image), split)


def left_out(data: list[Nucleus], *, device: str = "auto") -> Iterator[tuple[Nucleus, Pipeline, CommonSize]]:
    """Yield every image with the recipes learned from all others."""
    for one in data:
        images = [other.image for other in data if other is not one]
        objects = [other.objects for other in data if other is not one]
        model = recipe(device=device).fit(images, annotations(objects, SHARE[2]))
        yield one, model, recipe_at_common_size(device=device).fit(images, objects)


def report_nuclei(device: str) -> None:
    """Print F1 per image, and the means."""
    rows, whole, found = [], [], {}
    for one, model, at_common_size in left_out(nuclei(), device=device):
        plain = model.set_params(objectsegmenter__split=None).predict([one.image])[0]
        split = model.set_params(objectsegmenter__split="probability").predict([one.image])[0]
        answers = {
            "Otsu": otsu(one.image, None),
            "Otsu, split": otsu(one.image, "distance"),
            "recipe, not split": plain,
            "recipe": split,
            "recipe, common size": at_common_size.predict([one.image])[0],
        }
        for name, labels in answers.items():
            found.setdefault(name, []).append(labels)
        whole.append(one)
        rows.append([object_f1(one.objects, labels) for labels in answers.values()])
        print(f"{one.name:24}" + "".join(f"{score:10.3f}" for score in rows[-1]), flush=True)
    scores, tuned = np.array(rows), np.array([one.is_for_tuning for one in whole])
    print(f"{'':24}" + "".join(f"  {name}" for name in found))
    for title, chosen in (("all", tuned | True), ("tuning", tuned), ("others", ~tuned)):
        print(f"mean of {title:16}" + "".join(f"{score:10.3f}" for score in scores[chosen].mean(axis=0)))
    pooled = [match_objects([one.objects for one in whole], labels).f1 for labels in found.values()]
    print(f"{'all objects pooled':24}" + "".join(f"{score:10.3f}" for score in pooled))


def volume_scores(folder: Path, *, n_trees: int = 100, device: str = "auto") -> dict[str, float]:
    """Return the F1 of objects of one volume in its part x >= 30, learned from its part x < 28."""
    image = np.asarray(io.imread(folder / "img3d.tif"))
    objects = np.asarray(io.imread(folder / "mask3d.tif"))
    train, test = np.s_[:, :, :28], np.s_[:, :, 30:]
    model = recipe(3, n_trees=n_trees, device=device).fit([image[train]], annotations([objects[train]], SHARE[3]))
    split = model.predict([image[test]])[0]
    plain = model.set_params(objectsegmenter__split=None).predict([image[test]])[0]
    answers = {
        "components of the true mask": label_objects(
            objects[test] > 0, None, ObjectRules(None, 0, 0, False, 0, False, (1.0,) * 3)
        ),
        "Otsu": otsu(image[test], None),
        "Otsu, split": otsu(image[test], "distance"),
        "recipe, not split": plain,
        "recipe": split,
    }
    return {name: object_f1(objects[test].astype(np.int64), labels) for name, labels in answers.items()}


def data_folder() -> Path:
    """Return the folder of larger data sets."""
    chosen = os.environ.get("PIXELFOREST_DATA")
    return Path(chosen) if chosen else Path(__file__).parents[2] / "shared" / "data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parts", nargs="+", choices=["nuclei", "held-out", "volume"], default=["nuclei", "volume"])
    parser.add_argument("--device", default="auto")


def run(arguments: argparse.Namespace) -> int:
    if "nuclei" in arguments.parts:
        report_nuclei(arguments.device)
    if "held-out" in arguments.parts:
        from benchmarks import held_out

        for seed in held_out.SEEDS:
            print(held_out.table(seed, arguments.device).to_string(float_format="%.3f"))
    if "volume" in arguments.parts:
        folder = data_folder() / "stardist"
        if not folder.is_dir():
            print(f"no volume: {folder} is not there (PIXELFOREST_DATA says where)")
            return 0
        for name, score in volume_scores(folder, device=arguments.device).items():
            print(f"{name:32}{score:8.3f}")
    return 0

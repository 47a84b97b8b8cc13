"""Quality on two published data sets: the setting that the documentation gives for few strokes, beside others.

Run as a program (``python -m tests.quality.test_real_images FOLDER``) it prints the table of `docs/few-strokes.md`.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage import io
from sklearn.pipeline import make_pipeline

import pixelforest as pf
from pixelforest import demo_data
from pixelforest.demo_data import load_demo
from pixelforest.metrics import pixel_jaccard

APOC_BLOBS = 0.892
"""apoc's best Jaccard on blobs with the annotation of 1.7 %, over all of its presets."""
APOC_BBBC007 = 0.764
"""apoc's pooled Jaccard on BBBC007, each image predicted by a model of the other three."""

PRESETS = (
    "object_size_1_to_2_px",
    "object_size_1_to_5_px",
    "object_size_3_to_8_px",
    "object_size_5_to_10_px",
    "small_quick",
    "medium_quick",
    "small_dog_log",
    "medium_dog_log",
)

BACKGROUND, FOREGROUND = 1, 2


@pytest.fixture(scope="module")
def bia(data_folder: Path) -> Path:
    folder = data_folder / "bia"
    if not folder.is_dir():
        pytest.skip("the data folder has no bia/, the images of the comparison with apoc")
    return folder


def read(path: Path) -> np.ndarray:
    return np.asarray(io.imread(path))


def jaccard_of_foreground(truth: Any, predicted: Any, **how: Any) -> float:
    return float(pixel_jaccard(truth, predicted, average="binary", pos_label=FOREGROUND, **how))


def blobs_jaccard(bia: Path, make_model: Callable[[], Any], annotated: str = "blobs_annotations.tif") -> float:
    """Return the Jaccard index of blobs, learned from 1.7 % of the pixels of the one image, on all of its pixels."""
    image, annotation = read(bia / "blobs.tif"), read(bia / annotated).astype(np.uint8)
    truth = np.where(read(bia / "validation" / "blobs_labels_imagej.tif") > 0, FOREGROUND, BACKGROUND)
    predicted = make_model().fit([image], [annotation]).predict([image])
    return jaccard_of_foreground([truth], predicted, unlabeled=None)


def bbbc007_jaccard(bia: Path, make_model: Callable[[], Any]) -> float:
    """Return the Jaccard index of nuclei, pooled over the annotated pixels of four images predicted out of fold."""
    paths = sorted((bia / "BBBC007" / "images").glob("*.tif"))
    images = [read(path) for path in paths]
    masks = [read(bia / "BBBC007" / "masks" / path.name).astype(np.uint8) for path in paths]  # float64 files
    assert len(images) == 4
    predicted = pf.model_selection.cross_val_predict(make_model(), images, masks, cv=len(images))
    return jaccard_of_foreground(masks, predicted)


def preset_model(preset: str) -> pf.ImageSegmenter:
    """Return the default forest on a preset of apoc."""
    return pf.ImageSegmenter(pf.ImageFeatureStack(features=preset))


def few_strokes_model(random_state: int = 0) -> pf.ImageSegmenter:
    """Return the setting of the documentation for few strokes."""
    filters = pf.ImageFeatureStack().filters[:6]
    trees = pf.OpenCLExtraTreesClassifier(100, max_depth=3, class_weight="balanced", random_state=random_state)
    return pf.ImageSegmenter(pf.ImageFeatureStack(filters, sigmas=(1, 2, 3, 4, 5)), trees)


def apoc_like_model(preset: str) -> pf.ImageSegmenter:
    """Return apoc's own default forest, 100 trees of depth 2, on a preset of apoc."""
    forest = pf.OpenCLRandomForestClassifier(100, max_depth=2, random_state=0)
    return pf.ImageSegmenter(pf.ImageFeatureStack(features=preset), forest)


def demo_jaccard(make_model: Callable[[], Any]) -> float:
    """Return the mean Jaccard index of the demo's training images, each predicted by a model of the others."""
    demo = load_demo()
    model = make_pipeline(pf.ImageNormalizer(), make_model())
    predicted = pf.model_selection.cross_val_predict(
        model, demo.train_images, demo.train_scribbles, cv=len(demo.train_images)
    )
    masks = [read(Path(demo_data.__file__).parent / "masks" / f"{name}.png") for name in demo.train_names]
    truth = [np.where(mask > 0, FOREGROUND, BACKGROUND) for mask in masks]
    return float(np.mean([jaccard_of_foreground([t], [p]) for t, p in zip(truth, predicted, strict=True)]))


def report(bia: Path) -> list[str]:
    """Return a line per setting: its Jaccard indices of blobs and of BBBC007; then, for three, those of other data."""
    models: dict[str, Callable[[], Any]] = {"ImageSegmenter()": pf.ImageSegmenter}
    models |= {f"few strokes, seed {seed}": partial(few_strokes_model, seed) for seed in range(4)}
    models |= {f"{preset}, depth 10": partial(preset_model, preset) for preset in PRESETS}
    models |= {f"{preset}, depth 2": partial(apoc_like_model, preset) for preset in PRESETS}
    lines = [
        f"{name:32} {blobs_jaccard(bia, model):.4f} {bbbc007_jaccard(bia, model):.4f}" for name, model in models.items()
    ]
    for name in list(models)[:3]:
        larger = blobs_jaccard(bia, models[name], "blobs_annotated.tif")
        lines.append(f"{name:32} blobs, 5.8 %: {larger:.4f}   demo, leave one out: {demo_jaccard(models[name]):.4f}")
    return lines


def test_annotations_are_what_the_comparison_says(bia):
    annotation = read(bia / "blobs_annotations.tif")
    assert np.unique(annotation).tolist() == [0, BACKGROUND, FOREGROUND]
    assert (annotation > 0).mean() == pytest.approx(0.017, abs=5e-4)
    for path in sorted((bia / "BBBC007" / "masks").glob("*.tif")):
        assert set(np.unique(read(path)).tolist()) == {0, BACKGROUND, FOREGROUND}


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_segment_blobs(bia, preset):
    assert blobs_jaccard(bia, lambda: preset_model(preset)) > 0.5


def test_few_strokes_setting_reaches_apocs_best_on_blobs(bia):
    assert blobs_jaccard(bia, few_strokes_model) >= APOC_BLOBS


def test_few_strokes_setting_reaches_apoc_on_bbbc007(bia):
    assert bbbc007_jaccard(bia, few_strokes_model) >= APOC_BBBC007


if __name__ == "__main__":
    import sys

    sys.stdout.write("\n".join(report(Path(sys.argv[1]) / "bia")) + "\n")

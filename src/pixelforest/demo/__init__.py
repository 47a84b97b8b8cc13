"""``pixelforest demo``: the main job on real images, from scribbles to scores and a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skimage.filters import threshold_otsu
from sklearn.pipeline import Pipeline, make_pipeline

from pixelforest.backends.select import open_backend
from pixelforest.demo_data import DemoData, load_demo
from pixelforest.estimators.feature_stack import ImageFeatureStack
from pixelforest.estimators.normalizer import ImageNormalizer
from pixelforest.estimators.pixels import default_forest
from pixelforest.estimators.segmenter import ImageSegmenter
from pixelforest.metrics import pixel_scores

BACKGROUND, NUCLEUS = 1, 2


def demo_model(device: str = "auto") -> Pipeline:
    """Return the model of the demo: percentile scaling, then the segmenter with its defaults.

    Parameters
    ----------
    device : str
        Device of features and forest.
    """
    return make_pipeline(ImageNormalizer(), ImageSegmenter(ImageFeatureStack(device=device), default_forest(device)))


def otsu_labels(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the naive answer: everything brighter than Otsu's threshold of the image is nucleus."""
    return np.where(image > threshold_otsu(image), NUCLEUS, BACKGROUND).astype(np.uint8)


def score_table(data: DemoData, labels: list[NDArray[Any]]) -> pd.DataFrame:
    """Return scores of the nucleus class for every test image, with Otsu's Jaccard beside them.

    An instance mask becomes classes by ``mask > 0``: nucleus; the rest is background.
    """
    truth = [np.where(mask > 0, NUCLEUS, BACKGROUND) for mask in data.test_masks]
    how: dict[str, Any] = {"average": "binary", "pos_label": NUCLEUS, "zero_division": 0.0}
    scores = pixel_scores(truth, labels, **how)
    table = scores[["accuracy", "precision", "jaccard"]].copy()
    table["otsu"] = pixel_scores(truth, [otsu_labels(i) for i in data.test_images], **how)["jaccard"]
    table.index = pd.Index(data.test_names, name="image")
    return table


def run_demo(*, output: Path, device: str = "auto", write: Callable[[str], Any]) -> pd.DataFrame:
    """Train on shipped scribbles, segment images not trained on, write scores and a picture.

    Parameters
    ----------
    output : Path
        PNG file to write.
    device : str
        Device of features and forest.
    write : callable
        Takes lines of text, such as `print`.

    Returns
    -------
    DataFrame
        One row per test image: accuracy, precision and Jaccard of the nuclei, and Otsu's Jaccard.

    Raises
    ------
    ImportError
        matplotlib is missing.
    ValueError
        `device` matches nothing, or `output` lies in a folder that does not exist.
    """
    try:
        from pixelforest.demo.figure import draw_demo
    except ImportError as error:
        raise ImportError(f'the picture needs matplotlib: pip install "pixelforest[plot]" ({error})') from error
    if not output.parent.is_dir():
        raise ValueError(f"`output` must lie in a folder that exists, got {str(output)!r}")
    data, backend = load_demo(), open_backend(device)
    write(f"device    {backend.fingerprint}")
    annotated = sum(int(np.count_nonzero(s)) for s in data.train_scribbles)
    pixels = sum(s.size for s in data.train_scribbles)
    write(f"training  {len(data.train_images)} images, {annotated} annotated pixels ({annotated / pixels:.1%})")
    start = perf_counter()
    model = demo_model(device).fit(data.train_images, data.train_scribbles)
    fitted = perf_counter()
    labels = model.predict(data.test_images)
    predicted = perf_counter()
    segmenter: ImageSegmenter = model[-1]
    names = segmenter.features_.get_feature_names_out()
    write(f"features  {len(names)}: {', '.join(segmenter.features_.filters)} at sigma {segmenter.features_.sigmas}")
    megapixels = sum(image.size for image in data.test_images) / 1e6
    write(
        f"time      {fitted - start:.2f} s to train (with compilation), {predicted - fitted:.2f} s to segment "
        f"{len(labels)} images ({megapixels:.2f} Mpx)\n"
    )
    table = score_table(data, labels)
    write("Images not trained on. Truth: instance masks, where every pixel of an instance is class 2 (nucleus) and the")
    write("rest class 1. Scores are those of class 2; 'otsu' is the Jaccard of Otsu's threshold on the same image.\n")
    write(table.to_string(float_format="%.3f"))
    means = table.mean()
    write(f"\nmean Jaccard {means['jaccard']:.3f} (Otsu's threshold: {means['otsu']:.3f})")
    draw_demo(data, labels, table, output)
    write(f"picture   {output}")
    return table

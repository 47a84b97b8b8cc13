"""Natural or balanced pixels, with and without scaling by percentiles: Jaccard on nuclei that were not trained on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage import io
from skimage.filters import threshold_otsu
from sklearn.model_selection import ShuffleSplit

import pixelforest as pf
from pixelforest.metrics import pixel_jaccard

BACKGROUND, NUCLEUS = 1, 2
N_TRAINED, N_SPLITS = 5, 5
MODELS = {
    "balanced": {"sampling": "balanced"},
    "natural": {},
    "balanced, percentiles": {"sampling": "balanced", "normalization": "percentile"},
    "natural, percentiles": {"normalization": "percentile"},
}


def read_nuclei(folder: Path) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.uint8]]]:
    """Return the fluorescence images of a copy of dsb2018, and their classes."""
    images, classes = [], []
    for path in sorted((folder / "dsb2018" / "dev" / "images").glob("fluo_*.png")):
        image = np.asarray(io.imread(path))
        images.append(image if image.ndim == 2 else image[..., 0])
        mask = np.asarray(io.imread(folder / "dsb2018" / "dev" / "masks" / f"{path.stem}.tif"))
        classes.append(np.where(mask > 0, NUCLEUS, BACKGROUND).astype(np.uint8))
    return images, classes


def segmenter(
    *, sampling: str = "natural", normalization: str | None = None, max_samples: int | None = 20_000
) -> pf.ImageSegmenter:
    """Return the default model, but for what is compared."""
    features = pf.ImageFeatureStack(normalization=normalization)
    return pf.ImageSegmenter(features, sampling=sampling, max_samples=max_samples)


def rows(folder: Path) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield for Otsu's threshold and each model the mean Jaccard of the nuclei in every split's test images."""
    images, classes = read_nuclei(folder)
    splits = list(ShuffleSplit(N_SPLITS, train_size=N_TRAINED, random_state=0).split(images))

    def mean_jaccard(test: NDArray[np.intp], labels: list[NDArray[np.uint8]]) -> float:
        one = {"average": "binary", "pos_label": NUCLEUS}
        return float(
            np.mean([pixel_jaccard([classes[i]], [found], **one) for i, found in zip(test, labels, strict=True)])
        )

    otsu = [np.where(image > threshold_otsu(image), NUCLEUS, BACKGROUND) for image in images]
    yield "Otsu's threshold", np.array([mean_jaccard(test, [otsu[i] for i in test]) for _, test in splits])
    for name, how in MODELS.items():
        scores = []
        for train, test in splits:
            model = segmenter(**how).fit([images[i] for i in train], [classes[i] for i in train])
            scores.append(mean_jaccard(test, model.predict([images[i] for i in test])))
        yield name, np.array(scores)

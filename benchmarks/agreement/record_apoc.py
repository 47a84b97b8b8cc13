"""Record what apoc predicts on its own demo, for tests that run where it is not installed.

Run in an environment that has apoc (0.12.0 was used) and OpenCL:
``python -m benchmarks.agreement.record_apoc FOLDER_OF_APOC_DEMO tests/quality/apoc_labels.npz``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

PIXEL_FEATURES = "original gaussian_blur=1 sobel_of_gaussian_blur=1"
OBJECT_FEATURES = "area,mean_max_distance_to_centroid_ratio,standard_deviation_intensity"


def record(demo: Path, target: Path) -> None:
    import apoc
    import sklearn
    from skimage.io import imread

    image, labels = imread(demo / "blobs.tif"), imread(demo / "labels.tif").astype(np.int32)
    annotations = {name: imread(demo / f"{name}.tif") for name in ("annotations", "annotations_3class")}
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        jobs = {
            "two_classes": ("annotations", image),
            "two_channels": ("annotations", [image, image]),
            "three_classes": ("annotations_3class", image),
        }
        for name, (annotation, X) in jobs.items():
            model = apoc.PixelClassifier(f"{folder}/{name}.cl", num_ensembles=10)
            model.train(PIXEL_FEATURES, annotations[annotation], X)
            found[name] = np.asarray(model.predict(image=X)).astype(np.uint8)
        model = apoc.ObjectClassifier(f"{folder}/objects.cl")
        model.train(OBJECT_FEATURES, labels, imread(demo / "label_annotation.tif"), image)
        found["objects"] = np.asarray(model.predict(labels, image)).astype(np.uint8)
    np.savez_compressed(target, scikit_learn=np.array(sklearn.__version__), **found)


if __name__ == "__main__":
    record(Path(sys.argv[1]), Path(sys.argv[2]))

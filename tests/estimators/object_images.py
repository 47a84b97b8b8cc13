"""Label images with small and large discs, for the estimators of objects."""

import numpy as np

SMALL, LARGE = 1, 2


def discs(seed: int = 0, side: int = 96, n: int = 5) -> tuple[np.ndarray, np.ndarray, dict[int, int]]:
    """Return labels with gaps in arbitrary order, an image, and the class of every object; rows alternate in size."""
    random = np.random.default_rng(seed)
    ids = random.choice(np.arange(1, 500), n * n, replace=False)
    labels, classes = np.zeros((side, side), np.int32), {}
    y, x = np.mgrid[:side, :side]
    step = side / n
    for i, label in enumerate(ids.tolist()):
        row, column = divmod(i, n)
        radius = random.uniform(2.5, 3.5) if row % 2 else random.uniform(6, 8)
        centre = (row + 0.5) * step, (column + 0.5) * step
        labels[(y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2] = label
        classes[label] = SMALL if row % 2 else LARGE
    image = random.uniform(0, 10, labels.shape) + (labels > 0) * 20
    return labels, image.astype(np.float32), classes


def dots(labels: np.ndarray, classes: dict[int, int], every: int = 3) -> np.ndarray:
    """Return a sparse class image: one pixel in every third object."""
    strokes = np.zeros(labels.shape, np.uint8)
    for label in sorted(classes)[::every]:
        y, x = np.argwhere(labels == label)[0]
        strokes[y, x] = classes[label]
    return strokes

"""Small real images with scribbles."""

from typing import NamedTuple

import numpy as np
import pytest

from pixelforest.demo_data import load_demo

SIDE = 64


class Crops(NamedTuple):
    """Windows of the demo's training images; two of each of three donors."""

    images: list[np.ndarray]
    scribbles: list[np.ndarray]
    donors: list[int]


@pytest.fixture(scope="session")
def crops() -> Crops:
    """Six windows in which the rarer class has most annotated pixels, two apart from each other in every image."""
    demo = load_demo()
    result = Crops([], [], [])
    for donor in range(3):
        image, scribbles = demo.train_images[donor], demo.train_scribbles[donor]
        for row, column in richest_windows(scribbles):
            window = np.s_[row : row + SIDE, column : column + SIDE]
            result.images.append(image[window])
            result.scribbles.append(scribbles[window])
            result.donors.append(donor)
    return result


def richest_windows(scribbles: np.ndarray) -> list[tuple[int, int]]:
    def annotated(corner: tuple[int, int]) -> int:
        window = scribbles[corner[0] : corner[0] + SIDE, corner[1] : corner[1] + SIDE]
        return min(int((window == value).sum()) for value in (1, 2))

    height, width = scribbles.shape
    corners = [(r, c) for r in range(0, height - SIDE + 1, 16) for c in range(0, width - SIDE + 1, 16)]
    first = max(corners, key=annotated)
    apart = [corner for corner in corners if max(abs(corner[0] - first[0]), abs(corner[1] - first[1])) >= SIDE]
    return [first, max(apart, key=annotated)]

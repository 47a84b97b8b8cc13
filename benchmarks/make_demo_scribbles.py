"""Rebuild the data that `pixelforest.demo_data` ships: choose the images, draw the scribbles, write PNG files.

Usage::

    python benchmarks/make_demo_scribbles.py SOURCE [--blobs FOLDER] [--out src/pixelforest/demo_data]

`SOURCE` holds `images/*.png` and `masks/*.tif` (2018 Data Science Bowl stage 1, BBBC038, CC0); `FOLDER` holds
`blobs.tif` and `blobs_annotations.tif`. Nothing is scored here: the rule looks at names and sizes only. Of the stained
colour images, all `he_*`, the corner at the top left is kept, with its masks.

The scribbles imitate a person who has a few minutes. On each training image:

- up to eight nuclei (four spread over the sizes, four over the brightnesses) get one short stroke along their middle;
- a few long, slightly curved strokes wander through the open background;
- half of the outline of four of those nuclei is traced twice, one or two pixels inside and outside, because the edge is
  where the two classes are told apart;
- short strokes hug the outline of some nuclei two to four pixels outside, because the halo is background too;
- short strokes run through the narrow gap between two neighbours.

The masks guide the pen (a person would use the eye). A stroke is cut to its class eroded by one pixel, so it never
touches the other class. Each image has its own seed, derived from its name, so a second run draws the same strokes.
"""

from __future__ import annotations

import argparse
import re
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage as ndi
from skimage import io
from skimage.draw import line
from skimage.measure import find_contours, regionprops

BACKGROUND, NUCLEUS = 1, 2
CROP = (slice(0, 128), slice(0, 160))  # of stained images: the corner at the top left, whatever it shows
SIZES = ("256x256", "256x320", "360x360", "520x696")  # all sizes of the fluorescence images
EVERY = 4  # of each size, in order of name, the 1st, 5th, 9th, ... image is a training image

# Length and least and greatest distance from a nucleus at the start of the long background strokes, in pixels.
WANDERING = ((60, (4.0, 8.0)), (50, (4.0, 8.0)), (60, (8.0, 16.0)), (40, (8.0, 16.0)), (60, (16.0, np.inf)))

FULL = np.ones((3, 3), dtype=bool)
CROSS = ndi.generate_binary_structure(2, 1)


def choose(names: list[str]) -> tuple[list[str], list[str]]:
    """Return the names of the training and of the test images: the rule of the demo, blind to content."""
    train: list[str] = []
    test: list[str] = []
    for size in SIZES:
        group = sorted(name for name in names if re.fullmatch(rf"fluo_{size}_\w+", name))
        train += group[::EVERY]
        test += [name for name in group if name not in group[::EVERY]]
    return train, test


def erode(mask: np.ndarray) -> np.ndarray:
    """Erode by one pixel in all eight directions; outside the image counts as the same class."""
    return ndi.binary_erosion(mask, FULL, border_value=1)


def pen(shape: tuple[int, ...], points: np.ndarray, width: int) -> np.ndarray:
    """Draw a polyline (rows, columns) with a pen two or three pixels wide."""
    drawn = np.zeros(shape, dtype=bool)
    rounded = np.rint(points).astype(int)
    for (r0, c0), (r1, c1) in pairwise(rounded):
        rows, cols = line(r0, c0, r1, c1)
        inside = (rows >= 0) & (rows < shape[0]) & (cols >= 0) & (cols < shape[1])
        drawn[rows[inside], cols[inside]] = True
    return ndi.binary_dilation(drawn, FULL if width == 3 else np.ones((2, 2), dtype=bool))


def largest_piece(drawn: np.ndarray) -> np.ndarray:
    """Keep the largest connected piece: a pen that was cut in two is one stroke, not two."""
    pieces, count = ndi.label(drawn, FULL)
    if count < 2:
        return drawn
    return pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))


def chosen_nuclei(masks: np.ndarray, image: np.ndarray, per_order: int = 4) -> list[int]:
    """Labels of nuclei spread evenly over the sizes and over the brightnesses, those at the image border left out."""
    props = [
        p
        for p in regionprops(masks, intensity_image=image)
        if p.bbox[0] > 0 and p.bbox[1] > 0 and p.bbox[2] < masks.shape[0] and p.bbox[3] < masks.shape[1]
        if erode(np.pad(p.image, 1))[1:-1, 1:-1].sum() >= 9
    ]
    labels: list[int] = []
    for key in ("area", "intensity_mean"):
        order = sorted((p for p in props if p.label not in labels), key=lambda p: (p[key], p.label))
        picks = np.unique(np.linspace(0, len(order) - 1, min(per_order, len(order))).round().astype(int))
        labels += [int(order[i].label) for i in picks]
    return labels


def nucleus_stroke(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One short stroke along the middle of a nucleus: the mid-points across its long axis, with a shaky hand."""
    coords = np.argwhere(mask).astype(float)
    centre = coords.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((coords - centre).T) + np.diag([0.0, 1e-9]))
    along = vectors[:, 1] * (1 if vectors[np.argmax(np.abs(vectors[:, 1])), 1] > 0 else -1)
    across = np.array([-along[1], along[0]])
    t, s = (coords - centre) @ along, (coords - centre) @ across
    low, high = np.quantile(t, [0.0, 1.0]) * rng.uniform(0.45, 0.7, 2)
    positions = np.linspace(low, high, max(3, int((high - low) / 3)))
    shake = ndi.gaussian_filter1d(rng.normal(0, 1, len(positions)), 1.5, mode="nearest")  # a slow tremor
    points = []
    for position, offset in zip(positions, shake, strict=True):
        near = np.abs(t - position) <= 1.5
        if near.any():
            middle = (s[near].min() + s[near].max()) / 2
            width = s[near].max() - s[near].min()
            points.append(centre + position * along + (middle + 0.08 * width * offset) * across)
    return largest_piece(pen(mask.shape, np.array(points), 3 if mask.sum() >= 120 else 2) & erode(mask))


def wandering_stroke(
    distance: np.ndarray, taken: np.ndarray, length: int, band: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """Walk a long, slightly curved stroke that starts at a distance from nuclei and turns away from what is ahead."""
    rows, cols = distance.shape

    def is_free(point: np.ndarray) -> bool:
        r, c = np.rint(point).astype(int)
        return 4 <= r < rows - 4 and 4 <= c < cols - 4 and distance[r, c] > 3.5 and not taken[r, c]

    best: list[np.ndarray] = []
    starts = np.argwhere((distance > band[0]) & (distance <= band[1]) & ~taken)
    for _ in range(12 if len(starts) else 0):
        at = starts[rng.integers(len(starts))].astype(float)
        angle, bend = rng.uniform(0, 2 * np.pi), 0.0
        points = [at]
        while len(points) <= length // 2:
            bend = 0.9 * bend + rng.normal(0, 0.02)
            for turn in (0.0, 0.12, -0.12, 0.24, -0.24, 0.36, -0.36):  # go on, else turn a little
                ahead = np.array([np.sin(angle + turn), np.cos(angle + turn)])
                if is_free(at + 2 * ahead) and is_free(at + 8 * ahead):
                    angle, at = angle + turn + bend, at + 2 * ahead
                    points.append(at)
                    break
            else:
                break
        best = max(best, points, key=len)
        if len(points) > length // 2:
            break
    return pen(distance.shape, np.array(best), 3) if len(best) > 4 else np.zeros(distance.shape, dtype=bool)


def traced_outline(masks: np.ndarray, label: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Half of the outline of one nucleus, traced inside and outside: the two thin strokes on either side of it."""
    own, others = masks == label, (masks > 0) & (masks != label)
    rows, cols = np.indices(masks.shape)
    centre = ndi.center_of_mass(own)
    angle = np.arctan2(rows - centre[0], cols - centre[1]) - rng.uniform(0, 2 * np.pi)
    half = np.mod(angle, 2 * np.pi) < np.pi
    depth, distance = ndi.distance_transform_edt(own), ndi.distance_transform_edt(~own)
    room = ndi.distance_transform_edt(~others) if others.any() else np.full(masks.shape, np.inf)
    inside = half & own & (depth > 1) & (depth <= 2.5) & erode(own)
    outside = half & ~own & (distance > 1) & (distance <= 2.5) & (room > 1)
    return inside, outside


def hugging_stroke(masks: np.ndarray, label: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """Follow the outline of one nucleus three pixels outside, where no neighbour is in the way."""
    own = ndi.distance_transform_edt(masks != label)
    others = masks * (masks != label)
    room = ndi.distance_transform_edt(others == 0) if others.any() else np.full(masks.shape, np.inf)
    contours = find_contours(ndi.gaussian_filter(np.pad(own, 8, mode="edge"), 1.0), 3.2)
    if not contours:
        return np.zeros(masks.shape, dtype=bool)
    outline = max(contours, key=len) - 8
    start = int(rng.integers(len(outline)))
    best: list[np.ndarray] = []
    run: list[np.ndarray] = []
    for point in np.roll(outline, -start, axis=0):
        r, c = np.rint(point).astype(int)
        inside = 2 <= r < masks.shape[0] - 2 and 2 <= c < masks.shape[1] - 2
        run = [*run, point] if inside and room[r, c] > 3 else []
        best = max(best, run, key=len)
        if len(best) > 1 and np.hypot(*np.diff(best, axis=0).T).sum() >= length:
            break
    return pen(masks.shape, np.array(best), 3) if len(best) > 4 else np.zeros(masks.shape, dtype=bool)


def gap_strokes(masks: np.ndarray, count: int, gap: tuple[float, float] = (5.0, 16.0)) -> list[np.ndarray]:
    """Strokes through the gaps between neighbours, along the line that has the same distance to both nuclei."""
    labels = [int(v) for v in np.unique(masks) if v]
    far = {v: ndi.distance_transform_edt(masks != v) for v in labels}
    pairs = []
    for i, a in enumerate(labels):
        for b in labels[i + 1 :]:
            opening = float(far[a][masks == b].min())
            if gap[0] <= opening <= gap[1]:
                pairs.append((opening, a, b))
    pairs.sort()
    strokes = []
    used: set[int] = set()
    for opening, a, b in pairs:
        if a in used or b in used:
            continue
        middle = (np.abs(far[a] - far[b]) <= 1) & (far[a] + far[b] <= opening + 5) & (masks == 0)
        if middle.sum() < 4:
            continue
        used |= {a, b}
        strokes.append(ndi.binary_dilation(largest_piece(middle), CROSS))
        if len(strokes) == count:
            break
    return strokes


def draw_scribbles(image: np.ndarray, masks: np.ndarray, name: str) -> np.ndarray:
    """Scribbles of one training image: 0 not annotated, 1 background, 2 nucleus."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    scribbles = np.zeros(masks.shape, dtype=np.uint8)
    scale = masks.shape[0] / 256
    nuclei = chosen_nuclei(masks, image)
    for label in nuclei:
        scribbles[nucleus_stroke(masks == label, rng)] = NUCLEUS

    safe = erode(masks == 0)
    distance = ndi.distance_transform_edt(masks == 0)
    background = np.zeros(masks.shape, dtype=bool)
    for stroke in gap_strokes(masks, 3):
        background |= stroke & safe
    for label in nuclei[::2]:
        background |= hugging_stroke(masks, label, int(rng.uniform(12, 22) * scale), rng) & safe
    for length, band in WANDERING:
        taken = ndi.binary_dilation(background, FULL, iterations=8)
        background |= wandering_stroke(distance, taken, int(length * scale), band, rng) & safe
    scribbles[background] = BACKGROUND
    for label in nuclei[:4]:
        inside, outside = traced_outline(masks, label, rng)
        scribbles[inside], scribbles[outside & safe] = NUCLEUS, BACKGROUND
    return scribbles


def one_channel(image: np.ndarray) -> np.ndarray:
    """Drop colour channels that repeat the first one; refuse to lose information."""
    if image.ndim == 3:
        colours = image[..., :3] if image.shape[-1] == 4 else image
        if not (colours == colours[..., :1]).all() or (image.shape[-1] == 4 and not (image[..., 3] == 255).all()):
            raise ValueError("the channels differ: this image is not a grey one")
        image = image[..., 0]
    if image.dtype != np.uint8:
        raise ValueError(f"expected uint8, got {image.dtype}")
    return image


def save(path: Path, array: np.ndarray) -> None:
    """Write a PNG (grey of 8 or 16 bits, or colours), as small as zlib makes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(array)).save(path, optimize=True)


def main() -> None:
    """Write images, masks and scribbles, and print one line per image."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path, help="folder with images/*.png and masks/*.tif")
    parser.add_argument("--blobs", type=Path, help="folder with blobs.tif and blobs_annotations.tif")
    parser.add_argument("--out", type=Path, default=Path("src/pixelforest/demo_data"))
    args = parser.parse_args()

    train, test = choose([path.stem for path in (args.source / "images").glob("*.png")])
    for name in train + test:
        image = one_channel(io.imread(args.source / "images" / f"{name}.png"))
        masks = io.imread(args.source / "masks" / f"{name}.tif").astype(np.uint16)
        save(args.out / "images" / f"{name}.png", image)
        save(args.out / "masks" / f"{name}.png", masks)
        note = "test"
        if name in train:
            scribbles = draw_scribbles(image, masks, name)
            save(args.out / "scribbles" / f"{name}.png", scribbles)
            share = [100 * (scribbles == value).mean() for value in (BACKGROUND, NUCLEUS)]
            note = f"train: {sum(share):.2f} % annotated ({share[0]:.2f} background, {share[1]:.2f} nucleus)"
        print(f"{name}: {len(np.unique(masks)) - 1} nuclei, {note}")
    for path in sorted((args.source / "images").glob("he_*.png")):
        masks = io.imread(args.source / "masks" / f"{path.stem}.tif").astype(np.uint16)
        save(args.out / "stained" / "images" / path.name, io.imread(path)[CROP])
        save(args.out / "stained" / "masks" / path.name, masks[CROP])
        print(f"{path.stem}: {len(np.unique(masks[CROP])) - 1} nuclei, stained")
    if args.blobs:
        save(args.out / "blobs" / "image.png", one_channel(io.imread(args.blobs / "blobs.tif")))
        annotation = io.imread(args.blobs / "blobs_annotations.tif").astype(np.uint8)
        save(args.out / "blobs" / "annotation.png", annotation)
        print(f"blobs: {100 * (annotation > 0).mean():.2f} % annotated")


if __name__ == "__main__":
    main()

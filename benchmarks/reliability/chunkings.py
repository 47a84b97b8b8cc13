"""Chunkings: lazy features of random images, in random chunks, against the whole image and against a halo too small."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pixelforest as pf
from pixelforest.features.filters import FILTERS

N_CHUNKINGS = 500
DTYPES = ("u1", "i1", "u2", ">u2", "i2", "i4", "f2", "f4", ">f4", "f8")
KNOW_THE_WHOLE = frozenset({"position", "entropy"})
"""Filters that need the place in the image, or statistics of it: they give other values in a cut-out by design."""
SQUARE_ONLY = frozenset({"membrane_projections", "local_binary_pattern", "gabor"})
"""Filters of flat images with square pixels."""
MOST_TASKS = 150
MOST_IMAGES = 100


@dataclass(frozen=True)
class ChunkingProblem:
    """A random image, stack of filters and chunking.

    Parameters
    ----------
    seed : int
    device : str
    """

    seed: int
    device: str = "auto"

    @cached_property
    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    @cached_property
    def stack(self) -> pf.ImageFeatureStack:
        """One to three filters at one or two scales."""
        ndim = 2 if self._rng.random() < 0.6 else 3
        names = [name for name in FILTERS if not name.startswith("difference_of_scales")]
        spacing = None if self._rng.random() < 0.7 else tuple(self._rng.choice([0.5, 1.0, 2.0], ndim).tolist())
        if ndim == 3 or spacing is not None:
            names = [name for name in names if name not in SQUARE_ONLY]
        filters = self._rng.choice(names, self._rng.integers(1, 4), replace=False)
        sigmas = self._rng.choice([0.5, 0.8, 1.0, 1.5, 2.0], self._rng.integers(1, 3), replace=False)
        channel_axis = None if self._rng.random() < 0.6 else int(self._rng.integers(-1, ndim + 1))
        return pf.ImageFeatureStack(
            tuple(filters.tolist()),
            tuple(sigmas.tolist()),
            spatial_ndim=ndim,
            channel_axis=channel_axis,
            spacing=spacing,
            device=self.device,
        )

    @cached_property
    def image(self) -> NDArray[Any]:
        """Noise of any real dtype; up to 90 pixels a side, or 26 in volumes."""
        ndim = self.stack.spatial_ndim
        shape = self._rng.integers(1, 90 if ndim == 2 else 26, ndim).tolist()
        if self.stack.channel_axis is not None:
            shape.insert(self.stack.channel_axis % (ndim + 1), int(self._rng.integers(1, 4)))
        dtype = np.dtype(self._rng.choice(DTYPES))
        if dtype.kind == "f":
            return (self._rng.normal(0, 50, shape)).astype(dtype)
        return self._rng.integers(0, 120, shape).astype(dtype)

    @cached_property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """Cuts at random places of all axes, channels too; some chunks are empty, many smaller than the halo."""
        chunks: list[tuple[int, ...]] = []
        n_tasks = 1
        for side in self.image.shape:
            most = min(side, max(MOST_TASKS // n_tasks, 1), 12)
            cuts = np.sort(self._rng.integers(0, side + 1, self._rng.integers(0, most)))
            sizes = np.diff(np.concatenate([[0], cuts, [side]]))
            chunks.append(tuple(int(size) for size in sizes))
            n_tasks *= len(sizes)
        return tuple(chunks)

    def difference(self) -> float:
        """Return the largest difference between the features in chunks and those of the whole image."""
        import dask.array

        stack = self.stack.fit([self.image])
        lazy = stack.transform(dask.array.from_array(self.image, chunks=self.chunks))
        whole = stack.transform(self.image)
        got = lazy.compute(scheduler="threads", num_workers=2)
        if got.shape != whole.shape or got.dtype != whole.dtype or got.dtype != lazy.dtype:
            return np.inf
        return float(np.abs(got - whole).max())

    @property
    def has_halo(self) -> bool:
        """Whether it can be shown that a smaller halo changes values."""
        specs = {spec.filter for spec in self.stack.specs()}
        return max(self._plan.halo) > 0 and not specs & KNOW_THE_WHOLE

    @cached_property
    def _plan(self) -> Any:
        axis = self.stack.channel_axis
        return self.stack.plan_for(1 if axis is None else self.image.shape[axis])

    def differences_in_cutouts(self) -> tuple[float, float]:
        """Return how far features change that are computed of a cut-out with the halo around one pixel, and with less.

        Less is one pixel fewer on both sides of one axis. The second number must not be 0; the least or the median of
        many pixels rarely is one at the edge, so several images are tried.
        """
        halo, axis = self._plan.halo, int(np.argmax(self._plan.halo))
        shape = [2 * h + 5 for h in halo]
        channels = self.stack.channel_axis
        if channels is not None:
            shape.insert(channels % (len(halo) + 1), self.image.shape[channels])
        exact = smaller = 0.0
        for _ in range(MOST_IMAGES):
            image = self._rng.normal(0, 50, shape).astype(np.float32)
            whole = self._centre(image)
            exact = max(exact, float(np.abs(self._centre(self._cut(image, axis, 0)) - whole).max()))
            smaller = max(smaller, float(np.abs(self._centre(self._cut(image, axis, 1)) - whole).max()))
            if exact or smaller:
                break
        return exact, smaller

    def _cut(self, image: NDArray[Any], axis: int, less: int) -> NDArray[Any]:
        """Return the image without 2 pixels at both ends, and without `less` more on one axis."""
        cut: list[slice] = [slice(2, -2)] * len(self._plan.halo)
        cut[axis] = slice(2 + less, -2 - less)
        if self.stack.channel_axis is not None:
            cut.insert(self.stack.channel_axis % image.ndim, slice(None))
        return image[tuple(cut)]

    def _centre(self, image: NDArray[Any]) -> NDArray[Any]:
        features = self.stack.fit([image]).transform(image)
        return features[tuple(n // 2 for n in features.shape[:-1])]


@dataclass
class ChunkingTally:
    """What chunks got right and wrong.

    Attributes
    ----------
    problems : int
        How many were compared.
    wrong : list of int
        Seeds of those that differ from the whole image at all.
    halos, volume_halos : int
        How many halos were compared, and those of volumes among them.
    too_small : list of int
        Seeds where the halo itself changed the centre of a cut-out.
    too_large : list of int
        Seeds where a halo smaller by one pixel did not.
    """

    problems: int = 0
    wrong: list[int] = field(default_factory=list)
    halos: int = 0
    volume_halos: int = 0
    too_small: list[int] = field(default_factory=list)
    too_large: list[int] = field(default_factory=list)

    @property
    def passes(self) -> bool:
        """Whether no chunk differs and every smaller halo does."""
        return self.problems > 0 and not (self.wrong or self.too_small or self.too_large)

    def __str__(self) -> str:
        text = f"{self.problems} chunkings: {len(self.wrong)} differ from the whole image {self.wrong or ''}; "
        text += f"{self.halos} halos ({self.volume_halos} of volumes): {len(self.too_small)} too small "
        text += f"{self.too_small or ''}, {len(self.too_large)} larger than needed {self.too_large or ''}"
        return text + ("" if self.passes else "  FAILED")


def compare_chunkings(seeds: Iterable[int], device: str = "auto") -> ChunkingTally:
    """Compare the problems of `seeds` with whole images, and their halos with smaller ones."""
    tally = ChunkingTally()
    for seed in seeds:
        problem = ChunkingProblem(seed, device)
        tally.problems += 1
        if problem.difference() != 0:
            tally.wrong.append(seed)
        if problem.has_halo:
            tally.halos += 1
            tally.volume_halos += problem.stack.spatial_ndim == 3
            exact, less = problem.differences_in_cutouts()
            if exact != 0:
                tally.too_small.append(seed)
            if less == 0:
                tally.too_large.append(seed)
    return tally

"""Large Gaussians on coarse grids: what `large_sigma` means, and the kernels that it takes.

A Gaussian of many pixels leaves nothing that a coarser grid could not hold. With ``large_sigma="cascade"`` an image is
smoothed by a cubic B-spline and sampled at every m-th pixel, filtered there, and interpolated by the same B-spline::

    out(x) = Σ_j β((x - p_j) / m) Σ_i c(i) s(j + i),   s(j) = Σ_p β((p - p_j) / m) / m f(p),   p_j = m j + (m - 1) / 2

along every axis of its own m, ``β`` the cubic B-spline. Everything is a finite sum at absolute positions, so tiles give
the bits of the whole image. Samples beyond a border are those of the image continued by the boundary rule: borders, and
images smaller than the kernel, are what they are in direct filtering. The coarse weights ``c`` are those whose
spectrum, times that of both splines, is the spectrum W of the kernel w of direct filtering, truncation and all::

    c(i) = ∫ W(u / m) / B(u)² exp(2πi u i) du  over |u| < 1/2,   B(u) = Σ_t β(t / m) / m cos(2π u t / m)

cut two samples beyond the end of w; for even orders a Gaussian then makes up for what the cut took from the sum. So the
variances of the parts need not add up to that of the Gaussian; they are taken out of ``c``.

m is the largest power of two with ``m <= σ / 2.25``: the grid has at least 2.25 samples per σ. What differs from direct
filtering is what aliases, a wave of a period near m pixels, of which ``(m / (π σ))⁴ / e² < 6e-5`` is left, as much
from interpolation, and the edges where w is cut off. Gaussians of less than 4.5 pixels are always direct. Halo: with r
the radius of w, ``m (ceil(r / m) + 2) + 4 m - 1`` pixels, about 6 m more than direct filtering. Errors, relative to the
range of the image times the gain of the filter, were at most 5.2e-5 for Gaussians and their differences, 9.5e-5 for
the gradient, 4.4e-4 for second derivatives; ``docs/large-sigmas.md`` has the table.
Source of the idea: M. Unser, A. Aldroubi, M. Eden: B-spline signal processing, IEEE Trans. Signal Processing 41 (1993).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from pixelforest.features.kernels import Kernel, weights
from pixelforest.spelling import suggestion

LargeSigma = Literal["direct", "cascade"]
"""What `large_sigma` may be."""
SAMPLES_PER_SIGMA = 2.25
"""How many samples of the coarse grid a standard deviation spans at least."""


def checked_large_sigma(value: object) -> LargeSigma:
    """Return `value` if it says how large Gaussians are computed.

    Raises
    ------
    ValueError
        It does not.

    Examples
    --------
    >>> checked_large_sigma("cascades")
    Traceback (most recent call last):
        ...
    ValueError: `large_sigma`: unknown 'cascades'; did you mean 'cascade'?
    """
    for name in get_args(LargeSigma):
        if isinstance(value, str) and value == name:
            return name  # type: ignore[no-any-return]
    raise ValueError(f"`large_sigma`: unknown {value!r}; {suggestion(str(value), get_args(LargeSigma))}")


def factor_for(sigma: float) -> int:
    """Return how many pixels apart samples are for a Gaussian of `sigma` pixels; 1: it is computed directly.

    Examples
    --------
    >>> [factor_for(sigma) for sigma in (1, 4.4, 5, 10, 25, 50)]
    [1, 1, 2, 4, 8, 16]
    """
    factor = 1
    while 2 * factor * SAMPLES_PER_SIGMA <= sigma:
        factor *= 2
    return factor


def cubic_spline(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cubic B-spline β, which is 0 from a distance of 2 on.

    Examples
    --------
    >>> cubic_spline(np.array([0.0, 1.0, 2.0])).round(4).tolist()
    [0.6667, 0.1667, 0.0]
    """
    t = np.abs(t)
    return np.where(t < 1, (4 - 6 * t**2 + 3 * t**3) / 6, np.maximum(2 - t, 0) ** 3 / 6)


@lru_cache(maxsize=16)
def decimation_weights(factor: int) -> tuple[float, ...]:
    """Return the weights of the ``4 factor`` pixels that make a sample; those of sample j begin at `first_pixel`."""
    return tuple((cubic_spline((np.arange(4 * factor) + 0.5) / factor - 2) / factor).tolist())


@lru_cache(maxsize=16)
def interpolation_weights(factor: int, repeated: int = 0) -> tuple[tuple[float, ...], ...]:
    """Return four rows: the weights of samples ``q - 2`` to ``q + 1`` for the pixels ``factor q - factor/2 + r``.

    The first `repeated` weights of a row come once more behind its last, over and over if there are fewer.
    """
    r = (np.arange(factor + repeated) % factor + 0.5) / factor
    return tuple(tuple(cubic_spline(k + 1 - r).tolist()) for k in range(-2, 2))


def first_pixel(sample: int, factor: int) -> int:
    """Return the first pixel that sample number `sample` is made of."""
    return factor * sample - 3 * factor // 2


def samples_around(start: int, stop: int, margin: int, factor: int) -> tuple[int, int]:
    """Return the range of samples whose places are at most ``margin + 1/2`` pixels from pixels ``start .. stop - 1``.

    Examples
    --------
    >>> samples_around(0, 8, 0, 8)  # in the middle, at 3.5
    (0, 1)
    >>> samples_around(0, 8, 15, 8)  # what interpolation needs
    (-2, 3)
    """
    return -((margin + factor // 2 - start) // factor), (stop + margin - factor // 2) // factor + 1


@dataclass(frozen=True)
class CoarseKernel:
    """What `direct` becomes between two splines on a grid of every `factor`-th pixel; see this file's introduction.

    Parameters
    ----------
    direct : GaussianKernel
        Kernel of direct filtering.
    factor : int
        Distance between samples, an even number of pixels.
    """

    direct: Kernel
    factor: int

    @property
    def parity(self) -> int:
        """That of the direct kernel."""
        return self.direct.parity

    @property
    def radius(self) -> int:
        """Samples on either side that are read."""
        return ceil(self.direct.radius / self.factor) + 2

    @cached_property
    def half(self) -> tuple[float, ...]:
        """Weights of the centre and of the positions right of it."""
        n = 64 * (1 + self.radius // 16)  # frequencies; sampled densely enough that repetitions do not meet
        u = (np.arange(n) + 0.5) / (2 * n)
        wave = np.cos if self.parity == 1 else np.sin
        w, taps = np.array(weights(self.direct)), np.arange(-self.direct.radius, self.direct.radius + 1)
        at = np.arange(4 * self.factor) + 0.5 - 2 * self.factor
        spline = np.cos(2 * np.pi / self.factor * np.outer(u, at)) @ np.array(decimation_weights(self.factor))
        spectrum = wave(2 * np.pi / self.factor * np.outer(u, taps)) @ w / spline**2
        i = np.arange(self.radius + 1)
        coarse = wave(2 * np.pi * np.outer(i, u)) @ spectrum / n
        if self.parity == 1:
            bell = np.exp(-0.5 * (4 * i / self.radius) ** 2)
            missing = w.sum() - (2 * coarse.sum() - coarse[0])
            coarse += missing * bell / (2 * bell.sum() - bell[0])
        return tuple(coarse.tolist())

"""One-dimensional kernels: the only building block of every linear filter.

A kernel of radius `r` is stored by its right half ``w[0..r]``; the left half is ``w[-k] = parity * w[k]``. It is
*correlated* with the image: ``out[x] = w[0] f[x] + sum_k w[k] (f[x + k] + parity * f[x - k])``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np


class Kernel(Protocol):
    """What a convolution needs to know of its kernel."""

    @property
    def half(self) -> tuple[float, ...]:
        """Weights of the centre and of the positions right of it."""
        ...

    @property
    def parity(self) -> int:
        """1 for a symmetric kernel, -1 for an antisymmetric one."""
        ...

    @property
    def radius(self) -> int:
        """Positions on either side that are read."""
        ...


@dataclass(frozen=True)
class GaussianKernel:
    """A sampled Gaussian or its first or second derivative, as `scipy.ndimage.gaussian_filter1d` has it.

    With φ the sampled Gaussian normalised to sum 1, the correlation weights are ``φ(k)``, ``k/σ² φ(k)`` and
    ``(k²/σ⁴ - 1/σ²) φ(k)``, times `scale`.

    Parameters
    ----------
    sigma : float
        Standard deviation in pixels.
    order : int
        Order of the derivative: 0, 1 or 2.
    radius : int
        Where the kernel is cut off.
    scale : float
        Factor on every weight; ``spacing ** -order`` turns a derivative per pixel into one per physical unit.
    """

    sigma: float
    order: int
    radius: int
    scale: float = 1.0

    @property
    def parity(self) -> int:
        """-1 for the first derivative, 1 otherwise."""
        return -1 if self.order == 1 else 1

    @cached_property
    def half(self) -> tuple[float, ...]:
        """Weights of the centre and of the positions right of it."""
        k = np.arange(self.radius + 1)
        phi = np.exp(-0.5 / self.sigma**2 * k**2)
        phi /= phi[0] + 2 * phi[1:].sum()
        polynomial = (1.0, k / self.sigma**2, k**2 / self.sigma**4 - 1 / self.sigma**2)[self.order]
        return tuple(float(w) for w in self.scale * polynomial * phi)


@dataclass(frozen=True)
class MomentKernel:
    """A sampled Gaussian or its derivative whose moment is made exact, as vigra and fastfilters have it.

    Order 0 sums to 1. The mean of the second derivative is subtracted, so that a constant image gives 0. Derivatives
    are divided so that ``Σ w(k) k = 1`` (first) or ``Σ w(k) k²/2 = 1`` (second): slopes and curvatures are exact
    however short the kernel is. Source: `vigra::Kernel1D::initGaussianDerivative`.

    Parameters
    ----------
    sigma, order, radius, scale
        As of `GaussianKernel`; derivatives need a radius of at least 1.
    """

    sigma: float
    order: int
    radius: int
    scale: float = 1.0

    @property
    def parity(self) -> int:
        """-1 for the first derivative, 1 otherwise."""
        return -1 if self.order == 1 else 1

    @cached_property
    def half(self) -> tuple[float, ...]:
        """Weights of the centre and of the positions right of it."""
        k = np.arange(self.radius + 1)
        phi = np.exp(-0.5 / self.sigma**2 * k**2)
        # Of the first derivative only ratios count; those to k = 1 exist even where `phi` is 0 beside its centre.
        slope = k * np.exp(-0.5 / self.sigma**2 * np.maximum(k**2 - 1, 0))
        w = (phi, slope, (k**2 / self.sigma**2 - 1) * phi)[self.order]
        if self.order == 2:
            w = w - (w[0] + 2 * w[1:].sum()) / (2 * self.radius + 1)
        moment = w[0] + 2 * w[1:].sum() if self.order == 0 else 2 * (w * k**self.order).sum() / self.order
        return tuple(float(v) for v in self.scale * w / moment)


@dataclass(frozen=True)
class WaveKernel:
    """A Gaussian that sums to 1, times a cosine (parity 1) or a sine (parity -1) of `frequency` cycles per pixel."""

    sigma: float
    frequency: float
    radius: int
    parity: int

    @cached_property
    def half(self) -> tuple[float, ...]:
        """Weights of the centre and of the positions right of it."""
        k = np.arange(self.radius + 1)
        phi = np.exp(-0.5 / self.sigma**2 * k**2)
        phi /= phi[0] + 2 * phi[1:].sum()
        wave = np.cos if self.parity == 1 else np.sin
        return tuple(float(w) for w in phi * wave(2 * np.pi * self.frequency * k))


@dataclass(frozen=True)
class StencilKernel:
    """A short kernel with given weights, such as the (1, 2, 1) and (-1, 0, 1) of Sobel's operator."""

    half: tuple[float, ...]
    parity: int = 1

    @property
    def radius(self) -> int:
        """Positions on either side that are read."""
        return len(self.half) - 1


def box(radius: int) -> StencilKernel:
    """Return the kernel that averages ``2 radius + 1`` pixels."""
    return StencilKernel((1 / (2 * radius + 1),) * (radius + 1))


def weights(kernel: Kernel) -> tuple[float, ...]:
    """Return all weights of `kernel`, from ``-radius`` to ``radius``."""
    return (*(kernel.parity * w for w in kernel.half[:0:-1]), *kernel.half)


def absolute_sum(kernel: Kernel) -> float:
    """Return Σ|w|: how much the kernel can amplify an image of bounded magnitude."""
    return sum(abs(w) for w in weights(kernel))

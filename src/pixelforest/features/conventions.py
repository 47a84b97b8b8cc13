"""Conventions: what lies beyond borders, where kernels end, how they are normalised, and which operator finds edges.

Every convention is data over one family of kernels; the filters are written once. What differs:

================ =========== =========================== ============================ ============================
convention       borders     Gaussians end at            derivatives                  difference of Gaussians
================ =========== =========================== ============================ ============================
``scipy``        reflect     ``int(4 σ + 0.5)``          of the sampled Gaussian      G(0.9 σ) - G(1.1 σ)
``skimage``      nearest     ``int(4 σ + 0.5)``          `numpy.gradient` of G(σ)     G(0.9 σ) - G(1.1 σ)
``ilastik``      mirror      ``int(2 σ + 0.5)``          of the sampled Gaussian,     G(σ) - G(0.66 σ)
                                                         moments made exact
``clesperanto``  nearest     ``int(8 σ)`` taps made odd  of the sampled Gaussian      G(0.9 σ) - G(1.1 σ)
================ =========== =========================== ============================ ============================

ilastik smooths the image before every filter (by ``sqrt(σ² - 1)``, ended at ``int(3.5 σ + 0.5)``) and then filters at
``min(σ, 1)``; up to σ = 1 it smooths by σ and filters by σ. Its numbers are those of fastfilters, which it ships: there
the two scales of the structure tensor are exchanged, G(σ) of the products of derivatives at σ/2; vigra, and all other
conventions, take derivatives at σ and smooth by σ/2.

Sobel's operator is `scipy.ndimage.sobel`'s in ``scipy`` and ``ilastik``, `skimage.filters.sobel`'s (divided, by the
square root of the number of axes too) in ``skimage``; ``clesperanto`` means apoc's Sobel and, for
``laplacian_of_gaussian``, its Laplace box. pyclesperanto's own `gaussian_derivative` is not reproduced: it normalises
kernels to Σ|w| = 1, so it does not return derivatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pixelforest.features.kernels import GaussianKernel, Kernel, MomentKernel
from pixelforest.features.planes import Boundary
from pixelforest.spelling import suggestion

ConventionName = Literal["scipy", "ilastik", "clesperanto", "skimage"]
"""What `convention` may be."""


@dataclass(frozen=True)
class Convention:
    """How one library computes its filters.

    Parameters
    ----------
    name : str
    boundary : {"reflect", "nearest", "mirror"}
        Borders of Gaussians, and of every window filter.
    stencil_boundary : {"reflect", "nearest", "mirror"}
        Borders of Sobel's operator and of other stencils.
    edges : {"derivatives", "differences", "stencils"}
        What finds edges: derivatives of Gaussians, differences of smoothed pixels, or the stencils of apoc.
    band : (float, float)
        Factors on sigma of the two Gaussians whose difference is taken.
    tensor : (float, float)
        Factors on sigma of the gradient's and of the smoothing Gaussian of the structure tensor.
    sobel_is_mean : bool
        Whether Sobel's operator smooths by means and takes the root of the mean over the axes.
    """

    name: ConventionName
    boundary: Boundary
    stencil_boundary: Boundary
    edges: Literal["derivatives", "differences", "stencils"] = "derivatives"
    band: tuple[float, float] = (0.9, 1.1)
    tensor: tuple[float, float] = (1.0, 0.5)
    sobel_is_mean: bool = False

    def gaussian(self, sigma: float, order: int = 0, scale: float = 1.0) -> Kernel:
        """Return the Gaussian of `sigma` pixels, or its derivative of `order`."""
        if self.name == "ilastik":
            return MomentKernel(sigma, order, max(int(2.0 * sigma + 0.5), min(order, 1)), scale)
        radius = int(8 * sigma) // 2 if self.name == "clesperanto" else int(4.0 * sigma + 0.5)
        return GaussianKernel(sigma, order, radius, scale)

    def before(self, sigma: float) -> tuple[Kernel | None, float]:
        """Return the kernel that smooths an image before it is filtered at `sigma`, and the sigma that is left."""
        if self.name != "ilastik":
            return None, sigma
        first = (sigma**2 - 1) ** 0.5 if sigma > 1 else sigma
        return MomentKernel(first, 0, int(3.5 * first + 0.5)), min(sigma, 1.0)


CONVENTIONS: dict[str, Convention] = {
    "scipy": Convention("scipy", "reflect", "reflect"),
    "ilastik": Convention("ilastik", "mirror", "mirror", band=(1.0, 0.66), tensor=(0.5, 1.0)),
    "clesperanto": Convention("clesperanto", "nearest", "nearest", "stencils"),
    "skimage": Convention("skimage", "nearest", "reflect", "differences", sobel_is_mean=True),
}
"""Every convention by name."""


def checked_convention(name: object) -> Convention:
    """Return the convention of that name.

    Raises
    ------
    ValueError
        There is none, with a suggestion.

    Examples
    --------
    >>> checked_convention("ilastik").boundary
    'mirror'
    >>> checked_convention("illastik")
    Traceback (most recent call last):
        ...
    ValueError: `convention`: unknown 'illastik'; did you mean 'ilastik'?
    """
    if not isinstance(name, str) or name not in CONVENTIONS:
        raise ValueError(f"`convention`: unknown {name!r}; {suggestion(str(name), CONVENTIONS)}")
    return CONVENTIONS[name]

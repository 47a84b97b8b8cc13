"""Filters of users: a function and its halo, or an object with `transform`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.features.filters import BUILT_IN, FILTERS
from pixelforest.features.geometry import Geometry
from pixelforest.features.host import HostOperation
from pixelforest.features.planes import Host, Plane, Source


@dataclass(frozen=True)
class CustomFilter:
    """A filter made of a function; `register_filter` makes one. Parameters are documented there."""

    name: str
    function: Callable[..., Any]
    halo: int | Callable[[float], int] | None
    output_names: tuple[str, ...] = ("",)
    has_sigma: bool = False
    needs_position: bool = False
    statistics: Callable[[NDArray[np.float32]], Any] | None = None
    is_per_channel: bool = True
    ndims: tuple[int, ...] = (2, 3)

    def labels(self, ndim: int) -> tuple[str, ...]:
        """Return what tells the outputs apart; one empty text if there is one output."""
        return self.output_names

    def build(self, source: Source, geometry: Geometry) -> tuple[Plane, ...]:
        """Return one plane per output."""
        keywords: tuple[tuple[str, Any], ...] = (("sigma", geometry.sigmas),) if self.has_sigma else ()
        operation = HostOperation(
            self.name,
            self.function,
            self._halo(geometry),
            n_outputs=len(self.output_names),
            keywords=keywords,
            needs_position=self.needs_position,
            statistics=self.statistics,
            is_sliced=geometry.first_axis > 0 and self.is_per_channel,
        )
        return tuple(Host((source.channel,), operation, index) for index in range(operation.n_outputs))

    def _halo(self, geometry: Geometry) -> tuple[int, ...] | None:
        halo = self.halo
        if halo is None:
            return None
        reach = tuple(int(halo(s)) if callable(halo) else int(halo) for s in geometry.sigmas)
        before = 0 if self.is_per_channel else max(reach)  # what sees all channels is not cut into slices either
        return (before,) * geometry.first_axis + reach


def register_filter(
    name: str,
    function: Callable[..., Any],
    *,
    halo: int | Callable[[float], int] | None = None,
    n_outputs: int = 1,
    takes_sigma: bool = False,
    needs_position: bool = False,
    statistics: Callable[[NDArray[np.float32]], Any] | None = None,
) -> CustomFilter:
    r"""Make a function of one channel a filter that `ImageFeatureStack` knows by name.

    The name is known in this process. Where estimators travel to others (``n_jobs`` with processes, a model file), put
    the returned filter itself into ``filters=``: it goes along, if `function` can be pickled.

    Parameters
    ----------
    name : str
        Letters, digits and underscores. The names of this package's filters are taken; your own may be given anew.
    function : callable
        ``function(image)`` of a float32 array ``(*spatial)`` that is read only; returns an array of that shape, or
        ``(*spatial, n_outputs)``. It must decide every pixel from the pixels around it in the same way wherever
        the image begins; at the borders of the image it may do what it wants.
    halo : int or callable, optional
        How many pixels to either side decide a value; ``halo(sigma)`` in pixels if that depends on sigma. None: the
        function needs whole images, and computing it in tiles raises.
    n_outputs : int
        Features per pixel.
    takes_sigma : bool
        Whether `function` takes ``sigma``, a tuple in pixels, one per axis; then it is computed at every sigma.
    needs_position : bool
        Whether `function` takes ``origin``, where the array begins, and ``shape``, that of the whole image.
    statistics : callable, optional
        ``statistics(whole_image)`` is computed once per image, and `function` takes the result as ``statistics``.

    Returns
    -------
    CustomFilter

    Raises
    ------
    ValueError, TypeError
        A name that is taken or malformed, a function that cannot be called, a halo that is negative.

    Examples
    --------
    >>> import numpy as np, pixelforest as pf
    >>> def step_to_the_left(image):
    ...     return np.diff(image, axis=1, prepend=image[:, :1])
    >>> mine = pf.register_filter("step_to_the_left", step_to_the_left, halo=1)
    >>> pf.ImageFeatureStack(filters=("step_to_the_left",)).transform(np.array([[1.0, 3.0, 6.0]]))[..., 0]
    array([[0., 2., 3.]], dtype=float32)
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise ValueError(f"`name` must be letters, digits and underscores, got {name!r}")
    if name in BUILT_IN:
        raise ValueError(f"`name`: {name!r} is a filter of pixelforest; choose another name")
    if not callable(function):
        raise TypeError(f"`function` must be callable, got {function!r}")
    if halo is not None and not callable(halo) and (isinstance(halo, bool) or int(halo) != halo or halo < 0):
        raise ValueError(f"`halo` must be an integer >= 0, a function of sigma, or None, got {halo!r}")
    if callable(halo) and not takes_sigma:
        raise ValueError("`halo` is a function of sigma, so `takes_sigma` must be True")
    if int(n_outputs) != n_outputs or n_outputs < 1:
        raise ValueError(f"`n_outputs` must be an integer >= 1, got {n_outputs!r}")
    labels = ("",) if n_outputs == 1 else tuple(str(i) for i in range(n_outputs))
    entry = CustomFilter(name, function, halo, labels, takes_sigma, needs_position, statistics)
    FILTERS[name] = entry
    return entry


@dataclass(frozen=True)
class TransformerCall:
    """Calls `transform` of an object; equal if it is the same object."""

    transformer: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TransformerCall) and self.transformer is other.transformer

    def __hash__(self) -> int:
        return id(self.transformer)

    def __call__(self, image: NDArray[np.float32]) -> Any:
        """Return the transformed image."""
        return self.transformer.transform(image)


def transformer_filter(transformer: Any) -> CustomFilter:
    """Return the filter that an object with `transform(image)` is: it runs once per image and sees all channels.

    Its halo is the attribute ``halo`` if there is one; otherwise it runs on whole images only. It gives one feature, or
    as many as ``get_feature_names_out()`` or an attribute ``n_outputs`` says.

    Examples
    --------
    >>> class Squares:
    ...     halo = 0
    ...     def transform(self, image):
    ...         return image**2
    >>> transformer_filter(Squares()).name
    'squares'
    """
    names: tuple[str, ...] = ("",)
    if hasattr(transformer, "get_feature_names_out"):
        names = tuple(str(name) for name in transformer.get_feature_names_out())
    elif getattr(transformer, "n_outputs", 1) != 1:
        names = tuple(str(i) for i in range(transformer.n_outputs))
    snake_case = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(transformer).__name__).lower()
    halo = getattr(transformer, "halo", None)
    return CustomFilter(snake_case, TransformerCall(transformer), halo, names, is_per_channel=False)

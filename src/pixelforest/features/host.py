"""Functions of images that Python computes: SciPy's, scikit-image's, a user's; and how they run on a patch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pixelforest.features.patch import Patch, Window

StatisticsKey = tuple["HostOperation", tuple[int, ...]]
"""Which statistics: of an operation, on channels."""


@dataclass(frozen=True)
class HostOperation:
    r"""A function of an image, and what it needs to run on a part of it.

    Parameters
    ----------
    name : str
        For messages.
    function : callable
        ``function(image, **keywords)``; `image` is float32, ``(*spatial)`` for one channel and
        ``(*spatial, n_channels)`` for several. Returns ``(*spatial)``, or ``(*spatial, n_outputs)``.
    halo : tuple of int, optional
        Pixels around an output pixel, on every spatial axis of the image, that decide its value. None: all.
    n_outputs : int
    keywords : tuple of (str, object)
        Fixed keyword arguments.
    needs_position : bool
        Whether `function` takes ``origin`` (where `image` lies in the whole) and ``shape`` (that of the whole).
    statistics : callable, optional
        ``statistics(image)`` of the whole image, computed once; `function` takes the result as ``statistics``.
    is_sliced : bool
        Whether volumes are filtered slice by slice.
    """

    name: str
    function: Callable[..., Any]
    halo: tuple[int, ...] | None
    n_outputs: int = 1
    keywords: tuple[tuple[str, Any], ...] = ()
    needs_position: bool = False
    statistics: Callable[[NDArray[np.float32]], Any] | None = None
    is_sliced: bool = False


def pixels_of(planes: NDArray[np.float32], channels: tuple[int, ...]) -> NDArray[np.float32]:
    """Return what the function of an operation sees: one channel, or several as the last axis."""
    if len(channels) == 1:
        channel: NDArray[np.float32] = planes[channels[0]]
        return channel
    return np.moveaxis(planes.take(channels, axis=0), 0, -1)


def statistics_of(operation: HostOperation, pixels: NDArray[np.float32]) -> Any:
    """Return the statistics of a whole image.

    Examples
    --------
    >>> statistics_of(HostOperation("a", np.abs, (0, 0), statistics=np.max), np.eye(3, dtype=np.float32))
    np.float32(1.0)
    """
    assert operation.statistics is not None
    return operation.statistics(pixels)


def evaluate_host(operation: HostOperation, channels: tuple[int, ...], patch: Patch, window: Window) -> Any:
    """Return the outputs of `operation` on `window`, ``(n_outputs, *window.shape)`` float32.

    The function sees the window and its halo, cut at the true borders of the image: there it may do what it wants, and
    elsewhere what it makes of the cut lies in the halo and is left out. So tiles give what the whole image gives.

    Raises
    ------
    ValueError
        The result has another shape than it should have, or holds NaN or inf; the message names the filter.
    """
    halo = operation.halo or (0,) * len(window.shape)
    outer = patch.window if operation.halo is None else window.grow(halo, patch.image_shape)
    pixels = pixels_of(patch.planes[(slice(None), *outer.within(patch.window))], channels)
    extra: dict[str, Any] = dict(operation.keywords)
    if operation.statistics is not None:
        extra["statistics"] = _statistics(operation, channels, patch)
    origin, shape = outer.start, patch.image_shape
    if operation.is_sliced:
        position = {"origin": origin[1:], "shape": shape[1:]} if operation.needs_position else {}
        values = np.stack([_call(operation, part, 2, extra | position) for part in pixels], axis=1)
    else:
        position = {"origin": origin, "shape": shape} if operation.needs_position else {}
        values = _call(operation, pixels, len(shape), extra | position)
    return np.ascontiguousarray(values[(slice(None), *window.within(outer))])


def _statistics(operation: HostOperation, channels: tuple[int, ...], patch: Patch) -> Any:
    known: Mapping[StatisticsKey, Any] = patch.statistics
    if (operation, channels) in known:
        return known[operation, channels]
    if patch.window.shape != patch.image_shape:
        raise ValueError(f"filter {operation.name!r} needs statistics of the whole image, and this is a part of one")
    return statistics_of(operation, pixels_of(patch.planes, channels))


def _call(operation: HostOperation, pixels: NDArray[np.float32], ndim: int, extra: dict[str, Any]) -> Any:
    view = pixels.view()
    view.setflags(write=False)
    result = np.asarray(operation.function(view, **extra))
    spatial = pixels.shape[:ndim]
    allowed = [(*spatial, operation.n_outputs)] + [spatial] * (operation.n_outputs == 1)
    if result.shape not in allowed:
        raise ValueError(
            f"filter {operation.name!r} must give {operation.n_outputs} feature(s), shape "
            f"{' or '.join(map(str, allowed))}, for an image of shape {pixels.shape}; it gave {result.shape}"
        )
    values = np.moveaxis(result.reshape(*spatial, operation.n_outputs), -1, 0).astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError(f"filter {operation.name!r} gave NaN or inf, or numbers beyond float32, for a finite image")
    return values

"""Features of whole images: computed, or put together from planes that a cache knows."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.protocol import Backend
from pixelforest.engine.budget import TileMemory
from pixelforest.engine.feature_cache import FeatureCache
from pixelforest.engine.tiling import TileReader, tiles
from pixelforest.estimators.outputs import as_dtype, empty_block
from pixelforest.features.custom import TransformerCall
from pixelforest.features.patch import Window
from pixelforest.features.planes import Host, Plane, in_order


def compute_image(backend: Backend, reader: TileReader, out: NDArray[Any]) -> NDArray[Any]:
    """Write the features of a whole image to `out`, ``(n_features, *spatial)``; pixels that NaN reaches are NaN."""
    is_apart = not isinstance(reader.planes, np.ndarray) or not np.may_share_memory(out, reader.planes)
    if is_apart and backend.writes_to_host(reader.plan, out):
        patch, touched = reader.read(Window.whole(reader.shape))
        backend.write_features(reader.plan, patch, out)
        if touched is not None:
            out[:, touched] = np.nan
        return out
    memory = TileMemory(reader.plan, reader.plan.halo, reader.planes.dtype.itemsize, 0)
    for window in tiles(reader.shape, memory.largest_tile(reader.shape, backend.tile_bytes)):
        patch, touched = reader.read(window)
        tile = out[(slice(None), *window.slices)]
        tile[...] = as_dtype(backend.compute_features(reader.plan, patch).to_host(), out.dtype, reader.plan.names)
        if touched is not None:
            tile[:, touched] = np.nan
    return out


def recall_image(cache: FeatureCache, backend: Backend, reader: TileReader, out: NDArray[Any]) -> NDArray[Any]:
    """Write the same to `out` as `compute_image`; compute, and keep, only what `cache` does not know.

    Images with NaN or inf are computed anew: what these reach depends on all features that are asked for.
    """
    pixels = np.ascontiguousarray(reader.planes[(slice(None), *Window.whole(reader.shape).slices)])
    if not np.isfinite(pixels).all():
        return compute_image(backend, reader, out)
    plan = reader.plan
    image = blake2b(pixels.data, digest_size=16).digest(), pixels.shape, pixels.dtype.str
    keys = [(image, plane, out.dtype.str, backend.fingerprint) for plane in plan.outputs]
    planes = [cache.get(key) if _is_fixed(key[1]) else None for key in keys]
    missing = [position for position, plane in enumerate(planes) if plane is None]
    if missing:
        fresh = empty_block((len(missing), *reader.shape), out.dtype)
        compute_image(backend, TileReader(pixels, plan.subset(missing), reader.nan_policy, reader.index), fresh)
        for position, plane in zip(missing, fresh, strict=True):
            planes[position] = plane
            if _is_fixed(plan.outputs[position]):
                cache.put(keys[position], plane)
    for position, plane in enumerate(planes):
        out[position] = plane
    return out


def _is_fixed(plane: Plane) -> bool:
    """Return whether an equal plane is computed in the same way: objects with `transform` may have changed inside."""
    hosts = (part for part in in_order((plane,)) if isinstance(part, Host))
    return not any(isinstance(part.operation.function, TransformerCall) for part in hosts)

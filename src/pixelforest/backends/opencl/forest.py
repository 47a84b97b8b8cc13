"""Forests on an OpenCL device: tables in its memory, one launch per batch of rows, close calls decided by the host."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.numpy.forest import NumpyForestProgram
from pixelforest.backends.opencl.forest_kernels import ForestKernels
from pixelforest.backends.opencl.rows import Rows, rows_of_array, rows_of_block
from pixelforest.backends.opencl.runtime import Device, DeviceArray
from pixelforest.backends.opencl.sources import kernel_source
from pixelforest.backends.protocol import FeatureBlock
from pixelforest.forest import links
from pixelforest.forest.lower import KernelPlan
from pixelforest.forest.ranks import RankedForest, rank_forest
from pixelforest.forest.representation import Forest


class OpenCLForestProgram:
    """A forest in the memory of a device, with kernels specialised for its shape.

    Sums are fixed-point integers. Rows whose best two classes are closer than the proven error of these sums are
    decided again by `NumpyForestProgram`, so that no label differs from the model's. Models that compare float64 are
    compiled as they are for rows that float32 can hold, and once more with ranks for others.

    Parameters
    ----------
    device : Device
        Where to compute.
    forest : Forest
        What to apply.
    form : {"traverse", "shared", "coherent", "shallow"}, optional
        Forces a kernel form.
    rows_together : int, optional
        Forces how many rows walk together.
    """

    def __init__(
        self, device: Device, forest: Forest, *, form: str | None = None, rows_together: int | None = None
    ) -> None:
        self.forest = forest
        self._device = device
        self._host = NumpyForestProgram(forest)
        self._ranked: RankedForest | None = None
        self._form = (form, rows_together)
        self._kernels = ForestKernels(device, forest, form=form, rows_together=rows_together)
        self.plan: KernelPlan = self._kernels.plan

    @property
    def source(self) -> str:
        """Text of the kernels, behind the options that they are built with."""
        return self._kernels.source

    def values(self, X: NDArray[Any], out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return means or sums of the trees, ``(..., n_outputs)``, for rows ``(..., n_features)`` of any strides."""
        X = self._checked(X)
        shape = (*X.shape[:-1], self.forest.n_outputs)
        values = _output("out", out, shape, np.dtype(np.float64))
        kernels, rows = self._compared(X)
        flat = values.reshape(-1, self.forest.n_outputs)
        kernels.fill_values(rows, flat, lambda close: self._host.values(_pick(X, close)))
        return values

    def class_probabilities(self, X: NDArray[Any], out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return ``(..., n_classes)`` for rows ``(..., n_features)`` of any strides."""
        if self.forest.link == "identity" and self.forest.decision == "largest":
            return self.values(X, out)
        X = self._checked(X)
        values = self.values(X).reshape(-1, self.forest.n_outputs)
        probabilities = links.probabilities(self.forest, values).reshape(*X.shape[:-1], self.forest.n_classes)
        if out is None:
            return probabilities
        _output("out", out, probabilities.shape, probabilities.dtype)[...] = probabilities
        return out

    def class_indices(
        self, X: NDArray[Any], out: NDArray[np.unsignedinteger[Any]] | None = None
    ) -> NDArray[np.unsignedinteger[Any]]:
        """Return the index of the winning class, ``(...,)``, for rows ``(..., n_features)`` of any strides."""
        X = self._checked(X)
        indices = _output("out", out, X.shape[:-1], self._kernels.label_dtype)
        kernels, rows = self._compared(X)
        kernels.fill_labels(rows, indices.reshape(-1), lambda close: self._host.class_indices(_pick(X, close)))
        return indices

    def leaf_nodes(self, X: NDArray[Any]) -> NDArray[np.int32]:
        """Return the model's name of the leaf that each row reaches in each tree, ``(n_rows, n_trees)``."""
        X = self._checked(X)
        if len(np.unique(self.forest.leaf[self.forest.leaf >= 0])) < (self.forest.leaf >= 0).sum():
            return self._host.leaf_nodes(X)  # leaves that share their values are not told apart by these
        ids = np.zeros(len(self.forest.leaf_values), np.int32)
        ids[self.forest.leaf[self.forest.leaf >= 0]] = self.forest.node_ids[self.forest.leaf >= 0]
        kernels, rows = self._compared(X)
        leaves: NDArray[np.int32] = ids[kernels.walking.leaf_rows(rows)].reshape(*X.shape[:-1], self.forest.n_trees)
        return leaves

    def block_values(self, block: FeatureBlock) -> NDArray[np.float32]:
        """Return means or sums of the trees, ``(n_outputs, *spatial)``, for a feature block on this device."""
        kernels, rows = self._pixels(block)
        if self.forest.decision == "largest" and self.forest.averages and kernels.has_fractions:
            return self._block_fractions(kernels, rows, block)
        values = np.empty((rows.count, self.forest.n_outputs))
        kernels.fill_values(rows, values, lambda close: self._host.values(self._gathered(rows, close)))
        return _as_planes(values, block.shape)

    def block_probabilities(self, block: FeatureBlock) -> NDArray[np.float32]:
        """Return ``(n_classes, *spatial)`` for a feature block on this device."""
        if self.forest.link == "identity" and self.forest.decision == "largest":
            return self.block_values(block)
        kernels, rows = self._pixels(block)
        values = np.empty((rows.count, self.forest.n_outputs))
        kernels.fill_values(rows, values, lambda close: self._host.values(self._gathered(rows, close)))
        return _as_planes(links.probabilities(self.forest, values), block.shape)

    def block_class_indices(self, block: FeatureBlock) -> NDArray[np.unsignedinteger[Any]]:
        """Return the index of the winning class, ``(*spatial)``, for a feature block on this device."""
        kernels, rows = self._pixels(block)
        indices = np.empty(rows.count, kernels.label_dtype)
        kernels.fill_labels(rows, indices, lambda close: self._host.class_indices(self._gathered(rows, close)))
        return indices.reshape(block.shape[1:])

    def _block_fractions(self, kernels: ForestKernels, rows: Rows, block: FeatureBlock) -> NDArray[np.float32]:
        fractions = np.empty((self.forest.n_outputs, rows.count), np.float32)
        kernels.fill_fractions(rows, fractions, lambda close: self._host.values(self._gathered(rows, close)))
        return fractions.reshape(-1, *block.shape[1:])

    def _checked(self, X: Any) -> NDArray[Any]:
        X = np.asarray(X)
        if X.ndim < 2 or X.shape[-1] != self.forest.n_features:
            raise ValueError(f"`X` must have shape (n_rows, {self.forest.n_features}), got {X.shape}")
        if X.dtype.kind not in "fiub":
            X = X.astype(self.forest.precision)
        rows: NDArray[Any] = X.view(np.uint8) if X.dtype == np.bool_ else X
        return rows

    def _compared(self, X: NDArray[Any]) -> tuple[ForestKernels, Rows]:
        """Return kernels that decide rows as the model does, and the rows as these want them."""
        if not self.forest.categorical and (self.forest.precision == "float32" or _float32_holds(X)):
            return self._kernels, rows_of_array(self._device, X)
        kernels = self._ranking
        assert self._ranked is not None
        ranks = self._ranked.ranks(X.reshape(-1, X.shape[-1]))
        width = X.shape[-2] if X.ndim > 2 else 1
        return kernels, rows_of_array(self._device, ranks.reshape(-1, width, ranks.shape[1]) if X.ndim > 2 else ranks)

    @cached_property
    def _ranking(self) -> ForestKernels:
        self._ranked = rank_forest(self.forest)
        form, rows_together = self._form
        return ForestKernels(self._device, self._ranked.forest, form=form, rows_together=rows_together)

    def _pixels(self, block: FeatureBlock) -> tuple[ForestKernels, Rows]:
        if not isinstance(block, DeviceArray) or block.device is not self._device:
            raise TypeError(f"`block` must be on {self._device.name}, got {block!r}")
        if len(block.shape) < 2 or block.shape[0] != self.forest.n_features or block.dtype != np.float32:
            expected = f"({self.forest.n_features}, *spatial) float32"
            raise ValueError(f"`block` must be {expected}, got {block.shape} {block.dtype}")
        if self.forest.categorical:  # derived columns are made by the host
            return self._compared(np.moveaxis(block.to_host(), 0, -1))
        return self._kernels, rows_of_block(block)

    def _gathered(self, rows: Rows, wanted: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return single rows, ``(len(wanted), n_features)``."""
        copies = self._device.allocate((len(wanted), rows.n_features), np.dtype(np.float32))
        self._device.run(
            self._device.program(kernel_source("forest_gather")),
            "forest_gather",
            (rows.n_features, len(wanted)),
            None,
            rows.values,
            *(np.uint64(stride) for stride in rows.strides),
            self._device.upload(wanted.astype(np.uint64)),
            np.uint64(rows.n_features),
            copies,
        )
        return copies.to_host()


def _pick(X: NDArray[Any], positions: NDArray[np.intp]) -> NDArray[Any]:
    return X[positions] if X.ndim == 2 else X[np.unravel_index(positions, X.shape[:-1])]


def _float32_holds(X: NDArray[Any]) -> bool:
    if (X.dtype.kind == "f" and X.itemsize <= 4) or (X.dtype.kind in "iu" and X.itemsize <= 2):
        return True
    with np.errstate(over="ignore"):
        narrow = X.astype(np.float32)
    return bool(((narrow == X) | np.isnan(narrow)).all())


def _output(name: str, out: NDArray[Any] | None, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    if out is None:
        return np.empty(shape, dtype)
    if out.shape != shape or out.dtype != dtype or not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(
            f"`{name}` must be a writeable C-contiguous array of shape {shape} and dtype {dtype}, "
            f"got shape {out.shape}, dtype {out.dtype} and strides {out.strides}"
        )
    return out


def _as_planes(values: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.ascontiguousarray(values.T, np.float32).reshape(-1, *shape[1:])

"""Forests on an OpenCL device: tables in its memory, one launch per batch of rows, close calls decided by the host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.numpy.forest import NumpyForestProgram
from pixelforest.backends.opencl.runtime import Device, DeviceArray
from pixelforest.backends.opencl.sources import kernel_source
from pixelforest.backends.protocol import FeatureBlock
from pixelforest.forest.lower import KernelPlan, lower_forest
from pixelforest.forest.representation import Forest

Output = Literal["SUMS", "PROBABILITIES", "LABELS"]

ROWS_AT_ONCE = 2**20
"""Rows per launch: keeps launches short (watchdogs) and buffers small."""
ITEMS_PER_GROUP = {"traverse": 16, "coherent": 1, "perfect": 16}
"""Work-items per group: as many as a vector has lanes, or one that walks alone. PoCL keeps the private arrays of a
whole group on one stack, so the large groups that it chooses by itself overflow it."""


@dataclass(frozen=True)
class _Rows:
    """Rows on the device: element (row, feature) is at ``row * strides[0] + feature * strides[1]``."""

    values: DeviceArray
    strides: tuple[int, int]
    count: int
    n_features: int
    width: int = 0  # pixels in a row of the image, 0 for a table


class OpenCLForestProgram:
    """A forest in the memory of a device, with kernels specialised for its shape.

    Sums are fixed-point integers. Rows whose best two classes are closer than the proven error of these sums are
    decided again by `NumpyForestProgram`, so that no label differs from scikit-learn's.

    Parameters
    ----------
    device : Device
        Where to compute.
    forest : Forest
        What to apply.
    form : {"traverse", "coherent", "perfect"}, optional
        Forces a kernel form.
    rows_per_item : int, optional
        Forces how many rows a work-item takes.
    """

    def __init__(
        self, device: Device, forest: Forest, *, form: str | None = None, rows_per_item: int | None = None
    ) -> None:
        if device.kind == "gpu" and form is None:
            form, rows_per_item = "traverse", 1  # there a work-item is a lane
        tables = lower_forest(forest, form=form, rows_per_item=rows_per_item)
        numbers = tables.fixed_point
        self.forest = forest
        self.plan: KernelPlan = tables.plan
        self._device = device
        self._host = NumpyForestProgram(forest)
        self._rows_per_item = tables.rows_per_item
        self._sum_dtype = np.dtype(np.uint32 if numbers.sum_type == "uint" else np.uint64)
        self._label_dtype = np.min_scalar_type(forest.n_classes - 1)
        self._scale, self._margin = numbers.scale, numbers.margin
        self._columns = device.upload(tables.columns)
        walk = {"traverse": (tables.roots, tables.depths), "coherent": (tables.roots,), "perfect": ()}[self.plan.form]
        self._nodes = tuple(device.upload(table) for table in (tables.nodes, *walk))
        self._leaves = device.upload(numbers.leaves)

    @property
    def source(self) -> str:
        """Text of the kernels, behind the options that they are built with."""
        options = " ".join((*self.plan.options, *self._output_options("LABELS")))
        return f"// {options}\n{self._text}"

    @cached_property
    def _text(self) -> str:
        nodes = () if self.plan.form == "perfect" else ("forest_nodes",)
        return kernel_source("forest_rows", "forest_decision", *nodes, f"forest_{self.plan.form}")

    def class_probabilities(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return ``(n_rows, n_classes)`` for rows ``(n_rows, n_features)`` of any strides."""
        X = self._checked(np.asarray(X, np.float32))
        probabilities = np.empty((len(X), self.forest.n_classes))

        def decide(start: int, count: int) -> None:
            batch = X[start : start + count]
            sums, close = self._launch(self._upload(batch), 0, count, "SUMS")
            out = probabilities[start : start + count]
            # As scikit-learn does, a sum divided by the number of trees: the same float64 where the sums are exact.
            np.multiply(sums, 1 / self._scale, out=out)
            out /= self.forest.n_trees
            out[close] = self._host.class_probabilities(batch[close])

        self._in_batches(len(X), 4 * X.shape[1] + self.forest.n_classes * self._sum_dtype.itemsize, decide)
        return probabilities

    def class_indices(self, X: NDArray[Any]) -> NDArray[np.unsignedinteger[Any]]:
        """Return the index of the winning class, ``(n_rows,)``, for rows of any strides."""
        X = self._checked(np.asarray(X, np.float32))
        winners = np.empty(len(X), self._label_dtype)

        def decide(start: int, count: int) -> None:
            batch = X[start : start + count]
            labels, close = self._launch(self._upload(batch), 0, count, "LABELS")
            labels[close] = self._host.class_probabilities(batch[close]).argmax(axis=1)
            winners[start : start + count] = labels

        self._in_batches(len(X), 4 * X.shape[1] + self._label_dtype.itemsize, decide)
        return winners

    def block_probabilities(self, block: FeatureBlock) -> NDArray[np.float32]:
        """Return ``(n_classes, *spatial)`` for a feature block on this device."""
        pixels = self._pixels(block)
        probabilities = np.empty((self.forest.n_classes, pixels.count), np.float32)

        def decide(start: int, count: int) -> None:
            batch, close = self._launch(pixels, start, count, "PROBABILITIES")
            if close.size:
                batch[:, close] = self._host.class_probabilities(self._gather(pixels, start + close)).T
            probabilities[:, start : start + count] = batch

        self._in_batches(pixels.count, 4 * self.forest.n_classes, decide, step=pixels.width)
        return probabilities.reshape(-1, *block.shape[1:])

    def block_class_indices(self, block: FeatureBlock) -> NDArray[np.unsignedinteger[Any]]:
        """Return the index of the winning class, ``(*spatial)``, for a feature block on this device."""
        pixels = self._pixels(block)
        winners = np.empty(pixels.count, self._label_dtype)

        def decide(start: int, count: int) -> None:
            batch, close = self._launch(pixels, start, count, "LABELS")
            if close.size:
                batch[close] = self._host.class_probabilities(self._gather(pixels, start + close)).argmax(axis=1)
            winners[start : start + count] = batch

        self._in_batches(pixels.count, self._label_dtype.itemsize, decide, step=pixels.width)
        return winners.reshape(block.shape[1:])

    def _checked(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        if X.ndim != 2 or X.shape[1] != self.forest.n_features:
            raise ValueError(f"`X` must have shape (n_rows, {self.forest.n_features}), got {X.shape}")
        return X

    def _pixels(self, block: FeatureBlock) -> _Rows:
        if not isinstance(block, DeviceArray) or block.device is not self._device:
            raise TypeError(f"`block` must be on {self._device.name}, got {block!r}")
        if len(block.shape) < 2 or block.shape[0] != self.forest.n_features or block.dtype != np.float32:
            expected = f"({self.forest.n_features}, *spatial) float32"
            raise ValueError(f"`block` must be {expected}, got {block.shape} {block.dtype}")
        n_pixels = prod(block.shape[1:])
        return _Rows(block, (1, n_pixels), n_pixels, self.forest.n_features, block.shape[-1])

    def _upload(self, X: NDArray[np.float32]) -> _Rows:
        """Copy rows as they lie in memory: by rows or by columns, whichever is closer to contiguous."""
        n_rows, n_features = X.shape
        if abs(X.strides[0]) < abs(X.strides[1]):
            return _Rows(self._device.upload(X.T), (1, n_rows), n_rows, n_features)
        return _Rows(self._device.upload(X), (n_features, 1), n_rows, n_features)

    def _launch(self, rows: _Rows, start: int, count: int, output: Output) -> tuple[NDArray[Any], NDArray[np.intp]]:
        """Decide `count` rows from `start`; return results and the positions of those that are too close."""
        device, forest = self._device, self.forest
        shapes = {"SUMS": (count, forest.n_classes), "PROBABILITIES": (forest.n_classes, count), "LABELS": (count,)}
        results = device.allocate(shapes[output], self._result_dtype(output))
        is_close = device.allocate((count,), np.dtype(np.uint8))
        program = device.program(self._text, (*self.plan.options, *self._output_options(output)))
        group = ITEMS_PER_GROUP[self.plan.form]
        n_groups = -(-self._n_items(rows, count) // group)  # items past the end store nothing
        scalar = cast(Callable[[int], np.generic], self._sum_dtype.type)
        device.run(
            program,
            f"forest_{self.plan.form}",
            (n_groups * group,),
            (group,),
            rows.values,
            *(np.uint64(stride) for stride in rows.strides),
            np.uint64(start),
            np.uint64(count),
            self._columns,
            np.int32(self._columns.shape[0]),
            *self._nodes,
            np.int32(forest.n_trees),
            self._leaves,
            scalar(forest.n_trees * self._scale),
            scalar(self._margin),
            results,
            is_close,
            *((np.uint64(rows.width),) if self.plan.form == "coherent" else ()),
        )
        close = np.flatnonzero(is_close.to_host().view(np.bool_)) if self._margin else np.empty(0, np.intp)
        return results.to_host(), close

    def _n_items(self, rows: _Rows, count: int) -> int:
        """Return how many work-items decide `count` rows: in an image, tiles of 16 columns."""
        if self.plan.form != "coherent" or not rows.width:
            return -(-count // self._rows_per_item)
        return -(-rows.width // 16) * -(-(count // rows.width) // (self._rows_per_item // 16))

    def _gather(self, rows: _Rows, wanted: NDArray[np.intp]) -> NDArray[np.float32]:
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

    def _result_dtype(self, output: Output) -> np.dtype[Any]:
        return {"SUMS": self._sum_dtype, "PROBABILITIES": np.dtype(np.float32), "LABELS": self._label_dtype}[output]

    def _output_options(self, output: Output) -> tuple[str, str]:
        names = {"u1": "uchar", "u2": "ushort", "u4": "uint", "u8": "ulong", "f4": "float"}
        return f"-D OUTPUT={output}", f"-D RESULT={names[self._result_dtype(output).str[1:]]}"

    def _in_batches(self, n_rows: int, row_bytes: int, decide: Callable[[int, int], None], *, step: int = 1) -> None:
        """Call ``decide(start, count)`` for all rows; halve the batch where the device has no room for it.

        Batches are multiples of `step`, the pixels of an image row.
        """
        size = max(min(ROWS_AT_ONCE, self._device.max_allocation // row_bytes) // step, 1) * step
        start = 0
        while start < n_rows:
            count = min(size, n_rows - start)
            try:
                decide(start, count)
            except MemoryError:
                if count <= step:
                    raise
                size = (count // step + 1) // 2 * step
                continue
            start += count

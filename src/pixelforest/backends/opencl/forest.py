"""Forests on an OpenCL device: tables in its memory, one launch per batch of rows, close calls decided by the host."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.numpy.forest import NumpyForestProgram
from pixelforest.backends.opencl.rows import Rows, rows_of_array, rows_of_block
from pixelforest.backends.opencl.runtime import Device, DeviceArray
from pixelforest.backends.opencl.sources import kernel_source
from pixelforest.backends.protocol import FeatureBlock
from pixelforest.forest import links
from pixelforest.forest.fixed_point import fixed_point, remainder
from pixelforest.forest.lower import KernelPlan, lower_forest
from pixelforest.forest.ranks import RankedForest, rank_forest
from pixelforest.forest.representation import Forest

Output = Literal["SUMS", "PROBABILITIES", "LABELS", "LEAVES"]

ROWS_AT_ONCE = 2**20
"""Rows per launch: keeps launches short (watchdogs) and buffers small."""
ITEMS_PER_GROUP = {"traverse": 16, "coherent": 1, "shallow": 1}
"""Work-items per group: as many as a vector has lanes, or one that walks alone. PoCL keeps the private arrays of a
whole group on one stack, so the large groups that it chooses by itself overflow it."""
FILES = {
    "traverse": ("forest_rows", "forest_row_decision", "forest_traverse"),
    "coherent": ("forest_tile", "forest_coherent"),
    "shallow": ("forest_tile", "forest_shallow"),
}


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
    form : {"traverse", "coherent", "shallow"}, optional
        Forces a kernel form.
    rows_per_item : int, optional
        Forces how many rows a work-item takes.
    """

    def __init__(
        self, device: Device, forest: Forest, *, form: str | None = None, rows_per_item: int | None = None
    ) -> None:
        if device.kind == "gpu" and form is None:
            form, rows_per_item = "traverse", 1  # there a work-item is a lane
        self.forest = forest
        self._device = device
        self._host = NumpyForestProgram(forest)
        self._ranked: RankedForest | None = None
        self._form = (form, rows_per_item)
        self._kernels = _ForestKernels(device, forest, form=form, rows_per_item=rows_per_item)
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

    def _block_fractions(self, kernels: _ForestKernels, rows: Rows, block: FeatureBlock) -> NDArray[np.float32]:
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

    def _compared(self, X: NDArray[Any]) -> tuple[_ForestKernels, Rows]:
        """Return kernels that decide rows as the model does, and the rows as these want them."""
        if not self.forest.categorical and (self.forest.precision == "float32" or _float32_holds(X)):
            return self._kernels, rows_of_array(self._device, X)
        kernels = self._ranking
        assert self._ranked is not None
        ranks = self._ranked.ranks(X.reshape(-1, X.shape[-1]))
        width = X.shape[-2] if X.ndim > 2 else 1
        return kernels, rows_of_array(self._device, ranks.reshape(-1, width, ranks.shape[1]) if X.ndim > 2 else ranks)

    @cached_property
    def _ranking(self) -> _ForestKernels:
        self._ranked = rank_forest(self.forest)
        form, rows_per_item = self._form
        return _ForestKernels(self._device, self._ranked.forest, form=form, rows_per_item=rows_per_item)

    def _pixels(self, block: FeatureBlock) -> tuple[_ForestKernels, Rows]:
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


class _ForestKernels:
    """Tables of a forest that compares float32, and the kernels that read them."""

    def __init__(
        self, device: Device, forest: Forest, *, form: str | None = None, rows_per_item: int | None = None
    ) -> None:
        tables = lower_forest(forest, form=form, rows_per_item=rows_per_item, local_bytes=device.local_memory)
        numbers = tables.numbers
        self.plan = tables.plan
        self.label_dtype = np.min_scalar_type(forest.n_classes - 1)
        self.has_fractions = numbers.is_complement
        self._device, self._forest, self._numbers = device, forest, numbers
        self._rows_per_item = tables.rows_per_item
        sum_type = numbers.sum_type
        self._sum_dtype = np.dtype({"uint": np.uint32, "ulong": np.uint64, "long": np.int64}[sum_type])
        scalar = cast(Callable[[int], np.generic], self._sum_dtype.type)
        walk = () if self.plan.form == "shallow" else (device.upload(tables.roots),)
        self._columns = device.upload(tables.columns)
        self._trees = (
            device.upload(tables.nodes),
            *walk,
            device.upload(tables.first_sums),
            np.int32(forest.n_trees),
            device.upload(numbers.leaves),
            device.upload(numbers.start.astype(self._sum_dtype)),
            scalar(numbers.whole // forest.n_trees),
            scalar(numbers.margin),
            *(device.upload(bound) for bound in tables.bounds),
        )

    @property
    def source(self) -> str:
        """Text of the kernels, behind the options that they are built with."""
        options = " ".join((*self.plan.options, *self._output_options("LABELS")))
        return f"// {options}\n{self._text}"

    @cached_property
    def _text(self) -> str:
        return kernel_source("forest_values", "forest_decision", *FILES[self.plan.form])

    @cached_property
    def walking(self) -> _ForestKernels:
        """The same forest in the form that knows which leaf a row reaches."""
        if self.plan.form == "traverse":
            return self
        return _ForestKernels(self._device, self._forest, form="traverse")

    @cached_property
    def remainder(self) -> _ForestKernels | None:
        """What rounding took away, where the magnitudes of leaves are too different for 64 bits."""
        if self._numbers.is_fine:
            return None
        return _ForestKernels(self._device, remainder(self._forest, fixed_point(self._forest)), form=self.plan.form)

    def fill_values(self, rows: Rows, out: NDArray[np.float64], decide_again: _DecideAgain) -> None:
        """Write ``(n_rows, n_outputs)``."""
        n_outputs = self._forest.n_outputs
        close = [np.empty(0, np.intp)]

        def fill(start: int, count: int) -> None:
            sums = self._device.allocate((count, n_outputs), self._sum_dtype)
            close.append(start + self._launch(rows, start, count, "SUMS", sums))
            values = out[start : start + count]
            # As scikit-learn does, a sum divided by the number of trees: the same float64 where the sums are exact.
            np.multiply(sums.to_host(), 1 / self._numbers.scale, out=values)
            if self._forest.averages:
                values /= self._forest.n_averaged

        self._in_batches(rows, n_outputs * self._sum_dtype.itemsize, fill)
        if self.remainder is not None:
            rest = np.empty_like(out)
            self.remainder.fill_values(rows, rest, decide_again)
            out += rest
        positions = np.concatenate(close)
        if positions.size:
            out[positions] = decide_again(positions)

    def fill_fractions(self, rows: Rows, out: NDArray[np.float32], decide_again: _DecideAgain) -> None:
        """Write ``(n_outputs, n_rows)``."""

        def fill(start: int, count: int) -> None:
            fractions = self._device.allocate((len(out), count), np.dtype(np.float32))
            close = self._launch(rows, start, count, "PROBABILITIES", fractions)
            out[:, start : start + count] = fractions.to_host()
            if close.size:
                out[:, start + close] = decide_again(start + close).T

        self._in_batches(rows, 4 * len(out), fill)

    def fill_labels(self, rows: Rows, out: NDArray[np.unsignedinteger[Any]], decide_again: _DecideAgain) -> None:
        """Write the index of the winning class, ``(n_rows,)``."""

        def fill(start: int, count: int) -> None:
            part = out[start : start + count]
            direct = self._device.reads_host_memory and part.flags.c_contiguous
            labels = self._device.borrow(part) if direct else self._device.allocate((count,), self.label_dtype)
            close = self._launch(rows, start, count, "LABELS", labels)
            if not direct:
                part[...] = labels.to_host()
            if close.size:
                part[close] = decide_again(start + close)

        self._in_batches(rows, self.label_dtype.itemsize, fill)

    def leaf_rows(self, rows: Rows) -> NDArray[np.uint32]:
        """Return the row of the leaf values that each row reaches in each tree, ``(n_rows, n_trees)``."""
        leaves = np.empty((rows.count, self._forest.n_trees), np.uint32)

        def fill(start: int, count: int) -> None:
            reached = self._device.allocate((count, self._forest.n_trees), np.dtype(np.uint32))
            self._launch(rows, start, count, "LEAVES", reached)
            reached.to_host(out=leaves[start : start + count])

        self._in_batches(rows, 4 * self._forest.n_trees, fill)
        return leaves

    def _launch(self, rows: Rows, start: int, count: int, output: Output, results: DeviceArray) -> NDArray[np.intp]:
        """Decide `count` rows from `start`; wait, and return the positions of those that are too close."""
        device = self._device
        is_close = device.allocate((count if self._numbers.margin else 1,), np.dtype(np.uint8))
        n_close = device.upload(np.zeros(1, np.uint32))
        options = (*self.plan.options, *rows.options, *self._output_options(output))
        group = ITEMS_PER_GROUP[self.plan.form]
        n_groups = -(-self._n_items(rows, count) // group)  # items past the end store nothing
        device.run(
            device.program(self._text, options),
            f"forest_{self.plan.form}",
            (n_groups * group,),
            (group,),
            rows.values,
            *(np.uint64(stride) for stride in rows.strides),
            np.uint64(start),
            np.uint64(count),
            np.uint64(rows.width),
            self._columns,
            np.int32(self._columns.shape[0]),
            *self._trees,
            results,
            is_close,
            n_close,
        )
        if not n_close.to_host()[0]:
            return np.empty(0, np.intp)
        return np.flatnonzero(is_close.to_host().view(np.bool_))

    def _n_items(self, rows: Rows, count: int) -> int:
        """Return how many work-items decide `count` rows: in an image, tiles of 16 or 32 columns."""
        if self.plan.form == "traverse" or not rows.width:
            return -(-count // self._rows_per_item)
        across = min(self._rows_per_item // 128, 2) * 16
        return -(-rows.width // across) * -(-(count // rows.width) // (self._rows_per_item // across))

    def _output_options(self, output: Output) -> tuple[str, str]:
        types = {
            "SUMS": self._numbers.sum_type,
            "PROBABILITIES": "float",
            "LABELS": {1: "uchar", 2: "ushort", 4: "uint"}[self.label_dtype.itemsize],
            "LEAVES": "uint",
        }
        return f"-D OUTPUT={output}", f"-D RESULT={types[output]}"

    def _in_batches(self, rows: Rows, row_bytes: int, fill: Callable[[int, int], None]) -> None:
        """Call ``fill(start, count)`` for all rows; halve the batch where the device has no room for it.

        Batches are whole rows of an image.
        """
        step = max(rows.width, 1)
        size = max(min(ROWS_AT_ONCE, self._device.max_allocation // row_bytes) // step, 1) * step
        start = 0
        while start < rows.count:
            count = min(size, rows.count - start)
            try:
                fill(start, count)
            except MemoryError:
                if count <= step:
                    raise
                size = (count // step + 1) // 2 * step
                continue
            start += count


_DecideAgain = Callable[[NDArray[np.intp]], NDArray[Any]]
"""Gives the model's own answer for the rows at these positions."""


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

"""The kernels of one forest: its tables in the memory of a device, and launches in batches of rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from pixelforest.backends.opencl.rows import Rows
from pixelforest.backends.opencl.runtime import Device, DeviceArray
from pixelforest.backends.opencl.sources import kernel_source
from pixelforest.forest.fixed_point import fixed_point, remainder
from pixelforest.forest.lower import lower_forest
from pixelforest.forest.representation import Forest

Output = Literal["SUMS", "PROBABILITIES", "LABELS", "LEAVES"]

ROWS_AT_ONCE = 2**20
"""Rows per launch: keeps launches short (watchdogs) and buffers small."""
WALKERS_PER_GROUP = {"cpu": 16, "gpu": 128}
"""Work-items of a group that walk rows: as many as a vector has lanes, or enough to hide what memory takes. PoCL keeps
the private arrays of a whole group on one stack, so the large groups that it chooses by itself overflow it."""
FILES = {
    "traverse": ("forest_rows", "forest_row_decision", "forest_traverse"),
    "shared": ("forest_rows", "forest_row_decision", "forest_traverse"),
    "coherent": ("forest_tile", "forest_coherent"),
    "shallow": ("forest_tile", "forest_shallow"),
}
DecideAgain = Callable[[NDArray[np.intp]], NDArray[Any]]
"""Gives the model's own answer for the rows at these positions."""


class ForestKernels:
    """Tables of a forest that compares float32, and the kernels that read them."""

    def __init__(
        self, device: Device, forest: Forest, *, form: str | None = None, rows_together: int | None = None
    ) -> None:
        tables = lower_forest(
            forest,
            form=form,
            rows_together=rows_together,
            local_bytes=device.local_memory,
            has_lanes=device.kind == "gpu",
        )
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
    def _walks_rows(self) -> bool:
        return self.plan.form in ("traverse", "shared")

    @property
    def source(self) -> str:
        """Text of the kernels, behind the options that they are built with."""
        options = " ".join((*self.plan.options, *self._output_options("LABELS")))
        return f"// {options}\n{self._text}"

    @cached_property
    def _text(self) -> str:
        return kernel_source("forest_values", "forest_decision", *FILES[self.plan.form])

    @cached_property
    def walking(self) -> ForestKernels:
        """The same forest in the form that knows which leaf a row reaches."""
        if self._walks_rows:
            return self
        return ForestKernels(self._device, self._forest, form="traverse")

    @cached_property
    def remainder(self) -> ForestKernels | None:
        """What rounding took away, where the magnitudes of leaves are too different for 64 bits."""
        if self._numbers.is_fine:
            return None
        return ForestKernels(self._device, remainder(self._forest, fixed_point(self._forest)), form=self.plan.form)

    def fill_values(self, rows: Rows, out: NDArray[np.float64], decide_again: DecideAgain) -> None:
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

    def fill_fractions(self, rows: Rows, out: NDArray[np.float32], decide_again: DecideAgain) -> None:
        """Write ``(n_outputs, n_rows)``."""

        def fill(start: int, count: int) -> None:
            fractions = self._device.allocate((len(out), count), np.dtype(np.float32))
            close = self._launch(rows, start, count, "PROBABILITIES", fractions)
            out[:, start : start + count] = fractions.to_host()
            if close.size:
                out[:, start + close] = decide_again(start + close).T

        self._in_batches(rows, 4 * len(out), fill)

    def fill_labels(self, rows: Rows, out: NDArray[np.unsignedinteger[Any]], decide_again: DecideAgain) -> None:
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
        group = WALKERS_PER_GROUP.get(device.kind, 16) if self._walks_rows else 1
        n_groups = -(-self._n_items(rows, count) // group)  # items past the end store nothing
        device.run(
            device.program(self._text, options),
            FILES[self.plan.form][-1],
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
        """Return how many work-items decide `count` rows: in an image, 8 lines high."""
        if self._walks_rows or not rows.width:
            return -(-count // self._rows_per_item)
        across = self._rows_per_item // 8
        return -(-rows.width // across) * -(-(count // rows.width) // 8)

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

"""`BlockKFold`: folds of square blocks, with a buffer of pixels around those that are tested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from sklearn.model_selection import StratifiedGroupKFold

from pixelforest.model_selection.pixel_table import block_numbers, checked_pixels


class BlockKFold(StratifiedGroupKFold):
    """Folds of pixels that are tested block by block; no training pixel lies within a buffer of a tested one.

    Blocks go to folds by `StratifiedGroupKFold`, so that classes are spread evenly where blocks allow. A feature sees
    as far as its halo: with a buffer of twice the halo, ``2 * max(ImageFeatureStack(...).plan_.halo)``, no tested pixel
    shares a pixel of the image with a training one, and with a buffer of the halo none has a training pixel in sight.

    Parameters
    ----------
    n_splits : int
    block : int or sequence of int
        Sides of blocks in pixels, on every spatial axis.
    buffer : int or sequence of int
        Pixels, on every spatial axis: training pixels that are no farther from a tested pixel, on all axes at once, are
        left out of that fold.
    shuffle : bool
        Whether blocks are shuffled before they are dealt out.
    random_state : int, RandomState or None
        Of the shuffle.

    Examples
    --------
    >>> import pixelforest as pf
    >>> from pixelforest.demo_data import load_blobs
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.model_selection import cross_val_score
    >>> image, annotation = load_blobs()
    >>> stack = pf.ImageFeatureStack(sigmas=(1, 2))
    >>> X, y, positions = pf.to_table(stack.transform(image), annotation, by="position")
    >>> folds = pf.model_selection.BlockKFold(3, block=48, buffer=max(stack.plan_.halo))
    >>> len(cross_val_score(RandomForestClassifier(5), X, y, groups=positions, cv=folds))
    3
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        block: int | Sequence[int],
        buffer: int | Sequence[int] = 0,
        shuffle: bool = False,
        random_state: Any = None,
    ) -> None:
        super().__init__(n_splits, shuffle=shuffle, random_state=random_state)
        self.block = block
        self.buffer = buffer

    def split(self, X: Any, y: Any, groups: Any) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Yield rows to train on and rows to test.

        Parameters
        ----------
        X : array-like of length n_pixels
        y : array-like of int, shape (n_pixels,)
            Classes.
        groups : ndarray of int, shape (n_pixels, 1 + spatial_ndim)
            Positions, ``(image, *pixel)``: what ``to_table(..., by="position")`` returns.

        Raises
        ------
        ValueError
            `groups` are no positions; a bad `block` or `buffer`; fewer blocks than folds; a fold without a training
            pixel outside the buffer, or without a pixel to test.
        """
        positions = np.asarray(groups)
        if positions.ndim != 2 or positions.shape[1] not in (3, 4) or positions.dtype.kind not in "ui":
            raise ValueError(
                "`groups` must be positions (image, *pixel), as `to_table(..., by='position')` returns them, "
                f"got shape {positions.shape} of {positions.dtype}"
            )
        reach = np.concatenate([[0], checked_pixels(self.buffer, positions.shape[1] - 1, "buffer", lowest=0)])
        blocks = block_numbers(positions, self.block)
        if blocks.max() + 1 < self.n_splits:
            raise ValueError(
                f"`n_splits` must not exceed the number of blocks with annotated pixels, {blocks.max() + 1}, "
                f"got {self.n_splits}; make `block` smaller"
            )
        points = positions / (reach + 0.5)  # within the buffer: less than 1 apart on every axis
        for train, test in super().split(X, y, blocks):
            if not test.size:
                raise ValueError(f"`n_splits` must leave every fold a block to test, got {self.n_splits}")
            distances, _ = cKDTree(points[test]).query(points[train], p=np.inf, distance_upper_bound=1)
            kept = train[np.isinf(distances)]
            if not kept.size:
                raise ValueError(
                    f"`buffer` of {self.buffer!r} leaves a fold no training pixel; use larger blocks or less buffer"
                )
            yield kept, test

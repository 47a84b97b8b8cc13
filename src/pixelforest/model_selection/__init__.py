"""Validate without fooling oneself: tables of pixels with groups, blocks with a buffer, ragged images."""

from pixelforest.model_selection.block_k_fold import BlockKFold
from pixelforest.model_selection.label_folds import block_masks, scribble_masks
from pixelforest.model_selection.out_of_fold import cross_val_predict
from pixelforest.model_selection.pixel_table import to_table

__all__ = ["BlockKFold", "block_masks", "cross_val_predict", "scribble_masks", "to_table"]

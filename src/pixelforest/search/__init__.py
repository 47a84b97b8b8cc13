"""Cheaper models: features are dropped until the score falls, or until the rest is cheap enough."""

from pixelforest.search.selection import FeatureSelection, select_features

__all__ = ["FeatureSelection", "select_features"]

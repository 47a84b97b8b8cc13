"""More training images from those there are."""

from pixelforest.augment.augmentation import Augmentation, augment

__all__ = ["Augmentation", "augment"]

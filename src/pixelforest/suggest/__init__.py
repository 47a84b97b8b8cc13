"""What to annotate next."""

from pixelforest.suggest.places import suggest_annotations

__all__ = ["suggest_annotations"]

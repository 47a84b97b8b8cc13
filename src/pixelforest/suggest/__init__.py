"""What to annotate next."""

from pixelforest.suggest.annotations import suggest_annotations

__all__ = ["suggest_annotations"]

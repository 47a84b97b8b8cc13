"""`ObjectSegmenter`: from images to label images of single objects."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from pixelforest.engine.chunked import is_chunked
from pixelforest.engine.instances import label_instances
from pixelforest.engine.xarrays import name_like, values_of
from pixelforest.estimators.feature_stack import ImageFeatureStack
from pixelforest.estimators.image_jobs import each_result
from pixelforest.estimators.segmenter import ImageSegmenter
from pixelforest.estimators.shapes import ImageInputMixin, restore, spatial_shapes
from pixelforest.exceptions import ClassAnnotationWarning
from pixelforest.images.containers import checked_spacing, collect_images
from pixelforest.images.instances import instance_classes
from pixelforest.images.labels import as_label_images
from pixelforest.metrics import object_f1
from pixelforest.regions.objects import ObjectRules, Split, label_objects, smooth

DEFAULT_SEED_DEPTH = {"distance": 0.75, "probability": 0.05}
"""How far the landscape has to fall between two seeds."""
BACKGROUND = 1
"""Class of what is no object, where `fit` makes the classes itself."""
WHOLE_IMAGES_ONLY = {
    "split": None,
    "smoothing": 0,
    "threshold": None,
    "fill_holes": False,
    "min_size": 0,
    "clear_border": False,
}
"""Parameters that need the whole image, and the values with which it may come chunk by chunk."""


class ObjectSegmenter(ImageInputMixin, BaseEstimator):
    """Learn which pixels belong to objects, and tell the objects apart.

    A pixel classifier (`ImageSegmenter`, same parameters) finds the pixels of a class. Objects are their connected
    components, with face neighbours as in apoc; smoothing, splitting and cleaning are off unless asked for.

    Parameters
    ----------
    features : ImageFeatureStack, optional
        Also says how images are laid out; its `spacing` is the unit of `smoothing` and of distances.
    classifier : scikit-learn classifier, optional
        See `ImageSegmenter`.
    learn_from : {"classes", "instances"}
        What `y` of `fit` is. ``"classes"``: sparse annotations of classes, as for `ImageSegmenter`. ``"instances"``:
        label images of all objects, of which `fit` makes the classes 1, background, and `positive_class`; so one `y`
        serves training and scores, as `GridSearchCV` needs.
    positive_class : int
        The class of objects.
    border_class : int, optional
        With ``learn_from="classes"``: the class of their outermost pixels, where objects touch or end. It belongs to
        objects, but not to their inside; `instance_classes` makes such classes of label images of objects.
    smoothing : float
        Sigma of a Gaussian on the probabilities, in pixels or the unit of `spacing`; with ``split="distance"`` also on
        the distances. 0: none.
    threshold : float, optional
        A pixel belongs to an object if the probability of `positive_class`, plus that of `border_class`, is at least
        this. By default if one of these is its most probable class.
    split : {"distance", "probability"}, optional
        Split objects that touch by a watershed: of the distance to the next pixel of no object, or of the probability
        of `positive_class`.
    seed_depth : float, optional
        How far distance or probability has to fall between two summits that are two objects: larger values split less.
        By default 0.75 (in the unit of `spacing`) for distances and 0.05 for probabilities.
    fill_holes : bool
        Whether holes in objects are filled.
    min_size : int
        Objects of fewer pixels are dropped.
    clear_border : bool
        Whether objects that touch the border of the image are dropped.
    unlabeled : int or None
        With ``learn_from="classes"``: see `ImageSegmenter`.
    classes : sequence of int, optional
        With ``learn_from="classes"``: see `ImageSegmenter`.
    tile_shape : tuple of int, optional
        See `ImageSegmenter`.
    memory_limit : int, optional
        Bytes of a tile of features. Objects are found in whole images: with `split` they take about 60 bytes per pixel.

    Attributes
    ----------
    segmenter_ : ImageSegmenter
        The fitted pixel classifier.
    classes_ : ndarray of int
        Its classes.
    n_features_in_ : int
        Channels of an image.

    See Also
    --------
    instance_classes : Classes of a label image of objects.
    pixelforest.metrics.object_f1_scorer : Scores objects in `GridSearchCV`.

    Examples
    --------
    >>> import numpy as np
    >>> import pixelforest as pf
    >>> y, x = np.mgrid[:40, :60]
    >>> left, right = (y - 20) ** 2 + (x - 20) ** 2 < 144, (y - 20) ** 2 + (x - 40) ** 2 < 144
    >>> image = 100.0 * (left | right)
    >>> scribbles = np.zeros(image.shape, dtype=np.uint8)
    >>> scribbles[2:4], scribbles[19:21, 12:48] = 1, 2
    >>> pf.ObjectSegmenter().fit([image], [scribbles]).predict(image).max()
    np.uint32(1)
    >>> pf.ObjectSegmenter(split="distance").fit([image], [scribbles]).predict(image).max()
    np.uint32(2)
    """

    def __init__(
        self,
        features: ImageFeatureStack | None = None,
        classifier: Any = None,
        *,
        learn_from: Literal["classes", "instances"] = "classes",
        positive_class: int = 2,
        border_class: int | None = None,
        smoothing: float = 0,
        threshold: float | None = None,
        split: Split | None = None,
        seed_depth: float | None = None,
        fill_holes: bool = False,
        min_size: int = 0,
        clear_border: bool = False,
        unlabeled: int | None = 0,
        classes: Any = None,
        tile_shape: tuple[int, ...] | None = None,
        memory_limit: int | None = None,
    ) -> None:
        self.features = features
        self.classifier = classifier
        self.learn_from = learn_from
        self.positive_class = positive_class
        self.border_class = border_class
        self.smoothing = smoothing
        self.threshold = threshold
        self.split = split
        self.seed_depth = seed_depth
        self.fill_holes = fill_holes
        self.min_size = min_size
        self.clear_border = clear_border
        self.unlabeled = unlabeled
        self.classes = classes
        self.tile_shape = tile_shape
        self.memory_limit = memory_limit

    def fit(self, X: Any, y: Any) -> ObjectSegmenter:
        """Train the pixel classifier.

        Parameters
        ----------
        X : list of array-like
            Images; they may differ in size.
        y : list of array-like of int
            One image of classes or of objects per image, see `learn_from`.

        Raises
        ------
        ValueError, TypeError
            See `ImageSegmenter.fit`; or parameters that mean nothing, such as a `positive_class` that `y` lacks.
        """
        self._check_parameters()
        from_instances = self.learn_from == "instances"
        segmenter = ImageSegmenter(
            self.features,
            self.classifier,
            unlabeled=0 if from_instances else self.unlabeled,
            classes=(BACKGROUND, self.positive_class) if from_instances else self.classes,
            tile_shape=self.tile_shape,
            memory_limit=self.memory_limit,
        )
        segmenter.fit(X, self._classes_of(X, y) if from_instances else y)
        self._check_classes(segmenter.classes_.tolist())
        if self._needs_probabilities() and not hasattr(segmenter, "predict_proba"):
            raise ValueError(
                "`classifier` must have `predict_proba` for `smoothing`, `threshold` and split='probability', got "
                f"{type(segmenter.classifier_).__name__}"
            )
        self.segmenter_, self.classes_ = segmenter, segmenter.classes_
        self.n_features_in_ = segmenter.n_features_in_
        return self

    def predict(self, X: Any) -> Any:
        """Return label images of objects.

        Parameters
        ----------
        X : list of array-like, stack, or one image

        Returns
        -------
        list of ndarray, stack, or one ndarray
            As `X`; uint32, 0 outside objects, which are 1, 2, … in the order of their first pixels. Pixels that NaN
            masks (``nan_policy="mask"``) belong to no object. DataArrays come back as DataArrays, and dask arrays as
            dask arrays of which nothing is computed yet.

        Raises
        ------
        ValueError, TypeError
            See `ImageSegmenter.predict`; dask arrays with anything but connected components: smoothing, splitting and
            cleaning see whole images.
        """
        check_is_fitted(self)
        self._check_parameters()
        rules = self._rules()
        axes = self.segmenter_._checked(X)
        batch = collect_images(X, axes)
        values = [values_of(image) for image in batch.images]
        if any(lazy := [is_chunked(image) for image in values]):
            if not all(lazy):
                raise ValueError("`X` must hold dask arrays only, or none: got both")
            found = [self._components(image) for image in values]
        else:
            kind: Literal["labels", "probabilities"] = "probabilities" if self._needs_probabilities() else "labels"
            job, limits = self.segmenter_._job(kind, is_masked=False), self.segmenter_._limits()
            found = [
                label_objects(*self._pixels(result), rules) for result in each_result(job, batch, axes, limits=limits)
            ]
        return restore(batch, [name_like(f, image, axes) for f, image in zip(found, batch.images, strict=True)], X)

    def score(self, X: Any, y: Any) -> float:
        """Return the mean F1 of objects that overlap by half or more, see `pixelforest.metrics.object_f1`.

        Parameters
        ----------
        X : list of array-like
        y : list of array-like of int
            Label images of all *objects*, also with ``learn_from="classes"``.

        Warns
        -----
        ClassAnnotationWarning
            `y` holds nothing but the classes that were learnt: it is hardly what it should be.
        """
        predicted = self.predict(X)
        if self.learn_from == "classes":
            known = {0, *self.classes_.tolist()}
            if all(set(np.unique(labels).tolist()) <= known for labels in y):
                warnings.warn(
                    f"`y` holds only the classes {sorted(known)}: `score` compares objects, so it needs label images "
                    "in which every object has a number of its own",
                    ClassAnnotationWarning,
                    stacklevel=2,
                )
        return object_f1(y, predicted)

    def _pixels(self, result: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[Any] | None]:
        """Return which pixels belong to objects and, if that was computed, how probable the inside of one is."""
        if not self._needs_probabilities():
            return np.isin(result, self._object_classes()), None
        spacing = self._spacing()
        valid = ~np.isnan(result[..., 0])
        planes = {
            label: smooth(np.where(valid, result[..., column], 0), self.smoothing, spacing)
            for column, label in enumerate(self.classes_.tolist())
        }
        inside = planes[self.positive_class]
        if self.threshold is not None:
            probability = np.sum([planes[label] for label in self._object_classes()], axis=0)
            return valid & (probability >= self.threshold), inside
        most_probable = self.classes_[np.argmax(list(planes.values()), axis=0)]
        return valid & np.isin(most_probable, self._object_classes()), inside

    def _components(self, image: Any) -> Any:
        """Return the connected components of a dask array, lazily; the only objects that chunks can find."""
        for name, value in WHOLE_IMAGES_ONLY.items():
            if getattr(self, name) != value:
                raise ValueError(
                    f"`{name}` must be {value!r} for dask arrays, got {getattr(self, name)!r}: chunk by chunk only "
                    "connected components are found; compute the image first, or parts of it that fit into memory"
                )
        labels = self.segmenter_.predict([image])[0]
        return label_instances(sum(labels == label for label in self._object_classes()) > 0)

    def _classes_of(self, X: Any, y: Any) -> Any:
        """Return the class images of label images of objects."""
        if self.positive_class == BACKGROUND or self.border_class is not None:
            raise ValueError(
                f"learn_from='instances' makes the classes {BACKGROUND}, background, and `positive_class`, which must "
                f"differ, and no `border_class`; got {self.positive_class} and {self.border_class}"
            )
        features = ImageFeatureStack() if self.features is None else self.features
        if not isinstance(features, ImageFeatureStack):
            return y  # `ImageSegmenter` says what is wrong with them
        axes = features.axes()
        instances = as_label_images(y, spatial_shapes(collect_images(X, axes, allow_single=False), axes))
        return [instance_classes(labels, background=BACKGROUND, inside=self.positive_class) for labels in instances]

    def _object_classes(self) -> list[int]:
        return [self.positive_class] if self.border_class is None else [self.positive_class, self.border_class]

    def _needs_probabilities(self) -> bool:
        return self.smoothing > 0 or self.threshold is not None or self.split == "probability"

    def _check_classes(self, classes: list[int]) -> None:
        for name in ("positive_class", "border_class"):
            label = getattr(self, name)
            if label is not None and label not in classes:
                raise ValueError(f"`{name}` must be one of the classes in `y`, {classes}, got {label!r}")
        if set(classes) <= set(self._object_classes()):
            raise ValueError(f"`y` must hold a class besides those of objects, got only {classes}")

    def _spacing(self) -> tuple[float, ...]:
        features = self.segmenter_.features_
        return checked_spacing(features.spacing, features.spatial_ndim)

    def _check_parameters(self) -> None:
        _check_choice("learn_from", self.learn_from, ("classes", "instances"))
        _check_choice("split", self.split, (None, *DEFAULT_SEED_DEPTH))
        if self.positive_class == self.border_class:
            raise ValueError(f"`border_class` must differ from `positive_class`, got {self.border_class} for both")
        for name, high in (("smoothing", np.inf), ("seed_depth", np.inf), ("min_size", np.inf), ("threshold", 1)):
            value = getattr(self, name)
            if value is None and name in ("seed_depth", "threshold"):
                continue
            if isinstance(value, bool) or not isinstance(value, Real):
                raise TypeError(f"`{name}` must be a number, got {value!r}")
            if not 0 <= float(value) <= high or np.isinf(float(value)):
                raise ValueError(f"`{name}` must be a number >= 0{' and <= 1' if high == 1 else ''}, got {value!r}")

    def _rules(self) -> ObjectRules:
        depth = self.seed_depth
        if depth is None:
            depth = 0.0 if self.split is None else DEFAULT_SEED_DEPTH[self.split]
        return ObjectRules(
            self.split, depth, self.smoothing, self.fill_holes, self.min_size, self.clear_border, self._spacing()
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _check_choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {', '.join(map(repr, choices))}, got {value!r}")

"""Predictions for lists of images that differ in shape, each by a model that never saw it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.model_selection import BaseCrossValidator, check_cv
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_consistent_length

Images = Sequence[ArrayLike] | NDArray
Folds = list[tuple[NDArray[np.intp], NDArray[np.intp]]]
CLASSWISE_METHODS = ("predict_proba", "predict_log_proba", "decision_function")


def cross_val_predict(
    estimator: Any,
    X: Images,
    y: Images | None = None,
    *,
    groups: ArrayLike | None = None,
    cv: int | BaseCrossValidator | Sequence[tuple[ArrayLike, ArrayLike]] | None = None,
    n_jobs: int | None = None,
    method: str = "predict",
    params: Mapping[str, Any] | None = None,
) -> list[Any]:
    """Predict every image by a model that never saw it.

    scikit-learn's function of the same name joins the predictions of all folds to one array, which images of different
    shapes do not allow. This one returns a list, in the order of `X`.

    Parameters
    ----------
    estimator : estimator
        Fitted on lists of images; a clone is fitted for each fold.
    X : list of n_images arrays, or array with n_images along its first axis
        The images; their shapes may differ.
    y : list of n_images arrays, or array with n_images along its first axis, default=None
        The label images.
    groups : array-like of shape (n_images,), default=None
        The group of each image, for splitters such as ``GroupKFold``.
    cv : int, splitter or iterable of (train, test), default=None
        As in scikit-learn; None means 5 folds. An int means ``KFold``: label images have no one class to stratify by.
    n_jobs : int, default=None
        Folds fitted at once.
    method : str, default='predict'
        The method that predicts: 'predict', 'predict_proba', 'decision_function', ...
    params : dict, default=None
        Parameters for ``fit``. A list or array with one entry per image is split along with the images.

    Returns
    -------
    list of n_images predictions
        What `method` returned for each image.

    Raises
    ------
    TypeError
        If `X` or `y` is a tuple.
    ValueError
        If the numbers of images differ, the folds do not test every image exactly once, a fold's model does not return
        one prediction per image, or the folds know different classes and `method` returns one value per class.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator
    >>> from pixelforest.model_selection import cross_val_predict
    >>> class MeanImage(BaseEstimator):
    ...     def fit(self, X, y=None):
    ...         self.mean_ = np.mean([image.mean() for image in X])
    ...         return self
    ...
    ...     def predict(self, X):
    ...         return [np.full(image.shape, self.mean_) for image in X]
    >>> images = [np.array([[1.0, 1.0]]), np.array([[3.0]])]
    >>> cross_val_predict(MeanImage(), images, cv=2)
    [array([[3., 3.]]), array([[1.]])]
    """
    for name, images in (("X", X), ("y", y)):
        if isinstance(images, tuple):
            raise TypeError(f"`{name}` must be a list of images, got a tuple, which is always one sample")
    check_consistent_length(X, y, groups)
    folds = _folds(cv, X, y, groups)
    results = Parallel(n_jobs=n_jobs)(
        delayed(_fit_and_predict)(clone(estimator), X, y, train, test, dict(params or {}), method)
        for train, test in folds
    )
    if method in CLASSWISE_METHODS:
        _check_same_classes([classes for _, classes in results], method)
    predicted = {
        int(index): prediction
        for (_, test), (predictions, _) in zip(folds, results, strict=True)
        for index, prediction in zip(test, predictions, strict=True)
    }
    return [predicted[index] for index in range(len(X))]


def _folds(cv: Any, X: Images, y: Images | None, groups: ArrayLike | None) -> Folds:
    folds = [(_positions(train), _positions(test)) for train, test in check_cv(cv).split(X, y, groups)]
    tested = np.sort(np.concatenate([test for _, test in folds]))
    if not np.array_equal(tested, np.arange(len(X))):
        raise ValueError(
            f"`cv` must test every one of the {len(X)} images exactly once, got the test images {tested.tolist()}"
        )
    return folds


def _positions(selection: ArrayLike) -> NDArray[np.intp]:
    indices = np.asarray(selection)
    return np.flatnonzero(indices) if indices.dtype == bool else indices


def _fit_and_predict(
    estimator: Any,
    X: Images,
    y: Images | None,
    train: NDArray[np.intp],
    test: NDArray[np.intp],
    params: dict[str, Any],
    method: str,
) -> tuple[Sequence[Any], list[Any] | None]:
    fit_params = {name: _take_if_per_image(value, train, len(X)) for name, value in params.items()}
    if y is None:
        estimator.fit(_take(X, train), **fit_params)
    else:
        estimator.fit(_take(X, train), _take(y, train), **fit_params)
    predictions = getattr(estimator, method)(_take(X, test))
    if len(predictions) != len(test):
        raise ValueError(f"`{method}` must return one prediction per image, got {len(predictions)} for {len(test)}")
    classes = getattr(estimator, "classes_", None)
    return predictions, None if classes is None else list(classes)


def _take(images: Images, indices: NDArray[np.intp]) -> Images:
    return images[indices] if isinstance(images, np.ndarray) else [images[index] for index in indices]


def _take_if_per_image(value: Any, indices: NDArray[np.intp], n_images: int) -> Any:
    is_per_image = isinstance(value, (list, np.ndarray)) and len(value) == n_images
    return _take(value, indices) if is_per_image else value


def _check_same_classes(classes_of_folds: list[list[Any] | None], method: str) -> None:
    if any(classes != classes_of_folds[0] for classes in classes_of_folds):
        raise ValueError(
            f"`{method}` returns one value per class, and the folds know different classes, {classes_of_folds}: "
            "fix them with the estimator's `classes=`"
        )

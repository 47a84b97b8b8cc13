"""`check_image_estimator`: what every estimator whose samples are images must do.

scikit-learn's `check_estimator` feeds tables, so for image-shaped estimators it skips nearly everything. This suite
runs the checks of scikit-learn that need no table, and the rules of images: one sample is one image, in any
container, of any size, dtype and memory layout.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone

from pixelforest.images.containers import ImageAxes

TABLE_FREE_CHECKS = (
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
    "check_do_not_raise_errors_in_init_or_set_param",
    "check_valid_tag_types",
)
"""Checks of scikit-learn that pass no data."""


@dataclass(frozen=True)
class Case:
    """An estimator under test, and how its images are laid out.

    Parameters
    ----------
    estimator : estimator
        Never fitted; every check fits a clone.
    axes : ImageAxes
    n_channels : int
    """

    estimator: BaseEstimator
    axes: ImageAxes
    n_channels: int

    @property
    def is_transformer(self) -> bool:
        """Whether results come from `transform`; from `predict` otherwise."""
        return hasattr(self.estimator, "transform")

    def image(self, spatial: tuple[int, ...], seed: int = 0, dtype: Any = np.float32) -> NDArray[Any]:
        """Return a smooth random image with values from 0 to 100."""
        shape = list(spatial)
        if self.axes.channel_axis is not None:
            shape.insert(self.axes.channel_axis % self.axes.ndim, self.n_channels)
        values = np.random.default_rng(seed).uniform(0, 40, shape)
        values += np.linspace(0, 60, num=values.size).reshape(shape)
        return values.astype(dtype)

    def images(self) -> list[NDArray[Any]]:
        """Return three images of one size."""
        return [self.image(self.size(), seed) for seed in range(3)]

    def labels(self) -> list[NDArray[np.uint8]]:
        """Return sparse labels of two classes for `images`."""
        result = []
        for seed in range(3):
            labels = np.zeros(self.size(), np.uint8)
            flat = labels.reshape(-1)
            flat[seed : flat.size // 4 : 3] = 1
            flat[-flat.size // 4 + seed :: 3] = 2
            result.append(labels)
        return result

    def size(self) -> tuple[int, ...]:
        """Return the spatial shape of `images`."""
        return (4, 9, 11)[-self.axes.spatial_ndim :]

    def fitted(self) -> Any:
        """Return a fitted clone."""
        return clone(self.estimator).fit(self.images(), self.labels())

    def apply(self, fitted: Any, X: Any) -> Any:
        """Return `transform` or `predict` of `X`."""
        return fitted.transform(X) if self.is_transformer else fitted.predict(X)


def check_image_estimator(
    estimator: BaseEstimator, *, spatial_ndim: int = 2, channel_axis: int | None = None, n_channels: int = 3
) -> None:
    """Check that an estimator follows the conventions for estimators whose samples are images.

    Parameters
    ----------
    estimator : estimator
        With `fit(X, y)` and either `transform` (images in, images with features last out) or `predict` (label images).
    spatial_ndim, channel_axis : int
        How the images are laid out that `estimator` takes.
    n_channels : int
        Channels of the test images, if `channel_axis` is given.

    Raises
    ------
    AssertionError
        A convention is broken; the message begins with the name of the check.

    Examples
    --------
    >>> import pixelforest as pf
    >>> pf.check_image_estimator(pf.ImageNormalizer())
    """
    for name, check in image_estimator_checks(
        estimator, spatial_ndim=spatial_ndim, channel_axis=channel_axis, n_channels=n_channels
    ):
        try:
            check()
        except Exception as error:  # whatever a broken estimator does, the check that met it is named
            raise AssertionError(f"{name}: {error}") from error


def image_estimator_checks(
    estimator: BaseEstimator, *, spatial_ndim: int = 2, channel_axis: int | None = None, n_channels: int = 3
) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield name and function of every check, for tests that want one line per check.

    Parameters are those of `check_image_estimator`.
    """
    from sklearn.utils import estimator_checks  # brings pytest, which takes longer to import than all of ours

    case = Case(estimator, ImageAxes(spatial_ndim, channel_axis), n_channels)
    for name in TABLE_FREE_CHECKS:
        check = getattr(estimator_checks, name, None)
        if check is not None:  # names differ a little between versions of scikit-learn
            yield name, partial(_run_on_a_clone, check, estimator)
    for rule in IMAGE_RULES:
        yield rule.__name__.removeprefix("_"), partial(rule, case)


def _run_on_a_clone(check: Callable[[str, Any], None], estimator: BaseEstimator) -> None:
    check(type(estimator).__name__, clone(estimator))


def _fit_changes_no_parameter(case: Case) -> None:
    """`fit` leaves parameters alone and returns the estimator."""
    model = clone(case.estimator)
    before = repr(model.get_params())
    assert model.fit(case.images(), case.labels()) is model, "`fit` must return self"
    assert repr(model.get_params()) == before, "`fit` changed a parameter"


def _inputs_are_not_changed(case: Case) -> None:
    """Images and labels are read only."""
    images, labels = case.images(), case.labels()
    for array in (*images, *labels):
        array.setflags(write=False)
    case.apply(clone(case.estimator).fit(images, labels), images)
    for got, expected in zip([*images, *labels], [*case.images(), *case.labels()], strict=True):
        assert_array_equal(got, expected)


def _applying_leaves_no_state(case: Case) -> None:
    """Check that `transform` or `predict` sets no attribute and gives the same a second time."""
    model, image = case.fitted(), case.images()[0]
    before = set(vars(model))
    first = case.apply(model, image)
    assert set(vars(model)) == before, f"left behind: {set(vars(model)) - before}"
    assert_array_equal(case.apply(model, image), first)


def _pickled_estimator_gives_the_same(case: Case) -> None:
    """Check that a fitted estimator survives pickling."""
    model, image = case.fitted(), case.images()[0]
    assert_array_equal(case.apply(pickle.loads(pickle.dumps(model)), image), case.apply(model, image))


def _containers_are_equal(case: Case) -> None:
    """List, stack, object array and single images give the same values."""
    images = case.images()
    model = case.fitted()
    expected = case.apply(model, images)
    assert isinstance(expected, list), "a list must give a list"
    as_objects = np.empty(len(images), dtype=object)
    as_objects[:] = images
    for container in (np.stack(images), as_objects):
        for got, wanted in zip(case.apply(model, container), expected, strict=True):
            assert_array_equal(got, wanted)
    for image, wanted in zip(images, expected, strict=True):
        assert_array_equal(case.apply(model, image), wanted)


def _lazy_and_named_images_are_equal(case: Case) -> None:
    """Check that dask and xarray images give the same values, where those libraries are installed."""
    model, image = case.fitted(), case.images()[0]
    expected = case.apply(model, image)
    try:
        import dask.array

        assert_array_equal(np.asarray(case.apply(model, dask.array.from_array(image, chunks=5))), expected)
    except ImportError:
        pass
    try:
        import xarray

        named = xarray.DataArray(image, dims=[f"axis_{i}" for i in range(image.ndim)])
        assert_array_equal(np.asarray(case.apply(model, named)), expected)
    except ImportError:
        pass


def _sizes_may_differ(case: Case) -> None:
    """Images of one call may differ in size."""
    model = case.fitted()
    sizes = [tuple(n + extra for n in case.size()) for extra in (0, 3)]
    results = case.apply(model, [case.image(size) for size in sizes])
    for result, size in zip(results, sizes, strict=True):
        _assert_covers(result, size, case)


def _thin_images_work(case: Case) -> None:
    """Images of one pixel, one row or one column work."""
    model = case.fitted()
    ndim = case.axes.spatial_ndim
    for size in ((1,) * ndim, (*(1,) * (ndim - 1), 7), (7, *(1,) * (ndim - 1))):
        _assert_covers(case.apply(model, case.image(size)), size, case)


def _dtypes_give_the_same(case: Case) -> None:
    """Whole numbers give the same in every dtype that holds them."""
    model = case.fitted()
    image = case.image(case.size(), dtype=np.uint8)
    expected = case.apply(model, image.astype(np.float32))
    for dtype in (np.uint8, np.int16, np.uint16, np.int32, np.float16, np.float64, ">f4"):
        assert_array_equal(case.apply(model, image.astype(dtype)), expected, err_msg=str(dtype))


def _memory_layout_does_not_matter(case: Case) -> None:
    """Fortran order, gaps and negative strides give the same values."""
    model, image = case.fitted(), case.images()[0]
    expected = case.apply(model, image)
    gaps = np.repeat(image, 2, axis=0)[::2]
    reverse = (slice(None, None, -1),) * image.ndim
    backwards = np.ascontiguousarray(image[reverse])[reverse]
    for array in (np.asfortranarray(image), gaps, backwards):
        assert_array_equal(case.apply(model, array), expected)


def _nan_is_rejected_by_index(case: Case) -> None:
    """NaN and inf pixels raise, and the message names the image."""
    model = case.fitted()
    for value in (np.nan, np.inf):
        images = case.images()
        images[1].flat[5] = value
        message = _error_of(partial(case.apply, model, images))
        assert message is not None, f"{value} pixels must raise"
        assert "[1]" in message, f"the error must name the image, `X[1]`; it says: {message}"


def _feature_names_match(case: Case) -> None:
    """There is one name per feature."""
    model = case.fitted()
    if hasattr(model, "get_feature_names_out"):
        n_names = len(model.get_feature_names_out())
        n_features = case.apply(model, case.images()[0]).shape[-1]
        assert n_names == n_features, f"{n_names} names for {n_features} features"


def _refit_forgets(case: Case) -> None:
    """Check that a second `fit` leaves nothing of the first."""
    model = clone(case.estimator).fit(case.images()[::-1], case.labels())
    again = model.fit(case.images(), case.labels())
    image = case.images()[2]
    assert_array_equal(case.apply(again, image), case.apply(case.fitted(), image))


def _images_are_independent(case: Case) -> None:
    """Check that the result of an image does not depend on the images beside it."""
    model, images = case.fitted(), case.images()
    forward, backward = case.apply(model, images), case.apply(model, images[::-1])
    for a, b in zip(forward, backward[::-1], strict=True):
        assert_array_equal(a, b)


def _bad_containers_raise(case: Case) -> None:
    """Tuples, empty lists, wrong numbers of axes and empty images raise ValueError or TypeError."""
    model = case.fitted()
    image = case.images()[0]
    bad: tuple[Any, ...] = (
        (image, image),
        [],
        [image[0]],
        [image[:0]],
        np.zeros((2,) * (case.axes.ndim + 2)),
        ["text"],
    )
    for X in bad:
        assert _error_of(partial(case.apply, model, X)) is not None, f"{str(X)[:60]} must raise"


def _supervised_fit_refuses_a_lone_image(case: Case) -> None:
    """`fit` of a supervised estimator refuses a lone array: cross-validation would split its rows."""
    if case.is_transformer:
        return
    message = _error_of(lambda: clone(case.estimator).fit(case.images()[0], case.labels()[0]))
    assert message is not None, "a lone image must raise"
    assert "fit([image], [labels])" in message, f"the error must say what to write; it says: {message}"


def _failed_fit_leaves_no_state(case: Case) -> None:
    """Check that a `fit` that raises leaves no attribute."""
    if case.is_transformer:
        return
    model = clone(case.estimator)
    before = set(vars(model))
    nothing = [np.zeros_like(labels) for labels in case.labels()]
    for labels in (
        nothing,
        [labels.astype(float) for labels in case.labels()],
        [labels[1:] for labels in case.labels()],
    ):
        assert _error_of(partial(model.fit, case.images(), labels)) is not None, "bad labels must raise"
        assert set(vars(model)) == before, f"left behind: {set(vars(model)) - before}"


IMAGE_RULES = (
    _fit_changes_no_parameter,
    _inputs_are_not_changed,
    _applying_leaves_no_state,
    _pickled_estimator_gives_the_same,
    _containers_are_equal,
    _lazy_and_named_images_are_equal,
    _sizes_may_differ,
    _thin_images_work,
    _dtypes_give_the_same,
    _memory_layout_does_not_matter,
    _nan_is_rejected_by_index,
    _feature_names_match,
    _refit_forgets,
    _images_are_independent,
    _bad_containers_raise,
    _supervised_fit_refuses_a_lone_image,
    _failed_fit_leaves_no_state,
)


def _assert_covers(result: Any, size: tuple[int, ...], case: Case) -> None:
    shape = np.shape(result)
    # `transform` may return features last, or an image laid out like the one it got
    expected = [size, (*size, *shape[len(size) :]), case.image(size).shape] if case.is_transformer else [size]
    assert shape in expected, f"result of an image of {size} has shape {shape}"


def _error_of(call: Callable[[], Any]) -> str | None:
    """Return the message of the ValueError or TypeError that `call` raises, or None."""
    try:
        call()
    except (ValueError, TypeError) as error:
        return str(error)
    return None

"""Save fitted models and load them again, without running code from the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TRUSTED = frozenset(
    {
        "builtins.frozenset",
        "numpy.dtype",
        "pixelforest.engine.scaling.PercentileScaling",
        "pixelforest.engine.feature_cache.FeatureCache",  # its size and name; planes are not saved
        "pixelforest.estimators.compile_forest.CompiledClassifier",
        "pixelforest.estimators.compile_forest.CompiledRegressor",
        "pixelforest.estimators.compiled.ForestPrograms",
        "pixelforest.estimators.compiled.WatchedPrograms",
        "pixelforest.estimators.extra_trees.OpenCLExtraTreesClassifier",
        "pixelforest.estimators.extra_trees_regressor.OpenCLExtraTreesRegressor",
        "pixelforest.estimators.feature_stack.ImageFeatureStack",
        "pixelforest.estimators.flatten.Flatten",
        "pixelforest.estimators.input_rules.InputRules",
        "pixelforest.estimators.model_record.ModelRecord",
        "pixelforest.estimators.normalizer.ImageNormalizer",
        "pixelforest.estimators.object_segmenter.ObjectSegmenter",
        "pixelforest.estimators.pixel_classifier.PixelClassifier",
        "pixelforest.estimators.random_forest.OpenCLRandomForestClassifier",
        "pixelforest.estimators.random_forest_regressor.OpenCLRandomForestRegressor",
        "pixelforest.estimators.segmenter.ImageSegmenter",
        "pixelforest.forest.representation.Forest",
        "sklearn.tree._tree.Tree",  # arrays, which are validated before a kernel sees them
    }
)
"""Types that a model file may hold besides those that skops trusts itself (scikit-learn's and NumPy's)."""


def save_model(model: Any, path: str | Path) -> None:
    """Save a fitted model with skops.

    Parameters
    ----------
    model : estimator
        An `ImageSegmenter`, or a pipeline of estimators of this package and scikit-learn.
    path : str or Path
        A file that ends in ``.skops``. It is replaced when all of the new one is on disk.

    Raises
    ------
    ValueError
        Another ending; or `model` has parts that `load_model` would refuse, such as functions of one's own.
    ImportError
        skops is missing.

    Examples
    --------
    >>> import tempfile
    >>> import pixelforest as pf
    >>> path = Path(tempfile.mkdtemp()) / "model.skops"
    >>> save_model(pf.ImageNormalizer(low=2).fit([[[1.0, 2.0]]]), path)
    >>> load_model(path).low
    2
    """
    from pixelforest.io.run_record import write_synced

    path, skops_io = _checked_path(path), _skops()
    content = skops_io.dumps(model)
    refused = sorted(set(skops_io.get_untrusted_types(data=content)) - TRUSTED)
    if refused:
        raise ValueError(f"`model` must be made of estimators that a model file may hold, got {', '.join(refused)}")
    write_synced(path, content)


def load_model(path: str | Path) -> Any:
    """Load a model that `save_model` has saved. Nothing in the file is run.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        Another ending than ``.skops``, not such a file, or types in it that are not trusted; the message names them.
    ImportError
        skops is missing.
    """
    path, skops_io = _checked_path(path), _skops()
    if not path.is_file():
        raise FileNotFoundError(f"`path` must be a model file, but there is no {str(path)!r}")
    try:
        refused = sorted(set(skops_io.get_untrusted_types(file=path)) - TRUSTED)
        if not refused:
            return skops_io.load(path, trusted=sorted(TRUSTED))
    except Exception as error:  # whatever reading a broken archive raises
        raise ValueError(f"`path`: {str(path)!r} is no model file that can be read: {error}") from error
    raise ValueError(f"`path`: {str(path)!r} holds types that are not trusted: {', '.join(refused)}")


def _checked_path(path: str | Path) -> Path:
    if Path(path).suffix != ".skops":
        raise ValueError(f"`path` must end in .skops, got {str(path)!r}")
    return Path(path)


def _skops() -> Any:
    try:
        import skops.io
    except ImportError as error:
        raise ImportError(f'model files need skops: pip install "pixelforest[cli]" ({error})') from error
    return skops.io

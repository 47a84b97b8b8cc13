"""What `import pixelforest` offers, that it is documented, and that it is cheap."""

import inspect
import json
import subprocess
import sys

import pytest

import pixelforest as pf
import pixelforest.batch
import pixelforest.demo_data
import pixelforest.exceptions

PUBLIC = {
    "Augmentation",
    "AugmentedTraining",
    "CustomFilter",
    "FeatureSpec",
    "Flatten",
    "ImageFeatureStack",
    "ImageNormalizer",
    "ImageSegmenter",
    "ObjectClassifier",
    "ObjectMerger",
    "ObjectRegressor",
    "ObjectSelector",
    "OpenCLExtraTreesClassifier",
    "OpenCLExtraTreesRegressor",
    "OpenCLRandomForestClassifier",
    "OpenCLRandomForestRegressor",
    "PixelClassifier",
    "PixelRegressor",
    "RegionFeatures",
    "augment",
    "check_image_estimator",
    "compile_forest",
    "explain",
    "metrics",
    "model_selection",
    "plot",
    "read_measurements",
    "register_filter",
    "suggest_annotations",
}
HEAVY = ("pytest", "pyopencl", "dask", "distributed", "xarray", "matplotlib", "skimage", "zarr", "skops")


def documented_objects():
    """Return the qualified names and objects of every public class and function."""
    return [
        (f"{module.__name__}.{name}", getattr(module, name))
        for module in (
            pf,
            pf.explain,
            pf.metrics,
            pf.model_selection,
            pf.plot,
            pixelforest.demo_data,
            pixelforest.batch,
        )
        for name in module.__all__
        if inspect.isclass(getattr(module, name)) or inspect.isfunction(getattr(module, name))
    ]


each_object = pytest.mark.parametrize(
    ("name", "thing"), documented_objects(), ids=[name for name, _ in documented_objects()]
)


def test_all_holds_the_public_names():
    assert sorted(pf.__all__) == pf.__all__
    assert set(pf.__all__) == PUBLIC


@pytest.mark.parametrize(
    "module", [pf, pf.explain, pf.metrics, pf.model_selection, pf.plot], ids=lambda module: module.__name__
)
def test_all_names_exist_once_and_nothing_else_looks_public(module):
    assert len(set(module.__all__)) == len(module.__all__)
    assert not [name for name in module.__all__ if not hasattr(module, name)]
    own = {
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(thing) or inspect.isfunction(thing))
        and thing.__module__.startswith("pixelforest")
    }
    assert own <= set(module.__all__)


@each_object
def test_public_objects_are_documented_with_an_example(name, thing):
    text = inspect.getdoc(thing) or ""
    summary = text.splitlines()[0] if text else ""
    assert summary.endswith("."), f"{name} has no one-line summary"
    if not is_plain_record(thing):
        assert ">>>" in text.partition("Examples\n--------\n")[2], name


def is_plain_record(thing):
    """Return whether a class only carries what a function returns; the function's example shows it."""
    return thing in (pf.metrics.ObjectMatching, pf.metrics.ObjectPair, pf.CustomFilter, pixelforest.demo_data.DemoData)


@each_object
def test_public_methods_are_documented(name, thing):
    if not inspect.isclass(thing):
        return
    own = [
        method
        for method in vars(thing).values()
        if inspect.isfunction(method) and not method.__name__.startswith("_") and method.__name__ != "<lambda>"
    ]
    assert not [method.__name__ for method in own if not method.__doc__], name


@each_object
def test_public_signatures_take_no_arbitrary_keywords(name, thing):
    kinds = {parameter.kind for parameter in inspect.signature(thing).parameters.values()}
    assert inspect.Parameter.VAR_KEYWORD not in kinds, name


@pytest.mark.parametrize("estimator", [thing for _, thing in documented_objects() if hasattr(thing, "get_params")])
def test_every_parameter_is_documented(estimator):
    text = inspect.getdoc(estimator)
    parameters = text.split("Parameters\n----------\n")[1].split("\n---")[0]
    missing = [name for name in estimator().get_params(deep=False) if name not in parameters]
    assert not missing


def test_warnings_are_user_warnings():
    classes = [thing for thing in vars(pixelforest.exceptions).values() if inspect.isclass(thing)]
    assert len(classes) >= 3
    assert all(issubclass(thing, UserWarning) and thing.__doc__ for thing in classes)


def loaded_after(code):
    """Return which heavy libraries a fresh process has loaded after `code`."""
    script = f"{code}\nimport sys, json\nprint(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_import_loads_no_opencl_and_no_optional_library():
    assert set(loaded_after("import pixelforest")) <= {"skimage"}


def test_making_estimators_touches_no_device():
    code = """
import pixelforest as pf
from sklearn.base import clone
model = clone(pf.ImageSegmenter(pf.ImageFeatureStack(device="Babbage"), pf.OpenCLRandomForestClassifier()))
repr(model); model.get_params(); pf.PixelClassifier(); pf.ImageFeatureStack().get_feature_names_out()
"""
    assert "pyopencl" not in loaded_after(code)


def test_numpy_is_enough():
    code = """
import numpy as np, pixelforest as pf
image, labels = np.random.default_rng(0).normal(size=(16, 16)), np.zeros((16, 16), int)
labels[2, 2:6], labels[9, 2:6] = 1, 2
forest = pf.OpenCLRandomForestClassifier(n_estimators=2, device="numpy")
pf.ImageSegmenter(pf.ImageFeatureStack(sigmas=(1,), device="numpy"), forest).fit([image], [labels]).predict(image)
"""
    assert not {"pyopencl", "dask", "xarray", "matplotlib"} & set(loaded_after(code))

"""Conventions against fastfilters and pyclesperanto as recorded, scikit-image, and ilastik's own forest."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import pixelforest as pf
from pixelforest.features.build import build_plan
from pixelforest.features.conventions import CONVENTIONS
from pixelforest.features.kernels import MomentKernel, weights
from pixelforest.features.patch import Patch, Window
from pixelforest.features.presets import ILASTIK_FILTERS, PRESETS
from pixelforest.features.spec import FeatureSpec

ORIGINALS = Path(__file__).parent / "originals"
# fastfilters and vigra solve the cubic for eigenvalues of 3-D matrices in float32, which costs half the digits
OWN_ERROR = {
    ("fastfilters", "hessian_eigenvalues", "3"): 0.02,
    ("fastfilters", "structure_tensor_eigenvalues", "3"): 2e-4,
}


def recorded(library):
    with np.load(ORIGINALS / f"{library}.npz") as file:
        arrays = dict(file)
    images = {key.split(":")[1]: value for key, value in arrays.items() if key.startswith("image")}
    return [(*key.split(":"), images, value) for key, value in arrays.items() if not key.startswith("image")]


def whole(image):
    window = Window.whole(image.shape)
    return Patch(np.ascontiguousarray(image, np.float32)[np.newaxis], window, window, image.shape)


@pytest.mark.parametrize(("library", "convention"), [("fastfilters", "ilastik"), ("pyclesperanto", "clesperanto")])
def test_recorded_originals_are_reproduced(engine, library, convention):
    records = recorded(library)
    assert len(records) > 40
    for name, ndim, sigma, images, expected in records:
        image = images[ndim]
        plan = build_plan((FeatureSpec(name, float(sigma), convention),), (1.0,) * image.ndim)
        values = engine.compute(plan, whole(image))[(slice(None), *(slice(None, None, 3),) * image.ndim)]
        if (library, name, sigma) == ("fastfilters", "structure_tensor_eigenvalues", "0.3"):
            continue  # 0.15 pixels: fastfilters divides by a sum of 0 and gives NaN or noise
        peak = np.abs(image).max()
        allowed = max(2e-6 * plan.bounds[0].limit(peak), OWN_ERROR.get((library, name, ndim), 0) * np.ptp(expected))
        assert_allclose(values, expected, rtol=0, atol=allowed, err_msg=f"{name} {ndim}-D, sigma {sigma}")


def test_vigras_kernels_by_hand():
    """Window ratio 2 at sigma 0.7 ends at 1 = int(1.9); moments of derivatives are exact."""
    g = np.exp(-0.5 / 0.49)
    assert_allclose(weights(CONVENTIONS["ilastik"].gaussian(0.7)), np.array([g, 1, g]) / (1 + 2 * g))
    assert_allclose(weights(CONVENTIONS["ilastik"].gaussian(0.7, 1)), [-0.5, 0, 0.5])
    assert_allclose(weights(CONVENTIONS["ilastik"].gaussian(0.7, 2)), [1, -2, 1])
    assert CONVENTIONS["ilastik"].gaussian(1.0).radius == 2
    before, left = CONVENTIONS["ilastik"].before(5.0)
    assert (before, left) == (MomentKernel(24**0.5, 0, 17), 1.0)
    k = np.arange(-3, 4)
    for sigma in (0.9, 1.0, 1.4):
        assert_allclose((np.array(weights(MomentKernel(sigma, 1, 3))) * k).sum(), 1)
        second = np.array(weights(MomentKernel(sigma, 2, 3)))
        assert_allclose([second.sum(), (second * k**2 / 2).sum()], [0, 1], atol=1e-12)


def test_ilastiks_forest_splits_between_our_features(data_folder):
    """Thresholds of a trained ilastik project are midpoints of two features at annotated pixels: of ours, then."""
    h5py = pytest.importorskip("h5py")
    imread = pytest.importorskip("skimage.io").imread
    folder = data_folder / "ilastik_sample"
    with h5py.File(folder / "PixelClass.ilp") as project:
        forests = project["PixelClassification/ClassifierForests"]
        nodes = [
            (int(tree["topology"][6]), float(tree["parameters"][1]))  # column and threshold of the root
            for forest in forests.values()
            if isinstance(forest, h5py.Group)
            for name, tree in forest.items()
            if name.startswith("Tree")
        ]
        chosen, scales = project["FeatureSelections/SelectionMatrix"][()], project["FeatureSelections/Scales"][()]
        strokes = project["PixelClassification/LabelSets/labels000/block0000"][..., 0]
    specs = [FeatureSpec(ILASTIK_FILTERS[i], scales[j], "ilastik") for i, j in np.argwhere(chosen)]
    image = imread(folder / "Data_1channel.png")
    features = pf.ImageFeatureStack(features=specs, device="numpy").transform(image)[26:64, 36:101][strokes > 0]
    assert len(nodes) == 100
    for column, threshold in nodes:
        values = np.unique(features[:, column])
        below = np.searchsorted(values, threshold)
        near = values[max(below - 10, 0) : below + 10].astype(float)
        midpoints = (near[:, np.newaxis] + near) / 2
        assert np.abs(midpoints - threshold).min() < 3e-5 * np.ptp(values), (column, threshold)


@pytest.mark.parametrize("shape", [(40, 53), (14, 15, 17)], ids=str)
def test_skimage_is_multiscale_basic_features(engine, shape):
    from skimage.feature import multiscale_basic_features

    image = np.random.default_rng(1).random(shape).astype(np.float32)
    plan = build_plan(PRESETS["skimage"], (1.0,) * len(shape))
    expected = np.moveaxis(multiscale_basic_features(image), -1, 0)
    assert expected.shape[0] == len(plan.names) == 6 * (2 + len(shape))
    assert_allclose(engine.compute(plan, whole(image)), expected, rtol=0, atol=2e-6)


def test_apocs_names_mean_clesperantos_convention(engine):
    image = np.random.default_rng(2).normal(size=(30, 31))
    pairs = {
        "gaussian": "gaussian_blur",
        "difference_of_gaussians": "difference_of_gaussian",
        "laplacian_of_gaussian": "laplace_box_of_gaussian_blur",
        "sobel": "sobel_of_gaussian_blur",
    }
    for name, apoc in pairs.items():
        ours = engine.compute(build_plan((FeatureSpec(name, 2, "clesperanto"),), (1.0, 1.0)), whole(image))
        theirs = engine.compute(build_plan((FeatureSpec(apoc, 2),), (1.0, 1.0), convention="ilastik"), whole(image))
        assert_array_equal(ours, theirs)


def test_presets_have_their_features():
    assert len(PRESETS["ilastik"]) == 37
    names = pf.ImageFeatureStack(features="ilastik").get_feature_names_out()
    assert names[0] == "gaussian_sigma_0.3"
    assert len(names) == 37 + 12  # two eigenvalues each
    weka = pf.ImageFeatureStack(features="weka")
    assert weka.transform(np.eye(24)).shape == (24, 24, 1 + 1 + 5 * 6 + 10 + 6)


def test_the_stack_gives_its_convention_to_names_but_not_to_presets():
    image = np.random.default_rng(3).normal(size=(20, 21))
    stack = pf.ImageFeatureStack(filters=("sobel",), sigmas=(1,), convention="skimage", device="numpy")
    spec = FeatureSpec("sobel", 1, "skimage")
    assert_array_equal(stack.transform(image), pf.ImageFeatureStack(features=[spec], device="numpy").transform(image))
    assert not np.array_equal(stack.transform(image), stack.set_params(convention="scipy").transform(image))
    preset = pf.ImageFeatureStack(features="skimage", device="numpy")
    assert_array_equal(preset.transform(image), preset.set_params(convention="ilastik").transform(image))


@pytest.mark.parametrize("convention", [None, 3, "skimmage"])
def test_unknown_conventions_are_refused(convention):
    with pytest.raises(ValueError, match="`convention`: unknown"):
        pf.ImageFeatureStack(convention=convention).transform(np.zeros((3, 3)))
    if convention is not None:
        with pytest.raises(ValueError, match="`convention`: unknown"):
            FeatureSpec("gaussian", 1, convention)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_kernels_narrower_than_a_pixel_keep_their_moment(order):
    half = np.array(MomentKernel(sigma=0.01, order=order, radius=1).half)
    k = np.arange(2)
    moment = half[0] + 2 * half[1:].sum() if order == 0 else 2 * (half * k**order).sum() / order
    assert np.isfinite(half).all()
    assert moment == pytest.approx(1)

"""What users write as features: specifications, strings, presets, grids; what is refused and how."""

import re

import numpy as np
import pytest

from pixelforest.features.build import grid
from pixelforest.features.filters import BUILT_IN
from pixelforest.features.parse import parse_features
from pixelforest.features.presets import PRESETS
from pixelforest.features.spec import FeatureSpec

BLURS = [("gaussian_blur", "G"), ("difference_of_gaussian", "D"), ("laplace_box_of_gaussian_blur", "L")]


def three(*sigmas):
    return " ".join(f"{name}={sigma}" for name, _ in BLURS for sigma in sigmas)


APOC = {
    "small_quick": "original gaussian_blur=1 sobel_of_gaussian_blur=1",
    "medium_quick": "gaussian_blur=5 sobel_of_gaussian_blur=5",
    "large_quick": "gaussian_blur=25 sobel_of_gaussian_blur=25",
    "small_dog_log": "original gaussian_blur=1 difference_of_gaussian=1 laplace_box_of_gaussian_blur=1",
    "medium_dog_log": three(5),
    "large_dog_log": three(25),
    "object_size_1_to_2_px": three(1, 2),
    "object_size_1_to_5_px": "original " + three(1, 2, 3, 4, 5),
    "object_size_3_to_8_px": three(3, 4, 5, 6, 7, 8),
    "object_size_5_to_10_px": three(5, 6, 7, 8, 9, 10),
    "object_size_10_to_15_px": three(10, 11, 12, 13, 14, 15),
    "object_size_15_to_20_px": three(15, 16, 17, 18, 19, 20),
    "object_size_20_to_25_px": three(20, 21, 22, 23, 24, 25),
    "object_size_25_to_50_px": three(25, 30, 35, 40, 45),
    "object_size_50_to_100_px": three(50, 60, 70, 80, 90),
}


def test_presets_are_apocs():
    assert set(PRESETS) == {*APOC, *(f"apoc_{name}" for name in APOC), "ilastik", "skimage", "weka"}
    for name, text in APOC.items():
        assert parse_features(name) == parse_features(f"apoc_{name}") == parse_features(text), name
        assert parse_features(f" {name}\n") == PRESETS[name]


def test_strings_lists_and_specs_say_the_same():
    specs = (FeatureSpec("original"), FeatureSpec("gaussian", 1.5))
    assert parse_features("original \t gaussian=1.5") == specs
    assert parse_features(["original", " gaussian=1.5 "]) == specs
    assert parse_features([specs[0], "gaussian=1.50"]) == specs
    assert parse_features(specs) == specs
    assert hash(specs[1]) == hash(FeatureSpec("gaussian", np.float64(1.5)))
    assert FeatureSpec("gaussian", 2) == FeatureSpec("gaussian", np.float32(2))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ("gausian_blur=1", "unknown filter or preset 'gausian_blur'; did you mean 'gaussian_blur'?"),
        ("object_size_1_to_5px", "did you mean 'object_size_1_to_5_px'?"),
        ("zzzz", "known names are 'apoc_large_dog_log', "),
        ("original gaussian_blur", "'gaussian_blur' needs a number as sigma, such as 'gaussian_blur=1'"),
        ("gaussian=", "'gaussian=' needs a number as sigma"),
        ("gaussian=a", "'gaussian=a' needs a number as sigma"),
        ("gaussian=0", "sigma must be a finite number > 0, got 0.0 for 'gaussian'"),
        ("gaussian=-1", "got -1.0 for 'gaussian'"),
        ("gaussian=nan", "got nan for 'gaussian'"),
        ("gaussian=inf", "got inf for 'gaussian'"),
        ("original=0", "filter 'original' has no sigma, got original=0"),
        ("original original", "'original' is there 2 times"),
        ("gaussian=1 gaussian=1.0", "'gaussian_sigma_1' is there 2 times"),
        ("", "`features` is empty, got ''"),
        ("  ", "`features` is empty"),
        ([], r"`features` is empty, got []"),
    ],
)
def test_wrong_features_are_refused(features, message):
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        parse_features(features)
    assert "`features`" in str(error.value)


@pytest.mark.parametrize("features", [None, 3, {"gaussian"}, [1], [None], [("gaussian", 1)]])
def test_wrong_types_are_refused(features):
    with pytest.raises(TypeError, match="`features` must"):
        parse_features(features)


@pytest.mark.parametrize("sigma", [None, "1", True, np.True_, 1j, np.nan, -np.inf, 0, -2.0])
def test_wrong_sigmas_are_refused(sigma):
    with pytest.raises(ValueError, match=r"`features`.*sigma.*got"):
        FeatureSpec("gaussian", sigma)


def test_original_has_no_sigma():
    with pytest.raises(ValueError, match="'original' has no sigma, got 1"):
        FeatureSpec("original", 1)


def test_names():
    assert FeatureSpec("gaussian", 0.5).names(2) == ("gaussian_sigma_0.5",)
    assert FeatureSpec("hessian_eigenvalues", 1).names(2) == (
        "hessian_eigenvalues_0_sigma_1",
        "hessian_eigenvalues_1_sigma_1",
    )
    assert len(FeatureSpec("structure_tensor_eigenvalues", 1).names(3)) == 3
    assert FeatureSpec("original").names(3) == ("original",)


def test_grid_is_filter_by_filter():
    specs = grid(("gaussian", "original", "hessian_eigenvalues"), (2, 1))
    wanted = ["gaussian_sigma_2", "gaussian_sigma_1", "original", "hessian_eigenvalues_sigma_2"]
    assert [s.name for s in specs][:4] == wanted
    assert len(specs) == 5
    assert grid(("original",), ()) == (FeatureSpec("original"),)
    with pytest.raises(ValueError, match="unknown filter 'gauss'; did you mean"):
        grid(("gauss",), (1,))


def test_every_filter_says_its_formula():
    for name, entry in BUILT_IN.items():
        text = getattr(entry.build, "func", entry.build).__doc__ or ""
        assert text.startswith("Return"), name


def test_apocs_own_files_parse(data_folder):
    files = sorted((data_folder / "bids2024").glob("*.cl"))
    if not files:
        pytest.skip("no .cl files of apoc in the data folder")
    for file in files:
        header = dict(re.findall(r"^(\w+) = (.*)$", file.read_text(), re.MULTILINE))
        text = header["feature_specification"]
        if header["classifier_class_name"] == "TableRowClassifier":
            with pytest.raises(ValueError, match="unknown filter or preset 'number_of_pixels'"):
                parse_features(text)
        else:
            parsed = parse_features(text)
            assert len(parsed) == int(header["num_features"])
            rebuilt = " ".join(s.filter if s.sigma is None else f"{s.filter}={s.sigma:g}" for s in parsed)
            assert rebuilt == text.strip()

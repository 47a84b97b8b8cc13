import importlib.util
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage as ndi

from pixelforest import demo_data
from pixelforest.demo_data import load_blobs, load_demo, load_stained

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "benchmarks" / "make_demo_scribbles.py"


@pytest.fixture(scope="module")
def demo():
    return load_demo()


def load_script():
    if not SCRIPT.exists():
        pytest.skip("the script that drew the scribbles is not part of this installation")
    spec = importlib.util.spec_from_file_location("make_demo_scribbles", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_image_is_grey_uint8_and_has_a_partner_of_its_shape(demo):
    assert len(demo.train_names) == len(demo.train_images) == len(demo.train_scribbles) == 6
    assert len(demo.test_names) == len(demo.test_images) == len(demo.test_masks) == 12
    for name, image, partner, dtype in [
        *zip(demo.train_names, demo.train_images, demo.train_scribbles, ["uint8"] * 6, strict=True),
        *zip(demo.test_names, demo.test_images, demo.test_masks, ["uint16"] * 12, strict=True),
    ]:
        assert image.dtype == np.uint8, name
        assert image.shape == partner.shape, name
        assert "x".join(map(str, image.shape)) == name.split("_")[1]
        assert partner.dtype == dtype, name
        assert image.std() > 0, name


def test_no_test_image_is_a_training_image_under_another_name(demo):
    assert not set(demo.train_names) & set(demo.test_names)
    contents = [image.tobytes() for image in [*demo.train_images, *demo.test_images]]
    assert len(set(contents)) == len(contents)


def test_training_images_follow_the_rule_and_not_a_choice(demo):
    names = sorted([*demo.train_names, *demo.test_names])
    expected = []
    for size in ("256x256", "256x320", "360x360", "520x696"):
        expected += [name for name in names if size in name][::4]
    assert sorted(demo.train_names) == sorted(expected)
    train, test = load_script().choose([*names, "he_white_256x256_0", "brightfield_gray_256x320_0"])
    assert (sorted(train), sorted(test)) == (sorted(demo.train_names), sorted(demo.test_names))


def test_scribbles_are_sparse_and_hold_both_classes(demo):
    for scribbles in demo.train_scribbles:
        assert 0.005 < (scribbles > 0).mean() < 0.03
    # the only nucleus of one image touches its border and gets no stroke
    assert sorted(np.unique(s).tolist() for s in demo.train_scribbles) == [[0, 1], *[[0, 1, 2]] * 5]


def test_scribbles_keep_one_pixel_away_from_the_other_class(demo):
    for name, scribbles in zip(demo.train_names, demo.train_scribbles, strict=True):
        nuclei = demo_data._read("masks", name) > 0
        near_nucleus = ndi.binary_dilation(nuclei, np.ones((3, 3)))
        near_background = ndi.binary_dilation(~nuclei, np.ones((3, 3)))
        assert not (near_nucleus & (scribbles == 1)).any(), name
        assert not (near_background & (scribbles == 2)).any(), name


def test_background_is_scribbled_near_nuclei_and_far_from_them(demo):
    for name, scribbles in zip(demo.train_names, demo.train_scribbles, strict=True):
        everywhere = ndi.distance_transform_edt(demo_data._read("masks", name) == 0)
        distance, background = everywhere[scribbles == 1], everywhere[everywhere > 0]
        assert (distance <= 8).mean() > 0.05, name  # one image holds a single nucleus
        assert (distance > 8).mean() > 0.2 * (background > 8).mean(), name  # in a dense image little is far


def test_the_script_draws_the_same_strokes_twice(demo):
    script = load_script()
    name, image = demo.train_names[0], demo.train_images[0]
    masks = demo_data._read("masks", name)
    first, second = (script.draw_scribbles(image, masks, name) for _ in range(2))
    assert (first == second).all()


def test_the_readme_states_the_true_share_of_annotated_pixels(demo):
    text = (Path(demo_data.__file__).parent / "README.md").read_text(encoding="utf-8")
    for name, scribbles in zip(demo.train_names, demo.train_scribbles, strict=True):
        row = re.search(rf"`{name}` \| (\d+) \| ([\d.]+) % \| ([\d.]+) % \| ([\d.]+) %", text)
        shares = [100 * (scribbles == 1).mean(), 100 * (scribbles == 2).mean(), 100 * (scribbles > 0).mean()]
        assert [f"{share:.2f}" for share in shares] == list(row.groups()[1:])
        assert int(row[1]) == len(np.unique(demo_data._read("masks", name))) - 1


def test_blobs_come_with_a_sparse_annotation_of_bright_blobs():
    image, annotation = load_blobs()
    assert image.shape == annotation.shape == (254, 256)
    assert image.dtype == annotation.dtype == np.uint8
    assert np.bincount(annotation.ravel()).tolist() == [63926, 737, 361]
    assert image[annotation == 2].mean() > image[annotation == 1].mean() + 100


def test_stained_images_are_colourful_and_their_nuclei_are_dark():
    names, images, masks = load_stained()
    assert len(names) == len(images) == len(masks) == 3
    for name, image, mask in zip(names, images, masks, strict=True):
        assert (image.shape, mask.shape) == ((128, 160, 3), (128, 160)), name
        assert image.dtype == np.uint8, name
        assert (image[..., 0] != image[..., 1]).mean() > 0.9, name
        assert image[mask > 0].mean() < image[mask == 0].mean() - 40, name


def test_loading_gives_arrays_that_belong_to_the_caller(demo):
    again = load_demo()
    again.train_images[0][:] = 0
    assert load_demo().train_images[0].any()
    assert demo.train_images[0].any()


def test_the_shipped_folder_stays_below_a_megabyte():
    folder = Path(demo_data.__file__).parent
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(sizes) < 900_000


def test_an_installed_wheel_holds_the_data(tmp_path):
    wheel = pytest.importorskip("hatchling.builders.wheel", reason="hatchling builds the wheel")
    if not (ROOT / "pyproject.toml").exists():
        pytest.skip("these tests do not lie beside the project's sources")
    (built,) = wheel.WheelBuilder(str(ROOT)).build(directory=str(tmp_path / "wheel"), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "import pixelforest.demo_data as d\n"
        "print(d.__file__); demo = d.load_demo(); print(len(demo.train_images), len(demo.test_masks))\n"
        "print(d.load_blobs()[1].max())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    lines = done.stdout.split()
    assert Path(lines[0]).is_relative_to(tmp_path)
    assert lines[1:] == ["6", "12", "2"]

"""Touching nuclei are told apart: a small part of `python -m benchmarks quality`."""

import numpy as np
import pytest

from benchmarks.common_size import depth_classes, typical_diameter
from benchmarks.held_out import scores
from benchmarks.quality import SHARE, annotations, nuclei, otsu, recipe, volume_scores
from pixelforest.metrics import object_f1

LEARNED = {"fluo_256x256_003cee89", "fluo_256x256_0287e7ee", "fluo_256x256_04acab76", "fluo_256x256_05a8f65e"}
SCORED = {"fluo_256x256_05040e2e", "fluo_256x256_06350c7c", "fluo_256x256_0280fa8f"}


def test_the_recipe_finds_nuclei_where_otsu_does_not():
    data = nuclei()
    learned = [one for one in data if one.name in LEARNED]
    scored = [one for one in data if one.name in SCORED]
    objects = [one.objects for one in scored]
    model = recipe(n_trees=20)
    model.fit([one.image for one in learned], annotations([one.objects for one in learned], SHARE[2]))
    found = object_f1(objects, model.predict([one.image for one in scored]))
    assert found > 0.88
    assert found > object_f1(objects, [otsu(one.image, None) for one in scored])
    assert found == pytest.approx(model.score([one.image for one in scored], objects))


def test_objects_of_both_recipes_beat_trainable_segmentation_and_otsu():
    data = nuclei()
    table = scores([one for one in data if one.name in LEARNED], [one for one in data if one.name in SCORED])
    others = table.loc[["Otsu", "scikit-image"], "F1"].max()
    assert table.loc["recipe", "F1"] > others
    assert table.loc["recipe, common size", "F1"] > max(others, 0.85)


def test_the_common_size_is_the_diameter_of_discs_and_borders_are_shares_of_depth():
    y, x = np.mgrid[:120, :120]
    disc = ((y - 60) ** 2 + (x - 60) ** 2 < 30**2).astype(np.int64)
    assert typical_diameter(200.0 * disc) == pytest.approx(60, rel=0.15)
    classes = depth_classes(disc + (x > 60) * disc, 0.2)  # two half discs, at most 15 deep: 3 is the first inside
    assert classes[60, 29:35].tolist() == [1, 1, 3, 3, 2, 2]
    assert classes[60, 57:65].tolist() == [2, 2, 3, 3, 3, 3, 2, 2]


def test_the_recipe_splits_nuclei_in_a_volume(data_folder):
    folder = data_folder / "stardist"
    if not folder.is_dir():
        pytest.skip("the data folder has no stardist/, the volume of nuclei")
    scores = volume_scores(folder, n_trees=20)
    assert scores["recipe"] > 0.8
    assert scores["recipe, not split"] < 0.5

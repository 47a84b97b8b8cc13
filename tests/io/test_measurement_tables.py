"""`read_measurements`: tables of CellProfiler and others, straight into scikit-learn."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import pixelforest as pf

CELLPROFILER = """\
ImageNumber,ObjectNumber,Metadata_Well,Metadata_Site,FileName_DNA,AreaShape_Area,AreaShape_Eccentricity,\
Intensity_MeanIntensity_DNA,Neighbors_FirstClosestDistance_5,Parent_Cells,Number_Object_Number,phase
1,1,A01,1,a.tif,412,0.31,0.52,31.5,4,1,G1
1,2,A01,1,a.tif,380,0.42,0.49,31.5,2,2,G1
1,3,A01,1,a.tif,803,0.35,0.91,,1,3,M
2,1,A02,1,b.tif,398,0.28,0.55,nan,1,1,G1
2,2,A02,1,b.tif,795,0.47,0.88,12.25,2,2,M
2,3,A02,1,b.tif,810,0.41,0.93,12.25,3,3,M
"""
MEASURED = [
    "AreaShape_Area",
    "AreaShape_Eccentricity",
    "Intensity_MeanIntensity_DNA",
    "Neighbors_FirstClosestDistance_5",
]


def cells():
    return pf.read_measurements(io.StringIO(CELLPROFILER), index=["phase"])


def test_cellprofilers_table_is_split_into_measurements_and_the_rest(tmp_path):
    table = cells()
    assert list(table.columns) == MEASURED
    identifiers = ["ImageNumber", "ObjectNumber", "Metadata_Well", "Metadata_Site", "FileName_DNA", "Parent_Cells"]
    assert list(table.index.names) == [*identifiers, "Number_Object_Number", "phase"]
    assert table["Neighbors_FirstClosestDistance_5"].isna().tolist() == [False, False, True, True, False, False]
    assert table.iloc[4].tolist() == [795, 0.47, 0.88, 12.25]
    path = tmp_path / "Nuclei.csv"
    path.write_text(CELLPROFILER)
    raw = pd.read_csv(path)
    for source in (path, str(path), raw):
        pd.testing.assert_frame_equal(pf.read_measurements(source, index=["phase"]), table)
    assert raw.columns[0] == "ImageNumber", "the given table stays as it was"


def test_it_goes_into_scikit_learn_grouped_by_image():
    table = cells()
    phase = table.index.get_level_values("phase")
    images = table.index.get_level_values("ImageNumber")
    area = make_pipeline(FunctionTransformer(lambda X: X[["AreaShape_Area"]]), DecisionTreeClassifier())
    assert cross_val_score(area, table, phase, groups=images, cv=GroupKFold(2)).tolist() == [1, 1]
    assert RandomForestClassifier(20, random_state=0).fit(table, phase).feature_names_in_.tolist() == MEASURED
    with pytest.raises(ValueError, match="NaN"):
        SVC().fit(table, phase)
    assert make_pipeline(SimpleImputer(), SVC()).fit(table, phase).score(table, phase) == 1


def test_tables_of_region_features_and_real_tables(data_folder: Path):
    path = data_folder / "bia" / "BBBC007_analysis.csv"
    if not path.is_file():
        pytest.skip("the data folder has no tables")
    with pytest.raises(ValueError, match=r"columns \['file_name'\] of `source` hold no numbers.*`index=`.*20P1_POS"):
        pf.read_measurements(path)
    table = pf.read_measurements(path, index=["file_name"])
    assert table.columns[0] == "area"
    assert table.index.name == "file_name"
    blobs = pf.read_measurements(data_folder / "bia" / "blobs_statistics.csv")
    assert len(blobs) == len(pd.read_csv(data_folder / "bia" / "blobs_statistics.csv"))
    assert "Unnamed: 0" not in blobs


@pytest.mark.parametrize(
    ("source", "index", "words"),
    [
        ("a,b\n1,x\n2,y\n", (), ("['b']", "`index=`", "'x'")),
        ("a,b\n1,True\n2,False\n", (), ("['b']", "no numbers")),
        ("a,b\n1,#DIV/0!\n2,3\n", (), ("['b']", "#DIV/0!")),
        ("Image,Nuclei\nImageNumber,AreaShape_Area\n1,30\n", (), ("['Image', 'Nuclei']",)),
        ("ImageNumber,Metadata_Well\n1,A1\n", (), ("no column of measurements", "Metadata_Well")),
        ("a,b\n1,2\n", ["c"], ("`index`", "['a', 'b']", "['c']")),
        ("a,b\n1,2\n", "b", ("`index`", "sequence", "'b'")),
    ],
)
def test_what_holds_no_numbers_is_named(source, index, words):
    with pytest.raises(ValueError) as failure:
        pf.read_measurements(io.StringIO(source), index=index)
    assert not [word for word in words if word not in str(failure.value)], failure.value


def test_tables_of_several_kinds_of_objects():
    text = (
        "Image,Nuclei,Nuclei,Cells,Cells\nImageNumber,Number_Object_Number,Area,Number_Object_Number,Area\n1,1,3,2,9\n"
    )
    table = pf.read_measurements(pd.read_csv(io.StringIO(text), header=1))
    assert list(table.columns) == ["Area", "Area.1"]
    assert table.index.names == ["ImageNumber", "Number_Object_Number", "Number_Object_Number.1"]


def test_numbers_alone_are_enough():
    table = pf.read_measurements(pd.DataFrame({"area": [3, 4], "mean": np.float32([1, 2])}))
    assert table.index.tolist() == [0, 1]
    assert table.to_numpy().tolist() == [[3, 1], [4, 2]]
    assert len(pf.read_measurements(pd.DataFrame({"area": np.empty(0)}))) == 0

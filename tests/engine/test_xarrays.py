"""DataArrays in, DataArrays out: names and coordinates stay, features and classes are named, lazy stays lazy."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import pixelforest as pf

da = pytest.importorskip("dask.array")
xarray = pytest.importorskip("xarray")

import dask  # noqa: E402

RNG = np.random.default_rng(5)
STACK = RNG.normal(size=(3, 31, 27)).astype(np.float32)
STACK[..., 14:] += 2
SCRIBBLES = np.zeros(STACK.shape, np.uint8)
SCRIBBLES[:, 3:25:5, 2:12], SCRIBBLES[:, 3:25:5, 16:26] = 7, 9
FEATURES = pf.ImageFeatureStack(("gaussian", "hessian_eigenvalues"), (1,))
TIMES = np.array(["2026-01-01", "2026-01-02", "2026-01-05"], "datetime64[ns]")


@pytest.fixture(scope="module")
def model():
    forest = pf.OpenCLRandomForestClassifier(5, max_depth=4, random_state=0)
    return pf.ImageSegmenter(FEATURES, forest).fit(list(STACK), list(SCRIBBLES))


def movie(chunks=None):
    """Return a film with a time axis, one coordinate in two dimensions and one that belongs to times."""
    coords = {
        "t": TIMES,
        "y": np.arange(31) * 0.5,
        "x": np.arange(27) * 0.25,
        "distance": (("y", "x"), np.hypot(*np.mgrid[:31, :27])),
        "temperature": ("t", [36.5, 37.0, 37.5]),
        "plate": 4,
    }
    values = STACK if chunks is None else da.from_array(STACK, chunks=chunks)
    return xarray.DataArray(values, dims=("t", "y", "x"), coords=coords, attrs={"unit": "um"})


def nothing_runs(*args, **kwargs):
    raise AssertionError("something was computed while the graph was made")


@pytest.mark.parametrize("chunks", [None, (1, 31, 27), (2, 10, 9)], ids=["numpy", "frames", "dask"])
def test_films_come_back_as_films(model, chunks):
    film = movie(chunks)
    with dask.config.set(scheduler=nothing_runs):
        labels, probabilities = model.predict(film), model.predict_proba(film)
        features = FEATURES.transform(film)
        assert all((result.chunks is None) == (chunks is None) for result in (labels, probabilities, features))
    assert labels.dims == ("t", "y", "x")
    assert probabilities.dims == ("t", "y", "x", "class")
    assert features.dims == ("t", "y", "x", "feature")
    assert probabilities.coords["class"].values.tolist() == [7, 9]
    assert_array_equal(features.coords["feature"], FEATURES.get_feature_names_out())
    for result in (labels, probabilities, features):
        assert_array_equal(result.coords["t"], TIMES)
        for name in ("x", "y", "distance", "temperature", "plate"):
            assert_array_equal(result.coords[name], film.coords[name])
        assert result.attrs == {"unit": "um"}
    for index, frame in enumerate(STACK):
        assert_array_equal(labels[index], model.predict(frame))
        assert_array_equal(probabilities[index], model.predict_proba(frame))
        assert_array_equal(features[index], FEATURES.transform(frame))


def test_single_frames_and_masks_with_names(model):
    frame = movie((1, 10, 9))[1]
    mask = xarray.DataArray(da.from_array(STACK[1] > 0.5, chunks=8), dims=("y", "x"))
    with dask.config.set(scheduler=nothing_runs):
        labels = model.predict(frame, mask=mask)
    assert labels.dims == ("y", "x")
    assert labels.coords["temperature"] == 37.0
    assert_array_equal(labels, model.predict(STACK[1], mask=STACK[1] > 0.5))
    assert_array_equal(model.predict(movie()[1], mask=mask.compute()), labels)


@pytest.mark.parametrize("channel_axis", [0, -1])
def test_channel_dims_go_where_they_are_declared(channel_axis):
    dims, image = ["y", "x"], np.stack(STACK[:2], axis=channel_axis)
    dims.insert(channel_axis % 3, "stain")
    features = pf.ImageFeatureStack(("original", "gaussian"), (1,), channel_axis=channel_axis).fit([image])
    expected = features.transform(image)
    for values in (image, da.from_array(image, chunks=11)):
        result = features.transform(xarray.DataArray(values, dims=dims, coords={"stain": ["dna", "actin"]}))
        assert result.dims == ("y", "x", "feature")
        assert "stain" not in result.coords
        assert_array_equal(result, expected)
    film = xarray.DataArray(da.from_array(np.stack([image, -image]), chunks=10), dims=("t", *dims))
    assert_array_equal(features.transform(film), [expected, features.transform(-image)])


def test_volumes_are_volumes_if_they_are_declared():
    features = pf.ImageFeatureStack(("gaussian",), (1,), spatial_ndim=3)
    result = features.transform(movie((2, 10, 9)).rename(t="z"))
    assert result.dims == ("z", "y", "x", "feature")
    assert_array_equal(result, features.transform(STACK))


@pytest.mark.parametrize("chunks", [None, (1, 1, 10, 9)], ids=["numpy", "dask"])
def test_several_leading_dims_stay(model, chunks):
    """Films of several positions; an image's own coordinates, names and the order of images stay too."""
    films = xarray.concat([movie(), movie() + 1], xarray.Variable("position", ["a", "b"])).assign_attrs(unit="um")
    mask = films > 0.5
    wells = films if chunks is None else films.copy(data=da.from_array(films.data, chunks=chunks))
    with dask.config.set(scheduler=nothing_runs):
        labels, probabilities = model.predict(wells), model.predict_proba(wells)
        features, inside = FEATURES.transform(wells), model.predict(wells, mask=mask)
        assert all((result.chunks is None) == (chunks is None) for result in (labels, probabilities, features))
    assert labels.dims == ("position", "t", "y", "x")
    assert probabilities.dims == ("position", "t", "y", "x", "class")
    assert features.dims == ("position", "t", "y", "x", "feature")
    for result in (labels, probabilities, features):
        assert result.attrs == {"unit": "um"}
        for name in ("position", "t", "y", "distance", "temperature", "plate"):
            assert_array_equal(result.coords[name], films.coords[name])
    for position, time in np.ndindex(2, 3):
        frame = films[position, time].values
        assert_array_equal(labels[position, time], model.predict(frame))
        assert_array_equal(probabilities[position, time], model.predict_proba(frame))
        assert_array_equal(features[position, time], FEATURES.transform(frame))
        assert_array_equal(inside[position, time], model.predict(frame, mask=frame > 0.5))
    if chunks is None:
        out = np.zeros(labels.shape, np.uint8)
        model.predict(wells, out=out)
        assert_array_equal(out, labels)


def test_other_numbers_of_dims_say_what_is_meant(model):
    films = movie().expand_dims("position")
    expected = r"2 axes \(y, x\), a stack of them, or one image"
    with pytest.raises(ValueError, match=expected):
        model.predict(films.values)  # without names, nobody knows what the axes are
    with pytest.raises(ValueError, match=expected):
        model.fit(films, films)  # cross-validation counts the first axis
    with pytest.raises(ValueError, match=expected):
        model.predict(movie()[0, 0])


def test_files_that_are_not_loaded_are_read_tile_by_tile(model, tmp_path):
    pytest.importorskip("zarr")
    movie().drop_vars("plate").to_dataset(name="film").to_zarr(tmp_path / "film.zarr", consolidated=False)
    film = xarray.open_zarr(tmp_path / "film.zarr", chunks=None, consolidated=False)["film"]
    labels = model.predict(film)
    assert not film.variable._in_memory
    assert_array_equal(labels, model.predict(STACK))
    assert labels.dims == film.dims

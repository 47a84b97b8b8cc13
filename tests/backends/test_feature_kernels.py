"""OpenCL features equal their NumPy twin; tiles equal the whole and a feature equals itself in company, bit for bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from pixelforest.backends.numpy.features import compute_features as compute_with_numpy
from pixelforest.engine.tiling import TileReader, tiles
from pixelforest.features.build import build_plan, grid
from pixelforest.features.filters import BUILT_IN, filters_for
from pixelforest.features.patch import Window
from pixelforest.features.spec import FeatureSpec

CASCADES = ("gaussian", "hessian_eigenvalues", "structure_tensor_eigenvalues", "sobel", "difference_of_gaussians")
SIGMAS = (0.1, 0.4, 0.7, 0.9, 1.0, 1.7, 2.5, 5.0)


@st.composite
def spec_lists(draw):
    names = draw(st.lists(st.sampled_from(sorted(BUILT_IN)), min_size=1, max_size=4))
    specs = (FeatureSpec(n, draw(st.sampled_from(SIGMAS)) if BUILT_IN[n].has_sigma else None) for n in names)
    return tuple(dict.fromkeys(specs))


@st.composite
def channel_stacks(draw):
    """Arrays ``(channels, *spatial)`` of several dtypes and layouts."""
    ndim = draw(st.sampled_from([2, 3]))
    # few distinct sizes: some runtimes compile a kernel again for every new one
    sizes = st.sampled_from([1, 2, 5, 9, 13, 24] if ndim == 2 else [1, 3, 6])
    shape = (draw(st.integers(1, 2)), *(draw(sizes) for _ in range(ndim - 1)), draw(st.sampled_from([1, 7, 20])))
    dtype = draw(st.sampled_from(["f4", "u1", "u2", "f8", ">f4", "f2", "i2", "?"]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    steps = tuple(draw(st.sampled_from([1, -1, 2, -2])) for _ in range(ndim))
    big = tuple(n * abs(s) for n, s in zip(shape[1:], steps, strict=True))
    values = random.normal(0, 1, (shape[0], *big)) if np.dtype(dtype).kind == "f" else random.random((shape[0], *big))
    scale = {"u1": 255, "u2": 65535, "i2": 30000, "?": 1}.get(dtype, draw(st.sampled_from([1e-3, 1.0, 1e3])))
    array = (np.round(values * scale) if np.dtype(dtype).kind != "f" else values * scale).astype(dtype)
    if draw(st.booleans()):
        array = np.asfortranarray(array)
    view = array[(slice(None), *(slice(None, None, s) for s in steps))]
    assert view.shape == shape
    return view


def draw_window(data, shape):
    bounds = [sorted((data.draw(st.integers(0, n - 1)), data.draw(st.integers(1, n)))) for n in shape]
    return Window(tuple(a if a < b else b - 1 for a, b in bounds), tuple(b for _, b in bounds))


def plan_for(planes, specs, data):
    spacing = data.draw(st.sampled_from([(1.0, 1.0, 1.0), (2.0, 0.5, 1.3)]))[: planes.ndim - 1]
    convention = data.draw(st.sampled_from(["scipy", "ilastik", "skimage", "clesperanto"]))
    possible = tuple(spec for spec in specs if spec.filter in filters_for(spacing)) or (FeatureSpec("original"),)
    if convention == "scipy" and data.draw(st.booleans()):
        sigmas = st.sampled_from([4.5, 11.0, 25.0])
        cascades = (FeatureSpec(s.filter, data.draw(sigmas), None, "cascade") for s in possible if s.filter in CASCADES)
        possible = tuple(dict.fromkeys((*possible, *cascades)))
    return build_plan(possible, spacing, planes.shape[0], convention=convention)


def in_tiles(engine, reader, tile_shape):
    out = np.full((len(reader.plan.outputs), *reader.shape), np.nan, np.float32)
    for tile in tiles(reader.shape, tile_shape):
        patch, _ = reader.read(tile)
        out[(slice(None), *tile.slices)] = engine.compute(reader.plan, patch)
    return out


def whole_of(engine, reader):
    return engine.compute(reader.plan, reader.read(Window.whole(reader.shape))[0])


@given(st.data())
def test_kernels_equal_their_twin(opencl_engine, data):
    planes = data.draw(channel_stacks())
    plan = plan_for(planes, data.draw(spec_lists()), data)
    patch, _ = TileReader(planes, plan, "raise", 0).read(draw_window(data, planes.shape[1:]))
    twin, values = compute_with_numpy(plan, patch), opencl_engine.compute(plan, patch)
    peak = float(np.abs(planes.astype(np.float64)).max())
    assert values.dtype == np.float32
    assert values.shape == twin.shape
    for name, value, expected, bound in zip(plan.names, values, twin, plan.bounds, strict=True):
        assert_allclose(value, expected, rtol=0, atol=bound.tolerance(peak), err_msg=name)


@given(st.data())
def test_tiles_equal_the_whole_bit_for_bit(engine, data):
    planes = data.draw(channel_stacks())
    plan = plan_for(planes, data.draw(spec_lists()), data)
    reader = TileReader(planes, plan, "raise", 0)
    tile_shape = tuple(data.draw(st.sampled_from([max(1, n // 2), n - n // 3, n])) for n in reader.shape)
    assert_array_equal(in_tiles(engine, reader, tile_shape), whole_of(engine, reader))


@given(st.data())
def test_a_feature_has_the_same_bits_in_any_plan(engine, data):
    planes = data.draw(channel_stacks())[:1]
    specs = data.draw(spec_lists())
    plan = plan_for(planes, specs, data)
    together = whole_of(engine, TileReader(planes, plan, "raise", 0))
    order = data.draw(st.permutations(range(len(plan.outputs))))
    for index in order[:2]:
        alone = whole_of(engine, TileReader(planes, plan.subset([index]), "raise", 0))
        assert_array_equal(alone[0], together[index])
    assert_array_equal(whole_of(engine, TileReader(planes, plan.subset(order), "raise", 0)), together[list(order)])


@pytest.mark.parametrize("convention", ["scipy", "ilastik", "skimage", "clesperanto"])
def test_all_filters_in_tiles(engine, convention):
    planes = np.random.default_rng(3).normal(100, 30, (2, 41, 33))
    plan = build_plan(grid(filters_for((1.0, 1.0)), (1.0, 2.5)), (1.0, 1.0), 2, convention=convention)
    reader = TileReader(planes, plan, "raise", 0)
    whole = whole_of(engine, reader)
    for tile_shape in [(41, 18), (21, 33)]:
        assert_array_equal(in_tiles(engine, reader, tile_shape), whole)


def test_all_filters_in_tiles_of_a_volume(engine):
    planes = np.random.default_rng(4).normal(100, 30, (1, 6, 10, 35))
    plan = build_plan(grid(filters_for((2.0, 1.0, 1.0)), (1.0,)), (2.0, 1.0, 1.0))
    reader = TileReader(planes, plan, "raise", 0)
    assert_array_equal(in_tiles(engine, reader, (6, 5, 18)), whole_of(engine, reader))


def cascade_plan(spacing):
    """Gaussians on coarse grids along all axes, some and none; functions of them, of each other and of the image."""
    filters = ("gaussian", "difference_of_gaussians", "laplacian_of_gaussian", "hessian_eigenvalues", "sobel")
    return build_plan(grid(("original", *filters), (1, 5, 10)), spacing, large_sigma="cascade")


@given(st.data())
def test_cascades_in_tiles(engine, data):
    """Images larger than the halo, so that tiles begin anywhere on the coarse grid and see only a part."""
    shape = data.draw(st.sampled_from([(190, 211), (223, 97), (3, 12, 260)]))
    spacing = {2: (1.0, 1.0), 3: (9.0, 9.0, 1.0)}[len(shape)]
    plan = cascade_plan(spacing if shape[-1] != 97 else (1.0, 3.0))
    reader = TileReader(np.random.default_rng(3).normal(0, 50, (1, *shape)), plan, "raise", 0)
    whole = whole_of(engine, reader)
    for _ in range(2):
        window = draw_window(data, shape)
        part = engine.compute(plan, reader.read(window)[0])
        assert_array_equal(part, whole[(slice(None), *window.slices)])


def test_cascades_in_tiles_of_a_volume(engine):
    plan = build_plan(grid(("gaussian", "gaussian_gradient_magnitude"), (5,)), (1.0, 1.0, 1.0), large_sigma="cascade")
    reader = TileReader(np.random.default_rng(4).normal(100, 30, (1, 40, 37, 90)), plan, "raise", 0)
    assert max(plan.halo) < 40
    assert_array_equal(in_tiles(engine, reader, (21, 19, 45)), whole_of(engine, reader))


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [((33, 301), (1.0, 1.0)), ((70, 9), (1.0, 8.0)), ((4, 7, 83), (1.0, 8.0, 1.0)), ((4, 7, 83), (8.0, 8.0, 1.0))],
)
def test_cascades_plane_by_plane_have_the_bits_of_tiles(opencl_engine, shape, spacing, monkeypatch):
    from pixelforest.backends.opencl import features

    plan = cascade_plan(spacing)
    reader = TileReader(np.random.default_rng(0).normal(0, 50, (1, *shape)), plan, "raise", 0)
    expected = whole_of(opencl_engine, reader)
    monkeypatch.setattr(features, "TILED_KINDS", frozenset())
    assert_array_equal(whole_of(opencl_engine, reader), expected)
    monkeypatch.setattr(features, "ON_PROCESSORS", features.ON_GPUS)
    assert_array_equal(whole_of(opencl_engine, reader), expected)


def test_memory_that_runs_keep_changes_no_bit(opencl_engine):
    """The same plan on another image, then on the first again: nothing is left of the run before."""
    plan = cascade_plan((1.0, 1.0))
    first, second = (TileReader(np.random.default_rng(s).random((1, 60, 70)), plan, "raise", 0) for s in (0, 1))
    expected = whole_of(opencl_engine, first)
    whole_of(opencl_engine, second)
    assert_array_equal(whole_of(opencl_engine, first), expected)


def test_a_repeated_output_is_delivered_twice(engine):
    plan = build_plan((FeatureSpec("gaussian", 1),), (1.0, 1.0))
    reader = TileReader(np.random.default_rng(5).random((1, 9, 9)), plan.subset([0, 0]), "raise", 0)
    first, second = whole_of(engine, reader)
    assert_array_equal(first, second)


@pytest.mark.parametrize("matrix", [(1, 0, 0, 1, 0, 1), (5, 0, 0, -3, 0, 2), (1, 1, 1, 1, 1, 1), (0, 0, 0, 0, 0, 0)])
def test_degenerate_eigenvalues(engine, matrix):
    """Planes of a constant matrix: repeated, zero and unsorted eigenvalues."""
    from pixelforest.features.plan import FeaturePlan
    from pixelforest.features.planes import Pointwise, Source

    triangle = tuple(Source(c) for c in range(6))
    outputs = tuple(Pointwise(f"eigenvalue_{i}", triangle) for i in range(3))
    plan = FeaturePlan(outputs, ("a", "b", "c"), 3, 6)
    planes = np.broadcast_to(np.array(matrix, np.float32)[:, None, None, None], (6, 2, 2, 2))
    values = whole_of(engine, TileReader(planes, plan, "raise", 0))
    a, b, c, d, e, f = matrix
    expected = np.linalg.eigvalsh(np.array([[a, b, c], [b, d, e], [c, e, f]], float))[::-1]
    assert_allclose(values[:, 0, 0, 0], expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(4, 64), (3, 99), (5, 150), (2, 700), (2, 3, 83)])
def test_wide_rows_are_vectors_and_remainders(opencl_engine, shape):
    """Widths that a work-item computes by four vectors, by one, by single floats, and by several work-items."""
    image = np.random.default_rng(0).normal(0, 50, shape).astype(np.float32)
    plan = build_plan(grid(filters_for((1.0,) * len(shape)), (0.7, 3)), (1.0,) * len(shape), 1)
    reader = TileReader(image[np.newaxis], plan, "raise", 0)
    values = whole_of(opencl_engine, reader)
    error = np.abs(values - compute_with_numpy(plan, reader.read(Window.whole(shape))[0]))
    allowed = np.array([b.tolerance(float(np.abs(image).max())) for b in plan.bounds])
    assert (error.reshape(len(allowed), -1).max(axis=1) <= allowed).all()
    # the same pixels as remainders of other widths have the same bits
    tile_shape = (*shape[:-1], 37)
    assert_array_equal(in_tiles(opencl_engine, reader, tile_shape), values)


@pytest.mark.parametrize("shape", [(5, 150), (2, 3, 83)])
def test_planes_one_by_one_and_pixel_by_pixel_have_the_bits_of_tiles(opencl_engine, shape, monkeypatch):
    """GPUs get a launch per plane, and another launch shape; the expressions are the same, as a processor can show."""
    from pixelforest.backends.opencl import features

    plan = build_plan(grid(filters_for((1.0,) * len(shape)), (0.7, 3)), (1.0,) * len(shape), 1)
    image = np.random.default_rng(0).normal(0, 50, (1, *shape)).astype(np.float32)
    reader = TileReader(image, plan, "raise", 0)
    expected = whole_of(opencl_engine, reader)
    monkeypatch.setattr(features, "TILED_KINDS", frozenset())
    assert_array_equal(whole_of(opencl_engine, reader), expected)
    monkeypatch.setattr(features, "ON_PROCESSORS", features.ON_GPUS)
    assert_array_equal(whole_of(opencl_engine, reader), expected)


@pytest.mark.parametrize("convention", ["scipy", "ilastik", "clesperanto"])
@pytest.mark.parametrize("shape", [(16, 16), (9, 17), (37, 301), (22, 530)])
def test_passes_that_turn_rows_have_the_bits_of_single_launches(opencl_engine, shape, convention, monkeypatch):
    """Kernels of radius 8 and more, along rows by sixteens and along a few rows that are left, wider than the image."""
    from pixelforest.backends.opencl import features

    specs = grid(("gaussian", "difference_of_gaussians", "hessian_eigenvalues"), (2, 5.5, 9))
    plan = build_plan(specs, (1.0, 1.0), 1, convention=convention)
    image = np.random.default_rng(2).normal(0, 50, (1, *shape)).astype(np.float32)
    reader = TileReader(image, plan, "raise", 0)
    values = whole_of(opencl_engine, reader)
    allowed = np.array([b.tolerance(float(np.abs(image).max())) for b in plan.bounds])
    error = np.abs(values - compute_with_numpy(plan, reader.read(Window.whole(shape))[0]))
    assert (error.reshape(len(allowed), -1).max(axis=1) <= allowed).all()
    assert_array_equal(in_tiles(opencl_engine, reader, tuple(n - n // 3 for n in shape)), values)
    monkeypatch.setattr(features, "TILED_KINDS", frozenset())
    assert_array_equal(whole_of(opencl_engine, reader), values)


@pytest.mark.parametrize("tile", [(1, 8, 64), (2, 16, 128), (1, 32, 512)])
def test_tiles_of_the_cache_change_no_bit(opencl_engine, tile, monkeypatch):
    """Images of many tiles, whose vectors begin anywhere; outputs that begin anywhere."""
    from pixelforest.backends.opencl import tile_program

    shape = (2, 37, 301)
    image = np.random.default_rng(1).normal(0, 50, (1, *shape)).astype(np.float32)
    plan = build_plan(grid(("gaussian", "sobel", "hessian_eigenvalues"), (0.7, 4)), (1.0,) * 3, 1)
    reader = TileReader(image, plan, "raise", 0)
    expected = whole_of(opencl_engine, reader)
    monkeypatch.setattr(tile_program, "_tile_shape", lambda *arguments: tile)
    tile_program._work.cache_clear()
    assert_array_equal(whole_of(opencl_engine, reader), expected)
    tile_program._work.cache_clear()


def test_eigenvalues_of_volumes_are_accurate_where_two_are_close(engine):
    """Random rotations of matrices with equal, close and far eigenvalues, small and large."""
    from pixelforest.features.plan import FeaturePlan
    from pixelforest.features.planes import Pointwise, Source

    random = np.random.default_rng(6)
    rotations = np.linalg.qr(random.normal(size=(4096, 3, 3)))[0]
    values = random.normal(size=(4096, 3))
    values[::4, 1] = values[::4, 0]
    values[1::4, 1] = values[1::4, 0] * (1 + 10.0 ** random.uniform(-7, -2, 1024))
    values[2::4] *= 10.0 ** random.uniform(-6, 0, (1024, 3))
    size = 10.0 ** random.uniform(-12, 12, (4096, 1, 1))
    matrices = (np.einsum("nij,nj,nkj->nik", rotations, values, rotations) * size).astype(np.float32)
    rows, columns = np.triu_indices(3)
    planes = matrices[:, rows, columns].T.reshape(6, 1, 64, 64)
    outputs = tuple(Pointwise(f"eigenvalue_{i}", tuple(Source(c) for c in range(6))) for i in range(3))
    plan = FeaturePlan(outputs, ("a", "b", "c"), 3, 6)
    found = whole_of(engine, TileReader(planes, plan, "raise", 0)).reshape(3, -1).T
    symmetric = matrices.astype(np.float64)
    expected = np.linalg.eigvalsh(symmetric, UPLO="U")[:, ::-1]
    error = np.abs(found - expected).max(axis=1) / np.linalg.norm(symmetric, axis=(1, 2))
    assert error.max() < 1e-6

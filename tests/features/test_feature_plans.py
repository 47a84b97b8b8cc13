"""Plans: order, names, sharing, halos that are exactly as large as needed, and declared bounds."""

import os
import pickle
import subprocess
import sys
from math import ceil, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from pixelforest.features.build import build_plan, grid
from pixelforest.features.filters import BUILT_IN, filters_for
from pixelforest.features.host import pixels_of, statistics_of
from pixelforest.features.patch import Patch, Window, boundary_index
from pixelforest.features.planes import Source, inputs
from pixelforest.features.spec import FeatureSpec

WITH_SIGMA = [name for name, entry in BUILT_IN.items() if entry.has_sigma]
HUGE = {"difference_of_scales_4", "difference_of_scales_8", "difference_of_scales_16"}  # as of 2, on images as large

REACH = {  # documented halo in pixels of every filter at sigma s
    "gaussian": lambda s: int(4 * s + 0.5),
    "difference_of_gaussians": lambda s: int(4 * (1.1 * s) + 0.5),
    "laplacian_of_gaussian": lambda s: int(4 * s + 0.5),
    "gaussian_gradient_magnitude": lambda s: int(4 * s + 0.5),
    "hessian_eigenvalues": lambda s: int(4 * s + 0.5),
    "gaussian_derivatives": lambda s: int(4 * s + 0.5),
    "hessian_determinant": lambda s: int(4 * s + 0.5),
    "hessian_trace": lambda s: int(4 * s + 0.5),
    "sobel": lambda s: int(4 * s + 0.5) + 1,
    "local_mean": lambda s: int(s + 0.5),
    "local_std": lambda s: int(s + 0.5),
    "local_variance": lambda s: int(s + 0.5),
    "minimum": lambda s: int(s + 0.5),
    "maximum": lambda s: int(s + 0.5),
    "median": lambda s: int(s + 0.5),
    "white_top_hat": lambda s: 2 * int(s + 0.5),
    "black_top_hat": lambda s: 2 * int(s + 0.5),
    "entropy": lambda s: int(s + 0.5),
    "gabor": lambda s: int(4 * s + 0.5),
    "local_binary_pattern": ceil,
    **{f"difference_of_scales_{r}": lambda s, r=r: int(4 * (r * s) + 0.5) for r in (2, 4, 8, 16)},
    "structure_tensor_eigenvalues": lambda s: int(4 * s + 0.5) + int(2 * s + 0.5),
    "gaussian_blur": lambda s: int(8 * s) // 2,
    "difference_of_gaussian": lambda s: int(8 * (1.1 * s)) // 2,
    "laplace_box_of_gaussian_blur": lambda s: int(8 * s) // 2 + 1,
    "sobel_of_gaussian_blur": lambda s: int(8 * s) // 2 + 1,
}


@pytest.mark.parametrize("sigma", [0.7, 0.9, 1.0, 2.5, 5.0])
@pytest.mark.parametrize("name", WITH_SIGMA)
def test_halo_is_the_documented_one(name, sigma):
    assert build_plan((FeatureSpec(name, sigma),), (1.0, 1.0)).halo == (REACH[name](sigma),) * 2
    if name not in filters_for((2.0, 1.0, 0.5)):
        return
    expected = tuple(REACH[name](sigma / spacing) for spacing in (2.0, 1.0, 0.5))
    assert build_plan((FeatureSpec(name, sigma),), (2.0, 1.0, 0.5)).halo == expected


def test_halo_of_a_plan_is_the_largest():
    specs = grid(("original", "gaussian", "sobel_of_gaussian_blur"), (1, 2))
    assert build_plan(specs, (1.0, 1.0)).halo == (9, 9)
    assert build_plan((FeatureSpec("original"),), (1.0, 1.0)).halo == (0, 0)


def as_image_of_its_own(image, target, margin, statistics):
    """Return the patch that a tile with `margin` pixels around it would give if it were an image."""
    window = target.grow(margin, image.shape)
    inner = target.within(window)
    own_target = Window(tuple(s.start for s in inner), tuple(s.stop for s in inner))
    planes = np.ascontiguousarray(image[window.slices], np.float32)[np.newaxis]
    return Patch(planes, Window.whole(window.shape), own_target, window.shape, statistics)


def whole_image_statistics(plan, planes):
    wanted = ((o, c) for o, c in plan.host_operations if o.statistics is not None)
    return {(o, c): statistics_of(o, pixels_of(planes, c)) for o, c in wanted}


@pytest.mark.parametrize("convention", ["scipy", "ilastik", "skimage", "clesperanto"])
@pytest.mark.parametrize("spacing", [(1.0, 1.0), (1.6, 1.0), (1.5, 1.0, 2.0)], ids=str)
@pytest.mark.parametrize("name", [name for name in WITH_SIGMA if name not in HUGE])
def test_halo_suffices_and_one_pixel_less_does_not(engine, name, spacing, convention):
    if name not in filters_for(spacing) or (len(spacing) == 3 and name == "difference_of_scales_2"):
        return
    plan = build_plan((FeatureSpec(name, 1.3),), spacing, convention=convention)
    size = 19 if len(spacing) == 2 else 5 + 8 * (max(plan.halo) < 5)  # filters that choose a value differ at few pixels
    shape = tuple(2 * h + 3 + size for h in plan.halo)
    image = np.random.default_rng(1).normal(0, 1000, shape)
    target = Window(tuple(h + 1 for h in plan.halo), tuple(h + 1 + size for h in plan.halo))
    statistics = whole_image_statistics(plan, image.astype(np.float32)[np.newaxis])
    everything = Window.whole(shape)
    truth = engine.compute(plan, Patch(image.astype(np.float32)[np.newaxis], everything, target, shape, statistics))
    assert_array_equal(engine.compute(plan, as_image_of_its_own(image, target, plan.halo, statistics)), truth)
    for axis in range(len(shape)):
        less = tuple(h - (i == axis) for i, h in enumerate(plan.halo))
        assert not np.array_equal(engine.compute(plan, as_image_of_its_own(image, target, less, statistics)), truth), (
            axis
        )


def test_channels_come_one_after_another(engine):
    specs = grid(("original", "hessian_eigenvalues"), (1,))
    plan = build_plan(specs, (1.0, 1.0), n_channels=3)
    single = build_plan(specs, (1.0, 1.0))
    assert single.names == ("original", "hessian_eigenvalues_0_sigma_1", "hessian_eigenvalues_1_sigma_1")
    assert plan.names == tuple(f"channel_{c}_{name}" for c in range(3) for name in single.names)
    planes = np.random.default_rng(2).normal(size=(3, 9, 7)).astype(np.float32)
    window = Window.whole((9, 7))
    together = engine.compute(plan, Patch(planes, window, window, (9, 7)))
    alone = [engine.compute(single, Patch(planes[c : c + 1], window, window, (9, 7))) for c in range(3)]
    assert_array_equal(together, np.concatenate(alone))


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (1.0, 1.0, 1.0)])
def test_intermediates_are_shared(spacing):
    specs = grid(filters_for(spacing), (1, 2))
    plan = build_plan(specs, spacing)
    apart = sum(len(build_plan((spec,), spacing).order) for spec in specs)
    assert len(plan.order) < 0.8 * apart
    assert len(set(plan.order)) == len(plan.order)
    assert sum(isinstance(plane, Source) for plane in plan.order) == 1
    position = {plane: step for step, plane in enumerate(plan.order)}
    assert all(position[below] < step for plane, step in position.items() for below in inputs(plane))


def test_hessian_contains_the_laplacian():
    spacing = (1.0, 1.0)
    both = build_plan(grid(("laplacian_of_gaussian", "hessian_eigenvalues"), (2,)), spacing)
    hessian = build_plan(grid(("hessian_eigenvalues",), (2,)), spacing)
    assert len(both.order) == len(hessian.order) + 1  # only the sum is new


def test_subset_drops_what_only_others_need():
    plan = build_plan(grid(("gaussian", "laplacian_of_gaussian"), (1, 5)), (1.0, 1.0))
    part = plan.subset([2, 0])
    assert part.names == ("laplacian_of_gaussian_sigma_1", "gaussian_sigma_1")
    assert part.halo == (4, 4)
    assert len(part.order) < len(plan.order)


def test_plans_are_cached():
    specs = grid(("gaussian",), (1,))
    assert build_plan(specs, (1.0, 1.0)) is build_plan(specs, (1.0, 1.0))


@given(st.data())
def test_features_stay_within_their_bound(data):
    from pixelforest.backends.numpy.features import compute_features

    spacing = data.draw(st.sampled_from([(1.0, 1.0), (0.7, 2.0), (1.0, 1.5, 0.8)]))
    sigma = data.draw(st.sampled_from([0.3, 0.7, 1.0, 2.5]))
    plan = build_plan(grid(filters_for(spacing), (sigma,)), spacing)
    shape = tuple(data.draw(st.integers(1, 12)) for _ in spacing)
    seed = data.draw(st.integers(0, 2**32 - 1))
    values = np.random.default_rng(seed).choice([-1.0, 1.0], size=shape)  # corners of the cube are the worst images
    stripes = data.draw(st.booleans())
    if stripes:
        values = np.where(np.indices(shape).sum(axis=0) % 2, 1.0, -1.0)
    peak = data.draw(st.sampled_from([1e-3, 1.0, 300.0]))
    window = Window.whole(shape)
    block = compute_features(plan, Patch((peak * values).astype(np.float32)[np.newaxis], window, window, shape))
    for name, value, bound in zip(plan.names, block, plan.bounds, strict=True):
        assert np.abs(value).max() <= bound.limit(peak) * (1 + 1e-5), name


def test_bounds_are_not_vacuous():
    """An image of the signs of the kernel reaches the bound of a linear filter."""
    for name, gain in [("original", 1), ("gaussian", 1), ("gaussian_blur", 1)]:
        spec = FeatureSpec(name, 1 if BUILT_IN[name].has_sigma else None)
        (bound,) = build_plan((spec,), (1.0, 1.0)).bounds
        assert bound.gain == pytest.approx(gain)
        assert bound.degree == 1
    (sobel,) = build_plan((FeatureSpec("sobel_of_gaussian_blur", 1),), (1.0, 1.0)).bounds
    assert sobel.gain == pytest.approx(8 * 2**0.5)  # each of the two steps: Σ|w| = 2 · 4
    assert build_plan((FeatureSpec("structure_tensor_eigenvalues", 1),), (1.0, 1.0)).bounds[0].degree == 2


@given(st.integers(1, 9), st.integers(-40, 40), st.integers(0, 30), st.sampled_from(["reflect", "nearest", "mirror"]))
def test_boundaries_are_numpys(size, start, length, boundary):
    index = boundary_index(start, start + length, size, boundary)
    mode = {"reflect": "symmetric", "nearest": "edge", "mirror": "reflect"}[boundary]
    padded = np.pad(np.arange(size), 80, mode=mode)
    assert_array_equal(index, padded[80 + start : 80 + start + length])


def test_windows():
    window = Window((2, 3), (5, 9))
    assert window.shape == (3, 6)
    grown = window.grow((2, 4), (6, 10))
    assert grown == Window((0, 0), (6, 10))
    image = np.arange(60).reshape(6, 10)
    assert_array_equal(image[grown.slices][window.within(grown)], image[window.slices])
    assert prod(Window.whole((4, 5)).shape) == 20


def test_plans_of_other_processes_know_the_planes_of_this_one(tmp_path):
    code = (
        "import pickle, sys; from pixelforest.features.build import build_plan; "
        "from pixelforest.features.spec import FeatureSpec; "
        "plan = build_plan((FeatureSpec('sobel', 2.0),), (1.0, 1.0)); "
        "pickle.dump(plan, open(sys.argv[1], 'wb'))"
    )
    for seed in ("1", "2"):  # of the hashes of strings; ours may be one of them
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", code, tmp_path / seed], check=True, env=environment)
        theirs = pickle.loads((tmp_path / seed).read_bytes())
        ours = build_plan((FeatureSpec("sobel", 2.0),), (1.0, 1.0))
        assert theirs == ours
        assert [theirs.margins[plane] for plane in ours.order] == [ours.margins[plane] for plane in ours.order]

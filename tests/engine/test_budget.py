"""Tiles stay within the memory that they are given, and the estimate is not below what is used."""

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelforest.engine.budget import SMALLEST_SIDE, TileMemory, chunks_of, planes_at_once
from pixelforest.features.build import build_plan, grid
from pixelforest.features.patch import Patch, Window

PLANS = {
    ndim: build_plan(grid(("original", "gaussian", "hessian_eigenvalues"), (1, 3)), (1.0,) * ndim) for ndim in (2, 3)
}


@given(st.lists(st.integers(1, 5000), min_size=2, max_size=3), st.integers(1, 16))
def test_tiles_stay_below_the_limit_and_are_as_large_as_it_allows(shape, halvings):
    plan = PLANS[len(shape)]
    memory = TileMemory(plan, plan.halo, 2, 1)
    limit = 100 * 2**20 // 2**halvings + 3 * 2**20
    tile = memory.largest_tile(tuple(shape), limit)
    assert memory.of(tile, tuple(shape)) <= limit
    assert all(1 <= t <= n for t, n in zip(tile, shape, strict=True))
    if tile != tuple(shape):
        larger = tuple(min(t * 2, n) for t, n in zip(tile, shape, strict=True))
        assert memory.of(larger, tuple(shape)) > limit


def test_a_limit_below_the_smallest_tile_says_what_it_takes():
    memory = TileMemory(PLANS[2], PLANS[2].halo, 4, 1)
    smallest = memory.of((SMALLEST_SIDE,) * 2, (1000, 1000))
    assert memory.largest_tile((1000, 1000), 2 * smallest)
    with pytest.raises(ValueError, match=r"`memory_limit` is 1,000 bytes, but a tile of \(16, 16\) .* takes about"):
        memory.largest_tile((1024, 1024), 1000)


def test_tiles_are_multiples_of_the_chunks_that_they_are_written_to():
    memory = TileMemory(PLANS[2], PLANS[2].halo, 4, 1)
    tile = memory.largest_tile((1000, 900), 3 * 2**20, unit=(64, 100))
    assert tile[0] % 64 == 0
    assert tile[1] % 100 == 0
    assert tile != (1000, 900)
    assert memory.largest_tile((1000, 900), 2**40, unit=(64, 100)) == (1000, 900)
    assert memory.largest_tile((1000, 900), 3 * 2**20, unit=(64, 2000))[0] % 64 == 0


@pytest.mark.usefixtures("opencl_engine")
@pytest.mark.parametrize("ndim", [2, 3])
def test_planes_at_once_are_those_that_a_device_holds(monkeypatch, ndim):
    from pixelforest.backends.opencl.features import PlanRun, run_plane_by_plane
    from pixelforest.backends.opencl.runtime import open_device

    held = []
    release = PlanRun.release

    def counted(self, planes):
        held.append(sum(plane.values is not self.image for plane in self.planes.values()))
        release(self, planes)

    monkeypatch.setattr(PlanRun, "release", counted)
    plan, device, shape = PLANS[ndim], open_device(), (20,) * ndim
    patch = Patch(np.zeros((1, *shape), np.float32), Window.whole(shape), Window.whole(shape), shape)
    block = device.allocate((len(plan.outputs), *shape), np.float32)
    run_plane_by_plane(device, plan, patch, device.upload(patch.planes), block, range(len(plan.outputs)))
    device.finish()
    assert planes_at_once(plan) == max(held) > 2


def test_features_count_with_their_bytes():
    plan = PLANS[2]
    one, more = TileMemory(plan, (0, 0), 1, 1), TileMemory(plan.subset([0]), (0, 0), 1, 1)
    difference = one.of((64, 64), (64, 64)) - more.of((64, 64), (64, 64))
    assert difference >= 4 * (len(plan.outputs) - 1) * prod((64, 64))


def test_only_arrays_of_chunks_have_chunks():
    class Stored:
        chunks = (10, 20, 3)
        shards = None

    assert chunks_of(Stored(), 2) == (10, 20)
    Stored.shards = (100, 200, 3)
    assert chunks_of(Stored(), 2) == (100, 200)
    assert chunks_of(np.zeros(3), 1) is None

"""Dask arrays in, lazy dask arrays out: the bits of the whole image in any chunks, and no pixel read in vain."""

import pickle
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

da = pytest.importorskip("dask.array")

import cloudpickle  # noqa: E402 comes with dask
import dask  # noqa: E402
from sklearn.ensemble import RandomForestClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402

import pixelforest as pf  # noqa: E402
from benchmarks.reliability.chunkings import ChunkingProblem, compare_chunkings  # noqa: E402
from pixelforest.backends.numpy.backend import NumpyBackend  # noqa: E402
from pixelforest.engine.chunk_tasks import compute_chunk, fingerprint_of  # noqa: E402
from pixelforest.engine.shipping import Shipment  # noqa: E402
from pixelforest.engine.tile_job import TileJob  # noqa: E402
from pixelforest.images.stored import KnownPart  # noqa: E402

RNG = np.random.default_rng(5)
IMAGE = RNG.normal(size=(53, 47)).astype(np.float32)
IMAGE[:, 20:] += 2
SCRIBBLES = np.zeros(IMAGE.shape, np.uint8)
SCRIBBLES[5:50:9, 3:15] = 1
SCRIBBLES[5:50:9, 25:44] = 2
STACK = pf.ImageFeatureStack(("gaussian", "hessian_eigenvalues"), (1,))


def forest(**parameters):
    return pf.OpenCLRandomForestClassifier(**{"n_estimators": 5, "max_depth": 4, "random_state": 0} | parameters)


@pytest.fixture(scope="module")
def model():
    return pf.ImageSegmenter(STACK, forest()).fit([IMAGE], [SCRIBBLES])


def nothing_runs(*args, **kwargs):
    raise AssertionError("something was computed while the graph was made")


def lazily(call):
    """Return what `call` makes while no task may run."""
    with dask.config.set(scheduler=nothing_runs):
        return call()


def computed(array):
    return array.compute(scheduler="threads", num_workers=2)


# --- the bits of the whole image -------------------------------------------------------------------------------------


@settings(max_examples=6)
@given(st.integers(10_000, 10**6))
def test_any_chunks_of_any_image_give_the_features_of_the_whole(seed):
    assert ChunkingProblem(seed).difference() == 0


def test_the_halo_is_enough_and_one_pixel_less_is_not():
    tally = compare_chunkings(range(8))
    assert tally.passes, tally
    assert tally.halos >= 5
    assert 0 < tally.volume_halos < tally.halos


def test_chunks_that_lack_one_pixel_of_the_halo_are_seen(monkeypatch):
    def padded(self, part):  # what is missing is made up, as the border rule would
        channels, *spatial = part
        inside = [
            np.clip(np.arange(s.start - a, s.stop - a), 0, n - 1)
            for s, a, n in zip(spatial, self.start, self.values.shape[1:], strict=True)
        ]
        return self.values[channels][(slice(None), *np.ix_(*inside))]

    image = da.from_array(IMAGE, chunks=(17, 20))
    monkeypatch.setattr(KnownPart, "__getitem__", padded)
    assert_array_equal(computed(STACK.transform(image)), STACK.transform(IMAGE))
    halo = TileJob.halo.fget
    monkeypatch.setattr(TileJob, "halo", property(lambda self: tuple(h - 1 for h in halo(self))))
    assert np.abs(computed(STACK.transform(image)) - STACK.transform(IMAGE)).max() > 0


@settings(max_examples=5)
@given(st.integers(0, 10**6))
def test_any_chunks_give_the_labels_and_probabilities_of_the_whole(model, seed):
    rng = np.random.default_rng(seed)
    chunks = tuple(
        tuple(np.diff([0, *np.sort(rng.integers(0, n + 1, rng.integers(0, 7))), n]).tolist()) for n in IMAGE.shape
    )
    image = da.from_array(IMAGE, chunks=chunks)
    assert_array_equal(computed(model.predict(image)), model.predict(IMAGE))
    assert_array_equal(computed(model.predict_proba(image)), model.predict_proba(IMAGE))


@pytest.mark.parametrize("channel_axis", [0, 1, -1])
def test_channels_may_be_chunked(channel_axis):
    image = np.stack([IMAGE, IMAGE[::-1], IMAGE[:, ::-1]], axis=channel_axis)
    stack = pf.ImageFeatureStack(("original", "gaussian"), (1,), channel_axis=channel_axis).fit([image])
    for n_channels in (1, 2, 3):
        chunks = [20, 30]
        chunks.insert(channel_axis % 3, n_channels)
        lazy = lazily(lambda chunks=tuple(chunks): stack.transform(da.from_array(image, chunks=chunks)))
        assert_array_equal(computed(lazy), stack.transform(image))


def whole_only(image):
    return image - image.mean()


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_filters_that_look_at_the_whole_image_are_lazy_too(dtype):
    for filters in (("entropy", "gaussian"), (pf.CustomFilter("flat", whole_only, None), "gaussian")):
        stack = pf.ImageFeatureStack(filters, (1,), dtype=dtype)
        lazy = lazily(lambda stack=stack: stack.transform(da.from_array(IMAGE, chunks=(20, 15))))
        assert lazy.chunks == ((20, 20, 13), (15, 15, 15, 2), (2,))
        assert_array_equal(computed(lazy), stack.transform(IMAGE))
        assert lazy.dtype == dtype


@pytest.mark.parametrize("filters", [("entropy",), (pf.CustomFilter("flat", whole_only, None), "gaussian")])
def test_masks_and_filters_that_look_at_the_whole_image(filters):
    model = pf.ImageSegmenter(pf.ImageFeatureStack(filters, (1,)), forest()).fit([IMAGE], [SCRIBBLES])
    mask = np.zeros(IMAGE.shape, bool)
    mask[5:11, 22:31] = True
    expected = np.where(mask, model.predict(IMAGE), 0)
    assert_array_equal(model.predict(IMAGE, mask=mask), expected)
    assert_array_equal(computed(model.predict(da.from_array(IMAGE, chunks=20), mask=mask)), expected)


# --- lazy ------------------------------------------------------------------------------------------------------------


def test_nothing_is_computed_before_it_is_asked_for(model):
    image = da.from_array(IMAGE, chunks=(20, 16))
    labels, probabilities = lazily(lambda: model.predict(image)), lazily(lambda: model.predict_proba(image))
    features = lazily(lambda: STACK.transform(image))
    assert labels.chunks == image.chunks
    assert probabilities.chunks == (*image.chunks, (2,))
    assert features.chunks == (*image.chunks, (3,))
    for result, reference in ((labels, model.predict(IMAGE)), (probabilities, model.predict_proba(IMAGE))):
        assert result.shape == reference.shape
        assert result.dtype == result._meta.dtype == reference.dtype
        assert isinstance(result._meta, np.ndarray)
        assert result._meta.ndim == reference.ndim
    assert labels.name == model.predict(image).name  # equal graphs have equal names
    assert labels.name != probabilities.name
    assert labels.name != pf.ImageSegmenter(STACK, forest(max_depth=1)).fit([IMAGE], [SCRIBBLES]).predict(image).name


def test_lists_and_stacks_stay_what_they_are(model):
    images = [IMAGE, IMAGE[::-1]]
    as_list = lazily(lambda: model.predict([da.from_array(image, chunks=25) for image in images]))
    as_stack = lazily(lambda: model.predict_proba(da.from_array(np.stack(images), chunks=(1, 25, 25))))
    mixed = model.predict([da.from_array(IMAGE, chunks=25), IMAGE[::-1]])
    assert isinstance(as_stack, da.Array)
    assert isinstance(mixed[0], da.Array)
    assert isinstance(mixed[1], np.ndarray)
    for index, image in enumerate(images):
        assert_array_equal(computed(as_list[index]), model.predict(image))
        assert_array_equal(computed(as_stack[index]), model.predict_proba(image))
        assert_array_equal(np.asarray(mixed[index]), model.predict(image))


def test_pipelines_are_lazy_to_the_end():
    pipeline = make_pipeline(STACK, pf.PixelClassifier(forest())).fit([IMAGE], [SCRIBBLES])
    image = da.from_array(IMAGE, chunks=(20, 16))
    labels, probabilities = lazily(lambda: pipeline.predict(image)), lazily(lambda: pipeline.predict_proba(image))
    assert labels.chunks == image.chunks
    assert_array_equal(computed(labels), pipeline.predict(IMAGE))
    assert_array_equal(computed(probabilities), pipeline.predict_proba(IMAGE))
    assert labels.dtype == np.uint8
    assert probabilities.dtype == pipeline.predict_proba(IMAGE).dtype


# --- tasks -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def recorded():
    """An image of chunks that note when they are read."""
    seen = []

    def note(block, block_id=None):
        seen.append(block_id)
        return block

    return da.from_array(IMAGE, chunks=(4, 10)).map_blocks(note, dtype=IMAGE.dtype, meta=IMAGE[:0, :0]), seen


def test_a_chunk_is_computed_from_the_chunks_in_reach_and_no_others(recorded, model):
    image, seen = recorded
    halo = model.features_.plan_for(1).halo
    for position in ((0, 0), (6, 2), (13, 4)):
        seen.clear()
        computed(STACK.transform(image).blocks[position])
        target = [(i * n, min(i * n + n, side)) for i, n, side in zip(position, (4, 10), IMAGE.shape, strict=True)]
        in_reach = [
            [i for i in range(-(-side // n)) if i * n < stop + h and i * n + n > start - h]
            for (start, stop), n, h, side in zip(target, (4, 10), halo, IMAGE.shape, strict=True)
        ]
        assert sorted(seen) == sorted(product(*in_reach))


def test_every_chunk_is_read_once(recorded, model):
    image, seen = recorded
    computed(model.predict(image))
    assert len(seen) == len(set(seen)) == image.npartitions


def test_the_model_is_in_the_graph_once_and_chunks_cost_little():
    large = pf.ImageSegmenter(STACK, forest(n_estimators=60, max_depth=None)).fit([IMAGE], [SCRIBBLES])
    job_bytes = len(Shipment(large._job("labels", is_masked=False)).payload)
    assert job_bytes > 20_000
    sizes, tasks = [], []
    for side in (27, 9):
        lazy = large.predict(da.zeros((540, 540), chunks=side))
        sizes.append(len(cloudpickle.dumps(dict(lazy.dask))))
        tasks.append(lazy.npartitions)
    assert sizes[0] < job_bytes + 5_000 * tasks[0]
    assert (sizes[1] - sizes[0]) / (tasks[1] - tasks[0]) < 5_000


def test_a_process_keeps_what_it_received(model, monkeypatch):
    sent = Shipment(model._job("labels", is_masked=False))
    data = pickle.dumps(sent)
    one, two = pickle.loads(data), pickle.loads(data)
    assert one is two is not sent
    assert pickle.dumps(one) == data
    loaded = []
    load = NumpyBackend.load_forest
    monkeypatch.setattr(NumpyBackend, "load_forest", lambda *args, **how: (loaded.append(1), load(*args, **how))[1])
    alone = pf.ImageSegmenter(pf.ImageFeatureStack(sigmas=(1,), device="numpy"), forest(device="numpy"))
    alone.fit([IMAGE], [SCRIBBLES])
    lazy = alone.predict(da.from_array(IMAGE, chunks=20))
    arrived = [pickle.loads(cloudpickle.dumps(dict(lazy.dask))) for _ in range(2)]
    loaded.clear()
    for graph in arrived:
        dask.get(graph, [(lazy.name, 0, 0), (lazy.name, 1, 1)])
    assert len(loaded) == 1


def test_large_chunks_are_computed_in_tiles(monkeypatch):
    targets = []
    compute = TileJob.compute

    def counted(self, backend, reader, window, wanted=None):
        targets.append(window)
        return compute(self, backend, reader, window, wanted)

    monkeypatch.setattr(TileJob, "compute", counted)
    small = pf.ImageSegmenter(STACK, forest(), memory_limit=30_000).fit([IMAGE], [SCRIBBLES])
    expected = small.predict(IMAGE)
    targets.clear()
    assert_array_equal(computed(small.predict(da.from_array(IMAGE, chunks=(53, 24)))), expected)
    assert len(targets) >= 4
    assert sum(int(np.prod(target.shape)) for target in targets) == IMAGE.size


def test_workers_with_another_device_are_refused(model):
    lazy = model.predict(da.from_array(IMAGE, chunks=53))
    task = next(value for key, value in dict(lazy.dask).items() if key == (lazy.name, 0, 0))
    shipment, place = Shipment(model._job("labels", is_masked=False)), task[2]
    assert_array_equal(
        compute_chunk(shipment, place, [IMAGE], fingerprint_of(shipment), None, None), model.predict(IMAGE)
    )
    with pytest.raises(RuntimeError, match=r"another one with Babbage 1834: results may differ .* allow_mixed_devices"):
        compute_chunk(shipment, place, [IMAGE], "Babbage 1834", None, None)
    mixed = pf.ImageSegmenter(pf.ImageFeatureStack(sigmas=(1,), allow_mixed_devices=True), forest())
    mixed.fit([IMAGE], [SCRIBBLES])
    shipment = Shipment(mixed._job("labels", is_masked=False))
    assert_array_equal(compute_chunk(shipment, place, [IMAGE], "Babbage 1834", None, None), mixed.predict(IMAGE))


# --- NaN, masks, what is refused -------------------------------------------------------------------------------------


def test_nan_names_the_chunk_when_it_is_computed(model):
    image = IMAGE.copy()
    image[30, 20] = np.nan
    lazy = lazily(lambda: model.predict([da.zeros((5, 5)), da.from_array(image, chunks=(16, 16))]))[1]
    assert_array_equal(computed(lazy.blocks[0, 0]), model.predict(IMAGE)[:16, :16])
    with pytest.raises(ValueError, match=r"`X\[1\]` holds NaN or inf, first at \(30, 20\).* chunk at 16:32, 16:32\]"):
        computed(lazy.blocks[1, 1])


def test_masked_nan_is_the_same_in_chunks():
    image = IMAGE.copy()
    image[30, 20], image[2, 40] = np.nan, np.inf
    features = pf.ImageFeatureStack(("gaussian", "sobel"), (0.5, 2), nan_policy="mask")
    model = pf.ImageSegmenter(features, forest(max_depth=1)).fit([IMAGE], [SCRIBBLES])
    for chunks in (53, 16, 5):
        lazy = da.from_array(image, chunks=chunks)
        assert_array_equal(computed(model.predict(lazy)), model.predict(image))
        assert_array_equal(computed(model.predict_proba(lazy)), model.predict_proba(image))
        assert_array_equal(computed(features.transform(lazy)), features.transform(image))


@pytest.mark.parametrize("is_lazy", [False, True])
def test_masks_leave_chunks_out(model, recorded, is_lazy):
    image, seen = recorded
    mask = np.zeros(IMAGE.shape, bool)
    mask[5:11, 22:31] = True
    given = da.from_array(mask, chunks=(7, 47)) if is_lazy else mask
    labels = lazily(lambda: model.predict(image, mask=given))
    seen.clear()
    assert_array_equal(computed(labels), model.predict(IMAGE, mask=mask))
    assert is_lazy or len(seen) < image.npartitions / 2
    expected = model.predict_proba(IMAGE, mask=mask)
    assert_array_equal(computed(model.predict_proba(image, mask=given)), expected)


def test_what_cannot_be_lazy_is_refused(model):
    image = da.from_array(IMAGE, chunks=20)
    with pytest.raises(ValueError, match="`out` must be None for dask arrays"):
        model.predict(image, out=np.empty(IMAGE.shape, np.uint8))
    with pytest.raises(ValueError, match="`out` must be None for dask arrays"):
        STACK.transform(image, out=np.empty((*IMAGE.shape, 3), np.float32))
    with pytest.raises(ValueError, match="`progress` must be None for dask arrays"):
        model.predict(image, progress=print)
    with pytest.raises(TypeError, match="`out` must be an array in memory or on disk"):
        model.predict(IMAGE, out=da.zeros(IMAGE.shape, dtype=np.uint8))
    with pytest.raises(ValueError, match=r"`X\[0\]` has chunks of unknown size; call its compute_chunk_sizes\(\)"):
        model.predict([image[image[:, 0] > 0]])
    for strange in (image.astype(complex), image.astype(object)):
        with pytest.raises(TypeError, match=r"`X\[0\]` must hold real numbers, got dtype"):
            model.predict(strange)


def test_other_classifiers_are_lazy_too():
    other = pf.ImageSegmenter(STACK, RandomForestClassifier(3, max_depth=3, random_state=0)).fit([IMAGE], [SCRIBBLES])
    lazy = lazily(lambda: other.predict_proba(da.from_array(IMAGE, chunks=30)))
    assert_array_equal(computed(lazy), other.predict_proba(IMAGE))


@pytest.mark.parametrize("chunks", [(31, 40), (200, 7)])
def test_cascades_of_chunks_keep_the_grid_of_the_whole(chunks):
    image = np.random.default_rng(0).random((90, 110), np.float32)
    stack = pf.ImageFeatureStack(("gaussian", "hessian_eigenvalues"), sigmas=(1, 6, 10), large_sigma="cascade")
    stack.fit([image])
    lazy = lazily(lambda: stack.transform(da.from_array(image, chunks=chunks)))
    assert_array_equal(computed(lazy), stack.transform(image))

"""How `ImageSegmenter` runs: only what trees look at, within memory, into any array, inside a mask, and stopped."""

import time
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline

import pixelforest as pf
from pixelforest.backends import select
from pixelforest.backends.numpy.backend import NumpyBackend
from pixelforest.backends.opencl.backend import OpenCLBackend
from pixelforest.engine import streaming
from pixelforest.engine.tile_job import TileJob
from pixelforest.engine.tiling import TileReader
from pixelforest.estimators.tile_rules import narrowed_programs

RNG = np.random.default_rng(3)
IMAGE = RNG.normal(size=(61, 47)).astype(np.float32)
IMAGE[:, 20:] += 2
SCRIBBLES = np.zeros(IMAGE.shape, np.uint8)
SCRIBBLES[5:50:9, 3:15] = 1
SCRIBBLES[5:50:9, 25:44] = 2
SIGMAS = (0.5, 1, 1.5)


def forest(**parameters):
    return pf.OpenCLRandomForestClassifier(**{"n_estimators": 4, "max_depth": 2, "random_state": 0} | parameters)


def stack(**parameters):
    return pf.ImageFeatureStack(("original", "gaussian", "hessian_eigenvalues"), SIGMAS, **parameters)


@pytest.fixture(scope="module")
def model():
    return pf.ImageSegmenter(stack(), forest()).fit([IMAGE], [SCRIBBLES])


@pytest.fixture(scope="module")
def labels(model):
    return model.predict(IMAGE)


@pytest.fixture(scope="module")
def probabilities(model):
    return model.predict_proba(IMAGE)


def used_by_trees(classifier):
    trees = getattr(classifier, "estimators_", None) or [classifier]
    return sorted({int(f) for tree in trees for f in tree.tree_.feature if f >= 0})


@pytest.fixture
def jobs(monkeypatch):
    """Plans that backends were asked for."""
    plans = []
    for backend in (NumpyBackend, OpenCLBackend):
        compute = backend.compute_features

        def counted(self, plan, patch, compute=compute):
            plans.append((plan, patch.target))
            return compute(self, plan, patch)

        monkeypatch.setattr(backend, "compute_features", counted)
    return plans


# --- only what trees look at ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["auto", "numpy"])
@pytest.mark.parametrize("depth", [1, 2, 6])
def test_only_features_that_trees_look_at_are_computed(jobs, device, depth):
    model = pf.ImageSegmenter(stack(device=device), forest(device=device, max_depth=depth)).fit([IMAGE], [SCRIBBLES])
    everything = model.features_.plan_for(1)
    used = used_by_trees(model.classifier_)
    jobs.clear()
    got, chances = model.predict(IMAGE), model.predict_proba(IMAGE)
    plan = jobs[-1][0]
    assert plan.names == tuple(everything.names[i] for i in used)
    alone = set().union(*(set(everything.subset([i]).order) for i in used))
    assert set(plan.order) == alone  # nothing that serves other features only
    if depth < 6:
        assert len(plan.order) < len(everything.order)
    rows = model.features_.transform(IMAGE).reshape(-1, len(everything.names))
    reference = RandomForestClassifier(4, max_depth=depth, random_state=0)
    reference.fit(rows[SCRIBBLES.ravel() > 0], SCRIBBLES[SCRIBBLES > 0])
    assert_array_equal(got.ravel(), reference.predict(rows))
    pipeline = make_pipeline(stack(device=device), pf.PixelClassifier(forest(device=device, max_depth=depth)))
    pipeline.fit([IMAGE], [SCRIBBLES])
    assert_array_equal(got, pipeline.predict(IMAGE))
    assert_array_equal(chances, pipeline.predict_proba(IMAGE).astype(np.float32))


def test_features_have_the_same_bits_in_the_smaller_plan(model, jobs):
    rows = np.moveaxis(model.features_.transform(IMAGE), -1, 0)
    used = used_by_trees(model.classifier_)
    backend = select.open_backend()
    plan = model.features_.plan_for(1).subset(used)
    patch, _ = TileReader(IMAGE[np.newaxis], plan, "raise", 0).read(streaming.Window.whole(IMAGE.shape))
    assert_array_equal(backend.compute_features(plan, patch).to_host(), rows[used])


def test_compiled_forests_of_scikit_learn_are_narrowed_too(jobs):
    rows = stack().transform(IMAGE)[SCRIBBLES > 0]
    trained = RandomForestClassifier(3, max_depth=1, random_state=0).fit(rows, SCRIBBLES[SCRIBBLES > 0])
    model = pf.ImageSegmenter(stack(), pf.compile_forest(trained)).fit([IMAGE], [SCRIBBLES])
    everything = stack().transform(IMAGE)
    jobs.clear()
    assert_array_equal(model.predict(IMAGE).ravel(), trained.predict(everything.reshape(-1, everything.shape[-1])))
    assert len(jobs[0][0].outputs) == len(used_by_trees(trained)) < everything.shape[-1]


def test_other_classifiers_get_all_features(jobs):
    model = pf.ImageSegmenter(stack(), RandomForestClassifier(2, max_depth=1, random_state=0))
    model.fit([IMAGE], [SCRIBBLES])
    jobs.clear()
    model.predict(IMAGE)
    assert jobs[0][0].names == model.features_.plan_for(1).names


def test_programs_are_made_once_and_go_with_the_forest(model):
    known = narrowed_programs(model.classifier_.read_forest())
    assert narrowed_programs(model.classifier_.read_forest())[1] is known[1]
    other = pf.ImageSegmenter(stack(), forest(random_state=1)).fit([IMAGE], [SCRIBBLES])
    assert narrowed_programs(other.classifier_.read_forest())[1] is not known[1]


@pytest.mark.parametrize("tile_shape", [None, (13, 11)])
def test_masked_pixels_are_those_of_all_features_nevertheless(tile_shape):
    image = RNG.normal(size=IMAGE.shape).astype(np.float32)
    strokes = np.where(SCRIBBLES > 0, 1 + (image > 0), 0)  # single pixels decide, their surroundings do not
    image, clean = image.copy(), image
    image[30, 20] = np.nan
    features = pf.ImageFeatureStack(("original", "gaussian"), (0.5, 3), nan_policy="mask")
    one_tree = forest(max_depth=1, n_estimators=1, max_features=None)
    model = pf.ImageSegmenter(features, one_tree, tile_shape=tile_shape).fit([clean], [strokes])
    assert max(features.plan_for(1).subset(used_by_trees(model.classifier_)).halo) < max(features.plan_.halo)
    pipeline = make_pipeline(features, pf.PixelClassifier(one_tree, nan_policy="mask"))
    pipeline.fit([clean], [strokes])
    assert_array_equal(model.predict(image), pipeline.predict(image))
    assert_array_equal(np.isnan(model.predict_proba(image)), np.isnan(pipeline.predict_proba(image)))


# --- memory --------------------------------------------------------------------------------------------------------


def test_memory_limit_makes_tiles_smaller_and_changes_nothing(model, jobs, labels):
    small = pf.ImageSegmenter(stack(), forest(), memory_limit=60_000).fit([IMAGE], [SCRIBBLES])
    jobs.clear()
    assert_array_equal(small.predict(IMAGE), labels)
    assert len(jobs) >= 4
    with pytest.raises(ValueError, match=r"`memory_limit` is 10 bytes, but a tile of .* pixels takes about"):
        small.set_params(memory_limit=10).predict(IMAGE)
    for wrong, error in ((0, ValueError), ("1 GB", TypeError), (True, TypeError)):
        with pytest.raises(error, match="`memory_limit` must be"):
            small.set_params(memory_limit=wrong).predict(IMAGE)


@pytest.mark.parametrize("largest", [300, 900])
def test_tiles_that_do_not_fit_are_halved(model, monkeypatch, labels, probabilities, largest):
    sizes = []
    compute = TileJob.compute

    def refusing(self, backend, reader, window, wanted=None):
        sizes.append(int(np.prod(window.shape)))
        if sizes[-1] > largest:
            raise MemoryError("the device is full")
        return compute(self, backend, reader, window, wanted)

    monkeypatch.setattr(TileJob, "compute", refusing)
    assert_array_equal(model.predict(IMAGE), labels)
    assert max(sizes) == IMAGE.size
    assert sum(size for size in sizes if size <= largest) == IMAGE.size
    assert_array_equal(model.predict_proba(IMAGE), probabilities)


def test_a_device_without_any_room_is_a_clear_error(model, monkeypatch):
    def refusing(*args):
        raise MemoryError("the device is full")

    monkeypatch.setattr(TileJob, "compute", refusing)
    with pytest.raises(MemoryError, match=r"no room even for a tile of \(\d+, \d+\) pixels .*: the device is full"):
        model.predict(IMAGE)


# --- where results go, where images come from ------------------------------------------------------------------------


class Recorded:
    """An array that notes which parts are read and written."""

    def __init__(self, array):
        self.array, self.reads, self.writes = array, [], []
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    def __getitem__(self, part):
        self.reads.append(self.array[part].size)
        return self.array[part]

    def __setitem__(self, part, values):
        self.writes.append(self.array[part].size)
        self.array[part] = values

    def __array__(self, *args, **kwargs):
        raise AssertionError("read as a whole")


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4"])
def test_out_may_have_any_dtype_that_holds_the_labels(model, labels, dtype):
    out = np.full(IMAGE.shape, 77, dtype)
    assert model.predict(IMAGE, out=out) is out
    assert_array_equal(out, labels)


def test_files_are_read_and_written_tile_by_tile(model, labels, probabilities, tmp_path):
    np.save(tmp_path / "image.npy", IMAGE)
    image = np.load(tmp_path / "image.npy", mmap_mode="r")
    out = np.lib.format.open_memmap(tmp_path / "labels.npy", mode="w+", dtype=np.uint8, shape=IMAGE.shape)
    assert model.predict(image, out=out) is out
    out.flush()
    assert_array_equal(np.load(tmp_path / "labels.npy"), labels)
    given, taken = Recorded(IMAGE), Recorded(np.empty((*IMAGE.shape, 2)))
    tiled = pf.ImageSegmenter(stack(), forest(), tile_shape=(20, 20)).fit([IMAGE], [SCRIBBLES])
    tiled.predict_proba(given, out=taken)
    assert_array_equal(taken.array, probabilities)
    assert len(given.reads) == len(taken.writes) == 12
    assert max(given.reads) <= 40 * 40
    assert max(taken.writes) == 20 * 20 * 2


def test_training_reads_only_near_strokes():
    given = Recorded(np.tile(IMAGE, (20, 20)))
    strokes = np.zeros(given.shape, np.uint8)
    strokes[: SCRIBBLES.shape[0], : SCRIBBLES.shape[1]] = SCRIBBLES
    pf.ImageSegmenter(stack(), forest()).fit([given], [strokes])
    assert 0 < sum(given.reads) < IMAGE.size * 4


@pytest.mark.parametrize("channel_axis", [None, 0, -1])
def test_stacks_in_files_are_read_image_by_image(channel_axis):
    images = [IMAGE, IMAGE[::-1]]
    if channel_axis is not None:
        images = [np.stack([image, -image], axis=channel_axis) for image in images]
    model = pf.ImageSegmenter(stack(channel_axis=channel_axis), forest(), tile_shape=(25, 30))
    model.fit(images, [SCRIBBLES, SCRIBBLES[::-1]])
    expected = model.predict_proba(images)
    given, taken = Recorded(np.stack(images)), Recorded(np.empty((2, *IMAGE.shape, 2), np.float32))
    assert model.predict_proba(given, out=taken) is taken
    assert_array_equal(taken.array, np.stack(expected))
    assert max(given.reads) < images[0].size
    assert_array_equal(model.predict(given), model.predict(np.stack(images)))


def test_zarr_arrays_are_input_and_output(model, labels, tmp_path):
    zarr = pytest.importorskip("zarr")
    image = zarr.create_array(str(tmp_path / "image"), shape=IMAGE.shape, chunks=(16, 16), dtype="f4")
    image[:] = IMAGE
    out = zarr.create_array(str(tmp_path / "labels"), shape=IMAGE.shape, chunks=(8, 8), shards=(16, 16), dtype="u1")
    limited = pf.ImageSegmenter(stack(), forest(), memory_limit=120_000).fit([IMAGE], [SCRIBBLES])
    assert limited.predict(image, out=out) is out
    assert_array_equal(out[:], labels)
    with pytest.raises(ValueError, match="`out` cannot be written to"):
        model.predict(image, out=zarr.open_array(str(tmp_path / "labels"), mode="r"))


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.empty((61, 46), np.uint8), ValueError, r"`out` must have shape \(61, 47\) and a dtype that holds uint8"),
        (np.empty((61, 47), np.int8), ValueError, "a dtype that holds uint8, got .* int8"),
        ([[0]], ValueError, "`out` must have|`out` must be"),
        (7, TypeError, "`out` must be an array that is written by slices, got int"),
        (np.broadcast_to(np.uint8(0), (61, 47)), ValueError, "`out` cannot be written to"),
        (IMAGE, ValueError, "`out` lies in the memory of `X`"),
    ],
)
def test_outputs_that_do_not_fit_are_refused_before_anything_is_written(model, out, error, message):
    before = np.array(out)
    with pytest.raises((error, TypeError) if isinstance(out, list) else error, match=message):
        model.predict(IMAGE, out=out)
    assert_array_equal(out, before)
    with pytest.raises(ValueError, match="`out` must hold 2 arrays, one per image, got 1"):
        model.predict([IMAGE, IMAGE], out=[np.empty(IMAGE.shape, np.uint8)])


# --- masks -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def region():
    mask = np.zeros(IMAGE.shape, bool)
    mask[5:12, 7:30] = mask[40, 41] = mask[33:39, ::3] = True
    return mask


@pytest.mark.parametrize("tile_shape", [None, (10, 10), (7, 47)])
def test_masks_leave_pixels_and_tiles_out(model, labels, probabilities, region, jobs, tile_shape):
    model = pf.ImageSegmenter(stack(), forest(), tile_shape=tile_shape).fit([IMAGE], [SCRIBBLES])
    jobs.clear()
    assert_array_equal(model.predict(IMAGE, mask=region), np.where(region, labels, 0))
    area = sum(int(np.prod(target.shape)) for _, target in jobs)
    assert area < (IMAGE.size * 0.9 if tile_shape is None else IMAGE.size / 2)
    assert_array_equal(
        model.predict_proba(IMAGE, mask=region), np.where(region[..., np.newaxis], probabilities, np.nan)
    )
    nothing = np.zeros(IMAGE.shape, bool)
    jobs.clear()
    assert not model.predict(IMAGE, mask=nothing).any()
    assert not jobs
    assert_array_equal(model.predict([IMAGE], mask=[~nothing])[0], labels)
    assert_array_equal(model.predict(np.stack([IMAGE]), mask=np.stack([region]))[0], np.where(region, labels, 0))


@pytest.mark.parametrize("tile_shape", [None, (10, 10), (61, 3)])
def test_nan_outside_of_a_mask_raises_only_where_it_reaches_into_it(region, tile_shape):
    model = pf.ImageSegmenter(stack(), forest(), tile_shape=tile_shape).fit([IMAGE], [SCRIBBLES])
    reach = model.features_.plan_for(1).halo[0]
    for row, raises in ((12 + reach - 1, True), (12 + reach, False)):
        image = IMAGE.copy()
        image[row, 15] = np.nan
        if raises:
            with pytest.raises(ValueError, match=r"`X\[0\]` holds NaN or inf, first at \(\d+, 15\)"):
                model.predict(image, mask=region & (np.arange(61) < 20)[:, np.newaxis])
        else:
            model.predict(image, mask=region & (np.arange(61) < 20)[:, np.newaxis])


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (SCRIBBLES, TypeError, "`mask` must be an array of bool, got uint8"),
        (np.ones((61, 46), bool), ValueError, r"`mask` must have the shape of its image, \(61, 47\), got \(61, 46\)"),
    ],
)
def test_masks_that_do_not_fit_are_refused(model, mask, error, message):
    with pytest.raises(error, match=message):
        model.predict(IMAGE, mask=mask)
    with pytest.raises(ValueError, match="`mask` must hold 2 masks, one per image, got 1"):
        model.predict([IMAGE, IMAGE], mask=[np.ones(IMAGE.shape, bool)])


def test_masks_need_a_value_that_means_unlabeled():
    model = pf.ImageSegmenter(stack(), forest(), unlabeled=None).fit([IMAGE], [(IMAGE > 1).astype(np.uint8)])
    with pytest.raises(ValueError, match="but `unlabeled` is None"):
        model.predict(IMAGE, mask=np.ones(IMAGE.shape, bool))
    assert np.isnan(model.predict_proba(IMAGE, mask=np.zeros(IMAGE.shape, bool))).all()


# --- progress, interruption, several devices -------------------------------------------------------------------------


def test_progress_counts_the_tiles_of_all_images():
    model = pf.ImageSegmenter(stack(), forest(), tile_shape=(30, 30)).fit([IMAGE], [SCRIBBLES])
    seen = []
    model.predict([IMAGE, IMAGE[:30, :30]], progress=lambda *counts: seen.append(counts))
    assert seen == [(i + 1, 7) for i in range(7)]


@pytest.mark.parametrize("n_devices", [1, 2])
def test_an_interrupt_stops_within_one_tile(monkeypatch, n_devices):
    model = pf.ImageSegmenter(stack(), forest(), tile_shape=(10, 10)).fit([IMAGE], [SCRIBBLES])
    share_among(monkeypatch, n_devices)
    compute = TileJob.compute
    started = []

    def slow(self, *args):
        started.append(args)
        time.sleep(0.05)
        return compute(self, *args)

    monkeypatch.setattr(TileJob, "compute", slow)
    out = np.full(IMAGE.shape, 77, np.uint8)
    before = []

    def interrupt(done, total):
        if done == 3:
            before.append(len(started))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.predict(IMAGE, out=out, progress=interrupt)
    after = len(started)
    assert 3 <= before[0] <= after <= before[0] + n_devices < 35
    written = int((out != 77).sum())
    assert 300 <= written <= 100 * after
    time.sleep(0.2)
    assert len(started) == after
    assert int((out != 77).sum()) == written  # nothing goes on behind the caller's back


@cache
def twin():
    """Return a second backend: a context, queues and programs of its own on the device that there is."""
    first = select.open_backend()
    if isinstance(first, OpenCLBackend):
        return OpenCLBackend(type(first.device)(first.device._handle, first.device.report))
    return NumpyBackend()


def share_among(monkeypatch, count):
    backends = (select.open_backend(), twin())[:count]
    monkeypatch.setattr("pixelforest.estimators.image_jobs.open_backends", lambda *args, **how: backends)
    return backends


def test_several_devices_share_a_run(monkeypatch, labels, probabilities):
    model = pf.ImageSegmenter(stack(), forest(), tile_shape=(9, 10)).fit([IMAGE], [SCRIBBLES])
    backends = share_among(monkeypatch, 2)
    workers = set()
    compute = TileJob.compute

    def counted(self, backend, *args):
        workers.add(backend)
        return compute(self, backend, *args)

    monkeypatch.setattr(TileJob, "compute", counted)
    seen = []
    for _ in range(5):
        assert_array_equal(model.predict(IMAGE, progress=lambda *counts: seen.append(counts)), labels)
        assert_array_equal(model.predict_proba(IMAGE), probabilities)
    assert workers == set(backends)
    assert seen == [(i + 1, 35) for i in range(35)] * 5


def test_what_fails_on_one_of_several_devices_is_raised(monkeypatch):
    model = pf.ImageSegmenter(stack(), forest(), tile_shape=(9, 10)).fit([IMAGE], [SCRIBBLES])
    share_among(monkeypatch, 2)
    image = IMAGE.copy()
    image[-1, -1] = np.nan
    with pytest.raises(ValueError, match=r"holds NaN or inf, first at \(60, 46\)"):
        model.predict(image)


class Listed:
    """What the list of devices holds, without a device."""

    def __init__(self, kind, fingerprint, works=True):
        self.device = self.report = self
        self.kind, self.fingerprint, self.works = kind, fingerprint, works


def test_only_devices_of_the_same_name_and_driver_share(monkeypatch):
    runtime = pytest.importorskip("pixelforest.backends.opencl.runtime")
    one, same, other = Listed("gpu", "A 1"), Listed("gpu", "A 1"), Listed("gpu", "A 2")
    broken, cpu = Listed("gpu", "A 1", works=False), Listed("cpu", "A 1")
    twin = Listed("cpu", "A 1")
    monkeypatch.setattr(runtime, "_list_devices", lambda: (one, other, same, broken, cpu, twin))
    assert runtime.equal_devices(one) == (same,)
    assert runtime.equal_devices(other) == ()
    assert runtime.equal_devices(one, allow_mixed=True) == (other, same)
    assert runtime.equal_devices(cpu) == ()  # another driver of the same processor
    assert runtime.equal_devices(cpu, allow_mixed=True) == ()


def test_a_run_opens_the_devices_that_may_share(monkeypatch):
    monkeypatch.setattr("pixelforest.backends.opencl.runtime.equal_devices", lambda device, allow_mixed: (device,) * 2)
    backends = select.open_backends()
    assert len(backends) == (3 if isinstance(backends[0], OpenCLBackend) else 1)
    assert select.open_backends("numpy") == (select.open_backend("numpy"),)

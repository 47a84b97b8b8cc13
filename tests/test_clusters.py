"""Processes, `LocalCluster` and a cluster started by hand give the bits of the whole image, whoever dies."""

import functools
from contextlib import ExitStack

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

import dask  # noqa: E402

import pixelforest as pf  # noqa: E402
from benchmarks.reliability import workers  # noqa: E402
from benchmarks.reliability.clusters import LIMIT, N_WORKERS, client_of_workers  # noqa: E402
from pixelforest.backends.select import open_backend  # noqa: E402
from pixelforest.engine.instances import label_instances  # noqa: E402

RNG = np.random.default_rng(5)
IMAGE = RNG.normal(size=(61, 47)).astype(np.float32)
IMAGE[:, 20:] += 2
SCRIBBLES = np.zeros(IMAGE.shape, np.uint8)
SCRIBBLES[5:50:9, 3:15] = 1
SCRIBBLES[5:50:9, 25:44] = 2

pytestmark = pytest.mark.filterwarnings("default::ResourceWarning", "default::DeprecationWarning")


def trained(device, max_depth=5):
    features = pf.ImageFeatureStack(("original", "gaussian", "entropy"), (1, 2), device=device)
    forest = pf.OpenCLRandomForestClassifier(8, max_depth=max_depth, random_state=0, device=device)
    return pf.ImageSegmenter(features, forest).fit([IMAGE], [SCRIBBLES])


def lazy_and_whole(model):
    image = da.from_array(IMAGE, chunks=(23, 9))
    labels, expected = model.predict(image), model.predict(IMAGE)
    lazy = labels, model.predict_proba(image), model.features_.transform(image), label_instances(labels, label=2)
    whole = model.predict_proba(IMAGE), model.features_.transform(IMAGE), ndimage.label(expected == 2)[0]
    return lazy, (expected, *whole)


def assert_same_as_the_whole(model, compute):
    lazy, whole = lazy_and_whole(model)
    for got, expected in zip(compute(lazy), whole, strict=True):
        assert_array_equal(got, expected)


@pytest.mark.parametrize("scheduler", ["synchronous", "threads", "processes"])
def test_schedulers_of_one_machine(scheduler):
    model = trained("numpy" if scheduler == "processes" else "auto")
    with dask.config.set({"scheduler": scheduler, "num_workers": 2, "multiprocessing.context": "spawn"}):
        assert_same_as_the_whole(model, lambda lazy: dask.compute(*lazy))


def local_cluster(stack, **how):
    how |= {"dashboard_address": ":0", "n_workers": N_WORKERS, "threads_per_worker": 1}
    cluster = stack.enter_context(distributed.LocalCluster(**how))
    return stack.enter_context(distributed.Client(cluster, timeout=LIMIT))


def test_a_local_cluster_of_threads():
    with ExitStack() as stack:
        client = local_cluster(stack, processes=False)
        assert_same_as_the_whole(trained("auto"), lambda lazy: client.gather(client.compute(lazy)))


# --- worker processes ------------------------------------------------------------------------------------------------


def watch():
    """Count, in a worker or in the scheduler, jobs that arrive and contexts that are opened."""
    from pixelforest.engine import shipping

    shipping.arrived, receive = [], shipping._receive

    @functools.wraps(receive)
    def counted(digest, payload):
        shipping.arrived.append(digest)
        return receive(digest, payload)

    shipping._receive = counted
    try:
        from pixelforest.backends.opencl.device import Device
    except ImportError:  # no OpenCL here
        return
    Device.opened, context = 0, Device._context.func

    def opened(self):
        Device.opened += 1
        return context(self)

    Device._context.func = opened


def arrived():
    from pixelforest.engine import shipping

    return shipping.arrived


def contexts():
    from pixelforest.backends.opencl.device import Device

    return Device.opened


@pytest.fixture(scope="module")
def processes():
    """A client of two worker processes that count."""
    with ExitStack() as stack:
        client = local_cluster(stack, processes=True)
        client.run(watch)
        client.run_on_scheduler(watch)
        yield client


def test_worker_processes_give_the_bits_of_the_whole(processes):
    assert_same_as_the_whole(trained("auto"), lambda lazy: processes.gather(processes.compute(lazy)))


def test_chunks_of_worker_processes_are_what_meta_says(processes):
    lazy, whole = lazy_and_whole(trained("auto"))
    for array, expected in zip(lazy, whole, strict=True):
        assert array.dtype == array._meta.dtype
        assert array._meta.ndim == array.ndim
        chunks = {future.key: future for future in distributed.futures_of(processes.persist(array))}
        if expected is not whole[-1]:  # SciPy numbers with int32
            assert array.dtype == expected.dtype
        for position in np.ndindex(*array.numblocks):
            computed = chunks[(array.name, *position)].result(timeout=LIMIT)
            assert type(computed) is type(array._meta)
            assert (computed.dtype, computed.shape) == (array.dtype, array.blocks[position].shape)


def test_a_model_goes_to_each_worker_once_per_run(processes):
    """More chunks than that: its job comes to the scheduler once and to each of the two workers at most once."""
    model = trained("auto", max_depth=3)
    image = da.from_array(IMAGE, chunks=8)
    before = {**processes.run(arrived), "scheduler": processes.run_on_scheduler(arrived)}
    labels = processes.gather(processes.compute(model.predict(image)))
    after = {**processes.run(arrived), "scheduler": processes.run_on_scheduler(arrived)}
    assert_array_equal(labels, model.predict(IMAGE))
    new = {address: jobs[len(before[address]) :] for address, jobs in after.items()}
    assert len(new["scheduler"]) == 1
    assert all(len(jobs) == len(set(jobs)) for jobs in new.values())
    assert {job for jobs in new.values() for job in jobs} == set(new["scheduler"])
    assert sum(map(len, new.values())) <= 1 + N_WORKERS < image.npartitions


def test_a_worker_process_opens_one_context(processes):
    if open_backend().name == "numpy":
        pytest.skip("no OpenCL device works here")
    for depth in (1, 2):
        model = trained("auto", max_depth=depth)
        labels = processes.gather(processes.compute(model.predict(da.from_array(IMAGE, chunks=(23, 9)))))
        assert_array_equal(labels, model.predict(IMAGE))
    assert list(processes.run(contexts).values()) == [1] * N_WORKERS


# --- processes started by hand ---------------------------------------------------------------------------------------


def test_a_scheduler_and_two_workers_started_by_hand(tmp_path):
    """Each opens the device itself; one is killed in the middle of a run; all end when they are told to."""
    model = trained("auto")
    with client_of_workers(tmp_path, nanny=True) as client:
        assert_same_as_the_whole(model, lambda lazy: client.gather(client.compute(lazy), asynchronous=False))
        state = client.run(lambda: __import__("pixelforest.engine.shipping", fromlist=["_received"])._received)
        assert len(state) == N_WORKERS
        assert all(len(received) <= 3 for received in state.values())  # a job comes once, and is kept
        assert len(set().union(*state.values())) == 3
        deaths = workers.Deaths()
        workers.trial(client, workers.WorkerProblem(0), deaths, np.random.default_rng(0), 0.2)
        assert (deaths.deaths, deaths.wrong) == (1, 0), deaths
        assert set(client.run(lambda: None)) - set(state), "the worker that died has not come back"


def test_wrong_and_missing_results_of_workers_are_seen():
    class Future:
        def __init__(self, value):
            self.value = value

        def result(self, timeout):
            if isinstance(self.value, Exception):
                raise self.value
            return self.value

    whole = [np.ones((3, 4)), np.ones((3, 4, 2)), np.ones((3, 4))]
    assert workers.mistake([Future(a.copy()) for a in whole], whole) == ""
    changed = whole[1].copy()
    changed[2, 3, 1] += 1e-7
    assert workers.mistake([Future(whole[0]), Future(changed), Future(whole[2])], whole) == "probabilities differ"
    assert "lost" in workers.mistake([Future(OSError("lost"))] * 3, whole)
    assert not workers.Deaths(trials=3).passes
    assert not workers.Deaths(trials=3, deaths=3, wrong=1).passes

"""Processes, `LocalCluster` and a cluster started by hand give the bits of the whole image, and all of them end."""

from contextlib import ExitStack

import numpy as np
import pytest
from numpy.testing import assert_array_equal

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

import dask  # noqa: E402

import pixelforest as pf  # noqa: E402
from tests.cluster_by_hand import LIMIT, cluster  # noqa: E402

RNG = np.random.default_rng(5)
IMAGE = RNG.normal(size=(61, 47)).astype(np.float32)
IMAGE[:, 20:] += 2
SCRIBBLES = np.zeros(IMAGE.shape, np.uint8)
SCRIBBLES[5:50:9, 3:15] = 1
SCRIBBLES[5:50:9, 25:44] = 2

pytestmark = pytest.mark.filterwarnings("default::ResourceWarning", "default::DeprecationWarning")


def trained(device):
    features = pf.ImageFeatureStack(("original", "gaussian", "entropy"), (1, 2), device=device)
    forest = pf.OpenCLRandomForestClassifier(8, max_depth=5, random_state=0, device=device)
    return pf.ImageSegmenter(features, forest).fit([IMAGE], [SCRIBBLES])


def assert_same_as_the_whole(model, compute):
    image = da.from_array(IMAGE, chunks=(23, 9))
    lazy = model.predict(image), model.predict_proba(image), model.features_.transform(image)
    whole = model.predict(IMAGE), model.predict_proba(IMAGE), model.features_.transform(IMAGE)
    for got, expected in zip(compute(lazy), whole, strict=True):
        assert_array_equal(got, expected)


@pytest.mark.parametrize("scheduler", ["synchronous", "threads", "processes"])
def test_schedulers_of_one_machine(scheduler):
    model = trained("numpy" if scheduler == "processes" else "auto")
    with dask.config.set({"scheduler": scheduler, "num_workers": 2, "multiprocessing.context": "spawn"}):
        assert_same_as_the_whole(model, lambda lazy: dask.compute(*lazy))


def test_local_cluster():
    with ExitStack() as stack:
        how = {"dashboard_address": ":0", "n_workers": 2, "threads_per_worker": 1}
        cluster = stack.enter_context(distributed.LocalCluster(processes=False, **how))
        client = stack.enter_context(distributed.Client(cluster, timeout=LIMIT))
        assert_same_as_the_whole(trained("auto"), lambda lazy: client.gather(client.compute(lazy)))


def test_a_scheduler_and_two_workers_started_by_hand(tmp_path):
    """Every worker opens the device itself; both take part, and all three processes end when they are told to."""
    model = trained("auto")
    with cluster(tmp_path, 2) as started, distributed.Client(started.address, timeout=LIMIT) as client:
        client.wait_for_workers(2, timeout=LIMIT)
        assert_same_as_the_whole(model, lambda lazy: client.gather(client.compute(lazy), asynchronous=False))
        ran = {address for address, keys in client.has_what().items() if keys}
        state = client.run(lambda: __import__("pixelforest.engine.shipping", fromlist=["_received"])._received)
        assert len(state) == len(client.scheduler_info()["workers"]) == 2
        assert ran <= set(state)
        assert all(len(received) == 3 for received in state.values())  # each job came once, and is kept

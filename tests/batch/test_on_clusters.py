"""Files predicted by the workers of a cluster, which write them: the same bits, whoever is killed meanwhile."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile
import zarr
from numpy.testing import assert_array_equal

distributed = pytest.importorskip("distributed")

import pixelforest as pf  # noqa: E402
from benchmarks.reliability.clusters import LIMIT, cluster_by_hand  # noqa: E402
from pixelforest.batch import predict_files, predict_zarr  # noqa: E402
from pixelforest.batch.image_tiles import ImageTiles  # noqa: E402
from pixelforest.cli import main  # noqa: E402
from pixelforest.engine import cluster as engine_cluster  # noqa: E402
from pixelforest.features.patch import Window  # noqa: E402
from pixelforest.io.model_files import save_model  # noqa: E402
from pixelforest.io.ome_zarr import open_ome_zarr  # noqa: E402
from tests.ome_zarr_by_hand import write_image  # noqa: E402

PLANES = np.random.default_rng(0).integers(0, 255, (24, 40, 50)).astype(np.uint8)

pytestmark = pytest.mark.filterwarnings("default::ResourceWarning", "default::DeprecationWarning")


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    with cluster_by_hand(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="module")
def model():
    features = pf.ImageFeatureStack(("gaussian", "laplacian_of_gaussian"), (1,), device="numpy")
    forest = pf.OpenCLRandomForestClassifier(5, max_depth=4, random_state=0, device="numpy")
    return pf.ImageSegmenter(features, forest).fit([PLANES[0]], [PLANES[0] // 100 + 1])


@pytest.fixture
def source(tmp_path, monkeypatch):
    """An image with one tile per time; workers have other working folders."""
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "image.zarr", PLANES, "tyx", "0.5")
    return "image.zarr"


def levels_of(path) -> list[np.ndarray]:
    group = zarr.open_group(path, mode="r")
    return [group[name][:] for name in sorted(group.array_keys())]


@pytest.mark.parametrize("kind", ["labels", "probabilities"])
def test_workers_write_what_this_process_would(model, started, source, kind):
    predict_zarr(model, source, "here.zarr", kind=kind)
    with engine_cluster.connected(started.address) as client:
        client.wait_for_workers(2, timeout=LIMIT)
        predict_zarr(model, source, "there.zarr", kind=kind, client=client)
        received = client.run(lambda: __import__("pixelforest.engine.shipping", fromlist=["_received"])._received)
    assert len(received) == 2
    assert all(received.values())  # both workers had tasks
    assert len(levels_of("here.zarr")) == 2
    for here, there in zip(levels_of("here.zarr"), levels_of("there.zarr"), strict=True):
        assert here.dtype == there.dtype
        assert_array_equal(here, there)


def test_folders_are_predicted_image_by_image(model, started, source, tmp_path):
    (tmp_path / "images").mkdir()
    for number, plane in enumerate(PLANES[:5]):
        tifffile.imwrite(tmp_path / "images" / f"{number}.tif", plane)
    with engine_cluster.connected(started.address) as client:
        predict_files(model, ["images"], "labels", client=client)
    assert len(list((tmp_path / "labels").iterdir())) == 5
    for number, plane in enumerate(PLANES[:5]):
        assert_array_equal(tifffile.imread(tmp_path / "labels" / f"{number}.tif"), model.predict(plane))


def test_a_killed_or_interrupted_client_resumes(model, started, source, tmp_path):
    save_model(model, "model.skops")
    words = ["predict", "model.skops", source, "labels.zarr", "--scheduler", started.address, "--resume"]
    journal, n_done = tmp_path / "labels.zarr.partial" / "done.log", 0
    for stop, status in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
        process = subprocess.Popen([sys.executable, "-m", "pixelforest", *words], stderr=subprocess.PIPE, text=True)
        while not (journal.exists() and journal.read_bytes().count(b"\n") > n_done + 1):
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(stop)
        said = process.communicate(timeout=LIMIT)[1]
        assert process.returncode == status, said
        n_done = journal.read_bytes().count(b"\n")
        assert n_done < len(PLANES)
        assert not (tmp_path / "labels.zarr").exists()
    assert said.splitlines()[-1] == "pixelforest predict: interrupted; what is finished is kept, go on with --resume"
    assert "Traceback" not in said
    seen = []
    with engine_cluster.connected(started.address) as client:
        predict_zarr(model, source, "labels.zarr", resume=True, client=client, progress=lambda *args: seen.append(args))
    assert [n for stage, n, _ in seen if stage == "predict"] == list(range(n_done, len(PLANES) + 1))
    assert_array_equal(levels_of("labels.zarr")[0], np.stack([model.predict(plane) for plane in PLANES]))
    assert main(words) == 0  # nothing to do


def test_errors_of_workers_are_those_of_this_process(model, started, source):
    values = PLANES.astype(np.float32)
    values[7, 3, 4] = np.nan
    write_image("nan.zarr", values, "tyx", "0.5")
    with engine_cluster.connected(started.address) as client, pytest.raises(ValueError, match="holds NaN or inf"):
        predict_zarr(model, "nan.zarr", "labels.zarr", client=client)


def test_a_scheduler_that_does_not_answer_is_told_soon(model, source, tmp_path, capsys):
    save_model(model, "model.skops")
    before = sorted(tmp_path.iterdir())
    began = time.monotonic()
    assert main(["predict", "model.skops", source, "labels.zarr", "--scheduler", "tcp://127.0.0.1:9"]) == 1
    assert time.monotonic() - began < 30
    assert "pixelforest predict: no scheduler answers at 'tcp://127.0.0.1:9': " in capsys.readouterr().err
    assert main(["predict", "model.skops", source, "labels.zarr", "--scheduler", "127.0.0.1:no"]) == 1
    assert "no scheduler answers at '127.0.0.1:no'" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_a_cluster_without_workers_is_told(monkeypatch):
    monkeypatch.setattr(engine_cluster, "CONNECT_SECONDS", 0.3)
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as empty,
        pytest.raises(OSError, match=r"has no workers; start some with `dask worker`"),
        engine_cluster.connected(empty.scheduler_address),
    ):
        pass


def test_another_device_is_refused_or_mixed(model, source):
    image = open_ome_zarr(source)
    window = Window((0, 0, 0), (1, 40, 50))
    with pytest.raises(RuntimeError, match=r"computes with 'numpy .*', and the run with 'abacus'.*allow_mixed_devices"):
        ImageTiles(model, image, (0,), "labels", "abacus")(window)
    mixed = pf.ImageSegmenter(pf.ImageFeatureStack(("gaussian",), (1,), device="numpy", allow_mixed_devices=True))
    mixed.set_params(classifier=pf.OpenCLRandomForestClassifier(2, max_depth=2, device="numpy"))
    mixed.fit([PLANES[0]], [PLANES[0] // 100 + 1])
    assert_array_equal(ImageTiles(mixed, image, (0,), "labels", "abacus")(window)[0], mixed.predict(PLANES[0]))


def test_a_killed_worker_is_replaced_and_a_killed_scheduler_is_told(model, started, source, tmp_path):
    """The last test here: it leaves nothing of the cluster."""
    with engine_cluster.connected(started.address) as client:
        client.wait_for_workers(2, timeout=LIMIT)

        def kill(process, at):
            return lambda stage, n_done, n_all: process.kill() if (stage, n_done) == ("predict", at) else None

        predict_zarr(model, source, "labels.zarr", client=client, progress=kill(started.workers[0], 5))
        assert_array_equal(levels_of("labels.zarr")[0], np.stack([model.predict(plane) for plane in PLANES]))
        with pytest.raises(OSError, match=r"the scheduler is gone.*; \d+ finished tiles are kept in"):
            predict_zarr(model, source, "more.zarr", client=client, progress=kill(started.scheduler, 5))
    assert not (tmp_path / "more.zarr").exists()
    predict_zarr(model, source, "more.zarr", resume=True)  # here, on the same kind of device
    assert_array_equal(levels_of("more.zarr")[0], levels_of("labels.zarr")[0])

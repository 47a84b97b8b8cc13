"""apoc: nested conditions in OpenCL C, launched by pyclesperanto_prototype."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.forest.peers.peer import Peer, PeerTask


class Apoc(Peer):
    name = "apoc"
    distributions: ClassVar = {
        "apoc": "apoc",
        "pyclesperanto-prototype": "pyclesperanto_prototype",
        "pyopencl": "pyopencl",
    }
    output = "labels"
    nodes_per_second = 200
    remark = "compares by <, so values equal to a threshold go astray; feature images on the device beforehand"

    def compile(self, task: PeerTask) -> Callable[[Any], NDArray[Any]]:
        self._select_device()
        from apoc import PixelClassifier

        path = str(Path(mkdtemp(prefix="forest-")) / "forest.cl")
        classifier = PixelClassifier(opencl_filename=path)
        classifier.classifier = task.model
        classifier.num_ground_truth_dimensions = 2
        classifier.to_opencl_file(path)

        def predict(images: Any) -> NDArray[Any]:
            import pyclesperanto_prototype as cle

            return cle.pull(classifier.predict(features=images)).ravel() - 1

        return predict

    def prepare(self, task: PeerTask) -> Any:
        """Return the feature images on the device, where apoc's own features are."""
        import pyclesperanto_prototype as cle

        planes = np.ascontiguousarray(task.rows.T).reshape(task.rows.shape[1], -1, task.width)
        return [cle.push(plane) for plane in planes]

    def _select_device(self) -> None:
        """Make the runtimes that pip installed visible, and take the device that pixelforest takes."""
        from pixelforest.backends.opencl.runtime import open_device

        device = open_device()
        import pyclesperanto_prototype as cle

        cle.select_device(device.name.split(": ")[-1])

"""ONNX Runtime, on the graph that skl2onnx makes of the forest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from numpy.typing import NDArray

from benchmarks.forest.peers.peer import Peer, PeerTask


class OnnxRuntime(Peer):
    name = "ONNX Runtime"
    distributions: ClassVar = {"onnxruntime": "onnxruntime", "skl2onnx": "skl2onnx"}

    def compile(self, task: PeerTask) -> Callable[[Any], NDArray[Any]]:
        import onnxruntime
        from skl2onnx import to_onnx

        graph = to_onnx(task.model, task.rows[:1], options={"zipmap": False})
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = task.threads
        session = onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        return lambda rows: session.run(["probabilities"], {name: rows})[0]

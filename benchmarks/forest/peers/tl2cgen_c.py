"""TL2cgen: C code with quantised thresholds, compiled by gcc."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, ClassVar

from numpy.typing import NDArray

from benchmarks.forest.peers.peer import Peer, PeerTask


class Tl2cgen(Peer):
    name = "TL2cgen"
    distributions: ClassVar = {"tl2cgen": "tl2cgen", "treelite": "treelite"}
    nodes_per_second = 4800
    remark = "thresholds quantised, up to three times faster than its default here"

    def missing(self) -> list[str]:
        """Return what is not installed; gcc is needed."""
        return super().missing() + ([] if shutil.which("gcc") else ["gcc"])

    def compile(self, task: PeerTask) -> Callable[[Any], NDArray[Any]]:
        import tl2cgen
        import treelite

        library = Path(mkdtemp(prefix="forest-")) / "forest.so"
        forest = treelite.sklearn.import_model(task.model)
        # One file per tree or so, because the time that gcc takes grows faster than a file.
        parts = {"parallel_comp": min(task.model.n_estimators, 100), "quantize": 1}
        tl2cgen.export_lib(forest, toolchain="gcc", libpath=library, params=parts, nthread=task.threads)
        predictor = tl2cgen.Predictor(library, nthread=task.threads)
        shutil.rmtree(library.parent)  # loaded, so no longer needed
        return lambda rows: predictor.predict(rows).reshape(rows.shape[0], -1)

    def prepare(self, task: PeerTask) -> Any:
        """Return the rows in the library's own matrix, float64 as scikit-learn's thresholds."""
        import tl2cgen

        return tl2cgen.DMatrix(task.rows.astype(float))

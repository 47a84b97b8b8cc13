"""All peers, by name."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.forest.peers.apoc_opencl import Apoc
from benchmarks.forest.peers.catboost_oblivious import CatBoost
from benchmarks.forest.peers.hummingbird_torch import Hummingbird
from benchmarks.forest.peers.lightgbm_forest import LightGbm, Lleaves
from benchmarks.forest.peers.onedal import OneDal
from benchmarks.forest.peers.onnx_runtime import OnnxRuntime
from benchmarks.forest.peers.peer import Peer
from benchmarks.forest.peers.tl2cgen_c import Tl2cgen
from benchmarks.forest.peers.treelite_gtil import TreeliteGtil
from benchmarks.forest.peers.xgboost_forest import XgBoost
from benchmarks.forest.peers.ydf_forest import Ydf

PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        OnnxRuntime(),
        TreeliteGtil(),
        Tl2cgen(),
        XgBoost(),
        LightGbm(),
        Lleaves(),
        Ydf(),
        Hummingbird(),
        Apoc(),
        OneDal(),
        CatBoost(),
    )
}


def chosen_peers(request: str) -> Sequence[Peer]:
    """Return the peers that `request` names: "all", "none", or names separated by commas, case and spaces ignored.

    Raises
    ------
    ValueError
        A name is unknown.
    """
    if request in ("all", "none"):
        return list(PEERS.values()) if request == "all" else []
    known = {_folded(name): peer for name, peer in PEERS.items()}
    wanted = [_folded(name) for name in request.split(",")]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(f"`--peers` must be all, none or some of {', '.join(known)}; got {', '.join(unknown)}")
    return [known[name] for name in wanted]


def _folded(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()

"""Kernel text: the ``.cl`` files of this package, joined behind the floating-point contract."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def kernel_source(*names: str) -> str:
    """Join ``contract.cl`` and the named kernel files.

    Parameters
    ----------
    *names : str
        File names in ``kernels/``, with or without ``.cl``, in the order in which they are to be joined.

    Returns
    -------
    str
        OpenCL C 1.2 source text.

    Raises
    ------
    ValueError
        There is no such file.

    Examples
    --------
    >>> "kernel void probe_order" in kernel_source("probe")
    True
    """
    folder = resources.files("pixelforest.backends.opencl") / "kernels"
    texts = []
    for name in ("contract", *names):
        file = folder / f"{name.removesuffix('.cl')}.cl"
        if not file.is_file():
            raise ValueError(f"`names` must name files in kernels/, got {name!r}")
        texts.append(file.read_text(encoding="utf-8"))
    return "\n".join(texts)

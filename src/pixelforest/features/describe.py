"""A plan as text: which passes there are, and which features share them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pixelforest.features.cascade import CoarseKernel
from pixelforest.features.kernels import GaussianKernel, Kernel, MomentKernel, WaveKernel
from pixelforest.features.planes import (
    Convolution,
    Decimation,
    Difference,
    Extremum,
    Host,
    Interpolation,
    Plane,
    Pointwise,
    Source,
    Spread,
    in_order,
    inputs,
)

if TYPE_CHECKING:
    from pixelforest.features.plan import FeaturePlan

LONGEST = 48


def describe_plan(plan: FeaturePlan) -> str:
    """Return one line per pass: its number, what it does to which passes, and the features that it serves.

    Examples
    --------
    >>> from pixelforest.features.build import build_plan, grid
    >>> print(describe_plan(build_plan(grid(("gaussian", "laplacian_of_gaussian"), (1,)), (1.0, 1.0))))
    2 features of 1 channel; halo 4, 4; 6 passes, 1 of them shared, for 7 if every feature were computed alone
       0  channel 0
       1  gaussian of sigma 1 along y of 0                  gaussian_sigma_1 and 1 more
       2  gaussian of sigma 1 along x of 1                = gaussian_sigma_1
       3  gaussian'' of sigma 1 along y of 0                laplacian_of_gaussian_sigma_1
       4  gaussian of sigma 1 along x of 3                  laplacian_of_gaussian_sigma_1
       5  gaussian'' of sigma 1 along x of 1                laplacian_of_gaussian_sigma_1
       6  add of 4, 5                                     = laplacian_of_gaussian_sigma_1
    """
    number = {plane: i for i, plane in enumerate(plan.order)}
    serves: dict[Plane, list[str]] = {plane: [] for plane in plan.order}
    for name, output in zip(plan.names, plan.outputs, strict=True):
        for plane in in_order((output,)):
            serves[plane].append(name)
    uses = Counter(below for plane in plan.order for below in set(inputs(plane)))
    passes = [plane for plane in plan.order if not isinstance(plane, Source)]
    alone = sum(len(names) for plane, names in serves.items() if not isinstance(plane, Source))
    shared = sum(uses[plane] + (plane in plan.positions) > 1 for plane in passes)
    halo = "whole image" if plan.whole_image_filters else ", ".join(map(str, plan.halo))
    lines = [
        f"{_counted(len(plan.outputs), 'feature')} of {_counted(plan.n_channels, 'channel')}; halo {halo}; "
        f"{_counted(len(passes), 'pass')}, {shared} of them shared, for {alone} if every feature were computed alone"
    ]
    for plane in plan.order:
        mark = "=" if plane in plan.positions else " "
        text = f"{number[plane]:4d}  {_action(plane, [number[p] for p in inputs(plane)], plan.ndim)}"
        whom = "" if isinstance(plane, Source) else f"{mark} {_whom(serves[plane])}"
        lines.append(f"{text:<{LONGEST + 6}}{whom}".rstrip())
    return "\n".join(lines)


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 'es' if noun.endswith('s') else 's'}"


def _whom(names: list[str]) -> str:
    names = list(dict.fromkeys(names))
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _action(plane: Plane, of: list[int], ndim: int) -> str:
    sources = ", ".join(map(str, of))
    match plane:
        case Source(channel):
            return f"channel {channel}"
        case Convolution():
            what = _kernel(plane.kernel)
        case Decimation():
            what = f"every {plane.factor}th pixel" if plane.factor > 2 else "every other pixel"
        case Interpolation():
            what = f"interpolation by {plane.factor}"
        case Difference():
            what = "difference"
        case Extremum():
            what = f"{plane.kind} of {2 * plane.radius + 1}"
        case Spread():
            what = f"spread of {2 * plane.radius + 1}"
        case Pointwise():
            return f"{plane.function} of {sources}"
        case Host():
            return f"{plane.operation.name}, output {plane.index}, on the host, of {sources}"
    return f"{what} along {'zyx'[-ndim:][plane.axis]} of {sources}"


def _kernel(kernel: Kernel) -> str:
    match kernel:
        case CoarseKernel():
            return f"coarse {_kernel(kernel.direct)}"
        case GaussianKernel() | MomentKernel():
            return f"gaussian{chr(39) * kernel.order} of sigma {kernel.sigma:.4g}"
        case WaveKernel():
            return f"{'cosine' if kernel.parity == 1 else 'sine'} of sigma {kernel.sigma:.4g}"
        case _:
            return f"stencil of {2 * kernel.radius + 1}"

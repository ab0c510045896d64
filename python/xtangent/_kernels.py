"""Kernels, their plans, and the kernels of layers."""

import os
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, TypedDict, Unpack, overload

import numpy as np
import numpy.typing as npt

from . import _xtangent
from ._convert import Array, Floats, array, examples, names, path, wide
from ._network import Model, Network, network
from ._progress import Bar, Progress, of_kernel
from ._results import Plan, StoredKernel
from .readout import Readout, _built


Folder: TypeAlias = str | os.PathLike[str]


class Computing(TypedDict, total=False):
    """The settings of ``kernel`` that do not change the type of its result."""

    parameters: str | Iterable[str] | None
    memory: str | int | None
    dtype: Any
    metric: Array | None
    strategy: str
    tile: int
    threads: int
    progress: Progress


class Settings(Computing, total=False):
    """The settings of ``kernel``, which functions of kernels share."""

    store: Folder | None


def _options(net: Network, settings: Settings, callback: Callable[..., object] | None = None) -> _xtangent.Options:
    unknown = settings.keys() - Settings.__annotations__.keys()
    if unknown:
        raise TypeError(f"no setting {', '.join(sorted(unknown))}; there are {', '.join(Settings.__annotations__)}")
    metric = settings.get("metric")
    return _xtangent.Options(
        net._core,
        wide=wide(settings.get("dtype"), net.dtype),
        memory=settings.get("memory"),
        threads=settings.get("threads", 0),
        parameters=names(settings.get("parameters")),
        strategy=settings.get("strategy", "automatic"),
        tile=settings.get("tile", 0),
        store=path(settings.get("store")),
        metric=None if metric is None else array(metric),
        progress=callback,
    )


def _sides(x1: Array, x2: Array | None) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    return examples(x1), None if x2 is None else examples(x2)


@overload
def kernel(
    model: Model,
    x1: Array,
    x2: Array | None = None,
    *,
    readout: Readout | str | Array = "pseudo",
    store: None = None,
    **settings: Unpack[Computing],
) -> Floats: ...
@overload
def kernel(
    model: Model,
    x1: Array,
    x2: Array | None = None,
    *,
    readout: Readout | str | Array = "pseudo",
    store: Folder,
    **settings: Unpack[Computing],
) -> StoredKernel: ...
@overload
def kernel(
    model: Model,
    x1: Array,
    x2: Array | None = None,
    *,
    readout: Readout | str | Array = "pseudo",
    **settings: Unpack[Settings],
) -> Floats | StoredKernel: ...
def kernel(
    model: Model,
    x1: Array,
    x2: Array | None = None,
    *,
    readout: Readout | str | Array = "pseudo",
    parameters: str | Iterable[str] | None = None,
    memory: str | int | None = None,
    store: Folder | None = None,
    dtype: Any = None,
    metric: Array | None = None,
    strategy: str = "automatic",
    tile: int = 0,
    threads: int = 0,
    progress: Progress = False,
) -> Floats | StoredKernel:
    """The kernel of a readout between examples x1 (N1, ...) and x2 (N2, ...), or x1 and themselves.

    Returns (N1 K, N2 K') in double for a readout of K columns, row n K + k for column k of example n; (N1, N2) for the
    readouts "pseudo" and "trace"; (O, N1, N2) for "diagonal". It is symmetric to the bit for one set of examples. With a
    `store`, a StoredKernel.

    model: see ``network``; a torch module is exported for the first example.
    readout: see ``xtangent.readout``.
    parameters: patterns of names of those whose gradients count: ["layer4.*", "!*.bias"]; default: all.
    memory: the most that is held, as "4G" or bytes, with the result; default: half of what is free.
    store: a folder for finished tiles. After an interruption, the same call goes on from there.
    dtype: "float32" or "float64", in which the network is computed; default: that of its parameters.
    metric: D of J D J^T, one positive number for each array of parameters or for each element.
    strategy: "automatic", "structured", "jacobian" or "vector_products".
    tile: examples along the edge of a tile; default: chosen.
    threads: the most that are used; default: all.
    progress: True for a bar, or a function of (fraction, seconds, seconds left).

    Ctrl-C raises KeyboardInterrupt soon, and the lock of the interpreter is free meanwhile. Raises ShapeError,
    NumericalError (NaN or infinity; it names the example or the parameter), BatchError (an op mixes examples),
    BudgetError, OptionError, DataError (the folder cannot be used).
    """
    net = network(model, x1)
    first, second = _sides(x1, x2)
    settings: Settings = {
        "parameters": parameters,
        "memory": memory,
        "store": store,
        "dtype": dtype,
        "metric": metric,
        "strategy": strategy,
        "tile": tile,
        "threads": threads,
    }
    with Bar(progress, "kernel", of_kernel) as callback:
        options = _options(net, settings, callback)
        if store is None:
            return _xtangent.kernel(net._core, first, second, _built(readout), options)
        return StoredKernel(_xtangent.stored_kernel(net._core, first, second, _built(readout), options).folder)


@overload
def pntk(
    model: Model, x1: Array, x2: Array | None = None, *, store: None = None, **settings: Unpack[Computing]
) -> Floats: ...
@overload
def pntk(
    model: Model, x1: Array, x2: Array | None = None, *, store: Folder, **settings: Unpack[Computing]
) -> StoredKernel: ...
@overload
def pntk(
    model: Model, x1: Array, x2: Array | None = None, **settings: Unpack[Settings]
) -> Floats | StoredKernel: ...
def pntk(
    model: Model, x1: Array, x2: Array | None = None, **settings: Unpack[Settings]
) -> Floats | StoredKernel:
    """The pseudo-NTK, (N1, N2): the kernel of the sum of the outputs divided by sqrt(O).

    Mohamadi, Bae and Sutherland: A Fast, Well-Founded Approximation to the Empirical Neural Tangent Kernel, ICML 2023.
    The settings are those of ``kernel``, and with a `store` the result is a StoredKernel, too.
    """
    return kernel(model, x1, x2, readout="pseudo", **settings)


@overload
def entk(
    model: Model, x1: Array, x2: Array | None = None, *, store: None = None, **settings: Unpack[Computing]
) -> Floats: ...
@overload
def entk(
    model: Model, x1: Array, x2: Array | None = None, *, store: Folder, **settings: Unpack[Computing]
) -> StoredKernel: ...
@overload
def entk(
    model: Model, x1: Array, x2: Array | None = None, **settings: Unpack[Settings]
) -> Floats | StoredKernel: ...
def entk(
    model: Model, x1: Array, x2: Array | None = None, **settings: Unpack[Settings]
) -> Floats | StoredKernel:
    """The empirical NTK of all outputs, (N1 O, N2 O): J(x1) J(x2)^T, with output o of example n in row n O + o.

    The settings are those of ``kernel``, and with a `store` the result is a StoredKernel, too.
    """
    return kernel(model, x1, x2, readout="full", **settings)


@overload
def layer_kernels(
    model: Model,
    x1: Array,
    x2: Array | None = None,
    *,
    readout: Readout | str | Array = "pseudo",
    group: str | Callable[[str], str] = "module",
    store: None = None,
    **settings: Unpack[Computing],
) -> dict[str, Floats]: ...
@overload
def layer_kernels(
    model: Model,
    x1: Array,
    x2: Array | None = None,
    *,
    readout: Readout | str | Array = "pseudo",
    group: str | Callable[[str], str] = "module",
    store: Folder,
    **settings: Unpack[Computing],
) -> dict[str, StoredKernel]: ...
@overload
def layer_kernels(
    model: Model,
    x1: Array,
    x2: Array | None = None,
    *,
    readout: Readout | str | Array = "pseudo",
    group: str | Callable[[str], str] = "module",
    **settings: Unpack[Settings],
) -> dict[str, Floats] | dict[str, StoredKernel]: ...
def layer_kernels(
    model: Model,
    x1: Array,
    x2: Array | None = None,
    *,
    readout: Readout | str | Array = "pseudo",
    group: str | Callable[[str], str] = "module",
    **settings: Unpack[Settings],
) -> dict[str, Floats] | dict[str, StoredKernel]:
    """The parts of a kernel that come from the layers, which sum to it: a dict from the name of a group to (N1, N2).

    group: "module" for the arrays of one layer together, "parameter" for each array, or a function from the name of a
    parameter to that of its group. One pass computes all of them. The settings are those of ``kernel``; with a `store`,
    the values are StoredKernels in folders below it.
    """
    net = network(model, x1)
    first, second = _sides(x1, x2)
    with Bar(settings.get("progress", False), "layers", of_kernel) as callback:
        options = _options(net, settings, callback)
        found = _xtangent.layer_kernels(net._core, first, second, _built(readout), group, options)
    if settings.get("store") is None:
        return dict(found)
    return {name: StoredKernel(k.folder) for name, k in found}


def plan(
    model: Model,
    x1: Array,
    x2: Array | None = None,
    *,
    readout: Readout | str | Array = "pseudo",
    **settings: Unpack[Settings],
) -> Plan:
    """How ``kernel`` with the same arguments will compute, and what that costs, without computing it.

    The result prints as a table, and is a dict of the numbers.
    """
    net = network(model, x1)
    text, numbers = _xtangent.plan(net._core, *_sides(x1, x2), _built(readout), _options(net, settings))
    return Plan(text, numbers)

"""What users give, as the compiled part takes it."""

import os
import sys
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from . import _xtangent
from ._errors import DataError, OptionError

Array: TypeAlias = Any
"""A NumPy array, a torch tensor, or anything else with a buffer, DLPack or ``__array__``."""
Floats: TypeAlias = npt.NDArray[np.float64]


def array(values: Array) -> npt.NDArray[Any]:
    """As a NumPy array, without a copy where the memory can be shared."""
    found = _shared(values)
    if found.dtype.kind == "c":
        raise DataError("[array] complex numbers. Give their real and imaginary parts as arrays of their own.")
    return found


def kept(values: Array) -> Any:
    """A copy as a NumPy array, or a tuple of copies, for what is held longer than a call."""
    return tuple(map(kept, values)) if isinstance(values, tuple) else np.array(array(values))


def _shared(values: Array) -> npt.NDArray[Any]:
    if isinstance(values, np.ndarray):
        return values
    if hasattr(values, "detach"):  # a torch tensor
        values = values.detach().cpu()
        if "bfloat16" in str(values.dtype):  # which NumPy does not know
            values = values.float()
        return np.asarray(values.numpy())
    if hasattr(values, "__dlpack__") and not hasattr(values, "__array__"):
        return np.from_dlpack(values)
    return np.asarray(values)


def examples(x: Array) -> npt.NDArray[Any]:
    """Examples (N, ...), or the inputs of a network with several of them, a tuple of arrays (N, ...), in one row each."""
    if isinstance(x, tuple):
        return _xtangent.join_inputs([array(part) for part in x])
    return array(x)


def columns(values: Array, like: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
    """Outputs or targets (N, O); (N,) is (N, 1). Without values, zeros of the shape of `like`."""
    if values is None and like is not None:
        return np.zeros(like.shape)
    found = array(values)
    return found[:, None] if found.ndim == 1 else found


def wide(dtype: Any, usual: str = "float32") -> bool:
    """Whether a dtype of NumPy or torch, or its name, is double."""
    name = str(dtype if dtype is not None else usual).removeprefix("torch.")
    try:
        name = np.dtype(name if not isinstance(dtype, (type, np.dtype)) else dtype).name
    except TypeError:
        pass
    if name not in ("float32", "float64"):
        raise OptionError(f"[dtype] '{name}' is no type to compute in. There are float32 and float64.")
    return name == "float64"


def names(parameters: str | Iterable[str] | None) -> list[str]:
    """Patterns of names of parameters."""
    if parameters is None:
        return []
    return [parameters] if isinstance(parameters, str) else list(parameters)


def path(file: "str | os.PathLike[str] | None") -> str:
    """A path as text, with ~ for the home folder."""
    return "" if file is None else os.path.expanduser(os.fspath(file))


def torch_module(model: object) -> Any:
    """The module torch if `model` is one of its networks or exported programs, without importing it."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    program = getattr(getattr(torch, "export", None), "ExportedProgram", ())
    return torch if isinstance(model, (torch.nn.Module, program) if program else torch.nn.Module) else None

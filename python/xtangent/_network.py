"""Networks: torch modules, files of torch.export.save, and the library's own by their names."""

import copy
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from . import _xtangent
from ._convert import Array, array, examples, path, torch_module, wide
from ._errors import OptionError

Model: TypeAlias = "Network | str | os.PathLike[str] | Any"
"""A Network, a torch.nn.Module or ExportedProgram, a file of torch.export.save, or the name of a network."""


class Network:
    """A network with its parameters, as ``network`` makes it. It never changes.

    Calls with a torch module export it anew each time, which takes a second or so. A Network is exported once.
    """

    def __init__(self, core: _xtangent.Network, origin: tuple[Any, ...], dtype: str, changed: bool = False) -> None:
        self._core, self._origin, self._changed = core, origin, changed
        #: "float32" or "float64": the type that computations have without another `dtype`
        self.dtype = dtype

    def __call__(self, x: Array, *, batch: int = 256, dtype: Any = None, threads: int = 0) -> npt.NDArray[Any]:
        """The outputs (N, ...) for examples x (N, ...), in parts of `batch` examples, in evaluation mode.

        Raises ShapeError, which names the layer where a shape does not fit.
        """
        options = _xtangent.Options(self._core, wide=wide(dtype, self.dtype), threads=threads)
        return self._core.outputs(examples(x), batch, options)

    @property
    def parameters(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of the trainable arrays by their names, those of PyTorch's state_dict, in the network's dtype."""
        return {name: values.astype(self.dtype) for name, values in self._core.arrays(buffers=False).items()}

    @property
    def buffers(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of the arrays that are not trained, such as running means, in the network's dtype."""
        return {name: values.astype(self.dtype) for name, values in self._core.arrays(buffers=True).items()}

    @property
    def size(self) -> int:
        """The number of trainable elements, P."""
        return self._core.size

    @property
    def inputs(self) -> list[tuple[str, str, list[int | None]]]:
        """The name, type and extents of each input of a network that PyTorch exported. None: any extent."""
        return self._core.inputs

    def with_weights(self, weights: "Mapping[str, Array] | str | os.PathLike[str]", partial: bool = False) -> "Network":
        """The same network with other arrays, from a dict as ``state_dict()`` or a safetensors file.

        Raises ParameterError for a name that the network does not have and, unless `partial`, for one that is missing.
        """
        if isinstance(weights, Mapping):
            arrays = {name: array(value) for name, value in weights.items()}
            core = self._core.with_arrays(arrays, partial)
            kinds = {value.dtype.name for value in arrays.values()}
            dtype = "float64" if "float64" in kinds else self.dtype
        else:
            core, dtype = self._core.load(path(weights), partial), self.dtype
        return Network(core, self._origin, dtype, changed=True)

    def _at(self, positions: int | str) -> "Network":
        *origin, before = self._origin
        if before is not None:
            raise OptionError(f"[network] positions {positions!r}: this network has one already, {before!r}.")
        return Network(self._core.at_positions(positions), (*origin, positions), self.dtype, self._changed)

    def save(self, file: "str | os.PathLike[str]") -> None:
        """Writes parameters and buffers to a safetensors file, for ``load_state_dict``."""
        self._core.save(path(file), self.dtype == "float64")

    def summary(self, x: Array) -> str:
        """A table of the layers with their outputs, parameters and FLOP, for one example of the shape of x[0]."""
        return self._core.summary(list(examples(x).shape[1:]))

    def __repr__(self) -> str:
        return f"Network({self._core.type}, {self.size:,} parameters, {self.dtype})"

    def __reduce__(self) -> tuple[Any, ...]:
        # In double, as the compiled part has them: computations with dtype="float64" are the same.
        arrays = {**self._core.arrays(buffers=False), **self._core.arrays(buffers=True)} if self._changed else None
        return _restored, (self._origin, arrays, self.dtype)


def _made(origin: tuple[Any, ...]) -> _xtangent.Network:
    kind, source, name, choice, positions = origin
    if kind == "builtin":
        core = _xtangent.builtin(source, name, choice)
    else:
        core = _xtangent.exported(source, name, choice)
    return core if positions is None else core.at_positions(positions)


def _restored(origin: tuple[Any, ...], arrays: dict[str, Any] | None, dtype: str) -> Network:
    core = _made(origin)
    return Network(core if arrays is None else core.with_arrays(arrays, True), origin, dtype, arrays is not None)


def _exported(model: Any, x: Array, torch: Any) -> bytes:
    """What torch.export.save writes for a module in evaluation mode, for one example."""
    if not isinstance(model, torch.nn.Module):
        program = model
    else:
        parameters = [p for p in model.parameters() if p.is_floating_point()]
        if any(p.device.type != "cpu" for p in parameters):
            model = copy.deepcopy(model).cpu()
        floating = parameters[0].dtype if parameters else torch.float32

        def one(part: Array) -> Any:
            tensor = torch.as_tensor(np.ascontiguousarray(array(part)[:1]))
            return tensor.to(floating) if tensor.is_floating_point() else tensor

        before = [(module, module.training) for module in model.modules()]
        try:
            model.eval()
            with torch.enable_grad():
                parts = tuple(one(part) for part in (x if isinstance(x, tuple) else (x,)))
                program = torch.export.export(model, parts)
        finally:
            for module, training in before:
                module.training = training
    written = io.BytesIO()
    torch.export.save(program, written)
    return written.getvalue()


def network(
    model: Model,
    x: Array | None = None,
    *,
    weights: "Mapping[str, Array] | str | os.PathLike[str] | None" = None,
    output: str = "",
    positions: int | str | None = None,
    seed: int = 0,
    **options: Any,
) -> Network:
    """A network that all functions take, made once.

    model: a torch.nn.Module, which is exported for one example, the first of `x` (N, ...), or the first of each array of
    a tuple if it has several inputs; a torch.export.ExportedProgram; the path of a file that torch.export.save wrote; or
    the name of one of the library's networks, with its `options`: ``network("mlp", sizes=[784, 1024, 10])``,
    ``network("resnet18", classes=10, stem="cifar", width=0.25)``. ``network_names()`` lists them.

    weights: a dict of arrays, as a state_dict, or a safetensors file; default: those of the module or the file, or
    initial ones drawn from `seed`.
    output: which of several outputs: its key in what forward returns, or its number.
    positions: for outputs (N, T, ...): "last", "mean" or a number, the position that counts.

    Raises OptionError, DataError (a file that is damaged, or an op that the library does not know, which it names),
    ParameterError.
    """
    if isinstance(model, Network):
        unused = [*(["output"] if output else []), *(["seed"] if seed else []), *options]
        if unused:
            raise OptionError(f"[network] {', '.join(unused)}: of no use for a Network, which is made already.")
        made = model if positions is None else model._at(positions)
    else:
        origin: tuple[Any, ...]
        torch = torch_module(model)
        if torch is not None:
            if x is None and isinstance(model, torch.nn.Module):
                raise OptionError("[network] a torch module is exported for one example. Give examples x (N, ...).")
            origin = ("bytes", _exported(model, x, torch), type(model).__name__, output, positions)
        elif isinstance(model, os.PathLike) or (isinstance(model, str) and _is_file(model)):
            # Read once: the file may be another one later, or gone.
            origin = ("bytes", Path(path(model)).read_bytes(), path(model), output, positions)
        elif isinstance(model, str):
            if output:
                raise OptionError(f"[network] output '{output}': networks with names have one output.")
            origin = ("builtin", model, options, seed, positions)
        else:
            raise OptionError(
                f"[network] {type(model).__name__} is no network. There are torch modules, files of torch.export.save, "
                "and names."
            )
        if options and origin[0] != "builtin":
            raise OptionError(f"[network] {', '.join(options)}: only networks with names have options.")
        core = _made(origin)
        made = Network(core, origin, "float64" if core.wide else "float32")
        if torch is not None and isinstance(model, torch.nn.Module):
            if any(p.dtype == torch.float64 for p in model.parameters()):
                made.dtype = "float64"
    return made if weights is None else made.with_weights(weights)


def _is_file(text: str) -> bool:
    return text.endswith(".pt2") or os.sep in text


def network_names() -> list[str]:
    """The names of the library's own networks, which ``network`` takes."""
    return _xtangent.builtin_names()

"""What functions return besides NumPy arrays. All of it can be pickled."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _xtangent
from ._convert import Floats, path


class Plan(dict[str, Any]):
    """How a kernel will be computed and what that costs: a dict of numbers, which prints as a table.

    Its entries: rows, columns, outputs, parameters, probes, column_probes, symmetric, readout, strategy, kernels; tile,
    panel and shard, in examples; sweep_flop, contraction_flop and flop; result_bytes, bytes (the peak) and budget_bytes;
    seconds, predicted from the speed of a large product; and terms, a list with the parameter, op, rule, flop and bytes
    of each contraction.
    """

    def __init__(self, text: str, numbers: dict[str, Any]) -> None:
        super().__init__(numbers)
        self._text = text

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__

    def __reduce__(self) -> tuple[Any, ...]:
        return Plan, (self._text, dict(self))


class StoredKernel:
    """A kernel in a folder, complete or not, whose tiles are read when they are asked for.

    ``np.asarray(k)`` is the whole of it, ``k[i:j]`` some rows, and ``save`` writes one NumPy file. It serves ``spectrum``
    without being read as a whole.
    """

    def __init__(self, folder: "str | os.PathLike[str]") -> None:
        """Opens the store in a folder. Raises DataError (there is none, or it is corrupt)."""
        self._core = _xtangent.StoredKernel(path(folder))

    @property
    def folder(self) -> str:
        return self._core.folder

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, columns), or (O, rows, columns) for the readout diagonal."""
        return self._core.shape

    @property
    def tiles(self) -> int:
        """The number of tiles, of which ``finished`` are there."""
        return self._core.tiles

    @property
    def finished(self) -> int:
        return self._core.finished

    @property
    def complete(self) -> bool:
        """Whether all tiles are there. Call the function that made the store once more to go on."""
        return self._core.complete

    def rows(self, first: int, last: int, plane: int = 0) -> Floats:
        """Rows [first, last), (last - first, columns). Raises ShapeError, DataError (not complete, or damaged)."""
        return self._core.rows(first, last, plane)

    def save(self, file: "str | os.PathLike[str]") -> None:
        """Writes the kernel as one NumPy file, in the memory of two tiles."""
        self._core.write_npy(path(file))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: int | slice) -> Floats:
        if len(self.shape) == 3:
            return np.asarray(self)[rows]
        first, last, step = (rows if isinstance(rows, slice) else slice(rows, rows + 1 or None)).indices(len(self))
        if step != 1:
            raise IndexError("a stored kernel gives rows without steps")
        found = self.rows(first, max(first, last))
        return found if isinstance(rows, slice) else found[0]

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        whole = self._core.matrix()
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def __repr__(self) -> str:
        return f"StoredKernel({self.folder!r}, shape={self.shape}, {self.finished} of {self.tiles} tiles)"

    def __reduce__(self) -> tuple[Any, ...]:
        return StoredKernel, (self.folder,)


@dataclass(frozen=True, eq=False)
class Solution:
    """Weights of exact regression with an eNTK that was never formed."""

    weights: Floats  #: (N, O): (Theta + ridge I)^-1 (y - f0)
    residual: float  #: relative, computed from the weights at the end
    iterations: int
    products: int  #: with the eNTK
    converged: bool


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues in ascending order, (m,), and row i of `vectors` (m, n) for values[i], or None."""

    values: Floats
    vectors: Floats | None = None

    @property
    def condition_number(self) -> float:
        """The largest over the smallest of these eigenvalues; infinite if the smallest is not positive."""
        return _xtangent.condition_number(self.values.tolist())

    @property
    def effective_rank(self) -> float:
        """exp of the entropy of the eigenvalues as shares of their sum. Roy and Vetterli 2007."""
        return _xtangent.effective_rank(self.values.tolist())

    @property
    def maximal_learning_rate(self) -> float:
        """2 / the largest: above it gradient descent on half the summed squared error diverges."""
        return _xtangent.maximal_learning_rate(self.values.tolist())


@dataclass(frozen=True)
class Comparison:
    """How far two kernels are from one another."""

    relative_difference: float  #: ||A - B|| / ||B||; for an eNTK and a pNTK ||Theta - K (x) I|| / ||Theta||
    alignment: float  #: <A, B> / (||A|| ||B||), 1 for multiples of each other
    centered_alignment: float | None  #: the same without what is constant; None unless both are (n, n)

    @property
    def distance(self) -> float:
        """1 - alignment."""
        return 1 - self.alignment


@dataclass(frozen=True)
class Certificate:
    """An estimate of ||Theta - K (x) I|| / ||Theta|| over all pairs of examples, with its confidence interval."""

    estimate: float
    low: float
    high: float  #: infinite where the draws say nothing
    confidence: float
    pairs: int  #: exact blocks (O, O) that were computed
    examples: int  #: Jacobians that were computed

    def __str__(self) -> str:
        return f"{self.estimate:.4g}, between {self.low:.4g} and {self.high:.4g} with {100 * self.confidence:g} %"

"""Readouts: which combinations of a network's outputs a kernel is made of.

Wherever a readout is asked for, a text does for those without data ("full", "pseudo", "trace", "diagonal", "single:3",
"signs:SEED", "fisher:SEED"), a matrix (O, K) is ``custom``, and an array (N, O, C) is ``per_example``.

A readout of labels belongs to one set of examples. The kernel between two sets takes ``between`` of two readouts.
"""

from dataclasses import dataclass
from typing import Any

from . import _xtangent
from ._convert import Array, array, kept


@dataclass(frozen=True, eq=False)
class Readout:
    """A readout as data: the functions of this module make it, and it can be pickled."""

    kind: str
    arguments: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        shown = [repr(a) if isinstance(a, (Readout, str, int)) else f"array {array(a).shape}" for a in self.arguments]
        return f"readout.{self.kind}({', '.join(shown)})"


def full() -> Readout:
    """All outputs, R = I: the eNTK, (N1 O, N2 O), with output o of example n in row n O + o."""
    return Readout("full")


def pseudo() -> Readout:
    """R = 1 / sqrt(O): the pNTK, (N1, N2). Mohamadi, Bae and Sutherland, ICML 2023."""
    return Readout("pseudo")


def trace() -> Readout:
    """The mean of the kernels of the single outputs, (N1, N2)."""
    return Readout("trace")


def diagonal() -> Readout:
    """The kernels of the single outputs, (O, N1, N2)."""
    return Readout("diagonal")


def single(output: int) -> Readout:
    """The kernel of one output, (N1, N2)."""
    return Readout(f"single:{int(output)}")


def random_signs(seed: int, count: int = 1) -> Readout:
    """The pNTK with signs drawn from a seed, (N1, N2), averaged over `count` draws."""
    return Readout(f"signs:{int(seed)}x{int(count)}" if count != 1 else f"signs:{int(seed)}")


def fisher(seed: int) -> Readout:
    """The gradient of the cross-entropy at a label drawn from the softmax of each example's outputs, (N1, N2)."""
    return Readout(f"fisher:{int(seed)}")


def custom(matrix: Array) -> Readout:
    """Any matrix R (O, K): (N1 K, N2 K)."""
    return Readout("custom", (kept(matrix),))


def per_example(a: Array, b: Array | None = None) -> Readout:
    """A matrix for each example: a (N, O, C) or (N, O). With b (M, O, C') for the columns of a kernel of two sets."""
    of_rows = Readout("per_example", (kept(a),))
    return of_rows if b is None else between(of_rows, Readout("per_example", (kept(b),)))


def labels(y: Array) -> Readout:
    """The output at the label of each example, y (N,): (N, N)."""
    return Readout("labels", (kept(y),))


def log_probability(y: Array) -> Readout:
    """The log-probability of the label of each example, y (N,)."""
    return Readout("log_probability", (kept(y),))


def margin(y: Array) -> Readout:
    """log(p / (1 - p)) of the label of each example, y (N,), of which TRAK takes the kernel."""
    return Readout("margin", (kept(y),))


def signed_labels(y: Array) -> Readout:
    """1 at the label and -1 elsewhere, divided by sqrt(O): the kernel lpNTK. y (N,)."""
    return Readout("signed_labels", (kept(y),))


def loss(y: Array) -> Readout:
    """The loss of each example: the cross-entropy for labels y (N,), the mean squared error for targets y (N, O)."""
    given = kept(y)
    return Readout("loss" if given.ndim == 1 else "squared_loss", (given,))


def token_loss(y: Array, mask: Array | None = None) -> Readout:
    """For outputs (N, T, V): the mean cross-entropy over positions, with targets y (N, T) and weights `mask` (N, T)."""
    return Readout("token_loss", (kept(y), None if mask is None else kept(mask)))


def masked_mean(mask: Array, inner: "Readout | str") -> Readout:
    """For outputs (N, T, V): what `inner` takes of a position, averaged where mask (N, T) is 1."""
    return Readout("masked_mean", (kept(mask), inner))


def between(rows: "Readout | str", columns: "Readout | str") -> Readout:
    """A readout for the rows of a kernel and another one for its columns."""
    return Readout("between", (rows, columns))


def _built(readout: "Readout | str | Array") -> _xtangent.Readout:
    """As the compiled part has it."""
    if isinstance(readout, str):
        return _xtangent.readout_parse(readout)
    if not isinstance(readout, Readout):
        a = array(readout)
        return _xtangent.readout_custom(a) if a.ndim == 2 else _xtangent.readout_per_example(a)
    kind, given = readout.kind, readout.arguments
    if kind == "custom":
        return _xtangent.readout_custom(given[0])
    if kind == "per_example":
        return _xtangent.readout_per_example(given[0])
    if kind == "squared_loss":
        return _xtangent.readout_squared_loss(given[0])
    if kind == "token_loss":
        return _xtangent.readout_token_loss(*given)
    if kind == "masked_mean":
        return _xtangent.readout_masked_mean(given[0], _built(given[1]))
    if kind == "between":
        return _xtangent.readout_between(_built(given[0]), _built(given[1]))
    return _xtangent.readout_of_labels(kind, given[0]) if given else _xtangent.readout_parse(kind)

"""Which training examples a prediction comes from."""

import numpy as np

from . import _xtangent
from ._convert import Array, Floats, array, kept


class Attribution:
    """Scores of training examples, as ``attribution`` makes them."""

    def __init__(self, kernel: Array, ridge: float, relative: bool) -> None:
        given = kept(kernel)
        made = _xtangent.AttributionFloat if given.dtype == np.float32 else _xtangent.AttributionDouble
        self._made_of = (given, ridge, relative)
        self._core = made(given, ridge, relative)

    @property
    def ridge(self) -> float:
        """The ridge that was added, absolute."""
        return self._core.ridge

    def scores(self, kernel_new: Array, misses: Array) -> Floats:
        """(M, N): how much training on example n raises the margin of new example m.

        kernel_new (M, N) is the kernel of margins between the new and the training examples, misses (N,) those of the
        training examples.
        """
        return self._core.scores(array(kernel_new), array(misses))

    def self_influence(self, misses: Array) -> Floats:
        """(N,): the score of each training example on itself, large for those that no others explain."""
        return self._core.self_influence(array(misses))

    def __reduce__(self) -> tuple[object, ...]:
        return Attribution, self._made_of


def attribution(kernel: Array, ridge: float = 0.1, *, relative: bool = True) -> Attribution:
    """The scores of TRAK from the kernel (N, N) of the training examples' margins, without a projection.

    kernel: ``kernel(model, x, readout=readout.margin(y))``. ridge: in units of the mean of its diagonal, or absolute
    unless `relative`. Park, Georgiev, Ilyas, Leclerc and Madry, ICML 2023. Raises NumericalError.
    """
    return Attribution(kernel, ridge, relative)


def misses(outputs: Array, y: Array) -> Floats:
    """1 - p at the label of each example, (N,), for outputs (N, O) before the softmax and labels y (N,)."""
    return _xtangent.misses(array(outputs), array(y))

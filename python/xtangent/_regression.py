"""Regression: with a kernel that is formed, and with an eNTK that is only applied."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _xtangent
from ._convert import Array, Floats, array, columns, examples
from ._kernels import Settings, _options
from ._network import Model, network
from ._progress import Bar, Progress
from ._results import Solution
from .readout import Readout

if TYPE_CHECKING:
    from ._operator import Operator


def operator(
    model: Model,
    x1: Array,
    x2: Array | None = None,
    *,
    readout: Readout | str | Array = "full",
    parameters: str | Iterable[str] | None = None,
    memory: str | int | None = None,
    dtype: Any = "float64",
    metric: Array | None = None,
    threads: int = 0,
) -> "Operator":
    """A kernel that is applied and never formed, as a scipy.sparse.linalg.LinearOperator of shape (N1 K, N2 K').

    A product with a column costs about four forward passes over the examples. In float32 its error is about 1e-6 of the
    norm of the kernel, so systems take float64. Row n K + k is column k of the readout for example n. Raises what
    ``kernel`` raises, and ImportError without scipy.
    """
    from ._operator import Operator

    settings: Settings = {
        "parameters": parameters,
        "memory": memory,
        "dtype": dtype,
        "metric": metric,
        "threads": threads,
    }
    return Operator(network(model, x1), x1, x2, readout, settings)


def solve(
    model: Model,
    x: Array,
    y: Array,
    *,
    ridge: float = 0.0,
    tolerance: float = 1e-6,
    max_iterations: int = 2000,
    preconditioner: str = "pseudo",
    float_products: bool = False,
    partial: bool = False,
    start: Array | None = None,
    parameters: str | Iterable[str] | None = None,
    memory: str | int | None = None,
    dtype: Any = "float64",
    threads: int = 0,
    progress: Progress = False,
) -> Solution:
    """Weights (N, O) of regression with the eNTK on targets y (N, O), by conjugate gradients, without forming it.

    ridge: absolute, added to the diagonal.
    tolerance: the norm of the residual relative to that of y - f0, where the iteration ends.
    preconditioner: "pseudo", "trace" (better at initialization), "outputs" (better after training), "nearest" (for
    numbers of examples whose square does not fit into memory) or "none".
    float_products: iterate with products in float as long as they help; residuals stay in double.
    partial: return what was reached after `max_iterations` instead of raising NumericalError.
    start: weights (N, O) to begin with.
    progress: True, or a function of (iteration, residual, columns that have not converged).

    ``predict`` takes the weights. Raises what ``kernel`` raises.
    """
    net = network(model, x)
    settings: Settings = {"parameters": parameters, "memory": memory, "dtype": dtype, "threads": threads}
    goal = np.log(min(max(tolerance, 1e-300), 0.5))

    def told(iteration: float, residual: float, left: float) -> tuple[float, str]:
        return float(np.log(max(residual, 1e-300)) / goal), f"iteration {iteration:.0f}, residual {residual:.1e}"

    with Bar(progress, "solve", told) as callback:
        options = _options(net, settings, callback)
        found = _xtangent.solve(
            net._core,
            examples(x),
            columns(y),
            ridge,
            tolerance,
            max_iterations,
            preconditioner,
            float_products,
            partial,
            None if start is None else columns(start),
            options,
        )
    return Solution(*found)


def predict(
    model: Model,
    x_new: Array,
    x: Array,
    weights: Array,
    *,
    parameters: str | Iterable[str] | None = None,
    memory: str | int | None = None,
    dtype: Any = "float64",
    threads: int = 0,
) -> Floats:
    """The outputs (M, O) of the linearized network at x_new (M, ...): f0(x_new) + Theta(x_new, x) w.

    The weights w (N, O) are those of ``solve``, or of a Regression on an eNTK. Theta is not formed.
    """
    net = network(model, x)
    options = _options(net, {"parameters": parameters, "memory": memory, "dtype": dtype, "threads": threads})
    return _xtangent.predict(net._core, examples(x_new), examples(x), columns(weights), options)


class Regression:
    """Regression with a formed kernel, as ``regression`` makes it. f0 are outputs of the network; default: 0."""

    def __init__(self, kernel: Array, ridge: float, relative: bool) -> None:
        given = array(kernel)
        made = _xtangent.RegressionFloat if given.dtype == np.float32 else _xtangent.RegressionDouble
        self._core = made(given, ridge, relative)

    @property
    def size(self) -> int:
        """The order n of the kernel."""
        return self._core.size

    @property
    def ridge(self) -> float:
        """The ridge that was added, absolute."""
        return self._core.ridge

    @property
    def log_determinant(self) -> float:
        """log det (K + ridge I)."""
        return self._core.log_determinant

    def solve(self, y: Array) -> Floats:
        """(K + ridge I)^-1 y for y (n,) or (n, m), refined."""
        return self._core.solve(array(y))

    def weights(self, y: Array, f0: Array | None = None) -> Floats:
        """(K + ridge I)^-1 (y - f0), (N, O), for targets y (N, O) or (N,)."""
        targets = columns(y)
        return self._core.weights(targets, columns(f0, targets))

    def predict(self, kernel_new: Array, y: Array, f0: Array | None = None, f0_new: Array | None = None) -> Floats:
        """f0_new + K_new (K + ridge I)^-1 (y - f0), (M, O).

        kernel_new is (M, N), or (M O, N O) for an eNTK, y (N, O) or (N,), f0 (N, O) and f0_new (M, O).
        """
        targets, rows = columns(y), array(kernel_new)
        per_example = max(self.size // max(len(targets), 1), 1)
        like = np.empty((len(rows) // per_example, targets.shape[1]))
        return self._core.predict(rows, targets, columns(f0, targets), columns(f0_new, like))

    def posterior_variance(self, kernel_new: Array, variance_new: Array) -> Floats:
        """The variance (M,) without noise, from kernel_new (M, n) and the diagonal (M,) of the kernel of new points."""
        return self._core.posterior_variance(array(kernel_new), array(variance_new))

    def posterior_covariance(self, kernel_new: Array, covariance_new: Array) -> Floats:
        """The covariance (M, M), from kernel_new (M, n) and the kernel (M, M) of the new points."""
        return self._core.posterior_covariance(array(kernel_new), array(covariance_new))

    def leave_one_out(self, y: Array, f0: Array | None = None) -> Floats:
        """The prediction (N, O) at each training example from all others."""
        targets = columns(y)
        return self._core.leave_one_out(targets, columns(f0, targets))

    def generalized_cross_validation(self, y: Array, f0: Array | None = None) -> float:
        """Golub, Heath and Wahba 1979, averaged over the outputs."""
        targets = columns(y)
        return self._core.generalized_cross_validation(targets, columns(f0, targets))

    def append(self, cross: Array, corner: Array) -> None:
        """Appends m rows: `cross` (m, n) with the rows that are there, `corner` (m, m) among themselves."""
        self._core.append(array(cross), array(corner))

    def remove(self, first: int, count: int = 1) -> None:
        """Removes rows and columns [first, first + count)."""
        self._core.remove(first, count)

    def __repr__(self) -> str:
        return f"Regression({self.size} x {self.size}, ridge {self.ridge:.3g})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Regression, (self._core.matrix(), self.ridge, False)


def regression(kernel: Array, ridge: float = 0.0, *, relative: bool = True) -> Regression:
    """Factors kernel + ridge I for regression or a Gaussian process: n^3 / 3 FLOP, once.

    kernel: (n, n), float32 or float64; a pNTK (N, N) serves O outputs as O right-hand sides, an eNTK (N O, N O) all at
    once. ridge: in units of the mean of the diagonal, or absolute unless `relative`. Raises ShapeError, NumericalError
    (not positive definite: the message names a ridge to try).
    """
    return Regression(kernel, ridge, relative)

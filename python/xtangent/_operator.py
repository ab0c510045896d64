"""A kernel as an operator of scipy."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator

from . import _xtangent
from ._convert import Array, Floats, kept
from ._kernels import Settings, _options, _sides
from ._network import Network
from .readout import Readout, _built, between


class Operator(LinearOperator):  # type: ignore[misc]
    """See ``xtangent.operator``."""

    def __init__(
        self,
        net: Network,
        x1: Array,
        x2: Array | None,
        readout: Readout | str | Array,
        settings: Settings,
        own: bool = False,
    ) -> None:
        if not own:  # copies, of which the transposed operator and a pickle are made later
            x1, x2 = kept(x1), None if x2 is None else kept(x2)
            readout = readout if isinstance(readout, (Readout, str)) else kept(readout)
            metric = settings.get("metric")
            if metric is not None:
                settings = {**settings, "metric": kept(metric)}
        self._made_of = (net, x1, x2, readout, settings)
        first, second = _sides(x1, x2)
        self._core = _xtangent.Operator(net._core, first, second, _built(readout), _options(net, settings))
        self._transposed: Operator | None = None
        super().__init__(dtype=np.dtype(np.float64), shape=(self._core.rows, self._core.columns))

    def _matmat(self, u: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if np.iscomplexobj(u):
            return self._core.apply(u.real) + 1j * self._core.apply(u.imag)
        return self._core.apply(u)

    def _matvec(self, u: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return self._matmat(u.reshape(-1, 1)).reshape(-1)

    def _adjoint(self) -> "Operator":
        net, x1, x2, readout, settings = self._made_of
        if x2 is None and not (isinstance(readout, Readout) and readout.kind == "between"):
            return self
        if self._transposed is None:
            if isinstance(readout, Readout) and readout.kind == "between":
                readout = between(*reversed(readout.arguments))
            self._transposed = Operator(net, x1 if x2 is None else x2, x1, readout, settings, own=True)
        return self._transposed

    _transpose = _adjoint

    def _rmatmat(self, u: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return self._adjoint()._matmat(u)

    def _rmatvec(self, u: npt.NDArray[Any]) -> Floats:
        return self._adjoint()._matvec(u)

    @property
    def flop(self) -> float:
        """Floating-point operations of a product with one column."""
        return self._core.flop

    @property
    def kept_bytes(self) -> float:
        """Bytes of the recordings that are kept between products."""
        return self._core.kept_bytes

    def __reduce__(self) -> tuple[Any, ...]:
        return Operator, self._made_of

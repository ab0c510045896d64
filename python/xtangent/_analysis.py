"""Spectra, comparisons and certificates of kernels."""

from typing import TYPE_CHECKING, Unpack

from . import _xtangent
from ._convert import Array, array, examples
from ._errors import OptionError
from ._kernels import Settings, _options
from ._network import Model, network
from ._progress import Bar, of_kernel
from ._results import Certificate, Comparison, Spectrum, StoredKernel
from .readout import Readout, _built

if TYPE_CHECKING:
    from ._operator import Operator


def spectrum(
    kernel: "Array | StoredKernel | Operator",
    count: int | None = None,
    *,
    which: str = "largest",
    vectors: bool = False,
    tolerance: float = 1e-10,
    max_products: int = 10000,
) -> Spectrum:
    """Eigenvalues of a symmetric kernel (n, n), in ascending order.

    All of them by LAPACK, with eigenvectors if `vectors`; or `count` of the "largest" or "smallest", with eigenvectors,
    by Lanczos, for which the kernel may also be a StoredKernel or an ``operator``. Raises ShapeError, NumericalError (no
    convergence after `max_products`).
    """
    applied = getattr(kernel, "_core", None)  # of a StoredKernel or an Operator
    if count is None:
        if applied is not None and not isinstance(kernel, StoredKernel):
            raise OptionError("[spectrum] an operator has no entries. Say how many eigenvalues: count=10.")
        return Spectrum(*_xtangent.all_eigenvalues(array(kernel), vectors))
    found = _xtangent.linear_map(array(kernel)) if applied is None else applied.map()
    return Spectrum(*_xtangent.some_eigenvalues(found, count, which, tolerance, max_products))


def compare(a: Array, b: Array) -> Comparison:
    """How far kernel `a` is from kernel `b`, in two or three passes over the entries.

    Both have the same shape, or a is an eNTK (N1 O, N2 O) and b a pNTK (N1, N2), which then stands for b (x) I without
    being enlarged. Raises ShapeError, NumericalError (a kernel is 0).
    """
    first, second = array(a), array(b)
    outputs = len(first) // len(second) if first.ndim == 2 and len(second) and first.shape != second.shape else 1
    return Comparison(**_xtangent.compare(first, second, max(outputs, 1)))


def certificate(
    model: Model,
    x: Array,
    pntk: Array,
    *,
    readout: Readout | str | Array = "full",
    groups: int = 32,
    group_size: int = 4,
    confidence: float = 0.95,
    seed: int = 0,
    **settings: Unpack[Settings],
) -> Certificate:
    """How well a pNTK (N, N) of examples x (N, ...) stands for the eNTK, from a few exact blocks.

    An estimate of ||Theta - K (x) I|| / ||Theta|| over all pairs, with an interval that holds it with `confidence`. The
    cost is that of groups * group_size Jacobians instead of N. For another `readout` it says how well A_n^T Theta B_m is
    K_nm A_n^T B_m. The settings are those of ``kernel``. Raises ShapeError, OptionError, NumericalError.
    """
    net = network(model, x)
    with Bar(settings.get("progress", False), "certificate", of_kernel) as callback:
        options = _options(net, settings, callback)
        found = _xtangent.certificate(
            net._core, examples(x), array(pntk), _built(readout), groups, group_size, confidence, seed, options
        )
    return Certificate(*found)

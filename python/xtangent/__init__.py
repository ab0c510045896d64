"""Empirical neural tangent kernels of networks.

    import xtangent as xt

    net = xt.network(model, x)                # a torch module, a file of torch.export.save, or a name
    print(xt.plan(net, x))                    # what it will cost
    k = xt.pntk(net, x)                       # (N, N)
    theta = xt.entk(net, x[:100])             # (100 O, 100 O)
    print(xt.compare(theta, k[:100, :100]))
    outputs = xt.regression(k, ridge=1e-3).predict(xt.pntk(net, x_new, x), y)

Functions take models as they are; ``network`` spares a torch module from being exported at each call. Arrays may be
NumPy's, torch tensors, or anything with a buffer or DLPack. Kernels are NumPy arrays in double; results can
be pickled. Errors are classes below ``xtangent.Error``.
"""

from . import _load  # first: it chooses the kernels of OpenBLAS
from . import readout
from ._analysis import certificate, compare, spectrum
from ._attribution import Attribution, attribution, misses
from ._errors import (
    BatchError,
    BudgetError,
    DataError,
    Error,
    NumericalError,
    OptionError,
    ParameterError,
    RuleError,
    ShapeError,
    TapeError,
)
from ._kernels import entk, kernel, layer_kernels, plan, pntk
from ._network import Network, network, network_names
from ._regression import Regression, operator, predict, regression, solve
from ._results import Certificate, Comparison, Plan, Solution, Spectrum, StoredKernel
from ._train import Epoch, Training, train
from ._xtangent import blas_core, thread_count
from .readout import Readout

__all__ = [
    "Attribution",
    "BatchError",
    "BudgetError",
    "Certificate",
    "Comparison",
    "DataError",
    "Epoch",
    "Error",
    "Network",
    "NumericalError",
    "OptionError",
    "ParameterError",
    "Plan",
    "Readout",
    "Regression",
    "RuleError",
    "ShapeError",
    "Solution",
    "Spectrum",
    "StoredKernel",
    "TapeError",
    "Training",
    "attribution",
    "blas_core",
    "certificate",
    "compare",
    "entk",
    "kernel",
    "layer_kernels",
    "misses",
    "network",
    "network_names",
    "operator",
    "plan",
    "pntk",
    "predict",
    "readout",
    "regression",
    "solve",
    "spectrum",
    "thread_count",
    "train",
]

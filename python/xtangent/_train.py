"""Training by shuffled batches."""

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from . import _xtangent
from ._convert import Array, array, examples, names, path, wide
from ._kernels import _options
from ._network import Model, Network, network
from ._progress import Bar, Progress


@dataclass(frozen=True)
class Epoch:
    """One pass over the training data. Accuracies are NaN without labels, those of test data also without test data."""

    number: int  #: from 1
    loss: float
    accuracy: float
    test_loss: float
    test_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Training:
    """The trained network, and what its epochs were like."""

    network: Network
    history: list[Epoch]


def train(
    model: Model,
    x: Array,
    y: Array,
    *,
    epochs: int = 10,
    batch: int = 64,
    optimizer: str = "adam",
    rate: float | None = None,
    momentum: float = 0.0,
    weight_decay: float | None = None,
    schedule: str = "constant",
    clip_norm: float = 0.0,
    frozen: Iterable[str] = (),
    seed: int = 0,
    x_test: Array | None = None,
    y_test: Array | None = None,
    checkpoint: "str | os.PathLike[str] | None" = None,
    resume: bool = False,
    dtype: Any = None,
    threads: int = 0,
    progress: Progress = False,
) -> Training:
    """Trains a network on x (N, ...): by cross-entropy with labels y (N,) of whole numbers, else by squared error on
    targets y of the shape of the outputs.

    optimizer: "sgd", "adam" or "adamw", with PyTorch's rules; rate: default 1e-3, or 1e-2 for sgd; weight_decay:
    default 0, or 1e-2 for adamw; momentum: for sgd.
    schedule: "constant", "step", "cosine", "linear", "warm_up" or "one_cycle".
    frozen: names of parameters or layers that are not trained.
    checkpoint: a file that is written after each epoch and each minute; with `resume` training goes on from it, to the
    same bits as without an interruption.
    progress: True, or a function of (fraction, seconds left, loss, accuracy).

    The given network stays as it is. Ctrl-C writes the checkpoint and raises KeyboardInterrupt. Raises DataError,
    ShapeError, OptionError, ParameterError, NumericalError (which names epoch, batch and layer).
    """
    net = network(model, x)
    recipe = _xtangent.Recipe()
    recipe.epochs, recipe.batch, recipe.optimizer, recipe.rate = epochs, batch, optimizer, rate
    recipe.momentum, recipe.weight_decay, recipe.schedule = momentum, weight_decay, schedule
    recipe.clip_norm, recipe.frozen, recipe.seed = clip_norm, names(frozen), seed
    recipe.checkpoint, recipe.resume = path(checkpoint), resume

    def told(fraction: float, left: float, loss: float, accuracy: float) -> tuple[float, str]:
        right = "" if math.isnan(accuracy) else f", accuracy {accuracy:.3f}"
        return fraction, f"loss {loss:.4g}{right}, {left:.0f} s left"

    with Bar(progress, "train", told) as callback:
        options = _options(net, {"dtype": dtype, "threads": threads}, callback)
        core, history = _xtangent.train(
            net._core,
            examples(x),
            array(y),
            None if x_test is None else examples(x_test),
            None if y_test is None else array(y_test),
            recipe,
            options,
        )
    trained = Network(core, net._origin, "float64" if wide(dtype, net.dtype) else "float32", changed=True)
    return Training(trained, [Epoch(*numbers) for numbers in history])

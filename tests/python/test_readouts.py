"""Readouts against combinations of Jacobians by hand."""

import pickle

import numpy as np
import pytest

import xtangent as xt
from xtangent import readout

Y = np.arange(12) % 3


def gram(perceptron, x, rows, columns=None, x2=None):
    """The kernel of combinations A (N, O, C) of the outputs."""
    a = np.einsum("nop,noc->ncp", perceptron.jacobian(x), rows)
    b = a if columns is None else np.einsum("nop,noc->ncp", perceptron.jacobian(x2), columns)
    return np.einsum("ncp,mdp->ncmd", a, b).reshape(a.shape[0] * a.shape[1], -1)


def softmax(f):
    e = np.exp(f - f.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def combinations(perceptron, x):
    one, f = np.eye(3)[Y], perceptron.outputs(x)
    p = softmax(f)
    at = p[np.arange(12), Y][:, None]
    targets = np.random.default_rng(5).normal(size=(12, 3))
    return {
        "labels": (readout.labels(Y), one),
        "log_probability": (readout.log_probability(Y), one - p),
        "margin": (readout.margin(Y), (one - p) / (1 - at)),
        "signed_labels": (readout.signed_labels(Y), (2 * one - 1) / np.sqrt(3)),
        "loss": (readout.loss(Y), p - one),
        "squared_loss": (readout.loss(targets), 2 * (f - targets) / 3),
        "per_example": (readout.per_example(targets), targets),
        "single": (readout.single(1), np.tile([0.0, 1, 0], (12, 1))),
    }


@pytest.mark.parametrize(
    "name", ["labels", "log_probability", "margin", "signed_labels", "loss", "squared_loss", "per_example", "single"]
)
def test_one_combination_of_each_example(perceptron, x, name):
    made, a = combinations(perceptron, x)[name]
    net, expected = perceptron.network(), gram(perceptron, x, a[:, :, None])
    for given in (made, pickle.loads(pickle.dumps(made))):
        np.testing.assert_allclose(xt.kernel(net, x, readout=given), expected, atol=1e-11 * abs(expected).max())


def test_matrices(perceptron, x):
    net, r = perceptron.network(), np.random.default_rng(4).normal(size=(3, 2))
    expected = gram(perceptron, x, np.tile(r, (12, 1, 1)))
    for given in (r, readout.custom(r)):
        np.testing.assert_allclose(xt.kernel(net, x, readout=given), expected, rtol=1e-10, atol=1e-10)
    a = np.random.default_rng(4).normal(size=(12, 3, 2))
    np.testing.assert_allclose(xt.kernel(net, x, readout=a), gram(perceptron, x, a), rtol=1e-10, atol=1e-10)


def test_reductions(perceptron, x):
    net = perceptron.network()
    blocks = perceptron.entk(x).reshape(12, 3, 12, 3)
    diagonal = np.einsum("nomo->onm", blocks)
    np.testing.assert_allclose(xt.kernel(net, x, readout="diagonal"), diagonal, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(xt.kernel(net, x, readout=readout.trace()), diagonal.mean(0), rtol=1e-10, atol=1e-10)
    signs = xt.kernel(net, x, readout=readout.random_signs(3, 2))
    assert (signs == xt.kernel(net, x, readout="signs:3x2")).all()
    assert xt.kernel(net, x, readout=readout.fisher(1)).shape == (12, 12)


def test_between_two_sets(perceptron, x, x_new):
    net, y_new = perceptron.network(), np.arange(5) % 3
    found = xt.kernel(net, x, x_new, readout=readout.between(readout.labels(Y), readout.full()))
    expected = gram(perceptron, x, np.eye(3)[Y][:, :, None], np.tile(np.eye(3), (5, 1, 1)), x_new)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)
    with pytest.raises(xt.OptionError, match="between"):
        xt.kernel(net, x, x_new, readout=readout.labels(Y))
    a, b = np.ones((12, 3, 1)), np.ones((5, 3, 1))
    np.testing.assert_allclose(
        xt.kernel(net, x, x_new, readout=readout.per_example(a, b)), 3 * perceptron.pntk(x, x_new), rtol=1e-10
    )


def test_labels_are_checked(perceptron, x):
    net = perceptron.network()
    with pytest.raises(xt.DataError, match="whole numbers"):
        xt.kernel(net, x, readout=readout.labels(Y + 0.5))
    with pytest.raises(xt.DataError, match="label 0 is -1"):
        xt.kernel(net, x, readout=readout.margin(Y - 1))
    with pytest.raises(xt.ShapeError):
        xt.kernel(net, x, readout=readout.labels(Y[:5]))


def test_positions(x):
    vocabulary, y = 7, np.arange(12).reshape(3, 4) % 7
    net = xt.network("gpt2", vocab_size=vocabulary, n_positions=4, n_embd=8, n_layer=1, n_head=2, logits="all_tokens")
    tokens, mask = np.arange(12).reshape(3, 4) % vocabulary, np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]])
    assert net(tokens).shape == (3, 4, 7)
    whole = xt.kernel(net, tokens, readout=readout.token_loss(y), dtype="float64")
    assert whole.shape == (3, 3)
    full = xt.entk(net, tokens, dtype="float64").reshape(3, 28, 3, 28)
    p = softmax(net(tokens, dtype="float64").reshape(12, 7)).reshape(3, 4, 7) - np.eye(7)[y]
    a = p.reshape(3, 28) / 4
    np.testing.assert_allclose(whole, np.einsum("ni,nimj,mj->nm", a, full, a), rtol=1e-9)
    a = (p * (mask / mask.sum(1, keepdims=True))[:, :, None]).reshape(3, 28)
    masked = xt.kernel(net, tokens, readout=readout.token_loss(y, mask), dtype="float64")
    np.testing.assert_allclose(masked, np.einsum("ni,nimj,mj->nm", a, full, a), rtol=1e-9)
    a = np.repeat(mask / mask.sum(1, keepdims=True), 7, axis=1) / np.sqrt(7)
    mean = xt.kernel(net, tokens, readout=readout.masked_mean(mask, "pseudo"), dtype="float64")
    np.testing.assert_allclose(mean, np.einsum("ni,nimj,mj->nm", a, full, a), rtol=1e-9, atol=1e-12)
    last = xt.network("gpt2", vocab_size=7, n_positions=4, n_embd=8, n_layer=1, n_head=2, logits="all_tokens", positions="last")
    assert last(tokens).shape == (3, 7)

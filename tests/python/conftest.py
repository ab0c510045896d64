"""Networks and references that the tests share."""

import pathlib

import numpy as np
import pytest

import xtangent as xt

SOURCE = pathlib.Path(__file__).resolve().parents[2]


class Perceptron:
    """A network with tanh and its Jacobian by hand: the reference for tests without torch."""

    def __init__(self, sizes=(4, 6, 3), seed=0):
        draw = np.random.default_rng(seed)
        self.sizes = list(sizes)
        i, h, o = sizes
        self.weights = {
            "0.weight": draw.normal(size=(h, i)),
            "0.bias": draw.normal(size=h),
            "2.weight": draw.normal(size=(o, h)),
            "2.bias": draw.normal(size=o),
        }

    def network(self):
        net = xt.network("mlp", sizes=self.sizes, activation="tanh", weights=self.weights)
        assert net.dtype == "float64"
        return net

    def outputs(self, x):
        hidden = np.tanh(x @ self.weights["0.weight"].T + self.weights["0.bias"])
        return hidden @ self.weights["2.weight"].T + self.weights["2.bias"]

    def jacobian(self, x, parts=("0.weight", "0.bias", "2.weight", "2.bias")):
        """(N, O, P)"""
        n, o = len(x), self.sizes[2]
        hidden = np.tanh(x @ self.weights["0.weight"].T + self.weights["0.bias"])
        back = self.weights["2.weight"][None] * (1 - hidden**2)[:, None, :]
        one = np.broadcast_to(np.eye(o), (n, o, o))
        found = {
            "0.weight": np.einsum("noh,ni->nohi", back, x),
            "0.bias": back,
            "2.weight": np.einsum("nop,nh->noph", one, hidden),
            "2.bias": one,
        }
        return np.concatenate([found[name].reshape(n, o, -1) for name in parts], axis=2)

    def entk(self, x1, x2=None, **kw):
        x2 = x1 if x2 is None else x2
        a, b = self.jacobian(x1, **kw), self.jacobian(x2, **kw)
        return np.einsum("nop,mqp->nomq", a, b).reshape(len(x1) * a.shape[1], -1)

    def pntk(self, x1, x2=None, **kw):
        x2 = x1 if x2 is None else x2
        a, b = (self.jacobian(x, **kw).sum(axis=1) / np.sqrt(self.sizes[2]) for x in (x1, x2))
        return a @ b.T


@pytest.fixture
def perceptron():
    return Perceptron()


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(12, 4))


@pytest.fixture
def x_new():
    return np.random.default_rng(2).normal(size=(5, 4))

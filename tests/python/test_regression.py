"""Regression, operators and attribution against dense algebra."""

import pickle

import numpy as np
import pytest

import xtangent as xt
from xtangent import readout

Y = np.arange(12) % 3


def test_regression_with_a_pntk(perceptron, x, x_new):
    k, k_new = perceptron.pntk(x), perceptron.pntk(x_new, x)
    y, f0, f0_new = np.eye(3)[Y], perceptron.outputs(x), perceptron.outputs(x_new)
    made = xt.regression(k, ridge=0.1)
    ridge = 0.1 * np.diag(k).mean()
    assert made.size == 12 and made.ridge == pytest.approx(ridge)
    weights = np.linalg.solve(k + ridge * np.eye(12), y - f0)
    for r in (made, pickle.loads(pickle.dumps(made)), xt.regression(k, ridge, relative=False)):
        np.testing.assert_allclose(r.weights(y, f0), weights, rtol=1e-9)
        np.testing.assert_allclose(r.predict(k_new, y, f0, f0_new), f0_new + k_new @ weights, rtol=1e-9)
    plain = np.linalg.solve(k + ridge * np.eye(12), y)
    np.testing.assert_allclose(made.predict(k_new, y), k_new @ plain, rtol=1e-9)
    np.testing.assert_allclose(made.predict(k_new, y[:, 0]), (k_new @ plain)[:, :1], rtol=1e-9)
    np.testing.assert_allclose(made.solve(y), plain, rtol=1e-9)
    inverse = np.linalg.inv(k + ridge * np.eye(12))
    out = y - plain / np.diag(inverse)[:, None]
    np.testing.assert_allclose(made.leave_one_out(y), out, rtol=1e-8, atol=1e-10)
    both = perceptron.pntk(x_new)
    covariance = both - k_new @ inverse @ k_new.T
    np.testing.assert_allclose(made.posterior_covariance(k_new, both), covariance, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(made.posterior_variance(k_new, np.diag(both)), np.diag(covariance), rtol=1e-8, atol=1e-10)
    assert made.log_determinant == pytest.approx(np.linalg.slogdet(k + ridge * np.eye(12))[1])
    h = k @ inverse
    score = 12 * ((y - h @ y) ** 2).sum(0) / (12 - np.trace(h)) ** 2
    assert made.generalized_cross_validation(y) == pytest.approx(score.mean())


def test_regression_grows_and_shrinks(perceptron, x, x_new):
    both = np.concatenate([x, x_new])
    k, y = perceptron.pntk(both), np.arange(17.0)
    made = xt.regression(k[:12, :12], 0.5, relative=False)
    made.append(k[12:, :12], k[12:, 12:])
    np.testing.assert_allclose(made.solve(y), np.linalg.solve(k + 0.5 * np.eye(17), y), rtol=1e-9)
    made.remove(0, 2)
    assert made.size == 15
    np.testing.assert_allclose(made.solve(y[2:]), np.linalg.solve(k[2:, 2:] + 0.5 * np.eye(15), y[2:]), rtol=1e-9)


def test_regression_in_float(perceptron, x):
    k = perceptron.pntk(x).astype(np.float32)
    made = xt.regression(k, 0.1)
    again = pickle.loads(pickle.dumps(made))
    assert repr(made) == repr(again) and "12 x 12" in repr(made)
    np.testing.assert_allclose(again.solve(np.ones(12)), made.solve(np.ones(12)), rtol=1e-5)
    with pytest.raises(xt.NumericalError, match="ridge"):
        xt.regression(np.ones((3, 3)))


def test_operator(perceptron, x, x_new):
    cg = pytest.importorskip("scipy.sparse.linalg").cg
    net, theta = perceptron.network(), perceptron.entk(x)
    op, u = xt.operator(net, x), np.random.default_rng(0).normal(size=(36, 2))
    assert op.shape == (36, 36) and op.dtype == np.float64 and op.flop > 0 and op.kept_bytes > 0
    np.testing.assert_allclose(op @ u, theta @ u, rtol=1e-10)
    np.testing.assert_allclose(op @ u[:, 0], theta @ u[:, 0], rtol=1e-10)
    np.testing.assert_allclose(op @ (u[:, 0] + 2j * u[:, 1]), theta @ (u[:, 0] + 2j * u[:, 1]), rtol=1e-10)
    assert op.H is op
    np.testing.assert_allclose((pickle.loads(pickle.dumps(op))) @ u, op @ u, rtol=1e-12)
    b = u[:, 0]
    solved, failed = cg(op + 0.1 * xt_identity(36), b, atol=0)  # to its usual 1e-5, which is not everywhere called rtol
    assert failed == 0
    assert np.linalg.norm(theta @ solved + 0.1 * solved - b) <= 1e-4 * np.linalg.norm(b)
    cross, v = xt.operator(net, x_new, x, readout="pseudo"), np.arange(5.0)
    np.testing.assert_allclose(cross @ u[:12], perceptron.pntk(x_new, x) @ u[:12], rtol=1e-10)
    np.testing.assert_allclose(cross.H @ v, perceptron.pntk(x, x_new) @ v, rtol=1e-10)
    np.testing.assert_allclose(cross.rmatvec(v), perceptron.pntk(x, x_new) @ v, rtol=1e-10)
    sides = readout.between(readout.labels(Y), "pseudo")
    mixed = xt.operator(net, x, readout=sides)
    dense = xt.kernel(net, x, x, readout=sides)
    np.testing.assert_allclose(mixed.T @ u[:12], dense.T @ u[:12], rtol=1e-10)


def xt_identity(n):
    from scipy.sparse.linalg import aslinearoperator

    return aslinearoperator(np.eye(n))


def test_solve_and_predict(perceptron, x, x_new):
    net, y = perceptron.network(), np.eye(3)[Y]
    theta = perceptron.entk(x) + 0.5 * np.eye(36)
    weights = np.linalg.solve(theta, (y - perceptron.outputs(x)).reshape(-1)).reshape(12, 3)
    told = []
    for preconditioner in ("pseudo", "trace", "outputs", "none"):
        found = xt.solve(
            net, x, y, ridge=0.5, tolerance=1e-10, preconditioner=preconditioner, progress=lambda *n: told.append(n)
        )
        assert found.converged and found.residual < 1e-9 and found.iterations > 0 and found.products > 0
        np.testing.assert_allclose(found.weights, weights, rtol=1e-6, atol=1e-8)
    assert told and len(told[0]) == 3
    expected = perceptron.outputs(x_new) + (perceptron.entk(x_new, x) @ weights.reshape(-1)).reshape(5, 3)
    np.testing.assert_allclose(xt.predict(net, x_new, x, found.weights), expected, rtol=1e-6)
    again = pickle.loads(pickle.dumps(found))
    assert (again.weights == found.weights).all() and again.iterations == found.iterations
    with pytest.raises(xt.NumericalError, match="Raise max_iterations"):
        xt.solve(net, x, y, tolerance=1e-12, max_iterations=1, preconditioner="none")
    part = xt.solve(net, x, y, tolerance=1e-12, max_iterations=1, preconditioner="none", partial=True)
    assert not part.converged and part.iterations == 1
    with pytest.raises(xt.OptionError, match="pseudo, trace"):
        xt.solve(net, x, y, preconditioner="best")


def test_attribution(perceptron, x, x_new):
    net, margin = perceptron.network(), readout.margin(Y)
    k = xt.kernel(net, x, readout=margin)
    k_new = xt.kernel(net, x_new, x, readout=readout.between(readout.margin(np.zeros(5, int)), margin))
    missed = xt.misses(net(x), Y)
    f = perceptron.outputs(x)
    p = np.exp(f) / np.exp(f).sum(1, keepdims=True)
    np.testing.assert_allclose(missed, 1 - p[np.arange(12), Y], rtol=1e-9)
    made = xt.attribution(k, 0.3)
    ridge = 0.3 * np.diag(k).mean()
    assert made.ridge == pytest.approx(ridge)
    expected = k_new @ np.linalg.inv(k + ridge * np.eye(12)) * missed
    np.testing.assert_allclose(made.scores(k_new, missed), expected, rtol=1e-8, atol=1e-10)
    leverage = np.diag(k @ np.linalg.inv(k + ridge * np.eye(12)))
    np.testing.assert_allclose(made.self_influence(missed), leverage * missed, rtol=1e-8)
    assert (pickle.loads(pickle.dumps(made)).scores(k_new, missed) == made.scores(k_new, missed)).all()

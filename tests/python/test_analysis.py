"""Spectra, comparisons and certificates against dense algebra."""

import pickle

import numpy as np
import pytest

import xtangent as xt


def test_spectrum(perceptron, x, tmp_path):
    net, theta = perceptron.network(), perceptron.entk(x) + 0.1 * np.eye(36)
    expected = np.linalg.eigvalsh(theta)
    whole = xt.spectrum(theta, vectors=True)
    np.testing.assert_allclose(whole.values, expected, rtol=1e-9)
    np.testing.assert_allclose(whole.vectors @ theta, whole.values[:, None] * whole.vectors, atol=1e-9)
    assert xt.spectrum(theta).vectors is None
    assert whole.condition_number == pytest.approx(expected[-1] / expected[0])
    assert whole.maximal_learning_rate == pytest.approx(2 / expected[-1])
    shares = expected / expected.sum()
    assert whole.effective_rank == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))
    pytest.importorskip("scipy")
    stored = xt.entk(net, x, store=tmp_path / "store")
    raw = np.linalg.eigvalsh(perceptron.entk(x))
    for given in (perceptron.entk(x), stored, xt.operator(net, x)):
        some = xt.spectrum(given, 3)
        np.testing.assert_allclose(some.values, raw[-3:], rtol=1e-8)
        assert some.vectors.shape == (3, 36)
    np.testing.assert_allclose(xt.spectrum(theta, 2, which="smallest").values, expected[:2], rtol=1e-7)
    with pytest.raises(xt.OptionError, match="count=10"):
        xt.spectrum(xt.operator(net, x))
    with pytest.raises(xt.OptionError, match="middle"):
        xt.spectrum(theta, 2, which="middle")
    with pytest.raises(xt.NumericalError, match="symmetric"):
        xt.spectrum(np.triu(theta))
    assert (pickle.loads(pickle.dumps(whole)).values == whole.values).all()


def test_compare(perceptron, x):
    theta, k = perceptron.entk(x), perceptron.pntk(x)
    whole = np.kron(k, np.eye(3))
    found = xt.compare(theta, k)
    assert found.relative_difference == pytest.approx(np.linalg.norm(theta - whole) / np.linalg.norm(theta))
    assert found.alignment == pytest.approx((theta * whole).sum() / np.linalg.norm(theta) / np.linalg.norm(whole))
    assert found.distance == 1 - found.alignment and found.centered_alignment is None
    other = k + np.eye(12)
    found = xt.compare(k, other.astype(np.float32))
    assert found.relative_difference == pytest.approx(np.sqrt(12) / np.linalg.norm(other), rel=1e-5)
    h = np.eye(12) - 1 / 12
    a, b = h @ k @ h, h @ other @ h
    expected = (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)
    assert found.centered_alignment == pytest.approx(expected, rel=1e-5)
    assert pickle.loads(pickle.dumps(found)) == found
    with pytest.raises(xt.ShapeError):
        xt.compare(theta, k[:5, :5])


def test_certificate(perceptron, x):
    theta, k = perceptron.entk(x), perceptron.pntk(x)
    truth = np.linalg.norm(theta - np.kron(k, np.eye(3))) / np.linalg.norm(theta)
    exact = xt.certificate(perceptron.network(), x, k, group_size=12)
    assert exact.estimate == pytest.approx(truth) and exact.low == exact.high == exact.estimate
    some = xt.certificate(perceptron.network(), x, k, groups=40, seed=1)
    assert some.low <= some.estimate <= some.high and some.confidence == 0.95 and some.pairs == 640
    assert 0.5 * truth < some.estimate < 1.5 * truth and "95 %" in str(some)
    assert pickle.loads(pickle.dumps(some)) == some
    with pytest.raises(xt.OptionError):
        xt.certificate(perceptron.network(), x, k, groups=1)

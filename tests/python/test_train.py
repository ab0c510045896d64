"""Training."""

import numpy as np
import pytest

import xtangent as xt


def task(n, seed):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(n, 8))
    return x, (x[:, 0] * x[:, 1] > 0).astype(int)


def test_labels_are_learned():
    x, y = task(600, 0)
    x_test, y_test = task(300, 1)
    net = xt.network("mlp", sizes=[8, 64, 2])
    before = net.parameters
    told = []
    found = xt.train(
        net, x, y, epochs=40, rate=0.01, optimizer="adamw", schedule="cosine", x_test=x_test, y_test=y_test,
        progress=lambda *numbers: told.append(numbers),
    )  # fmt: skip
    assert [epoch.number for epoch in found.history] == list(range(1, 41))
    assert found.history[-1].loss < 0.5 * found.history[0].loss
    assert found.history[-1].accuracy > 0.9 and found.history[-1].test_accuracy > 0.8
    right = (found.network(x_test).argmax(1) == y_test).mean()
    assert right == pytest.approx(found.history[-1].test_accuracy)
    assert told and len(told[0]) == 4
    assert all((net.parameters[name] == value).all() for name, value in before.items())
    again = xt.train(net, x, y, epochs=2, seed=1).network.parameters
    same = xt.train(net, x, y, epochs=2, seed=1, threads=1).network.parameters
    assert all((again[name] == same[name]).all() for name in again)


def test_targets_and_frozen_layers():
    x, y = task(200, 0)
    targets = np.eye(2)[y]
    net = xt.network("mlp", sizes=[8, 16, 2])
    found = xt.train(net, x, targets, epochs=20, optimizer="sgd", rate=0.1, momentum=0.9, frozen=["0"])
    assert np.isnan(found.history[-1].accuracy) and found.history[-1].loss < found.history[0].loss
    before, after = net.parameters, found.network.parameters
    assert (before["0.weight"] == after["0.weight"]).all() and (before["2.weight"] != after["2.weight"]).any()


def test_optimizers_have_the_defaults_of_torch():
    x, y = task(100, 0)
    net = xt.network("mlp", sizes=[8, 16, 2])

    def weights(optimizer, **options):
        found = xt.train(net, x, y, epochs=2, optimizer=optimizer, **options).network.parameters
        return np.concatenate([value.ravel() for value in found.values()])

    assert (weights("adamw") == weights("adamw", weight_decay=0.01)).all()
    assert (weights("adam") == weights("adam", weight_decay=0.0)).all()
    assert (weights("adamw") != weights("adamw", weight_decay=0.0)).any()


def test_epochs_are_added_to_a_constant_rate(tmp_path):
    x, y = task(100, 0)
    net = xt.network("mlp", sizes=[8, 16, 2])
    file = tmp_path / "checkpoint"
    xt.train(net, x, y, epochs=2, checkpoint=file)
    longer = xt.train(net, x, y, epochs=5, checkpoint=file, resume=True).network.parameters
    at_once = xt.train(net, x, y, epochs=5).network.parameters
    assert all((longer[name] == value).all() for name, value in at_once.items())


def test_refusals():
    x, y = task(20, 0)
    net = xt.network("mlp", sizes=[8, 2])
    with pytest.raises(xt.OptionError, match="momentum is for sgd"):
        xt.train(net, x, y, momentum=0.9)
    with pytest.raises(xt.DataError, match="are no numbers"):
        xt.train(net, np.array([["a"] * 8] * 20), y)
    with pytest.raises(xt.OptionError, match="sgd, adam, adamw"):
        xt.train(net, x, y, optimizer="lion")
    with pytest.raises(xt.OptionError, match="one_cycle"):
        xt.train(net, x, y, schedule="zigzag")
    with pytest.raises(xt.DataError, match="label"):
        xt.train(net, x, y + 5)
    with pytest.raises(xt.ParameterError, match="body"):
        xt.train(net, x, y, frozen=["body"])

"""Networks by name and their weights."""

import pickle

import numpy as np
import pytest

import xtangent as xt


def test_weights_from_a_dict_and_a_file(perceptron, x, tmp_path):
    net = perceptron.network()
    np.testing.assert_allclose(net(x), perceptron.outputs(x), rtol=1e-12)
    for name, value in net.parameters.items():
        assert (value == perceptron.weights[name]).all()
    net.save(tmp_path / "net.safetensors")
    again = xt.network("mlp", sizes=[4, 6, 3], activation="tanh", weights=tmp_path / "net.safetensors")
    assert (again(x, dtype="float64") == net(x)).all()
    head = {"2.bias": np.ones(3)}
    changed = net.with_weights(head, partial=True)
    assert (changed.parameters["2.bias"] == 1).all() and not (net.parameters["2.bias"] == 1).any()
    with pytest.raises(xt.ParameterError, match="the dictionary does not fit the network. missing: 0.weight"):
        net.with_weights(head)
    net.save(tmp_path / "whole.safetensors")
    assert (changed.with_weights(tmp_path / "whole.safetensors").parameters["2.bias"] == net.parameters["2.bias"]).all()
    with pytest.raises(xt.ParameterError, match="2.wieght"):
        net.with_weights({"2.wieght": np.ones((3, 6))}, partial=True)


def test_names_and_options():
    assert {"mlp", "lenet", "resnet18", "vit", "gpt2"} <= set(xt.network_names())
    net = xt.network("lenet", classes=7, width=0.5, seed=3)
    assert net(np.zeros((2, 1, 28, 28))).shape == (2, 7) and net.dtype == "float32"
    first, second = net.parameters, xt.network("lenet", classes=7, width=0.5, seed=4).parameters
    assert any((first[name] != second[name]).any() for name in first)
    resnet = xt.network("resnet18", classes=5, stem="cifar", width=0.125)
    assert resnet(np.zeros((1, 3, 16, 16))).shape == (1, 5) and "bn1.running_mean" in resnet.buffers
    assert "conv1" in resnet.summary(np.zeros((1, 3, 16, 16)))
    assert xt.network("mlp", sizes=[4, 3], parameterization="ntk").size == 15
    assert xt.pntk("lenet", np.ones((2, 1, 28, 28))).shape == (2, 2)
    with pytest.raises(xt.OptionError, match="resnet18"):
        xt.network("resnet19")
    with pytest.raises(xt.OptionError, match="no option 'width'. It has sizes"):
        xt.network("mlp", sizes=[4, 3], width=2)
    with pytest.raises(xt.OptionError, match="needs sizes"):
        xt.network("mlp")
    with pytest.raises(xt.OptionError, match="no stem 'small'. There are imagenet, cifar"):
        xt.network("resnet18", stem="small")
    with pytest.raises(xt.OptionError, match="cannot take classes = 'ten'"):
        xt.network("lenet", classes="ten")
    with pytest.raises(xt.OptionError, match="int is no network"):
        xt.network(3)


def test_pickling(perceptron, x):
    net = perceptron.network()
    again = pickle.loads(pickle.dumps(net))
    assert (again(x) == net(x)).all() and again.dtype == "float64"
    initial = xt.network("mlp", sizes=[4, 3], seed=5)
    assert (pickle.loads(pickle.dumps(initial))(x) == initial(x)).all()


def test_counters_may_be_left_out():
    net = xt.network("resnet18", classes=3, width=0.1, seed=2)
    arrays = {**net.parameters, **net.buffers}
    counters = {name for name in arrays if name.endswith("num_batches_tracked")}
    assert counters
    given = {name: value for name, value in arrays.items() if name not in counters}
    again = xt.network("resnet18", classes=3, width=0.1, weights=given)
    assert all((again.parameters[name] == value).all() for name, value in net.parameters.items())


def test_a_tied_array_is_known_by_both_names():
    small = {"vocab_size": 7, "n_positions": 4, "n_embd": 8, "n_layer": 1, "n_head": 2}
    net = xt.network("gpt2", seed=2, **small)
    arrays = net.parameters
    embedding = arrays.pop("transformer.wte.weight")
    again = xt.network("gpt2", weights={**arrays, "lm_head.weight": embedding}, **small)
    assert (again.parameters["transformer.wte.weight"] == embedding).all()
    with pytest.raises(xt.ParameterError, match="tied in the network, different here"):
        net.with_weights({"transformer.wte.weight": embedding, "lm_head.weight": embedding + 1}, partial=True)
    with pytest.raises(xt.ParameterError, match="missing: transformer.wte.weight"):
        net.with_weights(arrays)

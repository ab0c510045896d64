"""Networks by name and their weights."""

import pathlib
import pickle
import shutil

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


FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures/exported"


def test_a_network_of_a_file_stays_what_it_was(tmp_path):
    file = tmp_path / "net.pt2"
    shutil.copy(FIXTURES / "gpt2_sdpa.pt2", file)
    net = xt.network(file)
    assert net.dtype == "float64"  # of its parameters: its only input are tokens
    size = net.size
    file.unlink()
    again = pickle.loads(pickle.dumps(net))
    assert again.size == size and again.dtype == "float64"
    assert all((again.parameters[name] == value).all() for name, value in net.parameters.items())


def test_weights_of_a_network_keep_its_type(x):
    net = xt.network("mlp", sizes=[4, 6, 3], seed=1)
    assert all(value.dtype == np.float32 for value in net.parameters.values())
    again = xt.network("mlp", sizes=[4, 6, 3], seed=2, weights=net.parameters)
    assert again.dtype == "float32" and (again(x) == net(x)).all()
    changed = pickle.loads(pickle.dumps(again))
    assert changed.dtype == "float32" and (changed(x, dtype="float64") == again(x, dtype="float64")).all()


def test_networks_take_no_second_set_of_options(x):
    net = xt.network("mlp", sizes=[4, 3])
    for more in {"output": "y"}, {"seed": 1}, {"sizes": [4, 2]}:
        with pytest.raises(xt.OptionError, match="of no use for a Network"):
            xt.network(net, **more)
    with pytest.raises(xt.OptionError, match="networks with names have one output"):
        xt.network("mlp", sizes=[4, 3], output="y")
    language = xt.network(FIXTURES / "gpt2_sdpa.pt2")
    shape = [extent or 5 for extent in language.inputs[0][2]]
    tokens = np.zeros((2, *shape))
    whole = language(tokens)
    last = xt.network(language, positions="last")
    assert (last(tokens) == whole[:, -1]).all()
    assert (pickle.loads(pickle.dumps(last))(tokens) == whole[:, -1]).all()
    assert (xt.network(language, positions=np.int64(1))(tokens) == whole[:, 1]).all()
    with pytest.raises(xt.OptionError, match="has one already"):
        xt.network(last, positions=0)
    with pytest.raises(xt.OptionError, match="position -1"):
        xt.network(language, positions=-1)


def test_settings_that_are_no_numbers(perceptron, x):
    net = perceptron.network()
    for memory in 4e9, -1, [1]:
        with pytest.raises(xt.OptionError, match="no number of bytes"):
            xt.pntk(net, x, memory=memory)
    assert (xt.pntk(net, x, memory=np.int64(1) << 30) == xt.pntk(net, x)).all()
    with pytest.raises(xt.DataError, match="complex"):
        xt.pntk(net, x + 1j)


def test_what_is_kept_is_copied(perceptron, x, x_new):
    net = perceptron.network()
    y = np.zeros(len(x), int)
    readout = xt.readout.loss(y)
    expected = xt.kernel(net, x, readout=readout)
    y[:] = 1
    assert (xt.kernel(net, x, readout=readout) == expected).all()
    k, x_changed = xt.pntk(net, x), x.copy()
    scores = xt.attribution(k)
    cross = xt.pntk(net, x_new, x)
    before = scores.scores(cross, np.ones(len(x)))
    theta = xt.operator(net, x_changed, x_new)
    columns = np.ones(theta.shape[0])
    transposed = xt.operator(net, x, x_new).T @ columns
    k[:] = np.eye(len(x))
    x_changed[:] = 0
    assert (pickle.loads(pickle.dumps(scores)).scores(cross, np.ones(len(x))) == before).all()
    assert (theta.T @ columns == transposed).all()

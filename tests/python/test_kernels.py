"""Kernels against Jacobians by hand."""

import numpy as np
import pytest

import xtangent as xt


def test_pntk_and_entk(perceptron, x, x_new):
    net = perceptron.network()
    for found, expected in (
        (xt.pntk(net, x), perceptron.pntk(x)),
        (xt.pntk(net, x, x_new), perceptron.pntk(x, x_new)),
        (xt.entk(net, x), perceptron.entk(x)),
        (xt.entk(net, x_new, x), perceptron.entk(x_new, x)),
    ):
        assert found.dtype == np.float64 and found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=1e-12 * abs(expected).max())
    k = xt.pntk(net, x)
    assert (k == k.T).all()


def test_results_are_writable_and_own_their_memory(perceptron, x):
    k = xt.pntk(perceptron.network(), x)
    assert k.flags.writeable and not k.flags.owndata and k.base is not None  # the library's memory, without a copy
    k[:] = 1
    assert k.sum() == k.size


@pytest.mark.parametrize("strategy", ["structured", "jacobian", "vector_products"])
def test_strategies(perceptron, x, strategy):
    found = xt.kernel(perceptron.network(), x, readout="full", strategy=strategy)
    np.testing.assert_allclose(found, perceptron.entk(x), rtol=1e-10, atol=1e-10)


def test_parameters_are_chosen(perceptron, x):
    found = xt.pntk(perceptron.network(), x, parameters=["2.*", "!*.bias"])
    np.testing.assert_allclose(found, perceptron.pntk(x, parts=("2.weight",)), rtol=1e-12)
    with pytest.raises(xt.ParameterError, match="nothing"):
        xt.pntk(perceptron.network(), x, parameters="nothing.here")


def test_metric(perceptron, x):
    net = perceptron.network()
    a = perceptron.jacobian(x).sum(axis=1) / np.sqrt(3)
    d = np.random.default_rng(3).uniform(1, 2, net.size)
    np.testing.assert_allclose(xt.pntk(net, x, metric=d), (a * d) @ a.T, rtol=1e-12)
    arrays = np.array([1.0, 2.0, 3.0, 4.0])
    each = np.repeat(arrays, [24, 6, 18, 3])
    np.testing.assert_allclose(xt.pntk(net, x, metric=arrays), (a * each) @ a.T, rtol=1e-12)
    with pytest.raises(xt.ShapeError, match="5 numbers for a network of 51 trainable elements in 4 arrays"):
        xt.pntk(net, x, metric=np.ones(5))


def test_float32_is_computed_in_float32(perceptron, x):
    net = perceptron.network()
    exact, single = xt.pntk(net, x), xt.pntk(net, x, dtype="float32")
    difference = abs(exact - single).max() / abs(exact).max()
    assert 0 < difference < 1e-5
    assert (xt.pntk(net, x, dtype=np.float32) == single).all()
    with pytest.raises(xt.OptionError, match="float16"):
        xt.pntk(net, x, dtype="float16")


def test_threads_do_not_change_bits(perceptron, x):
    net = perceptron.network()
    assert (xt.entk(net, x, threads=1) == xt.entk(net, x, threads=2)).all()


def test_layer_kernels_sum_to_the_kernel(perceptron, x, x_new):
    net = perceptron.network()
    layers = xt.layer_kernels(net, x)
    assert list(layers) == ["0", "2"]
    np.testing.assert_allclose(sum(layers.values()), xt.pntk(net, x), rtol=1e-12)
    np.testing.assert_allclose(layers["2"], perceptron.pntk(x, parts=("2.weight", "2.bias")), rtol=1e-12)
    assert list(xt.layer_kernels(net, x, group="parameter")) == list(perceptron.weights)
    mine = xt.layer_kernels(net, x, x_new, group=lambda name: "biases" if name.endswith("bias") else "weights")
    np.testing.assert_allclose(mine["biases"], perceptron.pntk(x, x_new, parts=("0.bias", "2.bias")), rtol=1e-12)
    with pytest.raises(xt.OptionError, match="module, parameter"):
        xt.layer_kernels(net, x, group="layer")
    with pytest.raises(ZeroDivisionError):
        xt.layer_kernels(net, x, group=lambda name: 1 / 0)


def test_plan_prints_and_is_a_dict(perceptron, x, x_new):
    plan = xt.plan(perceptron.network(), x, readout="full", memory="1G")
    assert plan["rows"] == plan["columns"] == 12 and plan["outputs"] == 3 and plan["probes"] == 3
    assert plan["symmetric"] and plan["strategy"] == "structured" and plan["budget_bytes"] == 2**30
    assert plan["result_bytes"] == 8 * 36 * 36 and plan["flop"] == plan["sweep_flop"] + plan["contraction_flop"] > 0
    assert {term["parameter"] for term in plan["terms"]} == {"0.weight", "0.bias", "2.weight", "2.bias"}
    assert "strategy structured" in str(plan)
    assert isinstance(plan, dict) and repr(plan) == str(plan)
    two = xt.plan(perceptron.network(), x, x_new)
    assert (two["rows"], two["columns"], two["symmetric"]) == (12, 5, False)


def test_progress_is_told(perceptron, x):
    net = xt.network("mlp", sizes=[16, 512, 512, 10])
    told = []
    xt.entk(net, np.random.default_rng(0).normal(size=(200, 16)), progress=lambda *numbers: told.append(numbers))
    assert told and all(len(numbers) == 3 and 0 <= numbers[0] <= 1 for numbers in told)

    def fail(*numbers):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        xt.entk(net, np.random.default_rng(0).normal(size=(200, 16)), progress=fail)


def test_errors_have_the_words_of_the_library(perceptron, x):
    net = perceptron.network()
    with pytest.raises(xt.ShapeError, match=r"\(12, 3\)") as failure:
        xt.pntk(net, x[:, :3])
    assert isinstance(failure.value, (xt.Error, ValueError))
    broken = x.copy()
    broken[7, 2] = np.nan
    with pytest.raises(xt.NumericalError, match="example 7"):
        xt.pntk(net, broken)
    with pytest.raises(xt.BudgetError) as failure:
        xt.pntk(net, x, memory=100)
    assert isinstance(failure.value, MemoryError)
    with pytest.raises(xt.OptionError, match="4 apples"):
        xt.pntk(net, x, memory="4 apples")
    with pytest.raises(xt.OptionError, match="strategy 'fast'"):
        xt.pntk(net, x, strategy="fast")
    with pytest.raises(xt.OptionError, match="single:OUTPUT"):
        xt.kernel(net, x, readout="nothing")


def test_unknown_settings_are_refused(perceptron, x):
    net = perceptron.network()
    for call in (xt.pntk, xt.entk, xt.kernel, xt.layer_kernels, xt.plan):
        with pytest.raises(TypeError, match="memroy"):
            call(net, x, memroy="1G")


def test_arrays_of_other_kinds(perceptron, x):
    net, expected = perceptron.network(), perceptron.pntk(x)

    class WithDlpack:
        def __dlpack__(self, **kw):
            return x.__dlpack__(**kw)

        def __dlpack_device__(self):
            return x.__dlpack_device__()

    for given in (x.tolist(), np.asfortranarray(x), memoryview(x), WithDlpack(), x[::-1][::-1]):
        np.testing.assert_allclose(xt.pntk(net, given), expected, rtol=1e-12)
    x.flags.writeable = False
    np.testing.assert_allclose(xt.pntk(net, x), expected, rtol=1e-12)
    assert xt.pntk(net, x.astype(np.float32), dtype="float64").dtype == np.float64

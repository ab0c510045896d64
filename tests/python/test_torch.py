"""torch modules, against torch.func."""

import copy
import pickle

import numpy as np
import pytest

import xtangent as xt
from conftest import SOURCE

torch = pytest.importorskip("torch")


def small():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.5),
        torch.nn.AdaptiveAvgPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(16, 3),
    )


def jacobian(model, x):
    """(N, O, P) by torch.func, in the order of named_parameters."""
    model = copy.deepcopy(model).double().eval()
    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def outputs(parameters, one):
        return torch.func.functional_call(model, parameters, (one[None],))[0]

    found = torch.func.vmap(torch.func.jacrev(outputs), (None, 0))(parameters, x.double())
    return torch.cat([found[name].flatten(2) for name in parameters], 2).numpy()


@pytest.fixture
def images():
    torch.manual_seed(1)
    return torch.randn(6, 1, 8, 8)


def test_kernels_equal_those_of_torch_func(images):
    model, j = small().double(), jacobian(small(), images)
    theta = np.einsum("nop,mqp->nomq", j, j).reshape(18, 18)
    pntk = np.einsum("nop,mqp->nm", j, j) / 3
    x = images.double()
    for found, expected in ((xt.pntk(model, x), pntk), (xt.entk(model, x), theta)):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * abs(expected).max())
    found = xt.pntk(model, x[:2], x)
    np.testing.assert_allclose(found, pntk[:2], rtol=0, atol=1e-10 * abs(pntk).max())
    single = xt.pntk(small(), images)  # a module in float is computed in float
    assert 1e-12 < abs(single - pntk).max() / abs(pntk).max() < 2e-5
    np.testing.assert_allclose(xt.pntk(small(), images, dtype=torch.float64), pntk, rtol=1e-6)


def test_the_module_stays_as_it_is(images):
    model = small().train()
    model[3].eval()
    before = copy.deepcopy(model.state_dict())
    xt.network(model, images)
    assert model.training and not model[3].training and model[0].training
    assert all((before[name] == value).all() for name, value in model.state_dict().items())


def test_files_programs_and_weights(images, tmp_path):
    model = small().double().eval()
    x = images.double()
    expected = model(x).detach().numpy()
    program = torch.export.export(model, (x[:1],))
    torch.export.save(program, tmp_path / "net.pt2")
    nets = [xt.network(given, x) for given in (model, program, tmp_path / "net.pt2", str(tmp_path / "net.pt2"))]
    for net in nets:
        assert net.dtype == "float64" and net.inputs[0][1:] == ("float64", [1, 8, 8])
        np.testing.assert_allclose(net(x), expected, rtol=1e-12)
    torch.manual_seed(9)
    other = small().double().eval()
    other[0].weight.data.normal_()
    changed = nets[0].with_weights(other.state_dict())
    np.testing.assert_allclose(changed(x), other(x).detach().numpy(), rtol=1e-12)
    other.load_state_dict({name: torch.as_tensor(value) for name, value in nets[0].parameters.items()}, strict=False)
    np.testing.assert_allclose(other(x).detach().numpy(), expected, rtol=1e-12)
    pickles = [pickle.dumps(net) for net in (*nets, changed)]
    (tmp_path / "net.pt2").rename(tmp_path / "moved.pt2")
    for net, dumped in zip((*nets, changed), pickles, strict=True):
        again = pickle.loads(dumped)
        assert (again(x) == net(x)).all() and again.dtype == net.dtype


def test_refusals(images, tmp_path):
    with pytest.raises(xt.OptionError, match="Give examples"):
        xt.network(small())
    with pytest.raises(xt.OptionError, match="classes: only networks with names"):
        xt.network(small(), images, classes=3)
    (tmp_path / "bad.pt2").write_bytes(b"no archive")
    with pytest.raises(xt.DataError, match="bad.pt2"):
        xt.network(tmp_path / "bad.pt2")

    class Odd(torch.nn.Module):
        def forward(self, x):
            return torch.linalg.svd(x.flatten(1))[1]

    with pytest.raises(xt.DataError, match="Odd.*does not know"):
        xt.network(Odd(), images)


def test_several_inputs_and_tokens():
    class Classifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.head = torch.nn.Embedding(20, 5), torch.nn.Linear(5, 3)

        def forward(self, tokens, mask):
            return self.head((self.words(tokens) * mask[:, :, None]).sum(1))

    torch.manual_seed(0)
    model = Classifier().double()
    tokens, mask = torch.randint(0, 20, (4, 6)), torch.rand(4, 6, dtype=torch.float64)
    net = xt.network(model, (tokens, mask))
    np.testing.assert_allclose(net((tokens, mask)), model(tokens, mask).detach().numpy(), rtol=1e-12)
    rows = []
    for i in range(4):
        sums = torch.autograd.grad(model(tokens[i : i + 1], mask[i : i + 1]).sum(), list(model.parameters()))
        rows.append(torch.cat([g.flatten() for g in sums]))
    j = torch.stack(rows).numpy() / np.sqrt(3)
    np.testing.assert_allclose(xt.pntk(net, (tokens, mask)), j @ j.T, rtol=1e-10)


def test_tensors_of_all_kinds(images):
    net = xt.network(small().double(), images)
    x = images.double()
    expected = xt.pntk(net, x.numpy())
    assert (xt.pntk(net, x.clone().requires_grad_()) == expected).all()
    rounded = x.to(torch.bfloat16)
    assert (xt.pntk(net, rounded) == xt.pntk(net, rounded.double())).all()


def test_fixtures_of_the_library(tmp_path):
    file = SOURCE / "tests" / "fixtures" / "exported" / "tied.pt2"
    net = xt.network(file)
    again = pickle.loads(pickle.dumps(net))
    assert again.size == net.size and again.parameters.keys() == net.parameters.keys()

"""Peer: PyTorch's own recipe for tangent kernels (vmap of jacrev or grad, then einsum) on the reference workloads.

usage: torch_func.py WORKLOAD entk|pntk|loss N REPEAT [--inputs FILE | --compare FOLDER]
Prints one line of JSON. With --inputs it runs once, on the inputs in that .npy file. With --compare it takes inputs and
parameters from FOLDER, where bench --save has written them, computes in double, and prints the relative difference from the
kernel there.
"""
import math
import sys

import numpy
import torch
from torch.func import functional_call, grad, jacrev, vmap

import timing
from torch_networks import build


def kernel_of(net, kernel):
    """The function of the inputs that is timed."""
    params = {name: p.detach() for name, p in net.named_parameters()}
    buffers = {name: b.detach() for name, b in net.named_buffers()}

    def f(p, x):
        return functional_call(net, (p, buffers), (x.unsqueeze(0),)).squeeze(0)

    def entk(x):
        jacobians = vmap(jacrev(f), (None, 0))(params, x).values()
        return sum(torch.einsum('Naf,Mbf->NMab', j.flatten(2), j.flatten(2)) for j in jacobians)

    def mean_output(p, x):
        y = f(p, x)
        return y.sum() / math.sqrt(y.numel())

    def pntk(x):
        gradients = vmap(grad(mean_output), (None, 0))(params, x).values()
        return sum(g.flatten(1) @ g.flatten(1).T for g in gradients)

    def loss(p, x, y):
        return torch.nn.functional.cross_entropy(f(p, x), y)

    def loss_gram(x):
        labels = torch.arange(len(x)) % 10
        gradients = vmap(grad(loss), (None, 0, 0))(params, x, labels).values()
        return sum(g.flatten(1) @ g.flatten(1).T for g in gradients)

    return {'entk': entk, 'pntk': pntk, 'loss': loss_gram}[kernel]


def compare(net, kernel, folder):
    net = net.double()
    flat, at = numpy.load(folder + '/parameters.npy'), 0
    with torch.no_grad():
        for parameter in net.parameters():
            size = parameter.numel()
            parameter.copy_(torch.from_numpy(flat[at:at + size]).reshape(parameter.shape))
            at += size
    assert at == flat.size, (at, flat.size)
    k = kernel_of(net, kernel)(torch.from_numpy(numpy.load(folder + '/x.npy')).double())
    if kernel == 'entk':  # N M a b -> (N a, M b)
        k = k.permute(0, 2, 1, 3).reshape(k.shape[0] * k.shape[2], -1)
    ours = torch.from_numpy(numpy.load(folder + '/kernel.npy'))
    print(((ours - k).norm() / k.norm()).item())


def inputs(workload, n, shape):
    return torch.randint(1000, (n, *shape)).float() if workload == 'tied_gpt' else torch.randn(n, *shape)


def main():
    workload, kernel, n, repeat = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    torch.set_num_threads(timing.threads())
    torch.manual_seed(0)
    net, image = build(workload)
    net.eval()
    if sys.argv[5:6] == ['--compare']:
        compare(net, kernel, sys.argv[6])
        return
    x, run = inputs(workload, n, image), kernel_of(net, kernel)
    if sys.argv[5:6] == ['--inputs']:
        x = torch.from_numpy(numpy.load(sys.argv[6]))
        seconds, k = timing.once(lambda: run(x))
        timing.report('torch.func ' + torch.__version__.split('+')[0], workload, kernel, n, seconds, k.sum().item())
        return
    k = run(x)
    seconds = timing.best_seconds(lambda: run(x), repeat)
    timing.report('torch.func ' + torch.__version__.split('+')[0], workload, kernel, n, seconds, k.double().sum().item())


main()

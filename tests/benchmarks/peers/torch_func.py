"""Peer: PyTorch's own recipe for tangent kernels (vmap of jacrev or grad, then einsum) on the reference workloads.

usage: torch_func.py WORKLOAD entk|pntk N REPEAT [--compare FOLDER]
Prints one line of JSON. With --compare: takes inputs and parameters from FOLDER, as bench --save left them, computes
in double, and prints the relative difference to the kernel there.
"""
import math
import sys

import numpy
import torch
from torch import nn
from torch.func import functional_call, grad, jacrev, vmap

import timing


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        self.shortcut = nn.Sequential()
        if stride != 1 or i != o:
            self.shortcut = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        h = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(h)) + self.shortcut(x))


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64)
        blocks, channels = [], 64
        for factor, stride in ((1, 1), (2, 2), (4, 2), (8, 2)):
            blocks += [Block(channels, 64 * factor, stride), Block(64 * factor, 64 * factor, 1)]
            channels = 64 * factor
        self.layers, self.fc = nn.Sequential(*blocks), nn.Linear(channels, 10)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.fc(self.layers(x).mean((2, 3)))


def build(workload):
    if workload == 'mlp':
        return nn.Sequential(nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 1024),
                             nn.ReLU(), nn.Linear(1024, 10)), (784,)
    if workload == 'lenet':
        return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(),
                             nn.AvgPool2d(2), nn.Flatten(1), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84),
                             nn.Tanh(), nn.Linear(84, 10)), (1, 28, 28)
    if workload == 'cnn':
        return nn.Sequential(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3),
                             nn.Flatten(1), nn.Linear(21632, 10)), (3, 32, 32)
    if workload == 'resnet18':
        return ResNet18(), (3, 32, 32)
    raise SystemExit('torch_func.py: no workload ' + workload)


def kernel_of(net, kernel):
    """The function of inputs that is timed."""
    params = {name: p.detach() for name, p in net.named_parameters()}
    buffers = {name: b.detach() for name, b in net.named_buffers()}

    def f(p, x):
        return functional_call(net, (p, buffers), (x.unsqueeze(0),)).squeeze(0)

    def entk(x):
        jacobians = vmap(jacrev(f), (None, 0))(params, x).values()
        return sum(torch.einsum('Naf,Mbf->NMab', j.flatten(2), j.flatten(2)) for j in jacobians)

    def pntk(x):
        gradients = vmap(grad(lambda p, xi: f(p, xi).sum() / math.sqrt(10)), (None, 0))(params, x).values()
        return sum(g.flatten(1) @ g.flatten(1).T for g in gradients)

    return entk if kernel == 'entk' else pntk


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


def main():
    workload, kernel, n, repeat = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    torch.set_num_threads(timing.threads())
    torch.manual_seed(0)
    net, image = build(workload)
    net.eval()
    if sys.argv[5:6] == ['--compare']:
        compare(net, kernel, sys.argv[6])
        return
    x, run = torch.randn(n, *image), kernel_of(net, kernel)
    k = run(x)
    seconds = timing.best_seconds(lambda: run(x), repeat)
    timing.report('torch.func ' + torch.__version__.split('+')[0], workload, kernel, n, seconds, k.double().sum().item())


main()

"""Peer: PyTorch's recipe for tangent kernels (vmap of jacrev or grad) on the networks of the study.

usage: torch_study.py JOB REPEAT
JOB is JSON: network, width, depth, channels, size and outputs (see build), kernel (entk, pntk or trace), n images, and m: if it
is not 0 the kernel is that between m and n images. Prints one line of JSON.
"""
import json
import math
import sys

import torch
from torch import nn
from torch.func import functional_call, grad, jacrev, vmap

import timing
from resnets import COUNTS
from torch_networks import Block, Bottleneck, ResNet


class Preactivation(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(i), nn.Conv2d(i, o, 3, stride, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(o), nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(i, o, 1, stride, bias=False) if i != o else None

    def forward(self, x):
        active = torch.relu(self.bn1(x))
        h = self.conv2(torch.relu(self.bn2(self.conv1(active))))
        return h + (x if self.shortcut is None else self.shortcut(active))


class Mean(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


def wide_resnet(width, channels, outputs):
    """16 layers; `width` features before the last."""
    stem = 16 * width // 64 if width < 64 else 16
    layers, i = [nn.Conv2d(channels, stem, 3, 1, 1, bias=False)], stem
    for stage, o in enumerate((width // 4, width // 2, width)):
        for at in range(2):
            layers.append(Preactivation(i, o, 2 if stage and not at else 1))
            i = o
    return nn.Sequential(*layers, nn.BatchNorm2d(i), nn.ReLU(), Mean(), nn.Linear(i, outputs))


def build(job):
    width, channels, outputs = job['width'], job['channels'], job['outputs']
    if job['network'] == 'mlp':
        pixels = channels * job['size'] ** 2
        return nn.Sequential(nn.Flatten(), nn.Linear(pixels, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
                             nn.Linear(width, outputs))
    if job['network'] == 'convnet':
        return nn.Sequential(nn.Conv2d(channels, width // 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                             nn.Conv2d(width // 8, width // 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                             nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(width, outputs))
    if job['network'] == 'wide_resnet16':
        return wide_resnet(width, channels, outputs)
    block = Block if job['depth'] < 50 else Bottleneck
    return ResNet(block, COUNTS[job['depth']], width // (8 if block is Block else 32), channels, outputs)


def kernel_of(net, kernel):
    """A function of two sets of images."""
    params = {name: p.detach() for name, p in net.named_parameters()}
    buffers = {name: b.detach() for name, b in net.named_buffers()}

    def f(p, x):
        return functional_call(net, (p, buffers), (x.unsqueeze(0),)).squeeze(0)

    def mean_output(p, x):
        y = f(p, x)
        return y.sum() / math.sqrt(y.numel())

    def gradients(x):
        rows = vmap(grad(mean_output) if kernel == 'pntk' else jacrev(f), (None, 0))(params, x)
        return [j.flatten(1 if kernel == 'pntk' else 2) for j in rows.values()]

    product = {'pntk': 'Nf,Mf->NM', 'entk': 'Naf,Mbf->NMab', 'trace': 'Naf,Maf->NM'}[kernel]

    def run(x, y):
        a = gradients(x)
        b = a if y is x else gradients(y)
        return sum(torch.einsum(product, i, j) for i, j in zip(a, b))
    return run


def main():
    job, repeat = json.loads(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(timing.threads())
    torch.manual_seed(0)
    net = build(job).eval()
    x = torch.randn(job['n'], job['channels'], job['size'], job['size'])
    rows = torch.randn(job['m'], *x.shape[1:]) if job['m'] else x
    run = kernel_of(net, job['kernel'])
    seconds = timing.best_seconds(lambda: run(rows, x), repeat)
    timing.report('torch.func ' + torch.__version__.split('+')[0], job['network'], job['kernel'], job['n'], seconds, 0,
                  parameters=sum(p.numel() for p in net.parameters()))


main()

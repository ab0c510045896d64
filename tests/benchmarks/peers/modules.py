"""Kernels of torch modules from Python: xtangent's, with the export of the module, beside torch.func's of the same one.

usage: modules.py xtangent|exported|torch.func|compare WORKLOAD pntk|signs N REPEAT
Prints one line of JSON. Each call of xtangent is timed from the module to the kernel, so each exports it anew; with
`exported` the module is exported once, before. `signs` is the mean of the kernels of ten random signs of the outputs.
`compare` prints how far both kernels are apart (relative Frobenius), with the module in double.
"""
import sys

import numpy
import torch
import xtangent
from torch import nn
from torch.func import functional_call, vjp, vmap

import timing
from torch_networks import build
from torch_shared import Block


class Vit(nn.Module):
    """A vision transformer: patches of 4 x 4 pixels, six blocks with three heads."""

    def __init__(self, features=192, heads=3, blocks=6):
        super().__init__()
        self.patches = nn.Conv2d(3, features, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, features) * 0.02)
        self.positions = nn.Parameter(torch.randn(1, 65, features) * 0.02)
        self.blocks = nn.Sequential(*(Block(features, heads, 4 * features) for _ in range(blocks)))
        self.norm, self.head = nn.LayerNorm(features), nn.Linear(features, 10)

    def forward(self, x):
        h = self.patches(x).flatten(2).transpose(1, 2)
        h = torch.cat([self.token.expand(len(x), -1, -1), h], 1) + self.positions
        return self.head(self.norm(self.blocks(h))[:, 0])


class Gpt2(nn.Module):
    """The logits of the last token. As in GPT-2, the head is the embedding's transpose."""

    def __init__(self, words=1000, features=256, heads=8, blocks=4, length=64):
        super().__init__()
        self.words, self.positions = nn.Embedding(words, features), nn.Embedding(length, features)
        self.blocks = nn.Sequential(*(Block(features, heads, 4 * features, True) for _ in range(blocks)))
        self.norm, self.head = nn.LayerNorm(features), nn.Linear(features, words, bias=False)
        self.head.weight = self.words.weight
        nn.init.normal_(self.words.weight, std=0.02)

    def forward(self, tokens):
        h = self.words(tokens) + self.positions(torch.arange(tokens.shape[1]))
        return self.head(self.norm(self.blocks(h))[:, -1])


def images(n):
    return torch.randn(n, 3, 32, 32)


WORKLOADS = {'py_resnet18': (lambda: build('resnet18')[0], images), 'py_vit': (Vit, images),
             'py_gpt2': (Gpt2, lambda n: torch.randint(1000, (n, 64)))}


def columns_of(kernel, outputs):
    """The columns (O, K) whose kernels are averaged."""
    if kernel == 'pntk':
        return torch.full((outputs, 1), outputs ** -0.5)
    signs = torch.randint(2, (outputs, 10), generator=torch.Generator().manual_seed(1)) * 2.0 - 1.0
    return signs / outputs ** 0.5


def ours(net, x, kernel):
    return xtangent.kernel(net, x, readout='pseudo' if kernel == 'pntk' else 'signs:1x10')


def of_torch_func(net, x, columns):
    params = {name: p.detach() for name, p in net.named_parameters()}
    buffers = {name: b.detach() for name, b in net.named_buffers()}

    def gradients(one, column):
        _, pull = vjp(lambda p: functional_call(net, (p, buffers), (one.unsqueeze(0),)).squeeze(0), params)
        return pull(column)[0]

    total = 0
    for column in columns.T:  # all columns at once would take ten times the memory
        found = vmap(gradients, (0, None))(x, column)
        total = total + sum(g.flatten(1) @ g.flatten(1).T for g in found.values())
    return total / columns.shape[1]


def compare(net, x, columns):
    net, columns = net.double(), columns.double()
    x = x.double() if x.is_floating_point() else x
    expected, (n, k) = of_torch_func(net, x, columns).numpy(), (len(x), columns.shape[1])
    blocks = xtangent.kernel(net, x, readout=xtangent.readout.custom(columns.numpy())).reshape(n, k, n, k)
    return numpy.linalg.norm(numpy.einsum('nkmk->nm', blocks) / k - expected) / numpy.linalg.norm(expected)


def main():
    program, workload, kernel, n, repeat = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    torch.set_num_threads(timing.threads())
    torch.manual_seed(0)
    make, draw = WORKLOADS[workload]
    net, x = make().eval(), draw(n)
    columns = columns_of(kernel, net(x[:1]).shape[1])
    if program == 'compare':
        print(compare(net, x, columns))
        return
    model = xtangent.network(net, x) if program == 'exported' else net
    run = (lambda: of_torch_func(net, x, columns)) if program == 'torch.func' else lambda: ours(model, x, kernel)
    name = {'xtangent': 'xtangent, from a module', 'exported': 'xtangent, exported before',
            'torch.func': 'torch.func ' + torch.__version__.split('+')[0]}[program]
    k = numpy.asarray(run())
    seconds = timing.best_seconds(run, repeat)
    timing.report(name, workload, kernel, n, seconds, float(k.astype(float).sum()))


main()

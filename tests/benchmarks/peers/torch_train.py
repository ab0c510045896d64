"""Peer: PyTorch's training step (forward, cross-entropy, backward, SGD with momentum) on the reference workloads.

usage: torch_train.py WORKLOAD train BATCH REPEAT STEPS
Prints one line of JSON: seconds of a step, the best mean over epochs of STEPS batches.
"""
import sys

import torch
from torch.nn import functional

import timing
from torch_networks import build


def main():
    workload, batch, repeat, steps = sys.argv[1], *map(int, sys.argv[3:6])
    torch.set_num_threads(timing.threads())
    torch.manual_seed(0)
    net, image = build(workload)
    net.train()
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)
    x, labels = torch.randn(batch * steps, *image), torch.arange(batch * steps) % 10

    def epoch():
        for at in range(0, len(x), batch):
            optimizer.zero_grad()
            loss = functional.cross_entropy(net(x[at:at + batch]), labels[at:at + batch])
            loss.backward()
            optimizer.step()
        return loss.item()

    epoch()
    seconds = timing.best_seconds(epoch, repeat) / steps
    timing.report('PyTorch ' + torch.__version__.split('+')[0], workload, 'train', batch, seconds, epoch(),
                  images_per_second=batch / seconds)


main()

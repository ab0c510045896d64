"""The reference workloads as PyTorch modules."""
import torch
from torch import nn

from torch_shared import SHARED


def shortcut(i, o, stride):
    if stride == 1 and i == o:
        return nn.Sequential()
    return nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        self.shortcut = shortcut(i, o, stride)

    def forward(self, x):
        h = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(h)) + self.shortcut(x))


class Bottleneck(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        inner = o // 4
        self.conv1, self.bn1 = nn.Conv2d(i, inner, 1, bias=False), nn.BatchNorm2d(inner)
        self.conv2, self.bn2 = nn.Conv2d(inner, inner, 3, stride, 1, bias=False), nn.BatchNorm2d(inner)
        self.conv3, self.bn3 = nn.Conv2d(inner, o, 1, bias=False), nn.BatchNorm2d(o)
        self.shortcut = shortcut(i, o, stride)

    def forward(self, x):
        h = torch.relu(self.bn1(self.conv1(x)))
        h = torch.relu(self.bn2(self.conv2(h)))
        return torch.relu(self.bn3(self.conv3(h)) + self.shortcut(x))


class ResNet(nn.Module):
    """With the stem for small images: `counts` blocks in each stage, whose first has `width` channels within its blocks."""

    def __init__(self, block, counts, width=64, channels=3, outputs=10):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        blocks, i = [], width
        for stage, count in enumerate(counts):
            o = (width << stage) * (4 if block is Bottleneck else 1)
            for at in range(count):
                blocks.append(block(i, o, 2 if stage and not at else 1))
                i = o
        self.layers, self.fc = nn.Sequential(*blocks), nn.Linear(i, outputs)

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
        return ResNet(Block, (2, 2, 2, 2)), (3, 32, 32)
    if workload in SHARED:
        network, shape = SHARED[workload]
        return network(), shape
    raise SystemExit('no workload ' + workload)

"""Layers, residual networks and setup of JAX, for the peers in neural-tangents."""
import math
import os

os.environ.setdefault('JAX_PLATFORMS', 'cpu')
os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'

import jax
import neural_tangents
import numpy
from jax import lax

IMPLEMENTATIONS = {1: 'Jacobian contraction', 2: 'NTK-vector products', 3: 'structured'}
random = numpy.random.default_rng(0)
relu = jax.nn.relu


def dense(i, o):
    return random.standard_normal((i, o), dtype=numpy.float32) / math.sqrt(i), numpy.zeros(o, numpy.float32)


def kernel(k, i, o):
    return random.standard_normal((k, k, i, o), dtype=numpy.float32) / math.sqrt(k * k * i)


def conv(x, w, stride=1, padding='VALID'):
    if isinstance(padding, int):
        padding = [(padding, padding)] * 2
    return lax.conv_general_dilated(x, w, (stride, stride), padding, dimension_numbers=('NHWC', 'HWIO', 'NHWC'))


def linear(x, p):
    return x @ p[0] + p[1]


def norm(c):
    return numpy.ones(c, numpy.float32), numpy.zeros(c, numpy.float32)


def evaluate(x, p):
    return x * (p[0] / math.sqrt(1 + 1e-5)) + p[1]


def residual(i, o, stride, bottleneck):
    """A block's parameters, and the function of them and of x (N, H, W, i)."""
    inner = o // 4
    sizes = [(1, i, inner), (3, inner, inner), (1, inner, o)] if bottleneck else [(3, i, o), (3, o, o)]
    params = {'convs': [kernel(*size) for size in sizes], 'norms': [norm(size[2]) for size in sizes]}
    strides = [1, stride, 1] if bottleneck else [stride, 1]
    if stride != 1 or i != o:
        params['shortcut'], params['shortcut_norm'] = kernel(1, i, o), norm(o)

    def f(p, x):
        h = x
        for at, (w, n) in enumerate(zip(p['convs'], p['norms'])):
            h = evaluate(conv(h, w, strides[at], sizes[at][0] // 2), n)
            h = relu(h) if at + 1 < len(sizes) else h
        if 'shortcut' in p:
            x = evaluate(conv(x, p['shortcut'], stride), p['shortcut_norm'])
        return relu(h + x)
    return params, f


def resnet(counts, width=64, channels=3, outputs=10, bottleneck=False):
    """The function and the parameters of a residual network with the stem for small images."""
    params, blocks, i = {'conv': kernel(3, channels, width), 'norm': norm(width), 'blocks': []}, [], width
    for stage, count in enumerate(counts):
        o = (width << stage) * (4 if bottleneck else 1)
        for at in range(count):
            block = residual(i, o, 2 if stage and not at else 1, bottleneck)
            params['blocks'].append(block[0])
            blocks.append(block[1])
            i = o
    params['fc'] = dense(i, outputs)

    def f(p, x):
        x = relu(evaluate(conv(x, p['conv'], padding=1), p['norm']))
        for block, of_block in zip(blocks, p['blocks']):
            x = block(of_block, x)
        return linear(x.mean((1, 2)), p['fc'])
    return f, params

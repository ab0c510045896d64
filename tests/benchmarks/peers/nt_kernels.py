"""Peer: neural-tangents (JAX) on the reference workloads.

usage: nt_kernels.py WORKLOAD entk|pntk N REPEAT IMPLEMENTATION [--inputs FILE]
IMPLEMENTATION: 1 Jacobian contraction, 2 NTK-vector products, 3 structured derivatives.
Prints one line of JSON; the time of compilation is given separately and does not count. With --inputs it runs once, on
the inputs (N, channels, height, width) in that .npy file, in blocks of BLOCK examples as batch() of that library does; then the
time of compilation, a few seconds, counts.
"""
import math
import os
import sys
import time

os.environ.setdefault('JAX_PLATFORMS', 'cpu')
os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'

import jax
import jax.numpy as jnp
import neural_tangents
import numpy
from jax import lax

import timing

BLOCK = {'lenet': {'pntk': 500, 'entk': 125}, 'resnet18': {'pntk': 25, 'entk': 5}}  # these divide the numbers of images
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


def mlp():
    def f(p, x):
        for layer in p[:-1]:
            x = relu(linear(x, layer))
        return linear(x, p[-1])
    return f, [dense(784, 1024), dense(1024, 1024), dense(1024, 1024), dense(1024, 10)], (784,)


def lenet():
    def pool(x):
        return lax.reduce_window(x, 0., lax.add, (1, 2, 2, 1), (1, 2, 2, 1), 'VALID') / 4

    def f(p, x):
        x = pool(jnp.tanh(conv(x, p[0][0], padding=2) + p[0][1]))
        x = pool(jnp.tanh(conv(x, p[1][0]) + p[1][1])).reshape(x.shape[0], -1)
        return linear(jnp.tanh(linear(jnp.tanh(linear(x, p[2])), p[3])), p[4])
    zeros = numpy.zeros(16, numpy.float32)
    return f, [(kernel(5, 1, 6), zeros[:6]), (kernel(5, 6, 16), zeros), dense(400, 120), dense(120, 84),
               dense(84, 10)], (28, 28, 1)


def cnn():
    def f(p, x):
        for i, (w, b) in enumerate(p[:3]):
            x = conv(x, w) + b
            x = relu(x) if i < 2 else x
        return linear(x.reshape(x.shape[0], -1), p[3])
    zeros = numpy.zeros(32, numpy.float32)
    return f, [(kernel(3, 3, 32), zeros), (kernel(3, 32, 32), zeros), (kernel(3, 32, 32), zeros),
               dense(21632, 10)], (32, 32, 3)


def resnet18():
    def norm(c):
        return numpy.ones(c, numpy.float32), numpy.zeros(c, numpy.float32)

    def evaluate(x, p):
        return x * (p[0] / math.sqrt(1 + 1e-5)) + p[1]

    params, strides, i = {'conv': kernel(3, 3, 64), 'norm': norm(64), 'blocks': [], 'fc': dense(512, 10)}, [], 64
    for factor, first in ((1, 1), (2, 2), (4, 2), (8, 2)):
        for stride in (first, 1):
            o = 64 * factor
            block = {'conv1': kernel(3, i, o), 'norm1': norm(o), 'conv2': kernel(3, o, o), 'norm2': norm(o)}
            if stride != 1 or i != o:
                block['shortcut'], block['shortcut_norm'] = kernel(1, i, o), norm(o)
            params['blocks'].append(block)
            strides.append(stride)
            i = o

    def f(p, x):
        x = relu(evaluate(conv(x, p['conv'], padding=1), p['norm']))
        for block, stride in zip(p['blocks'], strides):
            h = relu(evaluate(conv(x, block['conv1'], stride, 1), block['norm1']))
            h = evaluate(conv(h, block['conv2'], padding=1), block['norm2'])
            if 'shortcut' in block:
                x = evaluate(conv(x, block['shortcut'], stride), block['shortcut_norm'])
            x = relu(h + x)
        return linear(x.mean((1, 2)), p['fc'])
    return f, params, (32, 32, 3)


def main():
    workload, readout, n, repeat, implementation = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
    f, params, image = {'mlp': mlp, 'lenet': lenet, 'cnn': cnn, 'resnet18': resnet18}[workload]()
    params = jax.tree_util.tree_map(jnp.asarray, params)
    x = jnp.asarray(random.standard_normal((n, *image), dtype=numpy.float32))
    g = f if readout == 'entk' else lambda p, x: f(p, x).sum(-1, keepdims=True) / math.sqrt(10)
    ntk = neural_tangents.empirical_ntk_fn(g, trace_axes=(), vmap_axes=0, implementation=implementation)
    name = f'neural-tangents {neural_tangents.__version__} {IMPLEMENTATIONS[implementation]}'
    if sys.argv[6:7] == ['--inputs']:
        images = jnp.asarray(numpy.load(sys.argv[7]).transpose(0, 2, 3, 1))
        batched = neural_tangents.batch(ntk, BLOCK[workload][readout], device_count=0)
        seconds, k = timing.once(lambda: jax.block_until_ready(batched(images, None, params)))
        timing.report(name, workload, readout, n, seconds, float(numpy.asarray(k).sum(dtype=numpy.float64)))
        return
    run = jax.jit(lambda x, p: ntk(x, None, p))
    start = time.perf_counter()
    k = run(x, params).block_until_ready()
    first = time.perf_counter() - start
    seconds = timing.best_seconds(lambda: run(x, params).block_until_ready(), repeat)
    timing.report(name, workload, readout, n, seconds, float(numpy.asarray(k, numpy.float64).sum()), first_call_seconds=first)


main()

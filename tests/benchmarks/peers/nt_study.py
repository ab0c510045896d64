"""Peer: neural-tangents (JAX) on the networks of the study.

usage: nt_study.py JOB REPEAT IMPLEMENTATION
JOB as in torch_study.py, IMPLEMENTATION as in nt_kernels.py. Prints one line of JSON; the time of compilation is given
separately and does not count.
"""
import json
import math
import sys
import time

import timing
from nt_layers import (IMPLEMENTATIONS, conv, dense, evaluate, jax, kernel, lax, linear, neural_tangents, norm, numpy, random,
                       relu, resnet)
from resnets import COUNTS

jnp = jax.numpy


def mlp(width, pixels, outputs):
    def f(p, x):
        x = x.reshape(x.shape[0], -1)
        for layer in p[:-1]:
            x = relu(linear(x, layer))
        return linear(x, p[-1])
    return f, [dense(pixels, width), dense(width, width), dense(width, outputs)]


def convnet(width, channels, outputs):
    def pool(x, function, start, size):
        return lax.reduce_window(x, start, function, (1, size, size, 1), (1, size, size, 1), 'VALID')

    def means(x):
        """Over a grid of 2 x 2, whose cells overlap by one pixel where the size is odd."""
        half = (x.shape[1] + 1) // 2
        low, high = slice(0, half), slice(x.shape[1] - half, None)
        cells = [x[:, rows, columns].mean((1, 2)) for rows in (low, high) for columns in (low, high)]
        return jnp.stack(cells, -1).reshape(x.shape[0], -1)

    def f(p, x):
        for w, b in p[:-1]:
            x = pool(relu(conv(x, w, padding=1) + b), lax.max, -jnp.inf, 2)
        return linear(means(x), p[-1])
    zeros = numpy.zeros(width // 4, numpy.float32)
    return f, [(kernel(3, channels, width // 8), zeros[:width // 8]), (kernel(3, width // 8, width // 4), zeros),
               dense(width, outputs)]


def wide_resnet(width, channels, outputs):
    i = 16 * width // 64 if width < 64 else 16
    params, strides = {'conv': kernel(3, channels, i), 'blocks': []}, []
    for stage, o in enumerate((width // 4, width // 2, width)):
        for at in range(2):
            block = {'norm1': norm(i), 'conv1': kernel(3, i, o), 'norm2': norm(o), 'conv2': kernel(3, o, o)}
            if i != o:
                block['shortcut'] = kernel(1, i, o)
            params['blocks'].append(block)
            strides.append(2 if stage and not at else 1)
            i = o
    params['norm'], params['fc'] = norm(i), dense(i, outputs)

    def f(p, x):
        x = conv(x, p['conv'], padding=1)
        for block, stride in zip(p['blocks'], strides):
            active = relu(evaluate(x, block['norm1']))
            h = conv(relu(evaluate(conv(active, block['conv1'], stride, 1), block['norm2'])), block['conv2'], padding=1)
            x = h + (conv(active, block['shortcut'], stride) if 'shortcut' in block else x)
        return linear(relu(evaluate(x, p['norm'])).mean((1, 2)), p['fc'])
    return f, params


def build(job):
    width, channels, outputs = job['width'], job['channels'], job['outputs']
    if job['network'] == 'mlp':
        return mlp(width, channels * job['size'] ** 2, outputs)
    if job['network'] == 'convnet':
        return convnet(width, channels, outputs)
    if job['network'] == 'wide_resnet16':
        return wide_resnet(width, channels, outputs)
    bottleneck = job['depth'] >= 50
    return resnet(COUNTS[job['depth']], width // (32 if bottleneck else 8), channels, outputs, bottleneck)


def main():
    job, repeat, implementation = json.loads(sys.argv[1]), *map(int, sys.argv[2:4])
    f, params = build(job)
    count = sum(p.size for p in jax.tree_util.tree_leaves(params))
    params = jax.tree_util.tree_map(jnp.asarray, params)

    def images(n):
        return jnp.asarray(random.standard_normal((n, job['size'], job['size'], job['channels']), dtype=numpy.float32))

    x, rows = images(job['n']), images(job['m']) if job['m'] else None
    g = f
    if job['kernel'] == 'pntk':
        def g(p, x):
            return f(p, x).sum(-1, keepdims=True) / math.sqrt(job['outputs'])
    ntk = neural_tangents.empirical_ntk_fn(g, trace_axes=(-1,) if job['kernel'] == 'trace' else (), vmap_axes=0,
                                           implementation=implementation)
    run = jax.jit(lambda a, b, p: ntk(a, b, p))
    start = time.perf_counter()
    run(*((rows, x) if job['m'] else (x, None)), params).block_until_ready()
    first = time.perf_counter() - start
    seconds = timing.best_seconds(lambda: run(*((rows, x) if job['m'] else (x, None)), params).block_until_ready(), repeat)
    timing.report(f'neural-tangents {neural_tangents.__version__} {IMPLEMENTATIONS[implementation]}', job['network'],
                  job['kernel'], job['n'], seconds, 0, parameters=count, first_call_seconds=first)


main()

"""Peer: neural-tangents (JAX) on the reference workloads.

usage: nt_kernels.py WORKLOAD entk|pntk N REPEAT IMPLEMENTATION [--inputs FILE]
IMPLEMENTATION: 1 Jacobian contraction, 2 NTK-vector products, 3 structured derivatives.
Prints one line of JSON; the time of compilation is given separately and does not count. With --inputs it runs once, on
the inputs (N, channels, height, width) in that .npy file, in blocks of BLOCK examples as batch() of that library does; then the
time of compilation, a few seconds, counts.
"""
import math
import sys
import time

import timing
from nt_layers import IMPLEMENTATIONS, conv, dense, jax, kernel, lax, linear, neural_tangents, numpy, random, relu, resnet

jnp = jax.numpy
BLOCK = {'lenet': {'pntk': 500, 'entk': 125}, 'resnet18': {'pntk': 25, 'entk': 5}}  # these divide the numbers of images


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
    return *resnet((2, 2, 2, 2)), (32, 32, 3)


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

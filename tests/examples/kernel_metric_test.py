"""Trains a network by Adam, and computes its kernel with the optimizer's steps as a metric: from the checkpoint, from a
NumPy file of the same numbers, and from gradients that this script computes itself.

usage: kernel_metric_test.py KERNEL TRAIN
"""
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

from programs import check, finish, read_floats, read_npy, write_idx, write_npy

kernel, train = map(os.path.abspath, sys.argv[1:])
N, CLASSES = 6, 10


def run(program, *options):
    return subprocess.run([program, *map(str, options)], capture_output=True, text=True, timeout=300)


def images(folder):
    """The first images as the program scales them: by the mean and the deviation of all training pixels."""
    pixels = [p / 255 for p in (folder / "train-images-idx3-ubyte").read_bytes()[16:]]
    mean = sum(pixels) / len(pixels)
    deviation = math.sqrt(sum((p - mean) ** 2 for p in pixels) / len(pixels))
    return [[(p - mean) / deviation for p in pixels[784 * n:784 * (n + 1)]] for n in range(N)]


def linear(w, b, x):
    return [sum(w[len(x) * o + i] * x[i] for i in range(len(x))) + b[o] for o in range(len(b))]


def gradient(net, x):
    """The gradient of the sum of the outputs over sqrt(CLASSES), in the order of the parameters."""
    inputs, layers = [x], ("0", "2", "4")
    for layer in layers:
        y = linear(net[layer + ".weight"], net[layer + ".bias"], inputs[-1])
        inputs.append([max(v, 0.0) for v in y])
    out, bar = [], [1 / math.sqrt(CLASSES)] * CLASSES
    for at in (2, 1, 0):
        w, below = net[layers[at] + ".weight"], inputs[at]
        out = [b * v for b in bar for v in below] + bar + out
        bar = [sum(bar[o] * w[len(below) * o + i] for o in range(len(bar))) * (below[i] > 0)
               for i in range(len(below))]
    return out


with tempfile.TemporaryDirectory() as folder:
    here = pathlib.Path(folder)
    write_idx(here / "mnist", 60)
    done = run(train, "mnist", "--data", here, "--network", "mlp", "--width", 0.02, "--optimizer", "adam",
               "--epochs", 2, "--out", here / "trained")
    check(done.returncode == 0, f"training: {done.stderr}")
    checkpoint, weights = here / "trained" / "checkpoint.safetensors", here / "trained" / "weights.safetensors"
    metadata, state = read_floats(checkpoint)
    steps, second = json.loads(metadata["training"])["steps"], state["optimizer/second"]
    check(steps >= 2, f"{steps} steps")
    metric = [1 / (math.sqrt(v / (1 - 0.999 ** steps)) + 1e-8) for v in second]
    write_npy(here / "D.npy", metric)

    net = read_floats(weights)[1]
    rows = [gradient(net, x) for x in images(here / "mnist")]
    check(len(rows[0]) == len(metric), f"{len(rows[0])} parameters and {len(metric)} moments")
    expected = [sum(d * a * b for d, a, b in zip(metric, g, h)) for g in rows for h in rows]
    plain = [sum(a * b for a, b in zip(g, h)) for g in rows for h in rows]

    usual = ["--network", "mlp", "--width", 0.02, "--data", here / "mnist", "--n", N, "--double", "--weights", weights]
    for name, options, wanted in (("plain", [], plain), ("numbers", ["--metric", here / "D.npy"], expected),
                                  ("checkpoint", ["--metric", checkpoint], expected)):
        done = run(kernel, *usual, *options, "--out", here / f"{name}.npy")
        check(done.returncode == 0, f"{name}: {done.stderr}")
        shape, values = read_npy(here / f"{name}.npy")
        scale = max(map(abs, wanted))
        check(shape == (N, N) and all(abs(a - b) < 1e-9 * scale for a, b in zip(values, wanted)),
              f"{name}: the kernel differs by {max(abs(a - b) for a, b in zip(values, wanted)) / scale}")
    done = run(kernel, "--network", "mlp", "--width", 0.03, "--data", here / "mnist", "--n", N, "--metric", checkpoint,
               "--out", here / "none.npy")
    check(done.returncode == 1 and "Take the network that was trained" in done.stderr, f"another network: {done.stderr}")
    done = run(kernel, *usual, "--metric", weights, "--out", here / "none.npy")
    check(done.returncode == 1 and "is no checkpoint" in done.stderr, f"weights alone: {done.stderr}")
    write_npy(here / "short.npy", metric[:3])
    done = run(kernel, *usual, "--metric", here / "short.npy", "--out", here / "none.npy")
    check(done.returncode == 1 and f"[kernel] --metric {here / 'short.npy'}: [metric] 3 numbers for a network of "
          f"{len(metric)} trainable" in done.stderr, f"three numbers: {done.stderr}")

finish()

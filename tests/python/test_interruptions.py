"""Ctrl-C, stores, and other threads of Python meanwhile."""

import os
import pickle
import signal
import threading
import time

import numpy as np
import pytest

import xtangent as xt

LONG = np.random.default_rng(0).normal(size=(400, 64))


def wide():
    return xt.network("mlp", sizes=[64, 256, 256, 10])


def test_a_store_is_continued_to_the_same_bits(tmp_path):
    net, settings = wide(), {"readout": "full", "tile": 50}
    whole = xt.kernel(net, LONG, **settings)

    def stop(fraction, seconds, left):
        if fraction > 0.3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        xt.kernel(net, LONG, store=tmp_path / "k", progress=stop, **settings)
    part = xt.StoredKernel(tmp_path / "k")
    assert not part.complete and 0 < part.finished < part.tiles and f"{part.finished} of {part.tiles}" in repr(part)
    with pytest.raises(xt.DataError, match="only .* tiles are finished"):
        np.asarray(part)
    done = xt.kernel(net, LONG, store=tmp_path / "k", **settings)
    assert isinstance(done, xt.StoredKernel) and done.complete and done.shape == whole.shape == (4000, 4000)
    assert (np.asarray(done) == whole).all()
    assert (done[7] == whole[7]).all() and (done[-1] == whole[-1]).all() and (done[90:110] == whole[90:110]).all()
    assert (done.rows(3, 5) == whole[3:5]).all() and len(done) == 4000
    done.save(tmp_path / "k.npy")
    assert (np.load(tmp_path / "k.npy", mmap_mode="r") == whole).all()
    assert (np.asarray(pickle.loads(pickle.dumps(done))) == whole).all()
    with pytest.raises(xt.OptionError):
        xt.kernel(net, LONG[:300], store=tmp_path / "k", **settings)
    with pytest.raises(xt.ShapeError):
        done.rows(0, 5000)


def test_stores_of_layers_and_planes(perceptron, x, tmp_path):
    net = perceptron.network()
    layers = xt.layer_kernels(net, x, store=tmp_path / "layers")
    for name, expected in xt.layer_kernels(net, x).items():
        assert (np.asarray(layers[name]) == expected).all()
    planes = xt.kernel(net, x, readout="diagonal", store=tmp_path / "planes")
    assert planes.shape == (3, 12, 12)
    assert (planes[1] == xt.kernel(net, x, readout="diagonal")[1]).all()
    assert (planes.rows(2, 4, plane=2) == planes[2][2:4]).all()


def interrupted_after(seconds, call):
    """Seconds until `call` raises KeyboardInterrupt, after a signal of the operating system."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    start = time.monotonic()
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            call()
    finally:
        timer.cancel()
    return time.monotonic() - start


def test_ctrl_c_without_a_bar(tmp_path):
    net, x = xt.network("mlp", sizes=[64, 1024, 1024, 10]), np.random.default_rng(0).normal(size=(2000, 64))
    assert interrupted_after(0.5, lambda: xt.entk(net, x, tile=50, store=tmp_path / "k")) < 30
    assert not xt.StoredKernel(tmp_path / "k").complete  # the signal was noticed before the end


def test_ctrl_c_in_solve():
    y = np.random.default_rng(1).normal(size=(400, 10))
    call = {"tolerance": 1e-15, "max_iterations": 10**9, "preconditioner": "none", "partial": True}
    assert interrupted_after(0.5, lambda: xt.solve(wide(), LONG, y, **call)) < 30


def test_ctrl_c_in_training_leaves_a_checkpoint(tmp_path):
    labels = np.arange(400) % 10
    call = {"epochs": 100000, "checkpoint": tmp_path / "part", "seed": 3}
    assert interrupted_after(0.5, lambda: xt.train(wide(), LONG, labels, **call)) < 30
    assert (tmp_path / "part").exists()


def test_training_goes_on_to_the_same_bits(tmp_path):
    labels = np.arange(400) % 10
    net, call = wide(), {"epochs": 30, "seed": 3}
    whole = xt.train(net, LONG, labels, **call).network
    told = []

    def stop(fraction, left, loss, accuracy):
        told.append(fraction)
        raise InterruptedError("enough")

    with pytest.raises(InterruptedError, match="enough"):
        xt.train(net, LONG, labels, checkpoint=tmp_path / "c", progress=stop, **call)
    assert told and told[0] < 1
    again = xt.train(net, LONG, labels, checkpoint=tmp_path / "c", resume=True, **call)
    assert len(again.history) == 30
    for name, value in whole.parameters.items():
        assert (again.network.parameters[name] == value).all()


def test_other_threads_run_meanwhile():
    done, ticks = threading.Event(), 0

    def compute():
        xt.entk(wide(), LONG)
        done.set()

    worker = threading.Thread(target=compute)
    worker.start()
    while not done.is_set():
        time.sleep(0.001)
        ticks += 1
    worker.join()
    assert ticks > 5  # with the interpreter's lock held there would be one or two

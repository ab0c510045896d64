"""What all programs do when a signal ends them or standard output cannot be written.

usage: signals_test.py QUICKSTART KERNEL TRAIN DISTILL
"""
import errno
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import tempfile
import time

from programs import check, finish, interrupted, write_cifar, write_digits, write_idx

quickstart, kernel, train, distill = programs = [os.path.abspath(program) for program in sys.argv[1:]]
SIGNALS = (signal.SIGINT, 130), (signal.SIGTERM, 143)


def words(*command):
    return [str(word) for word in command]


def run(*command, **more):
    return subprocess.run(words(*command), capture_output=True, text=True, timeout=300, **more)


def while_loading(here, data):
    """Images that never come: a pipe that nobody writes. Every program ends at once, and leaves nothing."""
    (here / "pipes").mkdir()
    for file in (data / "mnist").iterdir():
        os.mkfifo(here / "pipes" / file.name)
    pipe, out = here / "pipes" / "train-images-idx3-ubyte", here / "nothing"
    for command in ([quickstart, "--data", pipe.parent, "--out", out], [kernel, "--data", pipe.parent, "--out", out / "K.npy"],
                    [train, "mnist", "--data", pipe.parent, "--out", out], [distill, "mnist", "--data", pipe.parent, "--out", out]):
        for number, status in SIGNALS:
            ends = []

            def is_read():
                try:
                    ends.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
                except OSError as error:
                    check(error.errno == errno.ENXIO, f"the pipe: {error}")
                return bool(ends)

            before = time.time()
            process = interrupted(words(*command), is_read, number)
            name = f"{pathlib.Path(command[0]).name}, {status}, while loading"
            check(process.running and process.status == status, f"{name}: {process}")
            check(process.seconds < 1.5, f"{name}: ends after {process.seconds:.1f} s of {time.time() - before:.1f} s")
            check("Interrupted: " in process.errors and not out.exists(), f"{name}: {process}")
            for end in ends:
                os.close(end)


def training(here, data):
    """Leaves a checkpoint wherever it is, and says how to go on; the result is that of a run without signals."""
    usual = ["cifar10", "--network", "resnet18", "--width", 0.125, "--epochs", 3, "--batch-size", 4, "--metrics-steps", 1,
             "--data", data]
    whole, cut = here / "whole", here / "cut in 'pieces'"
    done = run(train, *usual, "--out", whole)
    check(done.returncode == 0, f"an uninterrupted training: {done.stderr}")

    def lines():
        file = cut / "metrics.jsonl"
        return file.read_text().count("\n") if file.exists() else 0

    command = words(train, *usual, "--out", cut)
    for number, status in SIGNALS * 2:
        before = lines()
        process = interrupted(command, lambda: lines() > before + 3, number)
        check(process.running and process.status == status, f"training, {status}: {process}")
        check("Interrupted: the checkpoint is in" in process.errors and "Traceback" not in process.errors, f"{process}")
        command = shlex.split(process.errors.strip().split("\n")[-1])
        check(command == words(train, *usual, "--out", cut, "--resume"), f"the command to go on: {command}")
        check((cut / "checkpoint.safetensors").exists() and not list(cut.glob("*.part-*")), f"files: {os.listdir(cut)}")
        check(lines() > before, "nothing that was done is lost")
    done = run(*command)
    check(done.returncode == 0, f"the end of it: {done.stderr}")
    check((cut / "weights.safetensors").read_bytes() == (whole / "weights.safetensors").read_bytes(), "the same weights")


def others(here, data):
    """Programs with nothing to go on from say so; kernels with a store go on."""
    for number, status in SIGNALS:
        out = here / f"distill{status}"
        process = interrupted(words(distill, "--data", data, "--steps", 100000, "--out", out), out.exists, number)
        check(process.running and process.status == status and process.seconds < 1.5, f"distill: {process}")
        check(f"To begin again:\n  {distill} --data" in process.errors, f"distill: {process}")
        check(not list(out.iterdir()), f"distill leaves {os.listdir(out)}")

        out = here / f"quickstart{status}"
        process = interrupted(words(quickstart, "--digits", data / "digits.csv.gz", "--widths", "64,512,1024", "--n", 40, "--out", out),
                              lambda: list(out.glob("kernels/*.npy")), number)
        check(process.running and process.status == status and process.seconds < 3, f"quickstart: {process}")
        check("To begin again:" in process.errors and not (out / "report.html").exists(), f"quickstart: {process}")
        check(not list(out.rglob("*.part-*")), "quickstart leaves half a file")

        store = here / f"store{status}"
        process = interrupted(words(kernel, "--data", data / "cifar10", "--network", "resnet18", "--width", 0.125, "--n", 100,
                                    "--memory", "64M", "--out", here / "K.npy", "--store", store),
                              lambda: list(store.glob("train/tile-*.npy")), number)
        check(process.running and process.status == status, f"kernel: {process}")
        check("Interrupted: finished tiles are in" in process.errors, f"kernel: {process}")


def streams(here, data):
    """Nothing that is printed gets into a file, and what is lost is an error."""
    small = ["mnist", "--data", data, "--network", "mlp", "--width", 0.05]
    closed = here / "closed"
    done = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *words(train, *small, "--epochs", 2, "--out", closed)])
    check(done.returncode == 0, f"without streams: {done.returncode}")
    kinds = [json.loads(line)["kind"] for line in (closed / "metrics.jsonl").read_text().splitlines()]
    check(kinds.count("epoch") == 2, f"the metrics and nothing else: {kinds}")
    full = {"stdout": open("/dev/full", "w"), "stderr": subprocess.PIPE, "text": True, "timeout": 300}
    digits = data / "digits.csv.gz"
    for command in ([train, *small, "--epochs", 1, "--out", here / "full"], [kernel, "--data", data / "mnist", "--n", 5, "--out", here / "full.npy"],
                    [distill, "--data", data, "--steps", 1, "--width", 8, "--draws", 1, "--out", here / "full"],
                    [quickstart, "--digits", digits, "--widths", 8, "--n", 20, "--epochs", 1, "--out", here / "full"],
                    *([program, "--help"] for program in programs)):
        done = subprocess.run(words(*command), **full)
        check(done.returncode == 1 and "standard output could not be written" in done.stderr,
              f"a full disk, {command}: {done.returncode} {done.stderr}")


with tempfile.TemporaryDirectory() as temporary:
    here = pathlib.Path(temporary)
    write_idx(here / "data" / "mnist", 200)
    write_cifar(here / "data" / "cifar10", 20)
    write_digits(here / "data" / "digits.csv.gz", 400)
    for part in while_loading, training, others, streams:
        part(here, here / "data")
finish()

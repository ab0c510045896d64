"""Runs the distillation program on made-up images, and with wrong options.

usage: distill_test.py PROGRAM
"""
import pathlib
import re
import subprocess
import sys
import tempfile

import programs
from programs import check, write_idx

program = sys.argv[1]


def run(*options):
    return subprocess.run([program, *map(str, options)], capture_output=True, text=True, timeout=300)


def accuracies(text):
    return [float(v) for v in re.findall(r"(?:images|as)\s+([\d.]+) %", text)]


with tempfile.TemporaryDirectory() as folder:
    here = pathlib.Path(folder)
    write_idx(here / "mnist", 400, bright=60, noise=175)  # hard to see
    small = ["--data", here, "--width", 32, "--batch", 80, "--draws", 3]
    done = run(*small, "--steps", 80, "--out", here / "a")
    check(done.returncode == 0, done.stderr)
    found = accuracies(done.stdout)
    check(len(found) == 3, done.stdout)
    distilled, first, real = found
    check(distilled > first + 10 and distilled > real + 10, f"distilled images are no better: {found}")
    for name in ("images.svg", "loss.svg", "images.npy"):
        check((here / "a" / name).stat().st_size > 1000, f"{name} is missing")
    check((here / "a/images.npy").read_bytes()[:6] == b"\x93NUMPY", "images.npy is no array")

    # The same seed gives the same images, also on one thread.
    again = run(*small, "--steps", 80, "--out", here / "b", "--threads", 1)
    check((here / "a/images.npy").read_bytes() == (here / "b/images.npy").read_bytes(), "threads change the images")

    # Without steps the images do not change.
    none = run(*small, "--steps", 0, "--out", here / "c")
    check(none.returncode == 0, none.stderr)
    found = accuracies(none.stdout)
    check(found[0] == found[1], f"images changed without steps: {found}")

    lenet = run("--data", here, "--network", "lenet", "--steps", 3, "--batch", 20, "--draws", 1, "--out", here / "d")
    check(lenet.returncode == 0, lenet.stderr)

    for options, words in (
            (["cifar10", "--data", here], "was found in none of"),
            (["nothing", "--data", here], "no data set 'nothing'"),
            (["--data", here / "absent"], "MNIST was found in none of"),
            ([*small, "--network", "vgg", "--out", here / "e"], "no network 'vgg'"),
            ([*small, "--ridge", 0, "--out", here / "e"], "ridge and rate must be positive"),
            (["--data", here, "--batch", 0, "--out", here / "e"], "must be at least 1")):
        wrong = run(*options)
        check(wrong.returncode == 1 and words in wrong.stderr, f"{options}: {wrong.returncode} {wrong.stderr}")

sys.exit(programs.failures > 0)

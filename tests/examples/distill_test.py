"""Runs the distillation program on made-up images, and with wrong options.

usage: distill_test.py PROGRAM
"""
import pathlib
import re
import subprocess
import sys
import tempfile

from programs import check, finish, write_digits, write_idx

program = sys.argv[1]


def run(*options):
    return subprocess.run([program, *map(str, options)], capture_output=True, text=True, timeout=300)


def accuracies(text):
    return [float(v) for v in re.findall(r"(?:images|as)\s+([\d.]+) %", text)]


with tempfile.TemporaryDirectory() as folder:
    here = pathlib.Path(folder)
    write_idx(here / "mnist", 400, bright=60, noise=175)  # hard to see
    small = ["mnist", "--data", here, "--width", 32, "--batch-size", 80, "--draws", 3]
    done = run(*small, "--steps", 80, "--out", here / "a")
    check(done.returncode == 0 and "warning" not in done.stderr, done.stderr[:500])
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
    check("the loss" not in none.stdout and not (here / "c" / "loss.svg").exists(), f"a loss of no steps: {none.stdout}")
    for draws in 0, 1:
        few = run(*small[:-1], draws, "--steps", 0, "--out", here / "c").stdout
        check("±" not in few and ("random real images" in few) == (draws == 1), f"{draws} draws: {few}")

    lenet = run("mnist", "--data", here, "--network", "lenet", "--steps", 3, "--batch-size", 20, "--draws", 1, "--out", here / "d")
    check(lenet.returncode == 0, lenet.stderr)

    # The default: the digits.
    digits = here / "digits"
    digits.mkdir()
    write_digits(digits / "digits.csv.gz", 400)
    done = run("--data", digits, "--width", 32, "--steps", 60, "--batch-size", 80, "--draws", 3, "--out", here / "f")
    check(done.returncode == 0 and "UCI's handwritten digits" in done.stdout, done.stderr)
    check(len(accuracies(done.stdout)) == 3, done.stdout)

    (here / "file").write_text("x")
    (here / "taken" / "loss.svg").mkdir(parents=True)
    for options, words in (
            ([*small, "--out", here / "file"], "cannot be made a folder"),
            ([*small, "--out", here / "taken"], "loss.svg: is a folder"),
            ([*small, "--out", ""], "--out: must not be empty"),
            ([*small, "--out", here / ("x" * 300)], "File name too long"),
            (["cifar10", "--data", here], "CIFAR-10 was not found in"),
            (["nothing", "--data", here], "no data set 'nothing'"),
            (["mnist", "--data", here / "absent"], "MNIST was not found in"),
            (["--data", here / "absent"], "digits was not found in"),
            ([*small, "--network", "vgg", "--out", here / "e"], "no network 'vgg'"),
            ([*small, "--network", "lenet", "--out", here / "e"], "--width: is for the mlp"),
            ([*small, "--ridge", 0, "--out", here / "e"], "--ridge: must be positive, not 0"),
            ([*small, "--learning-rate", -1, "--out", here / "e"], "--learning-rate: must be positive, not -1"),
            ([*small, "--thread", 1], "did you mean --threads?"),
            ([*small, "--threads", 9999], "--threads: must be at most"),
            ([*small, "--steps", -5], "--steps: must be positive or 0, not -5"),
            ([*small, "--steps", "010"], "--steps: must not begin with 0, as 010 does"),
            ([*small, "--test", 0], "--test: must be positive, not 0"),
            (["--data", digits, "--network", "lenet", "--out", here / "e"], "lenet takes images of 28 x 28"),
            (["mnist", "--data", here, "--batch", 0, "--out", here / "e"], "--batch: must be positive, not 0")):
        wrong = run(*options)
        check(wrong.returncode == 1 and words in wrong.stderr, f"{options}: {wrong.returncode} {wrong.stderr}")

finish()

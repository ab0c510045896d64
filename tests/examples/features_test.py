"""Writes features of small networks on made-up images with the features program, interrupts it and goes on, compares
them with the kernel program's kernels, and runs it with wrong options.

usage: features_test.py FEATURES KERNEL
"""
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

from programs import check, finish, interrupted, read_rows, write_idx, write_npy

features, kernel = map(os.path.abspath, sys.argv[1:])


def command(*options):
    return [features, *map(str, options)]


def run(*options):
    return subprocess.run(command(*options), capture_output=True, text=True, timeout=300)


def rows_in(folder):
    """The rows of all parts of a folder, in order."""
    out = []
    for file in sorted(folder.glob("features-*.npy")):
        out += read_rows(file)[1]
    return out


def gram(a, b):
    return [[sum(v * w for v, w in zip(x, y)) for y in b] for x in a]


def distance(a, b):
    """Relative, in the Frobenius norm."""
    both = [(v, w) for x, y in zip(a, b) for v, w in zip(x, y)]
    return (sum((v - w) ** 2 for v, w in both) / sum(w * w for _, w in both)) ** 0.5


def exact(here, *options):
    file = here / "exact" / "K.npy"
    done = subprocess.run([kernel, *map(str, options), "--out", str(file)], capture_output=True, text=True, timeout=300)
    check(done.returncode == 0, f"kernel: {done.stderr}")
    return [read_rows(name)[1] for name in (file, file.with_name("K_test.npy"))]


def numbers(here, usual):
    for readout in ("pseudo", "margin"):
        network = [*usual, "--n", 9, "--test", 4, "--readout", readout]
        k, k_test = exact(here, *network)
        errors = []
        for count in (50, 800, 100000):
            done = run(*network, "--k", count, "--part", 4, "--out", here / f"{readout}{count}")
            check(done.returncode == 0, f"{count}: {done.stderr}")
            train, test = (rows_in(here / f"{readout}{count}" / part) for part in ("train", "test"))
            check(len(train) == 9 and len(test) == 4 and len(train[0]) == count, f"rows of {count} numbers")
            errors.append((distance(gram(train, train), k), distance(gram(test, train), k_test)))
        check(errors[0][0] > errors[1][0] > 1e-6 and errors[0][1] > 1e-3, f"errors fall: {errors}")
        check(max(errors[2]) < 1e-12, f"with more numbers than parameters there is no error: {errors}")
        done = run(*network, "--k", 50, "--anchors", 9, "--out", here / f"{readout}anchors")
        check(done.returncode == 0 and "and the anchors" in done.stdout, f"anchors: {done.stdout}{done.stderr}")
        train, test = (rows_in(here / f"{readout}anchors" / part) for part in ("train", "test"))
        check(len(train[0]) == 59 and distance(gram(train, train), k) < 1e-8, "all examples as anchors")
        check(distance(gram(test, train), k_test) < 1e-8, "test examples beside anchors")


def of_tokens(here):
    write_npy(here / "ids.npy", [(7 * i) % 11 for i in range(60)], (12, 5), whole=True)
    write_npy(here / "labels.npy", [i % 3 for i in range(12)], whole=True)
    network = ["--network", "text", "--width", 0.05, "--inputs", here / "ids.npy", "--labels", here / "labels.npy", "--double",
               "--readout", "loss", "--parameters", "!*.bias"]
    done = subprocess.run([kernel, *map(str, network), "--out", str(here / "tokens.npy")], capture_output=True, text=True,
                          timeout=300)
    check(done.returncode == 0, f"kernel of tokens: {done.stderr}")
    k = read_rows(here / "tokens.npy")[1]
    done = run(*network, "--k", 20000, "--out", here / "tokens")
    check(done.returncode == 0 and "12 x 20000" in done.stdout, f"features of tokens: {done.stdout}{done.stderr}")
    rows = rows_in(here / "tokens" / "train")
    check(distance(gram(rows, rows), k) < 1e-12, "features of tokens")


def going_on(here, usual):
    network = [*usual, "--n", 40, "--part", 2]
    options = [*network, "--k", 2000]
    done = run(*options, "--out", here / "whole")
    check(done.returncode == 0 and "20 files" in done.stdout, f"{done.stdout}{done.stderr}")
    whole = rows_in(here / "whole" / "train")
    out = here / "stopped"
    stopped = interrupted(command(*options, "--out", out), lambda: len(list(out.glob("train/features-*.npy"))) > 3)
    if stopped.running:
        check(stopped.status == 130 and "To go on" in stopped.errors, f"{stopped}")
    done = run(*options, "--out", out)
    check(done.returncode == 0 and rows_in(out / "train") == whole, f"the same numbers: {done.stderr}")
    # A damaged file is made again.
    file = sorted(out.glob("train/features-*.npy"))[3]
    data = bytearray(file.read_bytes())
    data[-5] ^= 1
    file.write_bytes(data)
    done = run(*options, "--out", out)
    check(done.returncode == 0 and rows_in(out / "train") == whole, "a damaged file is made again")
    done = run(*network, "--k", 1000, "--out", out)
    check(done.returncode == 1 and "k (2000 then, 1000 now)" in done.stderr, done.stderr)


def study(here, usual):
    out = here / "study"
    options = [option for option in usual if option != "--double"]
    done = run(*options, "--n", 60, "--test", 20, "--study", "100,400", "--repeats", 2, "--out", out, "--ridge", 0.01)
    check(done.returncode == 0, done.stderr)
    for text in ("60 + 20 examples", "k = 100", "k = 400", "pooled:", "trace:", "20 anchors:"):
        check(text in done.stdout, f"{text}: {done.stdout}")
    table = [line.split(",") for line in (out / "study.csv").read_text().splitlines()]
    # two numbers k, with four splits and 20 anchors for each of two seeds
    check(len(table) == 1 + 2 * (4 + 1) * 2, f"{len(table)} lines")
    errors = {tuple(row[:4]): float(row[4]) for row in table[1:]}
    seed = table[1][3]
    check(errors["400", "0", "pooled", seed] < errors["100", "0", "pooled", seed], "errors fall with k")
    check(errors["100", "20", "pooled", seed] < errors["100", "0", "pooled", seed], "anchors help")
    for name, anchors, split in ("trace", "0", "trace"), ("20 anchors", "20", "pooled"):
        values = [float(row[4]) for row in table[1:] if row[:3] == ["400", anchors, split]]
        found = re.search(rf"k = 400\n(?:    .*\n)*?    {name}: (\S+) ± ([^\s,]+), ", done.stdout)
        unit = 10 ** -len(found[1].split(".")[1]) if found else 0  # of the last digit
        check(found and abs(float(found[1]) - statistics.mean(values)) < 0.51 * unit < 0.006 * statistics.mean(values)
              and abs(float(found[2]) - statistics.stdev(values)) < 0.51 * unit, f"{name}: {values} in {done.stdout}")
    check("<svg" in (out / "study.svg").read_text(), "a figure")
    done = run(*options, "--n", 60, "--study", "100", "--out", out)
    check(done.returncode == 1 and "--test" in done.stderr, done.stderr)


def wrong(here, usual):
    write_npy(here / "rows.npy", [0.5] * 40, (10, 4))
    files = ["--network", "mlp", "--width", 0.01, "--inputs", here / "rows.npy", "--classes", 3, "--readout", "margin"]
    for options, text in [([*usual, "--n", 1000], "[features] --n 1000: "),
                          ([*usual, "--n", 20, "--test", 1000], "[features] --test 1000: "),
                          (["--network", "text"], "[features] text takes tokens"),
                          (files, "[features] --readout margin takes the labels"),
                          ([*files, "--n", 11], "[features] --n 11")]:
        done = run(*options, "--out", here / "wrong")
        check(done.returncode == 1 and text in done.stderr, f"{options}: {done.stdout}{done.stderr}")
    for options, text in [(["--k", 0], "--k"), (["--split", "half"], "pooled, equal, size, trace"),
                          (["--anchors", 30, "--n", 20], "30 anchors of 20"), (["--readout", "none"], "readout"),
                          (["--study", "100,x"], "--study"), (["--study", "100", "--k", 50], "excludes"),
                          (["--repeats", 2], "--study"), (["--readout", "diagonal", "--n", 20], "reduction none")]:
        done = run(*usual, *options, "--out", here / "wrong")
        check(done.returncode == 1 and text in done.stderr, f"{options}: {done.stdout}{done.stderr}")
        check(not list((here / "wrong").glob("*/*.npy")), f"{options} leave nothing")


with tempfile.TemporaryDirectory() as folder:
    top = pathlib.Path(folder)
    write_idx(top / "mnist", 100)
    usual = ["--data", top / "mnist", "--network", "mlp", "--width", 0.01, "--double"]
    numbers(top, usual)
    of_tokens(top)
    going_on(top, usual)
    study(top, usual)
    wrong(top, usual)
finish()

"""Runs the program that says how certain a network is on few images, and computes again what it says. And runs it with
wrong options.

usage: uncertainty_test.py PROGRAM
"""
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from programs import check, finish, images, mean_and_error, rows, write_idx, write_idx_files

program = sys.argv[1]
METHODS = "network", "temperature", "ensemble", "laplace last", "laplace pntk", "laplace entk", "laplace held out", \
    "process initial", "process trained"
UNDOUBTING = "network", "temperature"
LAPLACE = [m for m in METHODS if m.startswith("laplace")]


def run(*options):
    return subprocess.run([program, *map(str, options)], capture_output=True, text=True, timeout=300)


def area(negative, positive):
    return sum((a < b) + (a == b) / 2 for a in negative for b in positive) / len(negative) / len(positive)


def calibration(confidences, right):
    total = 0
    for bin_ in range(15):
        inside = [i for i, c in enumerate(confidences) if min(14, int(c * 15)) == bin_]
        if inside:
            total += abs(sum(confidences[i] - right[i] for i in inside))
    return total / len(right)


with tempfile.TemporaryDirectory() as folder:
    here = pathlib.Path(folder)
    data = here / "data"
    write_idx(data / "mnist", 60)
    # Fashion-MNIST's files have the same names; these images are noise.
    noise = images(50, 784, 7, bright=0, noise=235)
    write_idx_files(data / "fashion-mnist", 28, {"train": noise, "t10k": noise})
    fixed = ["mnist", "--other", "fashion", "--data", data, "--width", 0.1, "--n", 30, "--held-out", 20, "--test", 40]
    small = [*fixed, "--epochs", 8, "--batch-size", 10, "--ensemble", 3, "--seeds", 2]
    done = run(*small, "--out", here / "a")
    check(done.returncode == 0 and "warning" not in done.stderr, done.stderr[:500])
    table = {(row["seed"], row["method"]): row for row in rows(here / "a/uncertainty.csv")}
    check(sorted(table) == sorted((seed, m) for seed in "01" for m in METHODS), f"{list(table)}")
    verdicts = {}
    for row in rows(here / "a/verdicts.csv"):
        verdicts.setdefault((row["seed"], row["method"], row["set"]), []).append(row)
    for (seed, method), row in table.items():
        test, other = verdicts[seed, method, "test"], verdicts[seed, method, "other"]
        check(len(test) == 40 and len(other) == 40, f"{seed} {method}: {len(test)} and {len(other)} images")
        confidences = [float(v["confidence"]) for v in test]
        right = [int(v["right"]) for v in test]
        check(all(0.1 - 1e-9 <= c <= 1 + 1e-9 for c in confidences), f"{seed} {method}: no probabilities")
        # A probability that is largest and right is the confidence.
        for v in test:
            p = math.exp(-float(v["nll"]))
            check(abs(p - float(v["confidence"])) < 1e-9 if v["right"] == "1" else p <= float(v["confidence"]), f"{v}")
        found = {"accuracy": sum(right) / 40, "nll": sum(float(v["nll"]) for v in test) / 40,
                 "calibration": calibration(confidences, right),
                 "auroc": area([-c for c in confidences], [-float(v["confidence"]) for v in other])}
        if method not in UNDOUBTING:
            found["auroc_uncertainty"] = area([float(v["uncertainty"]) for v in test], [float(v["uncertainty"]) for v in other])
        for name, value in found.items():
            check(abs(float(row[name]) - value) < 1e-9, f"{seed} {method}, {name}: {row[name]}, expected {value}")
        check((row["auroc_uncertainty"] == "") == (method in UNDOUBTING), f"{seed} {method}: {row}")
        check((float(row["variance"]) > 0) == (method in LAPLACE or method.startswith("process")), f"{method}: {row}")
        # Doubt in the outputs flattens the network's probabilities and leaves the largest one the largest.
        if method in LAPLACE:
            for v, plain in zip(test + other, verdicts[seed, "network", "test"] + verdicts[seed, "network", "other"]):
                check(float(v["confidence"]) <= float(plain["confidence"]) + 1e-9 and float(v["uncertainty"]) > 0, f"{v}")
    check(float(table["0", "network"]["accuracy"]) > 0.5, f"the network learns nothing: {table['0', 'network']}")

    variances = rows(here / "a/variances.csv")
    for method in LAPLACE[:-1]:
        tried = [row for row in variances if row["method"] == method]
        best = max(tried, key=lambda row: float(row["log_evidence"]))
        check(len(tried) == 17 and best["variance"] == table["0", method]["variance"],
              f"{method}: {best} is likelier than the variance that was chosen")
        check(abs(float(best["nll"]) - float(table["0", method]["nll"])) < 1e-9, f"{method}: {best}")

    said = re.search(r"log-likelihood of the trained network is ([\d.]+) ± ([\d.]+)\. That of an ensemble of 3 is ([\d.]+)",
                     done.stdout)
    check(said is not None, done.stdout)
    nll = {m: mean_and_error([float(table[seed, m]["nll"]) for seed in "01"]) for m in METHODS}
    for value, expected in zip(said.groups(), [*nll["network"], nll["ensemble"][0]]):
        check(abs(float(value) - expected) < 0.00051, f"{value} said, {expected} found")
    report = (here / "a/report.html").read_text()
    check(report.count("<svg") == 1 and (here / "a" / "uncertainty.svg").stat().st_size > 5000, "the figure")
    for text in ("AISTATS 2021", "--other fashion", "Laplace, eNTK"):
        check(text in report, f"the report does not say '{text}'")

    # One thread judges alike; other images of no class are the shuffled ones.
    run(*small, "--out", here / "b", "--threads", 1)
    for row, again in zip(rows(here / "a/verdicts.csv"), rows(here / "b/verdicts.csv"), strict=True):
        for name in ("confidence", "uncertainty", "nll"):  # LAPACK's eigenvalues differ by rounding
            a, b = float(row[name] or 0), float(again[name] or 0)
            check(abs(a - b) <= 1e-5 * max(abs(a), 1e-6), f"threads change the result: {row}, {again}")
    shuffled = run("mnist", "--data", data, "--n", 20, "--held-out", 10, "--test", 10, "--epochs", 1, "--seeds", 1, "--ensemble", 1,
                   "--out", here / "c")
    check(shuffled.returncode == 0 and "10 test images with shuffled pixels" in shuffled.stdout, shuffled.stderr)

    few = ["mnist", "--data", data, "--held-out", 20]
    for options, words in (
            ([*few, "--n", 30, "--network", "vgg"], "no network 'vgg'"),
            ([*few, "--n", 30, "--other", "nothing"], "no data set 'nothing'"),
            ([*few, "--n", 30, "--other", "mnist"], "--other mnist is the set itself"),
            ([*few, "--n", 50], "50 training images and 20 to hold out are more than the 60"),
            ([*fixed, "--ensemble", 0], "--ensemble: must be"),
            ([*fixed, "--decay", -1], "--decay: must"),
            ([*fixed, "--sead", 1], "did you mean --seed?")):
        wrong = run(*options, "--out", here / "d")
        check(wrong.returncode == 1 and words in wrong.stderr, f"{options}: {wrong.stderr}")
        check(not (here / "d").exists(), f"{options} left a folder")

    # Files of the same names are told apart by what is in them.
    published = pathlib.Path(os.environ.get("XTANGENT_DATA", "nowhere")) / "mnist"
    if list(published.glob("train-images-idx3-ubyte*")):
        wrong = run("mnist", "--other", "fashion", "--data", published, "--n", 30, "--held-out", 20, "--out", here / "d")
        check(wrong.returncode == 1 and "has MNIST, not Fashion-MNIST" in wrong.stderr, f"{wrong}")
    else:
        print("skipped: no MNIST in $XTANGENT_DATA")

finish()

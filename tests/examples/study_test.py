"""Runs the study on few images and small networks: its tables and report, that a second run measures nothing, that an
interrupted one goes on to the same rows, and that the report follows from the tables alone. Computes an exponent again.

usage: study_test.py PROGRAM
"""
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from programs import check, finish, interrupted, rows, write_digits

program = os.path.abspath(sys.argv[1])
SECONDS = "seconds", "seconds_entk", "seconds_pntk", "seconds_cross_entk", "seconds_cross_pntk"


def command(*options):
    return [program, *map(str, options)]


def run(*options, **more):
    return subprocess.run(command(*options), capture_output=True, text=True, timeout=300, **more)


def without_times(table):
    return [{name: value for name, value in row.items() if name not in SECONDS} for row in table]



def exponent(b):
    """As the report writes it."""
    return f"{b:.2f}".replace("-", "−") if f"{b:.2f}" != "-0.00" else "0.00"


def slope(points):
    """Of log y against log x, with its standard error."""
    logs = [(math.log(x), math.log(y)) for x, y in points]
    x0, y0 = (sum(values) / len(logs) for values in zip(*logs))
    xx = sum((x - x0) ** 2 for x, _ in logs)
    b = sum((x - x0) * (y - y0) for x, y in logs) / xx
    residual = sum((y - y0 - b * (x - x0)) ** 2 for x, y in logs)
    return b, math.sqrt(residual / (len(logs) - 2) / xx)


def width(out, networks, widths, seeds, n):
    table = rows(out / "width.csv")
    expected = {(network, str(w), str(s)) for network in networks for w in widths for s in seeds}
    check({(r["network"], r["width"], r["seed"]) for r in table} == expected and len(table) == len(expected),
          f"rows of {len(table)} units")
    for r in table:
        check(r["n"] == str(n) and 0 < float(r["frobenius"]) < 2, f"{r}")
        check(all(math.isfinite(float(v)) for k, v in r.items() if k not in ("data", "network")), f"numbers of {r}")
        check(float(r["diagonal"]) > float(r["off_diagonal"]) > 0, f"entries of {r}")
        check(0 < float(r["last_layer"]) < float(r["diagonal"]), f"parts of {r}")
        check(float(r["lambda_max_entk"]) > float(r["lambda_min_entk"]), f"eigenvalues of {r}")
    text = (out / "report.html").read_text(encoding="utf-8")
    points = [(float(r["width"]), float(r["frobenius"])) for r in table if r["network"] == "mlp"]
    b, error = slope(points)
    says = f"{exponent(b)} ± {error:.2f}"
    claim = re.search(r"The relative difference ‖Θ − K⊗I‖/‖Θ‖ falls .*?</p>", text)[0]
    check(f"fully connected, digits, exponent {says}" in claim, f"the slope {says} in: {claim}")

    # One row and column of a block, and what a pNTK is: the mean of all entries of a block times the outputs.
    blocks = [r for r in rows(out / "blocks.csv") if r["width"] == str(widths[-1])]
    order = max(int(r["row"]) for r in blocks) + 1
    outputs = order // 3
    check(len(blocks) == order * order and order % 3 == 0, f"{len(blocks)} entries")
    entk = {(int(r["row"]), int(r["column"])): float(r["entk"]) for r in blocks}
    pntk = {(int(r["row"]), int(r["column"])): float(r["pntk"]) for r in blocks}
    for i, j in (0, 0), (0, 1), (2, 1):
        mean = sum(entk[i * outputs + a, j * outputs + b] for a in range(outputs) for b in range(outputs)) / outputs
        check(abs(mean - pntk[i * outputs, j * outputs]) < 1e-4 * pntk[0, 0], f"pNTK({i}, {j})")
        check(pntk[i * outputs, j * outputs + 1] == 0, "K ⊗ I is 0 there")
    return text


def regression(out, data):
    done = run("--data", data, "--networks", "mlp", "--widths", "8,16,32", "--n", 12, "--seeds", 2, "--part", "regression",
               "--out", out)
    check(done.returncode == 0 and not done.stderr, f"{done}"[:900])
    table = rows(out / "regression.csv")
    check(len(table) == 3 * 2 * 4, f"{len(table)} rows of regressions")
    networks = rows(out / "networks.csv")
    check(len(networks) == 3 * 2 and all(0 <= float(r["accuracy"]) <= 1 for r in networks), f"networks {networks}")
    check(all(float(r["train_accuracy"]) > 0.9 for r in networks if r["width"] == "32"), f"trained: {networks}")
    for r in table:
        check(all(0 <= float(r[k]) <= 1 for k in ("accuracy_entk", "accuracy_pntk", "same_class")), f"shares of {r}")
        used = float(r["ridge_used"])
        check(used == float(r["ridge"]) or r["ridge"] == "0" and 0.9e-6 < used < 1.1e-3, f"ridge of {r}")
        check(math.isfinite(float(r["difference"])) and float(r["difference"]) > 0, f"difference of {r}")
        check(float(r["seconds_entk"]) > 0 and float(r["seconds_pntk"]) > 0, f"seconds of {r}")
    for ridge in {r["ridge"] for r in table}:
        points = [(float(r["width"]), float(r["difference"])) for r in table if r["ridge"] == ridge]
        b, error = slope(points)
        text = (out / "report.html").read_text(encoding="utf-8")
        check(f"{exponent(b)} ± {error:.2f}" in text, f"the slope {b} ± {error} of ridge {ridge}")
    check("With a ridge the source claims nothing" in text, "the ridges beside none")
    page(text)


def training(out, data):
    small = "--data", data, "--networks", "mlp", "--widths", "8,16,32", "--n", 12, "--seeds", 1, "--part", "training,readouts", \
        "--out", out
    done = run(*small)
    check(done.returncode == 0 and not done.stderr, f"{done}"[:900])
    table = rows(out / "training.csv")
    check(len(table) == 3 * 9 and {r["epoch"] for r in table} >= {"0", "1", "128"}, f"{len(table)} rows of trainings")
    for width in "8", "16", "32":
        stops = [r for r in table if r["width"] == width]
        check(float(stops[-1]["loss"]) < 0.5 * float(stops[0]["loss"]), f"it learns: {stops}")
        check(all(float(r["difference"]) > 0 and 0 <= float(r[k]) <= 1 for r in stops
                  for k in ("accuracy_entk", "accuracy_pntk", "accuracy_network")), f"predictions of {stops}")
        # Each ridge changes what both predict. Kernels that are singular get one without being asked.
        for r in stops:
            found = [float(r[f"difference{ridge}"]) for ridge in ("", "_0.001", "_0.01", "_0.1")]
            different = found if float(r["ridge_used"]) == 0 else found[1:]
            check(min(found) > 0 and len(set(different)) == len(different), f"ridges of {r}")
            check(float(r["seconds_cross_entk"]) > 0 and float(r["seconds_cross_pntk"]) > 0, f"seconds of {r}")
        first = [r for r in rows(out / "width.csv") if r["width"] == width and r["seed"] == "1" and r["network"] == "mlp"]
        check(first[0]["frobenius"] == stops[0]["frobenius"], "epoch 0 is the network of the part width")

    table = rows(out / "readouts.csv")
    check(len(table) == 2 * 4 * 5, f"{len(table)} rows of readouts")
    by = {(r["decay"], r["epoch"], r["readout"]): r for r in table}
    for r in by.values():
        check(all(math.isfinite(float(v)) for k, v in r.items() if k not in ("data", "network", "readout")), f"numbers of {r}")
        check(float(r["seconds"]) > 0 and float(r["seconds_entk"]) > 0, f"seconds of {r}")
        if r["readout"] == "trace":
            check(float(r["share"]) == float(r["share_below"]) == 1 and float(r["trace_difference"]) == 0, f"trace: {r}")
        trace = by[r["decay"], r["epoch"], "trace"]
        # K (x) I is closest to the eNTK where K is the trace.
        if r["readout"] != "head-aware":
            check(float(r["frobenius"]) >= float(trace["frobenius"]) - 1e-9, f"{r} against {trace}")
    # The sum of the head's rows has no gradient and decays.
    with_decay, without = (float(by[decay, "20", "sum"]["share_below"]) for decay in ("0.005", "0"))
    check(with_decay < without, f"the share of the sum is {with_decay} with weight decay and {without} without")
    text = (out / "report.html").read_text(encoding="utf-8")
    check("Guidance, fully connected" in text and "Along training" in text, "sections of training and readouts")
    ends = [r for r in rows(out / "training.csv") if r["epoch"] == "128"]
    for column in "frobenius", "diagonal", "difference_0.1":
        b, error = slope([(float(r["width"]), float(r[column])) for r in ends])
        check(f"{exponent(b)} ± {error:.2f}" in text, f"the slope {b} ± {error} of {column} at the end of training")
    check("With a ridge the source claims nothing.</b> At the end of training" in text, "ridges after training")
    page(text)
    done = run(*small)
    check("training" in done.stdout and "%" not in done.stdout, done.stdout)


def cost(out, data):
    done = run("--data", data, "--n", 2, "--part", "cost", "--out", out)
    check(done.returncode == 0 and not done.stderr, f"{done}"[:900])
    table = rows(out / "cost.csv")
    series = {name: [r for r in table if r["series"] == name] for name in ("outputs", "images", "depth")}
    check([len(found) for found in series.values()] == [5, 5, 5], f"series of {len(table)} rows")
    check([r["depth"] for r in series["depth"]] == ["18", "34", "50", "101", "152"], "depths")
    check(all(float(r[k]) > 0 for r in table for k in r if k.startswith(("seconds", "bytes", "parameters"))), "costs")
    # The kernel itself is N O by N O doubles, all of which are held.
    check(all(float(r["bytes_entk"]) >= 8 * (int(r["n"]) * int(r["outputs"])) ** 2 for r in table), "bytes of eNTKs")
    check(all(float(r["bytes_pntk"]) >= 8 * int(r["n"]) ** 2 for r in table), "bytes of pNTKs")
    # Most of a contraction are pairs of outputs.
    b, _ = slope([(float(r["outputs"]), float(r["contraction_flop_entk"])) for r in series["outputs"][2:]])
    check(1.5 < b < 2.1, f"contractions grow with the outputs by {b}")
    b, _ = slope([(float(r["outputs"]), float(r["sweep_flop_entk"])) for r in series["outputs"][2:]])
    check(0.8 < b < 1.1, f"sweeps grow with the outputs by {b}")
    text = (out / "report.html").read_text(encoding="utf-8")
    shares = re.search(r"By the clock, (-?[\d.]+) ± .*? and (-?[\d.]+) ± .*?; (-?[\d.]+) ± ", text)
    check(abs(sum(map(float, shares.groups())) - 100) < 0.2, f"parts of the time are all of it: {shares[0]}")
    page(text)


def residual(here):
    """All parts but the costs, of the residual networks, where only the handwritten digits are found."""
    done = run("--networks", "resnet18,wide_resnet16", "--widths", "8,16", "--n", 4, "--seeds", 1, "--part",
               "width,regression,training,readouts", "--out", here / "residual",
               env={**os.environ, "XTANGENT_DATA": str(here)}, cwd=here)
    check(done.returncode == 0 and not done.stderr, f"{done}"[:900])
    for name, count in ("width", 4), ("regression", 16), ("training", 4 * 7), ("networks", 4):
        table = rows(here / "residual" / f"{name}.csv")
        check(len(table) == count and {r["data"] for r in table} == {"digits"}, f"{len(table)} rows of {name}")
        check({r["network"] for r in table} == {"resnet18", "wide_resnet16"}, f"networks of {name}")
    page((here / "residual" / "report.html").read_text(encoding="utf-8"))


def page(text):
    check(text.startswith("<!DOCTYPE html>") and text.endswith("</html>\n"), "a whole page")
    check("src=" not in text and "<script" not in text and "<link" not in text, "a page by itself")
    check(text.count("<svg") == text.count("</svg>") > 3, f"{text.count('<svg')} figures")
    check(not re.search(r"\bnan\b|\binf\b", text), "no number is missing")


with tempfile.TemporaryDirectory() as folder:
    here = pathlib.Path(folder)
    data, out = here / "digits", here / "a"
    data.mkdir()
    write_digits(data / "digits.csv.gz", 120)
    small = ["--data", data, "--networks", "mlp,convnet", "--widths", "8,16,32", "--n", 12, "--seeds", 2, "--part", "width"]

    done = run(*small, "--out", out, "--dry-run")
    check(done.returncode == 0 and "width" in done.stdout and not out.exists(), f"a plan alone: {done}")
    done = run(*small, "--out", out)
    check(done.returncode == 0 and not done.stderr, f"{done}"[:900])
    check("14 units, 0 done before" in done.stdout and f"Report: {out}/report.html" in done.stdout, done.stdout)
    if done.returncode == 0:
        text = width(out, ("mlp", "convnet"), (8, 16, 32), (1, 2), 12)
        page(text)

        # A second run measures nothing, and the report follows from the tables.
        before = {file.name: file.read_bytes() for file in out.iterdir()}
        done = run(*small, "--out", out)
        check("14 units, 14 done before" in done.stdout and "%" not in done.stdout, done.stdout)
        check({file.name: file.read_bytes() for file in out.iterdir()} == before, "nothing changes")
        (out / "report.html").unlink()
        done = run("--report", "--out", out)
        check(done.returncode == 0 and (out / "report.html").read_text(encoding="utf-8") == text, "the report anew")

        # Tables that lack some units: those alone are measured, and their numbers are the same again.
        cut = here / "cut"
        shutil.copytree(out, cut)
        lines = (cut / "width.csv").read_text().splitlines(keepends=True)
        (cut / "width.csv").write_text("".join(lines[:-5]))
        lines = (cut / "blocks.csv").read_text().splitlines(keepends=True)
        (cut / "blocks.csv").write_text("".join(lines[:-7]))  # part of a unit, which is measured again
        done = run(*small, "--out", cut)
        check("14 units, 8 done before" in done.stdout, done.stdout)
        for name in "width.csv", "blocks.csv":
            check(without_times(rows(cut / name)) == without_times(rows(out / name)), f"{name} again")

        # More seeds keep those that are there.
        done = run("--data", data, "--networks", "mlp", "--widths", "8,16,32", "--n", 12, "--seeds", 3, "--part", "width",
                   "--out", out)
        check("11 units, 8 done before" in done.stdout, done.stdout)

        regression(out, data)
        training(out, data)
        cost(out, data)
    residual(here)

    # Interrupted, it leaves what was measured, and the same command goes on.
    stopped = here / "stopped"
    many = [*small[:-4], "--seeds", 12, "--part", "width"]
    process = interrupted(command(*many, "--out", stopped),
                          lambda: (stopped / "width.csv").exists() and len(rows(stopped / "width.csv")) > 3)
    check(process.status == 130 and "To go on:" in process.errors, f"interrupted: {process}")
    kept = rows(stopped / "width.csv")
    done = run(*many, "--out", stopped)
    check(done.returncode == 0 and rows(stopped / "width.csv")[:len(kept)] == kept, f"{len(kept)} rows stay: {done.stderr}")
    check(len(rows(stopped / "width.csv")) == 2 * 3 * 12, "all units")

    (here / "other").mkdir()
    (here / "other" / "width.csv").write_text("a,b\n1,2\n")
    for options, says in [
            (["--part", "widths"], "no part 'widths'. There are width"),
            (["--networks", "lenet"], "no network 'lenet'. There are mlp, convnet"),
            (["--n", 0], "--n: must be positive, not 0"),
            (["--report", "--out", here / "nothing"], "nothing was measured yet"),
            (["--report", "--out", here / "other"], "has other columns than this version writes"),
            (["--data", here / "nowhere", "--out", here / "c"], "is none of"),
            (["--report", "--dry-run"], "excludes"),
            (["--report", "--part", "width"], "excludes"),
            (["--part", "scale", "--scale", here / "nothing"], "has no scale.csv")]:
        done = run(*options)
        check(done.returncode == 1 and says in done.stderr, f"{options}: {done.returncode} {done.stderr}")
    done = run("--data", data, "--networks", "convnet", "--widths", 12, "--out", here / "b", "--part", "width")
    check(done.returncode == 1 and "multiple of 8" in done.stderr and not (here / "b" / "report.html").exists(), f"{done}")
finish()

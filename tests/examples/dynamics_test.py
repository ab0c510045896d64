"""Runs the program that predicts loss curves on few images, and computes again what it says. And runs it with wrong
options.

usage: dynamics_test.py PROGRAM
"""
import pathlib
import re
import subprocess
import sys
import tempfile

from programs import check, finish, mean_and_error, rows, write_idx

program = sys.argv[1]
TELLERS = "training", "entk", "pntk", "last layer"


def run(*options):
    return subprocess.run([program, *map(str, options)], capture_output=True, text=True, timeout=300)


with tempfile.TemporaryDirectory() as folder:
    here = pathlib.Path(folder)
    data = here / "mnist"
    write_idx(data, 100)
    fixed = ["mnist", "--data", data, "--n", 20, "--test", 50, "--steps", 60]
    small = [*fixed, "--widths", "256,16", "--seeds", 3]
    done = run(*small, "--out", here / "a")
    check(done.returncode == 0 and "warning" not in done.stderr, done.stderr[:500])
    table = rows(here / "a/dynamics.csv")
    curves = {}
    for row in table:
        curve = curves.setdefault((row["loss"], int(row["width"]), row["seed"], row["by"]), {})
        curve[int(row["step"])] = {k: float(row[k]) for k in ("train_loss", "test_loss", "accuracy", "apart")}
    check(len(curves) == 2 * 2 * 3 * 4, f"{len(curves)} curves")
    steps = sorted(next(iter(curves.values())))
    check(steps[:3] == [0, 1, 2] and steps[-1] == 60 and all(sorted(c) == steps for c in curves.values()), f"{steps}")
    for (loss, width, seed, by), curve in curves.items():
        trained = curves[loss, width, seed, "training"]
        check(curve[0] == trained[0], f"{by} begins elsewhere: {curve[0]}")
        check((curve[60]["apart"] == 0) == (by == "training"), f"{loss} {width} {by}: {curve[60]}")
        if by in ("training", "entk"):
            check(curve[60]["train_loss"] < 0.9 * curve[0]["train_loss"], f"{loss} {width} {by} learns nothing")

    def apart(loss, width, by):
        return [curves[loss, width, seed, by][60]["apart"] for seed in "012"]

    for loss in ("squared error", "cross-entropy"):
        # Wide networks are what their kernel says, and more than their last layer.
        narrow, wide, last = (mean_and_error(apart(loss, w, by))[0]
                              for w, by in ((16, "entk"), (256, "entk"), (256, "last layer")))
        check(wide < 0.5 * narrow and wide < 0.2, f"{loss}: {narrow} at width 16, {wide} at width 256")
        check(wide < last, f"{loss}: the eNTK is off by {wide}, the last layer by {last}")
        said = re.search(rf"60 steps with {loss} at width 256, .* differ by ([\d.]+) ± ([\d.]+) of what training has changed "
                         r"by the eNTK, by ([\d.]+) ± ([\d.]+) by the pNTK, and by ([\d.]+) ± ([\d.]+) by the last layer",
                         done.stdout)
        check(said is not None, done.stdout)
        found = [x for by in TELLERS[1:] for x in mean_and_error(apart(loss, 256, by))]
        for value, expected in zip(said.groups(), found):
            check(abs(float(value) - expected) < 0.00051, f"{loss}: {value} said, {expected} found")

    report = (here / "a/report.html").read_text()
    check(report.count("<svg") == 1 and (here / "a" / "dynamics.svg").stat().st_size > 5000, "the figure")
    for text in ("NeurIPS 2019", "--widths 16,256", "cross-entropy"):
        check(text in report, f"the report does not say '{text}'")

    # The same seed gives the same networks, on one thread too; another gives others.
    run(*small, "--out", here / "b", "--threads", 1)
    check((here / "a/dynamics.csv").read_bytes() == (here / "b/dynamics.csv").read_bytes(), "threads change the result")
    run(*small, "--out", here / "c", "--seed", 2)
    check((here / "a/dynamics.csv").read_bytes() != (here / "c/dynamics.csv").read_bytes(), "the seed changes nothing")

    for options, words in (
            ([*fixed, "--network", "vgg"], "no network 'vgg'. There are mlp, convnet."),
            ([*fixed, "--network", "convnet", "--widths", 12], "width 12. It must be a positive multiple of 8."),
            ([*fixed, "--widths", "16,0"], "--widths: must be"),
            ([*fixed, "--rate", 0], "--rate: must be positive, not 0"),
            ([*fixed, "--sead", 1], "did you mean --seed?"),
            (["nothing", "--data", data], "no data set 'nothing'")):
        wrong = run(*options, "--out", here / "d")
        check(wrong.returncode == 1 and words in wrong.stderr, f"{options}: {wrong.stderr}")
        check(not (here / "d").exists(), f"{options} left a folder")

finish()

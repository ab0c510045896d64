"""Runs the program that says which networks can be trained on few images, and computes again what it says. And runs it
with wrong options.

usage: trainability_test.py PROGRAM
"""
import pathlib
import re
import subprocess
import sys
import tempfile

from programs import check, finish, rows, write_idx

program = sys.argv[1]
RATES = "0.50", "0.90", "1.1", "2.0"


def run(*options):
    return subprocess.run([program, *map(str, options)], capture_output=True, text=True, timeout=300)


def mean(values):
    return sum(values) / len(values)


def deviation(values):
    return (sum((v - mean(values)) ** 2 for v in values) / (len(values) - 1)) ** 0.5


def rank_correlation(a, b):
    ranks = [[sorted(side).index(v) for v in side] for side in (a, b)]  # no two values are equal here
    centered = [[r - mean(side) for r in side] for side in ranks]
    return sum(x * y for x, y in zip(*centered)) / sum(x * x for x in centered[0])


with tempfile.TemporaryDirectory() as folder:
    here = pathlib.Path(folder)
    data = here / "mnist"
    write_idx(data, 100)
    fixed = ["mnist", "--data", data, "--n", 40, "--test", 50, "--steps", 40]
    small = [*fixed, "--depths", "3,1", "--gains", "1,2", "--width", 256, "--seeds", 2]
    done = run(*small, "--out", here / "a")
    check(done.returncode == 0 and "warning" not in done.stderr, done.stderr[:500])
    table = rows(here / "a" / "trainability.csv")
    check([(r["depth"], float(r["gain"]), r["seed"]) for r in table] ==
          [(d, g, s) for d in "13" for g in (1, 2) for s in "01"], "the rows")
    for row in table:
        # In wide networks training rises where the kernel says that it does.
        near = float(row["measured_rate"]) * float(row["maximal_rate"]) / float(row["maximal_rate_entk"])
        check(0.9 < near < 2, f"the loss rises at {near} of the rate of the eNTK")
        check(row["rose_at_0.50"] == "0" and row["rose_at_2.0"] == "1", f"at 0.5 and 2 times the rate: {row}")
        check(row["ended_above_at_0.50"] == "0" and float(row["condition"]) > 1, f"{row}")
    rose = [mean([float(r[f"rose_at_{rate}"]) for r in table]) for rate in RATES]
    found = re.findall(r"([\d.]+) % of the trainings at ([\d.]+) times", done.stdout)
    check([rate for _, rate in found] == list(RATES), done.stdout)
    check(all(abs(float(said) - 100 * r) < 0.051 for (said, _), r in zip(found, rose)), f"{found} said, {rose} found")
    measured = [float(r["measured_rate"]) for r in table]
    said = re.search(r"rises is ([\d.]+) times the one predicted by the pNTK, with a standard deviation of ([\d.]+) over 8",
                     done.stdout)
    check(said is not None and abs(float(said[1]) - mean(measured)) < 0.0051 and
          abs(float(said[2]) - deviation(measured)) < 0.0051, f"{done.stdout} {mean(measured)}")
    for name, text in (("condition", r"have a rank correlation of (\S+) ±"),
                       ("predicted_loss", r"predicts for these steps has (\S+) ±")):
        expected = mean([rank_correlation([float(r[name]) for r in table if r["seed"] == s],
                                          [float(r["loss_at_0.50"]) for r in table if r["seed"] == s]) for s in "01"])
        said = re.search(text, done.stdout)
        check(said is not None and abs(float(said[1].replace("−", "-")) - expected) < 0.0051, f"{name}: {expected}")

    report = (here / "a/report.html").read_text()
    check(report.count("<svg") == 1 and (here / "a" / "trainability.svg").stat().st_size > 5000, "the figure")
    for text in ("ICML 2020", "--depths 1,3", "largest rate"):
        check(text in report, f"the report does not say '{text}'")

    # The same seed gives the same networks, on one thread too, up to the rounding of LAPACK in the condition numbers.
    def trained(folder):
        return [{k: v for k, v in row.items() if not k.startswith("condition")} for row in rows(folder / "trainability.csv")]

    tiny = [*fixed, "--depths", 2, "--gains", 1, "--width", 32, "--seeds", 1]
    for name, more in (("b", []), ("c", ["--threads", 1]), ("d", ["--seed", 2])):
        run(*tiny, "--out", here / name, *more)
    check(trained(here / "b") == trained(here / "c"), "threads change the result")
    check(trained(here / "b") != trained(here / "d"), "the seed changes nothing")

    for options, words in (
            ([*fixed, "--activation", "sin"], "no activation 'sin'. There are tanh, relu."),
            ([*fixed, "--gains", "1,0"], "--gains: must be positive, not 0"),
            ([*fixed, "--depths", 0], "--depths: must be"),
            ([*fixed, "--sead", 1], "did you mean --seed?"),
            (["nothing", "--data", data], "no data set 'nothing'")):
        wrong = run(*options, "--out", here / "e")
        check(wrong.returncode == 1 and words in wrong.stderr, f"{options}: {wrong.stderr}")
        check(not (here / "e").exists(), f"{options} left a folder")

finish()

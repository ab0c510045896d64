"""Runs the active learning program on few images, and computes again what it says of them. And runs it with wrong
options.

usage: active_test.py PROGRAM
"""
import pathlib
import re
import subprocess
import sys
import tempfile

from programs import check, finish, mean_and_error, rows, write_idx

program = sys.argv[1]
SELECTIONS = "random", "margin", "entropy", "look-ahead"


def run(*options):
    return subprocess.run([program, *map(str, options)], capture_output=True, text=True, timeout=300)


def number(text):
    return float(text.replace("−", "-"))


with tempfile.TemporaryDirectory() as folder:
    here = pathlib.Path(folder)
    data = here / "mnist"
    write_idx(data, 400, bright=60, noise=175)  # hard to see
    fixed = ["mnist", "--data", data, "--width", 0.25, "--pool", 200, "--test", 200, "--start", 10, "--acquire", 10,
             "--seeds", 3, "--steps", 300]  # narrower networks are far from their linearization
    small = [*fixed, "--rounds", 3, "--trials", 30]
    done = run(*small, "--out", here / "a")
    check(done.returncode == 0 and "warning" not in done.stderr, done.stderr[:500])
    table = rows(here / "a/accuracy.csv")
    check(len(table) == 4 * 3 * 4, f"{len(table)} rows")
    curves = {}
    for row in table:
        curves.setdefault((row["selection"], row["seed"]), {})[int(row["labels"])] = float(row["accuracy"])
    check({s for s, _ in curves} == set(SELECTIONS) and len(curves) == 12, f"{sorted(curves)}")
    check(all(list(c) == [10, 20, 30, 40] for c in curves.values()), "numbers of labels")
    for seed in "012":
        first = {curves[s, seed][10] for s in SELECTIONS}
        check(len(first) == 1, f"selections begin with different networks: {first}")
        others = {tuple(curves[s, seed].values()) for s in SELECTIONS}
        check(len(others) > 1, "all selections chose the same images")
    # More labels help, whatever asks for them.
    for s in SELECTIONS:
        start, end = (sum(curves[s, seed][n] for seed in "012") / 3 for n in (10, 40))
        check(end > start and end > 0.5, f"{s}: accuracy {start} with 10 labels and {end} with 40")

    # What the sentences say, from the table.
    means = {s: [sum(curves[s, seed][n] for n in (20, 30, 40)) / 3 for seed in "012"] for s in SELECTIONS}
    said = re.search(r"look-ahead reaches ([\d.]+) ± ([\d.]+) %", done.stdout)
    check(said is not None, done.stdout)
    for value, expected in zip(said.groups(), mean_and_error(means["look-ahead"])):
        check(abs(float(value) - 100 * expected) < 0.051, f"{value} said, {100 * expected} found")
    found = re.findall(r"Beside (\S+?)(?: images)? that is ([+−][\d.]+) ± ([\d.]+) points: ([^.]+)\.", done.stdout)
    check([f[0] for f in found] == ["random", "margin", "entropy"], done.stdout)
    for other, value, error, verdict in found:
        mean, spread = mean_and_error([a - b for a, b in zip(means["look-ahead"], means[other])])
        check(abs(number(value) - 100 * mean) < 0.051 and abs(float(error) - 100 * spread) < 0.051, f"{other}: {mean}")
        expected = "no difference that these seeds show" if abs(mean) <= 2 * spread else "better" if mean > 0 else "worse"
        check(verdict == expected, f"{other}: {verdict}, expected {expected}")
    told = re.search(r"rank correlation of ([−\d.]+) ± [\d.]+ over 30 images each in 3 networks", done.stdout)
    check(told is not None and number(told[1]) > 0.3, f"the look-ahead does not foresee what training does: {done.stdout}")
    check(re.search(r"To choose 10 images of 180 with 20 labelled ones takes", done.stdout), done.stdout)

    report = (here / "a/report.html").read_text()
    check(report.count("<svg") == 1 and "results" not in report.split("</style>")[1].split("Command")[0], "the report")
    for text in ("one more row of the factor", "NeurIPS 2022", "--pool 200", "mean of the rounds"):
        check(text in report, f"the report does not say '{text}'")
    check((here / "a" / "active.svg").stat().st_size > 5000, "the figure")

    # The same seed gives the same networks, on one thread too; another gives others.
    run(*small, "--out", here / "b", "--threads", 1)
    check((here / "a/accuracy.csv").read_bytes() == (here / "b/accuracy.csv").read_bytes(), "threads change the result")
    run(*small, "--out", here / "c", "--seed", 2)
    check((here / "a/accuracy.csv").read_bytes() != (here / "c/accuracy.csv").read_bytes(), "the seed changes nothing")

    for options, words in (
            ([*fixed, "--rounds", 20], "make 210 labels, for 200 training images"),
            ([*small, "--network", "vgg"], "no network 'vgg'"),
            ([*small, "--ridge", 0], "--ridge: must be positive, not 0"),
            ([*fixed, "--trials", 0], "--trials: must be positive, not 0"),
            ([*small, "--sead", 1], "did you mean --seed?"),
            (["cifar10", "--data", data], "CIFAR-10 was not found in"),
            (["nothing", "--data", data], "no data set 'nothing'")):
        wrong = run(*options, "--out", here / "d")
        check(wrong.returncode == 1 and words in wrong.stderr, f"{options}: {wrong.stderr}")
        check(not (here / "d").exists(), f"{options} left a folder")

finish()

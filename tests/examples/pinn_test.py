"""Runs the program for the heat equation with few points and steps, and with wrong options.

usage: pinn_test.py PROGRAM
"""
import csv
import pathlib
import re
import subprocess
import sys
import tempfile

from programs import check, finish

program = sys.argv[1]


def run(*options):
    return subprocess.run([program, *map(str, options)], capture_output=True, text=True, timeout=300)


def rows(folder):
    with open(folder / "training.csv", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


with tempfile.TemporaryDirectory() as folder:
    here = pathlib.Path(folder)
    small = ["--width", 12, "--boundary", 40, "--interior", 60, "--seeds", 2, "--update-every", 20,
             "--learning-rate", 0.01, "--modes", 1]
    done = run(*small, "--steps", 200, "--out", here / "a")
    check(done.returncode == 0 and "warning" not in done.stderr, done.stderr[:500])
    check(len(re.findall(r"weights (?:of 1|from traces) +0\.\d+ ± 0\.\d+ \(2 networks\)", done.stdout)) == 2, done.stdout)
    for name in "training.svg", "solution.svg":
        check("</svg>" in (here / "a" / name).read_text(encoding="utf-8"), f"{name} is no figure")
    table = rows(here / "a")
    check(len(table) == 2 * 2 * 11, f"{len(table)} rows")
    for row in table:
        u, r = row["boundary_trace"], row["residual_trace"]
        check(u > 0 and r > 0, f"traces of kernels are positive: {row}")
        expected = ((u + r) / u, (u + r) / r) if row["weighted"] else (1, 1)
        found = row["boundary_weight"], row["residual_weight"]
        check(all(abs(a - b) < 1e-6 * b for a, b in zip(found, expected)), f"weights {found}, expected {expected}")
    for first in (row for row in table if row["step"] == 0):
        last = next(r for r in table if r["step"] == 200 and r["network"] == first["network"] and
                    r["weighted"] == first["weighted"])
        check(last["relative_error"] < 0.5 * first["relative_error"], f"training does not help: {first} {last}")
    check(len({row["relative_error"] for row in table if row["step"] == 200}) == 4, "four different networks")

    again = run(*small, "--steps", 200, "--out", here / "b", "--threads", 1)
    check(again.returncode == 0 and (here / "a/training.csv").read_bytes() == (here / "b/training.csv").read_bytes(),
          f"threads change the numbers: {again.stderr}")
    for options, says in ((["--boundary", 0], "--boundary"), (["--diffusivity", -1], "--diffusivity"),
                          (["--step", 1], "did you mean --steps?"), (["--threads", 9999], "--threads: must be at most"),
                          (["--steps", 1, "--out", "/dev/null/x"], "/dev/null")):
        done = run(*options)
        check(done.returncode == 1 and says in done.stderr, f"{options}: {done.returncode} {done.stderr}")
finish()

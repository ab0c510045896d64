"""Looks at exported networks by the program for it.

usage: inspect_test.py PROGRAM FIXTURES
"""
import pathlib
import re
import subprocess
import sys

from programs import check, finish

program, fixtures = sys.argv[1], pathlib.Path(sys.argv[2])


def run(*options):
    return subprocess.run([program, *map(str, options)], capture_output=True, text=True, timeout=120)


done = run(fixtures / "as_saved.pt2", "--n", 20)
check(done.returncode == 0 and not done.stderr, done.stderr)
for text in ("exported by PyTorch 2.", "input (N, 3, 8, 8) float64", "Conv2d", "135 parameters",
             "pNTK of 20 examples", "eNTK of 20 examples"):
    check(text in done.stdout, f"{text}: {done.stdout}")
# 3 4 9 weights and 4 biases of the convolution, 4 + 4 of the normalization, 4 3 + 3 of the head
check(re.search(r"\n +0 +Conv2d +\(4, 8, 8\) +112 ", done.stdout) or
      re.search(r"\n +0 +Conv2d +\(1, 4, 8, 8\) +112 ", done.stdout), done.stdout)

done = run(fixtures / "any_length.pt2")
check(done.returncode == 1 and "--extent" in done.stderr, done.stderr)
done = run(fixtures / "any_length.pt2", "--extent", 9, "--n", 10)
check(done.returncode == 0 and "(N, any, 8) float64" in done.stdout and "pNTK of 10" in done.stdout, done.stderr)

done = run(fixtures / "several_outputs.pt2")
check(done.returncode == 1 and "left, right" in done.stderr, done.stderr)
done = run(fixtures / "several_outputs.pt2", "--output", "right")
check(done.returncode == 0 and "outputs\n  left\n  right\n" in done.stdout, done.stderr)

done = run(fixtures / "missing.pt2")
check(done.returncode == 1 and "missing.pt2" in done.stderr, done.stderr)
done = run(fixtures / "as_saved.pt2", "--extend", 9)
check(done.returncode == 1 and "did you mean --extent?" in done.stderr, done.stderr)
done = run()
check(done.returncode == 1 and "file" in done.stderr, done.stderr)
finish()

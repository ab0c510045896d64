"""The help that `./run PROGRAM --help` shows without a build is what the program says, whole and readable.

usage: help_test.py [--write] SOURCES PROGRAM...
       --write: puts what the programs say into the files that ./run shows, instead
"""
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from checks import check, finish  # noqa: E402

write = sys.argv[1] == "--write"
sources = pathlib.Path(sys.argv[1 + write])
programs = sys.argv[2 + write:]


def said(command):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "120", "LC_ALL": "C"})
    check(done.returncode == 0 and not done.stderr, f"{command}: {done.returncode} {done.stderr}")
    return done.stdout


def compare(file, text):
    if write:
        file.write_text(text, encoding="utf-8")
    check(file.read_text(encoding="utf-8") == text, f"{file} is not what the program says: tests/examples/help_test.py "
                                                    "--write SOURCES PROGRAM... puts it there")


for program in programs:
    name = pathlib.Path(program).name
    text = said([program, "--help"])
    compare(sources / "examples" / name / "help.txt", text)
    check(f"Usage: ./run {name} " in text and "build/" not in text.split("Usage:")[1].split("\n")[0], f"{name}: usage")
    check(text.split("Examples:")[1].count(f"\n  ./run {name}") >= 2, f"{name}: two examples")
    check(max(map(len, text.split("\n"))) <= 130, f"{name}: lines that fit on a screen")
    options = re.findall(r"^  (--[a-z-]+|[a-z]+) [A-Z]+(?:,\.\.\.)?\s+(.*)", text, re.M)
    check(len(options) >= 4 and not [o for o in options if not o[1].endswith("]")], f"{name}: defaults of {options}")
    check("../" not in text, f"{name}: a folder outside of this one")

bench = [sys.executable, str(sources / "tests/benchmarks/bench.py"), "--help"]
if sys.version_info < (3, 13):  # later ones lay out options differently
    compare(sources / "tests/benchmarks/help.txt", said(bench))
check("../" not in said(bench), "bench: a folder outside of this one")
finish()

"""Checks that the tutorial shows the programs that are compiled, and what they print.

In docs/tutorial.md each block follows a comment: `<!-- FILE.cpp NAME -->` comes before the text of that file of
examples/tutorial between `// [NAME]` and `// [/NAME]`, and `<!-- STEP prints -->` before a part of the output of that
program. The parts must make up the whole output. Words and whole numbers must agree, other numbers to a tenth; times
and bytes need not.

usage: tutorial.py [--write] TUTORIAL.md SOURCES PROGRAM...      the programs in the order in which they are run
       --write: writes code and output into the tutorial instead
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap

from checks import check, finish

write = sys.argv[1] == "--write"
page, sources = map(pathlib.Path, sys.argv[1 + write:3 + write])
programs = [pathlib.Path(name) for name in sys.argv[3 + write:]]
text = page.read_text(encoding="utf-8")
block = re.compile(r"(<!-- (\S+) (\S+) -->\n```\w+\n)(.*?)(```)", re.S)


def snippet(file, name):
    code = (sources / file).read_text(encoding="utf-8")
    found = re.findall(rf"^ *// \[{name}\]\n(.*?)^ *// \[/{name}\]\n", code, re.S | re.M)
    check(len(found) == 1, f"{file} has {len(found)} parts [{name}]")
    return textwrap.dedent(found[0]) if found else ""


def same(shown, printed):
    """Whether two lines have the same words, and numbers that agree."""
    number = r"-?\d+\.\d+(?:e[+-]\d+)?"
    if shown.startswith("time ") and printed.startswith("time "):  # depends on the machine
        return True
    shown, printed = (" ".join(re.sub(r"[\d.]+ [kMG]?i?B\b", "bytes", line).split()) for line in (shown, printed))
    if re.sub(number, "#", shown) != re.sub(number, "#", printed):
        return False
    pairs = zip(map(float, re.findall(number, shown)), map(float, re.findall(number, printed)))
    return all(abs(a - b) <= max(0.1 * abs(a), 0.05) for a, b in pairs)


outputs = {}
with tempfile.TemporaryDirectory() as folder:
    for program in programs:
        done = subprocess.run([program.resolve()], cwd=folder, capture_output=True, text=True, timeout=300)
        check(done.returncode == 0 and not done.stderr, f"{program.name}: {done.returncode}, {done.stderr}")
        outputs[program.name.removeprefix("tutorial_")] = done.stdout.splitlines(keepends=True)

rest = {name: list(lines) for name, lines in outputs.items()}
shown_code = set()


def compare(match):
    opening, first, second, body, closing = match.groups()
    if second != "prints":
        shown_code.add((first, second))
        right = snippet(first, second)
        check(write or body == right, f"the tutorial shows another {first} [{second}]")
        return opening + right + closing
    lines = body.splitlines()
    if write:  # the part ends at a line that begins with the first word of the next part
        later = [part.split()[0] for _, name, kind, part, _ in block.findall(text[match.end():])
                 if (name, kind) == (first, "prints")]
        until = next((i for i, line in enumerate(rest[first]) if i and later and line.split()[0] == later[0]),
                     len(rest[first]))
    else:
        until = len(lines)
    printed, rest[first] = rest[first][:until], rest[first][until:]
    if not write:
        check(len(printed) == len(lines), f"{first} prints fewer lines than the tutorial shows")
        for line, other in zip(lines, printed):
            check(same(line, other.rstrip("\n")), f"{first} prints {other!r}, the tutorial shows {line!r}")
    return opening + "".join(printed) + closing


text_now = block.sub(compare, text)
for name, lines in rest.items():
    check(not lines, f"the tutorial does not show what {name} prints at the end: {lines}")
for file in sorted(sources.glob("*.[ch]pp")):
    for name in re.findall(r"// \[(\w+)\]", file.read_text(encoding="utf-8")):
        check((file.name, name) in shown_code, f"the tutorial does not show {file.name} [{name}]")
if write:
    page.write_text(text_now, encoding="utf-8")
finish()

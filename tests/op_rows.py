"""Checks that every function of autodiff/ops/*.hpp has a row that expect_op takes through all properties of an op.

It looks for calls in those test cases and functions of tests/autodiff/ that make rows, in functions that they call, and
for elementwise functions in their table.

usage: op_rows.py SOURCE_FOLDER
"""
import pathlib
import re
import sys

top = pathlib.Path(sys.argv[1])
# Helpers of rules, the way to the functions of the table, and what looks at an op that was recorded.
helpers = {"align_probes", "apply_scale", "broadcast_tangent", "elementwise", "scale_of", "total"}


def read(file):
    return re.sub(r"//[^\n]*", "", file.read_text(encoding="utf-8"))


def row_text(text):
    """Returns the parts of a test file that make rows."""
    blocks = re.split(r"\n(?=\S)", text)  # a function or test case: from a line that is not indented to the next
    merged = []
    for block in blocks:
        if merged and re.match(r"[})]", block):
            merged[-1] += "\n" + block
        else:
            merged.append(block)
    taken = {i for i, block in enumerate(merged) if re.search(r"\b(row|\w*rows|expect_\w+)\(", block)}
    starts = {i: re.match(r"(?:template <[^>]*>\s*)?[\w<>:&, ]+?\b(\w+)\(", block) for i, block in enumerate(merged)
              if not block.startswith("BOOST_")}
    named = {i: start[1] for i, start in starts.items() if start}
    growing = True
    while growing:
        called = "\n".join(merged[i] for i in taken)
        more = {i for i, name in named.items() if i not in taken and re.search(rf"(?<!::)\b{name}[(,;]", called)}
        growing = bool(more)
        taken |= more
    return "\n".join(merged[i] for i in sorted(taken))


declared = {}
for header in sorted((top / "autodiff" / "ops").glob("*.hpp")):
    for name in re.findall(r"template <[^>]*>\s*Var<T> (operator\S|\w+)\(", read(header)):
        declared.setdefault(name, header.name)
folder = top / "tests" / "autodiff"
rows = "\n".join(row_text(read(file)) for file in sorted(folder.glob("*_test.cpp")))
table, = re.findall(r"const std::vector<Setting> settings = \{(.*?)\n\};", read(folder / "activation_test.cpp"), re.S)


def has_row(name):
    if name.startswith("operator"):
        return re.search(rf"[\w\])] {re.escape(name[-1])} [\w(]", rows)
    return re.search(rf"(?<![\w.])(?<!xt::)(?<!std::){name}(<\w+>)?\(", rows) or f"Function::{name}," in table


missing = [f"{header}: {name}" for name, header in declared.items() if name not in helpers and not has_row(name)]
print("\n".join(f"no row for {what}" for what in missing) or f"all of {len(declared)} functions have rows")
sys.exit(bool(missing) or len(declared) < 60)

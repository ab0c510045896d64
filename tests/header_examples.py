"""Compiles the code in the comments of headers, in one file and without making a program of it.

A block is what docs/filter.py shows as code: lines of a comment that are indented. Definitions of structs go to the
level of a namespace, statements into a function; what a block takes for granted stands in `surroundings` below.

usage: header_examples.py SOURCE_FOLDER COMPILER [ARGUMENT...]
"""
import pathlib
import re
import subprocess
import sys

top = pathlib.Path(sys.argv[1])

# By header, one entry a block: what stands in front of its statements, and what behind them.
in_function = "void example(%s) {", "}"
surroundings = {
    "autodiff/origin.hpp": [("template <class T>\nVar<T> example(const Var<T>& x, const Shape& shape, double count) {",
                             "}\ntemplate Var<double> example(const Var<double>&, const Shape&, double);")],
    "autodiff/var.hpp": [("template <class T>\nvoid example(const Var<T>& x, std::size_t hidden) {",
                          "}\ntemplate void example(const Var<double>&, std::size_t);")],
    "nn/exported/exported.hpp": [(in_function[0] % "const Array<float>& x", in_function[1])],
    "nn/inputs.hpp": [("void example(const Array<float>& ids, const Array<float>& mask) {\nconst Classifier net;\n"
                       "const auto params = net.init<float>();", in_function[1])],
    "nn/module.hpp": [(in_function[0] % "std::uint64_t seed, const Array<float>& x", in_function[1]),
                      ("struct Layer : nn::Module<Layer> {\nstd::size_t out = 1, in = 1;\nnn::Initializer initializer;",
                       "template <class T>\nVar<T> forward(nn::Scope<T>, const Var<T>& x) const { return x; }\n};\n"
                       "void example() { Layer().init<double>(); }")],
    "ntk/attribution.hpp": [(in_function[0] % "const nn::Sequential& net, const nn::Parameters<double>& params, const "
                             "Array<double>& x, const Array<double>& x_new, const ntk::Labels& labels, const ntk::Labels& "
                             "labels_new", in_function[1])],
    "ntk/dynamics.hpp": [(in_function[0] % "const Array<double>& k, const Array<double>& k_new, const Array<double>& f0, "
                                           "const Array<double>& f0_new, const Var<double>& signs, "
                                           "std::vector<Array<double>>& predictions", in_function[1])],
    "ntk/feature_kernel.hpp": [(in_function[0] % "const nn::Sequential& net, const nn::Parameters<float>& params, const "
                               "Array<float>& x, const ntk::Readout& readout", in_function[1])],
    "ntk/feature_store.hpp": [(in_function[0] % "const nn::Sequential& net, const nn::Parameters<float>& params, const "
                               "Array<float>& x, const ntk::Readout& readout", in_function[1])],
    "ntk/features.hpp": [(in_function[0] % "const nn::Sequential& net, const nn::Parameters<float>& params, const "
                          "Array<float>& x, const Array<float>& x_new, const ntk::Readout& readout", in_function[1])],
    "ntk/function.hpp": [(in_function[0] % "const nn::Sequential& net, double nu, const nn::Parameters<double>& params, "
                                           "const Array<double>& points", in_function[1])],
    "ntk/gram.hpp": [(in_function[0] % "const nn::Sequential& net, const nn::Parameters<double>& params, const "
                      "Array<double>& x", in_function[1])],
    "ntk/monte_carlo.hpp": [(in_function[0] % "const nn::Sequential& net, const Array<float>& x", in_function[1])],
    "ntk/per_example.hpp": [("using namespace ntk;\nvoid example(const Labels& y) {", in_function[1])],
    "ntk/differentiable.hpp": [("using namespace ntk;\nvoid example(const nn::Sequential& net, const "
                                "nn::Parameters<double>& params, const Array<double>& images, const Var<double>& y,\n"
                                "const Var<double>& cross, const Var<double>& labels) {", in_function[1])],
    "ntk/linearize.hpp": [(in_function[0] % "const nn::Sequential& net, const nn::Parameters<double>& params, const "
                           "nn::Parameters<double>& trained, const Array<double>& x", in_function[1])],
}


def blocks(text):
    """Line number and lines of each block of C++."""
    found, first = [], 0
    for number, line in enumerate([*text.split("\n"), ""], 1):
        code = re.match(r"\s*///  (\s*\S.*)$", line)
        if code and not first:
            first = number
            found.append((first, []))
        if code:
            found[-1][1].append(code[1])
        else:
            first = 0
    return [(number, lines) for number, lines in found
            if any(line.rstrip().endswith((";", "{", "}")) for line in lines) and not lines[0].strip().startswith('{"')]


def split(lines):
    """(definitions of structs, the rest)"""
    definitions, rest, inside = [], [], False
    indent = len(lines[0]) - len(lines[0].lstrip())
    for line in lines:
        inside = inside or line[indent:].startswith("struct ")
        (definitions if inside else rest).append(line)
        inside = inside and line[indent:] != "};"
    return definitions, rest


program = ['#include <xtangent.hpp>', 'using namespace xtangent;']
count, faults = 0, []
for header in sorted(path for part in ("autodiff", "nn", "ntk") for path in (top / part).rglob("*.hpp")):
    name = str(header.relative_to(top))
    own = blocks(header.read_text(encoding="utf-8"))
    if len(own) != len(surroundings.get(name, [])):
        faults.append(f"{name} has {len(own)} blocks of code, {len(surroundings.get(name, []))} have surroundings here")
        continue
    for (line, lines), (before, behind) in zip(own, surroundings.get(name, [])):
        definitions, rest = split(lines)
        program += [f"namespace example_{count} {{", f'#line {line} "{name}"', *definitions,
                    *before.split("\n"), f'#line {line + len(definitions)} "{name}"', *rest, *behind.split("\n"), "}"]
        count += 1
if not faults:
    command = [*sys.argv[2:], "-x", "c++", "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wno-unused-variable",
               "-Wno-unused-but-set-variable", "-I", str(top), "-"]
    done = subprocess.run(command, input="\n".join(program), capture_output=True, text=True)
    if done.returncode != 0 or done.stderr.strip():
        faults.append(done.stderr)
print("\n".join(faults) or f"{count} blocks of code in headers compile")
sys.exit(bool(faults) or count < 5)

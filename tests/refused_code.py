"""What the compiler must refuse, in one error that says why within its first ten lines.

usage: refused_code.py SOURCE_FOLDER COMPILER [ARGUMENT...]
"""
import re
import subprocess
import sys

derivatives = "derivatives are taken at an Array, an xtensor expression, a Var, or a std::vector of them"
constraint = r"constraint failure for .*Scalar<T> class xtangent::Array|constraints not satisfied for class template 'Array'"
fit = ("void f(const nn::ModuleBase& net, const nn::Parameters<float>& params, const xt::xarray<float>& x, "
       "const std::vector<std::size_t>& labels) { nn::fit(net, params, x, labels, %s); }")
# name, standard, header, code, what the error says, how many errors there may be
cases = [
    ("C++17", "c++17", "autodiff/derivatives.hpp", "", r"xtangent needs C\+\+20: compile with -std=c\+\+20", 2),
    ("grad at a number", "c++20", "autodiff/derivatives.hpp", "auto g() { return grad([](auto x) { return x; }, 3.0); }",
     derivatives, 1),
    ("grad at numbers", "c++20", "autodiff/derivatives.hpp",
     "auto g() { return grad([](auto x) { return x[0]; }, std::vector<double>{1, 2}); }", derivatives, 1),
    ("a misspelt option", "c++20", "nn/training/fit.hpp", fit % "{.epoch = 3}",
     r"(no known conversion for argument 5 from .*|cannot convert initializer list argument )to .*FitOptions<float>", 1),
    ("a misspelt option of a type", "c++20", "nn/training/fit.hpp", fit % "nn::FitOptions<float>{.epoch = 3}",
     r"error: .*\bepoch\b", 1),
    ("an array of int", "c++20", "autodiff/array.hpp", "void f(const Array<int>&);", constraint, 1),
]

faults = []
for name, standard, header, code, says, most in cases:
    program = f'#include "{header}"\nusing namespace xtangent;\n{code}\n'
    command = [*sys.argv[2:], "-x", "c++", f"-std={standard}", "-fsyntax-only", "-I", sys.argv[1], "-"]
    text = subprocess.run(command, input=program, capture_output=True, text=True).stderr
    errors = re.findall(r"error: .*", text)
    beginning = "\n".join(text.split("\n")[:10])
    if not 1 <= len(errors) <= most or not re.search(says, beginning):
        faults.append(f"{name}: {len(errors)} errors instead of up to {most}, or another reason:\n{text[:3000]}")
print("\n".join(faults) or f"{len(cases)} programs are refused with a reason")
sys.exit(bool(faults))

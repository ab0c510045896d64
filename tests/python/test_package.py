"""The package itself: OpenBLAS, bars, types, help, and the code of its page."""

import inspect
import os
import pathlib
import pydoc
import re
import subprocess
import sys

import numpy as np
import pytest

import xtangent as xt
from conftest import SOURCE


def python(code, **environment):
    """The output of a new interpreter."""
    env = {**os.environ, **environment}
    if "OPENBLAS_CORETYPE" not in environment:
        env.pop("OPENBLAS_CORETYPE", None)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=300)
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


def numpy_has_openblas():
    """Whether NumPy is linked with the OpenBLAS of the system, as Debian's is. The one in a wheel is another library."""
    code = "import numpy; print(*{line.split()[-1] for line in open('/proc/self/maps') if 'libopenblas' in line})"
    return any(".libs/" not in file for file in python(code))


# A processor for which another core than OpenBLAS's own choice fits. The library is loaded and unloaded as ever.
OTHER = """
import ctypes, os
real = ctypes.CDLL
class Library:
    def __init__(self, file):
        library = real(file)
        self._handle, self.own = library._handle, library.xtangent_fitting_core
        def other():
            self.own()
            return b'Nehalem'
        self.xtangent_fitting_core = other
ctypes.CDLL = Library
import numpy
before = dict(os.environ)
import xtangent
print(xtangent.blas_core(), dict(os.environ) == before)
"""


def test_the_core_is_chosen_before_openblas_is_loaded():
    if numpy_has_openblas():
        pytest.skip("NumPy has loaded the same OpenBLAS, which keeps its core")
    own = python("import xtangent; print(xtangent.blas_core())")
    assert own != ["Nehalem"]
    assert python(OTHER) == ["Nehalem", "True"]
    # what the user asks for stays
    assert python(OTHER, OPENBLAS_CORETYPE="Sandybridge") == ["Sandybridge", "True"]


def test_numpy_keeps_its_core():
    code = """
import ctypes, glob, os, numpy
for line in open('/proc/self/maps'):
    file = line.split()[-1]
    if 'libscipy_openblas' in file: break
else:
    raise SystemExit
name = ctypes.CDLL(file).scipy_openblas_get_corename64_
name.restype = ctypes.c_char_p
print(name().decode())
"""
    alone = python(code)
    if not alone:
        pytest.skip("NumPy without an OpenBLAS of its own")
    assert python(OTHER + "\nctypes.CDLL = real\n" + code)[2:] == alone


def test_bars():
    code = """
import sys
if HIDE: sys.modules['tqdm'] = sys.modules['tqdm.auto'] = None
import numpy as np, xtangent as xt
net = xt.network("mlp", sizes=[16, 512, 512, 10])
x = np.random.default_rng(0).normal(size=(200, 16))
xt.entk(net, x, progress=True)
xt.train(net, x, np.arange(200) % 10, progress=True)
xt.solve(net, x[:50], np.ones((50, 10)), ridge=1, progress=True)
"""
    for hide in ("True", "False"):
        run = subprocess.run([sys.executable, "-c", code.replace("HIDE", hide)], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        assert run.stdout == ""
        for text in ("kernel", "train", "solve", "100"):
            assert text in run.stderr
        assert ("░" in run.stderr or "█" in run.stderr) and run.stderr.endswith("\n")


def public():
    return [getattr(xt, name) for name in xt.__all__]


def test_everything_has_help():
    for thing in public():
        if inspect.isfunction(thing) and thing.__module__.startswith("xtangent."):
            assert thing.__doc__ and len(thing.__doc__) > 40, thing
            for name, parameter in inspect.signature(thing).parameters.items():
                assert parameter.annotation is not inspect.Parameter.empty, (thing, name)
        elif inspect.isclass(thing):
            assert thing.__doc__, thing
    text = pydoc.plain(pydoc.render_doc(xt.kernel))
    for word in ("memory", "(N1 K, N2 K')", "KeyboardInterrupt", "readout"):
        assert word in text
    assert "pntk" in pydoc.plain(pydoc.render_doc(xt))


def test_errors_are_one_family():
    errors = [thing for thing in public() if inspect.isclass(thing) and issubclass(thing, Exception)]
    assert len(errors) == 10 and all(issubclass(error, xt.Error) for error in errors)
    assert str(xt.ParameterError("[x] no 'y'.")) == "[x] no 'y'."


@pytest.fixture
def mypy_place(tmp_path, monkeypatch):
    """An empty folder from which mypy finds the package."""
    folder = pathlib.Path(xt.__file__).parent.parent
    if folder.name != "site-packages":  # where mypy looks by itself
        monkeypatch.setenv("MYPYPATH", str(folder))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_types(mypy_place):
    mypy = pytest.importorskip("mypy.api")
    options = ["--config-file", str(SOURCE / "pyproject.toml"), "--cache-dir", "cache"]
    out, err, status = mypy.run([*options, "-p", "xtangent"])
    assert status == 0, out + err
    (mypy_place / "use.py").write_text("""
from typing import assert_type
import numpy as np
import numpy.typing as npt
import xtangent as xt
net: xt.Network = xt.network("mlp", sizes=[4, 3])
x = np.ones((5, 4))
k = xt.pntk(net, x, memory="1G", progress=True)
reveal_type(k)
reveal_type(xt.spectrum(k).condition_number)
assert_type(xt.kernel(net, x, readout="full", tile=2), npt.NDArray[np.float64])
assert_type(xt.kernel(net, x, store="k", tile=2), xt.StoredKernel)
assert_type(xt.pntk(net, x, store="k"), xt.StoredKernel)
assert_type(xt.entk(net, x, store="k"), xt.StoredKernel)
assert_type(xt.entk(net, x), npt.NDArray[np.float64])
assert_type(xt.layer_kernels(net, x)["0"], npt.NDArray[np.float64])
assert_type(xt.layer_kernels(net, x, store="k")["0"], xt.StoredKernel)
xt.plan(net, x, memroy="1G")
xt.solve(net, x, k, ridge="much")
""")
    out, err, status = mypy.run([*options, "use.py"])
    notes = re.findall(r'note: Revealed type is "(.*)"', out)
    assert len(notes) == 2 and "ndarray" in notes[0] and "float64" in notes[0] and "float" in notes[1], out + err
    errors = re.findall("error: (.*)", out)
    assert len(errors) == 2 and 'keyword argument "memroy"' in errors[0] and 'Argument "ridge"' in errors[1], out


def test_the_stub_is_that_of_the_extension(mypy_place):
    pytest.importorskip("mypy.stubtest")
    allowed = SOURCE / "tests" / "python" / "stubtest_allowed.txt"
    run = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "xtangent._xtangent", "--allowlist", allowed, "--ignore-unused-allowlist"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_code_of_the_page(tmp_path, monkeypatch):
    page = (SOURCE / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    assert len(blocks) > 5
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    names = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"block {number + 1} of docs/python.md", "exec"), names)
    assert (tmp_path / "entk.npy").exists() and names["scores"].shape == (50, 200)


def test_every_function_is_on_the_page():
    page = (SOURCE / "docs" / "python.md").read_text(encoding="utf-8")
    missing = [name for name in xt.__all__ if inspect.isfunction(getattr(xt, name)) and f"xt.{name}" not in page]
    assert not missing


def run_example(name, folder, *arguments):
    script = SOURCE / "examples" / "python" / name
    done = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_first_example(tmp_path):
    text = run_example("first.py", tmp_path)
    right = re.search(r"^network +([\d.]+)$.*^kernel regression ([\d.]+)$", text, re.M | re.S)
    assert right and all(float(part) > 0.8 for part in right.groups()), text
    assert "strategy structured" in text and "95 %" in text


def test_pretrained_example(tmp_path):
    for name in ("torch", "PIL"):
        pytest.importorskip(name)
    draw = np.random.default_rng(0)  # ten patterns with noise in place of handwritten digits
    y = np.arange(1200) % 10
    images = np.clip(draw.integers(0, 17, (10, 64))[y] + draw.normal(0, 2, (1200, 64)), 0, 16)
    np.savetxt(tmp_path / "digits.csv", np.column_stack([images, y]), delimiter=",", fmt="%.3f")
    text = run_example("pretrained.py", tmp_path, tmp_path / "digits.csv")
    right = re.fullmatch(r"network ([\d.]+), regression ([\d.]+)\n", text)
    assert right and all(float(part) > 0.9 for part in right.groups()), text
    from PIL import Image

    assert Image.open(tmp_path / "results" / "pretrained.png").size == (700, 500)
    lines = (SOURCE / "examples" / "python" / "pretrained.py").read_text().split('"""')[2].splitlines()
    assert sum(bool(line.strip()) and not line.startswith(("#", "import", "from")) for line in lines) <= 30

"""A repaired wheel in an empty environment, without OpenBLAS, oneTBB and libgfortran of the system.

The libraries are hidden by mounts that only this process sees, which takes root; without it they stay, and only what the
wheel loads is checked. `./run python --wheel` runs this.

usage: wheel.py WHEEL
"""

import os
import pathlib
import subprocess
import sys
import tempfile

HIDDEN = "libopenblas", "libtbb", "libgfortran", "libquadmath"
CODE = """
import sys
import numpy as np
import xtangent as xt
net, x = xt.network("mlp", sizes=[8, 64, 3]), np.random.default_rng(0).normal(size=(20, 8))
entk = xt.entk(net, x, dtype="float64")
assert np.allclose(entk.reshape(20, 3, 20, 3).sum((1, 3)) / 3, xt.pntk(net, x, dtype="float64"))
xt.regression(xt.pntk(net, x), 0.1).solve(np.ones(20))
print(*sorted({line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}), sep="\\n")
"""


def hide():
    """Empty files over the libraries, in a space of mounts of its own."""
    for file in pathlib.Path("/usr/lib/x86_64-linux-gnu").rglob("*.so*"):
        if file.name.startswith(HIDDEN) and file.is_file() and not file.is_symlink():
            subprocess.run(["mount", "--bind", "/dev/null", file], check=True)


if len(sys.argv) == 3:
    hide()
    os.execv(sys.argv[2], [sys.argv[2], "-c", CODE])

wheel = sys.argv[1]
with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = pathlib.Path(folder) / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel], check=True)
    root = os.geteuid() == 0
    command = ["unshare", "-m", python, __file__, wheel, python] if root else [python, "-c", CODE]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
    loaded = [file for file in done.stdout.split() if pathlib.Path(file).name.startswith(HIDDEN)]
    strange = [file for file in loaded if not file.startswith(folder)]
    if len(loaded) < 4 or (root and strange):
        sys.exit(f"{wheel} loads {loaded}")
print(f"{wheel} works in an empty environment{', with the libraries of the system hidden' if root else ''}")

"""Loads the compiled part, with the kernels of OpenBLAS that fit the processor.

OpenBLAS chooses its kernels ("core") when it is loaded, and one older than the processor falls back to slow ones. It is
therefore loaded once to ask what it has chosen, unloaded, and loaded again with OPENBLAS_CORETYPE set where another core
fits. The variable is set only meanwhile, and NumPy's OpenBLAS, a library of its own, has been loaded before: it stays as
it is. Where another package already holds the same OpenBLAS, its core cannot be changed any more; the library then says
on stderr which value of OPENBLAS_CORETYPE to set.
"""

import _ctypes
import contextlib
import ctypes
import importlib
import importlib.util
import os
from collections.abc import Iterator
from types import ModuleType

import numpy  # noqa: F401  with its own OpenBLAS, before the variable is set


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def fitting_core() -> str:
    """The core that fits this processor, or "" where OpenBLAS has chosen it by itself."""
    spec = importlib.util.find_spec("xtangent._openblas")
    if spec is None or spec.origin is None:
        return ""
    with _environment(OPENBLAS_NUM_THREADS="1"):  # so that it starts no threads, and can be unloaded
        library = ctypes.CDLL(spec.origin)
        try:
            library.xtangent_fitting_core.restype = ctypes.c_char_p
            return str(library.xtangent_fitting_core().decode())
        finally:
            _ctypes.dlclose(library._handle)


def _load() -> ModuleType:
    core = "" if "OPENBLAS_CORETYPE" in os.environ else fitting_core()
    with _environment(**({"OPENBLAS_CORETYPE": core} if core else {})):
        return importlib.import_module("xtangent._xtangent")


_load()

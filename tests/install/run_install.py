"""`./run install` puts the library where it is found, or prints the line that is missing.

Runs with layers over the sources and over the system's folders, so that nothing of it stays; skipped where that needs
rights that are not there. A meson and a ninja of other versions come first in PATH, as pip installs them.

usage: run_install.py SOURCE_FOLDER COMPILER...
"""
import os
import pathlib
import subprocess
import sys
import tempfile

from installation import INSIDE, SEARCHED, layers, run

source, compiler = sys.argv[1], sys.argv[2:]
layers(source, '/usr/local', '/etc')
if INSIDE not in os.environ:
    print('needs root and overlay mounts')
    sys.exit(77)
PROGRAM = """#include <autodiff/blas_core.hpp>
#include <cstdio>
int main() { std::puts(xtangent::blas_core_name().c_str()); }
"""
BUILD = ' '.join(compiler) + ' -std=c++20 program.cpp $(pkg-config --cflags --libs xtangent) -o program && ./program'


def library_times():
    return {f: f.stat().st_mtime_ns for f in pathlib.Path(source, 'build').glob('libxtangent.*') if f.is_file()}


with tempfile.TemporaryDirectory() as top:
    work, tools = pathlib.Path(top, 'work'), pathlib.Path(top, 'tools')
    for folder in (work, tools):
        folder.mkdir()
    for name in ('meson', 'ninja'):
        (tools / name).write_text('#!/bin/sh\necho "the wrong $0" >&2\nexit 1\n', encoding='utf-8')
        (tools / name).chmod(0o755)
    (work / 'program.cpp').write_text(PROGRAM, encoding='utf-8')
    environment = {name: value for name, value in os.environ.items() if name not in SEARCHED}
    environment['PATH'] = f'{tools}:{environment["PATH"]}'
    built = library_times()

    # Into a folder that nothing searches: one line helps, which a shell can evaluate.
    prefix = top + '/prefix'
    line = run(source + '/run', 'install', '--prefix', prefix, env=environment, cwd=work, stdout=subprocess.PIPE).stdout
    assert line.startswith('export ') and line.count('\n') == 1, line
    assert subprocess.run(['sh', '-c', BUILD], env=environment, cwd=work, capture_output=True).returncode != 0
    run('sh', '-c', line.replace('\n', '; ') + BUILD, env=environment, cwd=work)

    # Into the system's.
    said = run(source + '/run', 'install', env=environment, cwd=work, stdout=subprocess.PIPE).stdout
    assert said == '', said
    assert (pathlib.Path('/usr/local') / 'include/xtangent/xtangent.hpp').is_file()
    run('sh', '-c', BUILD, env=environment, cwd=work)
    assert library_times() == built, 'the library was built again'

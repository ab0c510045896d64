"""Installs into a temporary folder and builds client.cpp outside of the tree with nothing but what pkg-config prints.

usage: installed.py BUILD_FOLDER CLIENT_CPP MESON COMPILER...
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

build, client, meson, compiler = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]


def run(*command, **options):
    print('$', *command, flush=True)
    return subprocess.run(command, check=True, text=True, **options)


def pkg_config(*options):
    return run('pkg-config', *options, 'xtangent', stdout=subprocess.PIPE).stdout.split()


with tempfile.TemporaryDirectory() as folder:
    top = pathlib.Path(folder)
    run(meson, 'install', '-C', build, '--no-rebuild', '--quiet', '--destdir', str(top / 'installed'))
    pc_file, = top.rglob('xtangent.pc')
    library = pc_file.parent.parent
    headers, = top.rglob('include/xtangent')
    missing = [h for h in ('xtangent.hpp', 'autodiff/tape.hpp', 'nn/sequential.hpp', 'ntk/kernel.hpp')
               if not (headers / h).is_file()]
    assert not missing, missing
    strays = [str(f) for f in headers.rglob('*') if f.is_file() and f.suffix != '.hpp']
    assert not strays, strays

    description = pc_file.read_text(encoding='utf-8')
    if '${pcfiledir}' not in description:  # not relocatable, so its prefix must be given
        prefix = str(headers.parent.parent)
        pc_file.write_text(re.sub('(?m)^prefix=.*$', 'prefix=' + prefix, description), encoding='utf-8')
    os.environ['PKG_CONFIG_PATH'] = str(pc_file.parent)
    shared, static = (any(library.glob('libxtangent.' + end)) for end in ('so', 'a'))
    work = top / 'client'
    work.mkdir()
    shutil.copy(client, work / 'client.cpp')
    common = [*compiler, '-std=c++20', '-O1', 'client.cpp']

    def build_and_run(name, *flags):
        run(*common, *flags, '-o', name, cwd=work)
        path = {} if name == 'static' else {'LD_LIBRARY_PATH': str(library)}
        run('./' + name, cwd=work, env={**os.environ, **path})

    if shared:
        flags = pkg_config('--cflags', '--libs')
        build_and_run('plain', *flags)
        build_and_run('native', '-DXTENSOR_USE_XSIMD', '-march=native', *flags)
    if static:
        # Where both libraries are installed, the linker prefers the shared one unless the file is named.
        flags = ['-l:libxtangent.a' if f == '-lxtangent' else f for f in pkg_config('--static', '--cflags', '--libs')]
        build_and_run('static', *flags)
    assert shared or static

"""Builds client.cpp outside of the tree against the installed library, with what pkg-config says alone.

usage: installed.py BUILD_FOLDER CLIENT_CPP MESON COMPILER...
"""
import pathlib
import shutil
import sys
import tempfile

from installation import installed, layers, pkg_config, run

layers('/usr/local', '/etc')
build, client, meson, compiler = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]

with installed(build, meson) as (prefix, environment), tempfile.TemporaryDirectory() as work:
    shared, static = (any(prefix.glob('lib*/**/libxtangent.' + end)) for end in ('so', 'a'))
    assert shared or static
    shutil.copy(client, pathlib.Path(work, 'client.cpp'))

    def build_and_run(name, *flags):
        run(*compiler, '-std=c++20', '-O1', 'client.cpp', *flags, '-o', name, cwd=work, env=environment)
        run('./' + name, cwd=work, env=environment)

    if shared:
        flags = pkg_config(environment, '--cflags', '--libs')
        build_and_run('plain', *flags)
        build_and_run('native', '-DXTENSOR_USE_XSIMD', '-march=native', *flags)
    if static:
        # Where both libraries are installed the linker prefers the shared one, unless it is told the file.
        flags = pkg_config(environment, '--static', '--cflags', '--libs')
        for name in [name for name in environment if name == 'LD_LIBRARY_PATH']:
            del environment[name]
        build_and_run('static', *('-l:libxtangent.a' if f == '-lxtangent' else f for f in flags))
        needed = run('ldd', 'static', cwd=work, capture_output=True).stdout
        assert 'libxtangent' not in needed, needed

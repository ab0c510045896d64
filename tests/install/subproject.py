"""Builds client.cpp in a project that has this one as a meson subproject.

usage: subproject.py SOURCE_FOLDER CLIENT_CPP MESON COMPILER...
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

source, client, meson, compiler = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
PROJECT = """project('client', 'cpp', default_options: ['cpp_std=c++20', 'optimization=0', 'default_library=static'])
test('client', executable('client', 'client.cpp', dependencies: dependency('xtangent', fallback: 'xtangent')))
"""

with tempfile.TemporaryDirectory() as folder:
    top = pathlib.Path(folder)
    shutil.copy(client, top / 'client.cpp')
    (top / 'meson.build').write_text(PROJECT, encoding='utf-8')
    (top / 'subprojects').mkdir()
    (top / 'subprojects' / 'xtangent').symlink_to(source)
    environment = {**os.environ, 'CXX': ' '.join(compiler)}
    environment.pop('PKG_CONFIG_PATH', None)
    for command in (['setup', 'build', '--force-fallback-for=xtangent'], ['compile', '-C', 'build'],
                    ['test', '-C', 'build', '--print-errorlogs']):
        print('$', meson, *command, flush=True)
        subprocess.run([meson, *command], cwd=top, env=environment, check=True)

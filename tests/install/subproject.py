"""Builds client.cpp in a project that has this one as a meson subproject.

The library is not compiled a second time: a compiler in front of the real one takes the object of the same source from
this project's build, after it has made sure that both commands mean the same object: optimised as here, whatever
the parent's build type.

usage: subproject.py SOURCE_FOLDER BUILD_FOLDER CLIENT_CPP MESON COMPILER...
"""
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

PROJECT = """project('client', 'cpp', default_options: ['cpp_std=c++20', 'optimization=0', 'default_library=static'])
test('client', executable('client', 'client.cpp', dependencies: dependency('xtangent', fallback: 'xtangent')))
"""


def meaning(words):
    """What of a compiler's options decides what an object does; the last of -O is the one that counts."""
    options = [word for word in words if word.startswith(('-D', '-U', '-f', '-m', '-std'))]
    for undefined in [word[2:] for word in options if word.startswith('-U')]:
        options = [word for word in options if word[2:].split('=')[0] != undefined]
    level = [word for word in words if word.startswith('-O')][-1:]
    return sorted(set(options) - {'-fdiagnostics-color=always'}) + level


def compile_one(source, build, compiler, words):
    """The compiler of the parent project, for one command."""
    file = next((word for word in words if word.endswith('.cpp')), '')
    path = pathlib.Path(file).resolve()
    if '-c' not in words or source not in path.parents:
        os.execvp(compiler[0], compiler + words)
    wanted = meaning(words)
    others = []
    for entry in json.loads((build / 'compile_commands.json').read_text(encoding='utf-8')):
        if pathlib.Path(entry['directory'], entry['file']).resolve() == path:
            others.append(meaning(shlex.split(entry['command'])))
            if others[-1] == wanted:
                shutil.copy(pathlib.Path(entry['directory'], entry['output']), words[words.index('-o') + 1])
                return
    sys.exit(f'{path.relative_to(source)} would be compiled with\n  {wanted}\nand not with\n  {others}')


def main(source, build, client, meson, compiler):
    with tempfile.TemporaryDirectory() as folder:
        top = pathlib.Path(folder)
        wrapper = top / 'compiler'
        wrapper.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, __file__, "--compile", source, build])} '
                           f'{len(compiler)} {shlex.join(compiler)} "$@"\n', encoding='utf-8')
        wrapper.chmod(0o755)
        shutil.copy(client, top / 'client.cpp')
        (top / 'meson.build').write_text(PROJECT, encoding='utf-8')
        (top / 'subprojects').mkdir()
        (top / 'subprojects' / 'xtangent').symlink_to(source)
        environment = {**os.environ, 'CXX': str(wrapper)}
        environment.pop('PKG_CONFIG_PATH', None)
        for command in (['setup', 'build', '--force-fallback-for=xtangent'], ['compile', '-C', 'build'],
                        ['test', '-C', 'build', '--print-errorlogs'],
                        ['install', '-C', 'build', '--no-rebuild', '--quiet', '--destdir', folder + '/installed']):
            print('$', meson, *command, flush=True)
            subprocess.run([meson, *command], cwd=top, env=environment, check=True)
        assert list((top / 'installed').rglob('include/xtangent/xtangent.hpp'))


if __name__ == '__main__':
    if sys.argv[1] == '--compile':
        source, build, count, *words = sys.argv[2:]
        compile_one(pathlib.Path(source), pathlib.Path(build), words[:int(count)], words[int(count):])
    else:
        main(*sys.argv[1:5], sys.argv[5:])

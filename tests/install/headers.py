"""Looks at which headers are installed, and whether each can be included alone.

A header that a source of its name includes first was compiled alone with the library. What it includes must be installed. The
others are compiled here, against the installed copy.

usage: headers.py SOURCES BUILD_FOLDER MESON COMPILER...
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

from installation import installed, layers, pkg_config

layers('/usr/local', '/etc')
sources, build, meson, compiler = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]

with installed(build, meson) as (prefix, environment):
    top = prefix / 'include' / 'xtangent'
    flags = pkg_config(environment, '--cflags')
    headers = sorted(str(f.relative_to(top)) for f in top.rglob('*') if f.is_file())
    assert {'xtangent.hpp', 'autodiff/tape.hpp', 'nn/sequential.hpp', 'ntk/kernel.hpp'} <= set(headers), headers
    assert all(h.endswith('.hpp') for h in headers), headers
    inner = [h for h in headers if re.search(r'kernels/simd/|/lapack|/dispatch', h)]
    assert not inner, inner  # what only the library includes

    def is_first_of_its_source(header):
        source = sources / (header.removesuffix('.hpp') + '.cpp')
        return source.exists() and re.search(r'#include ["<](.*?)[">]', source.read_text()).group(1) == header

    for header in headers:
        for name in re.findall(r'#include "(\S+\.hpp)"', (top / header).read_text()):
            assert name in headers, f'{header} includes {name}, which is not installed'
    left = [h for h in headers if not is_first_of_its_source(h)]
    assert 0 < len(left) < len(headers), left

    def alone(header):
        command = [*compiler, '-std=c++20', '-Wall', '-Wextra', '-fsyntax-only', *flags, '-x', 'c++', '-']
        return subprocess.run(command, input=f'#include <{header}>\n', env=environment, text=True, capture_output=True)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, result in zip(left, pool.map(alone, left)):
            assert result.returncode == 0 and not result.stderr, header + '\n' + result.stderr
    print(len(headers), 'headers;', len(left), 'of them compiled alone')

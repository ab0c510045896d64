"""Compiles each installed header alone against the installed copy, and looks at which there are.

usage: headers.py BUILD_FOLDER MESON COMPILER...
"""
import concurrent.futures
import os
import re
import subprocess
import sys

from installation import installed, layers, pkg_config

layers('/usr/local', '/etc')
build, meson, compiler = sys.argv[1], sys.argv[2], sys.argv[3:]

with installed(build, meson) as (prefix, environment):
    top = prefix / 'include' / 'xtangent'
    flags = pkg_config(environment, '--cflags')
    headers = sorted(str(f.relative_to(top)) for f in top.rglob('*') if f.is_file())
    assert {'xtangent.hpp', 'autodiff/tape.hpp', 'nn/sequential.hpp', 'ntk/kernel.hpp'} <= set(headers), headers
    assert all(h.endswith('.hpp') for h in headers), headers
    inner = [h for h in headers if re.search(r'kernels/simd/|/lapack|/dispatch', h)]
    assert not inner, inner  # what only the library includes

    def alone(header):
        command = [*compiler, '-std=c++20', '-Wall', '-Wextra', '-fsyntax-only', *flags, '-x', 'c++', '-']
        return subprocess.run(command, input=f'#include <{header}>\n', env=environment, text=True, capture_output=True)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, result in zip(headers, pool.map(alone, headers)):
            assert result.returncode == 0 and not result.stderr, header + '\n' + result.stderr
    print(len(headers), 'headers, each compiles alone')

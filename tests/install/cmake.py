"""Builds client.cpp in a CMake project that asks for the installed library, shared and static.

usage: cmake.py BUILD_FOLDER CLIENT_CPP MESON VERSION COMPILER...
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

from installation import installed, layers, run

if not shutil.which('cmake'):
    print('cmake is not installed')
    sys.exit(77)
layers('/usr/local', '/etc')
build, client, meson, version, compiler = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:]
PROJECT = """cmake_minimum_required(VERSION 3.25)
project(client CXX)
find_package(xtangent WANTED REQUIRED)
find_package(xtangent WANTED REQUIRED)  # as where two parts of a project ask for it
add_library(object OBJECT client.cpp)
target_link_libraries(object PRIVATE xtangent::xtangent)
foreach(target xtangent xtangent_static)
  if(TARGET xtangent::${target})
    add_executable(client_${target} $<TARGET_OBJECTS:object>)
    target_link_libraries(client_${target} PRIVATE xtangent::${target})
  endif()
endforeach()
"""


def configure(wanted, folder, environment, **options):
    pathlib.Path(folder, 'CMakeLists.txt').write_text(PROJECT.replace('WANTED', wanted), encoding='utf-8')
    return run('cmake', '-G', 'Ninja', '-S', folder, '-B', folder + '/build-' + wanted, '-DCMAKE_BUILD_TYPE=Debug',
               '-DCMAKE_CXX_COMPILER=' + compiler[-1], *(['-DCMAKE_CXX_COMPILER_LAUNCHER=' + compiler[0]]
                                                         if len(compiler) > 1 else []), env=environment, **options)


with installed(build, meson) as (prefix, environment), tempfile.TemporaryDirectory() as work:
    shutil.copy(client, pathlib.Path(work, 'client.cpp'))
    configure(version, work, environment)
    run('cmake', '--build', work + '/build-' + version, env=environment)
    environment.pop('LD_LIBRARY_PATH', None)  # CMake's own entry in the program leads to the library
    programs = sorted(pathlib.Path(work, 'build-' + version).glob('client_*'))
    for program in programs:
        run(program, env=environment)
    linked = {program.name: 'libxtangent' in run('ldd', program, env=environment, capture_output=True).stdout
              for program in programs}
    shared, static = (any(prefix.glob('lib*/**/libxtangent.' + end)) for end in ('so', 'a'))
    expected = {'client_xtangent': shared}
    if static:
        expected['client_xtangent_static'] = False
    assert linked == expected, linked

    # The interface may change with the second number.
    major, minor, _ = version.split('.')
    try:
        configure(f'{major}.{int(minor) + 1}', work, environment, capture_output=True)
    except subprocess.CalledProcessError as refused:
        assert 'compatible' in refused.stderr and version in refused.stderr, refused.stderr
    else:
        raise AssertionError('another version was taken')

"""Installs the library as its users do, for the tests beside it.

As root it goes to /usr/local, as this machine's pkg-config, CMake and loader find it with no variable set; in a mount
namespace with layers over /usr/local and /etc, so that nothing of it stays. Elsewhere it goes to a temporary folder, and
the variables are those that `./run install --prefix` prints.
"""
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

INSIDE = 'XTANGENT_TEST_LAYERS'
SEARCHED = ('PKG_CONFIG_PATH', 'LD_LIBRARY_PATH', 'CMAKE_PREFIX_PATH', 'xtangent_DIR', 'xtangent_ROOT')


def run(*command, **options):
    print('$', *command, flush=True)
    return subprocess.run([str(word) for word in command], check=True, text=True, **options)


def layers(*folders):
    """Runs this program again where what is written below these folders goes to a temporary file system."""
    if os.geteuid() != 0 or INSIDE in os.environ:
        return
    with tempfile.TemporaryDirectory() as top:
        mounts = f'mount -t tmpfs tmpfs {top}'
        for number, folder in enumerate(folders):
            own = f'{top}/{number}'
            mounts += (f' && mkdir -p {own}/upper {own}/work && mount -t overlay overlay -o '
                       f'lowerdir={folder},upperdir={own}/upper,workdir={own}/work {folder}')
        if subprocess.run(['unshare', '--mount', 'sh', '-c', mounts], capture_output=True).returncode == 0:
            sys.exit(subprocess.run(['unshare', '--mount', 'sh', '-c', mounts + ' && exec "$@"', 'sh', sys.executable,
                                     *sys.argv], env={**os.environ, INSIDE: top}).returncode)


@contextlib.contextmanager
def installed(build, meson):
    """Installs what is built: its prefix, and the environment of a user's shell."""
    environment = {name: value for name, value in os.environ.items() if name not in SEARCHED}
    options = json.loads(run(meson, 'introspect', '--buildoptions', build, stdout=subprocess.PIPE).stdout)
    configured = next(option['value'] for option in options if option['name'] == 'prefix')
    if INSIDE in os.environ and configured == '/usr/local':
        run(meson, 'install', '-C', build, '--no-rebuild', '--quiet')
        run('/usr/sbin/ldconfig')
        yield pathlib.Path('/usr/local'), environment
        return
    print('no root, no layers or another prefix: installed to a folder of its own')
    with tempfile.TemporaryDirectory() as top:
        run(meson, 'install', '-C', build, '--no-rebuild', '--quiet', '--destdir', top)
        pc_file, = pathlib.Path(top).rglob('xtangent.pc')
        prefix, = (headers.parent.parent for headers in pathlib.Path(top).rglob('include/xtangent'))
        yield prefix, {**environment, 'PKG_CONFIG_PATH': str(pc_file.parent), 'CMAKE_PREFIX_PATH': str(prefix),
                       'LD_LIBRARY_PATH': str(pc_file.parent.parent)}


def pkg_config(environment, *options):
    return run('pkg-config', *options, 'xtangent', stdout=subprocess.PIPE, env=environment).stdout.split()

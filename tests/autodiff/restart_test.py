"""A program that starts itself again: directly, through the dynamic loader, without /proc, and with the rights of another
user, in which case it stays as it is.

usage: restart_test.py PROGRAM
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from checks import check, finish  # noqa: E402

program = os.path.abspath(sys.argv[1])
ARGUMENTS = ["a", "", "b c", "--x=$y", "über", ""]


def run(command, **environment):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **environment})


def shown(first, arguments, status="restarted"):
    return "\n".join([status, f"[{first}]", *(f"[{a}]" for a in arguments)]) + "\n"


def interpreter():
    """The dynamic loader that the program names."""
    for line in subprocess.run(["ldd", program], capture_output=True, text=True).stdout.splitlines():
        if "ld-linux" in line or "/ld-" in line:
            return next(word for word in line.split() if word.startswith("/"))
    return None


for arguments in ARGUMENTS, []:
    done = run([program, *arguments])
    check(done.returncode == 0 and done.stdout == shown(program, arguments), f"directly: {done}")

loader = interpreter()
if loader is None:
    print("skipped: through the loader, none is named")
else:
    with tempfile.TemporaryDirectory() as folder:
        # A first argument that is itself a program, as a user may well have: it must not be run.
        trap = pathlib.Path(folder) / "trap"
        shutil.copy("/bin/echo", trap)
        for options in [], ["--library-path", folder], ["--inhibit-cache"]:
            for arguments in [str(trap), "instead"], ARGUMENTS, []:
                done = run([loader, *options, program, *arguments])
                check(done.returncode == 0 and done.stdout == shown(program, arguments), f"{options}: {done}")
        done = run([loader, "--argv0", "another name", program, str(trap)])
        check(done.returncode == 0 and done.stdout == shown("another name", [str(trap)]), f"--argv0: {done}")

done = run([program, "a", "b"], CHANGE_ARGUMENT="yes")
check(done.stdout == shown(program, ["other", "b"], "stays: it was started with other arguments than main has"),
      f"changed arguments: {done}")

hidden = run(["unshare", "-m", "sh", "-c", "umount -l /proc && exec \"$0\" \"$@\"", program, "a"])
if hidden.stdout:
    check(hidden.stdout == shown(program, ["a"], "stays: there is no /proc"), f"without /proc: {hidden}")
else:
    print("skipped: without /proc, which cannot be hidden here:", hidden.stderr.strip())

with tempfile.TemporaryDirectory() as folder:
    copy = pathlib.Path(folder) / "program"
    shutil.copy(program, copy)
    os.chmod(folder, 0o755)
    if os.geteuid() != 0 or os.statvfs(folder).f_flag & os.ST_NOSUID:
        print("skipped: the rights of another user, which only root can give")
    else:
        os.chown(copy, 65534, 65534)
        os.chmod(copy, 0o4755)
        done = run([str(copy), "a"])
        check(done.stdout == shown(copy, ["a"], "stays: this program has other rights than its user"), f"set-uid: {done}")

finish()

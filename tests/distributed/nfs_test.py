"""Computes a kernel on four machines that share a folder by NFS. Machines lose their power again and again, and the server
goes down and comes back. The result always has the bits of one process.

The machines are kernels of Linux in user mode, each with its own processes, memory, network address and clock; the server's
disk is a file. They see the files of this machine, and write to the folder of the test alone. They need no rights, but Debian's
packages user-mode-linux, uml-utilities, nfs-kernel-server and e2fsprogs.

usage: nfs_test.py KERNEL [KILLS] [SEED]
"""
import glob
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "examples"))
from programs import check, finish, run_with_kills, write_cifar  # noqa: E402

kernel = os.path.abspath(sys.argv[1])
kills = int(sys.argv[2]) if len(sys.argv) > 2 else 3
seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 31)
draw = random.Random(seed)
FIRST = 2  # the number of the first machine that computes; 1 is the server
# 36 tiles, several seconds of one process.
WORK = ["--network", "resnet18", "--width", "0.25", "--n", "240", "--memory", "40M", "--threads", "1"]
# A machine begins with this. Its hour is wrong by as many hours as its number, which must not matter.
BOOT = """#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /run
mkdir /run/share /run/test
mount -t hostfs -o "$folder" none /run/test
hostname host$number
date -s "+$number hours" > /dev/null
ip link set lo up
ip address add 10.77.0.$number/24 dev eth0
ip link set eth0 up
. "$script"
"""
SERVER = """
mount -t tmpfs tmp /var/lib/nfs
mkdir -p /var/lib/nfs/rpc_pipefs /var/lib/nfs/v4recovery /var/lib/nfs/nfsdcld
touch /var/lib/nfs/etab /var/lib/nfs/rmtab
mount -t ext4 /dev/ubda /run/share
modprobe -d "$folder" nfsd
mount -t nfsd nfsd /proc/fs/nfsd
exportfs -i -o rw,no_root_squash,no_subtree_check,fsid=0 10.77.0.0/24:/run/share
rpc.nfsd -N 3 -G 10 -L 10 8
rpc.mountd -N 3
echo the server is ready
while sleep 1000; do :; done
"""
CLIENT = """
modprobe -d "$folder" nfsv4
until mount -t nfs -o vers=4.2 10.77.0.1:/ /run/share; do sleep 0.2; done
{command}
echo $? > /run/test/status$number
halt -f -d
"""


class Machine:
    """A machine in `here` that runs a script. It is a process group of its own, which ends with its power."""

    def __init__(self, here, number, script, *words):
        self.log = here / f"log{number}"
        self.script = here / f"script{number}"
        self.status = here / f"status{number}"
        self.status.unlink(missing_ok=True)
        self.script.write_text(script)
        command = ["linux.uml", "rootfstype=hostfs", "rootflags=/", "ro", "mem=512M", f"init={here / 'boot'}", "con=null",
                   "con0=null,fd:1", f"eth0=daemon,,unix,{here / 'switch'}", f"number={number}", f"script={self.script}",
                   f"folder={here}", *words]
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def poll(self):
        """None while it runs, as of a process."""
        return self.process.poll()

    def cut_power(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def ended(self, timeout=300):
        self.process.wait(timeout)
        return self.status.read_text(encoding="utf-8").strip() if self.status.exists() else "none"

    def said(self):
        return self.log.read_text(encoding="utf-8", errors="replace")


def server(here):
    machine = Machine(here, 1, SERVER, f"ubda={here / 'disk'}")
    end = time.monotonic() + 60
    while "the server is ready" not in machine.said():
        if time.monotonic() > end or machine.poll() is not None:
            machine.cut_power()
            raise RuntimeError(f"the server does not start: {machine.said()}")
        time.sleep(0.1)
    return machine


def command(here, store, out):
    return " ".join([kernel, *WORK, "--data", str(here / "cifar10"), "--out", str(out), "--store", str(store)])


def begin(here, number, name):
    words = command(here, f"/run/share/{name}", f"/run/test/K{number}.npy")
    return Machine(here, number, CLIENT.replace("{command}", f"{words} --share --patience 5"))


def check_ends(here, machines, expected, what):
    said = ""
    for number, machine in enumerate(machines, start=FIRST):
        status = machine.ended()
        said += machine.said()
        check(status == "0", f"{what}: host{number} ended with {status}: {machine.said()[-2000:]}")
        check((here / f"K{number}.npy").read_bytes() == expected, f"{what}: host{number} has the kernel of one process")
        (here / f"K{number}.npy").unlink(missing_ok=True)
    return said


def power_cuts(here, expected, seconds):
    done, turns, said = 0, 0, []

    def cut(machine):
        said.append(machine.said())
        machine.cut_power()

    while done < kills:
        turns += 1
        machines, cut_now = run_with_kills(lambda i, name=f"cuts{turns}": begin(here, FIRST + i, name), cut, 4, kills - done,
                                           seconds, draw)
        done += cut_now
        said.append(check_ends(here, machines, expected, f"after {done} power cuts"))
    print(f"four machines, {done} power cuts in {turns} kernels, {''.join(said).count('Took over')} claims taken over")


def server_down(here, first, expected, seconds):
    machines = [begin(here, FIRST + i, "down") for i in range(4)]
    time.sleep(3 + 0.2 * seconds)
    working = sum(machine.poll() is None for machine in machines)
    first.cut_power()
    time.sleep(5)
    again = server(here)
    check_ends(here, machines, expected, "the server was down")
    print(f"the server was down for 5 seconds, {working} machines waited for it")
    return again


needed = ["linux.uml", "uml_switch", "rpc.nfsd", "rpc.mountd", "exportfs", "mount.nfs", "mkfs.ext4"]
path = os.environ["PATH"] + ":/usr/sbin:/sbin"
missing = [name for name in needed if not shutil.which(name, path=path)]
modules = glob.glob("/usr/lib/uml/modules/*")
if missing or not modules:
    print(f"skipped: no {', '.join(missing) or 'modules of user-mode-linux'}")
    finish()
print(f"seed {seed}")
with tempfile.TemporaryDirectory() as temporary:
    home = pathlib.Path(temporary)
    write_cifar(home / "cifar10", 50)
    (home / "boot").write_text(BOOT)
    (home / "boot").chmod(0o755)
    (home / "lib").mkdir()
    (home / "lib" / "modules").symlink_to("/usr/lib/uml/modules")
    with open(home / "disk", "wb") as disk:
        disk.truncate(1 << 30)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(home / "disk")], check=True, env={**os.environ, "PATH": path})
    began = time.monotonic()
    subprocess.run(command(home, home / "one", home / "one.npy").split(), check=True, stdout=subprocess.DEVNULL)
    alone = time.monotonic() - began
    whole = (home / "one.npy").read_bytes()
    switch = subprocess.Popen(["uml_switch", "-unix", str(home / "switch")], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    share = server(home)
    try:
        power_cuts(home, whole, alone)
        share = server_down(home, share, whole, alone)
    finally:
        share.cut_power()
        switch.terminate()
finish()

"""Computes a kernel by several processes of the kernel program in one folder, kills some of them again and again, and
takes the folder away from them. The result always has the bits of one process.

usage: sharing_test.py KERNEL [KILLS] [SEED] [MOUNT]

Every other fault is tried a twentieth as often as processes are killed, and at least once.
MOUNT is a command that mounts a share on the folder that follows it, such as 'mount -t nfs server:/share'. The four hosts
then mount that share, and otherwise a folder of this machine.
"""
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from programs import check, finish, run_with_kills, write_cifar

kernel = os.path.abspath(sys.argv[1])
kills = int(sys.argv[2]) if len(sys.argv) > 2 else 20
seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 31)
mount = sys.argv[4] if len(sys.argv) > 4 else ""
tries = max(1, kills // 20)  # of each other fault
draw = random.Random(seed)
# Four panels of rows, and 36 tiles.
WORK = ["--network", "resnet18", "--width", 0.0625, "--data", "DATA", "--n", 240, "--memory", "8M", "--threads", 1]


def start(here, store, *options, host=(), out="K.npy", work=WORK, **more):
    words = [*host, kernel, *(here / "cifar10" if word == "DATA" else word for word in work),
             "--out", here / out, "--store", store, *options]
    return subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def ended(process, timeout=300):
    out, errors = process.communicate(timeout=timeout)
    return process.returncode, out, errors


def run(*arguments, **more):
    return ended(start(*arguments, **more))


def tiles(store):
    return {file.name: file.read_bytes() for file in (store / "train").glob("tile-*.npy")}


def wait_for(moment, what):
    end = time.monotonic() + 120
    while not moment():
        if time.monotonic() > end:
            check(False, f"{what} does not come")
            return
        time.sleep(0.01)


def has_tiles(store, count=1):
    return lambda: len(list((store / "train").glob("tile-*.npy"))) >= count


def check_store(store, expected, what):
    check(tiles(store) == expected["tiles"], f"{what}: the tiles of one process")
    left = {file.name for file in (store / "train").iterdir()} - set(expected["tiles"])
    check(left == {"manifest.json", "lock"}, f"{what}: it leaves {left}")


def one_process(here):
    began = time.monotonic()
    status, _, errors = run(here, here / "one", out="one.npy")
    check(status == 0, f"one process: {errors}")
    seconds = time.monotonic() - began
    found = tiles(here / "one")
    check(len(found) >= 20, f"only {len(found)} tiles")
    return {"tiles": found, "kernel": (here / "one.npy").read_bytes(), "seconds": seconds}


def power_off(process):
    """Ends a process at once, and returns what it said on stderr."""
    process.send_signal(signal.SIGKILL)
    return process.communicate()[1]


def killed(here, expected):
    """Four processes, of which a random one is killed at random moments, and begins again with the same command."""
    done = turns = 0
    while done < kills:
        store = here / f"killed{turns}"
        turns += 1
        processes, killed_now = run_with_kills(lambda i, store=store: start(here, store, "--share", out=f"K{i}.npy"), power_off, 4,
                                               kills - done, 0.15 * expected["seconds"], draw)
        done += killed_now
        for i, process in enumerate(processes):
            status, _, errors = ended(process)
            check(status == 0, f"after {done} kills: {errors}")
            check((here / f"K{i}.npy").read_bytes() == expected["kernel"], "the kernel of one process")
        check_store(store, expected, f"after {done} kills")
        shutil.rmtree(store)
    print(f"{done} kills in {turns} kernels of {len(expected['tiles'])} tiles, one process {expected['seconds']:.1f} s")


def hosts_of(here):
    """Commands that make a process one of four hosts: each with its own name, processes and mounts, and its own network,
    unless it needs that of this machine to reach the share."""
    out = []
    for i in range(4):
        mounted = here / f"host{i}"
        mounted.mkdir()
        how = mount or f'mount --bind "{here / "share"}"'
        script = f'hostname host{i} && {how} "{mounted}" && exec "$@"'
        net = [] if mount else ["--net"]
        out.append(["unshare", "--mount", "--uts", *net, "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script, "sh"])
    return out


def on_hosts(here, expected):
    """Hosts that do not see each other's processes: the claim of a killed one is taken over because it does not change."""
    share = here / "share"
    share.mkdir()
    hosts = hosts_of(here)
    tried = subprocess.run([*hosts[0], "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        check(not mount, f"{mount}: {tried.stderr}")
        print(f"skipped: four hosts: {tried.stderr.strip()}")
        return
    if mount:
        subprocess.run(["sh", "-c", f'{mount} "{share}"'], check=True)
    try:
        kill_hosts(here, hosts, expected)
    finally:
        if mount:
            subprocess.run(["umount", share], check=True)


def kill_hosts(here, hosts, expected):
    """In as many kernels as the kills take."""
    aim, done, turns, said = max(3, kills // 10), 0, 0, []
    while done < aim:
        name = f"kernel-{os.getpid()}-{turns}"
        turns += 1

        def begin(i, name=name):
            return start(here, here / f"host{i}" / name, "--share", "--patience", 2, host=hosts[i], out=f"H{i}.npy")

        processes, killed_now = run_with_kills(begin, lambda process: said.append(power_off(process)), 4, aim - done,
                                               expected["seconds"], draw)
        done += killed_now
        for i, process in enumerate(processes):
            status, _, errors = ended(process)
            said.append(errors)
            check(status == 0, f"host {i}: {errors}")
            check((here / f"H{i}.npy").read_bytes() == expected["kernel"], f"host {i}: the kernel of one process")
        check_store(here / "share" / name, expected, "four hosts")
        shutil.rmtree(here / "share" / name)
    print(f"four hosts, {done} kills in {turns} kernels, {''.join(said).count('Took over')} claims taken over")


def one_file(here, expected):
    """Processes that name the same file: one of them writes it."""
    store = here / "one_file"
    folder = here / "file"
    folder.mkdir()
    processes = [start(here, store, "--share", out="file/K.npy") for _ in range(4)]
    numbers = set()
    while any(process.poll() is None for process in processes):
        if (folder / "K.npy").exists():
            numbers.add((folder / "K.npy").stat().st_ino)
        time.sleep(0.001)
    for process in processes:
        status, out, errors = ended(process)
        check(status == 0 and "K.npy: kernel of" in out, f"one file: {out} {errors}")
    check((folder / "K.npy").read_bytes() == expected["kernel"], "one file: the kernel of one process")
    check(len(numbers) == 1, f"one file: it was written {len(numbers)} times")
    check([file.name for file in folder.iterdir()] == ["K.npy"], f"one file: {list(folder.iterdir())}")
    check_store(store, expected, "one file")


def fixed_parts(here, expected):
    store = here / "parts"
    parts = [start(here, store, "--shard", f"{i}/3", out="P.npy") for i in (1, 2)]
    for process in parts:
        status, out, errors = ended(process)
        check(status == 0 and "P.npy is not written yet: part " in out and "of 3 is finished" in out, f"a part: {out} {errors}")
    check(not (here / "P.npy").exists(), "no kernel before it is complete")
    third = {**os.environ, "SLURM_ARRAY_TASK_ID": "12", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MIN": "10"}
    status, out, errors = run(here, store, "--shard", "auto", out="P.npy", env=third)
    check(status == 0 and "shared   this process computes part 3 of 3" in out, f"the last part: {out} {errors}")
    check((here / "P.npy").read_bytes() == expected["kernel"], "parts: the kernel of one process")
    check_store(store, expected, "parts")
    layers = here / "layers"
    for i in (1, 2):
        few = [{240: 40, "8M": "64M"}.get(word, word) for word in WORK]
        status, out, errors = run(here, layers, "--per-layer", "--shard", f"{i}/2", out="L.npy", work=few)
        check(status == 0, f"layers, part {i}: {errors}")
        check(("L_layers/ is not written yet" in out) == (i == 1), f"layers, part {i}: {out}")


def garbage(here, expected):
    """What is no claim, and the claim of a host that nobody can ask."""
    store = here / "garbage"
    check(run(here, store, "--shard", "1/4")[0] == 0, "the first part")
    for what, text in ("damaged", draw.randbytes(100)), ("process 1 on", b"xtangent claim, 1\nhost far\nboot b\nspace s\nprocess 1\ntoken t\nbeat 3\n"):
        missing = sorted(set(expected["tiles"]) - set(tiles(store)))
        cut = json.loads((store / "train" / "manifest.json").read_text())["partition"]
        row, column = (int(word) for word in missing[0].split("-")[1:3])
        claim = store / "train" / f"claim-{row * cut['tile'] // cut['panel']:05}-{column:05}"
        claim.write_bytes(text)
        process = start(here, store, "--share", "--patience", 1)
        wait_for(lambda: not claim.exists() or process.poll() is not None, "the takeover")
        status, _, errors = ended(process)
        check(status == 0 and what in errors and f"Took over {claim}" in errors, f"garbage: {status} {errors}")
        check_store(store, expected, what)
        for name in list(expected["tiles"])[::3]:
            (store / "train" / name).unlink()
    claim.write_bytes(text)
    status, _, errors = run(here, store, "--share", "--take-over", "--patience", 100000)
    check(status == 0, f"--take-over: {errors}")
    check_store(store, expected, "--take-over")


def two_commands(here, expected):
    store = here / "two"
    first = start(here, store, "--share")
    second = start(here, store, "--share", out="T.npy", work=[*WORK, "--readout", "trace"])
    results = [ended(first), ended(second)]
    check(sorted(status for status, _, _ in results) == [0, 1], f"two commands: {results}")
    wrong = next(errors for status, _, errors in results if status == 1)
    check("was begun with other settings: " in wrong and "readout (" in wrong, f"two commands: {wrong}")
    if results[0][0] == 0:
        check_store(store, expected, "two commands")


def disk(here, expected):
    """A process that cannot write ends with its reason and leaves no claim, and another one finishes."""
    def limited(bytes_):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, resource.RLIM_INFINITY))
        return limit

    for bytes_, file in (600, "tile-"), (10, "claim-"):
        store = here / f"disk{bytes_}"
        check(run(here, store, "--shard", "1/4")[0] == 0, "the first part")
        status, out, errors = run(here, store, "--share", out="/dev/null", preexec_fn=limited(bytes_))
        check(status == 1 and file in errors and "cannot be written" in errors, f"{bytes_} bytes a file: {status} {out} {errors}")
        status, _, errors = run(here, store, "--share")
        check(status == 0, f"when there is room: {errors}")
        check_store(store, expected, f"{bytes_} bytes a file")


def gone(here, expected):
    """A share that disappears: every process ends with its name or waits, and the same commands finish the kernel."""
    store = here / "gone"
    processes = [start(here, store, "--share", out=f"G{i}.npy") for i in range(3)]
    wait_for(has_tiles(store, 3), "three tiles")
    store.rename(here / "away")
    time.sleep(0.3 * expected["seconds"])
    while (here / "away").exists():
        shutil.rmtree(store, ignore_errors=True)  # where a process that came late has begun anew
        try:
            (here / "away").rename(store)
        except OSError:  # it has just begun anew again
            continue
    ends = [ended(process) for process in processes]
    check(all(status == 0 or (status == 1 and str(store) in errors) for status, _, errors in ends), f"a share that disappears: {ends}")
    before = tiles(store)
    check(before.items() <= expected["tiles"].items(), "finished tiles are whole")
    for i, process in enumerate([start(here, store, "--share", out=f"G{i}.npy") for i in range(3)]):
        status, _, errors = ended(process)
        check(status == 0 and (here / f"G{i}.npy").read_bytes() == expected["kernel"], f"when it is back: {errors}")
    check_store(store, expected, "a share that disappeared")
    print(f"a share that disappears: {sum(status for status, _, _ in ends)} of 3 ended with its name")


def wrong_options(here):
    for options, said in ((["--shard", "4/3"], "'4/3' is no part"), (["--shard", "auto"], "no variable says"),
                          (["--share", "--shard", "1/2"], "excludes"), (["--take-over"], "--share"),
                          (["--share", "--patience", "0"], "must be positive")):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "OMPI", "PMI"))}
        status, _, errors = run(here, here / "wrong", *options, env=environment)
        check(status == 1 and said in errors, f"{options}: {errors}")
    check(not (here / "wrong").exists(), "nothing is begun")
    done = subprocess.run([kernel, "--share"], capture_output=True, text=True, check=False)
    check(done.returncode == 1 and "--store" in done.stderr, f"--share alone: {done.stderr}")


print(f"seed {seed}")
with tempfile.TemporaryDirectory() as temporary:
    home = pathlib.Path(temporary)
    write_cifar(home / "cifar10", 50)
    wrong_options(home)
    whole = one_process(home)
    for part in killed, on_hosts, one_file, fixed_parts:
        part(home, whole)
    for part in garbage, two_commands, disk, gone:
        for i in range(tries):
            folder = home / f"{part.__name__}{i}"
            folder.mkdir()
            (folder / "cifar10").symlink_to(home / "cifar10")
            part(folder, whole)
            shutil.rmtree(folder)
        print(f"{part.__name__}, tries: {tries}")
finish()

"""Computes kernels and features in processes of their own, whose memory is measured or which are killed.

usage: probe_test.py memory|features|regression|kill|disk PROGRAM
"""
import json
import pathlib
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from checks import check, finish  # noqa: E402

mode, program = sys.argv[1:3]


def run(*words, **more):
    return subprocess.run([program, *map(str, words)], capture_output=True, text=True, timeout=600, **more)


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.glob("tile-*.npy")}


def memory():
    """The peak that the operating system reports stays below the budget plus a fixed overhead."""
    rows = [("mlp", 3500, "pseudo", "automatic", 256), ("resnet18", 470, "pseudo", "automatic", 256),
            ("vit", 560, "pseudo", "automatic", 256), ("lenet", 500, "full", "automatic", 256),
            ("lenet", 150, "full", "jacobian", 256), ("small", 500, "full", "vector_products", 256),
            ("small", 1130, "full", "automatic", 1024), ("lenet", 9000, "pseudo", "automatic", 1024),
            ("small", 2240, "full", "automatic", 4096), ("resnet18", 900, "pseudo", "bfloat16", 256)]
    for row in rows:
        done = run("memory", *row)
        check(done.returncode == 0, f"{row}: {done.stderr}")
        if done.returncode:
            continue
        found = json.loads(done.stdout)
        print(*row, done.stdout.strip())
        check(0.75 * found["budget"] <= found["planned"] <= found["budget"], f"{row}: the plan uses the budget, and no more")
        check(found["arrays"] <= found["planned"], f"{row}: arrays hold more than planned")
        check(found["peak"] <= found["budget"] + found["overhead"], f"{row}: the peak is above budget and overhead")
    small = run("memory", "mlp", 2000, "pseudo", "automatic", 16)
    check(small.returncode == 1 and "needs at least" in small.stderr, "a budget that cannot be kept: " + small.stderr)


def features():
    """The same for features and their basis, in memory and in a folder."""
    # Features of 4,000 examples take 125 MiB, or 250 MiB in double, and those of a file 32 MiB; 300 anchors take 20 MiB.
    rows = [(("lenet", 4000, 8192, 0, "float", 176), False), (("lenet", 4000, 8192, 300, "float", 232), False),
            (("lenet", 4000, 8192, 0, "double", 320), False), (("lenet", 4000, 8192, 0, "float", 64), True),
            (("lenet", 4000, 8192, 300, "float", 112), True)]
    for row, stored in rows:
        with tempfile.TemporaryDirectory() as folder:
            done = run("features", *row, *([folder] if stored else []))
        check(done.returncode == 0, f"{row}: {done.stderr}")
        if done.returncode:
            continue
        found = json.loads(done.stdout)
        print(*row, "stored" if stored else "", done.stdout.strip())
        check(0.5 * found["budget"] <= found["arrays"] <= found["budget"], f"{row}: arrays use the budget, and no more")
        check(found["peak"] <= found["budget"] + found["overhead"], f"{row}: the peak is above budget and overhead")


def regression():
    """The same for a kernel from features in a folder, and for its factor, both of which are larger than the budget."""
    for n, k, precision, budget, stored in ((10000, 2048, "float", 64, "float"), (8000, 2048, "double", 64, "float"),
                                            (10000, 2048, "bfloat16", 64, "float"), (10000, 2048, "bfloat16", 64, "double")):
        with tempfile.TemporaryDirectory() as folder:
            done = run("regression", n, k, precision, budget, folder, stored)
        check(done.returncode == 0, f"{precision}: {done.stderr}")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        for what, found in zip(("kernel", "factor"), lines):
            print(precision, what, json.dumps(found))
            check(found["arrays"] <= found["budget"], f"{precision}: arrays of the {what} hold more than the budget")
            check(found["peak"] <= found["budget"] + found["overhead"], f"{precision}, {what}: the peak is above")
        check(len(lines) == 2 and lines[1]["residual"] < 1e-8, f"{precision}: {lines}")


def uninterrupted(folder):
    start = time.monotonic()
    done = run("store", folder)
    check(done.returncode == 0, "the whole run: " + done.stderr)
    return contents(folder), time.monotonic() - start


def kill():
    """A run that is killed at random moments again and again still ends with the bits of an uninterrupted run."""
    draw = random.Random(5)
    with tempfile.TemporaryDirectory() as home:
        home = pathlib.Path(home)
        expected, seconds = uninterrupted(home / "whole")
        kills = useful = 0
        for turn in range(4):
            folder = home / str(turn)
            before, unlucky = {}, 0
            for _ in range(200):
                # The first runs live shortly; after one that finishes no tile the next ones live longer.
                life = draw.uniform(0.0, 0.35 * seconds) + 0.1 * seconds * unlucky
                process = subprocess.Popen([program, "store", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                           text=True)
                try:
                    _, said = process.communicate(timeout=life)
                    check(process.returncode == 0, f"a run that goes on: {said}")
                    break
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.communicate()
                    kills += 1
                now = contents(folder)
                check(all(now.get(name) == value for name, value in before.items()), "finished tiles stay as they are")
                check(all(expected.get(name) == value for name, value in now.items()), "tiles are whole and the same")
                useful += len(now) > len(before)
                unlucky = 0 if len(now) > len(before) else unlucky + 1
                before = now
            check(contents(folder) == expected, "the same tiles as of an uninterrupted run")
            check({file.name for file in folder.iterdir()} == set(expected) | {"manifest.json", "lock"}, "nothing else is left")
        print(f"{kills} kills, {useful} of them after new tiles; {len(expected)} tiles, {seconds:.2f} s in one go")
        check(kills >= 8 and useful >= 3, "enough kills to mean something")


def disk():
    """A full disk stops a run, which says so. No file is corrupt, and the run can go on later."""
    with tempfile.TemporaryDirectory() as home:
        home = pathlib.Path(home)
        expected, _ = uninterrupted(home / "whole")
        size = max(len(value) for value in expected.values())

        def limited(bytes_):
            def limit():
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, resource.RLIM_INFINITY))
            return limit

        for bytes_ in (size - 1, 300, 10):
            folder = home / str(bytes_)
            full = run("store", folder, preexec_fn=limited(bytes_))
            check(full.returncode == 1 and "cannot be written" in full.stderr, f"{bytes_} bytes a file: {full.stderr}")
            left = contents(folder)
            check(all(expected.get(name) == value for name, value in left.items()), "what is there is whole")
            check(not [f for f in folder.iterdir() if f.name.startswith("tile-") and f.name not in left], "no halves are left")
            done = run("store", folder)
            check(done.returncode == 0 and contents(folder) == expected, "it goes on when there is room: " + done.stderr)
        mounted = home / "mounted"
        mounted.mkdir()
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(mounted)], capture_output=True, check=False)
        if mount.returncode == 0:
            try:
                full = run("store", mounted / "k")
                check(full.returncode == 1 and "MiB free" in full.stderr, "too little room, said before the work: " + full.stderr)
            finally:
                subprocess.run(["umount", str(mounted)], check=True)
        # Tiles at the end are smaller: three squares of 150 examples would need half as much again.
        mebibytes = 8 * (1500 ** 2 + 1500 * 900 + 900 ** 2) // 2 ** 20 + 2
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "none", str(mounted)], capture_output=True,
                               check=False)
        if mount.returncode == 0:
            try:
                done = run("store", mounted / "k", "150")
                check(done.returncode == 0, "just enough room: " + done.stderr)
            finally:
                subprocess.run(["umount", str(mounted)], check=True)
        mebibytes = 2 * sum(map(len, expected.values())) // 2 ** 20 + 2
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "none", str(mounted)], capture_output=True,
                               check=False)
        if mount.returncode == 0:
            try:
                becomes_full(mounted, expected)
            finally:
                subprocess.run(["umount", str(mounted)], check=True)


def becomes_full(mounted, expected):
    """Somebody else fills the disk while a run writes its tiles."""
    process = subprocess.Popen([program, "store", str(mounted / "k")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not contents_exist(mounted / "k"):
        time.sleep(0.001)
    filler = mounted / "filler"
    with filler.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(65536))
        except OSError:
            pass
        _, said = process.communicate(timeout=60)
    left = contents(mounted / "k")
    check(process.returncode == 1 and "No space left on device" in said, f"{process.returncode}: {said}")
    check(left and len(left) < len(expected), f"{len(left)} of {len(expected)} tiles before the disk was full")
    check(all(expected.get(name) == value for name, value in left.items()), "what is there is whole")
    filler.unlink()
    done = run("store", mounted / "k")
    check(done.returncode == 0 and contents(mounted / "k") == expected, "it goes on when there is room: " + done.stderr)


def contents_exist(folder):
    return folder.exists() and any(name.name.startswith("tile-") and name.suffix == ".npy" for name in folder.iterdir())


{"memory": memory, "features": features, "regression": regression, "kill": kill, "disk": disk}[mode]()
finish()

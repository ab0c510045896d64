"""Compares what 1, 2, 3 and 4 processes of mpirun compute, what they send with what the model says, and looks at what is
left of them when one dies.

usage: mpi_test.py RANKS_PROGRAM [SOLVE KERNEL]
"""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "examples"))
from checks import check, finish  # noqa: E402

program, *programs = map(os.path.abspath, sys.argv[1:])
WORDS = ["--oversubscribe", "--bind-to", "none", "--mca", "btl_vader_single_copy_mechanism", "none",
         "--mca", "mpi_yield_when_idle", "1"]
if os.geteuid() == 0:
    WORDS.insert(0, "--allow-run-as-root")
ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}


def mpirun(count, *words, more=()):
    return subprocess.run(["mpirun", "-n", str(count), *WORDS, *more, *map(str, words)], capture_output=True, text=True,
                          timeout=500, env=ENVIRONMENT, stdin=subprocess.DEVNULL)


def found(count, *words, more=()):
    done = mpirun(count, program, *words, more=more)
    check(done.returncode == 0, f"{count} processes, {words}: {done.stdout}{done.stderr}")
    lines = (line.split() for line in done.stdout.splitlines())
    return {line[0]: [float(word) for word in line[1:]] for line in lines if line}


def distance(a, b):
    if len(a) != len(b):
        return float("inf")
    return max(abs(v - w) for v, w in zip(a, b)) / max(1e-300, *(abs(v) for v in b))


def same_answers():
    for mode, names in [("solve", 14), ("dense", 8), ("dense-float", 8), ("factor 700", 4)]:
        with tempfile.TemporaryDirectory() as folder:
            words = [*mode.split(), folder]
            one = found(1, *words)
            check(len(one) == names, f"{mode}: {sorted(one)}")
            for name in one:
                check(not name.startswith("refused") or one[name] == [1.0], f"{mode}: {name} {one[name]}")
            for name in {name for name in one if name.startswith("evidence-alone")}:
                apart = distance(one[name], one[name.replace("-alone", "")])
                check(apart < 1e-12, f"{mode}: evidence without a solution is {apart} off")
            for count in 2, 3, 4:
                several = found(count, *words)
                check(several.keys() == one.keys(), f"{mode}: {sorted(several)}")
                for name in several.keys() - {"model_bytes", "model_messages", "residual", "residual-float"}:
                    limit = 1e-4 if name == "unrefined-float" else 1e-5 if name in ("evidence-float", "evidence-alone-float") else 1e-12
                    apart = distance(several[name], one[name])
                    check(apart <= limit, f"{mode}, {name}, {count} processes: {apart}")
                for name in several.keys() & {"residual", "residual-float"}:
                    check(several[name][0] < 1e-12, f"{mode}, {name}, {count} processes: {several[name]}")
            if mode == "dense":
                check(one["tiles"][0] > 3, f"{one['tiles']} tiles")
                again = found(4, *words)
                check(again == found(4, *words), "four processes find other bits when they run again")


def traffic():
    for count in 1, 2, 3, 4:
        sent = found(count, "traffic")
        check(sent["messages"] == sent["messages_of_model"], f"{count} processes: {sent}")
        check(abs(sent["bytes"][0] - sent["bytes_of_model"][0]) <= 1e-9 * sent["bytes_of_model"][0], f"{count} processes: {sent}")
    check(found(1, "traffic")["bytes"] == [0.0], "one process sends something")


def sent(count, *words):
    """The bytes and messages that MPI itself counts, of all processes together, and what they print."""
    with tempfile.TemporaryDirectory() as folder:
        values = found(count, *words, more=["--mca", "pml_monitoring_enable", "2", "--mca", "pml_monitoring_enable_output", "3",
                                            "--mca", "pml_monitoring_filename", f"{folder}/sent"])
        lines = [line.split() for file in pathlib.Path(folder).iterdir() for line in file.read_text().splitlines()]
        # E: what is sent by name, as ScaLAPACK does; I: what MPI's collectives are made of
        named = [line for line in lines if line and line[0] == "E"]
        return sum(float(line[3]) for line in named), sum(float(line[5]) for line in named), values


def counted_by_mpi():
    """The factorization's messages, counted by MPI, for two sizes, whose difference leaves out what begins and ends it."""
    for count in 2, 3, 4:
        small, large = sent(count, "factor-only", 1024), sent(count, "factor-only", 2048)
        for at, what in (0, "bytes"), (1, "messages"):
            model = (large[2][f"model_{what}"][0] - small[2][f"model_{what}"][0]) * count
            share = (large[at] - small[at]) / model
            print(f"{count} processes send {large[at] - small[at]:.4g} {what} more, the model says {model:.4g}")
            check(0.7 < share < 1.4, f"{count} processes: {share} times the {what} of the model")


def memory():
    """A rank holds its part of the kernel once, in the numbers of the factor, and twice only while one becomes the other."""
    for count in 1, 2, 3, 4:
        seen = found(count, "memory")
        part, more = seen["part"][0], 5 << 20  # the kernel's own factors within 4 MiB, and smaller arrays
        check(8 * part < seen["peak"][0] < 8 * part + more, f"{count} processes: {seen}")
        check(12 * part <= seen["peak-float"][0] < 12 * part + more, f"{count} processes: {seen}")


def ends():
    start = time.monotonic()
    done = mpirun(3, program, "die")
    check(done.returncode != 0 and "signal 9" in done.stderr, f"{done.returncode}: {done.stderr}")
    check(time.monotonic() - start < 100, "the others wait for a process that was killed")
    done = mpirun(2, program, "again")
    check(done.returncode != 0 and "MPI has begun already" in done.stderr, f"{done.returncode}: {done.stderr}")


def killed(solve, here, store):
    """A rank of the program that is killed while it factors a stored kernel ends the run, and finished ridges stay."""
    from programs import read_npy
    words = ["--store", store, "--data", here / "mnist", "--ridge", ",".join(f"0.{i:03}" for i in range(1, 400))]
    process = subprocess.Popen(["mpirun", "-n", "3", *WORDS, *map(str, [solve, *words, "--out", here / "killed"])],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
                               stdin=subprocess.DEVNULL)
    line = process.stdout.readline()
    while line and not line.startswith("ridge "):
        line = process.stdout.readline()
    check(line.startswith("ridge "), "it ends before it has solved with a ridge")
    ranks = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False).stdout.split()
    check(len(ranks) == 3, f"processes of mpirun: {ranks}")
    os.kill(int(ranks[-1]), signal.SIGKILL)
    start = time.monotonic()
    _, errors = process.communicate(timeout=100)
    check(process.returncode != 0 and "signal 9" in errors, f"{process.returncode}: {errors}")
    check(time.monotonic() - start < 60, "the others wait for a process that was killed")
    # What was finished stays.
    done = subprocess.run([*map(str, [solve, *words[:4], "--ridge", "0.001", "--out", here / "alone"])], capture_output=True,
                          text=True, timeout=300, env=ENVIRONMENT)
    check(done.returncode == 0, done.stderr)
    files = sorted((here / "alone").glob("*.npy"))
    check(len(files) == 2, f"weights and predictions: {files}")
    for file in files:
        kept = here / "killed" / file.name
        check(kept.exists() and distance(read_npy(kept)[1], read_npy(file)[1]) <= 1e-12, f"{file.name} of the first ridge")


def with_programs(solve, kernel):
    from programs import read_npy, write_idx, write_npy
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        write_idx(here / "mnist", 60)
        store = here / "kernels"
        done = subprocess.run([kernel, "--data", here / "mnist", "--width", "0.05", "--n", "50", "--test", "20", "--double",
                               "--memory", "2M", "--store", store, "--out", here / "K.npy"], capture_output=True, text=True,
                              timeout=300)
        check(done.returncode == 0, done.stderr)
        tiles = {file: file.read_bytes() for file in store.rglob("*") if file.is_file()}
        write_npy(here / "y.npy", [0.01 * i * i for i in range(50)])
        for name, options, limit in [("store", ["--store", store, "--data", here / "mnist"], 1e-12),
                                     ("float", ["--store", store, "--labels", here / "y.npy", "--float"], 1e-12),
                                     ("network", ["--network", "mlp", "--width", "0.05", "--data", here / "mnist", "--n", "50",
                                                  "--test", "20", "--ridge", "0.1", "--tolerance", "1e-14"], 1e-12)]:
            results = {}
            for count in 1, 2, 3, 4:
                out = here / f"{name}-{count}"
                done = mpirun(count, solve, *options, "--out", out)
                check(done.returncode == 0, f"{name}, {count} processes: {done.stdout}{done.stderr}")
                check(len(re.findall("^ridge ", done.stdout, re.MULTILINE)) >= 1 and
                      len(re.findall("weights", done.stdout)) == 1, f"{name}, {count}: {done.stdout}")
                results[count] = {file.name: read_npy(file)[1] for file in out.glob("*.npy")}
                check(len(results[count]) == 2, f"{name}: {sorted(results[count])}")
            for count in 2, 3, 4:
                for file, values in results[1].items():
                    apart = distance(results[count][file], values)
                    check(apart <= limit, f"{name}, {file}, {count} processes: {apart}")
        killed(solve, here, store)
        # An error of all is said once, one of a single rank too, and nothing hangs.
        done = mpirun(3, solve, "--store", here / "nothing", "--data", here / "mnist", "--out", here / "wrong")
        check(done.returncode == 1 and done.stderr.count("no kernel is in") == 1, f"{done.returncode}: {done.stderr}")
        done = mpirun(3, solve, "--no-such-option")
        check(done.returncode == 1 and done.stderr.count("no option") == 1, f"{done.returncode}: {done.stderr}")
        done = mpirun(3, solve, "--network", "mlp", "--data", here / "mnist", "--n", "2", "--out", here / "wrong")
        check(done.returncode == 1 and done.stderr.count("no more ranks than examples") == 1,
              f"{done.returncode}: {done.stderr}")
        done = mpirun(2, solve, "--store", store, "--data", here / "mnist", "--memory", "1K", "--out", here / "wrong")
        check(done.returncode == 1 and done.stderr.count("may hold 1.0 KiB") == 1, f"{done.returncode}: {done.stderr}")
        check(tiles == {file: file.read_bytes() for file in store.rglob("*") if file.is_file()}, "the store has changed")


same_answers()
traffic()
counted_by_mpi()
memory()
ends()
if programs:
    with_programs(*programs)
finish()

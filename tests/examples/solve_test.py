"""Solves with stored kernels by the program for it, and compares with elimination in Python.

usage: solve_test.py SOLVE KERNEL FEATURES
"""
import math
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from programs import check, finish, images, interrupted, read_npy, write_idx, write_idx_files, write_npy

solve, kernel, features = map(os.path.abspath, sys.argv[1:])
N, TESTS, CLASSES = 60, 20, 10


def run(*options):
    return subprocess.run([solve, *map(str, options)], capture_output=True, text=True, timeout=300)


def rows_of(file):
    shape, values = read_npy(file)
    return [values[i * shape[1]:(i + 1) * shape[1]] for i in range(shape[0])]


def eliminated(k, y):
    """K^-1 Y and the logarithm of the determinant of K, by elimination without exchanges."""
    a, log_determinant = [[*row, *right] for row, right in zip(k, y)], 0.0
    for i, row in enumerate(a):
        log_determinant += math.log(row[i])
        for other in a[i + 1:]:
            factor = other[i] / row[i]
            for j in range(i, len(row)):
                other[j] -= factor * row[j]
    n = len(k)
    for i in reversed(range(n)):
        for j in range(n, len(a[i])):
            a[i][j] = (a[i][j] - sum(a[i][l] * a[l][j] for l in range(i + 1, n))) / a[i][i]
    return [row[n:] for row in a], log_determinant


def with_ridge(k, ridge):
    mean = sum(k[i][i] for i in range(len(k))) / len(k)
    return [[v + ridge * mean * (i == j) for j, v in enumerate(row)] for i, row in enumerate(k)]


def close(a, b, tolerance, what):
    scale = max(abs(v) for row in b for v in row)
    worst = max(abs(v - w) for x, y in zip(a, b) for v, w in zip(x, y))
    check(len(a) == len(b) and worst <= tolerance * scale, f"{what}: {worst} of {scale}")


def product(a, b):
    return [[sum(x * row[j] for x, row in zip(line, b)) for j in range(len(b[0]))] for line in a]


def labels_in(file):
    return list(file.read_bytes()[8:])


def compute(images, n, tests, memory, store, out):
    done = subprocess.run([kernel, "--data", images, "--network", "mlp", "--width", "0.05", "--n", str(n), "--test", str(tests),
                           "--double", "--memory", memory, "--store", store, "--out", out], capture_output=True, text=True,
                          timeout=300)
    check(done.returncode == 0, done.stderr)


def regression(here, store, k, k_test):
    images = here / "mnist"
    labels = labels_in(images / "train-labels-idx1-ubyte")[:N]
    test_labels = labels_in(images / "t10k-labels-idx1-ubyte")[:TESTS]
    y = [[float(label == c) for c in range(CLASSES)] for label in labels]
    write_npy(here / "y.npy", labels, whole=True)
    write_npy(here / "y_test.npy", test_labels, whole=True)
    for name, options, tolerance in [("data", ["--data", images], 1e-9), ("float", ["--data", images, "--float"], 1e-9),
                                     ("files", ["--labels", here / "y.npy", "--test-labels", here / "y_test.npy"], 1e-9),
                                     ("little", ["--data", images, "--memory", "120K"], 1e-9)]:
        out = here / name
        done = run("--store", store, *options, "--ridge", "0.1,0.01", "--out", out)
        check(done.returncode == 0, f"{name}: {done.stderr}")
        for ridge in 0.1, 0.01:
            weights, log_determinant = eliminated(with_ridge(k, ridge), y)
            close(rows_of(out / f"weights-{ridge}.npy"), weights, tolerance, f"{name}, weights")
            predicted = product(k_test, weights)
            close(rows_of(out / f"predictions-{ridge}.npy"), predicted, tolerance, f"{name}, predictions")
            hits = sum(row.index(max(row)) == label for row, label in zip(predicted, test_labels))
            fit = sum(a * b for x, w in zip(y, weights) for a, b in zip(x, w))
            evidence = -(fit + CLASSES * (log_determinant + N * math.log(2 * math.pi))) / 2
            error = sum((v - (c == label)) ** 2 for row, label in zip(predicted, test_labels)
                        for c, v in enumerate(row)) / (TESTS * CLASSES)
            line = re.search(rf"^{ridge} +(\S+) +(\S+) +(\S+ %) +(\S+) ", done.stdout, re.MULTILINE)
            check(line is not None, f"{name}: {done.stdout}")
            shown = [float(word.replace(",", "").replace("−", "-").removesuffix(" %")) for word in line.groups()]
            check(abs(shown[0] - evidence) <= 0.51 + 1e-4 * abs(evidence), f"{name}: evidence {shown[0]}, not {evidence}")
            check(shown[1] < 1e-10, f"{name}: residual {shown[1]}")
            check(abs(shown[2] - 100 * hits / TESTS) < 0.06, f"{name}: accuracy {shown[2]}, not {hits} of {TESTS}")
            check(abs(shown[3] / error - 1) < 0.006, f"{name}: error {shown[3]}, not {error}")
        check(done.stdout.count("the most evidence") == 1, done.stdout)
        check(not list(out.glob("factor-*")), f"{name}: the factors are left")


def numbers(here, store, k, k_test):
    """Targets that are numbers, and a network's own outputs."""
    y = [math.sin(i) for i in range(N)]
    f0, f_test = [math.cos(i) for i in range(N)], [0.1 * i for i in range(TESTS)]
    write_npy(here / "numbers.npy", y)
    write_npy(here / "f0.npy", f0)
    write_npy(here / "f_test.npy", f_test, (TESTS, 1))
    done = run("--store", store, "--labels", here / "numbers.npy", "--outputs", here / "f0.npy", "--test-outputs",
               here / "f_test.npy", "--ridge", 0.5, "--keep", "--out", here / "numbers")
    check(done.returncode == 0, done.stderr)
    weights, _ = eliminated(with_ridge(k, 0.5), [[a - b] for a, b in zip(y, f0)])
    close(rows_of(here / "numbers" / "weights-0.5.npy"), weights, 1e-9, "weights of numbers")
    close(rows_of(here / "numbers" / "predictions-0.5.npy"),
          [[f + row[0]] for f, row in zip(f_test, product(k_test, weights))], 1e-9, "predictions of numbers")
    check(list((here / "numbers" / "factor-0.5").glob("factor-*.npy")), "no factor is left")


def outputs(here):
    """The eNTK, whose rows are the outputs of the examples, and a folder that holds one kernel."""
    store = here / "entk"
    done = subprocess.run([kernel, "--data", here / "mnist", "--network", "mlp", "--width", "0.05", "--n", "8", "--readout",
                           "full", "--double", "--store", store, "--out", here / "entk.npy"], capture_output=True, text=True,
                          timeout=300)
    check(done.returncode == 0, done.stderr)
    done = run("--store", store / "train", "--data", here / "mnist", "--out", here / "whole")
    check(done.returncode == 0, done.stderr)
    labels = labels_in(here / "mnist" / "train-labels-idx1-ubyte")[:8]
    weights, _ = eliminated(with_ridge(rows_of(here / "entk.npy"), 1e-3),
                            [[float(label == c)] for label in labels for c in range(CLASSES)])
    found = [[v] for row in rows_of(here / "whole" / "weights-0.001.npy") for v in row]
    close(found, weights, 1e-8, "weights of the eNTK")


def going_on(here):
    """Factors of several tiles; a run that is interrupted keeps its tiles, and the next one ends with the same bits."""
    write_idx(here / "many", 400)
    store = here / "many_kernels"
    compute(here / "many", 400, 0, "1M", store, here / "many.npy")
    options = ["--store", store, "--data", here / "many", "--memory", "250K", "--keep"]
    done = run(*options, "--out", here / "at_once")
    check(done.returncode == 0, done.stderr)
    tiles = list((here / "at_once").glob("factor-*/factor-*.npy"))
    check(len(tiles) >= 6, f"{len(tiles)} tiles")
    k = with_ridge(rows_of(here / "many.npy"), 1e-3)
    labels = labels_in(here / "many" / "train-labels-idx1-ubyte")
    close(product(k, rows_of(here / "at_once" / "weights-0.001.npy")),
          [[float(label == c) for c in range(CLASSES)] for label in labels], 1e-9, "what the weights fit")
    done = interrupted([solve, *map(str, options), "--out", here / "stopped"],
                       lambda: len(list((here / "stopped").glob("factor-*/factor-*.npy"))) >= 2)
    if done.running and done.status != 0:  # it may have been faster
        check(done.status == 130 and "To go on" in done.errors, f"{done.status}: {done.errors}")
    done = run(*options, "--out", here / "stopped")
    check(done.returncode == 0, done.stderr)
    for file in (here / "at_once").rglob("*.npy"):
        other = here / "stopped" / file.relative_to(here / "at_once")
        check(other.exists() and other.read_bytes() == file.read_bytes(), f"{other} differs")


def rounded(x):
    """To bfloat16: the upper half of a float, to nearest, ties to even."""
    bits, = struct.unpack("I", struct.pack("f", x))
    bits += 0x7fff + (bits >> 16 & 1)
    return struct.unpack("f", struct.pack("I", bits & 0xffff0000))[0]


def from_features(here):
    """Fewer numbers than examples, and more, whose kernel goes to the disk."""
    labels = labels_in(here / "mnist" / "train-labels-idx1-ubyte")
    for name, k, n, form in ("few", 40, N, "normal equations"), ("many", 100, N, "their kernel"), ("part", 40, 30, "their kernel"):
        phi = here / f"features{k}"
        done = subprocess.run([features, "--data", here / "mnist", "--network", "mlp", "--width", "0.05", "--n", str(N),
                               "--test", str(TESTS), "--double", "--k", str(k), "--part", "16", "--out", phi],
                              capture_output=True, text=True, timeout=300)
        check(done.returncode == 0, done.stderr)
        train, test = ([row for file in sorted((phi / part).glob("features-*.npy")) for row in rows_of(file)]
                       for part in ("train", "test"))
        train = train[:n]
        y = [[float(label == c) for c in range(CLASSES)] for label in labels[:n]]
        for more in [], ["--float", "--keep"], ["--precision", "bfloat16", "--keep"]:
            if "bfloat16" in more and form == "their kernel":
                train, test = ([list(map(rounded, row)) for row in rows] for rows in (train, test))
            gram, cross = ([[sum(v * w for v, w in zip(x, y)) for y in train] for x in rows] for rows in (train, test))
            out = here / f"from-{name}{len(more)}"
            done = run("--features", phi, "--data", here / "mnist", "--n", n, "--ridge", 0.1, *more, "--out", out)
            check(done.returncode == 0 and form in done.stdout, f"{name}: {done.stdout}{done.stderr}")
            tolerance = 1e-5 if more and form == "their kernel" else 1e-9  # products in float
            weights, log_determinant = eliminated(with_ridge(gram, 0.1), y)
            close(rows_of(out / "predictions-0.1.npy"), product(cross, weights), tolerance, f"{name}, predictions")
            found = weights if form == "their kernel" else product([list(column) for column in zip(*train)], weights)
            close(rows_of(out / "weights-0.1.npy"), found, tolerance, f"{name}, weights")
            fit = sum(a * b for x, w in zip(y, weights) for a, b in zip(x, w))
            evidence = -(fit + CLASSES * (log_determinant + n * math.log(2 * math.pi))) / 2
            line = re.search(r"^0.1 +(\S+) +(\S+) ", done.stdout, re.MULTILINE)
            shown = float(line[1].replace(",", "").replace("−", "-"))
            check(abs(shown - evidence) <= 0.51 + 1e-4 * abs(evidence), f"{name}: evidence {shown}, not {evidence}")
            check(float(line[2]) < 1e-10, f"{name}: residual {line[2]}")
            left = (out / "kernel").exists()
            check(left == (bool(more) and form == "their kernel"), f"{name}: the kernel is {'' if left else 'not '}left")
            if left:
                again = run("--features", phi, "--data", here / "mnist", "--n", n, "--ridge", 0.1, *more, "--out", out).stdout
                check("GFLOP/s" in done.stdout and "GFLOP/s" not in again and "100 %  ridge 0.1, solving\n" in again,
                      f"{name}: nothing was left to do: {again}")


def never_formed(here):
    """The eNTK of a network for two ridges, of which one converges, and targets of the test images in other columns."""
    images = ["--network", "mlp", "--width", 0.05, "--data", here / "mnist", "--n", 30]
    out = here / "never"
    done = run(*images, "--test", 10, "--ridge", "100,1e-12", "--iterations", 30, "--tolerance", 1e-6, "--preconditioner", "none",
               "--out", out)
    table = {line.split()[0]: line.split() for line in done.stdout.partition("iterations")[2].splitlines()[1:]}
    check(done.returncode == 1 and {"100", "1e-12"} <= set(table), f"{done}")
    check("with ridge 1e-12 the residual is still above" in done.stderr and "--iterations" in done.stderr, done.stderr)
    check(table["100"][3] != "-" and table["1e-12"][3] == "-", f"{table}")
    check(sorted(f.name for f in out.iterdir()) == ["predictions-100.npy", "weights-100.npy"], f"{list(out.iterdir())}")
    write_npy(here / "x.npy", [math.sin(i) for i in range(30 * 6)], (30, 6))
    write_npy(here / "x_test.npy", [math.cos(i) for i in range(4 * 6)], (4, 6))
    write_npy(here / "labels.npy", [math.sin(i) for i in range(90)], (30, 3))
    write_npy(here / "numbers_test.npy", [0.0, 1.0, 2.0, 0.0])
    done = run("--network", "mlp", "--width", 0.05, "--classes", 3, "--inputs", here / "x.npy", "--labels", here / "labels.npy",
               "--test-inputs", here / "x_test.npy", "--test-labels", here / "numbers_test.npy", "--out", here / "other")
    check(done.returncode == 1 and "--test-labels" in done.stderr and "(30, 3)" in done.stderr, f"{done}")


def without_ridge(here):
    """Fewer features than examples: without a ridge their kernel is singular, and has no evidence."""
    done = run("--features", here / "features40", "--data", here / "mnist", "--ridge", "0,1e-3,0.1", "--out", here / "no-ridge")
    check(done.returncode == 0, done.stderr)
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line[:1].isdigit() and "%" in line and "ridge" not in line}
    check(lines["0"].split()[1] == "-" and "<-" not in lines["0"], f"{lines}")
    check("<-" in lines["0.001"] + lines["0.1"], f"{lines}")


def what_does_not_fit(here, store):
    """Is refused before hours of work: tiles that are missing, and a test kernel or features of another network."""
    def kernels(name, *options):
        subprocess.run([kernel, "--data", here / "mnist", "--network", "mlp", "--width", "0.05", "--n", str(N), "--double",
                        *options, "--store", here / name, "--out", here / f"{name}.npy"], check=True, capture_output=True)

    shutil.copytree(store, here / "other")
    shutil.rmtree(here / "other" / "train")
    kernels("other", "--seed", "3", "--memory", "2M")
    done = run("--store", here / "other", "--labels", here / "y.npy", "--out", here / "refused")
    check(done.returncode == 1 and "is not of the training examples" in done.stderr and "parameters" in done.stderr, f"{done}")
    for part in "train", "test":
        shutil.copytree(store, here / f"no-{part}")
        next((here / f"no-{part}" / part).glob("tile-*")).unlink()
        done = run("--store", here / f"no-{part}", "--labels", here / "y.npy", "--out", here / "refused")
        check(done.returncode == 1 and "are finished" in done.stderr and f"no-{part}/{part}" in done.stderr, f"{part}: {done}")
    check(not (here / "refused").exists(), "nothing is begun")
    phi = here / "full"
    subprocess.run([features, "--data", here / "mnist", "--network", "mlp", "--width", "0.05", "--n", "6", "--readout", "full",
                    "--k", "40", "--out", phi], check=True, capture_output=True)
    done = run("--features", phi, "--data", here / "mnist", "--out", here / "refused")
    check(done.returncode == 1 and "10 rows for each example" in done.stderr, f"{done}")


def singular(here):
    """Every image twice: without a ridge there is no factor, and the other ridge is solved and shown all the same."""
    pictures = images(N // 2, 784, 2)
    write_idx_files(here / "twice", 28, {"train": 2 * pictures, "t10k": pictures})
    compute(here / "twice", N, 0, "2M", here / "twice_kernels", here / "twice.npy")
    out = here / "ridges"
    done = run("--store", here / "twice_kernels", "--data", here / "twice", "--ridge", "0,0.1", "--out", out)
    check(done.returncode == 1 and "not positive definite" in done.stderr, f"{done}")
    check(re.search(r"^0\.1 ", done.stdout, re.MULTILINE) is not None, f"{done.stdout}")
    check(sorted(file.name for file in out.iterdir()) == ["lock", "weights-0.1.npy"], f"{list(out.iterdir())}")


def files_of_others(here):
    out = here / "results"
    (out / "kernel").mkdir(parents=True)
    (out / "kernel" / "K.npy").write_text("of ./run kernel")
    done = run("--features", here / "features100", "--data", here / "mnist", "--ridge", 0.1, "--out", out)
    check(done.returncode == 0 and "their kernel" in done.stdout, f"{done}")
    check([file.name for file in (out / "kernel").iterdir()] == ["K.npy"], f"{list((out / 'kernel').iterdir())}")


def wrong(here, store):
    write_npy(here / "column.npy", [0.5] * TESTS)
    write_npy(here / "few.npy", [0, 1], whole=True)
    write_npy(here / "negative.npy", [-1] * N, whole=True)
    for options, text in [(["--store", here / "nothing", "--labels", here / "y.npy"], "./run kernel --store"),
                          (["--store", store], "--labels FILE, or a data set with --data"),
                          (["--store", store, "--labels", here / "few.npy"], "(2,), expected (60,), a label for each example"),
                          (["--store", store, "--labels", here / "negative.npy"], "labels begin with 0"),
                          (["--store", store / "train", "--labels", here / "y.npy", "--test-labels", here / "y_test.npy"],
                           "has no test kernel"),
                          (["--store", store, "--labels", here / "y.npy", "--data", "digits"], "--data"),
                          (["--store", store, "--labels", here / "y.npy", "--outputs", here / "few.npy"], "expected (60, 10)"),
                          (["--store", store, "--labels", here / "y.npy", "--memory", "1K"], "Raise the memory"),
                          (["--store", store, "--labels", here / "y.npy", "--ridge", "-1"], "--ridge"),
                          (["--features", here / "nothing", "--labels", here / "y.npy"], "./run features --out"),
                          (["--features", here / "features40", "--store", store], "excludes"),
                          (["--features", here / "features40", "--labels", here / "y.npy", "--precision", "half"], "half"),
                          (["--store", store, "--labels", here / "y.npy", "--precision", "bfloat16"], "--features"),
                          (["--features", here / "features40", "--labels", here / "few.npy"], "(2,), expected (60,)"),
                          (["--features", here / "features40", "--data", here / "mnist", "--n", 61],
                           "--n 61: there are features of 60 examples"),
                          (["--features", here / "features40", "--labels", here / "y.npy", "--n", N, "--test-labels",
                            here / "column.npy"], "targets (20, 1), and those that are fitted are (60, 10). Give labels"),
                          (["--store", store, "--labels", here / "y.npy", "--test-labels", here / "column.npy"], "--test-labels"),
                          (["--store", store, "--labels", here / "y.npy", "--tolerance", 0.1], "--tolerance: is for a network"),
                          (["--network", "mlp"], "which examples?"),
                          (["--network", "mlp", "--data", here / "mnist", "--keep"], "are for a stored kernel or features")]:
        done = run(*options, "--out", here / "wrong")
        check(done.returncode == 1 and text in done.stderr, f"{options}: {done.stdout}{done.stderr}")


with tempfile.TemporaryDirectory() as folder:
    top = pathlib.Path(folder)
    write_idx(top / "mnist", 80)
    stored = top / "kernels"
    compute(top / "mnist", N, TESTS, "2M", stored, top / "K.npy")
    exact, exact_test = rows_of(top / "K.npy"), rows_of(top / "K_test.npy")
    regression(top, stored, exact, exact_test)
    numbers(top, stored, exact, exact_test)
    outputs(top)
    going_on(top)
    from_features(top)
    never_formed(top)
    without_ridge(top)
    what_does_not_fit(top, stored)
    singular(top)
    files_of_others(top)
    wrong(top, stored)
finish()

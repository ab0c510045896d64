"""Runs the program that follows a kernel along training on few images, and computes again what it says. And runs it with
wrong options.

usage: landscape_test.py PROGRAM
"""
import math
import pathlib
import re
import subprocess
import sys
import tempfile

from programs import check, finish, mean_and_error, rows, write_idx

program = sys.argv[1]
EPOCHS = [0, 1, 2, 3, 4, 6, 10, 12]
FRACTIONS = "accuracy", "kernel", "linearized", "last_layer"


def run(*options):
    return subprocess.run([program, *map(str, options)], capture_output=True, text=True, timeout=300)


def rank_correlation(a, b):
    def ranks(side):
        return [(sum(v < w for v in side) + sum(v <= w for v in side) + 1) / 2 for w in side]

    x, y = ([r - sum(side) / len(side) for r in side] for side in map(ranks, (a, b)))
    norm = math.sqrt(sum(u * u for u in x) * sum(v * v for v in y))
    return sum(u * v for u, v in zip(x, y)) / norm if norm else 0


def near(said, values, digit, unit=1.0):
    """Whether two words are the mean of the values and its standard error."""
    return all(abs(float(word.replace("−", "-")) - unit * value) < 0.51 * digit
               for word, value in zip(said, mean_and_error(values)))


def check_rows(table, distances, seeds):
    check([(r["seed"], int(r["epoch"])) for r in table] == [(s, e) for s in seeds for e in EPOCHS], "the rows")
    for row in table:
        last = int(row["epoch"]) == EPOCHS[-1]
        # 50 test images are counted.
        check(all(0 <= float(row[k]) <= 1 and abs(50 * float(row[k]) - round(50 * float(row[k]))) < 1e-9
                  for k in FRACTIONS), f"fractions: {row}")
        check(all((row[k] == "nan") == last for k in ("velocity", "velocity_entk", "barrier", "children")), f"{row}")
        check(last or float(row["barrier"]) >= 0 and float(row["loss_barrier"]) >= 0, f"a barrier below 0: {row}")
        check(1 <= float(row["effective_rank"]) <= 40 and 0 < float(row["alignment"]) < 1, f"{row}")
        if last:
            continue
        end = EPOCHS[EPOCHS.index(int(row["epoch"])) + 1]
        for velocity, kernel in (("velocity", "kernel"), ("velocity_few", "few"), ("velocity_entk", "entk")):
            moved = distances[row["seed"], int(row["epoch"]), end][kernel]
            check(math.isclose(float(row[velocity]), moved / (end - int(row["epoch"])), rel_tol=1e-12),
                  f"{velocity}: {row} {moved}")


with tempfile.TemporaryDirectory() as folder:
    here = pathlib.Path(folder)
    data = here / "mnist"
    write_idx(data, 100, bright=60, noise=170)
    fixed = ["mnist", "--data", data, "--n", 40, "--test", 50, "--entk", 20, "--batch-size", 10, "--width", 0.06]
    small = [*fixed, "--epochs", 12, "--seeds", 3, "--learning-rate", 0.3]
    done = run(*small, "--out", here / "a")
    check(done.returncode == 0 and "warning" not in done.stderr, done.stderr[:500])
    table, seeds = rows(here / "a" / "landscape.csv"), "012"
    distances = {(r["seed"], int(r["epoch"]), int(r["other"])): {k: float(r[k]) for k in ("kernel", "few", "entk")}
                 for r in rows(here / "a" / "distances.csv")}
    check(len(distances) == 3 * len(EPOCHS) * (len(EPOCHS) - 1) // 2, f"{len(distances)} distances")
    check(all(0 < d <= 1 for pair in distances.values() for d in pair.values()), "distances between 0 and 1")
    check_rows(table, distances, seeds)

    def at(name, epoch):
        return [float(r[name]) for r in table if int(r["epoch"]) == epoch]

    # Training aligns the kernel with the labels, and it goes away from where it began.
    for s in seeds:
        check(distances[s, 0, 12]["entk"] > distances[s, 0, 1]["entk"], f"seed {s}: the kernel comes back")
    check(min(b - a for a, b in zip(at("alignment", 0), at("alignment", 12))) > 0, "no alignment with the labels")

    say = done.stdout
    said = re.search(r"the network reads ([\d.]+) ± ([\d.]+) % of the test images, regression with its kernel "
                     r"([\d.]+) ± ([\d.]+) %, the linearized network ([\d.]+) ± ([\d.]+) % and .* alone ([\d.]+) ± ([\d.]+) %",
                     say)
    check(said is not None, say)
    for i, name in enumerate(FRACTIONS):
        check(near(said.groups()[2 * i:2 * i + 2], at(name, 12), 0.1, 100), f"{name}: {said.groups()} {at(name, 12)}")
    ratios = [(1 - a) / max(1e-12, 1 - b) for a, b in zip(at("kernel", 0), at("kernel", 4))]
    said = re.search(r"by three: (.*); regression.* divides the error by ([\d.e+,]+) ± ([\d.e+,]+)\.", say)
    check(said is not None and near([w.replace(",", "") for w in said.groups()[1:]], ratios, 0.01), f"{say} {ratios}")
    value, error = mean_and_error(ratios)
    check(said[1] == ("held" if value - 2 * error >= 3 else "did not hold" if value + 2 * error < 3 else "undecided"),
          f"{said[1]}: {ratios}")
    beside = [a - b for a, b in zip(at("kernel", 4), at("accuracy", 12))]
    said = re.search(r"the kernel after 4 epochs, at 33.3 %, reads ([+−])([\d.]+) ± ([\d.]+) points", say)
    check(said is not None and near([said[1].replace("+", "") + said[2], said[3]], beside, 0.1, 100), f"{say} {beside}")
    said = re.search(r"part before training have a barrier of ([\d.]+) ± ([\d.]+) % .* and those that part after 3 epochs "
                     r"([\d.]+) ± ([\d.]+) %", say)
    check(said is not None and near(said.groups()[:2], at("barrier", 0), 0.1, 100) and
          near(said.groups()[2:], at("barrier", 3), 0.1, 100), f"{say} {at('barrier', 0)} {at('barrier', 3)}")

    def over_checkpoints(a, b):
        return [rank_correlation(*([float(r[k]) for r in table if r["seed"] == s][:-1] for k in (a, b))) for s in seeds]

    said = re.search(r"rank correlation of (\S+) ± (\S+) for the test error and (\S+) ± (\S+) for the test loss", say)
    check(said is not None and near(said.groups()[:2], over_checkpoints("velocity", "barrier"), 0.01) and
          near(said.groups()[2:], over_checkpoints("velocity", "loss_barrier"), 0.01), say)
    both = [[[d[k] for (seed, *_), d in distances.items() if seed == s] for k in ("few", "entk")] for s in seeds]
    said = re.search(r"on 20 images have a rank correlation of (\S+) ± (\S+), and those of the pNTK are (\S+) ± (\S+) times",
                     say)
    check(said is not None and near(said.groups()[:2], [rank_correlation(*b) for b in both], 0.001) and
          near(said.groups()[2:], [sum(p) / sum(e) for p, e in both], 0.01), say)

    report = (here / "a/report.html").read_text()
    check(report.count("<svg") == 2 and all((here / "a" / f"{name}.svg").stat().st_size > 5000
                                            for name in ("landscape", "distances")), "the figures")
    for text in ("NeurIPS 2020", "--epochs 12", "did not hold", "linearized network"):
        check(text in report, f"the report does not say '{text}'")

    # The same seed gives the same networks, on one thread too; another gives others. Squared error trains, too.
    tiny = [*fixed, "--epochs", 2, "--seeds", 2]
    for name, more in (("b", []), ("c", ["--threads", 1]), ("d", ["--seed", 2]), ("e", ["--loss", "squared-error"])):
        done = run(*tiny, "--out", here / name, *more)
        check(done.returncode == 0, f"{more}: {done.stderr}")
    for name in "landscape.csv", "distances.csv":
        b, c, d, e = ((here / folder / name).read_bytes() for folder in "bcde")
        check(b == c, f"threads change {name}")
        check(d not in (b, e) and b != e, f"neither seed nor loss change {name}")

    for options, words in (
            ([*fixed, "--network", "vgg"], "no network 'vgg'. There are mlp, "),
            ([*fixed, "--network", "resnet18"], "resnet18 keeps statistics of its batches"),
            ([*fixed, "--readout", "full"], "readout 'full' has not one number for each pair of images."),
            ([*fixed, "--loss", "hinge"], "no loss 'hinge'. There are cross-entropy, squared-error."),
            ([*fixed, "--ridge", 0], "--ridge: must be positive, not 0"),
            ([*fixed, "--epochs", 0], "--epochs: must be positive, not 0"),
            ([*fixed, "--sead", 1], "did you mean --seed?"),
            (["nothing", "--data", data], "no data set 'nothing'")):
        wrong = run(*options, "--out", here / "f")
        check(wrong.returncode == 1 and words in wrong.stderr, f"{options}: {wrong.stderr}")
        check(not (here / "f").exists(), f"{options} left a folder")

finish()

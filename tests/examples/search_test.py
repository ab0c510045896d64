"""Runs the program that ranks networks on few images, and computes again what it says. And runs it with wrong options.

usage: search_test.py PROGRAM
"""
import pathlib
import re
import subprocess
import sys
import tempfile

from programs import check, finish, mean_and_error, rows, write_idx

program = sys.argv[1]
TEST = 150  # images
# The scores in the order in which the program lists them: their columns, and whether a high value is good.
SCORES = {"condition": -1, "alignment": 1, "generalization": -1, "leave_one_out": 1, "evidence": 1, "rank_sum": 1,
          "rank_sum_with_parameters": 1, "parameters": 1, "flop": 1, "depth": 1}
NUMBER = r"(−?[\d.]+)"


def run(*options):
    return subprocess.run([program, *map(str, options)], capture_output=True, text=True, timeout=300)


def mean(values):
    return sum(values) / len(values)


def number(text):
    return float(text.replace("−", "-").replace(",", ""))


def ranks(values):
    return [sum(w < v for w in values) + (1 + sum(w == v for w in values)) / 2 for v in values]


def tau(a, b):
    pairs = [((a[i] > a[j]) - (a[i] < a[j]), (b[i] > b[j]) - (b[i] < b[j])) for i in range(len(a)) for j in range(i)]
    ties = sum(x != 0 for x, _ in pairs) * sum(y != 0 for _, y in pairs)
    return sum(x * y for x, y in pairs) / ties ** 0.5 if ties else 0


def without_seconds(table):
    return [{k: v for k, v in row.items() if not k.endswith("_seconds")} for row in table]


with tempfile.TemporaryDirectory() as folder:
    here = pathlib.Path(folder)
    data = here / "mnist"
    write_idx(data, TEST, bright=60, noise=175)  # hard to see
    fixed = ["mnist", "--data", data, "--n", 100, "--test", TEST, "--scored", 40, "--batch-size", 10]
    small = [*fixed, "--networks", 12, "--seeds", 2, "--epochs", 4]
    done = run(*small, "--out", here / "a")
    check(done.returncode == 0 and "warning" not in done.stderr, done.stderr[:500])
    table = rows(here / "a" / "search.csv")
    names = [row["network"] for row in table[:12]]
    check(len(table) == 24 and len(set(names)) == 12 and names == [row["network"] for row in table[12:]], f"{names}")
    check({row["family"] for row in table} == {"fully connected", "convolutional"}, "both families")
    seeds = [table[:12], table[12:]]

    # Whole numbers of images, so that equal accuracies are equal.
    accuracy = [sum(round(TEST * float(s[i]["accuracy"])) for s in seeds) / 2 / TEST for i in range(12)]
    check(max(accuracy) > 0.3 and len(set(accuracy)) > 3, f"{accuracy}")
    good = {name: [[sign * float(row[name]) for row in s] for s in seeds] for name, sign in SCORES.items()}
    for s, own in enumerate(seeds):
        for name, parts in (("rank_sum", ("condition", "alignment", "generalization")),
                            ("rank_sum_with_parameters", ("condition", "alignment", "parameters"))):
            sums = [sum(r) for r in zip(*(ranks(good[part][s]) for part in parts))]
            check(sums == good[name][s], f"{name}: {sums}")
    for row in table:
        check(float(row["condition"]) > 1 and 0 < float(row["alignment"]) < 1, f"{row}")
        check(float(row["generalization"]) > 0 and 0 <= float(row["leave_one_out"]) <= 1, f"{row}")
        check(all(float(v) > 0 for k, v in row.items() if k.endswith("_seconds")), f"seconds: {row}")
    expected = {name: tau([sum(r) for r in zip(*map(ranks, good[name]))], accuracy) for name in SCORES}
    line = done.stdout.split("Over 12 networks")[1].split("\n")[0]
    found = re.findall(rf"{NUMBER} \({NUMBER} to {NUMBER}\) for ", line)
    check(len(found) == len(SCORES), line)
    for (value, low, high), name in zip(found, SCORES):
        check(abs(number(value) - expected[name]) < 0.0051, f"tau of {name}: {value} said, {expected[name]} found")
        check(-1 <= number(low) <= number(value) + 0.02 and number(value) - 0.02 <= number(high) <= 1, f"{name}: {line}")
        check(number(low) < number(high), f"{name} has no interval: {line}")
    again = re.search(rf"The accuracies with two seeds have {NUMBER}\.", line)
    check(again is not None and abs(number(again[1]) - tau(*([float(r["accuracy"]) for r in s] for s in seeds))) < 0.0051,
          line)

    # Each score by the kernel is said to be better, worse or neither.
    words = {"condition": "the condition number", "alignment": "the alignment",
             "generalization": "generalized cross-validation", "leave_one_out": "the leave-one-out accuracy",
             "evidence": "the evidence", "rank_sum": "the first three together",
             "rank_sum_with_parameters": "the first two with the parameters"}
    said = re.search(r"Over all networks, better than the number of parameters: [^.]*\.", done.stdout)
    check(said is not None and all(said[0].count(w) == 1 for w in words.values()), done.stdout)
    better = said[0].split("parameters: ")[1].split(";")[0]
    worse = said[0].split("; worse: ")[1].split(";")[0] if "; worse: " in said[0] else ""
    for name, word in words.items():
        gain = expected[name] - expected["parameters"]
        check(gain > 0 or word not in better, f"{name} is better by {gain}: {said[0]}")
        check(gain < 0 or word not in worse, f"{name} is worse by {gain}: {said[0]}")
    check(("none of the scores" in better) == (not any(w in better for w in words.values())), said[0])

    # The networks that scores choose, with what all seeds have made of them.
    chosen = re.findall(r"([\d.]+) ± ([\d.]+) % \(", done.stdout)
    check(len(chosen) == len(SCORES), done.stdout)
    for (value, spread), name in zip(chosen, SCORES):
        best = [mean([accuracy[i] for i in range(12) if values[i] == max(values)]) for values in good[name]]
        check(abs(float(value) - 100 * mean(best)) < 0.051 and abs(float(spread) - 100 * mean_and_error(best)[1]) < 0.051,
              f"the choice of {name}: {value} ± {spread} said, {best} found")
    said = re.search(r"The best one has ([\d.]+) %, one by chance ([\d.]+) %\.", done.stdout)
    check(said is not None and abs(float(said[1]) - 100 * max(accuracy)) < 0.051 and
          abs(float(said[2]) - 100 * mean(accuracy)) < 0.051, done.stdout)
    check(re.search(r"A score of one network takes .* with its kernel, a training .* times as long", done.stdout), done.stdout)

    report = (here / "a/report.html").read_text()
    check(report.count("<svg") == 2 and all((here / "a" / f).stat().st_size > 5000 for f in ("search.svg", "scores.svg")),
          "the figures")
    for text in ("ICLR 2021", "JMLR 2012", "Technometrics 1979", "--networks 12", *names):
        check(text in report, f"the report does not say '{text}'")

    # The same seed gives the same numbers on one thread, too; another gives others.
    tiny = [*fixed, "--networks", 5, "--seeds", 1, "--epochs", 1]
    for name, more in (("b", []), ("c", ["--threads", 1]), ("d", ["--seed", 2])):
        check(run(*tiny, "--out", here / name, *more).returncode == 0, f"{name}")
    b, c, d = (without_seconds(rows(here / folder / "search.csv")) for folder in "bcd")
    check(b == c, "threads change the result")
    check(b != d, "the seed changes nothing")

    # A training that diverges counts as guessing.
    done = run(*tiny, "--learning-rate", 1e30, "--out", here / "e")
    lost = [row for row in rows(here / "e" / "search.csv") if row["diverged"] == "1"]
    check(lost and all(float(row["accuracy"]) == 0.1 for row in lost), f"{done.stdout} {done.stderr}")
    check(re.search(rf"{len(lost)} trainings? diverged and counts? as guessing", done.stdout), done.stdout)

    for options, words in (
            ([*fixed, "--networks", 100], "100 networks. There are 72."),
            ([*fixed, "--networks", 1], "one network. To rank takes at least two"),
            ([*fixed, "--scored", 0], "--scored: must be positive, not 0"),
            ([*fixed, "--learning-rate", 0], "--learning-rate: must be positive, not 0"),
            ([*fixed, "--sead", 1], "did you mean --seed?"),
            (["nothing", "--data", data], "no data set 'nothing'")):
        wrong = run(*options, "--out", here / "f")
        check(wrong.returncode == 1 and words in wrong.stderr, f"{options}: {wrong.stderr}")
        check(len(wrong.stderr.strip().split("\n")) <= 2, f"{options}: {wrong.stderr}")
        check(not (here / "f").exists(), f"{options} left a folder")

finish()

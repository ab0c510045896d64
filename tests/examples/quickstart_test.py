"""Runs a small quickstart and checks the files it writes. Then runs it with wrong options and checks that it writes
none.

usage: quickstart_test.py PROGRAM DIGITS   (scikit-learn's digits.csv.gz, if it exists)
"""
import json
import math
import pathlib
import subprocess
import sys
import tempfile

from programs import check, finish, digits, read_npy, write_digits, write_idx_files

STATE = ["relative_frobenius", "lambda_max_difference", "condition_entk", "condition_pntk", "accuracy_entk",
         "accuracy_pntk", "seconds_entk", "seconds_pntk", "accuracy_entk_ridge", "accuracy_pntk_ridge", "diagonality",
         "bytes_entk", "bytes_pntk"]
program, real_digits = sys.argv[1], pathlib.Path(sys.argv[2])


def run(*options):
    return subprocess.run([program, *map(str, options)], capture_output=True, text=True, timeout=300)


def small_images(count, seed):
    return [(bytes(15 * p for p in image), label) for image, label in digits(count, seed)]


def check_kernels(folder, n, m, outputs=10):
    shapes = {"pntk": (n, n), "pntk_test": (m, n), "entk": (n * outputs, n * outputs)}
    for name in ("fully_connected", "convolutional"):
        for state in ("init", "trained"):
            kernel = {}
            for what, shape in shapes.items():
                found, kernel[what] = read_npy(folder / f"{name}_8_{state}_{what}.npy")
                check(found == shape, f"{name} {state} {what}: shape {found}")
            # The pNTK is the mean of all entries of the eNTK's blocks times the number of outputs.
            for i, j in ((0, 0), (0, 1), (n - 1, 2)):
                block = sum(kernel["entk"][(i * outputs + a) * n * outputs + j * outputs + b]
                            for a in range(outputs) for b in range(outputs)) / outputs
                check(abs(block - kernel["pntk"][i * n + j]) <= 1e-4 * abs(kernel["pntk"][0]),
                      f"{name} {state}: pNTK({i}, {j}) {kernel['pntk'][i * n + j]} and of the eNTK {block}")


def check_json(file, widths, n_train):
    report = json.loads(file.read_text())
    check(list(report) == ["data", "n_train", "widths", "slope_frobenius", "fits", "networks"], f"fields {list(report)}")
    check(report["n_train"] == n_train and report["widths"] == widths, "n_train and widths")
    check(isinstance(report["data"], str) and report["data"], "data has a name")
    check(report["slope_frobenius"] is None if len(widths) == 1 else math.isfinite(report["slope_frobenius"]), "slope")
    check([(f["name"], f["state"]) for f in report["fits"]] ==
          [(name, state) for state in ("init", "trained") for name in ("fully connected", "convolutional")]
          if len(widths) > 1 else not report["fits"], f"fits {report['fits']}")
    for fit in report["fits"]:
        check(math.isfinite(fit["slope"]), "a fit has a slope")
        error = fit["standard_error"]
        check((error is None) == (len(widths) < 3), f"{len(widths)} points, standard error {error}")
        check(error is None or fit["low"] < fit["slope"] < fit["high"], "the slope lies in its interval")
    check([(n["name"], n["width"]) for n in report["networks"]] ==
          [(name, w) for w in widths for name in ("fully connected", "convolutional")], "the networks")
    for network in report["networks"]:
        check(list(network) == ["name", "width", "test_accuracy", "init", "trained"], f"fields {list(network)}")
        check(0 <= network["test_accuracy"] <= 1, "test_accuracy is a fraction")
        for state in ("init", "trained"):
            s = network[state]
            check(list(s) == STATE, f"fields {list(s)}")
            check(0 < s["relative_frobenius"] < 2, f"relative_frobenius {s['relative_frobenius']}")
            check(s["lambda_max_difference"] >= 0, "lambda_max_difference")
            check(all(0 <= s[k] <= 1 for k in s if k.startswith("accuracy")), "accuracies are fractions")
            check(s["diagonality"] > 0, f"diagonality {s['diagonality']}")
            check(all(s[k] > 0 for k in ("seconds_entk", "seconds_pntk", "bytes_entk", "bytes_pntk")), "costs")
            check(s["bytes_entk"] > s["bytes_pntk"], "an eNTK holds more than a pNTK")
            check(all(s[k] is None or s[k] >= 1 for k in ("condition_entk", "condition_pntk")), "condition numbers")
    return report


def same_to_rounding(a, b, key):
    """A condition number is none where rounding leaves no positive eigenvalue; its inverse is the smallest eigenvalue
    by the largest."""
    if key.startswith("condition"):
        return abs((1 / a if a else 0) - (1 / b if b else 0)) < 1e-13
    return a == b or math.isclose(a, b, rel_tol=1e-8)


def check_page(file):
    page = file.read_text()
    check(page.startswith("<!DOCTYPE html>") and page.rstrip().endswith("</html>"), "a whole page")
    check(page.count("<svg") == page.count("</svg>") == 7, f"{page.count('<svg')} figures")
    loads = [line for line in page.splitlines() if "src=" in line or "@import" in line or "url(http" in line]
    check(not loads and "<script" not in page and "<link" not in page, f"the page loads nothing: {loads[:3]}")
    check("nan" not in page.lower().replace("nano", ""), "no number is missing from the page")


with tempfile.TemporaryDirectory() as temporary:
    here = pathlib.Path(temporary)
    csv, idx = here / "digits.csv.gz", here / "idx"
    write_digits(csv, 120)
    write_idx_files(idx, 8, {"train": small_images(60, 2), "t10k": small_images(60, 3)}, compressed=True)
    small = ["--n", 12, "--test", 8, "--epochs", 4, "--batch-size", 8]

    done = run("--digits", csv, "--out", here / "a", "--widths", "4,8", *small)
    check(done.returncode == 0, f"a small run: {done.stderr}")
    check("warning" not in done.stderr, f"warnings, such as gnuplot's: {done.stderr[:500]}")
    if done.returncode == 0:
        check(str(here / "a" / "report.html") in done.stdout, "the terminal says where the report is")
        check("100 %" in done.stdout and "\r" not in done.stdout, "plain lines of progress where there is no terminal")
        check("network           width  accuracy" in done.stdout, "a table of the networks")
        first = check_json(here / "a" / "report.json", [4, 8], 12)
        check_page(here / "a" / "report.html")
        check((here / "a" / "overview.svg").read_text().rstrip().endswith("</svg>"), "overview.svg is whole")
        check_kernels(here / "a" / "kernels", 12, 8)

        # The same seed gives the same networks and kernels to the last bit, also with one thread. LAPACK cuts
        # eigenvalue problems by the number of threads, so what it computes agrees to rounding.
        again = run("--digits", csv, "--out", here / "b", "--widths", "4,8", "--threads", 1, *small)
        check(again.returncode == 0, f"a second run: {again.stderr}")
        for one, two in zip(first["networks"], json.loads((here / "b" / "report.json").read_text())["networks"]):
            check(one["test_accuracy"] == two["test_accuracy"] and
                  all(same_to_rounding(one[s][k], two[s][k], k) for s in ("init", "trained") for k in STATE[:6]),
                  f"{one['name']} {one['width']} again")
        for file in (here / "a" / "kernels").iterdir():
            check(file.read_bytes() == (here / "b" / "kernels" / file.name).read_bytes(), f"{file.name} again")

    done = run("--data", idx, "--out", here / "c", "--widths", 8, *small)
    check(done.returncode == 0, f"a run on IDX files: {done.stderr}")
    if done.returncode == 0:
        report = check_json(here / "c" / "report.json", [8], 12)
        check(report["data"] == "idx", "a data set is called after its folder")

    if real_digits.exists():
        done = run("--digits", real_digits, "--out", here / "d", "--widths", 64, "--n", 50, "--test", 50)
        check(done.returncode == 0, f"a run on real digits: {done.stderr}")
        if done.returncode == 0:
            report = check_json(here / "d" / "report.json", [64], 50)
            check(report["data"] == "UCI handwritten digits", "the digits' name")
            for network in report["networks"]:
                check(network["test_accuracy"] >= 0.95, f"{network['name']}: accuracy {network['test_accuracy']}")
    else:
        print("skipped: real digits,", real_digits, "is not there")

    (here / "file").write_text("x")
    (here / "taken" / "report.html").mkdir(parents=True)
    (here / "empty").mkdir()
    (here / "cut.gz").write_bytes(csv.read_bytes()[:200])
    for options, says in [
            (["--widths", "0"], "--widths: must be positive, not 0"),
            (["--widths", "8,6"], "multiples of 4"),
            (["--widths", "8,8"], "given twice"),
            (["--widths", "wide"], "--widths"),
            (["--widths", "-4"], "--widths: must be positive, not -4"),
            (["--widths", "4000000000"], "not enough memory"),
            (["--n", "1000"], "--n is 1000, but UCI handwritten digits has 60 training images"),
            (["--n", "0"], "--n: must be positive, not 0"),
            (["--n", "1"], "--n is 1; at least 2"),
            (["--epochs", "0"], "--epochs: must be positive, not 0"),
            (["--threads", "9999"], "--threads: must be at most"),
            (["--witdhs", "8"], "no option --witdhs; did you mean --widths?"),
            (["--learning-rate", "-1"], "--learning-rate: must be positive, not -1"),
            (["--digits", here / "absent.csv.gz"], "absent.csv.gz is not there"),
            (["--digits", here / "cut.gz"], "truncated"),
            (["--data", here / "absent"], "is not a folder"),
            (["--data", here / "empty"], "train-images-idx3-ubyte"),
            (["--out", here / "file"], "cannot be made a folder"),
            (["--out", here / "file" / "below"], "below"),
            (["--out", here / "taken"], "report.html: is a folder"),
            (["--out", ""], "--out: must not be empty"),
            (["--nonsense"], "nonsense")]:
        out = here / "nothing"
        usual = {"--digits": csv, "--out": out, "--widths": "8", "--n": 12, "--test": 8}
        usual.update(zip(options[::2], options[1::2]))
        done = run(*[word for pair in usual.items() for word in pair], *options[len(options) // 2 * 2:])
        check(done.returncode == 1, f"{options}: exit status {done.returncode}")
        check(says in done.stderr, f"{options} says {done.stderr!r} instead of {says!r}")
        check(not out.exists(), f"{options} leaves files")

finish()

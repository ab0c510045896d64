"""Runs the attribution program on few images, and computes again in another way what it says: scores, correlations,
shares of flipped labels, pictures. And runs it with wrong options.

usage: attribute_test.py PROGRAM KERNEL
"""
import base64
import collections
import gzip
import json
import math
import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile
import zlib

from programs import check, digits, finish, read_floats, read_npy, rows, write_cifar, write_digits

program, kernel = sys.argv[1:]


def run(*options, which=program):
    return subprocess.run([which, *map(str, options)], capture_output=True, text=True, timeout=300)


def matrix(file):
    (m, n), values = read_npy(file)
    return [list(values[i * n:(i + 1) * n]) for i in range(m)]


def ranks(values):
    """Ranks of equal values are their mean."""
    return [sum(v < w for v in values) + (sum(v == w for v in values) + 1) / 2 for w in values]


def correlation(a, b):
    a, b = ([v - sum(values) / len(values) for v in values] for values in (ranks(a), ranks(b)))
    norm = (sum(v * v for v in a) * sum(v * v for v in b)) ** 0.5
    return sum(v * w for v, w in zip(a, b)) / norm if norm else 0


def solved(a, b):
    """Rows of b times the inverse of the symmetric positive definite a, by elimination."""
    n, work = len(a), [list(row) + [line[i] for line in b] for i, row in enumerate(a)]
    for k in range(n):
        for i in range(n):
            if i != k:
                factor = work[i][k] / work[k][k]
                work[i] = [v - factor * w for v, w in zip(work[i], work[k])]
    return [[work[i][n + j] / work[i][i] for i in range(n)] for j in range(len(b))]


def scores(out, data, n, test, ridge):
    """The kernel program has the kernels of the weights that the program left; the rest is the formula of TRAK."""
    done = run("--data", data, "--network", "mlp", "--width", 0.05, "--n", n, "--test", test, "--weights",
               out / "weights.safetensors", "--readout", "margin", "--out", out / "K.npy", which=kernel)
    check(done.returncode == 0, f"kernel: {done.stderr}")
    k, others = matrix(out / "K.npy"), matrix(out / "K_test.npy")
    mean = sum(k[i][i] for i in range(n)) / n
    for i in range(n):
        k[i][i] += ridge * mean
    misses = [float(row["miss"]) for row in rows(out / "images.csv")]
    expected = [[v * q for v, q in zip(row, misses)] for row in solved(k, others)]
    found = matrix(out / "scores.npy")
    size = max(abs(v) for row in expected for v in row)
    worst = max(abs(v - w) for a, b in zip(found, expected) for v, w in zip(a, b))
    check(len(found) == test and worst < 1e-5 * size, f"scores: {worst} of {size}")


def datamodel(out, report):
    """Correlations of the sums of scores over halves with the margins of the networks on these halves."""
    found, halves, margins = (matrix(out / f"{name}.npy") for name in ("scores", "subsets", "margins"))
    n = len(found[0])
    check(all(sum(half) == n // 2 and set(half) == {0, 1} for half in halves), "halves")
    check(len({tuple(half) for half in halves}) == len(halves) and len(margins) == len(halves), "different halves")
    table = rows(out / "lds.csv")
    mean = 0
    for i, row in enumerate(table):
        sums = [sum(v for v, inside in zip(found[i], half) if inside) for half in halves]
        expected = correlation(sums, [m[i] for m in margins])
        mean += expected / len(table)
        check(abs(float(row["exact"]) - expected) < 1e-6, f"test image {i}: {row['exact']}, expected {expected}")
    check(abs(report["lds"]["exact"]["mean"] - mean) < 1e-6, f"mean of correlations: {mean}")
    check(mean > 2 * report["lds"]["exact"]["standard_error"] > 0, f"scores predict nothing: {mean}")
    # Projections of more numbers are closer to the exact scores.
    gaps = [sum(abs(float(row[f"projected_{k}"]) - float(row["exact"])) for row in table) for k in (16, 2048)]
    check(gaps[1] < 0.5 * gaps[0] and gaps[1] > 0, f"projections: {gaps}")


def flips(out, data, n, share):
    """Counts what stands in the first tenths of each ranking."""
    table, images = rows(out / "flips.csv"), rows(out / "flipped_images.csv")
    check(len(table) == 2 * 2 * 3 and len(images) == 2 * 2 * n, f"{len(table)} and {len(images)} rows")
    columns = {"self-influence": "self_influence", "loss": "loss", "random order": "random"}
    means = {}
    for row in table:
        own = [image for image in images if (image["epochs"], image["seed"]) == (row["epochs"], row["seed"])]
        wrong = sum(image["label"] != image["given"] for image in own)
        check(wrong == round(share * n), f"{wrong} labels are flipped")
        own.sort(key=lambda image: -float(image[columns[row["ranking"]]]))
        for part in 10, 20:
            first = own[:round(n * part / 100)]
            found = sum(image["label"] != image["given"] for image in first) / wrong
            check(abs(found - float(row[f"found_in_{part}_percent"])) < 1e-8, f"{row}: {found} in {part} %")
        means.setdefault(row["ranking"], []).append(float(row["found_in_20_percent"]))
    means = {name: sum(values) / len(values) for name, values in means.items()}
    chance = means["random order"]
    check(means["self-influence"] > chance + 0.2 and means["loss"] > chance + 0.2 and chance < 0.4, f"found: {means}")
    labels = [int(image["label"]) for image in images[:n]]
    check(sorted(labels) == sorted(int(row["label"]) for row in rows(out / "images.csv")), "true labels")


def decoded(address):
    """Width, height and rows of a PNG, after its checksums."""
    data = base64.b64decode(address, validate=True)
    check(data[:8] == b"\x89PNG\r\n\x1a\n", "a PNG")
    at, chunks = 8, {}
    while at < len(data):
        (length,), kind = struct.unpack(">I", data[at:at + 4]), data[at + 4:at + 8]
        body = data[at + 8:at + 8 + length]
        check(struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0] == zlib.crc32(kind + body), f"{kind}")
        chunks[kind], at = body, at + 12 + length
    width, height, bits, color = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    line = width * (3 if color == 2 else 1) + 1
    pixels = zlib.decompress(chunks[b"IDAT"])
    check(bits == 8 and len(pixels) == line * height, "a byte for each pixel")
    return width, height, b"".join(pixels[i * line + 1:(i + 1) * line] for i in range(height))


def page(out, side, images):
    text = (out / "report.html").read_text(encoding="utf-8")
    check(text.endswith("</html>\n") and "http-equiv" not in text and "src=" not in text, "a page by itself")
    check(not re.search(r"\bnan\b|\binf\b", re.sub(r'"data:[^"]*"', "", text)), "no number is missing")
    shown = re.findall(r'href="data:image/png;base64,([^"]*)"', text)
    check(len(shown) >= 11 and len(shown) % 11 == 0, f"{len(shown)} pictures: a test image and ten training images")
    known = set(images)
    for address in shown:
        width, height, pixels = decoded(address)
        check((width, height) == (side, side) and pixels in known, "a picture that is no image of the set")
    return text


def network(file):
    """The layers of a perceptron as pairs (weight's rows, bias)."""
    _, arrays = read_floats(file)
    layers = []
    for name in "0", "2", "4":
        weight, bias = arrays[name + ".weight"], arrays[name + ".bias"]
        inputs = len(weight) // len(bias)
        layers.append(([weight[o * inputs:(o + 1) * inputs] for o in range(len(bias))], bias))
    return layers


def outputs(layers, x):
    for at, (weight, bias) in enumerate(layers):
        x = [sum(w * v for w, v in zip(row, x)) + b for row, b in zip(weight, bias)]
        if at + 1 < len(layers):
            x = [max(v, 0) for v in x]
    return x


def margin(f, label):
    """log p / (1 - p) of the label's probability."""
    others = [v for o, v in enumerate(f) if o != label]
    top = max(others)
    return f[label] - top - math.log(sum(math.exp(v - top) for v in others))


def shown_test_images(table):
    """The first image of each class, at most three that the network got right and then three that it got wrong."""
    right, wrong, more = [], [], []
    for i, row in enumerate(table):
        good = row["label"] == row["prediction"]
        first = all(row["label"] != table[j]["label"] for j in (right if good else wrong))
        (right if good and first else wrong if first else more if not good else []).append(i)
    return right[:3] + (wrong + more)[:3]


def choice(out, full, mean, deviation):
    """Whether each picture is the image that the scores say. An image is known by the margin of its label: the file
    has it for each training image, and the network for the pixels of the picture."""
    text = (out / "report.html").read_text(encoding="utf-8")
    figure = re.search(r"training images that help most.*?</svg>", text, re.S)[0]
    pictures = re.findall(r'href="data:image/png;base64,([^"]*)"', figure)
    found, table, images = matrix(out / "scores.npy"), rows(out / "lds.csv"), rows(out / "images.csv")
    labels = [int(image["label"]) for image in images]
    known = [math.log((1 - float(image["miss"])) / float(image["miss"])) for image in images]
    layers, tests = network(out / "weights.safetensors"), shown_test_images(table)
    check(len(pictures) == 11 * len(tests) and len(tests) > 1, f"{len(pictures)} pictures of {len(tests)} test images")
    alike = 0  # pairs of images that this could take for each other
    for i, test in enumerate(tests):
        order = sorted(range(len(labels)), key=lambda n: -found[test][n])
        expected = [None, *order[:5], *reversed(order[-5:])]
        for address, n in zip(pictures[11 * i:11 * (i + 1)], expected):
            ink = [round((255 - byte) / 255 * full) for byte in decoded(address)[2]]
            f = outputs(layers, [(v / full - mean) / deviation for v in ink])
            if n is None:
                check(f.index(max(f)) == int(table[test]["prediction"]), f"the picture of test image {test}")
                continue
            check(abs(margin(f, labels[n]) - known[n]) < 2e-4 * (1 + abs(known[n])),
                  f"{out.name}, test image {test}: a picture of margin {margin(f, labels[n])} stands where training "
                  f"image {n} of margin {known[n]} belongs")
            alike += sum(labels[m] == labels[n] and abs(known[m] - known[n]) < 4e-4 * (1 + abs(known[n])) for m in range(len(labels))) - 1
    check(alike < len(pictures) // 4, f"{alike} images cannot be told from others")


def choices(here):
    """On digits of which each has the same pixels in another order, so that any of them have the mean and the deviation
    of all; and on the published sets where they are."""
    few = ["--network", "mlp", "--width", 0.05, "--epochs", 3, "--subsets", 3, "--repeats", 1, "--ensemble", 1,
           "--flip-seeds", 1, "--projections", 8]
    levels, lines = [i * 16 // 63 for i in range(64)], []
    for n in range(160):
        pixels = random.Random(n % 10).sample(levels, 64)  # a pattern for each class
        draw = random.Random(100 + n)
        for _ in range(25):
            i, j = draw.randrange(64), draw.randrange(64)
            pixels[i], pixels[j] = pixels[j], pixels[i]
        lines.append(",".join(map(str, pixels + [n % 10])))
    (here / "same").mkdir()
    (here / "same" / "digits.csv.gz").write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
    done = run("--data", here / "same", *few, "--test", 20, "--out", here / "digits_choice")
    check(done.returncode == 0, done.stderr)
    mean = sum(levels) / 64 / 16
    choice(here / "digits_choice", 16, mean, math.sqrt(sum((v / 16 - mean) ** 2 for v in levels) / 64))

    for name, folders in ("mnist", ("mnist", "MNIST/raw")), ("fashion", ("fashion-mnist", "FashionMNIST/raw")):
        places = [pathlib.Path(os.environ.get("XTANGENT_DATA") or "nowhere") / folder for folder in folders]
        files = [file for place in places for file in place.glob("train-images-idx3-ubyte*")]
        if not files:
            print(f"skipped: the choice of pictures of {name}: no training images in $XTANGENT_DATA")
            continue
        out = here / f"{name}_choice"
        done = run(name, "--data", files[0].parent, *few, "--n", 300, "--test", 40, "--out", out)
        check(done.returncode == 0, done.stderr)
        data = files[0].read_bytes()
        counts = collections.Counter((gzip.decompress(data) if files[0].suffix == ".gz" else data)[16:])
        count = sum(counts.values())
        mean = sum(v * c for v, c in counts.items()) / count / 255
        choice(out, 255, mean, math.sqrt(sum((v / 255 - mean) ** 2 * c for v, c in counts.items()) / count))


with tempfile.TemporaryDirectory() as folder:
    here = pathlib.Path(folder)
    choices(here)
    data, out = here / "data", here / "a"
    data.mkdir()
    write_digits(data / "digits.csv.gz", 160)
    small = ["--data", data, "--width", 0.05, "--test", 12, "--batch-size", 16, "--projections", "16,2048",
             "--subsets", 40, "--repeats", 2, "--ensemble", 2, "--flip-seeds", 2]
    done = run(*small, "--epochs", 20, "--ridge", 0.5, "--out", out)
    check(done.returncode == 0 and not done.stderr, done.stderr[:500])
    check(len(re.findall(r"^  exact.* 0\.\d+ ± 0\.\d+$", done.stdout, re.M)) == 3, done.stdout)
    check(f"Report: {out}/report.html" in done.stdout, done.stdout)
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    n = report["n"]
    check(n == 80 and report["test"] == 12 and report["agreement"]["count"] == 12, f"{report}")
    check(list(report["lds"]) == ["exact", "projected_16", "projected_2048", "products", "ensemble"], f"{report['lds']}")
    scores(out, data, n, 12, 0.5)
    datamodel(out, report)
    flips(out, data, n, 0.1)
    text = page(out, 8, [bytes(int(255 - 255 * v / 16 + 0.5) for v in pixels) for pixels, _ in digits(160, 1)])
    check("after 5 epochs" in text and "after 20 epochs" in text and "40 random halves" in text, "what was done")

    # Trainings do not depend on the number of threads.
    done = run(*small, "--epochs", 20, "--ridge", 0.5, "--out", here / "b", "--threads", 1)
    for name in "margins.npy", "subsets.npy", "weights.safetensors":
        check((out / name).read_bytes() == (here / "b" / name).read_bytes(), f"threads change {name}: {done.stderr}")

    # Color images, a part of the training images, no ensemble, one network on each half.
    write_cifar(here / "cifar10", 20)
    done = run("cifar10", "--data", here, "--network", "mlp", "--width", 0.02, "--n", 40, "--test", 5, "--epochs", 2,
               "--subsets", 3, "--repeats", 1, "--ensemble", 1, "--flip-seeds", 1, "--projections", 8, "--out", here / "c")
    check(done.returncode == 0 and "CIFAR-10: 40 training images" in done.stdout, done.stderr)
    report = json.loads((here / "c/report.json").read_text(encoding="utf-8"))
    check("ensemble" not in report["lds"] and "agreement" not in report, f"{report}")
    known = []
    for file in (here / "cifar10").iterdir():
        for at in range(0, 20 * 3073, 3073):
            planes = [file.read_bytes()[at + 1 + 1024 * c:at + 1 + 1024 * (c + 1)] for c in range(3)]
            known.append(bytes(planes[c][i] for i in range(1024) for c in range(3)))
    text = page(here / "c", 32, known)
    check(re.search(r">(plane|car|bird|cat|deer|dog|frog|horse|ship|truck)<", text), "names of classes")
    check("a single seed decides nothing" in text, "one seed")

    (here / "file").write_text("x")
    (here / "taken" / "report.html").mkdir(parents=True)
    for options, says in (
            ([*small, "--out", here / "file"], "cannot be made a folder"),
            ([*small, "--out", here / "taken"], "report.html: is a folder"),
            ([*small, "--out", ""], "--out: must not be empty"),
            (["mnist", "--data", here], "MNIST was not found in"),
            (["nothing"], "no data set 'nothing'"),
            ([*small, "--network", "vgg", "--out", here / "d"], "no network 'vgg'"),
            ([*small, "--network", "lenet", "--out", here / "d"], "lenet takes images of 1 x 28 x 28"),
            ([*small, "--n", 10, "--out", here / "d"], "Take at least 20"),
            ([*small, "--subsets", 2, "--out", here / "d"], "--subsets 2: a rank correlation needs at least 3"),
            ([*small, "--subsets", 0], "--subsets: must be positive, not 0"),
            ([*small, "--flipped", 0.6, "--out", here / "d"], "--flipped 0.600: at most half"),
            ([*small, "--ridge", 0], "--ridge: must be positive, not 0"),
            ([*small, "--projections", "64,x"], "--projections: must be a whole number, not 'x'"),
            ([*small, "--learning-rate", -1], "--learning-rate: must be positive, not -1"),
            ([*small, "--subset", 5], "did you mean --subsets?"),
            ([*small, "--threads", 9999], "--threads: must be at most")):
        # a later option in place of an earlier one
        pairs = dict(zip(options[::2], options[1::2])) if options[0] == "--data" else None
        wrong = run(*[word for pair in pairs.items() for word in pair] if pairs else options)
        check(wrong.returncode == 1 and says in wrong.stderr, f"{options}: {wrong.returncode} {wrong.stderr}")
    check(not (here / "d").exists(), "nothing is left of what was refused")
finish()

"""Computes kernels of small networks on made-up images with the kernel program, interrupts it and goes on, and runs it
with wrong options.

usage: kernel_test.py KERNEL TRAIN      ($XTANGENT_TORCH, a Python with torch and safetensors, also computes one)
"""
import gzip
import json
import os
import pathlib
import re
import shlex
import signal
import stat
import struct
import subprocess
import sys
import tempfile

from programs import (check, finish, interrupted, on_a_terminal, read_npy, read_rows, read_safetensors, write_cifar,
                      write_digits, write_idx, write_npy)

kernel, train = map(os.path.abspath, sys.argv[1:])


def command(*options):
    return [kernel, *map(str, options)]


def run(*options, **more):
    return subprocess.run(command(*options), capture_output=True, text=True, timeout=300, **more)


def close(a, b, tolerance):
    scale = max(abs(v) for row in b for v in row)
    return all(abs(v - w) <= tolerance * scale for x, y in zip(a, b) for v, w in zip(x, y))


def as_pytorch_saves(file, target):
    """Writes the same arrays in the order of their names and with PyTorch's metadata, as safetensors.torch.save_file
    does."""
    _, header, body = read_safetensors(file)
    out, parts, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for name in sorted(header):
        begin, end = header[name]["data_offsets"]
        parts.append(body[begin:end])
        out[name] = {**header[name], "data_offsets": [offset, offset + end - begin]}
        offset += end - begin
    text = json.dumps(out).encode()
    target.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))


TORCH = """
import gzip, struct, sys, torch
from safetensors.torch import load_file
net = torch.nn.Sequential(torch.nn.Conv2d(1, 6, 5, padding=2), torch.nn.Tanh(), torch.nn.AvgPool2d(2),
    torch.nn.Conv2d(6, 16, 5), torch.nn.Tanh(), torch.nn.AvgPool2d(2), torch.nn.Flatten(), torch.nn.Linear(400, 120),
    torch.nn.Tanh(), torch.nn.Linear(120, 84), torch.nn.Tanh(), torch.nn.Linear(84, 10)).double()
net.load_state_dict(load_file(sys.argv[1]), strict=True)
pixels = torch.frombuffer(bytearray(open(sys.argv[2], "rb").read()[16:]), dtype=torch.uint8).double().view(-1, 1, 28, 28)
x = (pixels / 255 - (pixels / 255).mean()) / (pixels / 255).std(correction=0)
rows = []
for image in x[:8]:
    net.zero_grad()
    (net(image[None]).sum() / 10 ** 0.5).backward()
    rows.append(torch.cat([p.grad.flatten() for p in net.parameters()]))
g = torch.stack(rows)
print(*(g @ g.T).flatten().tolist())
"""


def numbers(here, data):
    """Compares kernels that must agree with one another."""
    usual = ["--data", data / "mnist", "--network", "mlp", "--width", 0.1, "--double"]
    out = here / "numbers"
    results = {}
    for readout in ("full", "pseudo", "trace", "single:3", "signs:7"):
        file = out / (readout.replace(":", "") + ".npy")
        done = run(*usual, "--n", 9, "--test", 4, "--readout", readout, "--out", file)
        check(done.returncode == 0, f"{readout}: {done.stderr}")
        results[readout] = read_rows(file)
        results[readout + " test"] = read_rows(file.with_name(file.stem + "_test.npy"))
    for part, rows in (("", 9), (" test", 4)):
        shape, theta = results["full" + part]
        check(shape == (rows * 10, 90), f"eNTK of shape {shape}")
        blocks = [[[[theta[n * 10 + o][m * 10 + p] for p in range(10)] for o in range(10)] for m in range(9)]
                  for n in range(rows)]
        expected = {"pseudo": [[sum(map(sum, block)) / 10 for block in row] for row in blocks],
                    "trace": [[sum(block[o][o] for o in range(10)) / 10 for block in row] for row in blocks],
                    "single:3": [[block[3][3] for block in row] for row in blocks]}
        for readout, values in expected.items():
            check(results[readout + part][0] == (rows, 9), f"{readout}{part} of shape {results[readout + part][0]}")
            check(close(results[readout + part][1], values, 1e-12), f"{readout}{part} is not what the eNTK says")
        check(not close(results["signs:7" + part][1], expected["pseudo"], 1e-2), "random signs are no equal signs")
    done = run(*usual, "--n", 9, "--readout", "diagonal", "--out", out / "diagonal.npy")
    check(done.returncode == 0, f"diagonal: {done.stderr}")
    shape, values = read_npy(out / "diagonal.npy")
    check(shape == (10, 9, 9) and close([values], [[results["full"][1][n * 10 + o][m * 10 + o] for o in range(10)
                                                    for n in range(9) for m in range(9)]], 1e-12), "diagonal blocks")
    check(all(results["full"][1][i][j] == results["full"][1][j][i] for i in range(90) for j in range(i)),
          "symmetric to the bit")
    done = run(*[option for option in usual if option != "--double"], "--n", 9, "--out", out / "float.npy")
    check(done.returncode == 0, f"in float: {done.stderr}")
    in_float = read_rows(out / "float.npy")[1]
    check(in_float != results["pseudo"][1] and close(in_float, results["pseudo"][1], 1e-5), "float and double")
    done = run(*usual, "--n", 9, "--seed", 2, "--out", out / "seed.npy")
    check(read_rows(out / "seed.npy")[1] != results["pseudo"][1], "another seed")


def labels_and_layers(here, data):
    out = here / "layers"
    options = ["--network", "mlp", "--width", "0.02", "--data", data / "mnist", "--n", "12", "--double"]
    entk = run(*options, "--readout", "full", "--out", out / "full.npy")
    check(entk.returncode == 0, f"eNTK: {entk.stderr}")
    full, rows = read_rows(out / "full.npy")[1], {}
    for readout in "labels", "loss", "margin", "log_probability", "lpntk", "fisher:3":
        done = run(*options, "--readout", readout, "--test", "3", "--out", out / "r.npy")
        check(done.returncode == 0 and f"readout {readout}," in done.stdout, f"{readout}: {done.stdout}{done.stderr}")
        shape, rows[readout] = read_rows(out / "r.npy")
        check(shape == (12, 12) and read_rows(out / "r_test.npy")[0] == (3, 12), f"{readout} of shape {shape}")
        check(all(rows[readout][i][j] == rows[readout][j][i] for i in range(12) for j in range(i)), "symmetric")
    # The made-up image number n has the label n % 10.
    at_labels = [[full[i * 10 + i % 10][j * 10 + j % 10] for j in range(12)] for i in range(12)]
    check(close(rows["labels"], at_labels, 1e-12), "labels take the entries of the eNTK's blocks at the labels")
    signed = [[sum((1 if a == i % 10 else -1) * (1 if b == j % 10 else -1) * full[i * 10 + a][j * 10 + b]
                   for a in range(10) for b in range(10)) / 10 for j in range(12)] for i in range(12)]
    check(close(rows["lpntk"], signed, 1e-12), "lpNTK has the sign of the label")
    check(close(rows["loss"], rows["log_probability"], 1e-12), "a loss is minus a log-probability")

    done = run(*options, "--per-layer", "--readout", "loss", "--out", out / "K.npy")
    check(done.returncode == 0, f"layers: {done.stderr}")
    shares = [float(line.split()[-2]) for line in done.stdout.splitlines() if line.endswith(" %")]
    files = sorted((out / "K_layers").iterdir())
    check(len(files) == len(shares) > 1 and abs(sum(shares) - 100) < 0.1, f"shares {shares}")
    parts = [read_rows(file)[1] for file in files]
    total = [[sum(part[i][j] for part in parts) for j in range(12)] for i in range(12)]
    check(close(total, rows["loss"], 1e-12), "layers sum to the kernel")
    picture = (out / "K_layers.svg").read_text()
    check("</svg>" in picture and "share of the trace" in picture, "a picture")
    done = run(*options, "--readout", "loss", "--parameters", files[0].stem + ".*", "--out", out / "one.npy")
    check(done.returncode == 0 and close(read_rows(out / "one.npy")[1], parts[0], 1e-12), f"one layer: {done.stderr}")
    done = run(*options, "--per-layer", "--readout", "loss", "--out", out / "S.npy", "--store", out / "store")
    check(done.returncode == 0 and close(read_rows(out / "S_layers" / files[0].name)[1], parts[0], 1e-12),
          f"with a store: {done.stderr}")

    weights = [*options, "--readout", "loss", "--parameters", "*,!*.bias"]
    for more in [], ["--per-layer"]:
        done = run(*weights, *more, "--out", out / "W.npy")
        check(done.returncode == 0, f"weights alone: {done.stderr}")
    only = [read_rows(file)[1] for file in sorted((out / "W_layers").iterdir())]
    total = [[sum(part[i][j] for part in only) for j in range(12)] for i in range(12)]
    check(len(only) == len(files) and close(read_rows(out / "W.npy")[1], total, 1e-12), "weights alone, by layers")
    check(all(only[k][i][i] < parts[k][i][i] for k in range(len(files)) for i in range(12)), "biases are left out")

    count = 2 * len(files)  # a weight and a bias in each layer
    write_npy(out / "D.npy", [2.0] * count)
    done = run(*options, "--readout", "loss", "--metric", out / "D.npy", "--out", out / "twice.npy")
    check(done.returncode == 0 and close(read_rows(out / "twice.npy")[1], [[2 * v for v in row] for row in rows["loss"]],
                                         1e-12), f"a metric: {done.stderr}")
    for values, says in ([2.0] * 3, "3 numbers for a network of"), ([-1.0] * count, "must be positive"):
        write_npy(out / "D.npy", values)
        done = run(*options, "--metric", out / "D.npy", "--out", out / "none.npy")
        check(done.returncode == 1 and says in done.stderr, f"metric {values[:2]}: {done.stderr}")
    done = run(*options, "--parameters", "nothing.*", "--out", out / "none.npy")
    check(done.returncode == 1 and "no parameter matches 'nothing.*'" in done.stderr, f"{done.stderr}")
    check(not (out / "none.npy").exists(), "nothing is left of what was refused")


def weights(here, data):
    """Takes weights from the trainer, and the same weights in PyTorch's form."""
    done = subprocess.run([train, "mnist", "--data", data, "--out", here / "trained", "--epochs", "1"],
                          capture_output=True, text=True, timeout=300)
    check(done.returncode == 0, f"training: {done.stderr}")
    own, theirs = here / "trained" / "weights.safetensors", here / "pytorch.safetensors"
    as_pytorch_saves(own, theirs)
    usual = ["--network", "lenet", "--data", data / "mnist", "--n", 8, "--double"]
    files = []
    for file in (None, own, theirs):
        out = here / "weights" / f"{len(files)}.npy"
        done = run(*usual, "--out", out, *(["--weights", file] if file else []))
        check(done.returncode == 0, f"{file}: {done.stderr}")
        files.append(out.read_bytes())
    check(files[1] == files[2] and files[0] != files[1], "the same kernel of PyTorch's file, another without")
    if os.environ.get("XTANGENT_TORCH"):
        done = subprocess.run([os.environ["XTANGENT_TORCH"], "-c", TORCH, theirs,
                               data / "mnist" / "train-images-idx3-ubyte"], capture_output=True, text=True)
        check(done.returncode == 0, f"PyTorch: {done.stderr}")
        values = list(map(float, done.stdout.split()))
        check(close(read_rows(here / "weights" / "2.npy")[1], [values[i:i + 8] for i in range(0, 64, 8)], 1e-10),
              "PyTorch's kernel")


TORCH_TEXT = """
import json, sys, torch
from safetensors.torch import save_file
torch.manual_seed(0)
tokens, mask = (torch.tensor(json.loads(text)) for text in sys.argv[2:4])
words, fc1, fc2 = torch.nn.Embedding(11, 64), torch.nn.Linear(64, 128), torch.nn.Linear(128, 3)
net = torch.nn.ModuleDict({"embedding": words, "fc1": fc1, "fc2": fc2}).double()
save_file(net.state_dict(), sys.argv[1])
rows = []
for ids, weights in zip(tokens, mask.double()):
    net.zero_grad()
    h = (words(ids) * weights[:, None]).sum(0) / weights.sum()
    (fc2(torch.relu(fc1(h))).sum() / 3 ** 0.5).backward()
    rows.append(torch.cat([p.grad.flatten() for p in net.parameters()]))
g = torch.stack(rows)
print(*(g @ g.T).flatten().tolist())
"""


def exported_networks(here):
    """A network of two inputs that PyTorch exported, and wrong options for it."""
    folder, fixtures = here / "exported", pathlib.Path(__file__).parents[1] / "fixtures" / "exported"
    folder.mkdir()
    n, outputs = 4, 3
    write_npy(folder / "ids.npy", [(3 * i * i + 1) % 7 for i in range(5 * n)], (n, 5), True)
    write_npy(folder / "mask.npy", [1 if i % 5 < 2 + i // 10 else 0 for i in range(5 * n)], (n, 5), False)
    write_npy(folder / "y.npy", [0, 1, 2, 0], whole=True)
    inputs = ["--inputs", folder / "ids.npy", "--inputs", folder / "mask.npy"]
    model = ["--model", fixtures / "mixed.pt2", *inputs, "--double", "--out", folder / "K.npy"]

    def computed(*options):
        done = run(*model, *options)
        check(done.returncode == 0, f"{options}: {done.stderr}")
        return read_rows(folder / "K.npy")[1] if done.returncode == 0 else [[0]]

    full, pseudo = computed("--readout", "full"), computed()
    check(len(full) == n * outputs and len(pseudo) == n, "an exported network")
    sums = [[sum(full[i * outputs + a][j * outputs + b] for a in range(outputs) for b in range(outputs)) / outputs
             for j in range(n)] for i in range(n)]
    check(close(pseudo, sums, 1e-12), "the pNTK of an exported network is the mean over its eNTK's blocks")
    check(len(computed("--readout", "loss", "--labels", folder / "y.npy")) == n, "losses of an exported network")
    done = run(*model, "--dry-run")
    check("mixed.pt2, its own parameters: " in done.stdout, done.stdout)
    for options, says in ((["--network", "text", *model], "excludes"),
                          (["--model", fixtures / "mixed.pt2"], "--inputs"),
                          (["--model", fixtures / "mixed.pt2", *inputs[:2]], "for a model of 2 inputs"),
                          (["--model", fixtures / "several_outputs.pt2", *inputs[2:]], "left, right"),
                          ([*model, "--output", "5"], "no '5'")):
        done = run(*options)
        check(done.returncode == 1 and says in done.stderr, f"{options}: {done.returncode} {done.stderr}")


def positions(here):
    """Outputs (N, T, V), of which the kernels at positions are parts of the whole one."""
    folder, fixtures = here / "positions", pathlib.Path(__file__).parents[1] / "fixtures" / "exported"
    folder.mkdir()
    n, length = 3, 5
    write_npy(folder / "ids.npy", [(5 * i * i + 2) % 7 for i in range(length * n)], (n, length), True)
    model = ["--model", fixtures / "positions.pt2", "--inputs", folder / "ids.npy", "--readout", "full", "--double", "--out",
             folder / "K.npy"]

    def computed(*options):
        done = run(*model, *options)
        check(done.returncode == 0, f"{options}: {done.stderr}")
        return read_rows(folder / "K.npy")[1] if done.returncode == 0 else [[0]]

    whole = computed()
    outputs = len(whole) // n
    words = outputs // length

    def part(rows, columns):
        """The mean of the kernels between these positions."""
        return [[sum(whole[i * outputs + t * words + a][j * outputs + s * words + b] for t in rows for s in columns)
                 / (len(rows) * len(columns)) for j in range(n) for b in range(words)] for i in range(n) for a in range(words)]

    for where, at in (("1", [1]), ("last", [length - 1]), ("mean", list(range(length)))):
        check(close(computed("--positions", where), part(at, at), 1e-12), f"--positions {where}")
    for where, says in (("first", "give last, mean, or a number"), ("9", "position")):
        done = run(*model, "--positions", where)
        check(done.returncode == 1 and says in done.stderr, f"--positions {where}: {done.stderr}")
    write_npy(folder / "y.npy", [2, 0, 1], whole=True)
    model[model.index("full")] = "loss"
    losses = computed("--positions", "last", "--labels", folder / "y.npy")
    check(len(losses) == n, "losses at the last position")
    done = run("--inputs", folder / "ids.npy", "--network", "gpt2", "--positions", "last")
    check(done.returncode == 1 and "--model" in done.stderr, done.stderr)


def examples_from_files(here):
    """Networks of one and of two inputs on NumPy files."""
    folder = here / "files"
    folder.mkdir()
    n, length = 6, 5
    tokens = [[(7 * i + 3 * j * j) % 11 for j in range(length)] for i in range(n)]
    mask = [[1] * (3 + i % 2) + [0] * (2 - i % 2) for i in range(n)]

    def write(name, rows, whole=True):
        write_npy(folder / name, [v for row in rows for v in row], (len(rows), len(rows[0])), whole)
        return folder / name

    ids, ones, some = write("ids.npy", tokens), write("ones.npy", [[1] * length] * n), write("mask.npy", mask, False)
    short = write("short.npy", [row[:3] for row in tokens])
    write_npy(folder / "y.npy", [i % 3 for i in range(n)], whole=True)
    labels = ["--labels", folder / "y.npy"]
    out = folder / "K.npy"

    def computed(*options, file=out):
        done = run("--network", "text", "--double", "--out", out, *options)
        check(done.returncode == 0, f"{options}: {done.stderr}")
        return read_rows(file)[1] if done.returncode == 0 else [[0]]

    alone = computed("--inputs", ids, *labels)
    check(len(alone) == n, "all examples by default")
    check(close(computed("--inputs", ids, "--inputs", ones, "--classes", 3), alone, 1e-12), "a mask of ones")
    masked = computed("--inputs", ids, "--inputs", some, *labels)
    check(not close(masked, alone, 1e-3), "a mask changes the kernel")
    only_three = computed("--inputs", short, "--vocabulary", 11, *labels)
    check(all(abs(masked[i][j] - only_three[i][j]) < 1e-12 * only_three[i][i] for i in (0, 2, 4) for j in (0, 2, 4)),
          "a mask of three tokens is a text of three tokens")

    tests = ["--test-inputs", short, "--test-inputs", write("m.npy", [[1, 1, 0]] * n), "--vocabulary", 11]
    write_npy(folder / "z.npy", [2, 0, 1, 1, 2, 0], whole=True)
    both = ["--inputs", short, "--inputs", write("l.npy", [[0, 1, 1]] * n), *tests, *labels]
    second = folder / "K_test.npy"
    full = computed(*both, "--n", 4, "--test", 5, "--readout", "full", file=second)
    check(len(full) == 15 and len(full[0]) == 12, "the eNTK of 5 test and 4 training examples")
    picked = computed(*both, "--n", 4, "--test", 5, "--readout", "labels", "--test-labels", folder / "z.npy", file=second)
    z = [2, 0, 1, 1, 2]
    check(close(picked, [[full[3 * i + z[i]][3 * j + j % 3] for j in range(4)] for i in range(5)], 1e-12), "at labels")
    done = run("--network", "text", *both, "--readout", "loss", "--test-labels", folder / "z.npy", "--out", out)
    check("text, width 1, initial parameters" in done.stdout and "short.npy (6, 3)" in done.stdout and
          "test x train of 6 x 6 examples" in done.stdout, f"names files and shapes: {done.stdout}{done.stderr}")
    done = run("--network", "text", "--inputs", ids, "--inputs", some, *labels, "--readout", "loss", "--per-layer",
               "--out", out)
    check(done.returncode == 0 and read_rows(folder / "K_layers" / "embedding.npy")[0] == (n, n), f"layers: {done.stderr}")

    done = run("--network", "gpt2", "--width", 0.02, "--vocabulary", 11, "--inputs", short, "--n", 3, "--out", out)
    check(done.returncode == 0 and read_rows(out)[0] == (3, 3), f"GPT-2: {done.stderr}")
    pixels = [((i * 37) % 255) / 255 for i in range(2 * 784)]
    write_npy(folder / "images.npy", pixels, (2, 1, 28, 28))
    write_npy(folder / "flat.npy", pixels, (2, 784))
    for name in ("lenet", "convnet", "mlp"):
        done = run("--network", name, "--width", 0.1, "--classes", 4, "--inputs", folder / "images.npy", "--readout",
                   "full", "--double", "--out", out)
        check(done.returncode == 0 and read_rows(out)[0] == (8, 8), f"{name}: {done.stderr}")
    expected = read_rows(out)[1]
    run("--network", "mlp", "--width", 0.1, "--classes", 4, "--inputs", folder / "flat.npy", "--readout", "full",
        "--double", "--out", out)
    check(read_rows(out)[1] == expected, "images in rows are the same to a fully connected network")

    write_npy(folder / "five.npy", [0.0] * 5, whole=False)
    write_npy(folder / "negative.npy", [0, 1, -2, 0, 1, 2], whole=True)
    (folder / "text.npy").write_text("no NumPy file")
    text = ["--network", "text", "--inputs", ids]
    for options, says in [
            (["--network", "text"], "text takes tokens. Name their NumPy file with --inputs FILE"),
            (["--network", "alexnet", "--inputs", ids], "no network 'alexnet'"),
            (text, "text needs the number of its outputs. Give it with --classes N, or labels with --labels FILE"),
            ([*text, "--data", "mnist"], "--data"),
            ([*text, "--labels", folder / "five.npy"], "five.npy"),
            ([*text, "--labels", ids], "ids.npy: (6, 5), expected (6,), a label for each example"),
            ([*text, "--labels", folder / "negative.npy"], "label 2 is -2"),
            ([*text, *labels, "--classes", 2, "--readout", "loss"], "has the label 2, and the network has 2 outputs"),
            ([*text, "--classes", 3, "--readout", "loss"], "takes the labels of the examples. Name their file with --labels"),
            ([*text, *labels, "--test-inputs", ids, "--readout", "loss"], "Name their file with --test-labels"),
            ([*text, *labels, "--inputs", folder / "flat.npy"], "flat.npy: (2, 784) and"),
            ([*text, *labels, "--inputs", short], "text takes tokens (T), or tokens (T) and a mask (T); the inputs"),
            ([*text, *labels, "--test-inputs", short], "with examples of the same shapes"),
            ([*text, *labels, "--inputs", ones, "--test-inputs", ids], "there must be as many"),
            ([*text, *labels, "--n", 7], "--n 7: there are 6 training examples"),
            ([*text, *labels, "--test", 2], "Name their files with --test-inputs"),
            ([*text, *labels, "--inputs", folder / "absent.npy"], "absent.npy"),
            (["--network", "text", "--inputs", folder / "text.npy"], "text.npy"),
            (["--network", "gpt2", "--inputs", ids, "--inputs", ones], "gpt2 takes tokens (T)"),
            (["--network", "lenet", "--inputs", ids, *labels], "lenet takes images (channels, height, width)"),
            (["--network", "mlp", "--inputs", ids, "--inputs", ones, *labels], "mlp takes one input of any shape"),
            (["--test-inputs", ids], "--test-inputs"),
            (["--labels", ids], "--labels")]:
        done = run(*options, "--out", folder / "nothing" / "K.npy")
        check(done.returncode == 1 and says in done.stderr, f"{options} says {done.stderr!r} instead of {says!r}")
        check(not (folder / "nothing" / "K.npy").exists(), f"{options} leaves a kernel")

    if os.environ.get("XTANGENT_TORCH"):
        weights = folder / "text.safetensors"
        done = subprocess.run([os.environ["XTANGENT_TORCH"], "-c", TORCH_TEXT, weights, json.dumps(tokens),
                               json.dumps(mask)], capture_output=True, text=True)
        check(done.returncode == 0, f"PyTorch: {done.stderr}")
        values = [float(word) for word in done.stdout.split()]
        ours = computed("--inputs", ids, "--inputs", some, *labels, "--weights", weights)
        check(close(ours, [values[i * n:(i + 1) * n] for i in range(n)], 1e-10), "PyTorch's kernel of text with a mask")


def first_digits(here):
    """The first digits are of all ten classes. Images of a class are the same here, and so are their entries in a row."""
    folder = here / "ten_digits"
    folder.mkdir()
    lines = [",".join([*("15" if pixel == 6 * label else "3" for pixel in range(64)), str(label)])
             for _ in range(20) for label in range(10)]
    (folder / "digits.csv.gz").write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
    done = run("--data", folder, "--width", 0.05, "--n", 60, "--test", 40, "--out", folder / "K.npy")
    check(done.returncode == 0, done.stderr)
    for name in "K.npy", "K_test.npy":
        entries = sorted(read_rows(folder / name)[1][0])
        different = 1 + sum(b - a > 1e-4 * abs(b) for a, b in zip(entries, entries[1:]))
        check(different == 10, f"{name}: {different} of ten classes are among the first")


def interruptions(here, data):
    """Ctrl-C and worse: checks that the bits are the same in the end, and that the program says how to go on."""
    usual = ["--data", data / "cifar10", "--network", "resnet18", "--width", 0.125, "--n", 100, "--memory", "64M"]
    whole, cut, store = here / "whole.npy", here / "cut 1.npy", here / "store of 'cut'"
    done = run(*usual, "--out", whole, "--store", here / "other store")
    check(done.returncode == 0, f"an uninterrupted run: {done.stderr}")
    options = [*usual, "--out", cut, "--store", store]

    def has_tiles(count):
        return lambda: len(list(store.glob("train/tile-*"))) >= count

    running, status, errors, _ = interrupted(command(*options), has_tiles(1))
    check(running and status == 130, f"Ctrl-C: running {running}, status {status}, {errors}")
    check("Interrupted: finished tiles are in" in errors and not cut.exists(), f"{errors}")
    again = shlex.split(errors.strip().split("\n")[-1])
    check(again == command(*options), f"the command to go on: {again}")
    before = {file.name: file.stat().st_ino for file in store.glob("train/tile-*")}
    running, status, errors, _ = interrupted(command(*options), has_tiles(len(before) + 1), signal.SIGKILL)
    check(running and status == -signal.SIGKILL, f"killed: running {running}, status {status}")
    done = run(*options, "--dry-run")
    check(re.search(r"store +\d+ of \d+ tiles are in", done.stdout), f"how far it is: {done.stdout}")
    done = subprocess.run(again, capture_output=True, text=True, timeout=300)
    check(done.returncode == 0, f"going on: {done.stderr}")
    after = {file.name: file.stat().st_ino for file in store.glob("train/tile-*")}
    check(before and before.items() <= after.items() and len(after) > len(before), "finished tiles are kept")
    check(cut.read_bytes() == whole.read_bytes(), "the bits of an uninterrupted run")
    done = run(*usual[:-4], "--n", 99, *usual[-2:], "--out", cut, "--store", store)
    check(done.returncode == 1 and "was begun with" in done.stderr, f"another kernel in the same store: {done.stderr}")
    process = subprocess.Popen(command(*usual[:-2], "--readout", "full", "--out", here / "gone.npy"), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in process.stdout:
        if line.startswith("time "):  # the plan's last line: the work begins
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=600)
    check(process.returncode == 130 and "--store DIR" in errors and not (here / "gone.npy").exists(),
          f"Ctrl-C without a store: {process.returncode}, {errors}")


def wrong_use(here, data):
    usual = {"--data": data / "mnist", "--network": "mlp", "--width": 0.1, "--n": 20}
    (here / "file").write_text("x")
    (here / "empty").mkdir()
    (here / "cut.safetensors").write_bytes((here / "pytorch.safetensors").read_bytes()[:-5])
    for options, says in [
            (["--network", "alexnet"], "no network 'alexnet'. There are mlp, lenet"),
            (["--data", here / "empty"], "is none of mnist, fashion, cifar10, digits, nor a folder with one of"),
            (["--data", here / "absent"], "is none of mnist"),
            (["--data", data / "cifar10", "--network", "lenet"], "lenet takes images of 1 x 28 x 28"),
            (["--n", 801], "--n 801: mnist has 800 training images"),
            (["--test", 801], "--test 801"),
            (["--n", -3], "--n: must be positive or 0, not -3"),
            (["--n", "many"], "--n: must be a whole number, not 'many'"),
            (["--threads", 9999], "--threads: must be at most"),
            (["--net", "mlp"], "no option --net; did you mean --network?"),
            (["--read-out", "full"], "did you mean --readout?"),
            (["-n", 5], "no option -n; did you mean --n?"),
            (["--width", 0], "--width: must be positive, not 0"),
            (["--readout", "sum"], "There are: full, pseudo, trace"),
            (["--readout", "single"], "single"),
            (["--readout", "single:x"], "single"),
            (["--readout", "single:10"], "10"),
            (["--readout", "signs:-1"], "signs"),
            (["--memory", "much"], "'much' is no size. Write 512M, 2G"),
            (["--memory", "2X"], "'2X' is no size"),
            (["--memory", "-2G"], "'-2G' is no size"),
            (["--memory", "0"], "'0' is no size"),
            (["--memory", "1.5MiBs"], "is no size"),
            (["--memory", "1K"], "--store DIR leaves the kernel on the disk"),
            (["--weights", here / "absent"], "absent"),
            (["--weights", here / "cut.safetensors"], "cut.safetensors"),
            (["--weights", here / "pytorch.safetensors"], "Are --network, --width and --data, or"),
            (["--out", here / "file" / "K.npy"], "cannot be made a folder"),
            (["--out", here], "is a folder. Name a file in it"),
            (["--out", f"{here}/new/"], "is the name of a folder"),
            (["--out", ""], "--out: must not be empty"),
            (["--out", here / ("K" * 300)], "File name too long"),
            (["--out", here / ("K" * 250 + ".npy"), "--test", 5], "File name too long"),  # that of the second kernel
            (["--store", ""], "--store: must not be empty"),
            (["--weights", ""], "--weights: must not be empty"),
            (["--weights", "/dev/zero"], "the header does not begin with"),
            (["--store", here / "file"], "file"),
            (["--nonsense"], "nonsense")]:
        out = here / "nothing"
        rest = {option: value for option, value in {**usual, "--out": out / "K.npy"}.items() if option not in options}
        done = run(*options, *[word for pair in rest.items() for word in pair])
        check(done.returncode == 1, f"{options}: exit status {done.returncode}, {done.stdout}")
        check(says in done.stderr, f"{options} says {done.stderr!r} instead of {says!r}")
        check(not (out / "K.npy").exists(), f"{options} leaves a kernel")


def destinations(here, data):
    """A kernel goes where --out leads, and nothing else is replaced."""
    usual = ["--data", data / "mnist", "--network", "lenet", "--n", 20, "--out"]
    folder = here / "destinations"
    folder.mkdir()
    (folder / "target.npy").write_bytes(b"old")
    (folder / "target.npy").chmod(0o600)
    (folder / "link.npy").symlink_to("target.npy")
    done = run(*usual, folder / "link.npy")
    check(done.returncode == 0 and (folder / "link.npy").is_symlink(), f"a link: {done.stderr}")
    check(read_npy(folder / "target.npy")[0] == (20, 20), "what the link leads to")
    check(stat.S_IMODE((folder / "target.npy").stat().st_mode) == 0o600, "keeps its mode")
    done = run(*usual, "/dev/null")
    check(done.returncode == 0 and stat.S_ISCHR(os.stat("/dev/null").st_mode), f"/dev/null: {done.stderr}")
    os.mkfifo(folder / "pipe")
    process = subprocess.Popen(command(*usual, folder / "pipe"), stdout=subprocess.DEVNULL)
    check((folder / "pipe").read_bytes() == (folder / "target.npy").read_bytes(), "the same through a FIFO")
    check(process.wait(timeout=60) == 0 and (folder / "pipe").is_fifo(), "the FIFO stays")
    check(sorted(file.name for file in folder.iterdir()) == ["link.npy", "pipe", "target.npy"], "nothing else is left")


with tempfile.TemporaryDirectory() as temporary:
    here = pathlib.Path(temporary)
    data = here / "data"
    write_idx(data / "mnist", 800)
    write_cifar(data / "cifar10", 20)
    write_digits(data / "digits.csv.gz", 120)

    done = run("--data", "mnist", "--network", "lenet", "--n", 50, "--out", here / "a" / "K.npy",
               env={**os.environ, "XTANGENT_DATA": str(data)})
    check(done.returncode == 0, f"a usual run: {done.stderr}")
    check("lenet, width 1, initial parameters: 61,706 parameters" in done.stdout and "readout pseudo" in done.stdout and
          "K.npy: kernel of 50 x 50 images" in done.stdout and "\r" not in done.stdout, f"{done.stdout}")
    check([file.name for file in (here / "a").iterdir()] == ["K.npy"], "one file")

    done = run("--n", 60, "--test", 60, "--out", here / "b" / "K.npy", env={**os.environ, "XTANGENT_DATA": str(data)})
    check(done.returncode == 0 and "mlp, width 1" in done.stdout, f"the defaults, on digits: {done.stderr}")

    numbers(here, data)
    labels_and_layers(here, data)
    examples_from_files(here)
    first_digits(here)
    exported_networks(here)
    positions(here)
    weights(here, data)
    for text, shown in (("1.5GiB", "1.50 GiB"), ("700M", "700.00 MiB"), ("2g", "2.00 GiB"), ("536870912", "512.00 MiB"),
                        ("1GB", "953.67 MiB"), ("0.25 GiB", "256.00 MiB")):
        done = run("--data", data / "mnist", "--n", 20, "--memory", text, "--dry-run", "--out", here / "dry" / "K.npy")
        check(done.returncode == 0 and f"of a budget of {shown}" in done.stdout, f"{text}: {done.stdout}{done.stderr}")
    check(not (here / "dry").exists(), "a dry run leaves nothing")
    text = on_a_terminal(command("--data", data / "mnist", "--network", "lenet", "--n", 700,
                                 "--readout", "full", "--memory", "1G", "--out", here / "t" / "K.npy"))
    check("\r" in text and "█" in text and "GFLOP/s" in text and "s left" in text, f"a bar: {text[-300:]!r}")
    interruptions(here, data)
    destinations(here, data)
    wrong_use(here, data)
    # Digits that are not there: said to a person. ./run, which can get them, takes the place of the program.
    script = here / "run"
    script.write_text('#!/bin/sh\nfor word; do echo "$word"; done\nexit 3\n')
    script.chmod(0o755)
    nowhere = {k: v for k, v in os.environ.items() if k != "XTANGENT_DATA"}
    out = ["--out", here / "none" / "K.npy"]
    for options in ([], ["--data", "digits", "--store", here / "none"]):
        done = run(*options, *out, cwd=here / "empty", env=nowhere)
        check(done.returncode == 1 and "digits was not found in data/, build/data/ or $XTANGENT_DATA" in done.stderr,
              f"no digits: {done.returncode} {done.stderr}")
        done = run(*options, *out, cwd=here / "empty", env={**nowhere, "XTANGENT_RUN": str(script)})
        check(done.returncode == 3 and not done.stderr and
              done.stdout.split("\n")[:-1] == ["with-digits", "kernel", *map(str, [*options, *out])],
              f"./run is not asked for them: {done}")

finish()

"""Trains small networks on made-up images with the trainer, kills it and goes on, and runs it with wrong options.

usage: train_test.py PROGRAM      ($XTANGENT_TORCH, a Python with torch and safetensors, also loads the weights)
"""
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import tempfile
import time

from programs import check, finish, on_a_terminal, read_safetensors, write_cifar, write_digits, write_idx, write_npy

program = os.path.abspath(sys.argv[1])


def command(*options):
    return [program, *map(str, options)]


def run(*options, **more):
    return subprocess.run(command(*options), capture_output=True, text=True, timeout=300, **more)


def metrics(folder, whole=True):
    """The lines without times. The last line must be whole, except after a crash."""
    text = (folder / "metrics.jsonl").read_text()
    check(not whole or text.endswith("\n"), "metrics end with a whole line")
    lines = [json.loads(line) for line in text.split("\n")[:-1]]
    for line in lines:
        line.pop("seconds", None)
    return lines


def tensors(file):
    """The names and shapes of all arrays, and the bytes of all elements."""
    _, entries, body = read_safetensors(file)
    return {name: tuple(entry["shape"]) for name, entry in entries.items()}, body


def check_outputs(folder, epochs):
    check(sorted(f.name for f in folder.iterdir()) ==
          ["checkpoint.safetensors", "curves.svg", "metrics.jsonl", "weights.safetensors"],
          f"files {[f.name for f in folder.iterdir()]}")
    svg = (folder / "curves.svg").read_text()
    check(svg.startswith("<svg") and svg.rstrip().endswith("</svg>") and "nan" not in svg.lower(), "a whole figure")
    lines = metrics(folder)
    check([line["epoch"] for line in lines if line["kind"] == "epoch"] == list(range(1, epochs + 1)),
          "epochs in metrics")
    check(all(isinstance(line["loss"], float) for line in lines), "losses in metrics")
    return lines


def arrays_from_files(here):
    """Networks of two inputs on NumPy files: one with a name, and one that PyTorch exported."""
    folder, draw = here / "files", random.Random(3)
    folder.mkdir()

    def write(name, n):
        """Five tokens below 7 and a mask. The label says whether the mask shows a 3."""
        ids = [[draw.randrange(7) for _ in range(5)] for _ in range(n)]
        mask = [[1 if j == i % 5 or draw.random() < 0.4 else 0 for j in range(5)] for i in range(n)]
        y = [int(any(t == 3 and m for t, m in zip(*row))) for row in zip(ids, mask)]
        for array, rows in (("ids", ids), ("mask", mask)):
            write_npy(folder / f"{name}_{array}.npy", [v for row in rows for v in row], (n, 5), True)
        write_npy(folder / f"{name}_y.npy", y, whole=True)
        return ["--inputs", folder / f"{name}_ids.npy", "--inputs", folder / f"{name}_mask.npy"]

    train, test = write("train", 400), [option.replace("--inputs", "--test-inputs") if isinstance(option, str) else option
                                        for option in write("test", 100)]
    labels = ["--labels", folder / "train_y.npy", "--test-labels", folder / "test_y.npy"]
    done = run("--network", "text", *train, *test, *labels, "--epochs", 30, "--learning-rate", 0.01, "--out", here / "text")
    lines = check_outputs(here / "text", 30)
    epochs = [line for line in lines if line["kind"] == "epoch"]
    check(done.returncode == 0 and "text, width 1: " in done.stdout and "400 training examples" in done.stdout,
          f"text: {done.stdout}{done.stderr}")
    check(epochs[-1]["test_accuracy"] > 0.95, f"the mask is an input: {epochs[-1]}")
    names, _ = tensors(here / "text" / "weights.safetensors")
    check(names["embedding.weight"][0] == 7 and names["fc2.weight"][0] == 2, f"sizes from the files: {names}")

    model = ["--model", pathlib.Path(__file__).parents[1] / "fixtures" / "exported" / "mixed.pt2", *train, *labels[:2]]
    done = run(*model, "--epochs", 4, "--out", here / "model")
    check(done.returncode == 0 and "mixed.pt2: " in done.stdout and "test" not in done.stdout.split("epoch    loss")[-1],
          f"a model: {done.stdout}{done.stderr}")
    lines = [line for line in check_outputs(here / "model", 4) if line["kind"] == "epoch"]
    check(lines[-1]["loss"] < lines[0]["loss"], f"a model learns: {lines}")
    again = run(*model, "--epochs", 4, "--out", here / "resumed", "--n", 0)
    check(again.returncode == 0 and tensors(here / "resumed" / "weights.safetensors") ==
          tensors(here / "model" / "weights.safetensors"), "the same training")
    for options, says in ((train, "--labels"),
                          ([*train, *labels[:2], "--data", folder], "excludes"),
                          (["digits", *train, *labels[:2]], "excludes"),
                          ([*train, *test, *labels[:2], "--network", "text"], "Name their file with --test-labels"),
                          ([*train, "--labels", folder / "test_y.npy", "--network", "text"], "expected (400,)"),
                          ([*train, *labels[:2], "--network", "text", "--n", 401], "there are 400 training examples"),
                          ([*train, *labels[:2], "--network", "text", "--augment"], "no random changes of --inputs"),
                          ([*train[:2], *model[:2], *labels[:2]], "for a model of 2 inputs")):
        done = run(*options, "--out", here / "wrong")
        check(done.returncode == 1 and says in done.stderr, f"{options}: {done.returncode} {done.stderr}")


def inode(file):
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None


def kill_and_resume(here, usual):
    """Kills the program (SIGKILL) at five moments. The results must be the same as without."""
    whole, cut = here / "whole", here / "cut"
    done = run(*usual, "--out", whole)
    check(done.returncode == 0, f"an uninterrupted run: {done.stderr}")
    resume = [*usual, "--out", cut, "--resume", "--checkpoint-steps", 1, "--threads", 1]
    draw, kills = random.Random(5), 0
    while kills < 5:
        process = subprocess.Popen(command(*resume), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seen, replaced, wanted, end = inode(cut / "checkpoint.safetensors"), 0, draw.randint(1, 3), time.time() + 120
        while replaced < wanted and process.poll() is None and time.time() < end:
            now = inode(cut / "checkpoint.safetensors")
            seen, replaced = now, replaced + (now != seen)
        time.sleep(draw.uniform(0, 0.01))
        finished = process.poll() is not None
        process.kill()
        process.wait()
        if finished:
            break
        kills += 1
        check(metrics(cut, whole=False), "metrics are readable after a crash")
    check(kills == 5, f"killed only {kills} times")
    done = run(*resume)
    check(done.returncode == 0, f"after {kills} kills: {done.stderr}")
    check_outputs(cut, 3)
    check(metrics(cut) == metrics(whole), "the metrics are those of an uninterrupted training")
    check((cut / "weights.safetensors").read_bytes() == (whole / "weights.safetensors").read_bytes(),
          "the weights are those of an uninterrupted training")


LOAD = """
import sys, torch
from safetensors.torch import load_file
state = load_file(sys.argv[1])
net = torch.nn.Sequential(torch.nn.Conv2d(1, 6, 5, padding=2), torch.nn.Tanh(), torch.nn.AvgPool2d(2),
    torch.nn.Conv2d(6, 16, 5), torch.nn.Tanh(), torch.nn.AvgPool2d(2), torch.nn.Flatten(), torch.nn.Linear(400, 120),
    torch.nn.Tanh(), torch.nn.Linear(120, 84), torch.nn.Tanh(), torch.nn.Linear(84, 10))
net.load_state_dict(state, strict=True)
"""

with tempfile.TemporaryDirectory() as temporary:
    here = pathlib.Path(temporary)
    data = here / "data"
    write_idx(data / "mnist", 800)
    write_idx(data / "fashion-mnist", 60)
    write_cifar(data / "cifar10", 20)
    write_digits(data / "digits.csv.gz", 120)
    (here / "empty").mkdir()
    (here / "file").write_text("x")

    # The defaults: LeNet on MNIST learns the patterns in three epochs.
    done = run("mnist", "--data", data, "--out", here / "a", "--batch-size", 8)
    check(done.returncode == 0, f"a small run: {done.stderr}")
    if done.returncode == 0:
        lines = check_outputs(here / "a", 3)
        check(lines[-1]["test_accuracy"] >= 0.95, f"test accuracy {lines[-1]['test_accuracy']}")
        check(len(lines) == 3 + 3 * 100 // 20, f"{len(lines)} lines of metrics")
        check("lenet, width 1: 61,706 parameters, 800 training images" in done.stdout, "the first line")
        check("epoch    loss  accuracy  test loss" in done.stdout and str(here / "a") in done.stdout, "the table")
        check("100 %  epoch 3/3, loss" in done.stdout and "\r" not in done.stdout, "plain lines where no terminal is")
        shapes, elements = tensors(here / "a" / "weights.safetensors")
        check(shapes["0.weight"] == (6, 1, 5, 5) and shapes["11.bias"] == (10,) and len(shapes) == 10, f"{shapes}")
        if os.environ.get("XTANGENT_TORCH"):
            loaded = subprocess.run([os.environ["XTANGENT_TORCH"], "-c", LOAD, here / "a" / "weights.safetensors"],
                                    capture_output=True, text=True)
            check(loaded.returncode == 0, f"PyTorch loads the weights: {loaded.stderr}")
        again = run("mnist", "--out", here / "b", "--batch-size", 8, "--threads", 1,
                    env={**os.environ, "XTANGENT_DATA": str(data)})
        check(again.returncode == 0, f"data found by XTANGENT_DATA: {again.stderr}")
        check(tensors(here / "b" / "weights.safetensors")[1] == elements, "the same bits on one thread")

        # Training from these weights, with a part of them frozen.
        done = run("fashion", "--network", "lenet", "--data", data / "fashion-mnist", "--out", here / "c", "--epochs", 1,
                   "--weights", here / "a" / "weights.safetensors", "--freeze", "0,3", "--schedule", "constant")
        check(done.returncode == 0, f"frozen layers: {done.stderr}")
        check(tensors(here / "c" / "weights.safetensors")[1][:4 * 2572] == elements[:4 * 2572] and
              tensors(here / "c" / "weights.safetensors")[1] != elements, "frozen layers stay, others do not")

        # A finished training is not repeated; another one is not mixed with it.
        again = run("mnist", "--data", data, "--out", here / "a", "--batch-size", 8, "--resume")
        check(again.returncode == 0 and "going on from" in again.stdout, f"nothing left: {again.stderr}")
        check(tensors(here / "a" / "weights.safetensors")[1] == elements, "the weights stay")
        other = run("mnist", "--data", data, "--out", here / "a", "--batch-size", 16, "--resume")
        check(other.returncode == 1 and "batch is 8 there and 16 here" in other.stderr, f"{other.stderr}")
        for option, says in (["--augment"], "augmentation is none there and windows"), \
                            (["--weights", here / "a" / "weights.safetensors"], "initial parameters is"):
            other = run("mnist", "--data", data, "--out", here / "a", "--batch-size", 8, "--resume", *option)
            check(other.returncode == 1 and says in other.stderr, f"{option}: {other.stderr}")
        check(tensors(here / "a" / "weights.safetensors")[1] == elements, "the weights stay")

    # Every network on color images and most on gray ones; the first one with all options.
    for data_set, network, options in [
            ("cifar10", "resnet18", ["--optimizer", "sgd", "--lr", 0.05, "--momentum", 0.8, "--weight-decay", 1e-4,
                                     "--schedule", "onecycle", "--clip-norm", 1, "--seed", 4]),
            ("cifar10", "mlp", ["--optimizer", "adamw"]), ("cifar10", "convnet", ["--schedule", "step"]),
            ("cifar10", "wide_resnet16", ["--no-augment"]), ("cifar10", "vit", []), ("cifar10", "mixer", []),
            ("mnist", "resnet18", ["--augment"]), ("mnist", "vit", ["--schedule", "cosine"]), ("mnist", "mlp", ["--schedule", "linear"]), ("digits", "mlp", []), ("digits", "resnet18", [])]:
        out = here / f"{data_set}-{network}"
        done = run(data_set, "--network", network, "--width", 0.125, "--epochs", 2, "--batch-size", 16, "--n", 50,
                   "--data", data, "--out", out, *options)
        check(done.returncode == 0, f"{network} on {data_set}: {done.stderr}")
        if done.returncode == 0:
            check_outputs(out, 2)

    # Photographs are changed at random unless it is forbidden, digits if it is asked for.
    for data_set, usual in (("cifar10", "--augment"), ("mnist", "--no-augment")):
        seen = {}
        for flag in ("", "--augment", "--no-augment"):
            out = here / "changed"
            run(data_set, "--network", "mlp", "--width", 0.05, "--epochs", 2, "--data", data, "--out", out,
                *([flag] if flag else []))
            seen[flag] = tensors(out / "weights.safetensors")[1]
        check(seen[""] == seen[usual] and seen["--augment"] != seen["--no-augment"], f"changed images of {data_set}")

    text = on_a_terminal(command("mnist", "--data", data, "--out", here / "t", "--epochs", 2, "--batch-size", 1))
    check("\r" in text and "█" in text and "loss" in text and "accuracy" in text and "images/s" in text and
          "s left" in text, f"a bar on a terminal: {text[:300]!r}")

    kill_and_resume(here, ["cifar10", "--network", "resnet18", "--width", 0.125, "--epochs", 3, "--batch-size", 4,
                           "--metrics-steps", 1, "--data", data])

    for name, file in (("weights", "weights.safetensors"), ("curves", "curves.svg"), ("checkpoint", "checkpoint.safetensors")):
        (here / f"{name} taken" / file).mkdir(parents=True)
    for options, says in [
            (["mnist", "--data", here / "empty"], "MNIST was not found in"),
            (["mnist", "--data", here / "absent"], "name their folder with --data DIR"),
            (["cifar10", "--data", data / "mnist"], "cifar-10-binary.tar.gz"),
            (["imagenet"], "no data set 'imagenet'. There are mnist, fashion, cifar10"),
            (["--data", here / "empty"], "digits.csv.gz"),
            (["mnist", "--network", "alexnet"], "no network 'alexnet'. There are mlp, lenet"),
            (["cifar10", "--network", "lenet"], "lenet takes images of 1 x 28 x 28"),
            (["mnist", "--optimizer", "lion"], "no optimizer 'lion'"),
            (["mnist", "--schedule", "zigzag"], "no schedule 'zigzag'"),
            (["mnist", "--learning-rate", "0"], "--learning-rate: must be positive, not 0"),
            (["mnist", "--lr", "fast"], "--lr: must be a number, not 'fast'"),
            (["mnist", "--width", "-1"], "--width: must be positive, not -1"),
            (["mnist", "--network", "mlp", "--width", "1e9"], "does not fit"),
            (["mnist", "--epochs", "0"], "--epochs: must be positive, not 0"),
            (["mnist", "--batch-size", "-4"], "--batch-size: must be positive, not -4"),
            (["mnist", "--batch-size", "2.5"], "--batch-size: must be a whole number"),
            (["mnist", "--seed", "99999999999999999999"], "--seed: must be smaller"),
            (["mnist", "--n", "-5"], "--n: must be positive or 0, not -5"),
            (["mnist", "--threads", "9999"], "--threads: must be at most"),
            (["mnist", "--netwrok", "mlp"], "no option --netwrok; did you mean --network?"),
            (["mnist", "--rate", "1"], "no option --rate; did you mean --learning-rate?"),
            (["mnist", "--batchsize=3"], "did you mean --batch-size?"),
            (["mnist", "fashion"], "no use for fashion"),
            (["mnist", "--clip-norm", "-1"], "--clip-norm"),
            (["mnist", "--momentum", "-1", "--optimizer", "sgd"], "momentum"),
            (["mnist", "--momentum", "-1"], "momentum"),
            (["mnist", "--weights", here / "absent"], "absent"),
            (["mnist", "--out", here / "file"], "cannot be made a folder"),
            (["mnist", "--out", here / "weights taken"], "weights.safetensors: is a folder"),
            (["mnist", "--out", here / "curves taken"], "curves.svg: is a folder"),
            (["mnist", "--out", here / "checkpoint taken"], "checkpoint.safetensors: is a folder"),
            (["mnist", "--out", ""], "--out: must not be empty"),
            (["mnist", "--out", here / ("x" * 300)], "File name too long"),
            (["mnist", "--nonsense"], "no option --nonsense.\n./run train --help lists the options.")]:
        out = here / "nothing"
        usual = [] if "--data" in options else ["--data", data]
        done = run(*options, *usual, *([] if "--out" in options else ["--out", out]))
        check(done.returncode == 1, f"{options}: exit status {done.returncode}")
        check(says in done.stderr, f"{options} says {done.stderr!r} instead of {says!r}")
        check(not out.exists(), f"{options} leaves files")
    done = run("mnist", "--data", data, "--out", here / "x", "--freeze", "conv1")
    check(done.returncode == 1 and "frozen" in done.stderr, f"{done.stderr}")
    done = run("mnist", "--data", data, "--out", here / "x", "--lr", 1e30, "--network", "mlp", "--optimizer", "sgd")
    check(done.returncode == 1 and "not finite first" in done.stderr.lower(), f"{done.stderr}")

    # Without a word more than needed: the digits, in the places where data lie.
    done = run("--out", here / "default", env={**os.environ, "XTANGENT_DATA": str(data)}, cwd=here)
    check(done.returncode == 0 and "mlp, width 1" in done.stdout and not done.stderr, f"the defaults: {done.stderr}")

    # A training that ends far above guessing is no result to be silent about; one that goes well is.
    done = run("mnist", "--data", data, "--out", here / "wild", "--lr", 1e3, "--network", "mlp", "--epochs", 1,
               "--schedule", "constant", "--n", 200)
    check(done.returncode == 0 and "warning: the training diverged: its loss is" in done.stderr and
          "smaller --learning-rate than 1000" in done.stderr, f"divergence: {done.stdout} {done.stderr}")
    check("(diverging)" in done.stdout, f"divergence while it trains: {done.stdout}")

    # Nothing to go on from is said, and not taken for the end of it.
    done = run("digits", "--data", data, "--out", here / "fresh", "--epochs", 1, "--resume")
    check(done.returncode == 0 and "--resume found no checkpoint in" in done.stderr, f"no checkpoint: {done.stderr}")
    done = run("digits", "--data", data, "--out", here / "fresh", "--epochs", 1, "--resume")
    check("going on from" in done.stdout and not done.stderr, f"a checkpoint: {done.stderr}")

    # A checkpoint for which there is no room is not waited for. The limit is below its size.
    done = run("mnist", "--data", data, "--out", here / "full", "--network", "mlp", "--epochs", 1,
               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY)))
    check(done.returncode == 1 and "checkpoint.safetensors: it needs" in done.stderr and "epoch 1" not in done.stdout,
          f"no room: {done.stdout} {done.stderr}")

    # gnuplot executes what stands between backticks in a string; the name of a folder is none to execute.
    strange = here / "`touch executed`"
    strange.mkdir()
    done = run("digits", "--data", data, "--out", here / "strange", "--epochs", 1, cwd=here,
               env={**os.environ, "TMPDIR": str(strange)})
    check(done.returncode == 0 and not list(here.glob("**/executed")), f"backticks in $TMPDIR: {done.stderr}")
    check(not list(strange.iterdir()), "no temporary files")

    # Figures and help in the plainest of environments.
    done = run("digits", "--data", data, "--out", here / "plain", "--epochs", 1, env={"PATH": os.environ["PATH"], "LC_ALL": "C"})
    check(done.returncode == 0 and not done.stderr, f"in locale C: {done.stderr}")

    arrays_from_files(here)

finish()

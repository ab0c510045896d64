"""Shared by the tests of the examples: made-up data sets in the published formats, and ways to run and watch programs."""
import ast
import collections
import csv
import gzip
import json
import math
import os
import pathlib
import pty
import random
import select
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from checks import check, finish  # noqa: E402


def rows(file):
    """The lines of a CSV file, as dictionaries."""
    with open(file, encoding="utf-8") as text:
        return list(csv.DictReader(text))


def mean_and_error(values):
    """The mean and its standard error."""
    mean = sum(values) / len(values)
    return mean, (sum((v - mean) ** 2 for v in values) / (len(values) - 1) / len(values)) ** 0.5


def images(count, size, seed, bright=160, noise=55):
    """Images of ten classes as pairs (bytes, label): each class has a bright band, and there is noise."""
    draw, out = random.Random(seed), []
    for n in range(count):
        band = range(n % 10 * size // 10, (n % 10 + 1) * size // 10)
        out.append((bytes((20 + bright if i in band else 20) + draw.randint(0, noise) for i in range(size)), n % 10))
    return out


def write_idx_files(folder, side, parts, compressed=False):
    """Files in MNIST's form. The parts are {"train": [(pixels, label)...], "t10k": ...}; labels are never compressed."""
    folder.mkdir(parents=True)
    for part, data in parts.items():
        pixels = struct.pack(">4I", 2051, len(data), side, side) + b"".join(image for image, _ in data)
        (folder / f"{part}-images-idx3-ubyte{'.gz' * compressed}").write_bytes(
            gzip.compress(pixels) if compressed else pixels)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(
            struct.pack(">2I", 2049, len(data)) + bytes(label for _, label in data))


def write_idx(folder, count, **how):
    write_idx_files(folder, 28, {"train": images(count, 784, 2, **how), "t10k": images(count, 784, 3, **how)})


def write_cifar(folder, count):
    folder.mkdir(parents=True)
    for name, seed in [(f"data_batch_{i}", i) for i in range(1, 6)] + [("test_batch", 6)]:
        (folder / f"{name}.bin").write_bytes(
            b"".join(bytes([label]) + pixels for pixels, label in images(count, 3072, seed)))


def digits(count, seed):
    """Images of 8 x 8 pixels of ten classes as pairs (pixels from 0 to 16, label): each class has a pattern, and there
    is noise."""
    draw = random.Random(seed)
    patterns = [[random.Random(c).randint(0, 12) for _ in range(64)] for c in range(10)]
    return [([p + draw.randint(0, 4) for p in patterns[i % 10]], i % 10) for i in range(count)]


def write_digits(file, count):
    rows = [",".join(map(str, pixels + [label])) for pixels, label in digits(count, 1)]
    file.write_bytes(gzip.compress(("\n".join(rows) + "\n").encode()))


Interruption = collections.namedtuple("Interruption", "running status errors seconds")


def interrupted(command, moment, number=signal.SIGINT):
    """Runs the program and sends it a signal once moment() is true: whether it was still running, its exit status, what
    it said on stderr, and after how many seconds it ended."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.time() + 120
    while not moment() and process.poll() is None and time.time() < end:
        time.sleep(0.002)
    running, sent = process.poll() is None, time.time()
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    return Interruption(running, process.returncode, errors, time.time() - sent)


def on_a_terminal(command):
    """The text that a program writes on a terminal."""
    main, side = pty.openpty()
    process = subprocess.Popen(command, stdout=side, stderr=side, stdin=subprocess.DEVNULL)
    os.close(side)
    out = b""
    while select.select([main], [], [], 120)[0]:
        try:
            part = os.read(main, 1 << 16)
        except OSError:
            break
        if not part:
            break
        out += part
    os.close(main)
    check(process.wait(timeout=60) == 0, "a run on a terminal")
    return out.decode(errors="replace")


def write_npy(file, values, shape=None, whole=False):
    """Numbers as a NumPy file of doubles, or of whole numbers, with one axis or of a shape."""
    kind = "<i8" if whole else "<f8"
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape or (len(values),)}, }}".ljust(117) + "\n"
    file.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() +
                     struct.pack(f"<{len(values)}{'q' if whole else 'd'}", *values))


def read_npy(file):
    """The shape and the numbers of a NumPy file of doubles, read by the definition of its format."""
    data = file.read_bytes()
    check(data[:8] == b"\x93NUMPY\x01\x00", f"{file.name} is a NumPy file")
    length = struct.unpack("<H", data[8:10])[0]
    head = ast.literal_eval(data[10:10 + length].decode())
    check(head["descr"] == "<f8" and not head["fortran_order"], f"{file.name} holds doubles, row-major")
    return head["shape"], struct.unpack(f"<{math.prod(head['shape'])}d", data[10 + length:])


def read_rows(file):
    """The shape and the rows of a NumPy file of a matrix of doubles."""
    shape, values = read_npy(file)
    return shape, [values[i * shape[1]:(i + 1) * shape[1]] for i in range(shape[0])]


def read_safetensors(file):
    """The metadata, the header's entries by the names of the arrays, and the bytes of all elements."""
    data = file.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    entries = json.loads(data[8:8 + length])
    return entries.pop("__metadata__", {}), entries, data[8 + length:]


def read_floats(file):
    """The metadata, and the numbers of all arrays by name, of a safetensors file of floats."""
    metadata, entries, body = read_safetensors(file)
    out = {}
    for name, entry in entries.items():
        begin, end = entry["data_offsets"]
        check(entry["dtype"] == "F32", f"{name} is {entry['dtype']}")
        out[name] = struct.unpack(f"<{(end - begin) // 4}f", body[begin:end])
    return metadata, out


def run_with_kills(begin, kill, count, kills, pause, draw):
    """Runs `count` processes, begun by begin(i), to their ends. At random moments, after pauses of up to `pause` seconds, a
    random one of those that run is killed by kill(process) and begun again, at most `kills` times. Returns the processes
    and how often that was."""
    processes, done = [begin(i) for i in range(count)], 0
    while any(process.poll() is None for process in processes):
        time.sleep(draw.uniform(0, pause))
        victim = draw.randrange(count)
        if done < kills and processes[victim].poll() is None:
            kill(processes[victim])
            done += 1
            processes[victim] = begin(victim)
    return processes, done

"""./run in an empty folder of its own, with stand-ins for the package manager, the compiler and the programs, so that
every step can be made to fail: the handwritten digits, help before anything is built, what it says in advance.

usage: run_test.py SOURCES
"""
import gzip
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from checks import check, finish  # noqa: E402

sources = pathlib.Path(sys.argv[1]).resolve()
PROGRAMS = "quickstart", "train", "kernel", "features", "distill", "pinn", "attribute", "active", "dynamics", \
    "trainability", "uncertainty", "landscape", "search", "study"

# Functions of the shell, which come before everything on any PATH. Each says that it was called.
STANDINS = {
    "dpkg-query": 'shift 2; for p; do echo "$p installed"; done',
    "meson": 'echo meson "$@" >>calls; [ "$1" = setup ] && mkdir -p build/meson-info && touch build/build.ninja; echo 1',
    "ninja": 'echo ninja "$@" >>calls; mkdir -p build/examples; cp -r programs/* build/examples/',
    "apt-get": 'echo apt-get "$@" >>"$HERE/calls"; return 100',
    "dpkg-deb": "return 2",
    "sudo": '"$@"',
    "cp": 'case $1 in /usr/lib/*) return 1 ;; esac; command cp "$@"',  # an installed sklearn
}
# A program: asks for the digits where they are not, and says how it was called and as which process. By bash, which hands
# functions on.
PROGRAM = """#!/usr/bin/env bash
echo "$XTANGENT_COMMAND $*" >>calls
if [ ! -s build/data/digits.csv.gz ] && [ -n "$XTANGENT_RUN" ]; then
  exec "$XTANGENT_RUN" with-digits "${XTANGENT_COMMAND#./run }" "$@"
fi
echo $$ >process
echo done
[ -n "$PATIENCE" ] && exec sleep $PATIENCE
exit ${STATUS-0}
"""


class Place:
    """A folder with ./run, the texts that it shows, and stand-ins."""

    def __init__(self, here, name):
        self.folder = here / name
        for part in ["run", "examples/common/image_sets.txt", "tests/benchmarks/help.txt",
                     *(f"examples/{name}/help.txt" for name in PROGRAMS)]:
            (self.folder / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(sources / part, self.folder / part)
        for program in PROGRAMS:
            file = self.folder / "programs" / program / program
            file.parent.mkdir(parents=True)
            file.write_text(PROGRAM)
            file.chmod(0o755)

    def run(self, *words, standins=None, **more):
        functions = {f"BASH_FUNC_{name}%%": "() { " + body + "\n}" for name, body in {**STANDINS, **(standins or {})}.items()}
        environment = {k: v for k, v in os.environ.items() if k != "XTANGENT_DATA"}
        return subprocess.run([str(self.folder / "run"), *words], capture_output=True, text=True, timeout=120,
                              env={**environment, **functions, "HERE": str(self.folder), **more})

    def calls(self):
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def digits(self):
        return self.folder / "build/data/digits.csv.gz"


def packed(text):
    """A stand-in for dpkg-deb: the package with this as its file of digits."""
    return ('d=$(mktemp -d); f=$d/usr/lib/python3/dist-packages/sklearn/datasets/data; mkdir -p "$f"; '
            f"printf %s '{text}' | gzip >\"$f/digits.csv.gz\"; tar -C \"$d\" -c .; rm -r \"$d\"")


def digits(here):
    """Nothing at all is left of digits that could not be had, and the program that asked for them is not run again."""
    download = 'echo apt-get "$@" >>"$HERE/calls"; case "$*" in *download*) touch python3-sklearn_1_all.deb ;; esac'
    for name, standins, says in [
            ("offline", {}, "apt-get"),
            ("no package", {"apt-get": "return 0"}, "dpkg-deb"),
            ("broken package", {"apt-get": download}, "dpkg-deb"),
            ("empty package", {"apt-get": download, "dpkg-deb": "tar -c -T /dev/null"}, "digits.csv.gz"),
            ("other digits", {"apt-get": download, "dpkg-deb": packed("1,2,3")}, "other digits")]:
        place = Place(here, name)
        done = place.run("quickstart", standins=standins)
        check(done.returncode == 1 and "failed to fetch the handwritten digits" in done.stderr,
              f"{name}: {done.returncode} {done.stderr}")
        check(not place.digits.exists(), f"{name}: digits are there")
        check(not list((place.folder / "build/data").iterdir()), f"{name}: leaves files")
        check(place.calls().count("./run quickstart ") == 1 and "done" not in done.stdout, f"{name}: ran without them")
        log = (place.folder / "build/log/digits.log").read_text()
        check(says != "other digits" or says in log, f"{name}: {log}")

    # Tests go on without them, and an empty file of an earlier attempt is no digits.
    place = Place(here, "tests")
    place.digits.parent.mkdir(parents=True)
    place.digits.touch()
    done = place.run("tests")
    check("no handwritten digits" in done.stderr and "download python3-sklearn" in "\n".join(place.calls()),
          f"tests without a network: {done.stderr}")

    # The right file, once by the package, and then never again.
    real = sources / "build/data/digits.csv.gz"
    if not real.exists() or not gzip.decompress(real.read_bytes()):
        print("skipped: the right digits,", real, "is not there")
        return
    place = Place(here, "online")
    package = (f'd=$(mktemp -d); f=$d/usr/lib/python3/dist-packages/sklearn/datasets/data; mkdir -p "$f"; '
               f'command cp "{real}" "$f"; tar -C "$d" -c .; rm -r "$d"')
    for _ in range(2):
        done = place.run("quickstart", standins={"apt-get": download, "dpkg-deb": package})
        check(done.returncode == 0 and done.stdout == "done\n", f"with the digits: {done.returncode} {done.stderr}")
    check(place.digits.read_bytes() == real.read_bytes(), "the digits, whole")
    check(sum("download" in call for call in place.calls()) == 1, f"fetched once: {place.calls()}")
    check([file.name for file in place.digits.parent.iterdir()] == ["digits.csv.gz"], "nothing else is left")


def python(here):
    """The tests have the Python package: a folder is configured with it once. An installation is without it."""
    place = Place(here, "python")
    done = place.run("tests", standins={"dpkg-query": "return 1"})
    check("900 MB" in done.stderr and "pybind11-dev" in done.stderr, f"its packages: {done.stderr}")
    place.run("quickstart")  # has configured without it
    folder = place.folder / "build/meson-info"
    (folder / "meson-info.json").write_text('"full": "1"')
    for _ in range(2):
        place.run("tests")
        (folder / "intro-buildoptions.json").write_text('[{"name": "python", "value": "enabled", "section": "user"}]')
    changes = [call for call in place.calls() if "python=" in call]
    check(changes == ["meson configure -Dpython=enabled build"], f"configured for the tests: {place.calls()}")
    place.run("install", "--prefix", str(here / "prefix"))
    changes = [call for call in place.calls() if "python=" in call][1:]
    check(len(changes) == 1 and "-Dpython=disabled" in changes[0], f"configured for an installation: {place.calls()}")


def help_at_once(here):
    place = Place(here, "help")
    for words in [*((name, "--help") for name in PROGRAMS), ("train", "mnist", "-h"), ("bench", "--help")]:
        done = place.run(*words)
        file = "tests/benchmarks/help.txt" if words[0] == "bench" else f"examples/{words[0]}/help.txt"
        check(done.returncode == 0 and done.stdout == (sources / file).read_text() and not done.stderr, f"{words}: {done}")
    for words in ("help",), ("--help",), (), ("tests", "--help"), ("docs", "-h"):
        done = place.run(*words)
        check(done.returncode == 0 and "usage: ./run COMMAND" in done.stdout, f"{words}: {done}")
    check(not place.calls() and not (place.folder / "build").exists(), f"help builds nothing: {place.calls()}")


def said_in_advance(here):
    """What a first build costs, and images that are not there: before anything is done."""
    for words, says in [(("train", "mnist"), "failed to find MNIST"), (("train", "fashion", "--epochs", "2"), "Fashion-MNIST"),
                        (("train", "cifar10", "--data", "nowhere"), "failed to find CIFAR-10"),
                        (("distill", "mnist"), "Nothing else is needed for: ./run distill"),
                        (("attribute", "fashion"), "Nothing else is needed for: ./run attribute"),
                        (("kernel", "--n", "5", "--data", "mnist"), "failed to find MNIST"),
                        (("kernel", "--data=fashion"), "failed to find Fashion-MNIST")]:
        place = Place(here, "missing " + " ".join(words).replace("/", " "))
        done = place.run(*words)
        check(done.returncode == 1 and says in done.stderr and "--data DIR" in done.stderr, f"{words}: {done}")
        check(not place.calls(), f"{words} begins to build: {place.calls()}")
        check("shared" not in done.stderr + done.stdout, f"{words} speaks of folders of ours: {done.stderr}")

    # Where the files are, or the arguments are not certain, the program decides.
    for words, file in [(("train", "mnist"), "data/mnist/train-images-idx3-ubyte.gz"),
                        (("train", "cifar10", "--data", "mine"), "mine/cifar10/data_batch_1.bin"),
                        (("train", "--out", "mnist"), None), (("kernel", "--data", "digits", "--store", "/a/b"), None),
                        (("kernel", "--data", "mine"), None), (("quickstart", "--data", "mine"), None), (("train",), None),
                        (("kernel", "--n", "3"), None), (("study",), None)]:
        place = Place(here, "there " + " ".join(words).replace("/", " "))
        if file:
            (place.folder / file).parent.mkdir(parents=True)
            (place.folder / file).touch()
        done = place.run(*words)
        check("subscript" not in done.stderr, f"{words}: {done.stderr}")
        check(" ".join(("./run", *words)).strip() in map(str.strip, place.calls()), f"{words}: {place.calls()}")

    place = Place(here, "first")
    done = place.run("quickstart", standins={"dpkg-query": "return 1"})
    first = done.stderr.split("\n")[0]
    check("first build" in first and "150 MB" in first and "800 MB" in first and " min " in first, f"costs: {done.stderr}")
    check("handwritten digits" in first, f"the digits are to come, too: {done.stderr}")
    check("update" in place.calls()[0] and "ninja" not in "".join(place.calls()), f"offline: {place.calls()}")
    place = Place(here, "second")
    done = place.run("quickstart")
    check("Debian packages" not in done.stderr.split("\n")[0], f"packages are there: {done.stderr}")
    done = place.run("quickstart")
    check("first build" not in done.stderr, f"said twice: {done.stderr}")

    # Each command that builds says it first. The stand-in for apt-get then ends it.
    for words, says in [(("install",), "of the library: "), (("install", "--prefix", "there"), "of the library: "),
                        (("sanitize", "address"), "45 MB for clang"), (("sanitize", "thread"), "45 MB for clang"),
                        (("fuzz",), "45 MB for clang"), (("build",), "all tests"), (("tests",), "2 MB for the handwritten"),
                        (("bench",), "the benchmarks"), (("bench", "--peers"), "2 GB from PyPI")]:
        place = Place(here, "first " + " ".join(words))
        done = place.run(*words, standins={"dpkg-query": "return 1"})
        first = done.stderr.split("\n")[0]
        size = "180 MB" if words == ("tests",) else "150 MB"  # the tests also need what the Python package does
        check("first build" in first and size in first and " min " in first and says in first, f"{words}: {done.stderr}")

    place = Place(here, "all there")
    done = place.run("install", "--prefix", str(place.folder / "there"))
    check("nothing to download; about" in done.stderr.split("\n")[0], f"packages are there: {done.stderr}")
    place = Place(here, "one missing")
    done = place.run("install", standins={"dpkg-query": 'shift 2; for p; do [ "$p" = gnuplot-nox ] || echo "$p installed"; done'})
    check("to download: the Debian packages gnuplot-nox;" in done.stderr.split("\n")[0], f"one is missing: {done.stderr}")


def statuses(here):
    place = Place(here, "status")
    place.digits.parent.mkdir(parents=True)
    place.digits.write_text("x")
    for status in 0, 1, 130, 143:
        done = place.run("kernel", "--n", "3", STATUS=str(status))
        check(done.returncode == status and done.stdout == "done\n", f"status {status}: {done}")
    check("./run kernel --n 3" in place.calls(), f"{place.calls()}")
    check(place.run("nonsense").returncode == 2, "an unknown command")


def signals(here):
    """What ends ./run ends the program that it has started, which is the same process: the digits, too."""
    for name, there in ("killed", True), ("killed digits", False):
        place = Place(here, name)
        if there:
            place.digits.parent.mkdir(parents=True)
            place.digits.write_text("x")
        functions = {f"BASH_FUNC_{f}%%": "() { " + body + "\n}" for f, body in STANDINS.items()}
        script = place.folder / "run"
        script.write_text(script.read_text().replace("\nneed_digits() {", "\nfetch_digits() { mkdir -p build/data; echo x >$digits; }\nneed_digits() {"))
        process = subprocess.Popen([str(script), "train", "x"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                   env={**os.environ, **functions, "HERE": str(place.folder), "PATIENCE": "60"})
        line = process.stdout.readline()
        check(line == "done\n" and int((place.folder / "process").read_text()) == process.pid, f"{name}: another process")
        process.kill()
        process.wait()
        check(process.stdout.read() == "", f"{name}: something still runs")


with tempfile.TemporaryDirectory() as temporary:
    for part in digits, python, help_at_once, said_in_advance, statuses, signals:
        part(pathlib.Path(temporary))
finish()

"""Kills the programs that leave features and factors again and again, gives them a full disk, takes their folder away,
damages their files, and runs others in the same folder. The files always have the bits of an undisturbed run.

usage: faults_test.py FEATURES KERNEL SOLVE [KILLS] [SEED]

Every other fault is tried a twentieth as often as each program is killed, and at least once.
"""
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from programs import check, finish, write_idx

features, kernel, solve = map(os.path.abspath, sys.argv[1:4])
kills = int(sys.argv[4]) if len(sys.argv) > 4 else 6  # of each program
seed = int(sys.argv[5]) if len(sys.argv) > 5 else random.randrange(1 << 31)
tries = max(1, kills // 20)  # of each other fault
draw = random.Random(seed)


def start(words, **more):
    return subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def ended(process):
    out, errors = process.communicate(timeout=300)
    return process.returncode, out + errors


def run(words, **more):
    return ended(start(words, **more))


def files(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.npy")}


class Job:
    """A command but for its --out, and what it leaves when nothing disturbs it."""

    def __init__(self, name, here, words, part):
        self.name, self.here, self.words, self.part = name, here / name, words, part
        self.here.mkdir()
        began = time.monotonic()
        status, said = run(self.to("undisturbed"))
        self.seconds = time.monotonic() - began
        check(status == 0, f"{name}: {said}")
        self.expected = files(self.here / "undisturbed")
        check(len(self.parts("undisturbed")) >= 10, f"{name}: only {sorted(self.expected)}")

    def to(self, out):
        return [*self.words, "--out", self.here / out]

    def parts(self, out):
        return sorted((self.here / out).rglob(self.part))

    def finishes(self, out, what):
        """The same command goes on, and ends with the same bits."""
        status, said = run(self.to(out))
        check(status == 0, f"{self.name}, {what}: {said}")
        check(files(self.here / out) == self.expected, f"{self.name}, {what}: other files")

    def killed(self):
        done = turns = going_on = 0
        while done < kills:
            out = f"killed{turns}"
            turns += 1
            while True:
                process = start(self.to(out))
                time.sleep(draw.uniform(0, self.seconds))
                if done < kills and process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                    process.communicate()
                    done += 1
                    going_on += bool(self.parts(out))
                    continue
                status, said = ended(process)
                check(status == 0, f"{self.name}, after {done} kills: {said}")
                break
            check(files(self.here / out) == self.expected, f"{self.name}, after {done} kills: other files")
            shutil.rmtree(self.here / out)
        print(f"{self.name}: {done} kills in {turns} runs of {self.seconds:.1f} s, {going_on} of them after a part was finished")

    def shared(self):
        """Three processes compute it together, random ones of which are killed and begin again; then a part each."""
        done, command = 0, [*self.to("shared"), "--share", "--patience", 1]
        processes = [start(command) for _ in range(3)]
        while any(process.poll() is None for process in processes):
            time.sleep(draw.uniform(0, 0.3 * self.seconds))
            victim = draw.randrange(3)
            if done < kills and processes[victim].poll() is None:
                processes[victim].send_signal(signal.SIGKILL)
                processes[victim].communicate()
                done += 1
                processes[victim] = start(command)
        for process in processes:
            status, said = ended(process)
            check(status == 0, f"{self.name}, shared, {done} kills: {said}")
        claims = [file.name for file in (self.here / "shared").rglob("claim-*")]
        check(not claims, f"{self.name}, shared: {claims} are left")
        self.finishes("shared", f"shared, {done} kills")
        for i in 2, 3, 1:
            status, said = run([*self.to("parts"), "--shard", f"{i}/3"])
            check(status == 0 and (f"part {i} of 3 is finished" in said) == (i != 1), f"{self.name}, part {i}: {said}")
        self.finishes("parts", "three parts")
        print(f"{self.name}: {done} kills of three processes that share it")

    def disk(self):
        """No file may be longer than the smallest part, less a byte."""
        length = min(file.stat().st_size for file in self.parts("undisturbed")) - 1

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (length, resource.RLIM_INFINITY))
        status, said = run(self.to("disk"), preexec_fn=limit)
        check(status == 1 and "cannot be written" in said, f"{self.name}, full disk: {status} {said}")
        self.finishes("disk", "when there is room")

    def gone(self):
        """The folder disappears for a while: the program ends with its name, or does not notice."""
        process, out = start(self.to("gone")), self.here / "gone"
        end = time.monotonic() + 60
        while len(self.parts("gone")) < 2 and process.poll() is None and time.monotonic() < end:
            time.sleep(0.002)
        out.rename(self.here / "away")
        time.sleep(0.3 * self.seconds)
        while (self.here / "away").exists():
            shutil.rmtree(out, ignore_errors=True)  # where the program has begun anew
            try:
                (self.here / "away").rename(out)
            except OSError:  # it has just begun anew again
                continue
        status, said = ended(process)
        check(status == 0 or status == 1 and str(out) in said, f"{self.name}, a folder that disappears: {status} {said}")
        self.finishes("gone", "when the folder is back")

    def damaged(self):
        """A part with another byte, and one that is cut: both are made again."""
        shutil.copytree(self.here / "undisturbed", self.here / "damaged")
        first, second = draw.sample(self.parts("damaged"), 2)
        data = bytearray(first.read_bytes())
        data[-draw.randrange(1, 100)] ^= 1
        first.write_bytes(data)
        os.truncate(second, second.stat().st_size // 2)
        for file in (self.here / "damaged").glob("*.npy"):
            file.unlink()  # results, without which it begins
        self.finishes("damaged", "damaged files")

    def twice(self):
        """The same command at the same time: one of them does it, and the other waits or says who is there."""
        results = [ended(process) for process in [start(self.to("twice")) for _ in range(2)]]
        check(any(status == 0 for status, _ in results), f"{self.name}, twice: {results}")
        check(all(status == 0 or status == 1 and str(self.here / "twice") in said for status, said in results),
              f"{self.name}, twice: {results}")
        self.finishes("twice", "after two at once")

    def instead(self, words, said):
        """Another command in the same folder is refused by name, and spoils nothing."""
        shutil.copytree(self.here / "undisturbed", self.here / "instead")
        status, out = run([*words, "--out", self.here / "instead"])
        check(status == 1 and said in out, f"{self.name}, {said}: {status} {out}")
        self.finishes("instead", "after another command")
        shutil.rmtree(self.here / "instead")


with tempfile.TemporaryDirectory() as folder:
    here = pathlib.Path(folder)
    images = here / "images"
    write_idx(images, 1200)
    network = ["--network", "lenet", "--data", images, "--n", 600]
    project = [features, *network, "--k", 20000, "--part", 50]
    made = Job("features", here, project, "features-*.npy")
    status, said = run([*project, "--seed", 2, "--out", here / "other_features"])
    check(status == 0, f"other features: {said}")

    def store(name, *options):
        words = [kernel, "--network", "mlp", "--width", 0.05, "--data", images, "--n", 1000, "--double", "--memory", "2M",
                 *options, "--store", here / name, "--out", here / f"{name}.npy"]
        status, said = run(words)
        check(status == 0, f"{name}: {said}")
        return here / name

    kernels, others = store("kernels"), store("others", "--seed", 2)
    regression = ["--data", images, "--ridge", "0.01,0.1", "--keep"]
    factored = Job("solve", here, [solve, "--store", kernels, *regression, "--memory", "1M"], "factor-*.npy")
    from_features = [solve, "--features", made.here / "undisturbed", *regression, "--memory", "32M", "--n", 300]
    formed = Job("features_solve", here, from_features, "*-*-*.npy")
    for job in made, factored, formed:
        job.killed()
        for fault in job.disk, job.gone, job.damaged, job.twice:
            for _ in range(tries):
                fault()
                shutil.rmtree(job.here / fault.__name__)
            print(f"{job.name}, {fault.__name__}, tries: {tries}")
    for job in made, formed:
        job.shared()
    for _ in range(tries):
        made.instead([*project, "--seed", 2], "seed (1 then, 2 now)")
        factored.instead([solve, "--store", others, *regression, "--memory", "1M"], "was begun with other settings: kernel (")
        formed.instead([solve, "--features", here / "other_features", *from_features[3:]], "other settings")
    print(f"another command in the folder of each, tries: {tries}")
print(f"seed {seed}")
finish()

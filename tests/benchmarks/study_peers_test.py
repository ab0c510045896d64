"""study_peers.py with peers that only say how long they would take.

usage: study_peers_test.py SOURCES
"""
import contextlib
import io
import json
import pathlib
import sys
import tempfile

sources = pathlib.Path(sys.argv[1])
sys.path[:0] = [str(sources / "tests"), str(sources / "tests/benchmarks")]
import study_peers  # noqa: E402
from checks import check, finish  # noqa: E402

# Seconds a N + b N^2, or a (N + M) + b N M, and no memory for more than 40 images. Each run leaves a line.
PEER = """import json, sys
job = json.loads(sys.argv[1])
open({log!r}, "a").write(json.dumps(job) + "\\n")
n, m = job["n"], job["m"]
if n > 40:
    sys.exit("MemoryError: cannot allocate")
a, b = {a}, {b}
print(json.dumps({{"seconds": a * (n + m) + b * n * m if m else a * n + b * n * n}}))
"""
TABLES = {
    "width": ["data,n,network,width,seed,seconds_entk,seconds_pntk", "mnist,20,mlp,64,1,0.5,0.25", "mnist,20,mlp,64,2,0.5,0.25",
              "mnist,100,convnet,64,1,1,0.5"],
    "regression": ["data,n,network,width,seed,ridge,seconds_entk,seconds_pntk", "mnist,20,mlp,64,1,0,2,1",
                   "mnist,20,mlp,64,1,0.001,2,1"],
    "readouts": ["data,n,network,width,decay,seed,epoch,readout,seconds,seconds_entk", "mnist,20,mlp,64,0,1,0,sum,1,8",
                 "mnist,20,mlp,64,0,1,0,trace,2,8"],
    "training": ["data,n,network,width,seed,epoch,seconds_entk,seconds_pntk,seconds_cross_entk,seconds_cross_pntk",
                 "mnist,20,mlp,64,1,0,2,1,3,2"],
    "cost": ["data,series,n,depth,channels,outputs,seconds_entk,seconds_pntk", "cifar10,depth,8,50,4,10,3,1"]}


def near(a, b):
    return abs(a - b) < 1e-9 * abs(b)


with tempfile.TemporaryDirectory() as place:
    folder = pathlib.Path(place)
    log = folder / "runs"
    for name, a, b in ("torch_study.py", 2.0, 0.5), ("nt_study.py", 3.0, 0.125):
        (folder / name).write_text(PEER.format(log=str(log), a=a, b=b))
    for name, lines in TABLES.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    python = {"torch": sys.executable, "neural_tangents": sys.executable}

    def sums():
        peers = study_peers.Peers(python, folder, folder / "peers.json")
        return {row["part"]: row for row in study_peers.sums_of(folder, peers)}

    found = sums()
    runs = log.read_text().count("\n")

    def torch(n, m=0):
        return 2 * (n + m) + 0.5 * n * m if m else 2 * n + 0.5 * n * n

    width = found["width"]
    check(width["kernels"] == 6 and near(width["ours"], 3), f"ours: {width}")
    check(near(width["torch.func"], 4 * torch(20) + 2 * torch(100)), f"the law through 25 and 12 images is exact: {width}")
    check(near(width["torch.func, by law"], 2 * torch(100)), f"what is estimated: {width}")
    check(near(width["neural-tangents"], 4 * (60 + 0.125 * 400) + 2 * (300 + 0.125 * 10000)), f"the other peer: {width}")
    regression, readouts, training, cost = (found[part] for part in ("regression", "readouts", "training", "cost"))
    both = torch(20) + torch(20, 100)
    check(near(regression["ours"], 3) and near(regression["torch.func"], 2 * both), f"kernels of all ridges once: {regression}")
    check(near(readouts["ours"], 11) and near(readouts["torch.func"], 3 * both), f"the eNTK once a stop: {readouts}")
    check(near(training["ours"], 8) and near(training["torch.func"], 2 * (torch(20) + torch(20, 20))), f"training: {training}")
    check(near(cost["ours"], 4) and near(cost["torch.func"], 2 * torch(8)), f"cost: {cost}")
    jobs = [json.loads(line) for line in log.read_text().splitlines()]
    check({job["width"] for job in jobs if job["depth"] == 50} == {128}, "4 channels of a bottleneck are 128 features")
    check(sum(job == jobs[0] for job in jobs) == 3, "once by torch.func and by both implementations, for all seeds and parts")
    check(sums() == found and log.read_text().count("\n") == runs, "nothing is measured again")

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        study_peers.print_table(folder, python, folder)
    check("\nwidth " in printed.getvalue() and "\nall " in printed.getvalue(), f"a table: {printed.getvalue()}")

    (folder / "width.csv").write_text("data,n,network,width,seed,seconds_entk,seconds_pntk\npictures,20,mlp,64,1,1,1\n")
    try:
        sums()
        check(False, "images of unknown size were taken")
    except SystemExit as refused:
        check("pictures" in str(refused), f"{refused}")

# Two sizes give an exact law. Where one of its numbers is negative, it is 0 and the other one fits best: a (1/3, 2/5) to (1, 1).
for sizes, expected in [(((10, 100, 30.0), (20, 400, 80.0)), (2.0, 0.1)),
                        (((10, 100, 30.0), (20, 400, 80.0), (40, 1600, 240.0)), (2.0, 0.1)),
                        (((10, 100, 30.0), (20, 400, 50.0)), ((1 / 3 + 2 / 5) / (1 / 9 + 4 / 25), 0.0)),
                        (((10, 100, 1.0), (20, 400, 8.0)), (0.0, 150 / 12500))]:
    found = study_peers.law(sizes)
    check(all(abs(x - y) < 1e-12 for x, y in zip(found, expected)), f"law of {sizes}: {found}")
finish()

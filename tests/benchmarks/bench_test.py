"""bench.py with a forced strategy, and with options that it does not have.

usage: bench_test.py SOURCES BUILD
"""
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from checks import check, finish  # noqa: E402

sources, build = map(pathlib.Path, sys.argv[1:3])


def bench(*words):
    return subprocess.run([sys.executable, str(sources / "tests/benchmarks/bench.py"), "--build", str(build), *words],
                          capture_output=True, text=True, check=False)


with tempfile.TemporaryDirectory() as folder:
    out = pathlib.Path(folder) / "bench.json"
    row = ("--workload", "tied_autoencoder", "--repeat", "1", "--out", str(out))
    forced = {name: bench(*row, "--strategy", name) for name in ("structured", "jacobian")}
    automatic = bench(*row)
    for done in *forced.values(), automatic:
        check(done.returncode == 0, f"{done.args}: {done.stdout} {done.stderr}")
    check("xtangent, jacobian" in forced["jacobian"].stdout and "xtangent, " not in automatic.stdout, "what the table says")
    rows = [r for r in json.loads(out.read_text()) if r["kernel"] == "pntk"]
    found = {r.get("strategy"): r for r in rows}
    check(len(rows) == 3 and set(found) == {"structured", "jacobian", None}, f"one row each: {rows}")
    speeds = {name: r["gflops"] * r["seconds"] for name, r in found.items()}
    check(speeds["jacobian"] > 1.1 * speeds["structured"], f"the same work by both strategies: {speeds}")

for words, says in [(("--workloads", "mlp"), "Did you mean --workload?"), (("--strategi=jacobian",), "Did you mean --strategy?"),
                    (("--study", "nothing"), "no tables of the study in nothing"), (("--nonsense",), "unknown option --nonsense"), (("--strategy", "fast"), "invalid choice: 'fast'"),
                    (("--strategy", "jacobian", "--large"), "without --large"),
                    (("--strategy", "jacobian", "--kernel", "train"), "pntk, entk or loss")]:
    done = bench(*words)
    check(done.returncode != 0 and says in done.stderr, f"{words}: {done.returncode} {done.stderr}")
    check("did you mean" not in done.stderr.lower() or "Did you mean" in says, f"{words}: {done.stderr}")
finish()

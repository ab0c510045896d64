"""Runs a fuzzer from its corpus, and says what it found.

usage: fuzz.py PROGRAM CORPUS RUNS [FOUND]

The fuzzer begins with the files of CORPUS, and with those of the folder FOUND, where inputs that reach new code stay;
without FOUND they are dropped. An input that a reader does not survive is written to crash-HASH here.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

program, corpus, runs = sys.argv[1:4]
with tempfile.TemporaryDirectory() as scratch:
    found = sys.argv[4] if len(sys.argv) > 4 else scratch
    pathlib.Path(found).mkdir(parents=True, exist_ok=True)
    done = subprocess.run([program, f'-runs={runs}', '-seed=1', '-timeout=10', '-rss_limit_mb=2048', '-max_len=8192',
                           '-print_final_stats=1', found, corpus], stderr=subprocess.PIPE, text=True)
if done.returncode:
    print(done.stderr[-6000:])
    sys.exit(1)
executed = re.search(r'number_of_executed_units: (\d+)', done.stderr)
reached = re.findall(r'cov: (\d+)', done.stderr)
if not executed or int(executed[1]) < int(runs):
    sys.exit('the fuzzer stopped early:\n' + done.stderr[-2000:])
print(f'{executed[1]} inputs, {reached[-1] if reached else 0} places of the code reached, nothing found')

"""Runs fuzzers of a build, a few at a time, and says what each found.

usage: fuzz.py [--runs N] [--jobs N] [--forget] BUILD READER...

A fuzzer begins with valid files, with inputs that reached more code in earlier runs, and with those that a reader did
not survive; they are in BUILD/fuzz/READER/. An input that a reader does not survive comes there, too, and ends its
fuzzer. With --forget nothing else is read from there or written, and so each run tries the same inputs.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

parser = argparse.ArgumentParser()
parser.add_argument('--runs', type=int, default=10_000_000)
parser.add_argument('--jobs', type=int, default=1)
parser.add_argument('--forget', action='store_true')
parser.add_argument('build', type=pathlib.Path)
parser.add_argument('readers', nargs='+')
options = parser.parse_args()


def fuzz(reader):
    """One line of what happened, and whether that is good."""
    kept = options.build / 'fuzz' / reader
    kept.mkdir(parents=True, exist_ok=True)
    # The readers are in the fuzzer and in the library, which the address sanitizer would report. Freed memory is used
    # again sooner than usual, because fresh pages take longer than most readers.
    sanitizer = 'detect_odr_violation=0:quarantine_size_mb=4:' + os.environ.get('ASAN_OPTIONS', '')
    with tempfile.TemporaryDirectory() as scratch:
        folders = [scratch] if options.forget else [str(kept)]
        done = subprocess.run(
            [options.build / 'tests/fuzz' / f'fuzz_{reader}', f'-runs={options.runs}', '-seed=1', '-max_len=8192',
             '-timeout=100', '-report_slow_units=100', '-rss_limit_mb=2048',
             '-print_final_stats=1', f'-artifact_prefix={kept}/', *folders,
             options.build / 'tests/fuzz/corpus' / reader],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding='utf-8', errors='replace',
            env={**os.environ, 'ASAN_OPTIONS': sanitizer}, check=False)
    said = done.stderr
    inputs = re.search(r'number_of_executed_units: (\d+)', said)
    seconds = re.search(r'Done \d+ runs in (\d+) second', said)
    reached = re.findall(r'cov: (\d+)', said)
    if done.returncode or not inputs or not seconds or not reached or int(inputs[1]) < options.runs:
        written = re.search(r'Test unit written to (\S+)', said)
        return f'{reader}: failed{", with the input " + written[1] if written else ""}\n{said[-6000:]}', False
    return f'{reader}: {int(inputs[1]):,} inputs in {seconds[1]} s, {reached[-1]} places of the code, nothing found', True


good = True
with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
    running = [pool.submit(fuzz, reader) for reader in options.readers]
    try:
        for done in concurrent.futures.as_completed(running):
            line, well = done.result()
            print(line, flush=True)
            good = good and well
    except KeyboardInterrupt:  # which ends the fuzzers, too
        for waiting in running:
            waiting.cancel()
        good = False
sys.exit(not good)

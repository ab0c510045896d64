"""Shared by the peers: timing as in tests/benchmarks/bench.cpp, and the line that they print."""
import json
import os
import resource
import time


def threads():
    return len(os.sched_getaffinity(0))


def best_seconds(run, repeat, limit=20.0):
    """The shortest of `repeat` runs, of more while they are short, or of fewer once they have taken `limit` seconds."""
    best, spent, runs = float('inf'), 0.0, 0
    while (runs < repeat and spent < limit) or (spent < 1.0 and runs < 100):
        start = time.perf_counter()
        run()
        seconds = time.perf_counter() - start
        best, spent, runs = min(best, seconds), spent + seconds, runs + 1
    return best


def once(run):
    """The seconds and the result of one run."""
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def report(program, workload, kernel, n, seconds, total, **more):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({'workload': workload, 'kernel': kernel, 'n': n, 'program': program, 'seconds': seconds,
                      'peak_mib': peak, 'threads': threads(), 'sum': total, **more}), flush=True)

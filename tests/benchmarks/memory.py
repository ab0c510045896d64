"""Kernels within budgets of memory: what the process holds at its peak, as the operating system counts it.

Each kernel runs in a process of its own (tests/ntk/probe.cpp). The overrun is the peak of the process minus what it held
before the kernel minus the budget. The library promises that it is at most ntk::memory_overhead(), which is for buffers
of OpenBLAS and oneTBB.
"""
import json
import pathlib
import subprocess
import tempfile

READOUTS = ('pseudo', 'full', 'trace', 'diagonal', 'signs:3x2')
# network: budgets in MiB, and for each readout the number of examples
JOBS = {
    'mlp': ((96, 128, 192, 320, 640), (3000, 300, 900, 900, 1500)),
    'lenet': ((24, 48, 96, 192, 384), (1500, 240, 240, 240, 1200)),
    'resnet18': ((64, 96, 160, 320, 640), (80, 16, 16, 16, 40)),
    'wide_resnet': ((96, 128, 192, 320, 640), (32, 8, 8, 8, 16)),
    'vit': ((24, 48, 96, 192, 384), (240, 48, 48, 48, 120)),
    'mixer': ((24, 48, 96, 192, 384), (240, 48, 48, 48, 120)),
    'causal': ((160, 720, 760, 800, 900), (8, 3, 3, 3, 6)),
}


def jobs():
    """Every network with every readout and every budget once, with and without a store: a Latin square."""
    for network, (budgets, examples) in JOBS.items():
        for i, budget in enumerate(budgets):
            for stored in (False, True):
                j = (i + 2 * stored) % len(READOUTS)
                yield network, examples[j], READOUTS[j], budget, stored


def measure(probe, network, n, readout, budget, stored):
    with tempfile.TemporaryDirectory() as folder:
        store = [str(pathlib.Path(folder) / 'store')] if stored else []
        command = [probe, 'memory', network, str(n), readout, 'automatic', str(budget), *store]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1200)
    if done.returncode:
        return None, (done.stderr.strip() or f'exit status {done.returncode}')
    return json.loads(done.stdout), None


def table(probe):
    """Prints a row for each kernel. Returns whether all of them kept their promise."""
    print(f'{"network":<12}{"N":>6}  {"readout":<10}{"store":<7}{"strategy":<17}'
          f'{"budget":>8}{"planned":>9}{"arrays":>8}{"peak":>8}{"over":>8}   MiB', flush=True)
    worst, allowed, runs, refused, good = None, 0, 0, 0, True
    for network, n, readout, budget, stored in jobs():
        found, failure = measure(probe, network, n, readout, budget, stored)
        head = f'{network:<12}{n:>6}  {readout:<10}{"yes" if stored else "no":<7}'
        if failure:
            refused += 'needs at least' in failure
            good = good and 'needs at least' in failure
            print(head + failure.split(' Raise')[0], flush=True)
            continue
        over = found['peak'] - found['budget']
        runs, allowed = runs + 1, found['overhead']
        worst = over if worst is None else max(worst, over)
        good = good and over <= allowed and found['arrays'] <= found['planned']
        print(f'{head}{found["strategy"]:<17}{budget:>8}{found["planned"]:>9.1f}{found["arrays"]:>8.1f}'
              f'{found["peak"]:>8.1f}{over:>8.1f}', flush=True)
    print(f'\n{runs} kernels, {refused} refused; largest overrun {worst:.1f} MiB, allowed are {allowed:.0f}')
    return good

"""The seconds that plans foresee beside those that kernels take, for 24 kernels of small and large networks.

People decide by what a plan says, so it should be right within a factor of 1.3. Each kernel is computed by the kernel program,
twice, and the run with the shorter time counts. Kernels are thrown away, since plans do not know how fast the disk is.
"""
import os
import re
import subprocess

# network, width, images, number of them, readout, more options
JOBS = [('lenet', 1, 'mnist', 500, 'pseudo'), ('lenet', 1, 'mnist', 2000, 'pseudo'), ('lenet', 1, 'mnist', 5000, 'pseudo'),
        ('lenet', 1, 'mnist', 128, 'full'), ('lenet', 1, 'mnist', 500, 'full'), ('lenet', 1, 'mnist', 1000, 'loss'),
        ('mlp', 1, 'mnist', 1000, 'pseudo'), ('mlp', 1, 'mnist', 5000, 'pseudo'), ('mlp', 1, 'mnist', 200, 'full'),
        ('mlp', 1, 'mnist', 1000, 'trace'), ('convnet', 1, 'cifar10', 1000, 'pseudo'), ('convnet', 1, 'cifar10', 100, 'full'),
        ('resnet18', 0.25, 'cifar10', 200, 'pseudo'), ('resnet18', 0.25, 'cifar10', 1000, 'pseudo'),
        ('resnet18', 0.25, 'cifar10', 50, 'full'), ('resnet18', 1, 'cifar10', 100, 'pseudo'),
        ('resnet18', 1, 'cifar10', 400, 'pseudo'), ('resnet18', 1, 'cifar10', 8, 'full'),
        ('wide_resnet16', 1, 'cifar10', 300, 'pseudo'), ('vit', 1, 'cifar10', 300, 'pseudo'),
        ('mixer', 1, 'cifar10', 300, 'pseudo'), ('lenet', 1, 'mnist', 1000, 'pseudo', '--double'),
        ('resnet18', 0.25, 'cifar10', 1000, 'pseudo', '--precision', 'bfloat16'),
        ('resnet18', 1, 'cifar10', 400, 'pseudo', '--precision', 'bfloat16')]
UNITS = {'ms': 1e-3, 's': 1.0, 'min': 60.0, 'h': 3600.0}
TIMES = 2


def seconds_in(text, pattern):
    found = re.search(pattern, text, re.MULTILINE)
    return float(found[1].replace(',', '')) * UNITS[found[2]]


def measured(kernel, job):
    """Seconds that the plan says and seconds that the kernel took, or None and the reason."""
    network, width, images, n, readout, *more = job
    command = [kernel, '--network', network, '--width', str(width), '--data', images, '--n', str(n), '--readout', readout,
               *more, '--out', os.devnull]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return None, (done.stderr.strip().splitlines() or [f'exit status {done.returncode}'])[-1]
    return (seconds_in(done.stdout, r'^time +about ([\d.,]+) (\w+)'),
            seconds_in(done.stdout, r'^([\d.,]+) (\w+), at most')), None


def table(kernel):
    """Prints a line for each kernel, and how many plans were right within 1.3."""
    print(f'{"network":<15}{"width":>6}  {"images":<9}{"N":>5}  {"readout":<9}{"planned":>10}{"took":>10}{"took/planned":>14}')
    ratios = []
    for job in JOBS:
        network, width, images, n, readout, *more = job
        head = f'{network:<15}{width:>6g}  {images:<9}{n:>5}  {readout:<9}'
        runs = [measured(kernel, job) for _ in range(TIMES)]
        if any(why for _, why in runs):
            print(head + runs[0][1], flush=True)
            continue
        planned, took = min((times for times, _ in runs), key=lambda times: times[1])
        ratios.append(took / planned)
        print(f'{head}{planned:>10.3f}{took:>10.3f}{took / planned:>14.2f}  {" ".join(more)}', flush=True)
    good = sum(1 / 1.3 <= ratio <= 1.3 for ratio in ratios)
    print(f'\n{good} of {len(ratios)} plans within a factor of 1.3' +
          (f'; took/planned from {min(ratios):.2f} to {max(ratios):.2f}' if ratios else ''))

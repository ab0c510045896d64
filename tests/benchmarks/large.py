"""Times kernels on real images that are as large as two cores compute in minutes, and the same jobs with the peers.
Also times exact regression with an eNTK that is never formed, which no peer has; --hour adds one with 32,000 images,
which takes most of an hour.

Each program runs once, within limits of time and memory. The row of a program that does not finish says so.
"""
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

# workload, kernel, images, set, folder, MiB that we may use
JOBS = [('lenet', 'pntk', 20000, 'mnist', 4096), ('resnet18', 'pntk', 1000, 'cifar10', 4096),
        ('lenet', 'entk', 1000, 'mnist', 2048)]
# examples of MNIST, preconditioner, type of products, MiB that we may use
SOLVES = [(2000, 'pseudo', 'double', 2048), (4000, 'trace', 'float', 2048)]
HOUR = (32000, 'trace', 'float', 16384)
LIMIT_SECONDS = 600
LIMIT_BYTES = 20 << 30  # limit of the address space of peers


def run(command, limit_bytes, limit_seconds):
    """The last line that a program printed, or None, and the reason why there is none."""
    def limit():
        pathlib.Path('/proc/self/oom_score_adj').write_text('1000', encoding='ascii')  # out of memory, the system ends the peer first
        if limit_bytes:
            resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
    start = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit_seconds, preexec_fn=limit)
    except subprocess.TimeoutExpired:
        return None, f'not finished after {limit_seconds} s'
    if done.returncode == 0:
        return done.stdout.splitlines()[-1], None
    text = (done.stderr.strip().splitlines() or [''])[-1].lower()
    memory = done.returncode < 0 or any(word in text for word in ('memory', 'alloc', 'resource_exhausted'))
    return None, ('out of memory' if memory else text[:100] or f'exit {done.returncode}') + f' after {time.monotonic() - start:.0f} s'


def commands(bench, peers, scripts, job, inputs):
    workload, kernel, n, _, memory = job
    yield 'xtangent', [bench, workload, kernel, str(n), 'once', '--inputs', inputs, '--memory', str(memory)], None
    if peers:
        tail = [workload, kernel, str(n), '1']
        yield 'torch.func', [peers['torch'], str(scripts / 'torch_func.py'), *tail, '--inputs', inputs], LIMIT_BYTES
        for implementation, name in ((3, 'structured'), (1, 'Jacobian contraction')):
            yield (f'neural-tangents {name}',
                   [peers['neural_tangents'], str(scripts / 'nt_kernels.py'), *tail, str(implementation), '--inputs', inputs],
                   None)


def solves(solve, data, hour, parse):
    """The rows for regression with eNTKs of 10 N rows."""
    folder = pathlib.Path(data) / 'mnist'
    if not folder.is_dir():
        return []
    out = []
    for n, preconditioner, products, memory in SOLVES + ([HOUR] if hour else []):
        line, why = run([solve, str(n), '--data', str(folder), '--preconditioner', preconditioner, '--products', products,
                         '--memory', str(memory)], None, 3 * 3600)
        row = {**parse(line), 'budget_mib': memory} if line else {'workload': 'mnist 784-1024-1024-10', 'kernel': 'solve',
                                                                  'n': n, 'program': 'xtangent', 'seconds': None,
                                                                  'peak_mib': None, 'why': why}
        row['ratio_to_best_peer'] = None
        out.append(row)
        print(f'{row["workload"]} {row["kernel"]} {n}  ' +
              (f'{row["iterations"]} iterations with {preconditioner}, residual {row["residual"]:.1e}, '
               f'{row["seconds"]:.1f} s, {row["peak_mib"]:.0f} MiB' if line else why), flush=True)
    return out


def kernels(jobs, bench, peers, scripts, data, parse):
    """The rows for each job whose images are found, ours first. `parse` makes a row of the line that a program prints."""
    for job in jobs:
        workload, kernel, n, images, memory = job
        folder = pathlib.Path(data) / images
        if not folder.is_dir():
            print(f'large: no images in {folder}: name their folder with --data', file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as home:
            inputs = str(pathlib.Path(home) / 'x.npy')
            subprocess.run([bench, 'images', images, str(folder), str(n), inputs], check=True)
            of_job = []
            for name, command, limit_bytes in commands(bench, peers, scripts, job, inputs):
                line, why = run(command, limit_bytes, LIMIT_SECONDS)
                row = parse(line) if line else {'workload': workload, 'kernel': kernel, 'n': n, 'program': name,
                                                'seconds': None, 'peak_mib': None, 'why': why}
                of_job.append({**row, 'images': images})
                print(f'{workload:<9}{kernel:<8}{n:>6}  {row["program"]:<45}' +
                      (f'{row["seconds"]:>9.1f}{row["peak_mib"]:>10.0f} MiB' if line else f'  {why}'), flush=True)
        others = [r['seconds'] for r in of_job if r['program'] != 'xtangent' and r['seconds']]
        for row in of_job:
            row['ratio_to_best_peer'] = min(others) / row['seconds'] if others and row['seconds'] else None
        yield of_job

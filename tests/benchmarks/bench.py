"""Times kernels and training steps of the reference workloads; with --peers also those of other programs.

Writes results/bench.json. Every row runs in a process of its own, whose peak memory is that of the row. The programs of
a row run in turn, so that other work of the machine slows all of them. Only ratios within one call are meaningful."""
import argparse
import difflib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import venv

import large
import memory
import plans
import study_peers

ROWS = {'mlp': {'pntk': 256, 'entk': 64, 'loss': 256, 'train': 64},
        'lenet': {'pntk': 256, 'entk': 128, 'loss': 256, 'train': 64},
        'cnn': {'pntk': 128, 'entk': 32, 'loss': 128, 'train': 64},
        'resnet18': {'pntk': 32, 'entk': 4, 'loss': 32, 'train': 64},
        'lstm': {'pntk': 32}, 'gru': {'pntk': 32}, 'shared_vit': {'pntk': 32}, 'tied_gpt': {'pntk': 64},
        'deq': {'pntk': 128}, 'tied_autoencoder': {'pntk': 128},
        'py_resnet18': {'pntk': 64}, 'py_vit': {'pntk': 128}, 'py_gpt2': {'pntk': 64, 'signs': 64}}  # examples
SHARED = 'lstm', 'gru', 'shared_vit', 'tied_gpt', 'deq', 'tied_autoencoder'  # use a weight many times
MODULES = 'py_resnet18', 'py_vit', 'py_gpt2'  # torch modules, from Python, beside torch.func; only with --peers
STRATEGIES = 'structured', 'jacobian', 'vector_products'
STEPS = {'mlp': 16, 'lenet': 32, 'cnn': 4, 'resnet18': 1}  # training steps that are timed together
TRAIN_ROUNDS = 3  # at least; in a round all programs of a row run in turn
AGREEMENT = {'resnet18': 1e-4}  # else 1e-5: some of its many relus are so near their kinks that rounding decides
PEERS = pathlib.Path(__file__).parent / 'peers'
TORCH = ['torch==2.13.0', 'numpy']
NEURAL_TANGENTS = ['jax==0.4.25', 'jaxlib==0.4.25', 'numpy<2', 'scipy<1.13', 'neural-tangents==0.6.5']
JOB = 'workload', 'kernel', 'n', 'strategy'  # what rows of one job share
EXAMPLES = """examples:
  ./run bench --workload lenet --kernel pntk
      one row
  ./run bench --workload lstm --strategy jacobian
      the same network by another strategy than the one that is chosen for it
  ./run bench --large --kernel solve --data DIR
      regression with the eNTK of MNIST, whose files are in DIR/mnist
  ./run bench --study results/study
      after ./run study: its kernels with torch.func and neural-tangents, for an hour or two"""
FIELDS = 'workload', 'kernel', 'n', 'program', 'seconds', 'peak_mib', 'ratio_to_best_peer'


def arguments():
    parser = argparse.ArgumentParser(prog='./run bench', description=__doc__.split('\n')[0], epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument('--peers', action='store_true', help='run PyTorch and neural-tangents in turn with ours')
    parser.add_argument('--workload', action='append', choices=ROWS, metavar='NAME',
                        help='only this one (may be repeated): ' + ', '.join(ROWS))
    parser.add_argument('--kernel', choices=['pntk', 'entk', 'loss', 'signs', 'train', 'solve'],
                        help='only this one (loss: the Gram of loss gradients; signs: the mean of ten kernels of random'
                             ' signs; train: a training step; solve: regression, with --large)')
    parser.add_argument('--strategy', choices=STRATEGIES,
                        help='force ours to compute kernels by this one, instead of choosing the cheapest')
    parser.add_argument('--rules', action='store_true', help='every contraction rule on a table of layers instead')
    parser.add_argument('--memory', action='store_true',
                        help='peaks of 70 kernels within budgets of memory instead; fails if one is above its promise')
    parser.add_argument('--plans', action='store_true',
                        help='the seconds that plans foresee beside those that 24 kernels take, instead')
    parser.add_argument('--large', action='store_true', help='large kernels of real images instead, once each')
    parser.add_argument('--hour', action='store_true', help='with --large: also a regression with 32,000 images, most of an hour')
    parser.add_argument('--study', metavar='DIR', help='what the kernels of the study in this folder would take the peers instead;'
                        ' measured once, into DIR/peers.json')
    parser.add_argument('--data', default=os.environ.get('XTANGENT_DATA', 'data'),
                        help='folder of mnist and cifar10 for --large and --plans ($XTANGENT_DATA, or data)')
    parser.add_argument('--repeat', type=int, default=5, help='runs that the best is taken of, at least (%(default)s)')
    parser.add_argument('--rounds', type=int, default=1, help='turns of all programs in each row (%(default)s)')
    parser.add_argument('--out', default='results/bench.json', help='(%(default)s)')
    parser.add_argument('--build', default='build', help=argparse.SUPPRESS)
    parser.add_argument('--package', default='', help=argparse.SUPPRESS)  # where the Python package is; with --peers
    options, unknown = parser.parse_known_args()
    if unknown:
        known = [name for action in parser._actions for name in action.option_strings]  # argparse has no other way
        near = difflib.get_close_matches(unknown[0].split('=')[0], known, 1)
        parser.error(f'unknown option {unknown[0]}' + (f'. Did you mean {near[0]}?' if near else ''))
    return options


def environment(folder, packages, module):
    """The Python of a virtual environment with these packages, which is made if it does not exist."""
    python = folder / 'bin' / 'python'
    probe = [str(python), '-c', 'import ' + module]
    if python.exists() and subprocess.run(probe, capture_output=True, check=False).returncode == 0:
        return str(python)
    print(f'setting up {folder}: {" ".join(packages)}', flush=True)
    try:
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([str(python), '-m', 'pip', 'install', '--quiet', *packages], check=True)
        subprocess.run(probe, check=True)
    except (OSError, subprocess.CalledProcessError) as failure:
        sys.exit(f'\nbench: failed to set up {folder}: {failure}\n       pip says why above; it needs a network and about'
                 f' 2 GB. To begin again: rm -rf {folder}. Without peers: ./run bench')
    return str(python)


def measure(command):
    """The JSON that a program prints, or None and the reason."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    why = (done.stderr.strip().splitlines() or [f'exit status {done.returncode}'])[-1]
    print(f'  failed: {" ".join(map(os.path.basename, command))}: {why}', flush=True)
    return None


def of_modules(options, peers, *words):
    return ['env', 'PYTHONPATH=' + options.package, peers['torch'], str(PEERS / 'modules.py'), *words]


def programs(options, peers, workload, kernel, n):
    tail = [workload, kernel, str(n), str(options.repeat)]
    if kernel == 'train':
        tail.append(str(STEPS[workload]))
    if workload in MODULES:
        for program in 'xtangent', 'exported', 'torch.func':
            yield of_modules(options, peers, program, *tail)
        return
    yield [options.bench, *tail, *(['--strategy', options.strategy] if options.strategy else [])]
    if peers and kernel == 'train':
        yield [peers['torch'], str(PEERS / 'torch_train.py'), *tail]
    elif peers:
        yield [peers['torch'], str(PEERS / 'torch_func.py'), *tail]
        for implementation in () if workload in SHARED or kernel == 'loss' else ('1', '3', '2'):
            yield [peers['neural_tangents'], str(PEERS / 'nt_kernels.py'), *tail, implementation]


def is_ours(row):
    return row['program'].startswith('xtangent')


def add_ratios(rows):
    others = [r['seconds'] for r in rows if not is_ours(r)]
    for r in rows:
        r['ratio_to_best_peer'] = min(others) / r['seconds'] if others else None


def print_row(r):
    ratio, speed, images = r.get('ratio_to_best_peer'), r.get('gflops'), r.get('images_per_second')
    program = r['program'] + (f', {r["strategy"]}' if r['program'] == 'xtangent' and r.get('strategy') else '')
    print(f'{r["workload"]:<13}{r["kernel"]:<8}{r["n"]:>5}  {program:<45}{r["seconds"]:>9.4f}{r["peak_mib"]:>10.0f}'
          f'{"" if speed is None else format(speed, ".1f"):>9}{"" if ratio is None else format(ratio, ".2f"):>8}'
          f'{"" if images is None else format(images, ".0f"):>10}', flush=True)


def run_row(options, peers, workload, kernel, n):
    """The best result of every program over the rounds, ours first."""
    best = {}
    for _ in range(max(options.rounds, TRAIN_ROUNDS) if kernel == 'train' else options.rounds):
        for at, command in enumerate(programs(options, peers, workload, kernel, n)):
            row = measure(command)
            if row and options.strategy:
                row['strategy'] = options.strategy  # rows of peers stay beside it
            if row and (at not in best or row['seconds'] < best[at]['seconds']):
                best[at] = row
    rows = [best[at] for at in sorted(best)]
    add_ratios(rows)
    for row in rows:
        print_row(row)
    return rows


def check_agreement(options, peers, wanted):
    """Compares our kernels in float with PyTorch's in double, for the same parameters and inputs."""
    worst, good = 0.0, True
    for workload, kernel in wanted:
        if kernel == 'train':
            continue  # the tests of parity compare gradients and updates
        if workload in MODULES:
            command = of_modules(options, peers, 'compare', workload, kernel, '6', '1')
            worst = max(worst, float(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
            continue
        with tempfile.TemporaryDirectory() as folder:
            if not measure([options.bench, workload, kernel, '6', '1', '--save', folder]):
                return False
            command = [peers['torch'], str(PEERS / 'torch_func.py'), workload, kernel, '6', '1', '--compare', folder]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            worst = max(worst, float(said))
            good = good and float(said) < AGREEMENT.get(workload, 1e-5)
    print(f'\nsame kernels: ours in float and PyTorch\'s in double, of the same parameters, differ by {worst:.1e} at most'
          ' (relative Frobenius, N = 6)')
    return good


def write(path, rows):
    """Writes rows into the file; its rows of other jobs stay."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    before = json.loads(path.read_text(encoding='utf-8')) if path.exists() else []
    jobs = {tuple(r.get(k) for k in JOB) for r in rows}
    rows = [r for r in before if tuple(r.get(k) for k in JOB) not in jobs] + rows
    ordered = [{**{f: r.get(f) for f in FIELDS}, **{k: v for k, v in r.items() if k not in FIELDS}} for r in rows]
    whole = path.with_name(path.name + '.part')
    whole.write_text(json.dumps(ordered, indent=1) + '\n', encoding='utf-8')
    whole.replace(path)


def main():
    options = arguments()
    if options.strategy and (options.large or options.rules or options.memory or options.kernel in ('solve', 'train')):
        sys.exit('bench: --strategy is for rows of kernels: use it without --large, --rules, --memory, and with --kernel pntk, '
                 'entk or loss')
    if options.kernel == 'solve' and not options.large:
        sys.exit('bench: --kernel solve is one of the large ones: add --large')
    options.bench = str(pathlib.Path(options.build) / 'tests' / 'benchmarks' / 'bench')
    if options.rules:
        sys.exit(subprocess.run([options.bench.removesuffix('bench') + 'rules', str(options.repeat)], check=False).returncode)
    if options.memory:
        sys.exit(0 if memory.table(str(pathlib.Path(options.build) / 'tests' / 'probe')) else 1)
    home = pathlib.Path(options.build) / 'peers'
    if options.study:
        if not any(study_peers.rows_of(pathlib.Path(options.study), part) for part in study_peers.PARTS):
            sys.exit(f'bench: no tables of the study in {options.study}: ./run study --out {options.study}')
        peers = {'torch': environment(home / 'torch', TORCH, 'torch, numpy'),
                 'neural_tangents': environment(home / 'neural-tangents', NEURAL_TANGENTS, 'neural_tangents')}
        study_peers.print_table(options.study, peers, PEERS)
        return
    if options.plans:
        os.environ['XTANGENT_DATA'] = options.data
        plans.table(str(pathlib.Path(options.build) / 'examples' / 'kernel' / 'kernel'))
        return
    known = subprocess.run([options.bench, 'list'], capture_output=True, text=True, check=True).stdout.split()
    if options.package and not options.strategy:
        known += MODULES
    wanted = [(w, k) for w in ROWS if w in (options.workload or known) for k in ROWS[w]
              if options.kernel in (None, k) and not (options.strategy and k == 'train')]
    unknown = [w for w, _ in wanted if w not in known]
    if set(unknown) & set(MODULES):
        sys.exit(f'bench: {unknown[0]} is a torch module: add --peers')
    if unknown:
        sys.exit(f'bench: no network {unknown[0]} here yet; there are: {" ".join(known)}')
    peers = {}
    if options.peers:
        peers['torch'] = environment(home / 'torch', TORCH, 'torch, numpy')
        if options.large or any(kernel != 'train' and w not in MODULES for w, kernel in wanted):
            peers['neural_tangents'] = environment(home / 'neural-tangents', NEURAL_TANGENTS, 'neural_tangents')
    if options.large:
        solve = str(pathlib.Path(options.bench).with_name('solve'))
        jobs = [job for job in large.JOBS if job[0] in (options.workload or known) and options.kernel in (None, job[1])]
        if not options.workload and options.kernel in (None, 'solve'):
            write(options.out, large.solves(solve, options.data, options.hour, json.loads))
        for rows in large.kernels(jobs, options.bench, peers, PEERS, options.data, json.loads):
            write(options.out, rows)
        print(options.out)
        return
    limit = measure([options.bench, 'gemm', str(options.repeat)])
    if not limit:
        sys.exit(1)
    print(f'OpenBLAS core {limit["core"]}, {limit["threads"]} threads; float; best of {options.repeat} or more runs\n')
    print(f'{"workload":<13}{"kernel":<8}{"N":>5}  {"program":<45}{"seconds":>9}{"peak MiB":>10}{"GFLOP/s":>9}{"ratio":>8}'
          f'{"images/s":>10}')
    print_row(limit)
    rows, good = [limit], True
    for workload, kernel in wanted:
        found = run_row(options, peers, workload, kernel, ROWS[workload][kernel])
        good = good and any(map(is_ours, found))
        rows += found
        write(options.out, rows)
    if peers and any(kernel != 'train' for _, kernel in wanted):
        good = check_agreement(options, peers, wanted) and good
    if peers:
        print('ratio: seconds of the best peer / seconds of the row; above 1 is faster than every peer')
    print(f'{options.out}')
    sys.exit(0 if good else 1)


main()

"""Kernel regression with ResNet18 on all of CIFAR-10: trains the network, projects the gradients of all images, forms their
kernel on the disk and solves with it, for trained and for random weights; and measures how far that is from the exact kernel.

Each phase is a program of this project, whose seconds and largest memory are noted in phases.json. A phase that was ended is
gone on with by the same command, and a finished one is not done again."""
import argparse
import ctypes
import gzip
import json
import math
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

try:
    import numpy
except ImportError:  # --help and --dry-run do without
    numpy = None

EXAMPLES = """examples:
  ./run scale
      all 60,000 images, for hours; after Ctrl-C the same command goes on
  ./run scale --n 2000 --test 500 --width 0.25 --epochs 2 --k 4096 --exact 500,1000 --exact-test 200
      the same in small, in some minutes"""


TRAINING, TESTS = 50000, 10000  # images of CIFAR-10


def numbers(kind):
    return lambda text: [kind(word) for word in text.split(',')]


def ridges_of(text):
    for word in text.split(','):
        if not 0 <= float(word) < math.inf:
            raise ValueError
    return text


def count_of(text):
    if int(text) < 1:
        raise ValueError
    return int(text)


def size_of(text):
    """As the programs read sizes: 512M, 2G, 1.5GiB, 800MB."""
    if not re.fullmatch(r'[0-9][0-9.]* *([KMGT]?(I?B)?)', text.upper()):
        raise ValueError
    return text


def arguments():
    parser = argparse.ArgumentParser(prog='./run scale', description=__doc__.split('\n\n')[0], epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument('--data', default='cifar10', metavar='DIR', help='cifar10, or a folder with its binary files [cifar10]')
    parser.add_argument('--network', default='resnet18', metavar='NAME', help='as ./run kernel has them [resnet18]')
    parser.add_argument('--width', type=float, default=1, metavar='X', help='factor of the numbers of channels [1]')
    parser.add_argument('--epochs', type=count_of, default=2, metavar='N', help='of the training [2]')
    parser.add_argument('--n', type=int, default=0, metavar='N', help='training images; 0: all [0]')
    parser.add_argument('--test', type=int, default=0, metavar='N', help='test images; 0: all [0]')
    parser.add_argument('--k', type=count_of, default=65536, metavar='K', help='numbers to which gradients are projected [65536]')
    parser.add_argument('--ridge', type=ridges_of, default='0.001,0.01,0.1', metavar='X,...',
                        help="ridges, in units of the mean of the kernel's diagonal [0.001,0.01,0.1]")
    parser.add_argument('--exact', type=numbers(count_of), default=[2000, 5000], metavar='N,...',
                        help='training images of exact kernels beside it [2000,5000]')
    parser.add_argument('--exact-test', type=count_of, default=2000, metavar='N', help='their test images [2000]')
    parser.add_argument('--precision', default='bfloat16', metavar='NAME', choices=['exact', 'bfloat16'],
                        help='of products for kernels: exact or bfloat16 [bfloat16]')
    parser.add_argument('--kinds', type=lambda text: text.split(','), default=['trained', 'random'], metavar='NAME,...',
                        help='of weights: trained, random, or both [trained,random]')
    parser.add_argument('--memory', type=size_of, default='8G', metavar='SIZE', help='beside a program and its images [8G]')
    parser.add_argument('--seed', type=int, default=1, metavar='N', help='of weights and signs [1]')
    parser.add_argument('--keep', action='store_true', help='leave features and kernels on the disk')
    parser.add_argument('--dry-run', action='store_true', help='show the commands only')
    parser.add_argument('--out', type=pathlib.Path, default=pathlib.Path('results/scale'), metavar='DIR',
                        help='folder [results/scale]')
    parser.add_argument('--note', type=float, default=20, help=argparse.SUPPRESS)  # seconds between notes of a phase's seconds
    parser.add_argument('--look', action='store_true', help=argparse.SUPPRESS)  # only whether the images are there
    parser.add_argument('--build', type=pathlib.Path, default=pathlib.Path('build'), help=argparse.SUPPRESS)
    options = parser.parse_args()
    for name in options.kinds:
        if name not in ('trained', 'random'):
            parser.error(f'--kinds {name}: trained, random, or both')
    options.exact.sort()
    if options.exact[-1] > (options.n or TRAINING) or options.exact_test > (options.test or TESTS):
        parser.error('--exact and --exact-test: at most as many as --n and --test')
    options.width = f'{options.width:g}'
    return options


def write_json(file, what):
    """The whole file or none of it."""
    unfinished = file.with_suffix('.new')
    unfinished.write_text(json.dumps(what, indent=1) + '\n')
    unfinished.replace(file)


def ridge_name(text):
    """As the solve program names its files."""
    ridge = float(text)
    return f'{ridge:g}' if float(f'{ridge:g}') == ridge else f'{ridge:.17g}'


SIGNALS = {signal.SIGINT, signal.SIGTERM}


class Ended(BaseException):
    """By Ctrl-C or by SIGTERM."""


def end(number, _frame):
    raise Ended(number)


def begin_program():
    """In the process of a program: it ends with this one, and answers to signals."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def what_counts(command):
    """The part of a command that must stay the same for a phase to go on. Memory may change as far as its program allows. The
    folder of the images may be named in another way; the programs compare the images themselves."""
    return re.sub(r" --(memory|data) ('[^']*'|\S+)", '', command)


class Phases:
    """What has run, in phases.json. While a program runs its seconds are noted now and then, so that hardly any are lost where
    this process is killed."""

    def __init__(self, options):
        self.options, self.file = options, options.out / 'phases.json'
        self.done = json.loads(self.file.read_text()) if self.file.exists() else {}

    def save(self):
        write_json(self.file, self.done)

    def run(self, name, program, *words, resume=()):
        """Runs a program unless it has finished before, and returns what it printed. `resume` are words for going on."""
        command = [str(self.options.build / 'examples' / program / program), *map(str, words)]
        shown = ' '.join(['./run', program, *map(shlex.quote, command[1:])])
        command += resume
        entry = self.done.setdefault(name, {'seconds': 0.0, 'peak_mib': 0.0, 'runs': 0, 'finished': False})
        if entry['runs'] and what_counts(entry['command']) != what_counts(shown):
            sys.exit(f'scale: {name} was begun as\n  {entry["command"]}\nand is now\n  {shown}\nUse another folder (--out).')
        if self.options.dry_run or entry['finished']:
            print(f'{name}: {shown}' if self.options.dry_run else f'{name}: done in {entry["seconds"]:.0f} s')
            return entry.get('output', '')
        print(f'\n{name}: {shown}', flush=True)
        # No signal comes between the note that a program runs and the wait for it.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        entry['command'], entry['runs'] = shown, entry['runs'] + 1
        self.save()
        start, earlier, ended = time.monotonic(), entry['seconds'], threading.Event()

        def note():
            while not ended.wait(self.options.note):
                entry['seconds'] = earlier + time.monotonic() - start
                self.save()

        # In a session of its own the program gets each signal once, from here.
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True,
                                   preexec_fn=begin_program)
        noting = threading.Thread(target=note, daemon=True)
        noting.start()
        output, usage = [], None
        while usage is None:
            try:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
                for line in process.stdout:
                    output.append(line)
                    print('  ' + line, end='', flush=True)
                _, status, usage = os.wait4(process.pid, 0)
            except Ended as reason:
                os.kill(process.pid, reason.args[0])
        ended.set()
        noting.join()
        entry['seconds'] = earlier + time.monotonic() - start
        entry['peak_mib'] = max(entry['peak_mib'], usage.ru_maxrss / 1024)
        entry['finished'] = os.waitstatus_to_exitcode(status) == 0
        if entry['finished']:
            entry['output'] = ''.join(output)
        self.save()
        if not entry['finished']:
            sys.exit(f'scale: {name} has not finished. The same command goes on.')
        return entry['output']


def trained(options, phases):
    """The file of the weights, and the network's own accuracy on the test images."""
    out = options.out / 'train'
    resume = ['--resume'] if (out / 'checkpoint.safetensors').exists() and not options.dry_run else []
    folder = [] if options.data == 'cifar10' else ['--data', options.data]
    phases.run('training', 'train', 'cifar10', *folder, '--network', options.network, '--width', options.width, '--epochs',
               options.epochs, '--n', options.n, '--seed', options.seed, '--out', out, resume=resume)
    if options.dry_run:
        return out / 'weights.safetensors', None
    epochs = [json.loads(line) for line in (out / 'metrics.jsonl').read_text().splitlines()]
    return out / 'weights.safetensors', [line['test_accuracy'] for line in epochs if line['kind'] == 'epoch'][-1]


def accuracies(folder, ridges, labels):
    """{ridge: accuracy} of the predictions that the solve program has left."""
    found = {}
    for ridge in ridges:
        classes = numpy.load(folder / f'predictions-{ridge_name(ridge)}.npy').argmax(1)
        found[float(ridge)] = float((classes == labels[:len(classes)]).mean())
    return found


def rows_of(folder, count):
    parts, have = [], 0
    for file in sorted(folder.glob('features-*.npy'), key=lambda name: int(name.name.split('-')[1])):
        parts.append(numpy.load(file, mmap_mode='r')[:count - have])
        have += len(parts[-1])
        if have == count:
            break
    return parts


def rounded(x):
    """To bfloat16, the upper halves of floats, as the solve program rounds features: to nearest, ties to even."""
    bits = x.astype(numpy.float32).view(numpy.uint32)
    return ((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000).view(numpy.float32)


def product(a, b, numbers_of):
    """a b^T for rows in parts, of which `numbers_of` makes the numbers to multiply, with sums in double."""
    out = numpy.zeros((sum(map(len, a)), sum(map(len, b))))
    i = 0
    for x in a:
        j = 0
        for y in b:
            for first in range(0, x.shape[1], 4096):
                columns = slice(first, first + 4096)
                out[i:i + len(x), j:j + len(y)] += numbers_of(x[:, columns]) @ numbers_of(y[:, columns]).T
            j += len(y)
        i += len(x)
    return out


def relative(a, b):
    return math.sqrt(((a - b) ** 2).sum() / (b ** 2).sum())


def compared(options, folder, exact, labels, test_labels):
    """How far the kernel of the features is from the exact one: entries, and predictions by the first images."""
    k, cross = numpy.load(exact / 'K.npy'), numpy.load(exact / 'K_test.npy')
    train, test = rows_of(folder / 'train', len(k)), rows_of(folder / 'test', len(cross))
    numbers_of = rounded if options.precision == 'bfloat16' else numpy.asarray
    near, near_cross = product(train, train, numbers_of), product(test, train, numbers_of)
    draw = numpy.random.default_rng(options.seed)
    i, j = draw.integers(len(k), size=2000), draw.integers(1, len(k), size=2000)
    j = (i + j) % len(k)
    missed, entries = (near[i, j] - k[i, j]) ** 2, k[i, j] ** 2
    again = draw.integers(len(i), size=(2000, len(i)))
    spread = numpy.sqrt(missed[again].sum(1) / entries[again].sum(1))
    out = {'frobenius': relative(near, k), 'pairs': math.sqrt(missed.sum() / entries.sum()),
           'pairs_95': [float(v) for v in numpy.quantile(spread, [0.025, 0.975])], 'regression': []}
    y = numpy.eye(10)[labels]
    for n in options.exact:
        for ridge in [float(word) for word in options.ridge.split(',')]:
            said = []
            for kernel, of_tests in ((k, cross), (near, near_cross)):
                part = kernel[:n, :n] + ridge * kernel[:n, :n].trace() / n * numpy.eye(n)
                said.append(of_tests[:, :n] @ numpy.linalg.solve(part, y[:n]))
            right = [float((f.argmax(1) == test_labels).mean()) for f in said]
            out['regression'].append({'n': n, 'ridge': ridge, 'exact': right[0], 'projected': right[1],
                                      'difference': relative(said[1], said[0])})
    return out


def usual_folders():
    """The names of folders in which the programs look for CIFAR-10."""
    table = pathlib.Path(__file__).resolve().parents[1] / 'common' / 'image_sets.txt'
    rows = [line.split('|') for line in table.read_text(encoding='utf-8').splitlines()]
    return next(row[2].split() for row in rows if row[0] == 'cifar10')


def folder_of(data, needed=True):
    """Where the binary files of CIFAR-10 are, gzipped or not: in the folder that is named, or in one of these below it. Ends the
    program where there are none and they are needed."""
    places = ['data', 'build/data', os.environ.get('XTANGENT_DATA')] if data == 'cifar10' else [data]
    for place in map(pathlib.Path, filter(None, places)):
        for inner in place, *(place / name for name in usual_folders()):
            if any((inner / f'test_batch.bin{end}').exists() for end in ('', '.gz')):
                return inner
    if not needed:
        return None
    where = 'data/, build/data/ or $XTANGENT_DATA' if data == 'cifar10' else data
    sys.exit(f'scale: the binary files of CIFAR-10 were not found in {where}.')


def labels_of(options):
    """The labels of the training and of the test images, from the files that the programs read."""
    folder = folder_of(options.data)
    return [numpy.concatenate([labels_in(folder / f'{name}.bin') for name in names])
            for names in ([f'data_batch_{i}' for i in range(1, 6)], ['test_batch'])]


def labels_in(file):
    """The first of the 3,073 bytes of each image."""
    data = file.read_bytes() if file.exists() else gzip.decompress(file.with_name(file.name + '.gz').read_bytes())
    return numpy.frombuffer(data, numpy.uint8).reshape(-1, 3073)[:, 0]


def asked_for(found):
    """The ridges and the numbers of images of exact kernels that a result has."""
    return sorted(float(ridge) for ridge in found['accuracy']), sorted({r['n'] for r in found['regression']})


def kernels(options, phases, name, weights):
    """Features, their kernel, regression, and the exact kernel of some of the images, for these weights."""
    here = options.out / name
    file = here / 'found.json'
    asked = sorted({float(ridge) for ridge in options.ridge.split(',')}), sorted(set(options.exact))
    found = json.loads(file.read_text()) if file.exists() and not options.dry_run else {}
    if found and asked_for(found) != asked and not (here / 'features' / 'train').exists():
        ridges, exact = (','.join(f'{value:g}' for value in values) for values in asked_for(found))
        sys.exit(f'scale: the {name} weights were finished with --ridge {ridges} --exact {exact}, and their features were removed '
                 'then. Use another folder (--out), and --keep for more ridges later.')
    network = ['--network', options.network, '--width', options.width, '--data', options.data,
               *(['--weights', weights] if weights else []), '--seed', options.seed, '--memory', options.memory]
    phases.run(f'{name}, features', 'features', *network, '--n', options.n, '--test', options.test or 10000, '--k', options.k,
               '--out', here / 'features')
    ridges = options.ridge.split(',')
    precision = [] if options.precision == 'exact' else ['--precision', options.precision]
    # The kernel is formed with the first ridge and stays until the last one.
    for ridge in ridges:
        phases.run(f'{name}, regression, ridge {ridge}', 'solve', '--features', here / 'features', '--data', options.data, '--ridge',
                   ridge, '--float', *precision, '--memory', options.memory, '--keep', '--out', here / 'solve')
        if not options.dry_run:
            remove(here / 'solve' / f'factor-{ridge_name(ridge)}')
    exact = phases.run(f'{name}, exact kernel', 'kernel', *network, '--n', options.exact[-1], '--test', options.exact_test,
                       '--precision', options.precision, '--store', here / 'tiles', '--out', here / 'exact' / 'K.npy')
    # A kernel of all images need not fit into the memory: its plan is that of one on the disk, where nothing is written.
    whole = phases.run(f'{name}, plan of the whole', 'kernel', *network, '--n', options.n, '--precision', options.precision,
                       '--store', here / 'whole', '--dry-run')
    if options.dry_run:
        return None
    if not found or asked_for(found) != asked:
        labels, test_labels = labels_of(options)
        start = time.monotonic()
        found = compared(options, here / 'features', here / 'exact', labels[:options.exact[-1]], test_labels[:options.exact_test])
        found['seconds_to_compare'] = time.monotonic() - start
        found['accuracy'] = accuracies(here / 'solve', ridges, test_labels)
        planned = [re.findall(r'^time +about (.*)$', part, re.MULTILINE) for part in (exact, whole)]
        found['planned'] = {'exact': planned[0], 'whole': planned[1]}
        write_json(file, found)
    if not options.keep:
        for folder in 'features', 'solve/kernel', 'tiles':
            remove(here / folder)
    return found


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)


def report(options, phases, own, found):
    lines = [f'# {options.network} at width {options.width} on {options.data}', '']
    if own is not None:
        lines += [f'The trained network itself: {100 * own:.1f} % of the test images after {options.epochs} epochs.', '']
    lines += ['| phase | seconds | peak, MiB | runs |', '|---|---|---|---|']
    for name, entry in phases.done.items():
        lines.append(f'| {name} | {entry["seconds"]:.0f} | {entry["peak_mib"]:.0f} | {entry["runs"]} |')
    total = sum(entry['seconds'] for entry in phases.done.values())
    lines += [f'| all | {total:.0f} | {max(e["peak_mib"] for e in phases.done.values()):.0f} | |', '']
    for name, result in found.items():
        lines += [f'## {name} weights', '', '| ridge | test accuracy, all images |', '|---|---|']
        lines += [f'| {float(ridge):g} | {100 * accuracy:.2f} % |' for ridge, accuracy in result['accuracy'].items()]
        low, high = result['pairs_95']
        lines += ['', f'Beside the exact kernel of {options.exact[-1]:,} images: relative Frobenius error {result["frobenius"]:.2e}; '
                  f'of 2,000 random pairs {result["pairs"]:.2e}, 95 % interval {low:.2e} to {high:.2e}.', '',
                  '| images | ridge | exact | projected | difference of the predictions |', '|---|---|---|---|---|']
        lines += [f'| {r["n"]:,} | {r["ridge"]:g} | {100 * r["exact"]:.2f} % | {100 * r["projected"]:.2f} % | {r["difference"]:.3f} |'
                  for r in result['regression']]
        lines += ['', f'Planned for the exact kernel: {"; ".join(result["planned"]["exact"])}. For all images: '
                  f'{"; ".join(result["planned"]["whole"])}.', '']
    (options.out / 'report.md').write_text('\n'.join(lines))
    (options.out / 'report.json').write_text(json.dumps({'own_accuracy': own, 'phases': phases.done, 'found': found}, indent=1) + '\n')
    print(f'\n{options.out}/report.md')


def write_csv(file, columns, rows):
    lines = [','.join(columns), *(','.join(map(str, row)) for row in rows)]
    file.write_text('\n'.join(lines) + '\n')


def tables(options, phases, own, found):
    """scale.csv and scale_kernels.csv, which ./run study shows."""
    network = pathlib.Path(options.data).name, options.network, options.width
    train_labels, test_labels = labels_of(options)
    n, tests = options.n or len(train_labels), options.test or len(test_labels)
    rows, kernels = [], []
    if own is not None:
        rows.append((*network, 'trained', 'network', n, 0, tests, own, 0))
    for weights, result in found.items():
        rows += [(*network, weights, 'projected', n, f'{float(ridge):g}', tests, accuracy, 0)
                 for ridge, accuracy in result['accuracy'].items()]
        for r in result['regression']:
            of_first = (r['n'], f'{r["ridge"]:g}', options.exact_test)
            rows.append((*network, weights, 'exact', *of_first, r['exact'], 0))
            rows.append((*network, weights, 'projected', *of_first, r['projected'], r['difference']))
        of_weights = [entry for name, entry in phases.done.items()
                      if name.startswith(weights + ',') or weights == 'trained' and name == 'training']
        kernels.append((*network, weights, options.k, options.exact[-1], result['frobenius'], result['pairs'], *result['pairs_95'],
                        sum(entry['seconds'] for entry in of_weights), max(entry['peak_mib'] for entry in of_weights)))
    keys = 'data', 'network', 'width', 'weights'
    write_csv(options.out / 'scale.csv', (*keys, 'kernel', 'n', 'ridge', 'tests', 'accuracy', 'difference'), rows)
    write_csv(options.out / 'scale_kernels.csv',
              (*keys, 'k', 'exact_n', 'frobenius', 'pairs', 'pairs_low', 'pairs_high', 'seconds', 'peak_mib'), kernels)


def main():
    options = arguments()
    if options.look:
        folder_of(options.data, not options.dry_run)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    for number in SIGNALS:
        signal.signal(number, end)
    phases = Phases(options)
    if not options.dry_run:
        labels_of(options)  # which stops here, and not after hours, where there are none
    if options.data != 'cifar10' and (folder := folder_of(options.data, not options.dry_run)):
        options.data = str(folder)
    own, found = None, {}
    for name in options.kinds:
        weights = None
        if name == 'trained':
            weights, own = trained(options, phases)
        found[name] = kernels(options, phases, name, weights)
    if not options.dry_run:
        tables(options, phases, own, found)
        report(options, phases, own, found)


if __name__ == '__main__':
    main()

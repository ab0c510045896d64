"""What the kernels of the study would take with torch.func and neural-tangents.

The tables of the study (./run study) have the seconds of each of our kernels. The same kernels, of the same networks and as many
images of the same size, are timed here with the peers, once for all seeds. A kernel for which a peer has no memory or that takes
it more than ten minutes is estimated by the peer's own law: seconds a N + b N^2, or a (N + M) + b N M, with a and b of the kernels
of one set of the two largest of half, a quarter, an eighth ... as many images that it finishes.

The part `scale` is left out. The peers have no projection, and from the few hundred images whose gradients they can hold, the
part of their time that grows with N^2 cannot be told from noise: no law through them says what 50,000 would take.
"""
import csv
import json
import math
import pathlib

import large

IMAGES = {'mnist': (1, 28), 'fashion-mnist': (1, 28), 'digits': (1, 8), 'cifar10': (3, 32)}  # channels, pixels a side
TESTS = 100  # test images of kernels between test and training images
REPEAT = 2  # runs that the best is taken of, after one that is not timed, or one run if it takes longer than LONG
LIMIT_SECONDS, LIMIT_BYTES = large.LIMIT_SECONDS, large.LIMIT_BYTES
PARTS = 'width', 'regression', 'training', 'readouts', 'cost'  # of exact kernels
OUTPUTS = 10


def job_of(row, kernel, m=0):
    if row['data'] not in IMAGES:
        raise SystemExit(f'bench: the study has images of {row["data"]}; sizes are known of {", ".join(IMAGES)} only')
    channels, size = IMAGES[row['data']]
    depth, width = 18, int(row.get('width', 0))
    network, outputs = row.get('network', 'resnet18'), OUTPUTS
    if 'depth' in row:  # of the part about cost
        depth, outputs = int(row['depth']), int(row['outputs'])
        width = int(row['channels']) * (8 if depth < 50 else 32)
    if network == 'resnet18':
        network = 'resnet'
    return {'network': network, 'width': width, 'depth': depth if network == 'resnet' else 0, 'channels': channels, 'size': size,
            'outputs': outputs, 'kernel': kernel, 'n': int(row['n']), 'm': m}


def rows_of(folder, part):
    file = folder / f'{part}.csv'
    if not file.exists():
        return []
    with open(file, encoding='utf-8', newline='') as lines:
        return list(csv.DictReader(lines))


def kernels_of(folder, part):
    """For each kernel that a part computed: our seconds, and the jobs that compute it."""
    seen = set()
    for row in rows_of(folder, part):
        if part == 'regression':
            if row['ridge'] == '0':  # the kernels of all ridges
                for kernel in 'entk', 'pntk':
                    yield float(row[f'seconds_{kernel}']), [job_of(row, kernel), job_of(row, kernel, TESTS)]
        elif part == 'readouts':
            stop = tuple(row[key] for key in ('data', 'n', 'network', 'width', 'decay', 'seed', 'epoch'))
            if stop not in seen:
                seen.add(stop)
                yield float(row['seconds_entk']), [job_of(row, 'entk'), job_of(row, 'entk', TESTS)]
            # No peer has the head-aware kernel, which needs the gradients that the trace needs.
            kernel = 'trace' if row['readout'] in ('trace', 'head-aware') else 'pntk'
            yield float(row['seconds']), [job_of(row, kernel), job_of(row, kernel, TESTS)]
        elif part == 'training':
            for kernel in 'entk', 'pntk':  # and between as many test images and them
                yield (float(row[f'seconds_{kernel}']) + float(row[f'seconds_cross_{kernel}']),
                       [job_of(row, kernel), job_of(row, kernel, int(row['n']))])
        else:
            for kernel in 'entk', 'pntk':
                yield float(row[f'seconds_{kernel}']), [job_of(row, kernel)]


def law(sizes):
    """a and b of the seconds a s + b p for pairs of (s, p), with neither below 0: those with the least squares of the relative
    errors."""
    x, y = [s / t for s, _, t in sizes], [p / t for _, p, t in sizes]
    xx, xy, yy = (sum(u * v for u, v in zip(*pair)) for pair in ((x, x), (x, y), (y, y)))
    a, b = ((sum(x) * yy - sum(y) * xy) / (xx * yy - xy * xy), (sum(y) * xx - sum(x) * xy) / (xx * yy - xy * xy))
    if b < 0:
        return sum(x) / xx, 0.0
    return (a, b) if a >= 0 else (0.0, sum(y) / yy)


def size_of(job):
    """What the sweeps and the products of a kernel grow with."""
    return (job['n'] + job['m'], job['n'] * job['m']) if job['m'] else (job['n'], job['n'] ** 2)


class Peers:
    """Seconds of jobs by each program, in a file of JSON. A job that is there is not measured again."""

    def __init__(self, python, scripts, out):
        self.commands = {'torch.func': [python['torch'], str(scripts / 'torch_study.py')],
                         'neural-tangents': [python['neural_tangents'], str(scripts / 'nt_study.py')]}
        self.file = pathlib.Path(out)
        self.known = json.loads(self.file.read_text(encoding='utf-8')) if self.file.exists() else {}

    def once(self, program, job, *words):
        """Seconds and None, or None and the reason."""
        command = self.commands[program]
        line, why = large.run([command[0], command[1], json.dumps(job), str(REPEAT), *words],
                              LIMIT_BYTES if program == 'torch.func' else None, LIMIT_SECONDS)
        return (json.loads(line)['seconds'], None) if line else (None, why)

    def measured(self, program, job):
        if program == 'torch.func':
            return self.once(program, job)
        found = [self.once(program, job, implementation) for implementation in ('3', '1')]  # structured, Jacobian contraction
        return min((f for f in found if f[0] is not None), default=found[0])

    def seconds(self, program, job):
        """Seconds, and whether they are by the peer's law."""
        key = f'{program} {json.dumps(job, sort_keys=True)}'
        if key not in self.known:
            seconds, why = self.measured(program, job)
            by_law = seconds is None
            if by_law:
                seconds = self.by_law(program, job)
            self.known[key] = {'seconds': seconds, 'by_law': by_law, 'why': why}
            self.save()
            print(f'  {program:<16}{of(job):<60}' + ('nothing finished' if seconds is None else f'{seconds:10.3f} s') +
                  (f'  by its law: {why}' if by_law else ''), flush=True)
        found = self.known[key]
        return found['seconds'], found['by_law']

    def by_law(self, program, job):
        one_set = {**job, 'm': 0}
        key = f'{program} law {json.dumps(one_set, sort_keys=True)}'
        if key not in self.known:
            sizes, n = [], job['n'] // 2
            while len(sizes) < 2 and n > 0:
                smaller = {**one_set, 'n': n}
                seconds, why = self.measured(program, smaller)
                print(f'  {program:<16}{of(smaller):<60}' + (why if seconds is None else f'{seconds:10.3f} s'), flush=True)
                if seconds is not None:
                    sizes.append((*size_of(smaller), seconds))
                n //= 2
            self.known[key] = {'sizes': sizes, 'law': law(sizes) if len(sizes) > 1 else None}
            self.save()
        if self.known[key]['law'] is None:
            return None
        (a, b), (s, p) = self.known[key]['law'], size_of(job)
        return a * s + b * p

    def save(self):
        self.file.parent.mkdir(parents=True, exist_ok=True)
        whole = self.file.with_name(self.file.name + '.part')
        whole.write_text(json.dumps(self.known, indent=1) + '\n', encoding='utf-8')
        whole.replace(self.file)


def of(job):
    name = f'{job["network"]}{job["depth"] or ""}, width {job["width"]}, {job["outputs"]} outputs'
    rows = f'{job["m"]} by ' if job['m'] else ''
    return f'{name}, {job["kernel"]} of {rows}{job["n"]}'


def sums_of(folder, peers):
    """For each part: its name, the number of its kernels, our seconds, and of each peer the seconds and those by its law."""
    for part in PARTS:
        kernels = list(kernels_of(folder, part))
        if not kernels:
            continue
        row = {'part': part, 'kernels': len(kernels), 'ours': sum(seconds for seconds, _ in kernels)}
        for program in peers.commands:
            found = [peers.seconds(program, job) for _, jobs in kernels for job in jobs]
            row[program] = sum(math.nan if seconds is None else seconds for seconds, _ in found)
            row[program + ', by law'] = sum(seconds for seconds, by_law in found if by_law and seconds is not None)
        yield row


def print_table(folder, python, scripts):
    """Prints the seconds of all kernels of each part of the study in a folder, by our tables and by the peers."""
    folder = pathlib.Path(folder)
    peers = Peers(python, scripts, folder / 'peers.json')
    rows = list(sums_of(folder, peers))
    rows.append({key: 'all' if key == 'part' else sum(row[key] for row in rows) for key in rows[0]})
    print(f'\n{"part":<12}{"kernels":>8}{"xtangent":>12}' +
          ''.join(f'{name:>18}{"by law":>8}' for name in peers.commands) + f'{"faster":>8}')
    for row in rows:
        print(f'{row["part"]:<12}{row["kernels"]:>8}{row["ours"]:>10.1f} s' +
              ''.join(f'{row[name]:>16.0f} s{row[name + ", by law"] / row[name]:>8.0%}' for name in peers.commands) +
              f'{min(row[name] for name in peers.commands) / row["ours"]:>8.1f}')
    print('by law: the share of the seconds that was estimated; faster: seconds of the faster peer / ours')

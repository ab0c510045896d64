"""Runs the script for all of CIFAR-10 on a few made-up images: with features that are the gradients themselves, and with
few of them; again, which does nothing; and with other options, which is refused. The study shows its tables.

usage: scale_test.py SCALE BUILD
"""
import gzip
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

from programs import check, finish, rows, write_cifar

script, build = map(os.path.abspath, sys.argv[1:])
HELP = pathlib.Path(script).with_name('help.txt')


def run(*options, **more):
    return subprocess.run([sys.executable, script, '--build', build, *map(str, options)], capture_output=True, text=True,
                          timeout=300, **more)


def study(out, result, ridges):
    """The study takes the tables of this folder, also into a folder that has those of another run."""
    program = os.path.join(build, 'examples', 'study', 'study')
    words = [program, '--part', 'scale', '--scale', out, '--data', out.parent / 'images', '--out', out.parent / 'study']
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    check(done.returncode == 0 and not done.stderr, f'{done}')
    table = rows(out.parent / 'study' / 'scale.csv')
    check(len(table) == 1 + 2 * (ridges + 2 * 2 * ridges), f'the network, and projected and exact kernels: {table}')
    accuracies = {(r['weights'], r['kernel'], r['n'], float(r['ridge'])): float(r['accuracy']) for r in table}
    check(accuracies['trained', 'network', '60', 0] == result['own_accuracy'], f'{accuracies}')
    for weights, found in result['found'].items():
        for ridge, accuracy in found['accuracy'].items():
            check(accuracies[weights, 'projected', '60', float(ridge)] == accuracy, f'{weights}, {ridge}: {accuracies}')
        for r in found['regression']:
            check(accuracies[weights, 'exact', str(r['n']), r['ridge']] == r['exact'], f'{r}: {accuracies}')
    text = (out.parent / 'study' / 'report.html').read_text(encoding='utf-8')
    check('All images of a set' in text and 'ResNet18, channels times 0.03, images, random weights' in text, 'the report')


def wait_for_programs(folder, script_itself):
    """Until no program works in the folder any more; each ends with the script that has started it."""
    def programs():
        found = subprocess.run(['pgrep', '-f', str(folder)], capture_output=True, text=True, check=False).stdout
        return [int(number) for number in found.split() if int(number) != script_itself.pid]

    end = time.monotonic() + 60
    while programs() and time.monotonic() < end:
        time.sleep(0.01)
    check(not programs(), 'a program goes on without the script')


def killed_anywhere(out, undisturbed, *options):
    """Kills the script once in every phase in which it can, and begins it again. The result is the same."""
    draw, kills, phases = random.Random(7), 0, set()

    def unfinished():
        """The phase that runs."""
        noted = json.loads((out / 'phases.json').read_text()) if (out / 'phases.json').exists() else {}
        return next((name for name, p in noted.items() if p['runs'] and not p['finished']), None)

    while True:
        process = subprocess.Popen([sys.executable, script, '--build', build, *map(str, options), '--out', out],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and unfinished() in phases | {None}:
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.05))
        if process.poll() is not None:
            _, errors = process.communicate()
            break
        process.kill()
        process.communicate()
        kills += 1
        phases |= {unfinished()} - {None}
        wait_for_programs(out, process)
    check(process.returncode == 0, f'after {kills} kills: {errors}')
    print(f'{kills} kills, in {", ".join(sorted(phases))}')
    check(kills > 3, f'only {kills} kills in {phases}')
    if process.returncode == 0:
        result = json.loads((out / 'report.json').read_text())
        check(lasting(result) == lasting(undisturbed), f'after {kills} kills: {lasting(result)}, undisturbed {lasting(undisturbed)}')


def lasting(result):
    """What of a report does not depend on how long it took."""
    return result['own_accuracy'], {name: {key: value for key, value in found.items() if key not in ('planned', 'seconds_to_compare')}
                                    for name, found in result['found'].items()}


def killed(out, kind, *options):
    """Ends the script within its first phase, with what it runs, and lets the same command go on."""
    noted = out / 'phases.json'

    def phase():
        return json.loads(noted.read_text())['training'] if noted.exists() else {'seconds': 0}

    process = subprocess.Popen([sys.executable, script, '--build', build, *map(str, options), '--out', out, '--note', '0.02'],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not (phase()['seconds'] > 0 and (out / 'train' / 'metrics.jsonl').exists()):
        time.sleep(0.005)
    process.send_signal(kind)
    check(process.wait(timeout=60) != 0, f'{kind}: it was not ended')
    wait_for_programs(out / 'train', process)
    first = phase()
    check(first['runs'] == 1 and not first['finished'] and first['seconds'] > 0, f'{kind}: {first}')
    done = run(*options, '--out', out)
    check(done.returncode == 0, f'{kind}: {done}')
    again = phase()
    check(again['runs'] == 2 and again['finished'] and again['seconds'] > first['seconds'], f'{kind}: {again}')


with tempfile.TemporaryDirectory() as folder:
    top = pathlib.Path(folder)
    write_cifar(top / 'images', 16)
    usual = ['--data', top / 'images', '--width', 0.03, '--epochs', 1, '--n', 60, '--test', 16, '--exact', '20,40', '--exact-test',
             16, '--precision', 'exact', '--memory', '1G']
    errors = {}
    for k, ridges in (65536, '0.1,0.01'), (512, '0.1'):
        out = top / f'out{k}'
        done = run(*usual, '--k', k, '--ridge', ridges, '--out', out)
        check(done.returncode == 0, f'{k}: {done.stdout}{done.stderr}')
        result = json.loads((out / 'report.json').read_text())
        check(0 <= result['own_accuracy'] <= 1 and list(result['found']) == ['trained', 'random'], f'{result}')
        for name, found in result['found'].items():
            errors[k, name] = found['frobenius']
            low, high = found['pairs_95']
            check(low <= found['pairs'] <= high, f'{k}, {name}: {found}')
            check(len(found['accuracy']) == len(ridges.split(',')) and all(0 <= a <= 1 for a in found['accuracy'].values()),
                  f'{k}, {name}: {found}')
            check([(r['n'], r['ridge']) for r in found['regression']] ==
                  [(n, float(ridge)) for n in (20, 40) for ridge in ridges.split(',')], f'{k}, {name}: {found}')
            if k == 65536:  # more numbers than parameters: the features are the gradients
                for r in found['regression']:
                    check(r['difference'] < 1e-2 and r['exact'] == r['projected'], f'{name}: {r}')
            check(len(found['planned']['whole']) == 1 and len(found['planned']['exact']) == 2, f'{found}')
        phases = result['phases']
        check(all(p['finished'] and p['runs'] == 1 and p['peak_mib'] > 5 for p in phases.values()), f'{phases}')
        check('| random, features |' in (out / 'report.md').read_text(), 'the report names no phase')
        study(out, result, len(ridges.split(',')))
        for file in (top / 'images').glob('*.bin'):  # as many have them: the second run takes them so
            file.with_name(file.name + '.gz').write_bytes(gzip.compress(file.read_bytes()))
            file.unlink()
    for name in 'trained', 'random':
        check(errors[65536, name] < 1e-4, f'{name}: {errors}')
        check(1e-3 < errors[512, name] < 0.5, f'{name}: {errors}')
    for kind in signal.SIGINT, signal.SIGTERM, signal.SIGKILL:
        killed(top / f'killed{kind:d}', kind, *usual, '--k', 512, '--ridge', '0.1', '--kinds', 'trained', '--epochs', 40)
    killed_anywhere(top / 'killed', result, *usual, '--k', 512, '--ridge', '0.1')
    # What is finished is not done again, and other options are refused.
    done = run(*usual, '--k', 512, '--ridge', '0.1', '--out', top / 'out512')
    check(done.returncode == 0 and done.stdout.count(': done in ') == 9, f'{done.stdout}{done.stderr}')
    check(json.loads((top / 'out512' / 'report.json').read_text()) == result, 'the second report is another')
    check(not (top / 'out512' / 'random' / 'features').exists(), 'the features are left')
    done = run(*usual, '--k', 600, '--ridge', '0.1', '--out', top / 'out512')
    check(done.returncode != 0 and 'Use another folder' in done.stderr, done.stderr)
    # Further ridges need the features.
    done = run(*usual, '--k', 512, '--ridge', '0.1,0.5', '--out', top / 'out512')
    check(done.returncode != 0 and 'finished with --ridge 0.1 --exact 20,40,' in done.stderr, done.stderr)
    for ridges in '0.1', '0.1,0.1234567':
        done = run(*usual, '--k', 512, '--ridge', ridges, '--kinds', 'random', '--keep', '--out', top / 'kept')
        found = json.loads((top / 'kept' / 'report.json').read_text())['found']['random']
        check(done.returncode == 0 and len(found['accuracy']) == len(ridges.split(',')), f'{ridges}: {done} {found}')
    # With more memory the same phases go on; one that is left undone here is done.
    phases = json.loads((top / 'out512' / 'phases.json').read_text())
    phases['random, exact kernel']['finished'] = False
    (top / 'out512' / 'phases.json').write_text(json.dumps(phases))
    more = [*usual[:-1], '2G', '--k', 512, '--ridge', '0.1', '--out', top / 'out512']
    done = run(*more)
    check(done.returncode == 0 and done.stdout.count(': done in ') == 8, f'{done.stdout}{done.stderr}')
    done = run(*more, '--width', '0.030')
    check(done.returncode == 0 and done.stdout.count(': done in ') == 9, f'the same width: {done.stdout}{done.stderr}')
    for option, value in [('--exact', 90), ('--exact-test', 0), ('--ridge', 'abc'), ('--ridge', '-1'), ('--precision', 'fp16'),
                          ('--memory', 'much'), ('--k', 0), ('--kinds', 'both')]:
        done = run(*usual, option, value, '--out', top / 'other')
        check(done.returncode != 0 and option in done.stderr and not (top / 'other').exists(), f'{option}: {done.stderr}')
    done = run('--exact', 60000, '--out', top / 'other')
    check(done.returncode != 0 and '--exact' in done.stderr, f'more than there are: {done.stderr}')
    # A folder that is named is the only place, though the images are where the programs look by themselves.
    (top / 'cifar10').symlink_to(top / 'images')
    nowhere = str(top / 'nowhere') + os.sep
    done = run(*usual, '--data', nowhere, '--out', top / 'other', env={**os.environ, 'XTANGENT_DATA': str(top)})
    check(done.returncode != 0 and f'not found in {nowhere}' in done.stderr and not done.stdout, f'{done}')
    # A folder above that of the images is found, too, and the programs get the folder itself.
    done = run(*usual, '--data', top, '--kinds', 'random', '--k', 512, '--ridge', '0.1', '--out', top / 'above')
    check(done.returncode == 0 and f'--data {top / "cifar10"} ' in done.stdout, f'{done.stdout}{done.stderr}')
    done = run(*usual, '--dry-run', '--out', top / 'other')
    check(done.returncode == 0 and './run solve --features' in done.stdout, done.stdout)
done = subprocess.run([sys.executable, script, '--help'], capture_output=True, text=True, timeout=60,
                      env={**os.environ, 'COLUMNS': '120'})
check(done.stdout == HELP.read_text(), f'{HELP} is not what the script says')
finish()

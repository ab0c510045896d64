"""Counts the tests that `meson test` has run: each Boost test case, each test of pytest, and each other program as one.

usage: count_tests.py [--words] testlog.json...
Prints `N passed, N failed`, and `, N skipped` where there are any; with --words a line for people. Needs
BOOST_TEST_REPORT_LEVEL=short during the run.
"""
import json
import re
import sys

CASES = re.compile(r'(\d+) test cases? out of \d+ (passed|failed|aborted)')
PYTEST = re.compile(r'^(?:=+ )?(\d+ (?:failed|passed|skipped|error)s?\b.*) in [\d.]+s\b', re.M)  # its last line
KINDS = re.compile(r'(\d+) (failed|passed|skipped|error)s?\b')
SKIPPED = re.compile(r'^skipped: ', re.M)  # what tests/nn/files.hpp and scripts print where data are missing


def count(test):
    """The numbers of passed, failed and skipped tests of one program."""
    good = test['result'] in ('OK', 'EXPECTEDFAIL')
    if test['result'] == 'SKIP':
        return 0, 0, 1
    output = test.get('stdout', '') + test.get('stderr', '')
    cases, skipped = {kind: int(n) for n, kind in CASES.findall(output)}, len(SKIPPED.findall(output))
    if summary := PYTEST.findall(output):
        cases = {kind: int(n) for n, kind in KINDS.findall(summary[-1])}
        failed = cases.get('failed', 0) + cases.get('error', 0)
        return cases.get('passed', 0), failed if good else max(failed, 1), cases.get('skipped', 0)
    if not cases:
        return (1, 0, skipped) if good else (0, 1, skipped)
    failed = cases.get('failed', 0) + cases.get('aborted', 0)
    # Boost counts cases that its filter leaves out as skipped; another test runs them.
    return cases.get('passed', 0), failed if good else max(failed, 1), skipped


def main(arguments):
    words = '--words' in arguments
    tests = []
    for path in arguments:
        if path != '--words':
            with open(path, encoding='utf-8') as log:
                tests += [json.loads(line) for line in log if line.strip()]
    passed, failed, skipped = (sum(c) for c in zip(*map(count, tests))) if tests else (0, 0, 0)
    line = f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else '')
    if words:
        line = f'{line}: {len(tests)} programs, {sum(t["duration"] for t in tests):.0f} s of running time'
    print(line, flush=True)


main(sys.argv[1:])

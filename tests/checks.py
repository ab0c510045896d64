"""What test scripts share: checks that go on after a failure, and the exit status at the end."""
import sys

failures = 0


def check(good, what):
    global failures
    if not good:
        failures += 1
        print("FAILED:", what)


def finish():
    print("FAILED" if failures else "passed")
    sys.exit(failures != 0)

"""The numbers that count_tests.py reads out of logs of `meson test`: of Boost, of pytest, and of programs that end early.

usage: count_tests_test.py
"""
import json
import pathlib
import subprocess
import sys
import tempfile

from checks import check, finish

program = pathlib.Path(__file__).with_name("count_tests.py")
BOOST = """Test module "ntk" has passed with:
  4 test cases out of 4 passed
  90 assertions out of 90 passed
"""
# result of meson, what was printed, the count
TESTS = [
    ("OK", BOOST, "4 passed, 0 failed"),
    ("FAIL", BOOST.replace("4 test cases out of 4 passed", "3 test cases out of 4 passed\n  1 test case out of 4 failed"),
     "3 passed, 1 failed"),
    ("OK", "skipped: no digits\n" + BOOST, "4 passed, 0 failed, 1 skipped"),
    ("OK", "...s [100%]\n51 passed, 7 skipped, 2 warnings in 63.20s (0:01:03)\n", "51 passed, 0 failed, 7 skipped"),
    ("FAIL", "== short ==\nFAILED a.py::test_b - 3 passed\n=== 2 failed, 50 passed, 1 error in 9.01s ===\n",
     "50 passed, 3 failed"),
    ("FAIL", "1 error in 0.31s\n", "0 passed, 1 failed"),
    ("FAIL", "50 passed in 9.01s\n", "50 passed, 1 failed"),  # and then ended otherwise
    ("FAIL", "Segmentation fault\n", "0 passed, 1 failed"),
    ("TIMEOUT", "....", "0 passed, 1 failed"),
    ("OK", "passed\n", "1 passed, 0 failed"),
    ("SKIP", "", "0 passed, 0 failed, 1 skipped"),
]


def counted(*tests):
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder, "testlog.json")
        log.write_text("".join(json.dumps({"result": result, "stdout": out, "duration": 1}) + "\n" for result, out in tests))
        return subprocess.run([sys.executable, program, log], capture_output=True, text=True, check=True).stdout.strip()


for result, out, expected in TESTS:
    found = counted((result, out))
    check(found == expected, f"{result} {out!r}: {found}")
check(counted(*(test[:2] for test in TESTS)) == "163 passed, 8 failed, 9 skipped", "all of them together")
finish()

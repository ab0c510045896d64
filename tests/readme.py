"""Checks that the README shows the program that is compiled, that the program prints sensible numbers, and that all
links of the README lead somewhere.

usage: readme.py README.md SOURCE PROGRAM
"""
import pathlib
import re
import subprocess
import sys

readme = pathlib.Path(sys.argv[1])
text = readme.read_text(encoding='utf-8')
shown, = re.findall(r'```cpp\n(.*?)```', text, re.S)
assert shown == pathlib.Path(sys.argv[2]).read_text(encoding='utf-8'), 'the README shows another program'

said = subprocess.run([sys.argv[3]], check=True, capture_output=True, text=True).stdout
accuracy, difference = map(float, re.findall(r'\d\.\d{3}', said))
assert accuracy > 0.95 and 0.0 < difference < 0.5, said

links = [link for link in re.findall(r'\]\(([^)#]+)', text) if '://' not in link]
assert links
for link in links:
    assert (readme.parent / link).exists(), 'the README leads to ' + link + ', which is not there'

#!/usr/bin/env python3
"""Copies headers, and what they include of this project, into the installation.

usage: install_headers.py INCLUDE_FOLDER HEADER...
"""
import os
import pathlib
import re
import shutil
import sys


def closure(source, headers):
    """The headers and all that they reach by #include "...", as paths relative to the source folder."""
    reached, waiting = set(), list(headers)
    while waiting:
        header = waiting.pop()
        if header not in reached:
            reached.add(header)
            text = (source / header).read_text(encoding='utf-8')
            waiting += re.findall(r'^\s*#\s*include\s+"([^"]+\.hpp)"', text, re.M)
    return sorted(reached)


def main():
    source = pathlib.Path(__file__).resolve().parent  # also where this project is a part of another
    target = pathlib.Path(os.environ['MESON_INSTALL_DESTDIR_PREFIX'], sys.argv[1])
    headers = closure(source, sys.argv[2:])
    for header in headers:
        copy = target / header
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / header, copy)
    for old in target.rglob('*.hpp'):  # those of an earlier version
        if str(old.relative_to(target)) not in headers:
            old.unlink()


if __name__ == '__main__':
    main()

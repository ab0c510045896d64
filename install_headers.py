#!/usr/bin/env python3
"""Copies headers into the installation: install_headers.py INCLUDE_FOLDER FILE_OR_FOLDER..."""
import os
import pathlib
import shutil
import sys

source = pathlib.Path(os.environ['MESON_SOURCE_ROOT'])
target = pathlib.Path(os.environ['MESON_INSTALL_DESTDIR_PREFIX'], sys.argv[1])
for name in sys.argv[2:]:
    top = source / name
    for header in sorted(top.rglob('*.hpp')) if top.is_dir() else [top]:
        copy = target / header.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(header, copy)

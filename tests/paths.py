"""Checks that every file or folder that a page, a comment or a script of the project names exists.

It reads the pages (*.md), the comments of C++ sources, and the whole text of scripts and meson.build files. It looks
for names of files with their folder (ops/linear.cpp is enough for autodiff/ops/linear.cpp), in C++ comments also
without a folder, and for folders of the project written with a slash at the end. In CHANGELOG.md, which names files as
they once were, it checks only the links.

usage: paths.py SOURCE_FOLDER
"""
import pathlib
import re
import sys

top = pathlib.Path(sys.argv[1]).resolve()
folders = ("autodiff", "nn", "ntk", "python", "examples", "tests", "docs", ".ci")
ending = r"\.(?:hpp|cpp|py|md|dox|supp|xml|css|svg|build)\b(?!\.)"
with_folder = re.compile(rf"(?<![\w/.*$}}>-])(?:[\w.-]+/)+[\w-]+{ending}")
alone = re.compile(rf"(?<![\w/.*<>-])[\w-]+{ending}")
folder_name = re.compile(rf"(?<![\w/.-])(?:{'|'.join(folders)})/(?:[\w-]+/)*(?![\w<*.-])")
link = re.compile(r"\[[^\]&]+\]\(([^)#\s]+)")
made = ("build/", "results/", "client/", "subprojects/", "include/")  # folders that do not come with the sources

files = sorted(path.relative_to(top).as_posix() for folder in folders for path in (top / folder).rglob("*")
               if path.is_file() and "__pycache__" not in path.parts)
files += sorted(path.name for path in top.iterdir() if path.is_file())
ends = {"/".join(parts[i:]) for parts in (file.split("/") for file in files) for i in range(len(parts))}


def named(file, text):
    """The names in a text, as pairs of the number of a line and a name."""
    for number, line in enumerate(text.split("\n"), 1):
        if "#include" in line or "has_header" in line:  # these also name headers of other libraries, and the compiler checks them
            continue
        if file.endswith((".hpp", ".cpp")):
            if "//" not in line:
                continue
            line = line[line.index("//"):]
            yield from ((number, name) for name in alone.findall(line))
        if file.endswith(".md"):
            for target in link.findall(line):
                if "://" not in target:
                    place = (top / file).parent / target
                    yield number, "" if place.exists() else target
        if file != "CHANGELOG.md":
            yield from ((number, name) for name in with_folder.findall(line) if not name.startswith(made))
            yield from ((number, name) for name in folder_name.findall(line))


def there(name):
    return not name or re.sub(r"^(\.\./)+", "", name) in ends or (name.endswith("/") and (top / name).is_dir())


count, missing = 0, []
for file in files:
    if not file.endswith((".hpp", ".cpp", ".md", ".py", "meson.build", "/run")) and file != "run":
        continue
    if file == "tests/paths.py":
        continue
    for number, name in named(file, (top / file).read_text(encoding="utf-8")):
        count += 1
        if not there(name):
            missing.append(f"{file}:{number} names {name}, which is not there")
print("\n".join(missing) or f"{count} names of files and folders, all of them there")
sys.exit(bool(missing) or count < 200)

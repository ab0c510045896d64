"""The input filter of docs/Doxyfile: prints a file as doxygen should read it.

The opening comment of a header, which comes before its namespace, becomes the text of a group within the group of its
folder. Indented lines of comments become blocks of code. In pages, links to folders and headers lead to their groups.

usage: filter.py FILE
"""
import pathlib
import re
import sys

top = pathlib.Path(__file__).resolve().parent.parent
grouped = {"autodiff", "nn", "ntk"}


def group_of(path):
    return str(path).replace("/", "_")


def keep_layout(lines):
    """Makes blocks of code, or of plain text, of those lines of comments that are indented by two spaces or more."""
    out, first = [], None
    for line in [*lines, ""]:
        indented = re.match(r"\s*///  \s*\S", line) is not None
        listed = bool(out) and re.match(r"\s*/// (- |\d\. )", out[-1]) is not None
        if indented and first is None and out and "///" in out[-1] and not listed:
            first = len(out)
        elif first is not None and not indented:
            language = "cpp" if any(text.endswith((";", "{")) for text in out[first:]) else "unparsed"
            out[first:] = [f"/// @code{{.{language}}}", *(re.sub("///  ", "///", text) for text in out[first:]),
                           "/// @endcode"]
            first = None
        out.append(line)
    return out[:-1]


def first_sentence(lines):
    """The first sentence of the first comment, used for headers without an opening comment."""
    begin = next((i for i, line in enumerate(lines) if line.startswith("///")), len(lines))
    words = []
    while begin < len(lines) and lines[begin].startswith("///"):
        words.append(lines[begin][4:])
        begin += 1
    return ["/// " + re.split(r"(?<=\.)\s", " ".join(words))[0]]


def header(path, lines):
    lines = ["" if line.startswith("extern template") else line for line in lines]
    opening = next((i for i, line in enumerate(lines) if re.match(r"namespace xtangent\S* \{$", line)), None)
    if path.parts[0] not in grouped or opening is None:
        return keep_layout(lines)
    name = lines[opening].split()[1]
    closing = max(i for i, line in enumerate(lines) if line == f"}}  // namespace {name}")
    begin = opening
    while lines[begin - 1].startswith("///"):
        begin -= 1
    group = group_of(path.with_suffix(""))
    title = path.stem.replace("_", " ")
    text = keep_layout(lines[begin:opening]) or first_sentence(lines[opening:])
    return (keep_layout(lines[:begin]) +
            ["/**", f"@defgroup {group} {title}", f"@ingroup {group_of(path.parent)}", "*/"] +
            [f"/// @addtogroup {group}", *text, "///", f"/// `#include <{path}>`"] +
            [lines[opening], f"/// @addtogroup {group}", "/// @{"] +
            keep_layout(lines[opening + 1:closing]) + ["/// @}", lines[closing]])


def name_of(page):
    return "mainpage" if page.stem == "index" else page.stem.lower()


def page(path, text):
    """Links lead to other pages by the names that these have here, and to the groups of folders and headers. Links to
    other files become plain text."""
    def target(match):
        words, link = match[1], match[2]
        if "://" in link or link.startswith("#"):
            return match[0]
        if link.endswith(".md"):  # the path of a file is understood by doxygen 1.9.4, but not by 1.9.8
            return f'@ref {name_of(pathlib.Path(link))} "{words.strip("`")}"'
        if link.endswith(".svg"):  # HTML_EXTRA_FILES
            return f"[{words}]({pathlib.Path(link).name})"
        place = (top / path.parent / link).resolve().relative_to(top)
        if place.parts[0] in grouped:
            return f'@ref {group_of(place.with_suffix(""))} "{words.strip("`")}"'
        return words
    title = "README" if path.stem == "README" else r"\1"
    text = re.sub("^# (.*)$", rf"# {title} {{#{name_of(path)}}}", text, count=1, flags=re.M)
    return re.sub(r"(?<!!)\[([^\]]*)\]\(([^)]*)\)", target, text)


file = pathlib.Path(sys.argv[1]).resolve()
relative = file.relative_to(top)
contents = file.read_text(encoding="utf-8")
if file.suffix == ".md":
    sys.stdout.write(page(relative, contents))
else:
    sys.stdout.write("\n".join(header(relative, contents.split("\n"))))

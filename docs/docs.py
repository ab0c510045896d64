"""Makes the pages of the API with doxygen. Fails for any warning of doxygen, for a header or folder without a group,
and for a link or image that leads nowhere. Without doxygen it is skipped (status 77).

usage: docs.py FOLDER        pages in FOLDER/html
"""
import html.parser
import pathlib
import shutil
import subprocess
import sys
import urllib.parse

folder = pathlib.Path(sys.argv[1]).resolve()
top = pathlib.Path(__file__).resolve().parent.parent
if not shutil.which("doxygen"):
    print("no doxygen")
    sys.exit(77)


class Links(html.parser.HTMLParser):
    """The targets of the links and images of a page, and the anchors in it."""

    def __init__(self, file):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors.update(attributes[key] for key in ("id", "name") if attributes.get(key))
        self.links += [attributes[key] for key in ("href", "src", "data") if attributes.get(key)]


def dead_links(pages):
    read = {page: Links(page) for page in pages}
    for page, contents in read.items():
        for link in contents.links:
            target = urllib.parse.urlparse(link)
            if target.scheme or target.netloc or link.startswith("javascript:"):
                continue
            file = (page.parent / urllib.parse.unquote(target.path)).resolve() if target.path else page
            known = file not in read or not target.fragment or target.fragment in read[file].anchors
            if not file.is_file() or not known:
                yield f"{page.name} leads to {link}, which is not there"


shutil.rmtree(folder / "html", ignore_errors=True)
folder.mkdir(parents=True, exist_ok=True)
settings = (top / "docs" / "Doxyfile").read_text(encoding="utf-8") + f'\nOUTPUT_DIRECTORY = "{folder}"\n'
done = subprocess.run(["doxygen", "-"], input=settings, cwd=top, capture_output=True, text=True)
faults = [line for line in (done.stdout + done.stderr).split("\n") if line.strip()]
if done.returncode != 0:
    faults.append(f"doxygen ended with {done.returncode}")
pages = sorted((folder / "html").glob("*.html"))
names = {page.name for page in pages}
groups = (top / "docs" / "groups.dox").read_text(encoding="utf-8")
for header in sorted(path for part in ("autodiff", "nn", "ntk") for path in (top / part).rglob("*.hpp")):
    group = str(header.relative_to(top).with_suffix("")).replace("/", "_").replace("_", "__")
    if "namespace xtangent" in header.read_text(encoding="utf-8") and f"group__{group}.html" not in names:
        faults.append(f"no page shows {header.relative_to(top)}")
    folder_group = str(header.relative_to(top).parent).replace("/", "_")
    if f"@defgroup {folder_group} " not in groups:
        faults.append(f"docs/groups.dox has no group {folder_group}, the folder of {header.relative_to(top)}")
faults += sorted(set(dead_links(pages)))
print("\n".join(faults) or f"{len(pages)} pages: {folder / 'html' / 'index.html'}")
sys.exit(bool(faults))

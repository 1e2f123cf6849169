"""Make the site of lessons, guides and reference in outputs/docs/: what `make docs` does.

The pages are gathered in build/docs/ as they lie in the project, so that their links to each other hold; those of the
reference are written there. Warnings are errors, and at the end every link inside the site is followed.
"""

from __future__ import annotations

import argparse
import ast
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).parents[1]
PACKAGE = "draganything_lab"
GATHERED = (
    "README.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "docs/*.md",
    "docs/images/**/*",
    "notebooks/*.ipynb",
    f"{PACKAGE}/weights/*/README.md",
    f"{PACKAGE}/weights/*/*.png",
    f"{PACKAGE}/weights/NOTICE",
)
ROOMS = """
    media scene toyland models segment control pipeline tracking motion show evaluate training studio lessons gallery
"""
COPY = re.compile(rb"\(data:image/png;base64,[A-Za-z0-9+/=]+\)")  # of the studio's picture, in every notebook
GALLERY = ROOT / "outputs" / "gallery"
SEE = (
    '**To see it first:** the <a href="gallery/index.html">gallery</a> shows what the method does, with every video '
    "generated and measured by the small weights."
)
UNTOLD = {"cli"}  # `draganything-lab --help` tells it.


def main(site: Path, source: Path, make: bool = False) -> int:
    """Build the site; return how it went.

    Args:
        site: Where it goes.
        source: Where its pages are gathered.
        make: Whether to make the gallery, where it is not up to date; without it the site has one only if it is.
    """
    from sphinx.cmd.build import build_main

    gallery = ready_gallery(make)
    gather(source, gallery is not None)
    words = ["-W", "--keep-going", "-q", "-E", "-b", "html", "-c", str(ROOT / "docs"), "-d", str(source) + ".trees"]
    code = build_main([*words, str(source), str(site)])  # -E: a page that is not read again would not warn again.
    shutil.copytree(source / "docs" / "images", site / "docs" / "images", dirs_exist_ok=True)  # for HTML in Markdown
    if gallery is not None:
        add_gallery(gallery, site / "gallery")
    faults = [] if code else broken(site)
    print("\n".join(faults) or f"{'Faults, see above' if code else 'Ready'}: {site}/index.html")
    return code or bool(faults)


def ready_gallery(make: bool) -> Path | None:
    """The folder of the gallery, if it is up to date or may be made; says which."""
    from draganything_lab.gallery import Settings, make_gallery, up_to_date

    if up_to_date(Settings(), GALLERY):
        print(f"Gallery: up to date, from {GALLERY.relative_to(ROOT)}/")
        return GALLERY
    if not make:
        print("Gallery: left out, because it is not up to date; `make docs` makes it")
        return None
    print("Gallery: making what is missing, up to 15 minutes")
    made = make_gallery(Settings(), GALLERY)
    print(f"Gallery: {made.new} results made, {made.bytes / 1e6:.1f} MB")
    return GALLERY


def add_gallery(folder: Path, target: Path) -> None:
    """Copy the gallery into the site, where its names of lessons and functions are links."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("made.json"))
    page = target / "index.html"
    page.write_text(page.read_text(encoding="utf-8").replace(' data-href="', ' href="../'), encoding="utf-8")


def gather(target: Path, gallery: bool = False) -> None:
    """Put every page of the site into a folder, and nothing else; what has not changed keeps its time."""
    wanted: dict[Path, bytes] = {}
    for pattern in GATHERED:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file():
                wanted[path.relative_to(ROOT)] = COPY.sub(b"(../docs/images/studio.png)", path.read_bytes())
    front = wanted.pop(Path("docs/index.md")).decode()
    wanted[Path("index.md")] = (
        front.replace("{{lessons}}", lessons_table()).replace("{{gallery}}", SEE if gallery else "").encode()
    )
    wanted |= {Path("api") / name: text.encode() for name, text in reference().items()}
    for path in [path for path in target.rglob("*") if path.is_file() and path.relative_to(target) not in wanted]:
        path.unlink()
    for name, content in wanted.items():
        path = target / name
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def lessons() -> list[Path]:
    """The sources of the lessons, in order."""
    every = sorted((ROOT / "lessons").glob("[0-9][0-9]_*.py"))
    return [path for path in every if (ROOT / "notebooks" / f"{path.stem}.ipynb").is_file()]


def lessons_table() -> str:
    """The lessons with their summaries, as their sources say."""
    rows = ["| | | |", "|---|---|---|"]
    for path in lessons():
        head = dict(re.findall(r"^# (\w+): (.+)$", path.read_text().partition("# %%")[0], re.M))
        rows.append(f"| {int(path.stem[:2])} | [{head['title']}](notebooks/{path.stem}.ipynb) | {head['summary']} |")
    return "\n".join(rows)


def reference() -> dict[str, str]:
    """The pages of the reference by file name: one for each room of the package, and their index."""
    names = ["errors", *ROOMS.split()]
    index = ["Reference", "=========", "", "Every room, in the order in which a drag becomes a video.", ""]
    index += [f":doc:`{name}`\n   {summary(name)}\n" for name in names]
    index += ["", ".. toctree::", "   :hidden:", "", *(f"   {name}" for name in names)]
    return {"index.rst": "\n".join(index) + "\n", **{f"{name}.rst": page(name) for name in names}}


def page(name: str) -> str:
    """One page of the reference: what a room hands on, then what its modules hold beyond that."""
    text = f"{name}\n{'=' * len(name)}\n\n"
    used = taught().get(name, [])
    if used:
        links = ", ".join(f":doc:`{int(stem[:2])} </notebooks/{stem}>`" for stem in used)
        text += f"*In the lessons:* {links}\n\n"
    text += f".. automodule:: {PACKAGE}.{name}\n"
    folder = ROOT / PACKAGE / name
    for path in sorted(folder.rglob("*.py")):
        if path.name in ("__init__.py", "__main__.py"):
            continue
        title = path.relative_to(folder).with_suffix("").as_posix().replace("/", ".")
        text += f"\n{title}\n{'-' * len(title)}\n\n.. automodule:: {PACKAGE}.{name}.{title}\n   :ignore-module-all:\n"
        told = sorted({word for package in _packages(path.parent, folder) for word in handed_on(package)})
        text += f"   :exclude-members: {', '.join(told)}\n" if told else ""
        text += "   :no-index:\n" if path.stem in handed_on(path.parent) else ""  # a function has the same address
    return text


def _packages(folder: Path, top: Path) -> list[Path]:
    """A folder and those around it, up to a room."""
    return [folder, *(parent for parent in folder.parents if parent.is_relative_to(top))]


def handed_on(folder: Path) -> list[str]:
    """The `__all__` of a package."""
    for node in ast.parse((folder / "__init__.py").read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def summary(name: str) -> str:
    """The first sentence of a module's docstring."""
    path = ROOT / PACKAGE / f"{name}.py"
    text = (path if path.is_file() else ROOT / PACKAGE / name / "__init__.py").read_text()
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n\n")[0].replace("\n", " ")


def taught() -> dict[str, list[str]]:
    """Which lessons import from which room."""
    found: dict[str, list[str]] = {}
    home = _homes()
    for path in lessons():
        text = path.read_text()
        names = set(re.findall(rf"from {PACKAGE}\.(\w+)", text))
        for line in re.findall(rf"from {PACKAGE} import (.+)", text):
            names |= {home.get(name, name) for name in re.findall(r"\w+", line)}
        for name in names:
            found.setdefault(name, []).append(path.stem)
    return found


def _homes() -> dict[str, str]:
    """Which room each public name of the package comes from."""
    tree = ast.parse((ROOT / PACKAGE / "__init__.py").read_text())
    steps = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return {alias.name: node.module for node in steps for alias in node.names}


class _Page(HTMLParser):
    """The links of a page, and the places in it that links can name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name in ("id", "name") and value:
                self.places.add(value)


def broken(site: Path) -> list[str]:
    """Every link inside a site that leads nowhere, in words."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    faults = []
    for path, found in pages.items():
        for link in found.links:
            if re.match(r"[a-z]+:|//", link):
                continue
            file, _, place = link.partition("#")
            target = (path.parent / unquote(file.partition("?")[0])).resolve() if file else path
            if not target.exists():
                faults.append(f"{path.relative_to(site)}: {link} leads nowhere")
            elif place and target in pages and unquote(place) not in pages[target].places:
                faults.append(f"{path.relative_to(site)}: {link} names a place that is not there")
    return faults


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Build the site.")
    parser.add_argument("site", nargs="?", type=Path, default=ROOT / "outputs" / "docs")
    parser.add_argument("source", nargs="?", type=Path, default=ROOT / "build" / "docs")
    parser.add_argument("--gallery", action="store_true", help="make the gallery, where it is not up to date")
    args = parser.parse_args()
    sys.exit(main(args.site, args.source, args.gallery))

"""The project's texts stay plain English: patterns that a reader stumbles over are found and named."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EVERYWHERE = ("README.md", "CONTRIBUTING.md", "docs", "lessons", "draganything_lab", "tools")
UNIT = (
    "(batch|cell|channel|clip|command|draw|entity|exercise|frame|lesson|line|minute|module|object|picture|pixel|point|"
    "process|row|scene|second|side|size|stage|step|thing|token|video|visitor|world)"
)
COUNTED = (
    "(bytes|channels|clips|draws|frames|labels|lines|minutes|numbers|operations|pictures|pixels|points|positions|rows|"
    "samples|scenes|seconds|steps|values|vectors|videos)"
)
# What we do not write: a pattern, what to write instead, and an example that it finds.
PATTERNS = {
    "is no": (
        r"(?<!\bthere )(?<!\bThere )\b(is|are|was|were) no (?!longer|more|less|fewer|other|one\b|\w+er than)\w+",
        "X is not a Y",
        "boat.zip is no folder",
    ),
    "one a": (rf"\b(one|1) (?!(at|for|in|of|on|to|with) )\w+ an? {UNIT}\b", "one Y per Z", "one point a frame"),
    "many a": (rf"\b{COUNTED} an? {UNIT}\b", "Y per Z", "65 tera operations a second"),
    "is to": (
        r"\b(is|are|was|were) to (appear|be|come|do|follow|go|have|lie|move|reach|stand|stay|stop)\b",
        "should, target",
        "where the boat is to be",
    ),
    "of": (
        r"^ *\*{0,2}[a-z]\w*(, \w+)*( \(.*?\))?: Of ",
        "a noun phrase: Data type of weights",
        "  dtype: Of weights.",
    ),
    "inverted": (
        r"(^|[.:;] )(Asked for|Counted|Known|Looked through|Trained on|Tried|Written) (is|are|was|were)\b",
        "the subject first",
        "Looked through are the folders",
    ),
    "mend": (r"\b[Mm]end(s|ed|ing)?\b", "fix", "To mend: ffmpeg."),
    "asked": (
        r"\b(asks? nothing of|asked of (it|them|which)|of which (some|any|no)thing is asked)\b",
        "controlled, uncontrolled, the target",
        "nothing is asked of it",
    ),
    "a word": (
        r"(?<!begins )\bwith(out)? a word\b",
        "with or without a warning; silently",
        "it is skipped without a word",
    ),
    "so many": (
        r"\bfrom which on\b|\bat most so many\b|\bso long (a|an|the)\b",
        "at least, at most N",
        "at most so many",
    ),
    "again": (r"\b([Mm]ake|[Gg]et|[Ff]etch) (it|them) again\b", "re-create, download it again", "make it again"),
    "said first": (r"\bsaid first\b", "prints the licence first", "sizes are said first"),
    "is none": (r"(?<!\bthere )\b(is|are|was) none([.,;:)]|$)", "not a Y, invalid", "or one of them is none."),
    "fragment": (r"^(Likewise|In words|Do it)[.;]", "a sentence", "In words."),
}
# An object is an object; "things" are Toyland's, and those of the measures that know its truth.
THING = r"\b([Aa]|[Ee]ach|[Ee]very|[Tt]he|dragged|large|moving|small) (?!real|same)things?\b"
OF_OBJECTS = ("README.md", "docs", "lessons", "draganything_lab/cli", "draganything_lab/lessons")


@cache
def texts(path: Path) -> tuple[tuple[int, str], ...]:
    """The paragraphs of a page, or of a module's strings and comments, each with the number of its line."""
    return tuple(_texts(path))


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield from paragraphs(1, source)
        return
    inside: set[int] = set()  # the parts of f-strings
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in node.values}
            parts = (part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
            yield from paragraphs(node.lineno, "".join(map(str, parts)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield from paragraphs(node.lineno, node.value)
    lines = [""] * (source.count("\n") + 2)  # comments where they stand, and nothing else
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            lines[token.start[0]] = token.string.lstrip("#")
    yield from paragraphs(0, "\n".join(lines))


def paragraphs(first: int, text: str) -> Iterator[tuple[int, str]]:
    """A text without its code, cut at its blank lines."""
    blank = "\n".join
    text = re.sub(r"^ *```.*?^ *```", lambda code: blank([""] * (code[0].count("\n") + 1)), text, flags=re.M | re.S)
    text = re.sub(r"`[^`]*`", lambda code: "code" + "\n" * code[0].count("\n"), text)
    line = first
    for part in re.split(r"(\n(?:[ \t]*\n)+)", text):
        if part.strip():
            yield line, part
        line += part.count("\n")


def found(pattern: str, places: Iterable[str], *, lines: bool = False) -> list[str]:
    """Where a pattern stands: in single lines, or in whole paragraphs however they are wrapped."""
    roots = [ROOT / place for place in places]
    inside = (path for root in roots for path in ([root] if root.is_file() else sorted(root.rglob("*"))))
    hits = []
    for path in inside:
        if path.suffix not in (".py", ".md"):
            continue
        for line, text in texts(path):
            hits += [
                f"{path.relative_to(ROOT)}:{line}: {hit[0].strip()}"
                for part in (text.splitlines() if lines else [" ".join(text.split())])
                for hit in re.finditer(pattern, part)
            ]
    return hits


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_that_we_do_not_write(name: str) -> None:
    pattern, better, _ = PATTERNS[name]
    hits = found(pattern, EVERYWHERE, lines=name == "of")
    assert not hits, f"write: {better}\n" + "\n".join(hits)


def test_an_object_is_an_object() -> None:
    hits = found(THING, OF_OBJECTS)
    assert not hits, "write: object\n" + "\n".join(hits)


@pytest.mark.parametrize("name", PATTERNS)
def test_each_pattern_finds_its_example_and_leaves_plain_sentences_alone(name: str) -> None:
    pattern, _, example = PATTERNS[name]
    assert re.search(pattern, example)
    for plain in (
        "There is no network.",
        "The view takes a frame, and the list is no longer than a row.",
        "Where the boat should be is known; the task of each stage is to find what is asked for.",
        "    dtype: Data type of the weights.",
        "None of them is trained on artwork.",
    ):
        assert not re.search(pattern, plain)

"""Bring the catalogues of what is said in Chinese up to date with the code: ``make languages``.

What the page's scripts and templates say is found by ``page_sentences.py``. What Python says is found where it is said
(``say``, ``say_many``, ``Told``, ``told`` and errors with words of their own), and in the tables of sentences that
modules mark with ``told``.
"""

import ast
import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from page_sentences import page_sentences

import kling_ui
from kling_ui.corrections import JOINTS
from kling_ui.languages import Told
from kling_ui.media.signatures import OTHER_NAMES
from kling_ui.runs.supervisor import _NUMBERS
from kling_ui.scoring.limbs import LIMBS

ROOT = Path(__file__).parents[1]
SERVER, PAGE = ROOT / "assets/languages/zh_CN/server.po", ROOT / "assets/languages/zh_CN/page.po"
UNKNOWN = ("-Date: ", "Generated-By", "Report-Msgid-Bugs-To", "Last-Translator", "Language-Team", "Project-Id-Version")
# Who speaks to people on the page. All else speaks to programs, to a terminal or to whoever runs the app.
SPEAKING = ("presentation", "ui", "scoring", "runs", "api", "media", "checks", "preview", "vision", "takeaway")
SPEAKING_MODULES = ("corrections", "errors", "languages", "quotas", "pauses", "workers", "work_limits")
SILENT = ("ui.programs", "presentation.request_code", "runs.export", "ui.web.metrics", "runs.publishing.public_files")
SAYING = {"say": 1, "say_many": 2, "Told": 1, "told": 1, "joined": 1, "retell": 1, "_Meaning": 2}
NO_ERRORS = frozenset(
    {"AssertionError", "SettingsError", "ValueError", "TypeError", "RuntimeError", "FileNotFoundError", "LookupError"}
)
PLACE = re.compile(r"\{\w*(?::[^{}]*)?\}")
NAMED = frozenset(
    {"reason", "words", "message", "advice", "limit", "why", "one", "many"}
)  # variables that hold what is told
CODES = frozenset({"px", "%", "s"})


# What is said in the places of sentences, and comes from where nobody speaks.
EDGES, SHAPES, UNITS = ("left", "top", "right", "bottom"), ("portrait", "landscape", "square"), ("second", "run")
KINDS = (
    *OTHER_NAMES.values(),
    "which cannot be read here",
    "not a picture",
    "passes over",
    "pictures of",
    "video",
    "image",
)
READERS = ("reference", "result", "prompt", "copies", "checks", "unknown reason", "the disk refused")
FACTS = (
    "format",
    "size",
    "file",
    "colours",
    "orientation",
    "transparency",
    "duration",
    "codec",
    "frame rate",
    "rotation",
)
REST = ("left lower leg", "right lower leg", "has not begun", "shows nobody who could be found", "is over")
REST += (
    "points at the camera, or is rarely visible in both at once",
    *_NUMBERS,
    "of your previews",
    "previews from your network address",
    "or cancel one",
    "which may be somebody else's",
)


def is_words(text: str) -> bool:
    """Tell words, and the marks that stand between them, from names of settings and from codes."""
    own = PLACE.sub("", text).strip()
    return bool(own) and not re.fullmatch(r"\w*_\w*|[“”]*", own) and own not in CODES


def modules() -> Iterator[str]:
    """Name the modules that speak to people on the page."""
    for found in pkgutil.walk_packages(kling_ui.__path__, "kling_ui."):
        short = found.name.removeprefix("kling_ui.")
        speaks = short.split(".")[0] in SPEAKING or short in SPEAKING_MODULES
        if speaks and not short.startswith(SILENT):
            yield found.name


def said_in(source: str) -> Iterator[str]:
    """Find what a module says where it says it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name.endswith("Error") and name not in NO_ERRORS:
                told = [*node.args[:1], *(given.value for given in node.keywords if given.arg == "advice")]
            else:
                told = node.args[: SAYING.get(name, 0)]
        elif isinstance(node, ast.Assign) and _names(node.targets[0]) & NAMED:
            told = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
        else:
            continue
        yield from (text for given in told for text in _literals(given))


def _names(target: ast.expr) -> set[str]:
    parts = target.elts if isinstance(target, ast.Tuple) else [target]
    return {part.id for part in parts if isinstance(part, ast.Name)}


def _literals(node: ast.expr) -> Iterator[str]:
    """Give the texts that an argument may be: one, or either side of a choice."""
    if isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def told_by(value: object) -> Iterator[str]:
    """Find the sentences in a constant of a module."""
    if isinstance(value, Told):
        yield value.sentence
        yield from (one for part in value.values.values() for one in told_by(part))
    elif isinstance(value, dict):
        yield from (one for part in value.values() for one in told_by(part))
    elif isinstance(value, tuple | list):
        yield from (one for part in value for one in told_by(part))


def server_sentences() -> list[str]:
    """Return what Python says to people on the page, in the order of modules."""
    found: dict[str, None] = {}
    for name in modules():
        module = importlib.import_module(name)
        source = Path(module.__file__ or "").read_text("utf-8")
        for sentence in said_in(source):
            found[sentence] = None
        constants = [value for key, value in vars(module).items() if key.isupper() or key.startswith("_")]
        classes = [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == name]
        for value in [*constants, *(list(vars(one).values()) for one in classes)]:
            for sentence in told_by(value):
                found[sentence] = None
    names = [
        *JOINTS,
        *LIMBS,
        *(name.capitalize() for name in (*JOINTS, *LIMBS, *FACTS)),
        *EDGES,
        *SHAPES,
        *UNITS,
        *KINDS,
        *READERS,
        *REST,
    ]
    return [sentence for sentence in dict.fromkeys([*found, *names]) if is_words(sentence)]


def updated(sentences: list[str], catalogue: Path) -> bytes:
    """Return a catalogue with these sentences, in their order, translated as far as it was."""
    with catalogue.open("rb") as file:
        known = {str(message.id): message for message in read_po(file, locale="zh_CN") if message.id}
    fresh = Catalog(locale="zh_CN", fuzzy=False, header_comment="# What the page says, in Simplified Chinese.")
    for sentence in sentences:
        old = known.get(sentence)
        fresh.add(sentence, old.string if old else "", flags=["python-brace-format"] if PLACE.search(sentence) else [])
    written = BytesIO()
    write_po(written, fresh, omit_header=False, width=100)
    lines = written.getvalue().decode().splitlines(keepends=True)
    return "".join(line for line in lines if not any(name in line for name in UNKNOWN)).encode()


def main() -> int:
    """Write the catalogues, and tell how many sentences have no translation."""
    for path, sentences in ((SERVER, server_sentences()), (PAGE, page_sentences())):
        path.write_bytes(updated(sentences, path))
        with path.open("rb") as file:
            missing = sum(1 for message in read_po(file) if message.id and not message.string)
        print(f"{path.relative_to(ROOT)}: {missing} sentences without a translation")
    return 0


if __name__ == "__main__":
    sys.exit(main())

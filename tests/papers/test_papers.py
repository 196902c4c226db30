"""The papers keep their word: what they link to exists, what they show can be typed or run, what they name is there."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shutil import copyfile
from urllib.parse import unquote, urlsplit

import pytest
import typer.main
from markdown_it import MarkdownIt
from markdown_it.token import Token
from typer.testing import CliRunner

from kling_ui import quotas, settings
from kling_ui.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAPERS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
GUIDES = [ROOT / "docs" / "python.md", ROOT / "docs" / "batch.md"]
NOT_RUN = "norun"  # ```python norun: shown and compiled only, because it costs money or never ends
EXAMPLES = {"me.png": "character-full-body.png", "dance.mp4": "dance-full-body.mp4"}  # what the papers call them
UNREADABLE = "a line that no shell understands"
DIAGRAMS = re.compile(
    r"(flowchart|graph|sequenceDiagram|classDiagram|stateDiagram|stateDiagram-v2|erDiagram|gantt|pie|mindmap|timeline"
    r"|journey|gitGraph|quadrantChart|requirementDiagram|block-beta|C4Context)"
)


@dataclass(frozen=True)
class Paper:
    """A Markdown file inside a project that begins at ``root``."""

    path: Path
    root: Path = ROOT

    @cached_property
    def text(self) -> str:
        """Without front matter, in whose place empty lines stand."""
        text = self.path.read_text(encoding="utf-8")
        front = re.match(r"---\n.*?\n---\n", text, re.DOTALL)
        return "\n" * front[0].count("\n") + text[front.end() :] if front else text

    @cached_property
    def tokens(self) -> list[Token]:
        """All tokens, those inside of lines too."""
        blocks = MarkdownIt("commonmark").enable("table").parse(self.text)
        return [token for block in blocks for token in (block, *(block.children or ()))]

    def fences(self, *languages: str) -> Iterator[tuple[int, str, str]]:
        """The first line, the words after the language and the code of every block in one of the languages."""
        for token in self.tokens:
            language, _, marks = token.info.partition(" ")
            if token.type == "fence" and language in languages and token.map is not None:
                yield token.map[0] + 2, marks, token.content

    @cached_property
    def anchors(self) -> set[str]:
        """What ``#...`` may name: headings as GitHub spells them, and ids of HTML."""
        titles = [self.tokens[n + 1] for n, token in enumerate(self.tokens) if token.type == "heading_open"]
        found = set(_attributes(self.tokens, "id", "name"))
        for title in titles:
            words = "".join(part.content for part in title.children or ())
            slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            repeated = sum(re.fullmatch(rf"{re.escape(slug)}(-\d+)?", anchor) is not None for anchor in found)
            found.add(f"{slug}-{repeated}" if slug in found else slug)
        return found

    @property
    def targets(self) -> list[str]:
        """Everything that is linked to or shown."""
        named = [token.attrs.get("href", token.attrs.get("src")) for token in self.tokens]
        return [*(str(target) for target in named if target is not None), *_attributes(self.tokens, "href", "src")]


def _attributes(tokens: list[Token], *names: str) -> list[str]:
    html = " ".join(token.content for token in tokens if token.type in {"html_block", "html_inline"})
    return re.findall(rf"""\b(?:{"|".join(names)})\s*=\s*["']([^"']*)["']""", html)


# --- the checks: each returns what is wrong with a paper --------------------------------------------------------------


def dead_links(paper: Paper) -> list[str]:
    undefined = [
        f"{found[0]} is defined nowhere"
        for token in paper.tokens
        if token.type == "text" and (found := re.search(r"\[[^\]]+\]\[[^\]]*\]", token.content))
    ]
    return undefined + [fault for target in paper.targets if (fault := _fault_of_link(paper, target))]


def _fault_of_link(paper: Paper, target: str) -> str:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return "" if _is_well_formed(target) else f"{target} is no well-formed https address"
    path = (paper.path.parent / unquote(parts.path)).resolve() if parts.path else paper.path
    if parts.path.startswith("/") or not path.exists() or not path.is_relative_to(paper.root):
        return f"{target} leads nowhere in this project"
    if not parts.fragment:
        return ""
    anchors = Paper(path, paper.root).anchors if path.suffix == ".md" else set()
    return "" if unquote(parts.fragment) in anchors else f"{target}: there is no such heading"


def _is_well_formed(url: str) -> bool:
    name = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
    return re.fullmatch(rf"https://(?:{name}\.)+[a-z]{{2,}}(?::\d+)?(?:[/?#][^\s<>\"\\{{}}|^`]*)?", url) is not None


def broken_python(paper: Paper) -> list[str]:
    faults = []
    for line, _, code in paper.fences("python", "py"):
        try:
            compile("\n" * (line - 1) + code, paper.path.name, "exec")
        except (SyntaxError, ValueError) as error:
            faults.append(f"line {line}: {error}")
    return faults


def impossible_commands(paper: Paper) -> list[str]:
    spans = [token.content for token in paper.tokens if token.type == "code_inline"]
    shown = [code for _, _, code in paper.fences("sh", "bash", "shell", "console")]
    shown += [span for span in spans if re.match(r"make |kling-ui |uv run |python -m kling_ui", span)]
    return [fault for code in shown for words in _commands(code) if (fault := _fault_of_command(words, paper.root))]


def _commands(code: str) -> Iterator[list[str]]:
    """The commands of a block, in words: without comments, prompts, variables and ``uv run``."""
    for line in code.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError as error:
            words = [UNREADABLE, f"{line.strip()}: {error}"]
        command: list[str] = []
        for word in [*words, ";"]:
            if not set(word) <= set("();<>|&"):
                command.append(word)
            else:
                yield _bare(command)
                command = []


def _bare(words: list[str]) -> list[str]:
    words = list(words)
    while words and re.match(r"[A-Z_][A-Z0-9_]*=", words[0]):
        del words[0]
    if words[:2] == ["uv", "run"]:
        del words[:2]
        while words and words[0].startswith("-"):
            del words[0]
    if words[:3] == ["python", "-m", "kling_ui"]:
        words[:3] = ["kling-ui"]
    return words


def _fault_of_command(words: list[str], root: Path) -> str:
    if not words:
        return ""
    if words[0] == UNREADABLE:
        return words[1]
    if words[0] == "make":
        targets = set(re.findall(r"^([a-z][\w-]*):", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        asked = {word for word in words[1:] if not word.startswith("-") and "=" not in word}
        return f"make has no target {', '.join(sorted(asked - targets))}" if asked - targets else ""
    if words[0] == "kling-ui":
        # Help is given once all words were understood, and nothing else is done then. It must not come last, where an
        # option without its value would take it for one.
        called = [words[1]] if words[1:] and not words[1].startswith("-") else []
        answer = CliRunner().invoke(app, [*called, "--help", *words[1 + len(called) :]])
        return "" if answer.exit_code == 0 else f"{shlex.join(words)}: {answer.output.strip().splitlines()[-1]}"
    return f"there is no {words[0]}" if words[0].endswith(".py") and not (root / words[0]).is_file() else ""


def unknown_variables(paper: Paper) -> list[str]:
    named = set(re.findall(r"\b(?:KLING_UI|RUNCOMFY)(?:_[A-Z0-9]+)+\b", paper.text))
    return [f"{name} is read nowhere" for name in sorted(named - variables_of_settings() - variables_of_commands())]


def odd_diagrams(paper: Paper) -> list[str]:
    faults = []
    for line, _, code in paper.fences("mermaid"):
        without_front = re.sub(r"\A---\n.*?\n---\n", "", code, flags=re.DOTALL)
        words = re.sub(r"^\s*%%.*$", "", without_front, flags=re.MULTILINE).split()
        if not words or not DIAGRAMS.fullmatch(words[0]):
            faults.append(f"line {line}: no kind of diagram begins with {words[0] if words else 'nothing'}")
    return faults


CHECKS = (dead_links, broken_python, impossible_commands, unknown_variables, odd_diagrams)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_is_wrong_with_a_paper(path: Path, check: Callable[[Paper], list[str]]):
    assert check(Paper(path)) == []


def test_the_papers_are_found():
    assert {"README.md", "CHANGELOG.md", "docs/python.md", "docs/vendor_api.md"} <= {
        p.relative_to(ROOT).as_posix() for p in PAPERS
    }


# --- each check, shown a sound text and a planted fault ---------------------------------------------------------------

PLANTED = [
    (dead_links, "[a](other.md)", "[a](othr.md)", "leads nowhere"),
    (dead_links, "[a](../README.md)", "[a](../../README.md)", "leads nowhere"),
    (dead_links, "[a](other.md)", "[a](/docs/other.md)", "leads nowhere"),
    (dead_links, "[a](../kling_ui)", "[a](../kling-ui)", "leads nowhere"),
    (dead_links, "![a](a%20b.png)", "![a](a%20c.png)", "leads nowhere"),
    (dead_links, '<img src="a b.png">', '<img src="b.png">', "leads nowhere"),
    (dead_links, "[a][b]\n\n[b]: other.md", "[a][b]\n\n[c]: other.md", "defined nowhere"),
    (dead_links, "[a](other.md#1-a-heading-with-code)", "[a](other.md#1-a-heading)", "no such heading"),
    (dead_links, "[a](other.md#twice-1)", "[a](other.md#twice-2)", "no such heading"),
    (dead_links, "[a](other.md#by-hand)", "[a](other.md#byhand)", "no such heading"),
    (dead_links, "# Here\n[a](#here)", "# Here\n[a](#there)", "no such heading"),
    (dead_links, "[a](../Makefile)", "[a](../Makefile#L1)", "no such heading"),
    (dead_links, "[a](https://example.org/a?b=c#d)", "[a](http://example.org/a)", "well-formed"),
    (dead_links, "<https://example.org>", "<https://example>", "well-formed"),
    (dead_links, "[a](https://example.org)", "[a](https:/example.org)", "well-formed"),
    (dead_links, "[a](https://example.org)", "[a](https://me:secret@example.org)", "well-formed"),
    (dead_links, "[a](https://example.org)", "[a](//example.org)", "well-formed"),
    (broken_python, "```python\na = 1\n```", "```python\na = \n```", "line 2"),
    (broken_python, "- a\n\n  ```python\n  a = 1\n  ```", "- a\n\n  ```python\n    a = 1\n  ```", "unexpected indent"),
    (broken_python, "```python norun\na = 1\n```", "```python norun\na b\n```", "invalid syntax"),
    (impossible_commands, "```sh\nmake run ARGS=x\n```", "```sh\nmake rnu ARGS=x\n```", "no target rnu"),
    (impossible_commands, "Say `make run`.", "Say `make rnu`.", "no target rnu"),
    (impossible_commands, "```sh\nA=1 uv run app.py\n```", "```sh\nA=1 uv run ap.py\n```", "there is no ap.py"),
    (impossible_commands, "```sh\nkling-ui app  # a\n```", "```sh\nkling-ui ap  # a\n```", "ap"),
    (impossible_commands, "Say `kling-ui show`.", "Say `kling-ui shew`.", "shew"),
    (impossible_commands, "```sh\nkling-ui --version\n```", "```sh\nkling-ui --versio\n```", "--versio"),
    (
        impossible_commands,
        "```sh\ncd a && uv run kling-ui check --image \\\n  a.png --json > a.json\n```",
        "```sh\ncd a && uv run kling-ui check --image \\\n  a.png --jsn > a.json\n```",
        "--jsn",
    ),
    (impossible_commands, "`kling-ui preview-server --port 1`", "`kling-ui preview-server --token`", "--token"),
    (impossible_commands, "```sh\nkling-ui runs --limit 5\n```", "```sh\nkling-ui runs --limit\n```", "--limit"),
    (impossible_commands, '```sh\nkling-ui show "a"\n```', '```sh\nkling-ui show "a\n```', "No closing quotation"),
    (unknown_variables, "KLING_UI_PORT", "KLING_UI_PORTS", "KLING_UI_PORTS is read nowhere"),
    (unknown_variables, "```sh\nKLING_UI_HOST=a\n```", "```sh\nKLING_UI_HOTS=a\n```", "KLING_UI_HOTS is read nowhere"),
    (unknown_variables, "KLING_UI_PREVIEW_TOKEN", "KLING_UI_PREVIEW_TOKENS", "read nowhere"),
    (unknown_variables, "RUNCOMFY_TOKEN", "RUNCOMFY_TOKENS", "read nowhere"),
    (odd_diagrams, "```mermaid\n%% a\nflowchart LR\n```", "```mermaid\n%% a\nflow LR\n```", "no kind of diagram"),
    (odd_diagrams, "```mermaid\nsequenceDiagram\n```", "```mermaid\n```", "no kind of diagram"),
]


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Paper]:
    """Write a paper into a small project."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "kling_ui").mkdir()
    for name in ("README.md", "app.py", "docs/a b.png"):
        (tmp_path / name).touch()
    (tmp_path / "Makefile").write_text("A := b\nrun: ## Start\n\t@true\n")
    other = '# 1. A heading, with `code`!\n\n## Twice\n\n## Twice\n\n<a id="by-hand"></a>\n'
    (tmp_path / "docs" / "other.md").write_text(other)

    def write(text: str) -> Paper:
        path = tmp_path / "docs" / "paper.md"
        path.write_text(text)
        return Paper(path, tmp_path)

    return write


@pytest.mark.parametrize(("check", "sound", "planted", "words"), PLANTED)
def test_a_planted_fault_is_found(written, check, sound, planted, words):
    assert check(written(sound)) == []
    (fault,) = check(written(planted))
    assert words in fault


def test_front_matter_is_no_text_and_keeps_the_count_of_lines(written):
    paper = written("---\ntitle: a\n---\n# B\n\n```python\na = \n```\n")
    assert paper.anchors == {"b"}
    assert [line for line, _, _ in paper.fences("python")] == [7]


# --- the settings -----------------------------------------------------------------------------------------------------


def variables_of_settings() -> set[str]:
    """Every variable that the settings name, in their documentation or where they are read."""
    source = "".join(Path(str(module.__file__)).read_text(encoding="utf-8") for module in (settings, quotas))
    named = re.findall(r"\b(?:KLING_UI|RUNCOMFY|SPACE|OAUTH|OPENID)(?:_[A-Z0-9]+)+\b", source)
    return {name for name in named if not hasattr(settings, name)}


def variables_of_commands() -> set[str]:
    """Every variable that an option of the command line reads."""
    commands = vars(typer.main.get_command(app))["commands"]
    parameters = [parameter for command in commands.values() for parameter in command.params]
    return {str(parameter.envvar) for parameter in parameters if parameter.envvar}


def variables_in_table(paper: Paper) -> set[str]:
    """The names in the first column of the settings table."""
    _, _, below = paper.text.partition("\n## Settings\n")
    rows = re.findall(r"^\| (.*?) \|", below.partition("\n## ")[0], re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([A-Z0-9_]+)`", row)}


def test_every_variable_stands_in_the_settings_table():
    variables = variables_of_settings() | variables_of_commands()
    assert len(variables) >= 30, "the settings are not read any more"
    assert variables - variables_in_table(Paper(ROOT / "README.md")) == set()


def test_a_missing_row_is_found(written):
    text = "\n## Settings\n\n| variable | what |\n| --- | --- |\n| `A_B`, or `C` | a `D` |\n\n## More\n\n| `E` | f |\n"
    assert variables_in_table(written(text)) == {"A_B", "C"}
    readme = Paper(ROOT / "README.md")
    without = written(re.sub(r"\| `KLING_UI_KEEP_DAYS` .*\n", "", readme.text))
    assert variables_in_table(readme) - variables_in_table(without) == {"KLING_UI_KEEP_DAYS"}


# --- the guides with Python: their blocks are run, one after the other, as one program --------------------------------

_PROGRAM = """
import json, sys
path, blocks = json.load(sys.stdin)
names = {"__name__": "__main__"}
for line, code in blocks:
    exec(compile("\\n" * (line - 1) + code, path, "exec"), names)
"""


def run_blocks(paper: Paper, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a paper's Python in a folder that has the examples; every block knows the names of those before it."""
    for name, example in EXAMPLES.items():
        copyfile(ROOT / "assets" / "examples" / example, folder / name)
    blocks = [(line, code) for line, marks, code in paper.fences("python", "py") if NOT_RUN not in marks.split()]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("KLING_UI_", "RUNCOMFY_"))}
    env |= {"KLING_UI_DATA_DIR": str(folder / "data"), "KLING_UI_WORKERS": "1"}
    said = json.dumps([str(paper.path), blocks])
    command = [sys.executable, "-c", _PROGRAM]
    return subprocess.run(
        command, input=said, env=env, cwd=folder, capture_output=True, text=True, timeout=500, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_the_python_of_a_guide_runs(tmp_path, guide):
    done = run_blocks(Paper(guide), tmp_path)
    assert done.returncode == 0, done.stderr


def test_blocks_run_together_in_a_folder_with_the_examples(written, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    text = "```python\nfrom pathlib import Path\n```\n\n```python norun\n1 / 0\n```\n\n```python\n{}\n```\n"
    sound = run_blocks(written(text.format("print(Path('me.png').stat().st_size > 0, Path.cwd().name)")), folder)
    assert (sound.returncode, sound.stdout) == (0, "True elsewhere\n"), sound.stderr
    planted = run_blocks(written(text.format("print(Path('not-there.png').stat())")), folder)
    assert planted.returncode == 1
    assert "paper.md" in planted.stderr
    assert "line 10" in planted.stderr

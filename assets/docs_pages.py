"""What the site of the documentation needs besides the pages in ``docs/``: the papers that lie beside the code.

MkDocs calls these functions by their names (its "hooks"). The pages are written to be read where they lie, so links
that leave ``docs/`` are turned to where the site has the same paper, and to nothing where it has none.
"""

import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
PAPERS = {
    "README.md": "project/readme.md",
    "ARCHITECTURE.md": "project/architecture.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "CHANGELOG.md": "project/changelog.md",
}
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the papers beside the code to the site."""
    for name, place in PAPERS.items():
        text = re.sub(r"\A---\n.*?\n---\n", "", (ROOT / name).read_text("utf-8"), flags=re.DOTALL)
        files.append(File.generated(config, place, content=_turned(text, ROOT / name, PurePosixPath(place))))
    files.append(File.generated(config, "assets/screenshot.png", abs_src_path=str(ROOT / "assets" / "screenshot.png")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn the links of a page that lies in ``docs/``."""
    if page.file.generated_by:
        return markdown
    return _turned(markdown, ROOT / "docs" / page.file.src_uri, PurePosixPath(page.file.src_uri))


def _turned(text: str, source: Path, place: PurePosixPath) -> str:
    def turned(link: re.Match[str]) -> str:
        target, _, anchor = link[3].partition("#")
        if not target or ":" in target:
            return link[0]
        path = (source.parent / target).resolve()
        inside = _place_of(path)
        if inside is None:
            return link[2]
        way = "../" * (len(place.parts) - 1) + inside
        return f"{link[1]}[{link[2]}]({way}{'#' if anchor else ''}{anchor})"

    return _LINK.sub(turned, text)


def _place_of(path: Path) -> str | None:
    """Where the site has a file; ``None`` where it has not."""
    if path.is_relative_to(ROOT / "docs"):
        return path.relative_to(ROOT / "docs").as_posix()
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
    return PAPERS.get(name) or (name if name == "assets/screenshot.png" else None)

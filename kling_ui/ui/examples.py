"""Where the page's styles, scripts and examples lie: inside the package when installed, beside it in a checkout."""

import filecmp
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kling_ui.languages import told
from kling_ui.options import Orientation, TransferOptions
from kling_ui.ui.web.signed_files import SignedFiles

_PACKAGE = Path(__file__).resolve().parents[1]


def asset(name: str) -> Path:
    """Find an asset by its path below ``assets/``.

    Raises:
        FileNotFoundError: It is neither in the installed package nor in the checkout.
    """
    for folder in (_PACKAGE / "assets", _PACKAGE.parent / "assets"):
        if (path := folder / name).exists():
            return path
    raise FileNotFoundError(f"The asset {name} is missing from this installation.")


@dataclass(frozen=True, slots=True)
class Example:
    """One ready pair.

    Attributes:
        key: Its name in addresses and events.
        title: What a person reads.
        image: File name of the character image.
        video: File name of the reference video.
        choice: The settings that suit it; the orientation is the one that the checks advise.
    """

    key: str
    title: str
    image: str
    video: str
    choice: TransferOptions


EXAMPLES = (
    Example(
        "dance",
        told("Full body, dancing"),
        "character-full-body.png",
        "dance-full-body.mp4",
        TransferOptions("A woman in a yellow jacket dancing on a terrace, bright daylight", Orientation.VIDEO),
    ),
    Example(
        "gesture",
        told("Upper body, talking hands"),
        "character-upper-body.png",
        "gesture-upper-body.mp4",
        TransferOptions("A man in a green hoodie explaining something, soft daylight", Orientation.VIDEO),
    ),
)


PREPARED = "prepared.json"  # what was measured of the preview that was drawn beforehand of the first example


@dataclass(frozen=True, slots=True)
class PreparedResult:
    """A finished preview of an example, drawn and scored by ``assets/make_examples.py``; nobody's run.

    Attributes:
        example: What it was made of.
        result: File name of the video.
        width_px: Its width.
        height_px: Its height.
        fps: Its frames a second.
        duration_s: Its length.
        motion: What was measured of it, as of the result of a run.
    """

    example: Example
    result: str
    width_px: int
    height_px: int
    fps: float
    duration_s: float
    motion: Mapping[str, Any]


def prepared_result() -> PreparedResult:
    """Give the result that stands on the page before anybody has done anything."""
    kept = json.loads(asset(f"examples/{PREPARED}").read_text("utf-8"))
    measures = {name: kept[name] for name in ("result", "width_px", "height_px", "fps", "duration_s", "motion")}
    return PreparedResult(example=example_of(kept["example"]), **measures)


def small_name(name: str) -> str:
    """Name the small picture of a file, which a button shows: on a slow network the files themselves take long."""
    return f"{Path(name).stem}-small.jpg"


def keep_examples(folder: Path) -> None:
    """Copy the shipped files to where the page may show them; what is there already stays."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {name for example in EXAMPLES for name in (example.image, example.video)}
    for name in files | {small_name(name) for name in files} | {prepared_result().result}:
        source, target = asset(f"examples/{name}"), folder / name
        if not target.exists() or not filecmp.cmp(source, target, shallow=False):
            shutil.copyfile(source, target)


def keep_analyses(folder: Path) -> None:
    """Copy what was found in the examples to where analyses are kept, so that nobody waits for it to be found anew.

    Analyses of another version, which ``assets/make_examples.py`` has not renewed yet, are not found there and do no
    harm: then the examples are analysed at the first start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for source in asset("examples/analyses").iterdir():
        if not (target := folder / source.name).exists():
            shutil.copyfile(source, target)


def example_of(key: object) -> Example:
    """Give the example of that name, or the first one."""
    return next((example for example in EXAMPLES if example.key == key), EXAMPLES[0])


def example_pairs(signed_files: SignedFiles, folder: Path) -> list[dict[str, str]]:
    """Describe the examples for the row of them."""
    return [
        {
            "id": example.key,
            "title": example.title,
            "image": signed_files.url(folder / small_name(example.image)),
            "video": signed_files.url(folder / small_name(example.video)),
        }
        for example in EXAMPLES
    ]

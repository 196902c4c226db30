"""Draw the examples that the page shows: two characters and two clips, and analyse them. Deterministic.

Run ``uv run assets/make_examples.py``; it writes into ``assets/examples/`` and takes about a minute. With
``--analyses`` it only analyses what is there, and draws and scores the preview that a visitor sees on arrival: due
whenever ``VERSION`` in ``kling_ui/vision/analysis.py`` was raised. ``--prepared`` renews that preview alone: due when
previews have come to look otherwise.
"""

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from figure import DANCE_S, GESTURE_S, Actor, Camera, Scene, dance, gesture, offering, tune, write_clip, write_still
from figure.cast import DANCER, MAYA, THEO
from PIL import Image

from kling_ui.media.encode import X264_OPTIONS, ClipWriter
from kling_ui.media.files import content_sha256
from kling_ui.media.image import read_picture
from kling_ui.media.probe import probe_video
from kling_ui.media.video import read_frames
from kling_ui.puppet.render import render_preview
from kling_ui.scoring.compare import keep_track, match_clips
from kling_ui.ui.examples import EXAMPLES as PAIRS
from kling_ui.ui.examples import PREPARED, small_name
from kling_ui.vision.analysis import VERSION, analyse_image, analyse_video

EXAMPLES = Path(__file__).parent / "examples"
SMALL_PX = 96  # height of what stands on a button, for screens of twice the density
PREPARED_SIDE_PX = 720  # longer side of the preview that is shipped; a pane of the page is no larger
SMALL_OPTIONS = X264_OPTIONS | {"preset": "veryslow", "crf": "29"}  # a few hundred kB instead of a few MB
ANALYSES = EXAMPLES / "analyses"  # what the checks and the motion match find in them, so that the page need not


def full_body() -> Scene:
    """A character from head to toe, arms away from the body and palms to the front."""
    return Scene((Actor(MAYA),), Camera(y_m=0.90, height_m=2.24))


def upper_body() -> Scene:
    """A character to the waist with both hands."""
    return Scene((Actor(THEO, offering()),), Camera(y_m=1.33, height_m=1.14), "room")


def dancing(t_s: float) -> Scene:
    """The dance, from head to toe."""
    return Scene((Actor(DANCER, dance(t_s)),), Camera(y_m=1.03, height_m=2.48), "hall")


def talking(t_s: float) -> Scene:
    """Somebody who talks with the hands, to the waist."""
    return Scene((Actor(DANCER, gesture(t_s)),), Camera(y_m=1.27, height_m=1.14), "terrace")


def analyse() -> None:
    """Write what the checks and the motion match find in the examples, anew."""
    shutil.rmtree(ANALYSES, ignore_errors=True)
    for path in sorted(EXAMPLES.glob("character-*.png")):
        analyse_image(path, ANALYSES)
    for path in [EXAMPLES / pair.video for pair in PAIRS]:
        analyse_video(path, ANALYSES)
        keep_track(path, ANALYSES)
    print(f"{ANALYSES.name}: {sum(file.stat().st_size for file in ANALYSES.iterdir()) / 1000:.0f} kB")


class Here:
    """Does the work of worker processes in this one."""

    async def run(self, work: Callable[..., Any], /, *args: Any, timeout_s: float | None = None, **options: Any) -> Any:
        """Call it."""
        del timeout_s
        return await asyncio.to_thread(work, *args, **options)


def draw_preview(out: Path) -> None:
    """Draw the first example's preview, smaller than the page would."""
    pair = PAIRS[0]
    image, video = EXAMPLES / pair.image, EXAMPLES / pair.video
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "preview.mp4"
        render_preview(image, video, large, orientation=pair.choice.orientation)
        facts = probe_video(large)
        share = PREPARED_SIDE_PX / max(facts.width_px, facts.height_px)
        size = 2 * round(facts.width_px * share / 2), 2 * round(facts.height_px * share / 2)
        frames = read_frames(large, container="mp4")
        with ClipWriter(
            out,
            fps=Fraction(facts.fps),
            size=size,
            sound_from=large if facts.has_audio else None,
            x264_options=SMALL_OPTIONS,
        ) as writer:
            for frame in frames:
                writer.write(np.asarray(Image.fromarray(frame.rgb).resize(size)), time_s=frame.time_s)


def prepare() -> None:
    """Draw and score the preview that stands on the page before anybody has done anything."""
    pair, out = PAIRS[0], EXAMPLES / f"prepared-{PAIRS[0].key}.mp4"
    draw_preview(out)
    video, facts = EXAMPLES / pair.video, probe_video(out)
    here: Any = Here()
    match = asyncio.run(match_clips(here, video, out, orientation=pair.choice.orientation))
    kept = {
        "example": pair.key,
        "image_sha256": content_sha256(EXAMPLES / pair.image),
        "reference_sha256": content_sha256(video),
        "analyses": VERSION,
        "result": out.name,
        "result_sha256": content_sha256(out),
        "width_px": facts.width_px,
        "height_px": facts.height_px,
        "fps": facts.fps,
        "duration_s": facts.duration_s,
        "motion": match.to_json(),
    }
    (EXAMPLES / PREPARED).write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    print(f"{out.name}: {out.stat().st_size / 1000:.0f} kB, motion match {match.score:.0f}")


def draw_small() -> None:
    """Write what stands on the buttons of the examples: each picture, and a moment of each clip."""
    for path in sorted(EXAMPLES.glob("character-*.png")):
        _write_small(path, read_picture(path).rgb)
    for path in [EXAMPLES / pair.video for pair in PAIRS]:
        _write_small(path, next(read_frames(path, container="mp4", start_s=0.5)).rgb)


def _write_small(path: Path, rgb: np.ndarray) -> None:
    drawn = Image.fromarray(rgb)
    drawn.thumbnail((10 * SMALL_PX, SMALL_PX))
    drawn.save(path.with_name(small_name(path.name)), quality=85)


def main() -> None:
    """Write all examples and tell their sizes."""
    if "--prepared" in sys.argv:
        return prepare()
    if "--analyses" in sys.argv:
        analyse()
        return prepare()
    EXAMPLES.mkdir(exist_ok=True)
    made = [
        write_still(EXAMPLES / "character-full-body.png", full_body(), width_px=720, height_px=1280),
        write_still(EXAMPLES / "character-upper-body.png", upper_body(), width_px=1280, height_px=720),
        write_clip(EXAMPLES / "dance-full-body.mp4", dancing, duration_s=DANCE_S, sound=tune(DANCE_S)),
        write_clip(
            EXAMPLES / "gesture-upper-body.mp4",
            talking,
            duration_s=GESTURE_S,
            width_px=960,
            height_px=540,
            sound=tune(GESTURE_S, drums=False),
        ),
    ]
    for drawn in made:
        print(f"{drawn.path.name}: {drawn.width_px} x {drawn.height_px}, {drawn.path.stat().st_size / 1000:.0f} kB")
    draw_small()
    analyse()
    return prepare()


if __name__ == "__main__":
    main()

"""Draw the examples that the page shows: two characters and two clips, and analyse them. Deterministic.

Run ``uv run assets/make_examples.py``; it writes into ``assets/examples/`` and takes about a minute. With
``--analyses`` it only analyses what is there: due whenever ``VERSION`` in ``kling_ui/vision/analysis.py`` was raised.
"""

import shutil
import sys
from pathlib import Path

import numpy as np
from figure import DANCE_S, GESTURE_S, Actor, Camera, Scene, dance, gesture, offering, tune, write_clip, write_still
from figure.cast import DANCER, MAYA, THEO
from PIL import Image

from kling_ui.media.image import read_picture
from kling_ui.media.video import read_frames
from kling_ui.scoring.compare import keep_track
from kling_ui.ui.examples import small_name
from kling_ui.vision.analysis import analyse_image, analyse_video

EXAMPLES = Path(__file__).parent / "examples"
SMALL_PX = 96  # height of what stands on a button, for screens of twice the density
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
    for path in sorted(EXAMPLES.glob("*.mp4")):
        analyse_video(path, ANALYSES)
        keep_track(path, ANALYSES)
    print(f"{ANALYSES.name}: {sum(file.stat().st_size for file in ANALYSES.iterdir()) / 1000:.0f} kB")


def draw_small() -> None:
    """Write what stands on the buttons of the examples: each picture, and a moment of each clip."""
    for path in sorted(EXAMPLES.glob("character-*.png")):
        _write_small(path, read_picture(path).rgb)
    for path in sorted(EXAMPLES.glob("*.mp4")):
        _write_small(path, next(read_frames(path, container="mp4", start_s=0.5)).rgb)


def _write_small(path: Path, rgb: np.ndarray) -> None:
    drawn = Image.fromarray(rgb)
    drawn.thumbnail((10 * SMALL_PX, SMALL_PX))
    drawn.save(path.with_name(small_name(path.name)), quality=85)


def main() -> None:
    """Write all examples and tell their sizes."""
    if "--analyses" in sys.argv:
        return analyse()
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
    return analyse()


if __name__ == "__main__":
    main()

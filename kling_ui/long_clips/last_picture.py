"""The last good picture of a result: the character image of the piece that comes next, where that is wanted."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from kling_ui.errors import MediaError
from kling_ui.media.files import atomic_file
from kling_ui.media.probe import sniff_video
from kling_ui.media.video import Frame, read_frames
from kling_ui.vision.frame_analysis import sharpness
from kling_ui.vision.people import one_thread
from kling_ui.vision.pose import KEYPOINTS, find_person, seen, shrink

REACH_S = 1.0  # before the seam: the later a picture is, the better it goes on
LOOKED_AT = 8  # pictures of that time
_SHARP_PX = 512  # long side of the copy whose edges are measured
_LATE = 0.1  # how much of what is seen a picture that is as late as can be may lack


@one_thread()
def take_last_picture(result: Path, before_s: float, place: Path) -> Path:
    """Write the picture that shows most of the figure, sharply, of the last second before a seam; run it in a worker.

    Args:
        result: The piece's video.
        before_s: Where in it the seam is, in seconds.
        place: The PNG to write, unless it is there.

    Raises:
        MediaError: The video cannot be read, or shows nobody there.
    """
    if place.is_file():
        return place
    start_s = max(0.0, before_s - REACH_S)
    frames = list(read_frames(result, container=sniff_video(result), start_s=start_s, end_s=before_s))
    if not frames:  # it came back short
        frames = list(read_frames(result, container=sniff_video(result)))[-LOOKED_AT:]
    chosen = [
        frames[place] for place in np.linspace(0, len(frames) - 1, min(len(frames), LOOKED_AT)).round().astype(int)
    ]
    marks = [_mark(frame) + _LATE * number / len(chosen) for number, frame in enumerate(chosen)]
    if not marks or max(marks) < 0:
        words = f"it shows nobody in the second before {before_s:.1f} s who could be the next character."
        raise MediaError(words, path=result, advice="Go on with the original picture instead.")
    with atomic_file(place) as unfinished:
        Image.fromarray(chosen[int(np.argmax(marks))].rgb).save(unfinished, "PNG")
    return place


def _mark(frame: Frame) -> float:
    """How good a picture of the character a frame is, 0-2; negative for nobody."""
    pose = find_person(frame.rgb)
    if pose is None or pose.mask is None:
        return -1.0
    grey = cv2.cvtColor(shrink(frame.rgb, _SHARP_PX), cv2.COLOR_RGB2GRAY)
    return float(seen(pose.landmarks)[KEYPOINTS].mean()) + min(1.0, sharpness(grey, pose.mask))

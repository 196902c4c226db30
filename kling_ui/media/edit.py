"""Making new clips out of finished ones: the only module that imports moviepy.

Pictures and sound are decoded by :mod:`kling_ui.media.video` (one fixed demuxer, exact times); moviepy puts both
together and writes. The ffmpeg that it brings never reads a file that somebody handed in.
"""

import contextlib
import itertools
import tempfile
import uuid
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from kling_ui.errors import MediaError
from kling_ui.media.comparison_layout import (
    WIDTH_MAX_PX,
    Box,
    ScoreCurve,
    arranged,
    blank_canvas,
    strip_height,
    with_playhead,
)
from kling_ui.media.files import SCRATCH, ProgressFile
from kling_ui.media.image import read_picture
from kling_ui.media.probe import VideoFacts, probe_video
from kling_ui.media.video import Frame, open_clip, read_frames, sound_track
from kling_ui.options import Layout

_SOUND_HZ = 44_100


def side_by_side(
    image: Path,
    reference: Path,
    result: Path,
    out: Path,
    *,
    height_px: int | None = None,
    layout: Layout = Layout.STRIP,
    late_s: float = 0.0,
    score: ScoreCurve | None = None,
    progress: Path | None = None,
) -> Path:
    """Write a clip that shows character, reference and result next to each other, in step and with sound.

    It lasts as long as the longer clip; the shorter one stays on its last picture. The sound is the result's, or the
    reference's when the result has none.

    Args:
        image: The character image.
        reference: The clip that gave the motion.
        result: The clip that was made.
        out: The MP4 to write; it appears whole or not at all.
        height_px: Height of the three pictures in a strip, even; ``None`` takes that of the taller clip, as far as the
            limits go.
        layout: The shape of the whole; in those of screens the picture is left out where it would cost the clips much.
        late_s: How much later than the reference the result begins, in seconds of the reference, 0 or more.
        score: Drawn below, if given.
        progress: Where to tell how far the writing is.

    Raises:
        MediaError: One of the files cannot be read, or ``out`` cannot be written.
    """
    from moviepy import AudioFileClip, VideoClip  # noqa: PLC0415  loads slowly, only where used

    clips, told = [probe_video(reference), probe_video(result)], ProgressFile(progress)
    picture = read_picture(image, long_side_px=WIDTH_MAX_PX).rgb
    aspects = [picture.shape[1] / picture.shape[0], *(facts.width_px / facts.height_px for facts in clips)]
    if height_px is None:
        height_px = strip_height([facts.height_px for facts in clips], aspects)
    plan = arranged(aspects, layout, height_px=height_px, has_score=score is not None)
    begins_s = [0.0, late_s]
    total_s = max(begin_s + facts.duration_s for begin_s, facts in zip(begins_s, clips, strict=True))
    canvas = blank_canvas(plan, score, total_s)
    if plan.image is not None:
        _place(canvas, _fitted(picture, plan.image), plan.image)
    boxes = [plan.reference, plan.result]
    panels = [_Panel(facts, box) for facts, box in zip(clips, boxes, strict=True)]

    def picture_at(time_s: float) -> np.ndarray:
        for panel, box, begin_s in zip(panels, boxes, begins_s, strict=True):
            _place(canvas, panel.at(time_s - begin_s), box)
        told.tell(time_s / total_s)
        return with_playhead(canvas, plan, time_s / total_s)

    loud = next((place for place in (1, 0) if clips[place].has_audio), None)
    with contextlib.ExitStack() as stack:
        shown = stack.enter_context(VideoClip(picture_at, duration=total_s))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=SCRATCH)))
        if loud is not None and _write_sound(clips[loud], scratch / "sound.wav", late_s=begins_s[loud]):
            sound = stack.enter_context(AudioFileClip(str(scratch / "sound.wav")))
            shown.audio = sound.with_duration(min(sound.duration, shown.duration))
        _write(shown, out, scratch, fps=clips[1].fps)
    return out


def _write_sound(facts: VideoFacts, out: Path, *, late_s: float) -> bool:
    """Write a clip's sound, from ``late_s`` before its first picture on, as stereo WAV; tell whether there was any."""
    samples = 0
    with wave.open(str(out), "wb") as file, open_clip(facts.path, container=facts.format) as (opened, stream):
        file.setparams((2, 2, _SOUND_HZ, 0, "NONE", ""))
        zero_s = float((stream.start_time or 0) * (stream.time_base or 0)) - late_s
        resampler = av.AudioResampler(format="s16", layout="stereo", rate=_SOUND_HZ)
        if (track := sound_track(opened)) is None:
            return False
        with contextlib.suppress(av.FFmpegError):  # what sounds before the damage is kept
            for frame in itertools.chain(opened.decode(track), [None]):
                for piece in resampler.resample(frame):
                    heard = piece.to_ndarray().reshape(-1, 2)
                    if not samples and piece.pts is not None and piece.time_base:
                        late = round((float(piece.pts * piece.time_base) - zero_s) * _SOUND_HZ)
                        heard = np.pad(heard[max(0, -late) :], ((max(0, late), 0), (0, 0)))
                    samples += len(heard)
                    file.writeframes(heard.tobytes())
    return samples > 0


class _Panel:
    """A clip whose picture at a time can be asked for, with rising times; before its first one it shows that."""

    def __init__(self, facts: VideoFacts, box: Box) -> None:
        self._box = box
        self._half_frame_s = 0.5 / facts.fps
        long_side_px = max(box.width, box.height)
        self._frames: Iterator[Frame] = read_frames(facts.path, container=facts.format, long_side_px=long_side_px)
        self._next = next(self._frames, None)
        self._shown = np.zeros((box.height, box.width, 3), np.uint8)
        if self._next is not None:
            self._shown = _fitted(self._next.rgb, box)

    def at(self, time_s: float) -> np.ndarray:
        while self._next is not None and self._next.time_s <= time_s + self._half_frame_s:
            self._shown = _fitted(self._next.rgb, self._box)
            self._next = next(self._frames, None)
        return self._shown


def _write(clip: Any, out: Path, scratch: Path, *, fps: float) -> None:
    part = out.with_name(f".{uuid.uuid4().hex}.part.mp4")
    try:
        clip.write_videofile(
            str(part),
            fps=fps,
            codec="libx264",
            audio_codec="aac",
            preset="veryfast",
            temp_audiofile=str(scratch / "sound.m4a"),
            ffmpeg_params=["-pix_fmt", "yuv420p", "-movflags", "+faststart"],
            logger=None,
        )
        part.replace(out)
    except OSError as error:  # moviepy hands on ffmpeg's complaint as one
        raise MediaError("it cannot be written.", path=out, advice="Free some space and try again.") from error
    finally:
        part.unlink(missing_ok=True)


def _place(canvas: np.ndarray, picture: np.ndarray, box: Box) -> None:
    canvas[box.top : box.top + box.height, box.left : box.left + box.width] = picture


def _fitted(rgb: np.ndarray, box: Box) -> np.ndarray:
    if rgb.shape[:2] == (box.height, box.width):
        return rgb
    return np.asarray(Image.fromarray(rgb).resize((box.width, box.height), Image.Resampling.BILINEAR))

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
from PIL import Image, ImageDraw, ImageFont

from kling_ui.errors import MediaError
from kling_ui.media.files import SCRATCH
from kling_ui.media.image import read_picture
from kling_ui.media.probe import VideoFacts, probe_video
from kling_ui.media.video import Frame, open_clip, read_frames, sound_track

HEIGHT_MAX_PX, WIDTH_MAX_PX = 1280, 3840  # of a comparison; players and H.264 decoders take as much everywhere
_LABEL_PX = 40
_GAP_PX = 8
_SOUND_HZ = 44_100
_PAPER_RGB, _INK_RGB = (255, 255, 255), (40, 40, 46)


def side_by_side(image: Path, reference: Path, result: Path, out: Path, *, height_px: int | None = None) -> Path:
    """Write a clip that shows character, reference and result next to each other, in step and with sound.

    It lasts as long as the longer clip; the shorter one stays on its last picture. The sound is the result's, or the
    reference's when the result has none.

    Args:
        image: The character image.
        reference: The clip that gave the motion.
        result: The clip that was made.
        out: The MP4 to write; it appears whole or not at all.
        height_px: Height of the three pictures, even; ``None`` takes that of the taller clip, as far as the limits go.

    Raises:
        MediaError: One of the files cannot be read, or ``out`` cannot be written.
    """
    from moviepy import AudioFileClip, VideoClip  # noqa: PLC0415  loads slowly, only where used

    clips = [probe_video(reference), probe_video(result)]
    picture = read_picture(image, long_side_px=WIDTH_MAX_PX).rgb
    if height_px is None:
        height_px = _height([(facts.width_px, facts.height_px) for facts in clips], picture.shape[1] / picture.shape[0])
    still = _fitted(picture, height_px)
    panels = [_Panel(facts, height_px) for facts in clips]
    canvas = _canvas([still.shape[1], *(panel.width_px for panel in panels)], height_px)
    _place(canvas, still, 0)
    lefts = [still.shape[1] + _GAP_PX, still.shape[1] + panels[0].width_px + 2 * _GAP_PX]

    def picture_at(time_s: float) -> np.ndarray:
        for panel, left in zip(panels, lefts, strict=True):
            _place(canvas, panel.at(time_s), left)
        return canvas.copy()

    loud = next((facts for facts in reversed(clips) if facts.has_audio), None)
    with contextlib.ExitStack() as stack:
        shown = stack.enter_context(VideoClip(picture_at, duration=max(facts.duration_s for facts in clips)))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=SCRATCH)))
        if loud and _write_sound(loud, scratch / "sound.wav"):
            sound = stack.enter_context(AudioFileClip(str(scratch / "sound.wav")))
            shown.audio = sound.with_duration(min(sound.duration, shown.duration))
        _write(shown, out, scratch, fps=clips[1].fps)
    return out


def _write_sound(facts: VideoFacts, out: Path) -> bool:
    """Write a clip's sound, from its first picture on, as stereo WAV; tell whether there was any that can be read."""
    samples = 0
    with wave.open(str(out), "wb") as file, open_clip(facts.path, container=facts.format) as (opened, stream):
        file.setparams((2, 2, _SOUND_HZ, 0, "NONE", ""))
        zero_s = float((stream.start_time or 0) * (stream.time_base or 0))
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


def _height(sizes_px: list[tuple[int, int]], picture_aspect: float) -> int:
    """The height, even, at which nothing is scaled down that the limits have room for."""
    aspects = picture_aspect + sum(width / height for width, height in sizes_px)
    wanted = min(HEIGHT_MAX_PX, max(height for _, height in sizes_px), (WIDTH_MAX_PX - 2 * _GAP_PX) / aspects)
    return max(2, 2 * int(wanted / 2))


class _Panel:
    """A clip whose picture at a time can be asked for, with rising times."""

    def __init__(self, facts: VideoFacts, height_px: int) -> None:
        self.width_px = _fitted_width(facts.width_px, facts.height_px, height_px)
        self._height_px = height_px
        self._half_frame_s = 0.5 / facts.fps
        long_side_px = max(self.width_px, height_px)
        self._frames: Iterator[Frame] = read_frames(facts.path, container=facts.format, long_side_px=long_side_px)
        self._next = next(self._frames, None)
        self._shown = np.zeros((height_px, self.width_px, 3), np.uint8)

    def at(self, time_s: float) -> np.ndarray:
        while self._next is not None and self._next.time_s <= time_s + self._half_frame_s:
            self._shown = _fitted(self._next.rgb, self._height_px, self.width_px)
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


def _canvas(widths_px: list[int], height_px: int) -> np.ndarray:
    total_px = sum(widths_px) + _GAP_PX * (len(widths_px) - 1)
    canvas = Image.new("RGB", (total_px + total_px % 2, height_px + _LABEL_PX), _PAPER_RGB)
    draw, font, left = ImageDraw.Draw(canvas), ImageFont.load_default(20), 0
    for label, width_px in zip(("Picture", "Reference", "Result"), widths_px, strict=True):
        draw.text((left + width_px / 2, _LABEL_PX / 2), label, fill=_INK_RGB, font=font, anchor="mm")
        left += width_px + _GAP_PX
    return np.array(canvas)


def _place(canvas: np.ndarray, picture: np.ndarray, left: int) -> None:
    canvas[_LABEL_PX:, left : left + picture.shape[1]] = picture


def _fitted_width(width_px: int, height_px: int, to_height_px: int) -> int:
    return max(2, 2 * round(width_px * to_height_px / height_px / 2))


def _fitted(rgb: np.ndarray, height_px: int, width_px: int | None = None) -> np.ndarray:
    width_px = width_px or _fitted_width(rgb.shape[1], rgb.shape[0], height_px)
    if rgb.shape[:2] == (height_px, width_px):
        return rgb
    return np.asarray(Image.fromarray(rgb).resize((width_px, height_px), Image.Resampling.BILINEAR))

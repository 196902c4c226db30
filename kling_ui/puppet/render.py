"""Render one preview: a picture and a clip in, an MP4 of the picture's character moving like the clip's person out.

Four threads share the work, and all spend their time outside Python's lock: one decodes the clip, one finds poses, one
cuts the puppet out meanwhile and then encodes, one draws frame after frame as soon as the poses around it are known.
Only joints and a few pictures wait in between, so memory does not grow with the clip.
"""

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import cycle
from pathlib import Path

import cv2
import numpy as np

from kling_ui.corrections import Corrections
from kling_ui.errors import MediaError
from kling_ui.media.colour import to_rgb
from kling_ui.media.encode import ClearClipWriter, ClipWriter
from kling_ui.media.files import ProgressFile
from kling_ui.media.metadata import read_comment
from kling_ui.media.probe import VideoFacts, probe_video, sniff_video
from kling_ui.media.video import Prefetch, open_clip, read_frames
from kling_ui.options import Orientation, Resolution, RigNote
from kling_ui.puppet.motion.frame_pose import FramePose
from kling_ui.puppet.motion.opening import ClipOpening
from kling_ui.puppet.motion.pose_stream import REACH_S, PoseStream, SmoothedMotion
from kling_ui.puppet.motion.retarget import Retargeter, opening_frames
from kling_ui.puppet.paint import BLACK_LUMA, WHITE_LUMA, apart_from_grounds, plain_ground
from kling_ui.puppet.puppet import Rig, rig_of
from kling_ui.puppet.watermark import Watermark
from kling_ui.vision.people import one_thread
from kling_ui.vision.pose import TRACK_LONG_SIDE_PX, PoseTrack, pose_detector, track_of
from kling_ui.vision.second_looks import Rereader
from kling_ui.vision.tracking import track_poses

STRETCH_FRAMES = 12  # drawn at a time
READ_AHEAD, DRAWN_AHEAD = 6, 6  # frames that may wait for the next one to take them
USUAL_FPS = 25  # taken for a clip that does not say how many frames a second it has
SHOWN_SIDE_PX, SHOWN_QUALITY = 360, 70  # of what is shown before the result is complete: some 10 kB
CANVASES = DRAWN_AHEAD + 3  # besides those that wait, one is being drawn, one encoded, and one is spare
# Half of the processor time of "veryfast" for three times the bytes: previews are played where they are made. One
# quantiser for all takes 0.7-0.8 of the time of "crf" 20, which looks at every frame in small first. Luma is as near
# within 0.4 and 1.3 dB (at 50 and 52 dB) in two drawn clips, and 0.0 and 0.9 dB nearer in two of a filmed dance.
X264_OPTIONS = {"preset": "ultrafast", "qp": "18", "profile": "high", "threads": "1"}


@dataclass(frozen=True, slots=True)
class RenderFacts:
    """Length, rate and size of a rendered preview.

    Attributes:
        frames: As many as the reference has.
        fps: The reference's nominal rate.
        duration_s: The reference's, in seconds.
        width_px: Even.
        height_px: Even.
        notes: What of the character is moved as one piece.
    """

    frames: int
    fps: float
    duration_s: float
    width_px: int
    height_px: int
    notes: tuple[RigNote, ...] = ()


def render_preview(
    image: Path,
    video: Path,
    out: Path,
    *,
    orientation: Orientation = Orientation.VIDEO,
    keep_sound: bool = True,
    sides_px: tuple[int, int] = Resolution.P720.sides_px,
    corrections: Corrections | None = None,
    progress: Path | None = None,
) -> RenderFacts:
    """Transfer the motion of ``video`` to the character of ``image`` and write ``out``.

    Args:
        image: A picture of one person.
        video: The reference clip.
        out: The MP4 to write; it appears only when it is complete.
        orientation: Whose facing and place the result follows.
        keep_sound: Keep the reference's sound.
        sides_px: The longer and the shorter side that the result may have; its shape is the picture's.
        corrections: What a person says of the character's joints and outline.
        progress: Where to say how far it is, and what was drawn last: ``{"progress": 0-1, "frame": JPEG as base64}``.

    Raises:
        MediaError: A file cannot be read or written, or shows nobody.
    """
    facts, progress_file = probe_video(video), ProgressFile(progress)
    pose_detector()  # loaded before another thread starts: two threads must not import the models' library at once
    with one_thread(), _pose_stream(facts) as pose_stream:
        played = rig_of(image, sides_px=sides_px, corrections=corrections)
        with (
            ClipWriter(
                out,
                fps=_rate(facts),
                size=played.character.size,
                sound_from=video if keep_sound and facts.has_audio else None,
                sound_container=facts.format,
                x264_options=X264_OPTIONS,
            ) as writer,
            Prefetch(_pictures(pose_stream, played, orientation, video), DRAWN_AHEAD) as pictures,
        ):
            for picture in pictures:
                writer.write_ycbcr(picture, time_s=pose_stream.times_s[writer.frames])
                if writer.frames == 1 or writer.frames % STRETCH_FRAMES == 0:
                    share = (len(pose_stream.times_s) + writer.frames) / 2 / max(1, facts.frame_count)
                    progress_file.tell(share, partial(_shown_small, picture))
    return RenderFacts(writer.frames, facts.fps, facts.duration_s, *played.character.size, notes=played.puppet.notes)


def _shown_small(ycbcr: np.ndarray) -> bytes:
    """A JPEG of one drawn picture, to look at while the others are drawn."""
    height, width = ycbcr.shape[:2]
    share = min(1.0, SHOWN_SIDE_PX / max(height, width))
    size = max(1, round(width * share)), max(1, round(height * share))
    rgb = to_rgb(cv2.resize(ycbcr, size, interpolation=cv2.INTER_AREA))
    return cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, SHOWN_QUALITY])[1].tobytes()


def render_transparent(
    image: Path,
    video: Path,
    out: Path,
    *,
    orientation: Orientation = Orientation.VIDEO,
    sides_px: tuple[int, int] = Resolution.P720.sides_px,
    corrections: Corrections | None = None,
) -> RenderFacts:
    """Draw the same as :func:`render_preview` without the picture's background, as a silent WebM (VP9 with alpha).

    Args:
        image: A picture of one person.
        video: The reference clip.
        out: The WebM to write; it appears only when it is complete.
        orientation: Whose facing and place the result follows.
        sides_px: As for :func:`render_preview`.
        corrections: What a person says of the character's joints and outline.

    Raises:
        MediaError: A file cannot be read or written, or shows nobody.
    """
    facts = probe_video(video)
    pose_detector()
    with one_thread(), _pose_stream(facts) as pose_stream:
        played = rig_of(image, sides_px=sides_px, corrections=corrections)
        size, badge = played.character.size, Watermark(played.character.size)
        grounds = [plain_ground(played.character.rgb.shape, luma) for luma in (BLACK_LUMA, WHITE_LUMA)]
        with ClearClipWriter(out, fps=_rate(facts), size=size) as writer:
            for frame_pose in _frame_poses(pose_stream, played, orientation, video):
                drawn = [played.puppet.draw(frame_pose, ground=ground) for ground in grounds]
                for picture in drawn:
                    badge.stamp(picture)
                writer.write(*apart_from_grounds(*drawn), time_s=float(pose_stream.times_s[writer.frames]))
    return RenderFacts(writer.frames, facts.fps, facts.duration_s, *size, notes=played.puppet.notes)


@contextmanager
def _pose_stream(facts: VideoFacts) -> Generator[PoseStream]:
    """Find the clip's poses in a thread of their own, which ends with the block."""
    pose_stream = PoseStream(facts.fps)

    def read() -> None:
        try:
            clip = read_frames(facts.path, container=facts.format, long_side_px=TRACK_LONG_SIDE_PX)
            with Prefetch(clip, READ_AHEAD) as frames:
                for frame, pose in track_poses(frames, fps=facts.fps):
                    if pose_stream.stopped:
                        return
                    pose_stream.add(frame.time_s, frame.rgb.shape[1] / frame.rgb.shape[0], pose)
        except Exception as error:  # noqa: BLE001  raised again where the frames are waited for
            pose_stream.close(error)
        else:
            pose_stream.close()

    thread = threading.Thread(target=read, name="poses", daemon=True)
    thread.start()
    try:
        yield pose_stream
    finally:
        pose_stream.stop()
        thread.join()


def _pictures(pose_stream: PoseStream, played: Rig, orientation: Orientation, video: Path) -> Iterator[np.ndarray]:
    """The clip's pictures in Y'CbCr; each is drawn over after as many as may be waiting or in use."""
    badge = Watermark(played.character.size)
    canvases = cycle([np.empty_like(played.character.rgb) for _ in range(CANVASES)])
    for frame_pose, canvas in zip(_frame_poses(pose_stream, played, orientation, video), canvases, strict=False):
        picture = played.puppet.draw(frame_pose, into=canvas)
        badge.stamp(picture)
        yield picture


@dataclass(frozen=True, slots=True)
class Moments:
    """A character at some moments of a clip.

    Attributes:
        frames: Each ``(height, width, 3)`` uint8 RGB.
        parts: How many of the ten body parts the character has.
    """

    frames: tuple[np.ndarray, ...]
    parts: int


def read_motion(video: Path) -> tuple[PoseTrack, float]:
    """Read a clip's poses as a preview does, and its rate in frames per second.

    Raises:
        MediaError: It cannot be read.
    """
    facts = probe_video(video)
    frames = read_frames(facts.path, container=facts.format, long_side_px=TRACK_LONG_SIDE_PX)
    with one_thread(), Prefetch(frames, READ_AHEAD) as clip:
        return track_of(track_poses(clip, fps=facts.fps)), facts.fps


def draw_moments(
    image: Path,
    motions: Sequence[tuple[Path, PoseTrack, float]],
    *,
    orientation: Orientation,
    count: int,
    sides_px: tuple[int, int],
) -> list[Moments]:
    """Draw a picture's character at evenly spaced moments of each of some clips.

    Args:
        image: A picture of one person.
        motions: Clips and what :func:`read_motion` gave for them.
        orientation: Whose facing and place the character follows.
        count: How many moments of each clip.
        sides_px: The longer and the shorter side of the frames at most.

    Raises:
        MediaError: The picture cannot be read, or the picture or a clip shows nobody.
    """
    drawn = []
    with one_thread():
        played = rig_of(image, sides_px=sides_px)
        for video, track, fps in motions:
            poses = list(_frame_poses(PoseStream.of(track, fps), played, orientation, video))
            chosen = [poses[int((index + 0.5) * len(poses) / count)] for index in range(count)]
            frames = tuple(to_rgb(played.puppet.draw(pose)) for pose in chosen)
            drawn.append(Moments(frames, len(played.puppet.parts)))
    return drawn


def _frame_poses(pose_stream: PoseStream, played: Rig, orientation: Orientation, video: Path) -> Iterator[FramePose]:
    """The puppet's poses, a stretch at a time, each as soon as the frames around it have been read."""
    with closing(Rereader(video)) as rereader:
        yield from _poses_looked_at(pose_stream, played, orientation, video, rereader)


def _poses_looked_at(
    pose_stream: PoseStream, played: Rig, orientation: Orientation, video: Path, rereader: Rereader
) -> Iterator[FramePose]:
    ahead = round(REACH_S * pose_stream.fps) + 2
    opening = opening_frames(pose_stream.fps)
    count = pose_stream.wait_for(opening + ahead)
    count = max(count, pose_stream.wait_until_sure(opening))
    while not pose_stream.anybody:
        known, count = count, pose_stream.wait_for(count + STRETCH_FRAMES)
        if count <= known:
            raise MediaError(
                "no person was found in the clip.", path=video, advice="Choose one that shows a person moving."
            )
    pose_stream.look_again(min(opening, count), rereader)
    retargeter = Retargeter(
        played.character,
        played.puppet.parts,
        orientation,
        _opening(pose_stream, min(opening, count), video),
        held=played.puppet.held,
        outlines=played.puppet.outlines,
    )
    start = 0
    while start < (count := pose_stream.wait_for(start + STRETCH_FRAMES + ahead)):
        end = min(start + STRETCH_FRAMES, count)
        pose_stream.wait_until_sure(end)
        pose_stream.look_again(end, rereader)
        motion = retargeter.move(pose_stream.perform(start, end, ahead=True), end - start)
        yield from (FramePose.of(motion, index) for index in range(len(motion)))
        start = end


def _opening(pose_stream: PoseStream, frames: int, video: Path) -> SmoothedMotion:
    """What the motion is measured against: how the clip opens that it was cut from, where it says so, or itself."""
    kept = ClipOpening.from_note(read_comment(video, container=sniff_video(video)))
    return pose_stream.perform(0, frames) if kept is None else kept.as_motion(pose_stream.fps)


def opening_note(video: Path, *, start_s: float = 0.0) -> str:
    """Read how a clip opens, for the files of its pieces; empty where nobody is found there.

    Args:
        video: The clip.
        start_s: Where its first piece begins, in seconds.

    Raises:
        MediaError: It cannot be read.
    """
    facts = probe_video(video)
    opening = opening_frames(facts.fps)
    end_s = start_s + opening / facts.fps + 2 * REACH_S
    frames = read_frames(
        facts.path, container=facts.format, long_side_px=TRACK_LONG_SIDE_PX, start_s=start_s, end_s=end_s
    )
    with one_thread():
        track = track_of(track_poses(frames, fps=facts.fps))
    if not track.found.any():
        return ""
    return ClipOpening.of(PoseStream.of(track, facts.fps).perform(0, min(opening, len(track.times_s)))).note


def _rate(facts: VideoFacts) -> Fraction:
    with open_clip(facts.path, container=facts.format) as (_, stream):
        return Fraction(stream.average_rate or stream.guessed_rate or USUAL_FPS)

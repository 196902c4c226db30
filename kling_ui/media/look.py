"""One look at a file: its facts, the person in it, and pictures that show what was seen.

The functions here are plain and blocking; run them in a worker. What they find is kept under the content's hash, so
a second look at the same content, under whatever name, costs no more than reading the file.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kling_ui.errors import MediaError
from kling_ui.media.body import Framing, framing, shows_upper_body, usual_framing
from kling_ui.media.drawing import draw_person, draw_strip, jpeg, strip_size
from kling_ui.media.look_cache import LookCache, content_sha256
from kling_ui.media.person import (
    IMAGE_LONG_SIDE_PX,
    MASK_THRESHOLD,
    TRACK_LONG_SIDE_PX,
    Pose,
    PoseTrack,
    find_person,
    find_poses,
    track_of,
)
from kling_ui.media.picture import ImageFacts, read_picture
from kling_ui.media.probe import VideoFacts, probe_video
from kling_ui.media.video import Frame, sample_frames

SAMPLES_MIN, SAMPLES_MAX = 24, 32
_SECONDS_PER_SAMPLE = 0.5
_CONNECTED_STEP_S = 0.15  # closer samples help each other in tracking; wider ones mislead it
_EXACT_STEP_FRAMES = 8  # with fewer frames between two moments, a few frames' error would spoil their order
_SNAP_SHARE = 0.4  # how far, as a share of the step, a sample may move to sit on a keyframe


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """The main character of a picture.

    Attributes:
        landmarks: 33 of ``(x, y, z, visibility)`` as in :class:`kling_ui.media.person.Pose`.
        subject_share: Share of the picture that the mask covers, 0-1.
        box: ``(left, top, right, bottom)`` of the mask as fractions of width and height.
        confidence: The detection threshold at which it was found, 0-1; 0.5 is sure, lower is a stylised or small one.
        mask_agreement: Share of the visible landmarks that lie on the mask, 0-1.
    """

    landmarks: tuple[tuple[float, float, float, float], ...]
    subject_share: float
    box: tuple[float, float, float, float]
    confidence: float
    mask_agreement: float

    @property
    def framing(self) -> Framing:
        """How much of the body is in view."""
        return framing(np.asarray(self.landmarks))


@dataclass(frozen=True, slots=True)
class ImageLook:
    """What a look at a picture found.

    Attributes:
        sha256: Hash of the content.
        facts: What the file says.
        person: The main character, or ``None`` when nobody was found.
        clear_share: Share of the picture that is more than half transparent, 0-1.
        overlay: A JPEG of the picture with mask and skeleton, or ``None`` when nobody was found.
    """

    sha256: str
    facts: ImageFacts
    person: PersonFacts | None
    clear_share: float
    overlay: Path | None


@dataclass(frozen=True, slots=True)
class VideoLook:
    """What a look at a clip found.

    Attributes:
        sha256: Hash of the content.
        facts: What the file says.
        track: Poses at 24-32 moments spread over the clip (fewer when it has fewer frames).
        strip: A JPEG of some of these moments side by side, with skeletons and times.
    """

    sha256: str
    facts: VideoFacts
    track: PoseTrack
    strip: Path

    @property
    def person_share(self) -> float:
        """Share of the moments, 0-1, that show a person with head and both shoulders."""
        return float(shows_upper_body(self.track.landmarks).mean()) if len(self.track.times_s) else 0.0

    @property
    def framing(self) -> Framing:
        """How much of the body most moments show."""
        return usual_framing(self.track.landmarks)


def look_at_image(path: Path, folder: Path) -> ImageLook:
    """Decode a picture, find its character and draw what was found.

    Args:
        path: A local picture of any supported format.
        folder: Where looks are kept.

    Raises:
        MediaError: It is no readable picture.
    """
    cache, sha256 = LookCache(folder), content_sha256(path)
    if kept := _recall_image(cache, sha256, path):
        return kept
    picture = read_picture(path, long_side_px=IMAGE_LONG_SIDE_PX)
    pose = find_person(picture.rgb)
    person = overlay = None
    if pose is not None and pose.mask is not None:
        person = _person_facts(pose, pose.mask)
        overlay = cache.write_bytes(sha256, "overlay.jpg", jpeg(draw_person(picture.rgb, pose.mask, pose.landmarks)))
    look = ImageLook(sha256, picture.facts, person, picture.clear_share, overlay)
    found = {"facts": _portable(picture.facts), "person": asdict(person) if person else None}
    cache.write_json(sha256, "image.json", found | {"clear_share": picture.clear_share})
    return look


def look_at_video(path: Path, folder: Path) -> VideoLook:
    """Look at 24-32 moments of a clip, find the person in each and draw some of them side by side.

    Args:
        path: A local clip of any supported format.
        folder: Where looks are kept.

    Raises:
        MediaError: It is no readable clip.
    """
    cache, sha256 = LookCache(folder), content_sha256(path)
    if kept := _recall_video(cache, sha256, path):
        return kept
    facts = probe_video(path)
    times_s = sample_times(facts)
    step_s = times_s[-1] / max(1, len(times_s) - 1)
    frames = sample_frames(
        path,
        container=facts.format,
        times_s=times_s,
        keyframe_times_s=facts.keyframe_times_s,
        long_side_px=TRACK_LONG_SIDE_PX,
        exact=step_s * facts.fps < _EXACT_STEP_FRAMES,
    )
    moments = list(find_poses(frames, connected=step_s <= _CONNECTED_STEP_S))
    if not moments:
        raise MediaError("none of its pictures can be decoded.", path=path, advice="Export it again as MP4 (H.264).")
    track = track_of(moments)
    strip = cache.write_bytes(sha256, "strip.jpg", jpeg(_strip([frame for frame, _ in moments], track)))
    cache.write_track(sha256, "track.npz", track)
    cache.write_json(sha256, "video.json", {"facts": _portable(facts)})
    return VideoLook(sha256, facts, track, strip)


def sample_times(facts: VideoFacts) -> list[float]:
    """Spread 24-32 moments over a clip, first and last picture included, on keyframes where one is near."""
    count = min(facts.frame_count, max(SAMPLES_MIN, min(SAMPLES_MAX, round(facts.duration_s / _SECONDS_PER_SAMPLE))))
    frame_s = 1 / facts.fps
    even = np.linspace(0, max(0.0, facts.duration_s - frame_s), max(1, count))
    keys = np.asarray(facts.keyframe_times_s)
    reach_s = _SNAP_SHARE * (even[1] if len(even) > 1 else 0.0)
    nearest = keys[np.abs(keys[:, None] - even).argmin(axis=0)] if len(keys) else even + np.inf
    early = np.maximum(0.0, even - frame_s / 2)  # so that the first frame at or after it is the nearest one
    return [float(time_s) for time_s in np.where(np.abs(nearest - even) <= reach_s, nearest, early)]


def _strip(frames: list[Frame], track: PoseTrack) -> np.ndarray:
    size = strip_size(track.aspect)
    chosen = np.linspace(0, len(frames) - 1, min(size.count, len(frames))).round().astype(int)
    return draw_strip([frames[n] for n in chosen], [track.landmarks[n] for n in chosen], size.height_px)


def _person_facts(pose: Pose, mask: np.ndarray) -> PersonFacts:
    on = mask > MASK_THRESHOLD
    rows, columns = np.flatnonzero(on.any(axis=1)), np.flatnonzero(on.any(axis=0))
    height, width = mask.shape
    box = (0.0, 0.0, 0.0, 0.0)
    if len(rows):
        edges = columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height
        box = tuple(round(float(edge), 5) for edge in edges)
    return PersonFacts(
        landmarks=_rows(pose.landmarks.round(5).tolist()),
        subject_share=round(float(on.mean()), 5),
        box=box,  # ty: ignore[invalid-argument-type]
        confidence=pose.confidence,
        mask_agreement=round(pose.mask_agreement or 0.0, 4),
    )


def _recall_image(cache: LookCache, sha256: str, path: Path) -> ImageLook | None:
    found = cache.read_json(sha256, "image.json")
    overlay = cache.place(sha256, "overlay.jpg")
    if found is None or (found.get("person") and not overlay.is_file()):
        return None
    try:
        facts = ImageFacts(path=path, **found["facts"])
        person = _restored(found["person"]) if found["person"] else None
        return ImageLook(sha256, facts, person, float(found["clear_share"]), overlay if person else None)
    except (KeyError, TypeError, ValueError):
        return None


def _recall_video(cache: LookCache, sha256: str, path: Path) -> VideoLook | None:
    found, track = cache.read_json(sha256, "video.json"), cache.read_track(sha256, "track.npz")
    strip = cache.place(sha256, "strip.jpg")
    if found is None or track is None or not strip.is_file():
        return None
    try:
        kept = dict(found["facts"])
        facts = VideoFacts(path=path, keyframe_times_s=tuple(kept.pop("keyframe_times_s")), **kept)
        return VideoLook(sha256, facts, track, strip)
    except (KeyError, TypeError, ValueError):
        return None


def _restored(found: dict[str, Any]) -> PersonFacts:
    fields: dict[str, Any] = found | {"landmarks": _rows(found["landmarks"]), "box": tuple(found["box"])}
    return PersonFacts(**fields)


def _rows(landmarks: list[list[float]]) -> tuple[tuple[float, float, float, float], ...]:
    return tuple((x, y, z, visibility) for x, y, z, visibility in landmarks)


def _portable(facts: ImageFacts | VideoFacts) -> dict[str, Any]:
    return {name: value for name, value in asdict(facts).items() if name != "path"}

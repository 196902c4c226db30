"""The analysis of a file: facts, people, and pictures that show what was found; kept by content in a folder."""

import os
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from pydantic import TypeAdapter, ValidationError

from kling_ui.corrections import Corrections, CorrectionSummary
from kling_ui.errors import KlingUIError, MediaError
from kling_ui.languages import Told
from kling_ui.media.files import content_sha256
from kling_ui.media.image import ImageFacts, Picture, read_picture
from kling_ui.media.probe import VideoFacts, probe_video
from kling_ui.vision.clip_measurements import Notes, measure_clip
from kling_ui.vision.corrected import corrected_pose
from kling_ui.vision.evidence import draw_boxes, draw_evidence, draw_overview, draw_person, jpeg
from kling_ui.vision.frame_analysis import PLAN_PX, covered_parts, hidden_hands, hidden_joints
from kling_ui.vision.frame_sampling import content_box, size_changes_s
from kling_ui.vision.lighting import exposed, lighting
from kling_ui.vision.people import (
    Box,
    Group,
    are_small,
    bodies_of,
    detector_pool,
    faces_of_others,
    group_of,
    load_detector_pool,
    load_finders,
    mask_box,
    one_thread,
    outshone,
    search,
)
from kling_ui.vision.pose import (
    POSE_LONG_SIDE_PX,
    Framing,
    Pose,
    PoseTrack,
    distinct,
    framing,
    shows_upper_body,
    shrink,
    tilt_deg,
    turn_deg,
    turned_landmarks,
    usual_framing,
)
from kling_ui.vision.stored_turns import stored_turns

NOTHING_CORRECTED = Corrections()
_KEY_CHARS = 24  # of what tells corrections apart in a file's name; enough that no two meet
_KINDS_MAX = 8  # dataclasses that are kept here; there are fewer
VERSION = 11  # raise it whenever an analysis finds something else than before in the same file

T = TypeVar("T")
Facts = TypeVar("Facts", ImageFacts, VideoFacts)
_PLACE_DIGITS, _SHARE_DIGITS, _ANGLE_DIGITS = 5, 4, 1  # decimals kept: of fractions of the picture, shares, degrees


@dataclass(frozen=True, slots=True)
class AnalysisCache:
    """A folder of files named ``<sha256>-v<version>-<what>``; each appears whole or not at all.

    Attributes:
        folder: Where they are kept; it is made on the first write.
    """

    folder: Path

    def place(self, sha256: str, what: str) -> Path:
        """Give the path of the file that keeps one result (``what``) about a content."""
        return self.folder / f"{sha256}-v{VERSION}-{what}"

    def read(self, sha256: str, what: str, kind: type[T]) -> T | None:
        """Read the dataclass that :meth:`write` kept; ``None`` when there is nothing usable.

        Its access time is set, so that files that nobody uses any more can be recognised.
        """
        place = self.place(sha256, what)
        try:
            found = _adapter(kind).validate_json(place.read_bytes())
        except (OSError, ValidationError):
            return None
        with suppress(OSError):
            os.utime(place, ns=(time.time_ns(), place.stat().st_mtime_ns))  # not every disk does so by itself
        return found

    def read_track(self, sha256: str, what: str) -> PoseTrack | None:
        """Read what :meth:`write_track` kept; ``None`` when there is nothing usable."""
        try:
            with np.load(self.place(sha256, what), allow_pickle=False) as kept:
                return PoseTrack(kept["times_s"], kept["landmarks"], kept["world_m"], float(kept["aspect"]))
        except (OSError, ValueError, KeyError, EOFError):
            return None

    def write(self, sha256: str, what: str, found: object) -> None:
        """Keep a dataclass of plain values and paths as JSON."""
        self.write_bytes(sha256, what, _adapter(type(found)).dump_json(found))

    def write_bytes(self, sha256: str, what: str, content: bytes) -> Path:
        """Keep bytes, such as a picture."""
        return self._write(self.place(sha256, what), lambda file: file.write(content))

    def write_track(self, sha256: str, what: str, track: PoseTrack) -> None:
        """Keep a pose track."""
        arrays = {"times_s": track.times_s, "landmarks": track.landmarks, "world_m": track.world_m}
        self._write(self.place(sha256, what), lambda file: np.savez(file, aspect=track.aspect, **arrays))

    def _write(self, place: Path, write: Callable[[BinaryIO], object]) -> Path:
        part = place.with_name(f".{uuid.uuid4().hex}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                with part.open("wb") as file:
                    write(file)
                os.replace(part, place)  # noqa: PTH105  reads better beside its twin below
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            advice = "Free some space, or set KLING_UI_DATA_DIR to another folder."
            told = Told("it cannot be written ({reason}).", reason=(error.strerror or "unknown reason").lower())
            raise MediaError(told, path=place, advice=advice) from error
        return place


@lru_cache(maxsize=_KINDS_MAX)
def _adapter(kind: type[T]) -> TypeAdapter[T]:
    return TypeAdapter(kind)


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """The main character of a picture: pose, size, orientation, and what hides it.

    Attributes:
        landmarks: 33 of ``(x, y, z, visibility)`` as in :class:`kling_ui.vision.pose.Pose`.
        subject_share: Share of the picture that the mask covers, 0-1.
        box: ``(left, top, right, bottom)`` of the mask as fractions of width and height.
        confidence: How sure the detector is, 0-1; below 0.5 it is a stylised character or a small one.
        mask_agreement: Share of the visible landmarks that lie on the mask, 0-1.
        tilt_deg: Turn in the picture plane: 0 is upright, 90 lies, 180 stands on its head.
        turn_deg: Turn about the upright axis, -180 to 180: 0 faces the camera, 180 shows the back.
        covered: Parts that something in front of the character covers.
        hidden: Joints that lie inside the picture and are hidden.
        turns: Counter-clockwise quarter turns that bring a picture upright whose file was stored turned, 0-3.
    """

    landmarks: tuple[tuple[float, float, float, float], ...]
    subject_share: float
    box: Box
    confidence: float
    mask_agreement: float
    tilt_deg: float = 0.0
    turn_deg: float = 0.0
    covered: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    turns: int = 0

    @property
    def framing(self) -> Framing:
        """How much of the body is in view."""
        return framing(np.asarray(self.landmarks))


@dataclass(frozen=True, slots=True)
class ImageAnalysis:
    """The result of analysing a picture.

    Attributes:
        sha256: Hash of the content.
        facts: What the file says.
        person: The main character, or ``None`` when nobody was found.
        clear_share: Share of the picture that is more than half transparent, 0-1.
        overlay: A JPEG of the picture with mask, skeleton and the boxes of others, or ``None`` when nobody was found.
        others: Boxes of everybody else of a comparable size, ``(left, top, right, bottom)`` as fractions.
        brightness: Of the character's light parts, 0-1; of the picture's when nobody was found.
        shade: Of its dark parts, 0-1, likewise.
        glare: Share of the face that is burnt out, 0-1; of the picture when nobody was found.
        is_veiled: Nobody was found, but somebody is there once the levels are spread.
        corrected: What a person corrected of it by hand, if anything.
    """

    sha256: str
    facts: ImageFacts
    person: PersonFacts | None
    clear_share: float
    overlay: Path | None
    others: tuple[Box, ...] = ()
    brightness: float = 1.0
    shade: float = 0.0
    glare: float = 0.0
    is_veiled: bool = False
    corrected: CorrectionSummary | None = None

    @property
    def upright(self) -> "ImageAnalysis":
        """What is known of it once it is turned as it should have been stored."""
        return self.turned(self.person.turns if self.person else 0)

    def turned(self, turns: int) -> "ImageAnalysis":
        """What is known of it after so many counter-clockwise quarter turns; its overlay shows it as it was."""
        if self.person is None or turns % 4 == 0:
            return self
        facts = _turned_facts(self.facts, turns)
        landmarks = turned_landmarks(np.asarray(self.person.landmarks), turns, self.facts.width_px / facts.width_px)
        left, top, right, bottom = self.person.box
        corners = turned_landmarks(np.array([[left, top, 0, 0], [right, bottom, 0, 0]], float), turns, 1.0)[:, :2]
        low, high = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        person = replace(
            self.person,
            landmarks=tuple(map(tuple, landmarks.tolist())),
            box=(low[0], low[1], high[0], high[1]),
            tilt_deg=round(float(tilt_deg(landmarks, facts.width_px / facts.height_px)), _ANGLE_DIGITS),
            turns=0,
        )
        return replace(self, facts=facts, person=person, overlay=None)


@dataclass(frozen=True, slots=True)
class VideoAnalysis:
    """The result of analysing a clip.

    Attributes:
        sha256: Hash of the content.
        facts: What the file says.
        track: Poses at moments spread over the clip, closer where something changes.
        strip: A JPEG of some of these moments side by side, with skeletons and times.
        notes: What else was measured: other people, what hides the person, cuts, camera, speed.
        evidence: JPEGs that show one thing each, by name (see :mod:`kling_ui.vision.evidence`).
    """

    sha256: str
    facts: VideoFacts
    track: PoseTrack
    strip: Path
    notes: Notes = field(default_factory=Notes)
    evidence: Mapping[str, Path] = field(default_factory=dict)

    @property
    def upright(self) -> "VideoAnalysis":
        """What is known of it once it is turned as it should have been stored."""
        return self.turned(self.notes.turns)

    def turned(self, turns: int) -> "VideoAnalysis":
        """What is known of its facts and poses after so many counter-clockwise quarter turns."""
        if turns % 4 == 0:
            return self
        facts, track = _turned_facts(self.facts, turns), self.track
        landmarks = turned_landmarks(track.landmarks, turns, self.facts.width_px / facts.width_px)
        world_m = track.world_m
        for _ in range(turns % 4):
            world_m = np.stack([world_m[..., 1], -world_m[..., 0], world_m[..., 2]], axis=-1)
        aspect = track.aspect if turns % 2 == 0 else 1 / track.aspect
        return replace(self, facts=facts, track=PoseTrack(track.times_s, landmarks, world_m, aspect))

    @property
    def person_share(self) -> float:
        """Share of the time, 0-1, in which a person with head and both shoulders is in view."""
        return self.share_of(shows_upper_body(self.track.landmarks))

    @property
    def framing(self) -> Framing:
        """How much of the body most moments show."""
        return usual_framing(self.track.landmarks)

    def share_of(self, moments: np.ndarray) -> float:
        """Measure the share of the time, 0-1, in which some moments hold, each up to half way to its neighbours.

        Args:
            moments: ``(frames,)`` bool, one for each row of the track.
        """
        times_s = self.track.times_s
        if len(moments) != len(times_s) or not len(times_s):
            return 0.0
        edges = np.concatenate(([0.0], (times_s[1:] + times_s[:-1]) / 2, [max(self.facts.duration_s, times_s[-1])]))
        weights = np.diff(edges) if edges[-1] > edges[0] else np.ones(len(times_s))
        return float(weights[moments].sum() / weights.sum())


def load_all_models() -> None:
    """Load the models in each thread that uses them; it takes seconds, so do it before the first analysis."""
    load_finders()
    load_detector_pool()


@one_thread()
def analyse_image(path: Path, folder: Path, corrections: Corrections = NOTHING_CORRECTED) -> ImageAnalysis:
    """Decode a picture, find its people and draw what was found.

    Args:
        path: A local picture of any supported format.
        folder: Where analyses are cached.
        corrections: What a person says of the character.

    Raises:
        MediaError: It is no readable picture, or too little is said of a character that is not found.
    """
    cache, sha256 = AnalysisCache(folder), content_sha256(path)
    overlay_name, name = (corrected_name(what, corrections) for what in ("overlay.jpg", "image.json"))
    overlay_place = cache.place(sha256, overlay_name)
    kept = cache.read(sha256, name, ImageAnalysis)
    if kept is not None and (kept.person is None or overlay_place.is_file()):
        overlay = overlay_place if kept.person else None
        return replace(kept, facts=replace(kept.facts, path=path), overlay=overlay)
    picture = read_picture(path, long_side_px=POSE_LONG_SIDE_PX)
    small = shrink(picture.rgb, PLAN_PX)
    group, person, drawn = _see_corrected(picture, small, corrections) if corrections else _see(picture, small)
    overlay = None if drawn is None else cache.write_bytes(sha256, overlay_name, jpeg(drawn))
    light = lighting(small, group.main)
    seen = person, picture.clear_share, overlay, _rounded(group), *light, corrections.summary
    analysis = ImageAnalysis(sha256, picture.facts, *seen)
    cache.write(sha256, name, replace(analysis, facts=_nameless(analysis.facts), overlay=None))
    return analysis


def corrected_name(what: str, corrections: Corrections) -> str:
    """Name what the cache keeps of a picture that was corrected by hand; otherwise ``what`` itself."""
    return f"{corrections.key[:_KEY_CHARS]}-{what}" if corrections else what


@one_thread()
def analyse_video(path: Path, folder: Path) -> VideoAnalysis:
    """Measure a clip's person, cuts, camera and speed, in at most its first minute; draw what was found.

    Args:
        path: A local clip of any supported format.
        folder: Where analyses are cached.

    Raises:
        MediaError: It is no readable clip.
    """
    cache, sha256 = AnalysisCache(folder), content_sha256(path)
    if kept := _recall_video(cache, sha256, path):
        return kept
    facts = probe_video(path)
    seen = measure_clip(facts)
    facts = replace(facts, size_changes_s=size_changes_s(seen.sampled_frames))
    if not seen.moment_frames:
        raise MediaError("none of its pictures can be decoded.", path=path, advice="Export it again as MP4 (H.264).")
    strip = cache.write_bytes(sha256, "strip.jpg", jpeg(draw_overview(seen)))
    drawn = draw_evidence(seen)
    evidence = {name: cache.write_bytes(sha256, f"{name}.jpg", jpeg(rgb)) for name, rgb in drawn.items()}
    cache.write_track(sha256, "track.npz", seen.track)
    cache.write(sha256, "video.json", _Kept(_nameless(facts), seen.notes, tuple(evidence)))
    return VideoAnalysis(sha256, facts, seen.track, strip, seen.notes, evidence)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the cache keeps of a clip's analysis besides its track and its pictures."""

    facts: VideoFacts
    notes: Notes
    evidence: tuple[str, ...]


def _recall_video(cache: AnalysisCache, sha256: str, path: Path) -> VideoAnalysis | None:
    kept, track = cache.read(sha256, "video.json", _Kept), cache.read_track(sha256, "track.npz")
    strip = cache.place(sha256, "strip.jpg")
    if kept is None or track is None or not strip.is_file():
        return None
    evidence = {name: cache.place(sha256, f"{name}.jpg") for name in kept.evidence}
    if not all(picture.is_file() for picture in evidence.values()):
        return None
    return VideoAnalysis(sha256, replace(kept.facts, path=path), track, strip, kept.notes, evidence)


def kept_notes(path: Path, folder: Path) -> Notes | None:
    """Recall what was measured in a clip besides its poses, if it was analysed; blocking."""
    kept = AnalysisCache(folder).read(content_sha256(path), "video.json", _Kept)
    return kept.notes if kept else None


def _turned_facts(facts: Facts, turns: int) -> Facts:
    return replace(facts, width_px=facts.height_px, height_px=facts.width_px) if turns % 2 else facts


def _nameless(facts: Facts) -> Facts:
    return replace(facts, path=Path())  # the same content may lie elsewhere the next time


def _see(picture: Picture, small: np.ndarray) -> tuple[Group, PersonFacts | None, np.ndarray | None]:
    """Find everybody; others are searched while the main person is read, measured and drawn."""
    detectors = detector_pool()
    faces = detectors.submit(faces_of_others, picture.rgb)
    people = search(picture.rgb)
    more = detectors.submit(outshone, picture.rgb, people)
    if are_small(picture.rgb.shape, people):
        faces = detectors.submit(faces_of_others, picture.rgb, people)
    main = group_of(people).main
    if main is None or main.mask is None:
        return Group(None, ()), None, None
    person, drawn = _person_facts(picture, small, main), draw_person(picture.rgb, main.mask, main.landmarks)
    group = group_of(distinct([*people, *more.result()]))
    if group.main is not None and group.main is not main and group.main.mask is not None:
        person = _person_facts(picture, small, group.main)
        drawn = draw_person(picture.rgb, group.main.mask, group.main.landmarks)
    group = Group(group.main, group.others or bodies_of(picture.rgb, faces.result(), people))
    draw_boxes(drawn, group.others)
    return group, person, drawn


def _see_corrected(
    picture: Picture, small: np.ndarray, corrections: Corrections
) -> tuple[Group, PersonFacts, np.ndarray]:
    """Find everybody, and the main person where and as it was corrected."""
    rgb, people = picture.rgb, search(picture.rgb)
    try:
        pose = corrected_pose(rgb, people, corrections)
    except KlingUIError as error:
        raise MediaError(error.message, path=picture.facts.path, advice=error.advice) from error
    main, mask = pose, pose.mask if pose.mask is not None else np.zeros(rgb.shape[:2], np.float32)
    group = group_of(distinct([main, *people, *outshone(rgb, people)]))
    others = group.others if group.main is main else tuple(box for box in group.others if box != mask_box(main))
    drawn = draw_person(rgb, mask, main.landmarks)
    draw_boxes(drawn, others)
    return Group(main, others), _person_facts(picture, small, main), drawn


def _person_facts(picture: Picture, small: np.ndarray, pose: Pose) -> PersonFacts:
    height, width = picture.rgb.shape[:2]
    landmarks, plan = pose.landmarks.round(_PLACE_DIGITS).tolist(), exposed(small)
    within = content_box(plan)
    return PersonFacts(
        landmarks=tuple((x, y, z, visibility) for x, y, z, visibility in landmarks),
        subject_share=round(pose.subject_share or 0.0, _PLACE_DIGITS),
        box=mask_box(pose),
        confidence=pose.confidence,
        mask_agreement=round(pose.mask_agreement or 0.0, _SHARE_DIGITS),
        tilt_deg=round(float(tilt_deg(pose.landmarks, width / height)), _ANGLE_DIGITS),
        turn_deg=round(float(turn_deg(pose.world_m)), _ANGLE_DIGITS),
        covered=covered_parts(plan, pose.landmarks, within, confidence=pose.confidence),
        hidden=hidden_joints(pose.landmarks, pose.world_m, within)
        or hidden_hands(pose.landmarks, pose.world_m, within),
        turns=stored_turns(picture.rgb, pose),
    )


def _rounded(group: Group) -> tuple[Box, ...]:
    boxes = (tuple(round(side, _PLACE_DIGITS) for side in box) for box in group.others)
    return tuple((left, top, right, bottom) for left, top, right, bottom in boxes)

"""What the motion match says, and the clock on which two clips are compared."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from kling_ui.languages import joined, say, told
from kling_ui.options import Orientation
from kling_ui.scoring.limbs import STILL_LOSS_LEAST, Limb
from kling_ui.vision.pose import PoseTrack

BRIDGED_S = 0.15  # a gap this long between two finds is filled in; the detector loses a person for a frame or two
_BRIDGED_STEPS = 1.6  # and wherever frames are further apart than that, no frame may be missing
_SNAP_STEPS = 0.02  # a frame this near to the moment is that moment's frame
UNREAD_S_MIN = 0.3  # shorter gaps are bridged, and nobody sees them
SURE_VISIBILITY = 0.93  # below it (measured: 0.85-0.92 on dark and painted characters) the detector errs by itself
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A piece of the reference that nothing could be compared with.

    Attributes:
        start_s: Its start, in the reference's seconds.
        end_s: Its end.
        reason: Why, in words that follow "the result ...".
    """

    start_s: float
    end_s: float
    reason: str


def step_s(track: PoseTrack) -> float:
    """Usual time between two frames of a track, in seconds; 0 with fewer than two."""
    return float(np.median(np.diff(track.times_s))) if len(track.times_s) > 1 else 0.0


def end_s(track: PoseTrack) -> float:
    """When the last frame of a track is over, in seconds; 0 without frames."""
    return float(track.times_s[-1]) + step_s(track) if len(track.times_s) else 0.0


def moments(track: PoseTrack, step: float) -> np.ndarray:
    """Evenly spaced times from the first frame of a track to its last, in seconds."""
    if not len(track.times_s):
        return np.zeros(0)
    first, last = float(track.times_s[0]), float(track.times_s[-1])
    return first + step * np.arange(round((last - first) / step) + 1 if step else 1)


def resample(track: PoseTrack, times_s: np.ndarray) -> PoseTrack:
    """Look at a track at other times, linear between its frames.

    Returns:
        The track at ``times_s``; NaN before the first and after the last find, and in gaps longer than
        :data:`BRIDGED_S`.
    """
    step, found = step_s(track), np.flatnonzero(track.found)
    if not len(found):
        shape = (len(times_s), 33)
        return replace(
            track, times_s=times_s, landmarks=np.full((*shape, 4), np.nan), world_m=np.full((*shape, 3), np.nan)
        )
    known_s = track.times_s[found]
    slack = _SNAP_STEPS * step
    after = np.searchsorted(known_s, times_s - slack).clip(0, len(known_s) - 1)
    before = np.where(known_s[after] > times_s + slack, after - 1, after).clip(0)
    gap = known_s[after] - known_s[before]
    share = np.where(gap > 0, (times_s - known_s[before]) / np.where(gap > 0, gap, 1.0), 0.0)
    usable = (gap <= max(BRIDGED_S, _BRIDGED_STEPS * step)) & (times_s >= known_s[0] - slack)
    usable &= times_s < known_s[-1] + max(step - slack, slack)  # a frame stands for the time up to the next one

    def at(values: np.ndarray) -> np.ndarray:
        weight = share.reshape(-1, *[1] * (values.ndim - 1))
        mixed = values[found[before]] * (1 - weight) + values[found[after]] * weight
        mixed[~usable] = np.nan
        return mixed

    return replace(track, times_s=times_s, landmarks=at(track.landmarks), world_m=at(track.world_m))


def spans_of(times_s: np.ndarray, step: float, reasons: Sequence[str]) -> tuple[TimeSpan, ...]:
    """Join neighbouring moments with the same reason.

    Args:
        times_s: ``(moments,)`` evenly spaced, in seconds.
        step: Time that each stands for, in seconds.
        reasons: One a moment; empty where nothing is missing.
    """
    spans: list[TimeSpan] = []
    for time_s, reason in zip(times_s, reasons, strict=True):
        if not reason:
            continue
        start, end = float(time_s), float(time_s) + step
        if spans and spans[-1].reason == reason and start - spans[-1].end_s < step / 2:
            spans[-1] = TimeSpan(spans[-1].start_s, end, reason)
        else:
            spans.append(TimeSpan(start, end, reason))
    return tuple(spans)


@dataclass(frozen=True, slots=True)
class LimbMatch:
    """How well one limb follows.

    Attributes:
        limb: Which one.
        counted: It is part of the figures; hands and feet are only listed.
        error_deg: Mean difference of direction, weighted by visibility and flatness; ``None`` when left out.
        bias_deg: Usual signed difference, clockwise; ``None`` when left out.
        pck_20deg_share: Share of its moments, 0-1, at most 20 degrees off; ``None`` when left out.
        compared_share: Share of the moments with a person in both, 0-1, in which it could be compared.
        importance: How far it moves in the reference, 3-45 degrees: its weight in the score; 0 when not counted.
        left_out: Why it could not be compared; empty when it could.
    """

    limb: Limb
    counted: bool
    error_deg: float | None
    bias_deg: float | None
    pck_20deg_share: float | None
    compared_share: float
    importance: float
    left_out: str


@dataclass(frozen=True, slots=True)
class MatchMoment:
    """A piece of the timeline.

    Attributes:
        time_s: Its start, in the reference's seconds.
        score: The 0-100 figure of this piece; ``None`` where nothing could be compared.
        error_deg: Mean limb-direction error; ``None`` likewise.
    """

    time_s: float
    score: float | None
    error_deg: float | None


@dataclass(frozen=True, slots=True)
class Lag:
    """How late the result follows.

    Attributes:
        late_s: Seconds; negative when it is early.
        frames: The same in frames of the reference.
        uncertainty_s: One standard error of ``late_s``.
        in_step_score: The score with the lag taken off; ``None`` when it is less than a frame.
    """

    late_s: float
    frames: float
    uncertainty_s: float
    in_step_score: float | None


@dataclass(frozen=True, slots=True)
class MotionMatch:
    """How well a result follows its reference. Shares are 0-1; ``None`` means that it could not be measured.

    Attributes:
        orientation: What was compared: directions (``video``), or their changes (``image``).
        reference_s: Length of the reference.
        result_s: Length of the result.
        score: 0-100; :func:`kling_ui.scoring.motion.motion_match` defines it.
        reason: Why there is no score; empty when there is one.
        earned_share: What the limbs earn on average; 1 is exact.
        still_share: What a picture that never moves would earn.
        limb_error_deg: Mean limb-direction error, weighted by visibility and flatness.
        limb_error_plain_deg: The same, every limb and moment alike.
        pck_20deg_share: Share of limbs and moments that are at most 20 degrees off.
        pck_shoulder_share: PCK@0.2: share of joints at most a fifth of a shoulder width off, after alignment.
        akd_shoulder_widths: Average keypoint distance after alignment, in shoulder widths.
        mkr_share: Missing keypoint rate: joints that the reference shows and the result does not.
        visibility: Mean visibility, 0-1, of what was compared: how sure the detector was.
        self_score: What the detector scores against its own reading of the result in a mirror, where it was not sure;
            ``None`` where it was.
        lag: How late it follows; ``None`` when that cannot be told.
        starts_at_s: The moment of the reference with which the result starts; 0 but for a clip cut at its front.
        is_mirrored: The result follows the reference as a mirror does.
        mirrored_score: The score with the result mirrored.
        is_turned_round: The result shows the back where the reference shows the front, or the other way round.
        turned_round_score: The score, in step, with left and right taken as the reference has them; ``None`` otherwise.
        compared_s: Time that could be compared.
        missing: Pieces of the reference that have no counterpart.
        unread_s: Time of the reference in which the detector's reading is not believed: no body could move so.
        apart: Limbs that do not follow while all others do; the score then says little.
        hands_score: The score of the hands alone, which no other figure counts; ``None`` where they are too small.
        face_score: Of how the face turns, nods and rolls, likewise.
        limbs: One row a limb.
        timeline: The score over the reference's time, evenly spaced.
    """

    orientation: Orientation
    reference_s: float
    result_s: float
    score: float | None = None
    reason: str = ""
    earned_share: float | None = None
    still_share: float | None = None
    limb_error_deg: float | None = None
    limb_error_plain_deg: float | None = None
    pck_20deg_share: float | None = None
    pck_shoulder_share: float | None = None
    akd_shoulder_widths: float | None = None
    mkr_share: float | None = None
    visibility: float | None = None
    self_score: float | None = None
    lag: Lag | None = None
    starts_at_s: float = 0.0
    is_mirrored: bool = False
    mirrored_score: float | None = None
    is_turned_round: bool = False
    turned_round_score: float | None = None
    compared_s: float = 0.0
    missing: tuple[TimeSpan, ...] = ()
    unread_s: float = 0.0
    apart: tuple[Limb, ...] = ()
    hands_score: float | None = None
    face_score: float | None = None
    limbs: tuple[LimbMatch, ...] = ()
    timeline: tuple[MatchMoment, ...] = ()

    @property
    def missing_s(self) -> float:
        """Seconds of the reference that have no counterpart."""
        return sum(span.end_s - span.start_s for span in self.missing)

    @property
    def left_out(self) -> tuple[LimbMatch, ...]:
        """The limbs that would count but could not be compared."""
        return tuple(row for row in self.limbs if row.counted and row.left_out)

    @property
    def headline(self) -> str:
        """The figure, and whatever a person must know to read it, in sentences."""
        if self.score is None:
            return say("The motion match could not be measured: {reason}", reason=self.reason)
        figure, motion = f"Motion match {self.score:.0f} of 100.", asdict(self)
        if self.is_turned_round:
            return " ".join(remarks(motion))
        return " ".join([*remarks(motion), figure] if says_little(motion) else [figure, *remarks(motion)])

    def to_json(self) -> dict[str, Any]:
        """Put it into plain JSON types; numbers are rounded to what means something."""
        return _rounded(asdict(self) | {"missing_s": self.missing_s, "headline": self.headline})


def remarks(motion: Mapping[str, Any]) -> list[str]:
    """Say what a person must know to read a score, in sentences.

    Args:
        motion: What :meth:`MotionMatch.to_json` gives, of this release or an earlier one.
    """
    said = [say("It {what}.", what=says_little(motion))] if says_little(motion) else []
    said += [
        say(
            "From {start_s:.1f} to {end_s:.1f} s the result {reason}.",
            start_s=span["start_s"],
            end_s=span["end_s"],
            reason=told(span["reason"]),
        )
        for span in motion.get("missing") or ()
    ]
    lag, visibility = motion.get("lag"), motion.get("visibility")
    if motion.get("is_mirrored"):
        said.append(
            say(
                "It is mirrored, left and right are exchanged; turned back it would be {score:.0f}.",
                score=motion["mirrored_score"],
            )
        )
    if lag and lag["in_step_score"] is not None:
        way = say("late") if lag["late_s"] > 0 else say("early")
        late = {"frames": abs(lag["frames"]), "late_ms": abs(lag["late_s"]) * 1000, "way": way}
        said.append(
            say(
                "It follows {frames:.1f} frames ({late_ms:.0f} ms) {way}; in step it would be {score:.0f}.",
                score=lag["in_step_score"],
                **late,
            )
        )
    if visibility is not None and visibility < SURE_VISIBILITY:
        said.append(say("The person is hard to make out, so the true match may be higher."))
    if left_out := [str(row["limb"]) for row in motion.get("limbs") or () if row["counted"] and row["left_out"]]:
        said.append(say("Not visible in both, so not compared: {limbs}.", limbs=joined(", ", map(told, left_out))))
    still_share = motion.get("still_share")
    if still_share is not None and 1 - still_share < STILL_LOSS_LEAST:
        of_a_picture = 100 * (1 - (1 - still_share) / STILL_LOSS_LEAST)
        said.append(
            say("The reference hardly moves: a picture that never does would get {score:.0f}, too.", score=of_a_picture)
        )
    if (unread_s := motion.get("unread_s") or 0.0) >= UNREAD_S_MIN:
        said.append(
            say(
                "In {unread_s:.1f} s of the reference the person could not be read; a preview holds still there.",
                unread_s=unread_s,
            )
        )
    return said


def says_little(motion: Mapping[str, Any]) -> str:
    """Say, in words that follow "It ...", why the figure by itself says little; empty where it says enough.

    Args:
        motion: As for :func:`remarks`.
    """
    if motion.get("is_turned_round"):
        words = (
            "is turned round, one shows the back and the other the front; "
            "with left and right exchanged it matches {score:.0f} of 100"
        )
        return say(words, score=motion["turned_round_score"])
    if not motion.get("apart"):
        return ""
    *most, last = (say("the {part}", part=told(limb)) for limb in motion["apart"])
    limbs = joined(" and ", (joined(", ", most), last)) if most else last
    return say("follows, except {limbs}", limbs=limbs)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value

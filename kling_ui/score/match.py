"""What the motion match says: plain values, for the page, the ledger and programs."""

from dataclasses import asdict, dataclass
from typing import Any

from kling_ui.choice import Orientation
from kling_ui.score.limbs import Limb
from kling_ui.score.sampling import Span

SURE_VISIBILITY = 0.93  # below it (measured: 0.85-0.92 on dark and painted characters) the detector errs by itself
_DIGITS = 4


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
class Moment:
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
        score: 0-100; :func:`kling_ui.score.motion.motion_match` defines it.
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
        compared_s: Time that could be compared.
        missing: Pieces of the reference that have no counterpart.
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
    compared_s: float = 0.0
    missing: tuple[Span, ...] = ()
    limbs: tuple[LimbMatch, ...] = ()
    timeline: tuple[Moment, ...] = ()

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
            return f"The motion match could not be measured: {self.reason}"
        return " ".join([f"Motion match {self.score:.0f} of 100.", *self._remarks()])

    def to_json(self) -> dict[str, Any]:
        """Put it into plain JSON types; numbers are rounded to what means something."""
        return _rounded(asdict(self) | {"missing_s": self.missing_s, "headline": self.headline})

    def _remarks(self) -> list[str]:
        said = [f"From {span.start_s:.1f} to {span.end_s:.1f} s the result {span.reason}." for span in self.missing]
        if self.is_mirrored:
            said.append(
                f"It is mirrored, left and right are exchanged; turned back it would be {self.mirrored_score:.0f}."
            )
        if self.lag is not None and self.lag.in_step_score is not None:
            way = "late" if self.lag.late_s > 0 else "early"
            by = f"{abs(self.lag.frames):.1f} frames ({abs(self.lag.late_s) * 1000:.0f} ms)"
            said.append(f"It follows {by} {way}; in step it would be {self.lag.in_step_score:.0f}.")
        if self.visibility is not None and self.visibility < SURE_VISIBILITY:
            said.append("The person is hard to make out, so the true match may be higher.")
        if self.left_out:
            said.append(f"Not visible in both, so not compared: {', '.join(row.limb.value for row in self.left_out)}.")
        return said


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value

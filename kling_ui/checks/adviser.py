"""Which orientation suits a clip, and why. Pure functions."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kling_ui.checks.faults import sure_poses
from kling_ui.checks.limits import DURATION_MAX_S, DURATION_SLACK_S, TILT_LYING_DEG, TURNED_DEG, TURNED_SHARE_MIN
from kling_ui.checks.timeline import SpanKind, Timeline
from kling_ui.choice import Orientation
from kling_ui.vision.look import VideoLook
from kling_ui.vision.posture import tilt_deg, turn_deg

_CAMERA_S_MIN = 1.0


@dataclass(frozen=True, slots=True)
class Advice:
    """Which orientation suits a clip.

    Attributes:
        orientation: The one to choose.
        reasons: Why, one sentence each, what decided first.
        is_clear: The other one would fail or disappoint; else it is a matter of taste.
    """

    orientation: Orientation
    reasons: tuple[str, ...]
    is_clear: bool

    def to_json(self) -> dict[str, Any]:
        """Put it into plain JSON types."""
        return {"orientation": self.orientation.value, "reasons": list(self.reasons), "is_clear": self.is_clear}


def advise(look: VideoLook, timeline: Timeline) -> Advice:
    """Choose by length, turns of the body and camera, in this order.

    Args:
        look: The clip.
        timeline: What of it is likely to come back.
    """
    limit_s = DURATION_MAX_S[Orientation.IMAGE].value
    turned, camera_s = turned_share(look), _seconds_of(timeline, SpanKind.CAMERA)
    if look.facts.duration_s > limit_s + DURATION_SLACK_S:
        length = f"The clip lasts {look.facts.duration_s:.1f} s; orientation “image” takes at most {limit_s:.0f} s."
        return Advice(Orientation.VIDEO, (length, *_turns(turned)), is_clear=True)
    if turned >= TURNED_SHARE_MIN:
        return Advice(Orientation.VIDEO, _turns(turned), is_clear=True)
    if camera_s >= _CAMERA_S_MIN:
        camera = f"The camera moves for {camera_s:.1f} s; orientation “image” copes better with that."
        return Advice(Orientation.IMAGE, (camera,), is_clear=False)
    steady = "The body faces the camera and the clip is short, so both work; “video” follows large moves more closely."
    return Advice(Orientation.VIDEO, (steady,), is_clear=False)


def turned_share(look: VideoLook) -> float:
    """Share of the time, 0-1, in which an upright body is turned well away from the camera."""
    if not len(look.track.times_s):
        return 0.0
    upright = tilt_deg(look.track.landmarks, look.track.aspect) < TILT_LYING_DEG
    away = np.abs(turn_deg(look.track.world_m)) >= TURNED_DEG
    return look.share_of(sure_poses(look) & upright & away)


def _turns(share: float) -> tuple[str, ...]:
    if share < TURNED_SHARE_MIN:
        return ()
    return (f"The body is turned away for {share * 100:.0f} % of the time; only orientation “video” follows turns.",)


def _seconds_of(timeline: Timeline, kind: SpanKind) -> float:
    return sum(span.length_s for span in timeline.spans if span.kind == kind)

"""What the player shows of a clip when a person looks closer: its skeleton, and strips of faces, hands and frames."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kling_ui.languages import told
from kling_ui.presentation.result_sentences import (
    CHARACTER_UNSEEN,
    WORST_NAME,
    limb_words,
    no_strip_words,
    strip_name,
    worst_words,
)
from kling_ui.scoring.identity import StripKind, strip_place
from kling_ui.ui.web.signed_files import SignedFiles
from kling_ui.vision.pose import KEYPOINTS, VISIBLE_MIN, Landmark, PoseTrack

# As ``assets/ui/skeletons.js`` joins them: nose, then left and right of shoulders to ankles, fingers and toes.
JOINTS = [
    *KEYPOINTS,
    Landmark.LEFT_INDEX,
    Landmark.RIGHT_INDEX,
    Landmark.LEFT_FOOT_INDEX,
    Landmark.RIGHT_FOOT_INDEX,
]
NOBODY = told("nobody could be made out.")
_THOUSANDTHS = 1000


def skeleton_value(track: PoseTrack) -> dict[str, Any]:
    """Show a clip's skeleton, small enough to be sent: :data:`JOINTS` in thousandths of width and height.

    Args:
        track: Its poses; frames with nobody are left out, joints that are hidden are ``None``.
    """
    rows = track.found
    landmarks = track.landmarks[rows][:, JOINTS]
    places = np.rint(landmarks[..., :2] * _THOUSANDTHS).clip(-_THOUSANDTHS, 2 * _THOUSANDTHS)
    is_seen = landmarks[..., 3] >= VISIBLE_MIN
    joints = [
        [[int(x), int(y)] if seen else None for (x, y), seen in zip(frame, shown, strict=True)]
        for frame, shown in zip(places, is_seen, strict=True)
    ]
    times_s = [round(float(time_s), 3) for time_s in track.times_s[rows]]
    return {"times_s": times_s, "joints": joints} if times_s else {"words": NOBODY}


def closer_value(signed_files: SignedFiles, folder: Path, found: Mapping[str, Any]) -> dict[str, Any]:
    """Show the strips that were drawn of a result, and its worst moments.

    Args:
        signed_files: Signs what is shown.
        folder: Where the strips lie.
        found: What was kept: ``strips``, ``has_character_face`` and ``worst``.
    """
    strips = [_strip_value(signed_files, folder, strip) for strip in found["strips"]]
    faces = next(strip for strip in strips if strip["kind"] == StripKind.FACES)
    if found["has_character_face"]:
        faces["beside"] = signed_files.url(strip_place(folder, "character"))
    elif faces["times_s"]:
        faces["words"] = CHARACTER_UNSEEN
    return {"strips": strips, "worst": None if found["worst"] is None else _worst_value(found["worst"])}


def _strip_value(signed_files: SignedFiles, folder: Path, strip: Mapping[str, Any]) -> dict[str, Any]:
    kind, times_s = StripKind(strip["kind"]), strip["times_s"]
    return {
        "kind": kind.value,
        "name": strip_name(kind),
        "url": signed_files.url(strip_place(folder, kind)) if times_s else "",
        "times_s": times_s,
        "tile_px": strip["tile_px"],
        "words": "" if times_s else no_strip_words(kind, strip["largest_px"]),
    }


def _worst_value(worst: list[Mapping[str, Any]]) -> dict[str, Any]:
    moments = [{"at_s": one["at_s"], "words": limb_words(one["limb"], one["error_deg"])} for one in worst]
    return {"name": WORST_NAME, "moments": moments, "words": worst_words(len(moments))}

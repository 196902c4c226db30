"""What can be corrected of a picture by hand, as an editor shows it: joints that are known, and the figure found."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from kling_ui.corrections import JOINTS, Corrections
from kling_ui.errors import KlingUIError
from kling_ui.media.files import content_sha256
from kling_ui.media.image import read_picture
from kling_ui.vision.analysis import NOTHING_CORRECTED, AnalysisCache, corrected_name
from kling_ui.vision.corrected import LANDMARKS_OF, corrected_pose
from kling_ui.vision.people import group_of, search
from kling_ui.vision.pose import MASK_THRESHOLD, POSE_LONG_SIDE_PX, VISIBLE_MIN, Pose, shrink

_EDITED_LONG_SIDE_PX = 640  # of the figure that a person paints on


class EditableJoint(NamedTuple):
    """A joint as an editor shows it.

    Attributes:
        name: One of :data:`kling_ui.corrections.JOINTS`.
        x: Share of the width.
        y: Share of the height.
        hidden: It is not seen.
        placed: A person put it there, or marked it.
    """

    name: str
    x: float
    y: float
    hidden: bool
    placed: bool


@dataclass(frozen=True, slots=True)
class EditableFigure:
    """What a person can correct of a picture, as an editor shows it.

    Attributes:
        joints: Those that are known.
        figure: A PNG of the character that was found, white where it is and clear elsewhere, without what was painted.
        paint: A PNG of what was painted; ``None`` for nothing.
        found: The joints as they were found, before anything was corrected.
    """

    joints: tuple[EditableJoint, ...]
    figure: Path
    paint: Path | None = None
    found: tuple[EditableJoint, ...] = ()


def find_editable(path: Path, folder: Path, corrections: Corrections = NOTHING_CORRECTED) -> EditableFigure:
    """Find what can be corrected of a picture.

    Args:
        path: A local picture of any supported format.
        folder: Where analyses are cached.
        corrections: What was corrected before.

    Raises:
        MediaError: It is no readable picture.
    """
    cache, sha256 = AnalysisCache(folder), content_sha256(path)
    rgb = read_picture(path, long_side_px=POSE_LONG_SIDE_PX).rgb
    unpainted, people = Corrections(corrections.joints), search(rgb)
    pose = found = group_of(people).main
    if unpainted:
        with suppress(KlingUIError):
            pose = corrected_pose(rgb, people, unpainted)
    figure = shrink(rgb, _EDITED_LONG_SIDE_PX)[..., :1].repeat(4, axis=2)
    figure[...] = 255
    size = figure.shape[1], figure.shape[0]
    on = np.zeros(size[::-1]) if pose is None or pose.mask is None else cv2.resize(pose.mask, size)
    figure[..., 3] = np.where(on > MASK_THRESHOLD, 255, 0)
    place = cache.write_bytes(
        sha256, corrected_name("figure.png", unpainted), cv2.imencode(".png", figure)[1].tobytes()
    )
    name = corrected_name("paint.png", corrections)
    paint = cache.write_bytes(sha256, name, corrections.mask) if corrections.mask else None
    as_found = editable_joints(found, NOTHING_CORRECTED)
    return EditableFigure(tuple(editable_joints(pose, corrections)), place, paint, tuple(as_found))


def editable_joints(pose: Pose | None, corrections: Corrections) -> list[EditableJoint]:
    """List the joints that are known, found or placed, for an editor."""
    if pose is None:
        return [
            EditableJoint(name, *joint.place, joint.hidden, True)
            for name, joint in corrections.joints.items()
            if joint.place
        ]
    listed = []
    for name in JOINTS:
        x, y, _, visibility = pose.landmarks[list(LANDMARKS_OF[name])].mean(axis=0).tolist()
        listed.append(EditableJoint(name, x, y, visibility < VISIBLE_MIN, name in corrections.joints))
    return listed

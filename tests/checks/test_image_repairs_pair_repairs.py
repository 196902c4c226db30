from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kling_ui.checks.image_repairs import pair_repairs, shape_of_clip, upper_body_of_clip, upper_body_of_image
from kling_ui.checks.limits import LimitSource
from kling_ui.checks.repair_kinds import RepairKind
from kling_ui.checks.repair_plan import compose, offers
from kling_ui.checks.report import Finding, FindingCode, Report, Section, Severity
from kling_ui.media.image import ImageFacts
from kling_ui.media.probe import VideoFacts
from kling_ui.media.rectangles import Rect
from kling_ui.options import TransferOptions
from kling_ui.vision.analysis import ImageAnalysis, PersonFacts, VideoAnalysis
from kling_ui.vision.pose import PoseTrack

# Height of BlazePose's 33 landmarks on somebody 1 tall who stands with hanging arms, and how far they are to the side.
HEIGHTS = [0.08, *[0.06] * 6, *[0.07] * 2, *[0.1] * 2, *[0.2] * 2, *[0.34] * 2, *[0.46] * 2, *[0.5] * 6]
HEIGHTS += [*[0.5] * 2, *[0.73] * 2, *[0.93] * 2, *[0.96] * 2, *[0.98] * 2]
SIDES = [0.0, *[0.02] * 10, *[0.1] * 2, *[0.13] * 2, *[0.14] * 8, *[0.06] * 2, *[0.06] * 8]
KNEE, HIP, WRIST = 25, 23, 15


def standing(x: float = 0.5, top: float = 0.1, tall: float = 0.8, aspect: float = 1.0) -> np.ndarray:
    """``(33, 4)`` landmarks of a person in a picture of this width divided by height; sizes in picture heights."""
    sign = np.array([0.0, *([1, 1, 1, -1, -1, -1]), 1, -1, *([1, -1] * 12)])
    across = x + sign * np.array(SIDES) * tall / aspect
    return np.stack([across, top + np.array(HEIGHTS) * tall, np.zeros(33), np.ones(33)], axis=1).astype(np.float32)


def image(width_px: int, height_px: int, landmarks: np.ndarray) -> ImageAnalysis:
    facts = ImageFacts(Path("me.png"), "png", 1_000_000, width_px, height_px, 1, "RGB", False, 1)
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    box = float(low[0]), float(low[1]), float(high[0]), float(high[1])
    rows = tuple((float(x), float(y), float(z), float(v)) for x, y, z, v in landmarks)
    return ImageAnalysis("0" * 64, facts, PersonFacts(rows, 0.2, box, 0.5, 1.0), 0.0, None)


def clip(width_px: int, height_px: int, *landmarks: np.ndarray) -> VideoAnalysis:
    facts = VideoFacts(
        Path("a.mp4"), "mp4", 5_000_000, width_px, height_px, 12.0, 24.0, 288, "h264", "yuv420p", 0, True, "aac"
    )
    times_s = np.linspace(0, 12, len(landmarks), endpoint=False)
    poses = np.stack(landmarks)
    track = PoseTrack(times_s, poses, poses[:, :, :3], width_px / height_px)
    return VideoAnalysis("1" * 64, facts, track, Path("strip.jpg"))


FULL, HALF = standing(), standing(top=0.1, tall=1.8)
SQUARE_FULL, SQUARE_HALF = image(1000, 1000, FULL), image(1000, 1000, HALF)
FULL_CLIP, HALF_CLIP = clip(1000, 1000, FULL, FULL), clip(1000, 1000, HALF, HALF)


def test_a_whole_body_becomes_an_upper_body():
    kept = upper_body_of_image(SQUARE_FULL)
    assert kept is not None
    knees, hands = FULL[KNEE, 1] * 1000, FULL[WRIST + 2, 1] * 1000
    assert hands < kept.bottom_px < knees
    assert kept.top_px < FULL[0, 1] * 1000 - 60  # the hair
    assert kept.left_px < FULL[:, 0].min() * 1000
    assert kept.right_px > FULL[:, 0].max() * 1000


@pytest.mark.parametrize(
    "landmarks",
    [HALF, FULL * (1, -1, 1, 1) + (0, 1, 0, 0), FULL[:, [1, 0, 2, 3]]],
    ids=["an upper body already", "upside down", "lying"],
)
def test_no_upper_body_is_cut_from_what_is_none(landmarks):
    assert upper_body_of_image(image(1000, 1000, landmarks.astype(np.float32))) is None


def test_hands_below_the_knees_leave_no_place_to_cut():
    reaching = FULL.copy()
    reaching[15:23, 1] = 0.8
    assert upper_body_of_image(image(1000, 1000, reaching)) is None


def test_a_clip_is_cut_where_the_upper_body_stays_in_view():
    moved = standing(x=0.4, top=0.12)
    kept = upper_body_of_clip(clip(1000, 1000, FULL, moved, FULL))
    assert kept is not None
    assert kept.left_px < moved[:, 0].min() * 1000
    assert moved[HIP, 1] * 1000 < kept.bottom_px < FULL[KNEE, 1] * 1000


def test_a_clip_of_somebody_who_crouches_cannot_be_cut():
    crouching = standing(top=0.5, tall=0.48)
    assert upper_body_of_clip(clip(1000, 1000, *([FULL] * 3), *([crouching] * 3))) is None


def test_only_the_kept_span_matters():
    analysis = clip(1000, 1000, *([FULL] * 8), *([standing(top=0.5, tall=0.48)] * 4))
    assert upper_body_of_clip(analysis) is None
    assert upper_body_of_clip(analysis, (0.0, 8.0)) is not None


@pytest.mark.parametrize(
    ("poses", "kept"),
    [
        ([standing(0.5, aspect=16 / 9)], Rect(656, 0, 1264, 1080)),
        ([standing(0.1, aspect=16 / 9)], Rect(0, 0, 608, 1080)),
        ([standing(0.3, aspect=16 / 9), standing(0.7, aspect=16 / 9)], None),
    ],
    ids=["in the middle", "at the edge", "walks across"],
)
def test_a_clip_takes_the_shape_of_the_image_when_the_person_stays_in_view(poses, kept):
    assert shape_of_clip(image(1080, 1920, FULL), clip(1920, 1080, *poses)) == kept


def offered(image: ImageAnalysis, video: VideoAnalysis, *rules: str) -> list[RepairKind]:
    return [repair.kind for repair in pair_repairs(image, video, rules)]


def test_what_is_offered_for_a_pair():
    assert offered(SQUARE_FULL, HALF_CLIP, "pair.framing") == [RepairKind.IMAGE_CROP_TO_UPPER]
    assert offered(SQUARE_HALF, FULL_CLIP, "pair.framing") == [RepairKind.VIDEO_CROP_TO_UPPER]
    assert offered(SQUARE_FULL, HALF_CLIP) == []
    wide = clip(1920, 1080, standing(aspect=16 / 9))
    assert offered(image(1080, 1920, FULL), wide, "pair.aspect") == [RepairKind.VIDEO_CROP_TO_SHAPE]


def test_a_pair_is_repaired_together_with_the_rest():
    wide = clip(1920, 1080, standing(aspect=16 / 9))
    wide = replace(wide, facts=replace(wide.facts, format="webm"))
    findings = tuple(
        Finding(code, Severity.WARN, None, LimitSource.SENSE)
        for code in (FindingCode.VIDEO_FORMAT, FindingCode.PAIR_ASPECT)
    )
    report, portrait = Report(pair=Section(findings=findings)), image(1080, 1920, FULL)
    kinds = {repair.kind for repair in offers(portrait, wide, report, TransferOptions())}
    assert kinds == {RepairKind.VIDEO_CONVERT, RepairKind.VIDEO_CROP_TO_SHAPE}
    plan = compose(kinds, portrait, wide, TransferOptions())
    assert plan.image is None
    assert plan.video is not None
    assert plan.video.crop == Rect(656, 0, 1264, 1080)
    assert plan.video.size == (608, 1080)


def test_a_small_crop_is_enlarged_into_the_limits():
    plan = compose({RepairKind.IMAGE_CROP_TO_UPPER}, image(400, 400, FULL), HALF_CLIP, TransferOptions())
    assert plan.image is not None
    assert min(plan.image.size or (0, 0)) == 340

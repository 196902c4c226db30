"""A clip with a cut: what is offered, what it comes to, and what a fresh check says of the result."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from figure import Actor, Scene, draw
from figure.cast import DANCER
from figure.motions import gesture

from kling_ui.checks.preflight import judge
from kling_ui.checks.repair_plan import RepairKind, compose, longest_usable, offers, repair_all, with_repairs
from kling_ui.media.encode import ClipWriter
from kling_ui.media.transform_video import transform_video
from kling_ui.options import TransferOptions
from kling_ui.presentation.findings import repair_effect, repair_label
from kling_ui.vision.analysis import VideoAnalysis, analyse_video

FPS, CUT_FRAME, FRAMES = 12, 42, 96
SILENT = TransferOptions("A person in a hall.", keep_sound=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("span")


@pytest.fixture(scope="module")
def analysis(folder) -> VideoAnalysis:
    """Somebody talks with both hands, for 3.5 s on a terrace and for 4.5 s in a hall."""

    def drawn(frame: int) -> np.ndarray:
        backdrop = "terrace" if frame < CUT_FRAME else "hall"
        scene = Scene((Actor(DANCER, gesture(frame / FPS)),), backdrop=backdrop)
        return draw(scene, width_px=360, height_px=640, supersample=1).rgb

    with ClipWriter(folder / "two-shots.mp4", fps=Fraction(FPS), size=(360, 640)) as writer:
        for frame in range(FRAMES):
            writer.write(drawn(frame))
    return analyse_video(folder / "two-shots.mp4", folder)


def test_the_longest_usable_span_is_the_second_shot(analysis):
    assert longest_usable(analysis) == pytest.approx((3.5, 8.0))
    assert longest_usable(analysis.facts) is None
    assert longest_usable(None) is None


def test_it_is_offered_for_the_findings_that_it_settles(analysis):
    report = judge(None, analysis, SILENT)
    offered = offers(None, analysis, report, SILENT)
    (trim,) = offered
    assert (trim.kind, repair_label(trim), trim.in_all) == (RepairKind.VIDEO_TRIM, "Trim to 4.5 s", True)
    assert repair_effect(trim) == "Keeps 3.5-8.0 s, the longest usable part."
    named = {finding.rule: finding.repair for finding in with_repairs(report, offered).video.findings}
    assert named == {"video.usable": "video.trim", "video.cuts": "video.trim"}


def test_repair_all_and_a_fresh_check(analysis, folder):
    report = judge(None, analysis, SILENT)
    plan = compose(repair_all(offers(None, analysis, report, SILENT)), None, analysis, SILENT)
    assert plan.video is not None
    assert (plan.video.start_s, plan.video.end_s) == pytest.approx((3.5, 8.0))
    facts = transform_video(analysis.facts.path, plan.video, folder)
    assert facts.frame_count == FRAMES - CUT_FRAME  # to the frame
    after = judge(None, analyse_video(facts.path, folder), SILENT)
    assert (report.verdict, after.verdict) == ("warn", "pass")
    assert after.forecast is not None
    assert after.forecast.usable_s == pytest.approx(4.5)


def test_a_person_may_pick_another_span(analysis):
    plan = compose({RepairKind.VIDEO_TRIM}, None, analysis, SILENT, usable=(0.0, 3.5))
    assert plan.video is not None
    assert (plan.video.start_s, plan.video.end_s) == pytest.approx((0.0, 3.5))

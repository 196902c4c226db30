import pytest

from kling_ui.checks.limits import LimitSource
from kling_ui.checks.report import Curve, CurveKind, Evidence, Finding, FindingCode, Severity
from kling_ui.ui.views.findings import evidence_value
from kling_ui.ui.web.signed_files import SignedFiles


@pytest.fixture
def signed_files(tmp_path):
    return SignedFiles(tmp_path, b"secret")


def _finding(rule, evidence):
    code = next(code for code in FindingCode if code.rule == rule)
    return Finding(code, Severity.WARN, 1, LimitSource.KLING, evidence=evidence)


def test_a_picture_is_shown_under_its_signed_address(signed_files, tmp_path):
    (tmp_path / "overlay.jpg").write_bytes(b"x")
    box = (0.1, 0.2, 0.5, 0.9)
    value = evidence_value(signed_files, _finding("image.coverage", Evidence(tmp_path / "overlay.jpg", boxes=(box,))))
    assert value["picture"] == signed_files.url(tmp_path / "overlay.jpg")
    assert value["boxes"] == [list(box)]
    assert value["alt"]


def test_boxes_of_a_clip_are_drawn_in_its_pictures_already(signed_files, tmp_path):
    (tmp_path / "others.jpg").write_bytes(b"x")
    evidence = Evidence(tmp_path / "others.jpg", ((2.0, 2.0),), ((0.1, 0.2, 0.5, 0.9),))
    value = evidence_value(signed_files, _finding("video.people", evidence))
    assert value["boxes"] == []
    assert [span["start_s"] for span in value["spans"]] == [2.0]


def test_a_picture_that_is_gone_is_not_shown(signed_files, tmp_path):
    value = evidence_value(signed_files, _finding("video.cuts", Evidence(tmp_path / "gone.jpg", ((1.0, 1.0),))))
    assert value["picture"] == ""


def test_a_curve_has_its_limit(signed_files):
    curve = Curve(CurveKind.SPEED, (0.0, 1.0), (1.0, 3.0), 2.0)
    value = evidence_value(signed_files, _finding("video.speed", Evidence(curve=curve)))
    assert (value["curve"]["limit"], value["curve"]["points"]) == (2.0, [(0.0, 1.0), (1.0, 3.0)])


@pytest.mark.parametrize("evidence", [None, Evidence()])
def test_without_evidence_nothing_unfolds(signed_files, evidence):
    assert evidence_value(signed_files, _finding("video.size", evidence)) is None

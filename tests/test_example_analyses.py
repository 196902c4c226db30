"""What was found in the examples is shipped with them, so that a first visitor need not wait for it."""

import json

import pytest

from kling_ui.checks.preflight import judge
from kling_ui.media.files import content_sha256
from kling_ui.presentation.findings import report_json
from kling_ui.ui.examples import EXAMPLES, asset, keep_analyses
from kling_ui.vision import analysis as analyses
from kling_ui.vision.analysis import AnalysisCache, analyse_image, analyse_video

RENEW = "run `uv run assets/make_examples.py --analyses`"


@pytest.fixture
def kept(tmp_path):
    keep_analyses(tmp_path)
    return tmp_path


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.key)
def test_nothing_of_an_example_has_to_be_found_anew(example, kept, monkeypatch):
    def watched(*_):
        raise AssertionError(RENEW)

    monkeypatch.setattr(analyses, "measure_clip", watched)
    monkeypatch.setattr(analyses, "_see", watched)
    image = analyse_image(asset(f"examples/{example.image}"), kept)
    video = analyse_video(asset(f"examples/{example.video}"), kept)
    report = judge(image, video, example.choice)
    assert report.verdict != "block"
    assert report.advice.orientation is example.choice.orientation
    sha256 = content_sha256(asset(f"examples/{example.video}"))
    assert AnalysisCache(kept).read_track(sha256, "motion.npz") is not None, RENEW


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.key)
def test_what_is_shipped_is_what_is_found_today(example, kept, tmp_path_factory):
    fresh, image, video = (
        tmp_path_factory.mktemp("fresh"),
        *(asset(f"examples/{name}") for name in (example.image, example.video)),
    )
    said = []
    for folder in (kept, fresh):
        report = report_json(judge(analyse_image(image, folder), analyse_video(video, folder), example.choice))
        said.append(json.loads(json.dumps(report).replace(str(folder), "FOLDER")))
    assert said[0]["verdict"] == said[1]["verdict"]
    assert said[0]["forecast"] == said[1]["forecast"]
    for section in ("image", "video", "pair"):
        assert [one["rule"] for one in said[0][section]["findings"]] == [
            one["rule"] for one in said[1][section]["findings"]
        ], RENEW

import pytest

from kling_ui.checks.repair_kinds import RepairKind
from kling_ui.runs.failure_reasons import explain, recognised
from kling_ui.runs.record import EngineName

CROP, TRIM = RepairKind.IMAGE_CROP_AROUND, RepairKind.VIDEO_TRIM


@pytest.mark.parametrize(
    ("raw", "words", "inputs", "first_repair"),
    [
        ("Image recognition failed, no complete upper body detected", "whole upper body", ("image", "video"), CROP),
        ("No complete upper body detected", "whole upper body", ("image", "video"), CROP),
        (
            "The character in the reference image or the first frame of the motion video is invalid",
            "first frame",
            ("video", "image"),
            TRIM,
        ),
        ("The duration of continuous valid motion is too short", "less than 3 s", ("video",), TRIM),
        ("Failure to pass the risk control system", "moderation", ("image", "video", "prompt"), None),
        (
            "The resolution or aspect ratio of the input image is invalid",
            "size or the shape",
            ("image",),
            RepairKind.IMAGE_RESIZE,
        ),
        ("parallel task over resource pack limit", "busy", (), None),
        ("Multiple people in the video", "more than one person", ("video",), TRIM),
        ("Failed to download the image", "could not fetch", ("image",), None),
        ("video duration must be within 10 s", "length of the video", ("video",), TRIM),
        ("File size limit exceeded", "too large", ("image", "video"), RepairKind.IMAGE_COMPRESS),
        ("Unsupported video codec: hevc", "format", ("video",), RepairKind.VIDEO_CONVERT),
        ("Sensitive content in prompt", "moderation", ("prompt",), None),
        ("Insufficient balance", "no balance", (), None),
        ("render timed out", "took too long", (), None),
        ('Invalid. [{"loc": ["video_url"], "msg": "no"}]', "did not accept the video", ("video",), None),
        ("ECODE 7", "could not make this video", (), None),
        (None, "could not make this video", (), None),
    ],
)
def test_the_vendors_words_become_something_to_act_on(raw, words, inputs, first_repair):
    reason = explain(EngineName.KLING, raw)
    assert words in reason.error
    assert reason.advice
    assert reason.inputs == inputs
    assert (reason.repairs[0] if reason.repairs else None) is first_repair
    assert all(repair.target in {*inputs, "choice"} for repair in reason.repairs)


def test_the_previews_words_are_for_people_already():
    assert explain(EngineName.PREVIEW, "no person was found.").error == "No person was found."
    assert explain(EngineName.PREVIEW, None).error == "The preview could not be drawn."


def test_what_nobody_knows_is_not_recognised():
    assert recognised("ECODE 7") is None

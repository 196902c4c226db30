from dataclasses import replace

from kling_ui.options import Orientation
from kling_ui.ui.views.findings import advice_value


def test_a_long_clip_calls_for_video(canned):
    look = canned["analyse_video"]  # 12 s
    value = advice_value(look, Orientation.IMAGE)
    assert (value["use"], value["is_clear"]) == ("video", True)
    assert value["words"].startswith("“Video” suits this clip. The clip lasts 12.0 s")
    assert advice_value(look, Orientation.VIDEO)["use"] == ""


def test_where_both_work_nothing_is_urged(canned):
    look = canned["analyse_video"]
    short = replace(look, facts=replace(look.facts, duration_s=6.0))
    value = advice_value(short, Orientation.IMAGE)
    assert (value["use"], value["is_clear"]) == ("video", False)


def test_before_the_clip_was_looked_at_there_is_no_advice(canned):
    assert advice_value(None, Orientation.VIDEO) == {}
    assert advice_value(canned["probe_video"], Orientation.VIDEO) == {}

"""The survey of a whole clip: in windows what one look would find, kept by content."""

import asyncio
from dataclasses import replace

import pytest

from kling_ui.checks.usability import SpanKind
from kling_ui.errors import MediaError
from kling_ui.long_clips import survey as survey_module
from kling_ui.long_clips.survey import survey_clip, survey_window, window_spans
from kling_ui.media.probe import probe_video


class HereWorkers:
    """Does the work here and counts the windows."""

    def __init__(self) -> None:
        self.windows = 0

    async def run(self, work, /, *args, timeout_s=None, **kwargs):
        self.windows += work is survey_window
        return work(*args, **kwargs)


@pytest.mark.parametrize(("duration_s", "count"), [(1.0, 1), (30.0, 1), (30.1, 2), (90.0, 3), (600.0, 20)])
def test_windows_cover_a_clip_evenly(duration_s, count):
    spans = window_spans(duration_s)
    assert len(spans) == count
    assert (spans[0][0], spans[-1][1]) == (0.0, duration_s)
    assert max(end_s - start_s for start_s, end_s in spans) <= 30.0


def test_windows_find_shots_and_nobody_where_they_are(numbered, tmp_path):
    facts = probe_video(numbered.write_long(tmp_path / "clip.mp4", 12.0, shot_at=4.5, nobody=(8.0, 12.0)))
    parts = [survey_window(facts, 0.0, 6.0), survey_window(facts, 6.0, 12.0)]
    changes_s = [change_s for part in parts for change_s in part.shot_changes_s]
    assert min(abs(change_s - 4.5) for change_s in changes_s) < 0.1
    assert all(
        start_s <= at_s < end_s
        for part, (start_s, end_s) in zip(parts, [(0, 6), (6, 12)], strict=True)
        for at_s in (*part.shot_changes_s, *part.times_s)
    )
    empty = [span for span in parts[1].spans if span.kind is SpanKind.NOBODY]
    assert [(span.start_s, span.end_s) for span in empty] == [(pytest.approx(8.0, abs=0.3), 12.0)]
    assert not any(span.kind is SpanKind.NOBODY for span in parts[0].spans)
    assert max(parts[0].trunks_per_s) > 0.5


def test_a_survey_is_kept_by_content(long_clip, tmp_path):
    workers = HereWorkers()
    facts, known = asyncio.run(survey_clip(workers, long_clip, tmp_path))
    assert known.duration_s == facts.duration_s == pytest.approx(12.5)
    assert workers.windows == 1
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(long_clip.read_bytes())
    assert asyncio.run(survey_clip(workers, copy, tmp_path))[1] == known
    assert workers.windows == 1


def test_a_clip_of_hours_is_refused_before_it_is_looked_at(long_clip, tmp_path, monkeypatch):
    monkeypatch.setattr(survey_module, "LONGEST_S", 10.0)
    workers = HereWorkers()
    with pytest.raises(MediaError, match="can be planned"):
        asyncio.run(survey_clip(workers, long_clip, tmp_path))
    assert workers.windows == 0


def test_a_part_is_measured_as_a_clip_of_its_own(long_clip):
    facts = probe_video(long_clip)
    late = survey_window(facts, 6.0, 12.0)
    assert (late.spans[0].start_s, late.spans[-1].end_s) == (6.0, 12.0)
    assert survey_window(replace(facts, duration_s=6.0), 0.0, 6.0).times_s[0] < 0.5

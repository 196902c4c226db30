"""The survey of a whole clip, however long: what is usable, where shots change and how fast the figure moves."""

import asyncio
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path

from kling_ui.checks.pieces import ClipSurvey
from kling_ui.checks.usability import SpanKind, TimelineSpan, compose_timeline, forecast
from kling_ui.errors import MediaError
from kling_ui.media.files import content_sha256
from kling_ui.media.probe import VideoFacts, probe_video
from kling_ui.vision.analysis import AnalysisCache, VideoAnalysis
from kling_ui.vision.clip_measurements import measure_clip
from kling_ui.vision.people import one_thread
from kling_ui.vision.shots import CutKind
from kling_ui.workers import Workers

LONGEST_S = 600.0  # a clip that is planned: that many seconds take about a minute to look at
WINDOW_S = 30.0  # that are looked at in one go, as a reference of the usual length is
MARGIN_S = 1.5  # that is looked at on both sides of a window, so that a change of shots there is found
WINDOW_TIMEOUT_S = 120.0
_SAME_CHANGE_S = 0.1  # two windows that overlap find the same change of shots
_KEPT_AS = "survey.json"


async def survey_clip(workers: Workers, path: Path, folder: Path) -> tuple[VideoFacts, ClipSurvey]:
    """Look at a whole clip in windows, several at once; the second survey of the same content is read.

    Args:
        workers: Where it is looked at.
        path: A local clip.
        folder: Where surveys are kept by content.

    Returns:
        What the clip's file says, and the survey.

    Raises:
        MediaError: It cannot be read, or lasts longer than :data:`LONGEST_S`.
        WorkError: A worker died or took too long.
    """
    facts, sha256, kept = await workers.run(recall_survey, path, folder)
    if kept is not None:
        return facts, kept
    if facts.duration_s > LONGEST_S:
        words = f"it lasts {facts.duration_s / 60:.1f} minutes, and clips of up to {LONGEST_S / 60:.0f} can be planned."
        raise MediaError(words, path=path, advice="Cut it into parts first.")
    windows = window_spans(facts.duration_s)
    looked = [
        asyncio.ensure_future(workers.run(survey_window, facts, *window, timeout_s=WINDOW_TIMEOUT_S))
        for window in windows
    ]
    try:
        survey = _joined(facts.duration_s, await asyncio.gather(*looked))
    finally:
        for one in looked:
            one.cancel()
    await asyncio.to_thread(AnalysisCache(folder).write, sha256, _KEPT_AS, survey)
    return facts, survey


def recall_survey(path: Path, folder: Path) -> tuple[VideoFacts, str, ClipSurvey | None]:
    """Read a clip's facts, its hash and the survey that is kept of it; run it in a worker.

    Raises:
        MediaError: It cannot be read.
    """
    facts, sha256 = probe_video(path), content_sha256(path)
    return facts, sha256, AnalysisCache(folder).read(sha256, _KEPT_AS, ClipSurvey)


def window_spans(duration_s: float) -> list[tuple[float, float]]:
    """Divide a clip into equal windows of at most :data:`WINDOW_S`, as start and end in seconds."""
    count = max(1, -int(-duration_s // WINDOW_S))
    edges = [duration_s * number / count for number in range(count + 1)]
    return list(pairwise(edges))


@one_thread()
def survey_window(facts: VideoFacts, start_s: float, end_s: float) -> ClipSurvey:
    """Survey a part of a clip; run it in a worker.

    Args:
        facts: What the clip's file says.
        start_s: Where the part begins.
        end_s: Where it ends.

    Returns:
        What is known of the part alone, in seconds of the whole clip.

    Raises:
        MediaError: It cannot be decoded.
    """
    from_s, to_s = max(0.0, start_s - MARGIN_S), min(facts.duration_s, end_s + MARGIN_S)
    part = replace(facts, duration_s=to_s - from_s, frame_count=max(1, round((to_s - from_s) * facts.fps)))
    seen = measure_clip(part, start_s=from_s, seconds_max=to_s - from_s)
    if not seen.moment_frames:
        return ClipSurvey(facts.duration_s, (TimelineSpan(start_s, end_s, SpanKind.UNSEEN),))
    timeline = forecast(VideoAnalysis("", part, seen.track, Path(), seen.notes))
    spans = (
        TimelineSpan(max(start_s, span.start_s + from_s), min(end_s, span.end_s + from_s), span.kind)
        for span in timeline.spans
    )
    changes_s = (
        from_s + (cut.first_s if cut.kind == CutKind.HARD else (cut.last_s + cut.first_s) / 2)
        for cut in seen.notes.cuts
    )
    speeds = [
        (round(from_s + time_s, 4), speed)
        for time_s, speed in zip(seen.notes.motion_speed.times_s, seen.notes.motion_speed.trunks_per_s, strict=True)
        if start_s <= from_s + time_s < end_s
    ]
    return ClipSurvey(
        facts.duration_s,
        tuple(span for span in spans if span.start_s < span.end_s),
        tuple(round(change_s, 4) for change_s in changes_s if start_s <= change_s < end_s),
        tuple(time_s for time_s, _ in speeds),
        tuple(speed for _, speed in speeds),
    )


def _joined(duration_s: float, parts: list[ClipSurvey]) -> ClipSurvey:
    spans = [span for part in parts for span in part.spans if span.kind != SpanKind.GOOD]
    changes_s: list[float] = []
    for change_s in sorted(chain.from_iterable(part.shot_changes_s for part in parts)):
        if not changes_s or change_s - changes_s[-1] > _SAME_CHANGE_S:
            changes_s.append(change_s)
    return ClipSurvey(
        duration_s,
        compose_timeline(duration_s, spans).spans,
        tuple(changes_s),
        tuple(chain.from_iterable(part.times_s for part in parts)),
        tuple(chain.from_iterable(part.trunks_per_s for part in parts)),
    )

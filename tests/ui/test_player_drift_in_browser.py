"""How far the clips of the player are apart, read off the frames that are shown: each carries its number."""

import json
import random
import statistics

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SEEKS = 20
# Frames a second and frames of reference and result, seconds by which the result begins later, and sounds.
PAIRS = {
    "24 and 30 fps": ((24, 120), (30, 150), 0.0, ""),
    "25 fps, the result shorter": ((25, 125), (25, 90), 0.0, ""),
    "30 and 60 fps, with sound": ((30, 120), (60, 240), 0.0, "aac"),
    "60 and 24 fps, begins late": ((60, 250), (24, 84), 1.2, ""),
}
READ = """(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 192 });
    const pen = canvas.getContext('2d', { willReadFrequently: true });
    const numberOf = (video) => {
        pen.drawImage(video, 0, 0, 320, 192);
        const { data } = pen.getImageData(0, 0, 320, 192);
        return [0, 1, 2, 3, 4, 5, 6, 7].reduce((number, place) => {
            const [x, y] = [80 * (place % 4) + 40, 96 * Math.floor(place / 4) + 48];
            return number + (data[4 * (320 * y + x)] > 125 ? 1 << place : 0);
        }, 0);
    };
    const videos = () => ['reference', 'result'].map((name) => document.querySelector(`[data-pane=${name}] video`));
    window.frames_shown = () => videos().map(numberOf);
    window.watch_frames = (ms) => new Promise((done) => {
        const seen = [], until = performance.now() + ms;
        const look = () => {
            seen.push(window.frames_shown());
            if (performance.now() < until) requestAnimationFrame(look); else done(seen);
        };
        requestAnimationFrame(look);
    });
    window.landed = (time) => new Promise((done) => {
        const slider = document.querySelector('.transport-position');
        slider.value = String(time);
        slider.dispatchEvent(new Event('input', { bubbles: true }));
        const settle = (quiet) => {
            const isQuiet = videos().every((video) => !video.seeking);
            if (quiet > 3) done(window.frames_shown());
            else requestAnimationFrame(() => settle(isQuiet ? quiet + 1 : 0));
        };
        settle(0);
    });
})()"""


def gap_s(shown, rates, at):
    """Seconds between the times that two frames stand for; 0 where these overlap, as they do when both are in step."""
    (low, high), (start, end) = (
        (at_s + number / fps, at_s + (number + 1) / fps) for number, fps, at_s in zip(shown, rates, at, strict=True)
    )
    return max(0.0, low - end, start - high)


@pytest.fixture
def open_pair(chromium, numbered_clip, serve_player, tmp_path):
    """A function that opens the player with two clips."""
    contexts = []

    def opened(reference, result, offset_s, sound):
        for name, (fps, count) in (("reference", reference), ("result", result)):
            numbered_clip(f"{name}.mp4", times=list(range(count)), fps=fps, sound=sound)
        address = serve_player(tmp_path, {"shown/reference.mp4": {"fps": reference[0]}})
        context = chromium.new_context(viewport={"width": 900, "height": 900}, reduced_motion="reduce")
        contexts.append(context)
        page = context.new_page()
        page.goto(address)
        results = [{"run_id": "r", "label": "", "src": "files/result.mp4", "offset": offset_s, "fps": result[0]}]
        page.evaluate("value => show(value)", {"run_id": "r", "reference": "files/reference.mp4", "results": results})
        page.wait_for_function("[...document.querySelectorAll('#player video')].every(video => video.readyState === 4)")
        page.evaluate(READ)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", PAIRS)
def test_clips_stay_within_a_frame_of_each_other(open_pair, name, record_property):
    reference, result, offset_s, _ = PAIRS[name]
    rates, at = (reference[0], result[0]), (0.0, offset_s)
    page, frame_s = open_pair(*PAIRS[name]), 1 / min(rates)
    durations_s = page.evaluate(
        "['reference', 'result'].map((name) => document.querySelector(`[data-pane=${name}] video`).duration)"
    )
    length_s = max(
        at_s + duration_s for at_s, duration_s in zip(at, durations_s, strict=True)
    )  # sound may outlast frames
    draw, wrong = random.Random(16), []  # the same places each time
    for _ in range(SEEKS):
        time_s = draw.uniform(0, length_s - 0.1)
        shown = page.evaluate("share => landed(share)", time_s / length_s)
        has_result = offset_s <= time_s < offset_s + durations_s[1] - 0.002
        fps, at_s = (rates[1], offset_s) if has_result else (rates[0], 0.0)  # the frames that are stepped through
        grid_s = at_s + int((time_s - at_s) * fps + 1e-3) / fps
        expected = [
            min(count - 1, max(0, int((grid_s - at_s) * fps + 1e-3)))
            for (fps, count), at_s in zip((reference, result), at, strict=True)
        ]
        if shown != expected:
            wrong.append((round(time_s, 3), shown, expected))
    assert wrong == []
    both_s = offset_s, min(reference[1] / reference[0], offset_s + result[1] / result[0])
    table = {}
    for speed in ("0.25", "1", "2"):
        page.select_option(".transport-speed", speed)
        gaps = []
        for _ in range(3):
            page.evaluate("share => landed(share)", draw.uniform(both_s[0], both_s[0] + 0.3) / length_s)
            page.click("[data-do=play]")
            page.evaluate("watch_frames(250)")  # browsers begin to play each clip when they like
            seen = page.evaluate("watch_frames(900)")
            page.click("[data-do=play]")
            gaps += [gap_s(pair, rates, at) for pair in seen if pair[0] < reference[1] - 1 and pair[1] < result[1] - 1]
        table[speed] = {
            "looks": len(gaps),
            "apart ms, median": round(1000 * statistics.median(gaps), 1),
            "apart ms, 95 %": round(1000 * statistics.quantiles(gaps, n=20)[-1], 1),
            "apart ms, most": round(1000 * max(gaps), 1),
        }
        assert statistics.quantiles(gaps, n=20)[-1] < frame_s, (speed, table[speed])
    page.select_option(".transport-speed", "1")
    page.evaluate("share => landed(share)", both_s[0] / length_s)
    page.click("[data-do=play]")
    page.evaluate("watch_frames(250)")
    page.evaluate("document.querySelector('[data-pane=reference] video').currentTime += 0.15")  # it hung, say
    page.evaluate("watch_frames(900)")
    seen = page.evaluate("watch_frames(500)")
    page.click("[data-do=play]")
    gaps = [gap_s(pair, rates, at) for pair in seen if pair[0] < reference[1] - 1 and pair[1] < result[1] - 1]
    assert statistics.median(gaps) < frame_s / 2, "it does not catch up"
    record_property("drift", json.dumps(table))
    for speed, row in table.items():
        print(f"{name:28} {speed:>4}x  {row}")  # noqa: T201  the table, with -s or in a report

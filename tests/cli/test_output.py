import errno
import json
import os
import sys
from dataclasses import replace
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest
import typer
from rich.console import Console
from run_records import a_run

from kling_ui.checks.limits import LimitSource
from kling_ui.checks.report import Finding, FindingCode, Report, Section, Severity
from kling_ui.cli.output import guarded, tell
from kling_ui.cli.reports import report_lines
from kling_ui.cli.run import RunProgress, outcome_json, tell_run
from kling_ui.errors import REPORT_ADVICE, KlingUIError, MediaError, RunError, SettingsError
from kling_ui.presentation.findings import report_json
from kling_ui.presentation.run_sentences import CHANNELS
from kling_ui.results import CheckResult, RunResult
from kling_ui.runs.pricing import Quote
from kling_ui.runs.publishing.protocol import Channel, Deliveries, Delivery
from kling_ui.runs.record import EngineName, ResultFacts, RunState
from kling_ui.runs.run_view import LiveFacts, view_of

RECORD = a_run(engine=EngineName.PREVIEW, changed_at=112.5, request_id="req-1")
FACTS = ResultFacts(
    duration_s=5.0, fps=24.0, frame_count=120, width_px=720, height_px=1280, has_audio=True, size_bytes=9
)
DONE = replace(
    RECORD, state=RunState.COMPLETED, result_name="result.mp4", result_facts=FACTS, motion={"score": 93.0}, cost_usd=0.0
)
HERE = Delivery(Channel.INLINE)
CHECKED = CheckResult.of(Report())
A_CUT = "the clip has a cut (at 2.0 s); the model follows one shot only"
FINDING = Finding(FindingCode.VIDEO_CUTS_ONE, Severity.WARN, 1, LimitSource.KLING, {"times_s": [2.0]})


def view(record, **live):
    return view_of(record, LiveFacts(**live), folder=Path("/runs/1"), now=110.0)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MediaError("it is empty.", path=Path("/secret/place/a.mp4")), 2),
        (SettingsError("KLING_UI_PORT takes a number."), 2),
        (KlingUIError("The engine is busy.", advice="Try again."), 1),
        (RunError("It failed."), 1),
        (KeyboardInterrupt(), 130),
        (typer.Exit(5), 5),
    ],
)
def test_an_error_ends_with_its_code_and_never_with_a_traceback(error, code, capsys):
    def work():
        raise error

    with pytest.raises(typer.Exit) as ended:
        guarded(lambda: work, as_json=True)
    printed = capsys.readouterr()
    assert ended.value.exit_code == code
    assert "/secret/place" not in printed.out + printed.err
    if isinstance(error, KlingUIError):
        assert json.loads(printed.out)["error"]["message"] == error.message
        assert str(error) in printed.err


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("when", ["while it loads", "while it works"])
@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError("sk-secret"),
        RuntimeError(""),
        OSError(5, "sk-secret", "/secret/place"),
        UnicodeDecodeError("utf-8", b"sk-secret", 0, 1, "no"),
        RecursionError("sk-secret"),
        MemoryError(),
        ImportError("sk-secret"),
        ExceptionGroup("sk-secret", [ValueError("sk-secret")]),
        StopIteration("sk-secret"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_fault_of_ours_is_told_in_one_line_with_where_to_report_it(error, when, as_json, capsys):
    def fail():
        raise error

    with pytest.raises(typer.Exit) as ended:
        guarded(fail if when == "while it loads" else lambda: fail, as_json=as_json)
    printed = capsys.readouterr()
    assert ended.value.exit_code == 70
    (line,) = printed.err.splitlines()
    assert line.startswith("Error: Something went wrong inside this program")
    assert f"{type(error).__name__} at tests/cli/test_output.py:" in line
    assert REPORT_ADVICE in line
    assert "secret" not in printed.err + printed.out
    if as_json:
        said = json.loads(printed.out)["error"]
        assert set(said) == {"type", "message", "advice", "file"}
        assert (said["type"], said["advice"]) == (type(error).__name__, REPORT_ADVICE)
    else:
        assert printed.out == ""


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), typer.Abort(), typer.BadParameter("no")])
def test_what_the_shell_and_the_parser_settle_is_no_fault_of_ours(error, capsys):
    def work():
        raise error

    with pytest.raises(type(error)):
        guarded(lambda: work, as_json=True)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_an_answer_that_cannot_be_printed_is_told(number, as_json, capsys, monkeypatch):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(sys.stdout, "write", refuse)
    with pytest.raises(typer.Exit) as ended:
        guarded(lambda: lambda: tell("the answer") or 0, as_json=as_json)
    assert ended.value.exit_code == 2
    assert capsys.readouterr().err == f"Error: The answer cannot be printed ({os.strerror(number).lower()}).\n"


@pytest.mark.parametrize("raw", ["No complete upper body detected", "E-77", "Something nobody has seen before"])
def test_the_engines_own_words_are_printed_known_or_not(raw, capsys):
    failed = view(replace(RECORD, engine=EngineName.KLING, state=RunState.FAILED, error="No.", raw_error=raw))
    tell_run(failed, None)
    assert f"The engine's own words: {raw}" in capsys.readouterr().err.splitlines()


def test_a_report_is_told_in_lines():
    size = {"width_px": 720, "height_px": 1280, "size_bytes": 2_500_000}
    clip = {"duration_s": 12.0, "fps": 23.976, "codec": "h264", "has_audio": False, "person_share": 0.97}
    facts = {"file": "b.mp4", "format": "mp4"} | size | clip
    report = Report(video=Section(facts, (FINDING,)), pair=Section({"prompt_chars": 3}))
    assert report_lines(report) == [
        f"Will run, but {A_CUT}.",
        "",
        "Video: b.mp4, MP4, 720 x 1280 px, 2.5 MB, 12.0 s, 23.98 fps, H.264, no sound, "
        "a person in 97 % of the frames looked at",
        f"  warn   T{A_CUT[1:]}.  [video.cuts]",
        "         Trim it to one shot.",
    ]


def test_the_json_of_a_finished_run():
    outcome = outcome_json(RunResult.of(view(DONE), Path("a-b-preview.mp4"), CHECKED))
    assert json.loads(json.dumps(outcome)) == {
        "run_id": "1" * 32,
        "request_id": "req-1",
        "engine": "preview",
        "model": None,
        "schema_sha256": None,
        "status": "completed",
        "video": "a-b-preview.mp4",
        "duration_s": 5.0,
        "fps": 24.0,
        "width_px": 720,
        "height_px": 1280,
        "motion_match": 93.0,
        "motion": {"score": 93.0},
        "estimate_usd": None,
        "cost_usd": 0.0,
        "charge": "no",
        "elapsed_s": 12.5,
        "inputs": [],
        "repairs": [],
        "corrected": None,
        "notes": [],
        "error": None,
        "check": report_json(Report()),
    }


def test_the_json_of_a_failed_and_of_a_blocked_run_says_why():
    failed = view(replace(RECORD, state=RunState.FAILED, error="No person.", advice="Another clip.", raw_error="E1"))
    outcome = outcome_json(RunResult.of(failed, None, CHECKED))
    assert outcome["status"] == "failed"
    assert outcome["error"] == {"message": "No person.", "advice": "Another clip.", "raw": "E1"}
    blocked = Report(video=Section(None, (replace(FINDING, severity=Severity.BLOCK),)))
    outcome = outcome_json(RunResult.blocked(EngineName.PREVIEW, CheckResult.of(blocked)))
    assert (outcome["status"], outcome["error"]["message"]) == (
        "blocked",
        f"Would fail: {A_CUT}.",
    )


def test_without_a_terminal_each_step_is_told_once(capsys):
    with RunProgress() as run_progress:
        run_progress.say("Ready.")
        for progress in (0.0, 0.5, 1.0):
            run_progress.show(view(RECORD, progress=progress, deliveries=Deliveries(HERE, HERE)))
        run_progress.show(view(DONE))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "Ready.",
        f"Image and video: {CHANNELS[Channel.INLINE]}",
        "Drawing the preview: 0 %.",
    ]


def test_on_a_terminal_a_bar_moves():
    screen = StringIO()
    with RunProgress(Console(file=screen, force_terminal=True, width=100)) as run_progress:
        run_progress.say("[not markup]")
        run_progress.show(view(RECORD, progress=0.5))
    assert "[not markup]" in screen.getvalue()
    assert "Drawing the preview: 50 %." in screen.getvalue()


def test_price_and_cost_are_told(capsys):
    price = Quote(rate_usd=0.07, unit="second", duration_s=5.0).to_json()
    paid = replace(RECORD, engine=EngineName.KLING, price=price, estimate_usd=0.35)
    done = replace(paid, state=RunState.COMPLETED, result_name="result.mp4", cost_usd=0.4)
    with RunProgress() as run_progress:
        run_progress.show(view(paid))
        run_progress.show(view(done))
    tell_run(view(done), Path("a.mp4"))
    printed = capsys.readouterr()
    assert printed.out == "a.mp4\n"
    assert printed.err.splitlines() == [
        "About $0.35: 5.0 s at $0.07 a second. The vendor publishes no quote.",
        "Kling is rendering the video.",
        "It cost $0.40; about $0.35 was expected.",
    ]


def test_an_unknown_outcome_tells_what_may_be_charged_and_what_to_do(capsys):
    lost = replace(RECORD, engine=EngineName.KLING, state=RunState.UNKNOWN, error="Not known.", advice="Look there.")
    tell_run(view(lost), None)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "Not known.",
        "It is not known whether it is charged.",
        "Its video may expire at RunComfy in about 7 days.",
        "Look there.",
    ]


@pytest.mark.parametrize(("text", "written"), [("caf\u00e9", "caf\u00e9".encode()), ("caf\udce9", b"caf\xe9")])
def test_a_name_that_is_no_text_is_printed_as_the_bytes_it_is(monkeypatch, text, written):
    stream = TextIOWrapper(BytesIO(), "utf-8", errors="strict")
    monkeypatch.setattr("sys.stdout", stream)
    tell(text)
    stream.flush()
    assert stream.buffer.getvalue() == written + b"\n"

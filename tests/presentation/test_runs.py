from pathlib import Path
from string import Formatter

import pytest
from run_records import a_run

from kling_ui.errors import REPORT_ADVICE, RunError
from kling_ui.options import RigNote
from kling_ui.presentation.run_sentences import CANCELS, CHANNELS, OUTCOMES, REASONS, RIG_NOTES, STARTS, TROUBLES
from kling_ui.presentation.runs import (
    cancel_words,
    delivery_words,
    entry_words,
    expiry_words,
    in_words,
    run_words,
    start_words,
)
from kling_ui.runs.outcomes import CancelAnswer, CancelCode, Outcome, OutcomeCode, ReasonCode, Trouble, TroubleCode
from kling_ui.runs.publishing.protocol import Channel, Deliveries, Delivery
from kling_ui.runs.record import KEPT_S, EngineName, Expiry, RunState, StartCode
from kling_ui.runs.run_view import LiveFacts, view_of

PREVIEW, KLING = EngineName.PREVIEW, EngineName.KLING


def run(state, engine=PREVIEW, **more):
    return a_run(engine=engine, state=state, changed_at=130.0, **more)


def said(record, live=None):
    return run_words(view_of(record, live or LiveFacts(), folder=Path("/runs/1"), now=160.0))


def ended(state, code, engine=KLING, **values):
    """What is said of a run that ended so."""
    return said(run(state, engine, request_id="req-1", **Outcome(state, code, **values).to_columns()))


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (OUTCOMES, OutcomeCode),
        (REASONS, ReasonCode),
        (CANCELS, CancelCode),
        (STARTS, StartCode),
        (TROUBLES, TroubleCode),
        (CHANNELS, Channel),
        (RIG_NOTES, RigNote),
    ],
)
def test_every_code_has_its_sentence(table, codes):
    assert set(table) == set(codes)


@pytest.mark.parametrize("engine", [PREVIEW, KLING])
@pytest.mark.parametrize("code", list(OutcomeCode))
def test_every_outcome_is_a_whole_sentence_whatever_is_known(code, engine):
    words = ended(RunState.FAILED, code, engine, message="The network is down.", raw="ECODE 7")
    assert words.sentence.endswith(".") or words.sentence == "ECODE 7"
    assert not any(name for text in (words.sentence, words.advice) for _, name, _, _ in Formatter().parse(text))


@pytest.mark.parametrize(
    ("record", "live", "words"),
    [
        (run(RunState.PREPARING), LiveFacts(), "Getting the files ready."),
        (run(RunState.SUBMITTING), LiveFacts(), "Handing the files to the preview engine."),
        (run(RunState.SUBMITTING, KLING), LiveFacts(), "Handing the files to RunComfy."),
        (run(RunState.IN_QUEUE), LiveFacts(), "Waiting for its turn."),
        (run(RunState.IN_QUEUE), LiveFacts(queue_position=0), "Waiting: yours is next."),
        (run(RunState.IN_QUEUE), LiveFacts(queue_position=1), "Waiting: 1 run is ahead of yours."),
        (run(RunState.IN_QUEUE), LiveFacts(queue_position=2), "Waiting: 2 runs are ahead of yours."),
        (run(RunState.IN_PROGRESS), LiveFacts(), "Drawing the preview."),
        (run(RunState.IN_PROGRESS), LiveFacts(progress=0.42), "Drawing the preview: 42 %."),
        (run(RunState.IN_PROGRESS, KLING), LiveFacts(), "Kling is rendering the video."),
        (
            run(RunState.IN_PROGRESS, KLING),
            LiveFacts(trouble=Trouble(TroubleCode.RETRIED, "The model API is busy.")),
            "Kling is rendering the video. The model API is busy. It is tried again.",
        ),
        (
            run(RunState.IN_PROGRESS, KLING),
            LiveFacts(needs_token=True),
            "This run goes on at RunComfy. Enter its token to follow it here.",
        ),
        (run(RunState.COLLECTING), LiveFacts(), "The video is ready. Fetching it."),
        (run(RunState.SCORING), LiveFacts(), "The video is ready. Measuring how well it follows the reference."),
        (run(RunState.COMPLETED), LiveFacts(), "The preview is ready."),
        (
            run(RunState.COMPLETED, KLING),
            LiveFacts(trouble=Trouble(TroubleCode.RETRIED, "Old.")),
            "The video is ready and kept here.",
        ),
        (run(RunState.FAILED, error="No person."), LiveFacts(), "No person."),
        (run(RunState.FAILED), LiveFacts(), "The run failed."),
        (run(RunState.CANCELLED), LiveFacts(), "Cancelled before it started. Nothing was rendered."),
        (run(RunState.UNKNOWN, KLING), LiveFacts(), "It is not known whether RunComfy accepted this run."),
    ],
)
def test_every_state_has_its_sentence(record, live, words):
    assert said(record, live).sentence == words


@pytest.mark.parametrize(
    ("words", "sentence", "advice"),
    [
        (
            ended(RunState.FAILED, OutcomeCode.ENGINE_FAILED, raw="no complete upper body detected"),
            "Kling did not find a whole upper body in the image or in the video.",
            "Choose a picture and a clip of one person with head, shoulders and torso in view.",
        ),
        (
            ended(RunState.FAILED, OutcomeCode.ENGINE_FAILED),
            "Kling could not make this video.",
            "Its own words may tell why; change the inputs or try again later.",
        ),
        (
            ended(RunState.FAILED, OutcomeCode.ENGINE_FAILED, PREVIEW, raw="no person was found."),
            "No person was found.",
            "",
        ),
        (ended(RunState.FAILED, OutcomeCode.ENGINE_FAILED, PREVIEW), "The preview could not be drawn.", ""),
        (
            ended(RunState.FAILED, OutcomeCode.REFUSED, raw='[{"loc": ["image_url", "video_url"]}]'),
            "RunComfy did not accept the image and the video.",
            "Its own words tell more.",
        ),
        (
            ended(RunState.FAILED, OutcomeCode.ENGINE_FAILED, raw="Insufficient balance"),
            "The account has no balance left.",
            "Top up the RunComfy account, then try again.",
        ),
        (
            ended(RunState.FAILED, OutcomeCode.ERROR, message="Busy.", advice="Wait.", retry_after_s=30.0),
            "Busy.",
            "Try again in 30 s.",
        ),
        (ended(RunState.FAILED, OutcomeCode.ERROR, message="A {brace}.", advice="{Wait}."), "A {brace}.", "{Wait}."),
        (
            ended(RunState.FAILED, OutcomeCode.NO_VIDEO, message="It is a web page."),
            "The run is done, but there is no video to keep. It is a web page.",
            "Look for the request req-1 in your account at RunComfy. Recovering it tries again.",
        ),
        (
            ended(RunState.FAILED, OutcomeCode.NO_VIDEO, PREVIEW, message="It breaks off."),
            "The run is done, but there is no video to keep. It breaks off.",
            "",
        ),
        (
            ended(RunState.UNKNOWN, OutcomeCode.NOT_TOLD, message="Refused."),
            "Refused. What became of the run is not known; it may be charged.",
            "Look for the request req-1 in your account at RunComfy.",
        ),
        (
            ended(RunState.FAILED, OutcomeCode.FAULT, PREVIEW),
            "Something went wrong inside this program.",
            f"Its log tells more. {REPORT_ADVICE}",
        ),
    ],
)
def test_how_a_run_ended_is_said_with_what_to_do_next(words, sentence, advice):
    assert (words.sentence, words.advice) == (sentence, advice)


def test_a_submit_that_may_have_been_accepted_is_said_to_be_unclear_even_after_a_fault():
    words = ended(RunState.UNKNOWN, OutcomeCode.SUBMIT_UNCLEAR)
    assert words.sentence == "Something went wrong inside this program."
    assert "kling-ui recover" in words.advice


def test_what_an_earlier_release_wrote_down_is_shown_as_it_stands():
    words = said(run(RunState.FAILED, KLING, error="An old sentence.", advice="Old advice.", raw_error="parallel task"))
    assert (words.sentence, words.advice) == ("An old sentence.", "Old advice.")


def test_who_looks_back_reads_how_it_ended():
    record = run(RunState.CANCELLED, **Outcome(RunState.CANCELLED, OutcomeCode.PREVIEW_STOPPED).to_columns())
    words = entry_words(view_of(record, LiveFacts(), folder=Path("/runs/1"), now=160.0))
    assert words == ("Stopped. The half-drawn preview was thrown away.",) * 2 + (None,)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (CancelAnswer(OutcomeCode.CANCELLED_BEFORE_SENDING, KLING), "Cancelled. Nothing was sent."),
        (
            CancelAnswer(CancelCode.GOES_ON, PREVIEW),
            "cannot be stopped any more: the preview engine goes on, and the video will be kept here.",
        ),
        (CancelAnswer(CancelCode.GOES_ON, KLING), "kept here. The run may be charged."),
        (
            CancelAnswer(CancelCode.NOT_KNOWN, KLING, "No answer."),
            "No answer. Whether the run was cancelled",
        ),
    ],
)
def test_what_cancelling_achieved_is_said(answer, words):
    assert words in cancel_words(answer)
    assert cancel_words(answer).endswith(".")


def test_an_answer_to_a_cancel_takes_the_place_of_how_the_files_travel():
    answer = CancelAnswer(CancelCode.GOES_ON, KLING)
    deliveries = Deliveries(Delivery(Channel.INLINE), Delivery(Channel.INLINE))
    live = LiveFacts(deliveries=deliveries)
    assert said(run(RunState.IN_PROGRESS, KLING), live).note == delivery_words(deliveries)
    later = LiveFacts(deliveries=deliveries, cancel_answer=answer)
    assert said(run(RunState.IN_PROGRESS, KLING), later).note == cancel_words(answer)


@pytest.mark.parametrize(
    ("deliveries", "words"),
    [
        (None, ""),
        (
            Deliveries(Delivery(Channel.GIVEN_ADDRESS, "a.example"), Delivery(Channel.GIVEN_ADDRESS, "b.example")),
            "Image: by the address that you gave (a.example). Video: by the address that you gave (b.example).",
        ),
        (
            Deliveries(
                Delivery(Channel.APP_ADDRESS, "x.example", 2), Delivery(Channel.APP_ADDRESS, "x.example", 2), ("No.",)
            ),
            "Image and video: by a signed address of this app (x.example) that works while the run is open, "
            "for at most 2 h. No.",
        ),
    ],
)
def test_how_the_files_travel_is_said_once_where_it_is_the_same(deliveries, words):
    assert delivery_words(deliveries) == words


def test_a_new_run_needs_no_words_and_one_that_was_there_has_them():
    assert start_words(StartCode.NEW) == ""
    assert start_words(StartCode.SAME_OPEN) == "This run is already under way."


def test_an_error_that_has_its_words_keeps_them():
    error = RunError("Not ready.", advice="Wait.")
    assert in_words(error) is error


@pytest.mark.parametrize(
    ("left_s", "words"),
    [
        (KEPT_S, "in about 7 days; it is safe once it is kept here"),
        (47 * 3600.0, "in about 47 h"),
        (2 * 3600.0, "in about 2 h"),
        (119 * 60, "in about 119 min"),
        (5, "in about 1 min"),
        (0, "may have expired"),
        (-3600.0, "may have expired"),
    ],
)
def test_the_time_left_is_told(left_s, words):
    assert words in expiry_words(Expiry(0.0, left_s, is_ready=True))

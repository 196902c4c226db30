import pytest

from kling_ui.errors import RunError
from kling_ui.pauses import Pause, PausedError, PauseScope
from kling_ui.presentation.quota_sentences import lifting_words, pause_words, quota_words
from kling_ui.presentation.runs import in_words
from kling_ui.quotas import DailyQuotaError, QuotaMeasure, QuotaRefusal, QuotaScope


def refusal(measure, scope=QuotaScope.VISITOR, *, limit=5, used=5, asked=1, lifts_in_s=11_520.0):
    return QuotaRefusal(scope=scope, measure=measure, limit=limit, used=used, asked=asked, lifts_in_s=lifts_in_s)


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (refusal(QuotaMeasure.RUNS), "You have made 5 of 5 runs on Kling today"),
        (
            refusal(QuotaMeasure.PREVIEWS, QuotaScope.ADDRESS),
            "From your network address you and others have made 5 of 5 previews today",
        ),
        (refusal(QuotaMeasure.UPLOADS, QuotaScope.TOTAL), "All visitors together have handed in 5 of 5 files today"),
        (
            refusal(QuotaMeasure.SECONDS, limit=60, used=55.04, asked=12.0),
            "You have used 55 of 60 s of video on Kling today, and this would take 12 s",
        ),
        (
            refusal(QuotaMeasure.USD, limit=2, used=1.75, asked=0.84),
            "You have spent $1.75 of $2.00 of the app's money today, and this would take $0.84",
        ),
        (
            refusal(QuotaMeasure.SIZE_BYTES, limit=2e9, used=1.95e9, asked=1e8),
            "You have handed in 1.95 of 2 GB of files today, and this would take 0.1 GB",
        ),
        (refusal(QuotaMeasure.PREVIEWS, used=3, asked=4), "You have made 3 of 5 previews today, and this would take 4"),
    ],
    ids=lambda value: value.measure if isinstance(value, QuotaRefusal) else "",
)
def test_it_is_said_what_is_used_up_and_when_there_is_more(refused, words):
    message, advice = quota_words(refused)
    assert message == f"{words}; more from 00:00 UTC (in 3 h 12 min)."
    assert advice.startswith("It is counted ")


def test_what_never_fits_is_not_put_off_until_midnight():
    message, advice = quota_words(refusal(QuotaMeasure.SECONDS, limit=10, used=0, asked=12.0))
    assert message == "This would take 12 s, and no more than 10 s of video on Kling may be used in a day."
    assert advice.startswith("Shorten the clip")


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        (QuotaMeasure.RUNS, "No runs on Kling may be made here."),
        (QuotaMeasure.USD, "None of the app's money may be spent here."),
        (QuotaMeasure.UPLOADS, "No files may be handed in here."),
        (QuotaMeasure.SECONDS, "No seconds of video on Kling may be used here."),
    ],
)
def test_what_nobody_may_is_not_called_used_up(measure, words):
    assert quota_words(refusal(measure, limit=0, used=0))[0] == words


def test_what_is_not_known_is_said():
    message, _ = quota_words(refusal(QuotaMeasure.USD, limit=2, used=0, asked=None))
    assert message == "Of $2.00 of the app's money a day $0.00 are spent, and it is not known what this run would cost."


@pytest.mark.parametrize(("left_s", "span"), [(86_400.0, "24 h 00 min"), (3_601.0, "1 h 01 min"), (5.0, "1 min")])
def test_the_time_until_midnight_is_rounded_up(left_s, span):
    assert lifting_words(refusal(QuotaMeasure.RUNS, lifts_in_s=left_s)) == f"more from 00:00 UTC (in {span})"


def test_a_pause_says_who_paused_what_until_when_and_why():
    paid = pause_words(Pause(PauseScope.PAID, "Back on Monday."))
    assert paid[0] == "Whoever runs this app has paused new runs on Kling until they end it. Back on Monday."
    assert "preview" in paid[1]
    words, advice = pause_words(Pause(PauseScope.ALL), 7200.0)
    assert words == "Whoever runs this app has paused new uploads, previews and runs for 2 h 00 min more."
    assert "preview" not in advice


@pytest.mark.parametrize(
    "error",
    [DailyQuotaError(refusal(QuotaMeasure.RUNS)), PausedError(Pause(PauseScope.ALL), None)],
    ids=["quota", "pause"],
)
def test_every_way_out_tells_it_in_words(error):
    told = in_words(error)
    assert type(told) is RunError
    assert told.message.endswith((".", "(in 3 h 12 min)."))
    assert told.message != error.message

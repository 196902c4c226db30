import pytest

from kling_ui.errors import SettingsError
from kling_ui.pauses import MESSAGE_MAX_CHARS, Pause, PausedError, PauseScope
from kling_ui.quotas import DailyQuota, DailyQuotas, QuotaMeasure, QuotaScope, Usage, day_of

NOTHING = dict.fromkeys(QuotaScope, Usage())
NOON = 20_000 * 86_400.0 + 43_200.0


def test_all_limits_are_read():
    quota = DailyQuota.parse("runs=5  seconds=60 usd=2.50 previews=50 uploads=100 gb=0.5", "X")
    assert quota == DailyQuota(runs=5, seconds=60, usd=2.5, previews=50, uploads=100, size_bytes=5e8)


@pytest.mark.parametrize("text", ["", "none", "NONE"])
def test_none_is_no_limit(text):
    assert list(DailyQuota.parse(text, "X").limits()) == []
    assert not DailyQuotas(visitor=DailyQuota.parse(text, "X")).is_set


@pytest.mark.parametrize(
    "text",
    [
        *("5", "runs", "runs=", "runs=-1", "runs=1.5", "runs=1e3", "runs=5,usd=2", "run=5", "size_bytes=5"),
        *("usd=1 usd=2", "runs=5 none", "gb=1 gb=1", "seconds=\N{FULLWIDTH DIGIT ONE}", "usd=$2"),
    ],
)
def test_what_cannot_be_read_names_the_variable_and_shows_how(text):
    with pytest.raises(SettingsError, match=r"KLING_UI_QUOTA_TOTAL takes limits .* runs=5 seconds=60 usd=2"):
        DailyQuota.parse(text, "KLING_UI_QUOTA_TOTAL")


@pytest.mark.parametrize(
    ("used", "asked", "is_refused"),
    [
        (Usage(runs=4), Usage(runs=1), False),
        (Usage(runs=5), Usage(runs=1), True),
        (Usage(runs=5), Usage(previews=1), False),  # nothing of what is limited
        (Usage(seconds=0.1 + 0.2), Usage(runs=1, seconds=59.7), False),  # sums are not exact
        (Usage(seconds=1.0), Usage(runs=1, seconds=59.7), True),
        (Usage(), Usage(runs=1, seconds=None), True),  # no limit can be held
    ],
)
def test_a_limit_may_be_reached_and_not_passed(used, asked, is_refused):
    quotas = DailyQuotas(visitor=DailyQuota(runs=5, seconds=60))
    assert (quotas.refusal(asked, NOTHING | {QuotaScope.VISITOR: used}, NOON) is not None) is is_refused


def test_a_limit_of_zero_lets_nothing_in_and_no_day_helps():
    refusal = DailyQuotas(total=DailyQuota(previews=0)).refusal(Usage(previews=1), NOTHING, NOON)
    assert (refusal.scope, refusal.measure, refusal.never_fits) == (QuotaScope.TOTAL, QuotaMeasure.PREVIEWS, True)
    assert refusal.lifts_in_s == 43_200.0


def test_a_day_ends_at_midnight_utc():
    midnight = 20_001 * 86_400.0
    assert (day_of(midnight - 0.001), day_of(midnight)) == (20_000, 20_001)


@pytest.mark.parametrize(
    ("text", "pause"),
    [
        ("paid", Pause(PauseScope.PAID)),
        ("ALL", Pause(PauseScope.ALL)),
        ("paid: Back: on Monday ", Pause(PauseScope.PAID, "Back: on Monday")),
        ("all:two\nlines", Pause(PauseScope.ALL, "two lines")),
    ],
)
def test_a_pause_is_read(text, pause):
    assert Pause.parse(text, "X") == pause


def test_a_message_is_one_line_of_bounded_length():
    assert len(Pause.parse(f"all:{'x' * 1000}", "X").message) == MESSAGE_MAX_CHARS


@pytest.mark.parametrize("text", ["yes", "1", "everything", ":why"])
def test_another_pause_is_refused(text):
    with pytest.raises(SettingsError, match="KLING_UI_PAUSE takes paid or all"):
        Pause.parse(text, "KLING_UI_PAUSE")


def test_a_pause_of_paid_runs_lets_free_ones_in_and_ends_at_its_hour():
    pause = Pause(PauseScope.PAID, until=100.0)
    pause.check(is_paid=False, now=50.0)
    pause.check(is_paid=True, now=100.0)
    with pytest.raises(PausedError) as refused:
        pause.check(is_paid=True, now=40.0)
    assert refused.value.ends_in_s == 60.0

"""What is said where nothing new is let in: a quota of the day is used up, or the app is paused."""

from kling_ui.languages import say, told
from kling_ui.pauses import Pause, PausedError, PauseScope
from kling_ui.presentation.wording import dollars
from kling_ui.quotas import DailyQuotaError, QuotaMeasure, QuotaRefusal, QuotaScope

# Of each measure: what it is called, and what is done with it.
_NOUNS = told(
    {
        QuotaMeasure.RUNS: ("run", "runs on Kling", "made"),
        QuotaMeasure.SECONDS: ("s", "s of video on Kling", "used"),
        QuotaMeasure.USD: ("", "of the app's money", "spent"),
        QuotaMeasure.PREVIEWS: ("preview", "previews", "made"),
        QuotaMeasure.UPLOADS: ("file", "files", "handed in"),
        QuotaMeasure.SIZE_BYTES: ("GB", "GB of files", "handed in"),
    }
)
_NOTHING = told(
    {
        QuotaMeasure.SECONDS: "No seconds of video on Kling",
        QuotaMeasure.USD: "None of the app's money",
        QuotaMeasure.SIZE_BYTES: "No files",
    }
)
_WAYS_OUT = told(
    {
        QuotaMeasure.RUNS: "Until then use the preview, which is free.",
        QuotaMeasure.SECONDS: "Until then use a shorter clip, or the preview, which is free.",
        QuotaMeasure.USD: "Until then use your own token, or the preview, which is free.",
        QuotaMeasure.PREVIEWS: "What you made is still here.",
        QuotaMeasure.UPLOADS: "What you handed in today is still here.",
        QuotaMeasure.SIZE_BYTES: "Until then choose a smaller file, or one that you handed in today.",
    }
)
_SCOPES = told(
    {
        QuotaScope.VISITOR: "It is counted by account or network address.",
        QuotaScope.ADDRESS: "It is counted by network address, which others may share.",
        QuotaScope.TOTAL: "It is counted for all visitors together.",
    }
)


def admission_words(error: DailyQuotaError | PausedError) -> tuple[str, str]:
    """Say why something new is not let in, when it will be, and what to do meanwhile."""
    if isinstance(error, PausedError):
        return pause_words(error.pause, error.ends_in_s)
    return quota_words(error.refusal)


def quota_words(refusal: QuotaRefusal) -> tuple[str, str]:
    """Say why a quota does not allow something and when it will again, and what to do."""
    measure, scope = refusal.measure, _SCOPES[refusal.scope]
    limit, (unit, noun, done) = _amount(measure, refusal.limit), _NOUNS[measure]
    what = say("{amount} {noun}", amount=limit, noun=noun)
    if refusal.asked is None:
        unknown = say("how long the clip is") if measure is QuotaMeasure.SECONDS else say("what this run would cost")
        return (
            say(
                "Of {what} a day {used} are {done}, and it is not known {unknown}.",
                what=what,
                used=_amount(measure, refusal.used),
                done=done,
                unknown=unknown,
            ),
            say("Try again later, or use the preview, which is free."),
        )
    asked = say("{amount} {noun}", amount=_amount(measure, refusal.asked), noun=unit).rstrip()
    if refusal.limit == 0:
        return say(
            "{nothing} may be {done} here.", nothing=_NOTHING.get(measure) or say("No {noun}", noun=noun), done=done
        ), _never(measure)
    if refusal.never_fits:
        takes = (
            say("This would take {asked}", asked=asked)
            if measure is not QuotaMeasure.USD
            else say("This run would cost about {asked}", asked=asked)
        )
        return say(
            "{takes}, and no more than {what} may be {done} in a day.", takes=takes, what=what, done=done
        ), _never(measure)
    who = {
        QuotaScope.VISITOR: say("You have"),
        QuotaScope.ADDRESS: say("From your network address you and others have"),
        QuotaScope.TOTAL: say("All visitors together have"),
    }[refusal.scope]
    needs = (
        ""
        if measure in {QuotaMeasure.RUNS, QuotaMeasure.PREVIEWS, QuotaMeasure.UPLOADS}
        else say(", and this would take {asked}", asked=asked)
    )
    if measure is QuotaMeasure.PREVIEWS and refusal.asked > 1:
        needs = say(", and this would take {asked:.0f}", asked=refusal.asked)
    words = say(
        "{who} {done} {used} of {what} today{needs}; {again}.",
        who=who,
        done=done,
        used=_amount(measure, refusal.used),
        what=what,
        needs=needs,
        again=lifting_words(refusal),
    )
    return words, say("{scope} {way_out}", scope=scope, way_out=_WAYS_OUT[measure])


def lifting_words(refusal: QuotaRefusal) -> str:
    """Say when a quota begins anew: ``more from 00:00 UTC (in 3 h 12 min)``."""
    return say("more from 00:00 UTC (in {wait})", wait=_span(refusal.lifts_in_s))


def pause_words(pause: Pause, ends_in_s: float | None = None) -> tuple[str, str]:
    """Say that nothing new is begun, until when, what goes on, and what to do."""
    new = say("runs on Kling") if pause.scope is PauseScope.PAID else say("uploads, previews and runs")
    until = say("until they end it") if ends_in_s is None else say("for {wait} more", wait=_span(ends_in_s))
    words = say("Whoever runs this app has paused new {new} {until}.", new=new, until=until)
    advice = say("What was begun goes on, and results can be seen and saved.")
    if pause.scope is PauseScope.PAID:
        advice = say("Runs that were begun go on. Use the preview, which is free, or try again later.")
    message = pause.message if pause.message.endswith((".", "!", "?")) or not pause.message else f"{pause.message}."
    return f"{words} {message}".rstrip(), advice


def _span(duration_s: float) -> str:
    hours, minutes = divmod(max(1, int(-(-duration_s // 60))), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def _amount(measure: QuotaMeasure, amount: float) -> str:
    if measure is QuotaMeasure.USD:
        return dollars(amount)
    if measure is QuotaMeasure.SIZE_BYTES:
        return f"{amount / 1e9:.3g}"
    return f"{round(amount, 1):g}"


def _never(measure: QuotaMeasure) -> str:
    if measure is QuotaMeasure.SIZE_BYTES:
        return say("Choose a smaller file.")
    if measure in {QuotaMeasure.SECONDS, QuotaMeasure.USD}:
        return say("Shorten the clip, or use the preview, which is free.")
    return (
        say("Use the preview, which is free.")
        if measure is QuotaMeasure.RUNS
        else say("Whoever runs this app says so.")
    )

"""What is said of a run: where it is, how it ended and what to do next, what came of asking for it or cancelling it."""

import copy
from dataclasses import dataclass, fields

from kling_ui.api.responses import NO_BALANCE
from kling_ui.errors import REPORT_ADVICE, KlingUIError, MediaError, RunError
from kling_ui.languages import in_english, joined, retell, retell_stored, say, say_all, say_many, told
from kling_ui.options import RigNote
from kling_ui.pauses import PausedError
from kling_ui.presentation import money
from kling_ui.presentation.offers import schema_stop_words, through
from kling_ui.presentation.refusals import admission_words
from kling_ui.presentation.wording import dollars
from kling_ui.quotas import DailyQuotaError
from kling_ui.runs.export import EntryWords
from kling_ui.runs.model_schema import SchemaChangedError
from kling_ui.runs.outcomes import (
    CancelAnswer,
    CancelCode,
    Outcome,
    OutcomeCode,
    ReasonCode,
    Trouble,
    TroubleCode,
    recognised,
)
from kling_ui.runs.pricing import BudgetError, PriceRisenError, TooDearError
from kling_ui.runs.publishing.protocol import Channel, Deliveries, Delivery
from kling_ui.runs.record import EngineName, Expiry, RunState, StartCode
from kling_ui.runs.view import UNDO_PAID_S, UNDO_S, Loss, LossError, RunView

RENDERERS = told({EngineName.PREVIEW: "the preview engine", EngineName.KLING: "RunComfy"})
GONE = told("The video was made, but its files are no longer kept here.")
GONE_ADVICE = told(
    {
        EngineName.PREVIEW: "To make another one, choose both inputs again.",
        EngineName.KLING: "Recover it by its request id, if RunComfy still has it.",
    }
)
ENTER_TOKEN = told("This run goes on at RunComfy. Enter its token to follow it here.")
FAULT = told("Something went wrong inside this program.")
DELETED = told("This run was deleted: its files, its prompt and its findings are gone.")
DELETED_FOR_NOW = told("This run was deleted on the page, where it can still be put back.")
NOT_SENT_AGAIN = told("It was not sent again, so that nothing is paid twice.")
RECOVER = told(
    f"{NOT_SENT_AGAIN} Look at the account's requests at RunComfy: if it is there, "
    "recover it here with its token and request id (or with kling-ui recover); if it is not, run it again."
)
LOOK_UP = told("Look for the request {request_id} in your account at {renderer}.")

REASONS: dict[ReasonCode, tuple[str, str]] = told(
    {
        ReasonCode.PREVIEW: ("The preview could not be drawn.", ""),
        ReasonCode.NO_CHARACTER: (
            "The preview found no person in the picture.",
            "Choose one that shows the character from the front, as large as can be.",
        ),
        ReasonCode.NOBODY_MOVES: (
            "The preview found no person in the clip.",
            "Choose one that shows a person moving, head and shoulders in view.",
        ),
        ReasonCode.UPPER_BODY: (
            "Kling did not find a whole upper body in the image or in the video.",
            "Choose a picture and a clip of one person with head, shoulders and torso in view.",
        ),
        ReasonCode.CHARACTER: (
            "Kling did not accept the character in the image, or the first frame of the video.",
            "Trim the video so that it starts with the whole figure clearly in view, or choose another image.",
        ),
        ReasonCode.MOTION_TOO_SHORT: (
            "Kling found less than 3 s of motion it can use in the video.",
            "Trim the video to its longest usable span: one person without cuts, from the front and not covered.",
        ),
        ReasonCode.RISK_CONTROL: (
            "The inputs were refused by content moderation, which does not say which one.",
            "Change the image, the video or the prompt.",
        ),
        ReasonCode.SIZE: (
            "Kling did not accept the size or the shape of the image.",
            "Use a picture of at least 300 px a side that is at most 2.5 times as long as wide.",
        ),
        ReasonCode.BUSY: (
            "Kling is busy with other runs.",
            "Try again later; the inputs are fine.",
        ),
        ReasonCode.SEVERAL_PEOPLE: (
            "Kling found more than one person.",
            "Use a picture and a span of the clip with one person only.",
        ),
        ReasonCode.NOT_FETCHED: (
            "RunComfy could not fetch an input from its address.",
            "Give an address that opens without signing in, or upload the file here.",
        ),
        ReasonCode.DURATION: (
            "Kling did not accept the length of the video.",
            "It takes 3 to 30 s, or 3 to 10 s when the facing follows the image.",
        ),
        ReasonCode.TOO_LARGE: (
            "An input is too large.",
            "Make it smaller: images up to 10 MB and videos up to 100 MB are safe.",
        ),
        ReasonCode.FORMAT: (
            "RunComfy does not take the format of an input.",
            "Use JPEG or PNG for the image and MP4 with H.264 for the video.",
        ),
        ReasonCode.MODERATION: (
            "The inputs were refused by content moderation.",
            "Change the image, the video or the prompt.",
        ),
        ReasonCode.NO_BALANCE: NO_BALANCE,
        ReasonCode.TIMEOUT: (
            "RunComfy took too long over this run and gave up.",
            "Try again later; the inputs may be fine.",
        ),
        ReasonCode.FIELDS: ("RunComfy did not accept the {inputs}.", "Its own words tell more."),
        ReasonCode.OTHER: (
            "Kling could not make this video.",
            "Its own words may tell why; change the inputs or try again later.",
        ),
    }
)

# Each with its advice; they are filled in with the values that _values gives.
OUTCOMES: dict[OutcomeCode, tuple[str, str]] = told(
    {
        OutcomeCode.ERROR: ("{message}", "{advice}"),
        OutcomeCode.FAULT: (FAULT, f"Its log tells more. {REPORT_ADVICE}"),
        OutcomeCode.ENGINE_FAILED: ("{reason}", "{reason_advice}"),
        OutcomeCode.REFUSED: ("{reason}", "{reason_advice}"),
        OutcomeCode.NEVER_ENDED: (
            "RunComfy has not ended this run for so long that its result would be gone by now. It may be charged.",
            LOOK_UP,
        ),
        OutcomeCode.NO_VIDEO: ("The run is done, but there is no video to keep. {message}", "{try_again}"),
        OutcomeCode.VIDEO_EXPIRED: (
            "The run is done, but there is no video to keep. {message} It has expired by now.",
            "{try_again}",
        ),
        OutcomeCode.NOT_TOLD: ("{message} What became of the run is not known; it may be charged.", LOOK_UP),
        OutcomeCode.SUBMIT_UNCLEAR: ("{message}", RECOVER),
        OutcomeCode.STOPPED_EACH_TIME: ("The app stopped each time it drew this preview.", "Try a shorter clip."),
        OutcomeCode.STOPPED_BEFORE_SENDING: (
            "The app stopped before this run was sent. Nothing is charged.",
            "Start it again.",
        ),
        OutcomeCode.STOPPED_WHILE_SENDING: (
            "The app stopped while it sent this run. It is not known whether RunComfy accepted it.",
            RECOVER,
        ),
        OutcomeCode.CANCELLED_AT_ENGINE: ("Cancelled before it started. Nothing was rendered.", ""),
        OutcomeCode.CANCELLED_BEFORE_SENDING: ("Cancelled. Nothing was sent.", ""),
        OutcomeCode.CANCELLED_WHILE_WAITING: ("Cancelled while it waited. Nothing was rendered.", ""),
        OutcomeCode.PREVIEW_STOPPED: ("Stopped. The half-drawn preview was thrown away.", ""),
    }
)
CANCELS = told(
    {
        CancelCode.BEING_SENT: (
            "It is being sent at this moment; once it is accepted, it is cancelled if that is still possible."
        ),
        CancelCode.VIDEO_MADE: "It is too late to cancel: the video is made, and it is kept.",
        CancelCode.ENDED_ALREADY: "This run has already ended.",
        CancelCode.JUST_ENDED: "This run has just ended.",
        CancelCode.ENDED_AT_ENGINE: "It is too late to cancel: the run has just ended.",
        CancelCode.GOES_ON: (
            "It has started and cannot be stopped any more: {renderer} goes on, and the video will be kept here."
        ),
        CancelCode.NOT_KNOWN: (
            "{message} Whether the run was cancelled is not known; it is still followed here, and it may be charged."
        ),
        CancelCode.NOT_FOLLOWED: "This run is not followed here at the moment, so it cannot be cancelled from here.",
    }
)
STARTS = told(
    {
        StartCode.NEW: "",
        StartCode.SAME_RESULT: "You already have this result. Run it again for another one.",
        StartCode.SAME_PAID_RESULT: (
            "You already have this result. Run it again for another one, which is charged again."
        ),
        StartCode.SAME_UNKNOWN: (
            "The same run was started before, and it is not known whether RunComfy accepted it. "
            "Run it again only if it is not among the account's requests: both would be charged."
        ),
        StartCode.SAME_OPEN: "This run is already under way.",
        StartCode.FOUND: "Found. The run is followed on.",
        StartCode.FOUND_WITHOUT_INPUTS: "Found. Its inputs are not known here, so its motion cannot be measured.",
        StartCode.FOUND_HERE: "This result is here already.",
        StartCode.FOUND_FOLLOWED: "This run is being followed already.",
    }
)
TROUBLES = told(
    {
        TroubleCode.RETRIED: "{message} It is tried again.",
        TroubleCode.RETRIED_LATER: "{message} It is tried again in a few minutes.",
        TroubleCode.NOT_WRITTEN: "{message}",
    }
)
CHANNELS = told(
    {  # they go on after "Image: "
        Channel.GIVEN_ADDRESS: "by the address that you gave ({host}).",
        Channel.STORE: (
            "by a signed address in the S3 store ({host}) that works for at most {hours} h; "
            "the copy there is deleted after the run."
        ),
        Channel.APP_ADDRESS: (
            "by a signed address of this app ({host}) that works while the run is open, for at most {hours} h."
        ),
        Channel.INLINE: (
            "inside the request itself. RunComfy's own nodes send files so, but it is not confirmed for this model."
        ),
    }
)
_DRAWING = told({EngineName.PREVIEW: "Drawing the preview", EngineName.KLING: "Kling is rendering the video"})
_READY = told({EngineName.PREVIEW: "The preview is ready.", EngineName.KLING: "The video is ready and kept here."})
_UNDER_WAY = told(
    {
        RunState.PREPARING: "Getting the files ready.",
        RunState.SUBMITTING: "Handing the files to {renderer}.",
        RunState.COLLECTING: "The video is ready. Fetching it.",
        RunState.SCORING: "The video is ready. Measuring how well it follows the reference.",
    }
)
_ENDED = told(
    {  # of runs that were written down without a reason
        RunState.FAILED: "The run failed.",
        RunState.CANCELLED: OUTCOMES[OutcomeCode.CANCELLED_AT_ENGINE][0],
        RunState.UNKNOWN: "It is not known whether {renderer} accepted this run.",
    }
)


RIG_NOTES: dict[RigNote, str] = told(
    {
        RigNote.HANDS_HIDDEN: "Hands are hidden in the picture: arms end at the sleeve and stay with the body.",
        RigNote.LEGS_ONE: "Crossed legs move as one piece.",
        RigNote.SKIRT_ONE: "The cloth around both legs moves as one piece.",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWords:
    """All that is said of a run at one moment; what does not apply is empty.

    Attributes:
        doing: What is happening, or how it ended.
        trouble: What is in the way at the moment and is being tried again.
        advice: What to do next.
        price: What was known of the price before the run.
        cost: What it cost beside what was expected, or whether it is charged at all.
        expiry: Until when its engine keeps a result that is not safe here.
        note: Something worth knowing that is no trouble.
        sentence: What is happening, with what is in the way.
    """

    doing: str
    trouble: str
    advice: str
    price: str
    cost: str
    expiry: str
    note: str
    sentence: str


def run_words(run: RunView) -> RunWords:
    """Say all that there is to say of a run."""
    doing, trouble, needs_token = _doing(run), trouble_words(run.trouble), run.needs_token and not run.is_final
    advice = retell(GONE_ADVICE[run.engine]) if run.result_gone else _outcome_words(run)[1]
    words = RunWords(
        doing=doing,
        trouble=trouble,
        advice=advice,
        price="" if run.quote is None else money.price_sentence(run.quote),
        cost=money.cost_sentence(run),
        expiry="" if run.expiry is None else expiry_words(run.expiry),
        note=_note(run),
        sentence=say_all(doing, trouble) if trouble and not needs_token else doing,
    )
    said = {field.name: through(getattr(words, field.name), run.choice) for field in fields(RunWords)}
    return RunWords(**said)


@in_english
def entry_words(run: RunView) -> EntryWords:
    """Say of a run what is written beside it when somebody looks back."""
    error, advice = _outcome_words(run)
    said = (through(words, run.choice) for words in (_doing(run), error, advice))
    doing, error, advice = said
    return EntryWords(doing, error or None, advice or None)


def rig_words(run: RunView) -> list[str]:
    """Say what of the character a preview moved as one piece; empty for nothing."""
    return [retell(RIG_NOTES[note]) for note in run.notes]


def start_words(code: StartCode) -> str:
    """Say why a request made no new run, or what was found again; empty for a new run."""
    return retell(STARTS[code])


def cancel_words(answer: CancelAnswer) -> str:
    """Say what asking to cancel achieved."""
    if isinstance(answer.code, OutcomeCode):
        return retell(OUTCOMES[answer.code][0])
    words = say(CANCELS[answer.code], renderer=RENDERERS[answer.engine], message=retell_stored(answer.message))
    is_charged = answer.code is CancelCode.GOES_ON and answer.engine is not EngineName.PREVIEW
    return say("{words} The run may be charged.", words=words) if is_charged else words


def trouble_words(trouble: Trouble | None) -> str:
    """Say what is in the way, and what becomes of it; empty when nothing is."""
    return "" if trouble is None else say(TROUBLES[trouble.code], message=retell_stored(trouble.message or FAULT))


def expiry_words(expiry: Expiry) -> str:
    """Say until when a result can be had."""
    if expiry.left_s <= 0:
        return say("The video may have expired at RunComfy by now.")
    if not expiry.is_ready:
        return say("Its video may expire at RunComfy in about {left}.", left=_span(expiry.left_s))
    return say(
        "The video may expire at RunComfy in about {left}; it is safe once it is kept here.", left=_span(expiry.left_s)
    )


def loss_words(run: RunView) -> str:
    """Say what is lost with a run when it is deleted, or why it cannot be."""
    match run.loss:
        case Loss.UNDER_WAY if run.needs_token:
            return say("{enter_token} It can be deleted once it has ended.", enter_token=ENTER_TOKEN)
        case Loss.UNDER_WAY:
            return say("This run is under way. It can be deleted once it has ended or was cancelled.")
        case Loss.NOT_FETCHED:
            request = say("request {request_id}", request_id=run.request_id) if run.request_id else say("the run")
            return say(
                "A video that may be paid for is not fetched yet, and {request} may still have it at RunComfy. "
                "Delete it all the same? Then nothing here leads to it any more, and running it again is "
                "charged again.",
                request=request,
            )
        case Loss.PAID:
            cost = "" if run.cost_usd is None else say(" for {cost_usd}", cost_usd=dollars(run.cost_usd))
            undo = say("It can be put back for {hours} hours.", hours=round(UNDO_PAID_S / 3600))
            return say(
                "Delete this run with its video? It was paid{cost}, and another one is charged again. {undo}",
                cost=cost,
                undo=undo,
            )
        case _:
            return say(
                "Delete this run with its files? It can be put back for {minutes} minutes.", minutes=round(UNDO_S / 60)
            )


def in_words(error: KlingUIError) -> KlingUIError:
    """Give an error as a person is told it: one that carries values gets its sentences, others have them already."""
    if isinstance(error, LossError):
        return RunError(loss_words(error.run), advice=say("Nothing was deleted."))
    if isinstance(error, DailyQuotaError | PausedError):
        message, advice = admission_words(error)
        return RunError(message, advice=advice)
    if isinstance(error, BudgetError):
        message, advice = money.refusal_words(error.refusal)
    elif isinstance(error, PriceRisenError):
        message, advice = money.price_risen_words(error.quote, error.shown_rate_usd)
    elif isinstance(error, SchemaChangedError):
        message, advice = schema_stop_words(error.changes)
    elif isinstance(error, TooDearError):
        message, advice = money.too_dear_words(error.quote, error.max_usd)
    else:
        return _retold(error)
    return RunError(say("{message} Nothing was sent.", message=message), advice=advice)


def _retold(error: KlingUIError) -> KlingUIError:
    """Say the sentences of an error again in the language of who is being answered."""
    message = retell(error.message)
    if isinstance(error, MediaError):
        message = f"{error.path.name}: {retell(error.reason)}"
    if message == error.message and retell(error.advice) == error.advice:
        return error
    again = copy.copy(error)
    again.message, again.advice = message, retell(error.advice)
    return again


def delivery_words(deliveries: Deliveries | None) -> str:
    """Say how the files of a run travel, and why not otherwise; empty where that is not worth saying."""
    if deliveries is None:
        return ""
    image, video = _delivery_words(deliveries.image), _delivery_words(deliveries.video)
    words = (
        [say("Image and video: {image}", image=image)]
        if image == video
        else [say("Image: {image}", image=image), say("Video: {video}", video=video)]
    )
    return say_all(*words, *map(retell_stored, deliveries.refusals))


def _delivery_words(delivery: Delivery) -> str:
    words = say(CHANNELS[delivery.channel], host=delivery.host, hours=delivery.hours)
    return say_all(words, *(retell_stored(finding.message) for finding in delivery.findings))


def _note(run: RunView) -> str:
    return delivery_words(run.deliveries) if run.cancel_answer is None else cancel_words(run.cancel_answer)


def _span(seconds: float) -> str:
    if seconds >= 2 * 86_400:
        return say("{seconds} days", seconds=round(seconds / 86_400))
    return f"{int(seconds // 3600)} h" if seconds >= 7200 else f"{max(1, int(seconds // 60))} min"


def _doing(run: RunView) -> str:
    if run.is_deleted or run.result_gone or (run.needs_token and not run.is_final):
        deleted = DELETED if run.undo_until is None else DELETED_FOR_NOW
        return retell(deleted if run.is_deleted else GONE if run.result_gone else ENTER_TOKEN)
    match run.state:
        case RunState.IN_QUEUE:
            return _queue_words(run.queue_position)
        case RunState.IN_PROGRESS:
            return _progress_words(run.progress, retell(_DRAWING[run.engine]))
        case RunState.COMPLETED:
            return retell(_READY[run.engine])
        case RunState.FAILED | RunState.CANCELLED | RunState.UNKNOWN:
            return _outcome_words(run)[0] or say(_ENDED[run.state], renderer=RENDERERS[run.engine])
        case _:
            return say(_UNDER_WAY[run.state], renderer=RENDERERS[run.engine])


def _queue_words(position: int | None) -> str:
    if position is None:
        return say("Waiting for its turn.")
    if position <= 0:
        return say("Waiting: yours is next.")
    return say_many("Waiting: {count} run is ahead of yours.", "Waiting: {count} runs are ahead of yours.", position)


def _progress_words(progress: float | None, doing: str) -> str:
    return (
        say("{words}.", words=doing)
        if progress is None
        else say("{doing}: {percent:.0f} %.", doing=doing, percent=min(max(progress, 0.0), 1.0) * 100)
    )


def _outcome_words(run: RunView) -> tuple[str, str]:
    """Say how a run ended, and what to do next; both empty where it has not, or with a video."""
    if (outcome := run.outcome) is None:
        return "", ""
    error, advice = OUTCOMES[outcome.code]
    values = _values(run, outcome)
    return say(error, **values), say(advice, **values)


def _values(run: RunView, outcome: Outcome) -> dict[str, str]:
    look_up = say(LOOK_UP, request_id=run.request_id, renderer=RENDERERS[run.engine])
    reason, reason_advice = _reason_words(run, outcome)
    wait = (
        ""
        if outcome.retry_after_s is None
        else say("Try again in {retry_after_s:.0f} s.", retry_after_s=outcome.retry_after_s)
    )
    is_silent = outcome.code is OutcomeCode.SUBMIT_UNCLEAR and not outcome.message
    return {
        "message": retell_stored(FAULT if is_silent else outcome.message),
        "advice": wait or retell_stored(outcome.advice),
        "reason": reason,
        "reason_advice": reason_advice,
        "request_id": run.request_id or "",
        "renderer": retell(RENDERERS[run.engine]),
        "try_again": ""
        if run.engine is EngineName.PREVIEW
        else say("{look_up} Recovering it tries again.", look_up=look_up),
    }


def _reason_words(run: RunView, outcome: Outcome) -> tuple[str, str]:
    code, inputs, raw = run.reason, run.inputs, (outcome.raw or "").strip()
    if outcome.code is OutcomeCode.REFUSED and (known := recognised(raw)) is not None:
        code, inputs = known.code, known.inputs
    if code is None:
        return "", ""
    if code is ReasonCode.PREVIEW and raw:  # its words are ours, for people
        return retell_stored(raw[:1].upper() + raw[1:]), ""
    error, advice = REASONS[code]
    return say(error, inputs=joined(" and the ", map(retell, inputs))), retell(advice)

"""What is said of a run: where it is, how it ended and what to do next, what came of asking for it or cancelling it."""

import copy
from dataclasses import dataclass, fields

from kling_ui.errors import KlingUIError, MediaError, RunError
from kling_ui.languages import in_english, joined, retell, retell_stored, say, say_all, say_many
from kling_ui.pauses import PausedError
from kling_ui.presentation.model_sentences import naming_provider, schema_stop_words
from kling_ui.presentation.price_sentences import (
    cost_sentence,
    price_risen_words,
    price_sentence,
    refusal_words,
    too_dear_words,
)
from kling_ui.presentation.quota_sentences import admission_words
from kling_ui.presentation.run_sentences import (
    CANCELS,
    CHANNELS,
    DELETED,
    DELETED_FOR_NOW,
    DRAWING,
    ENDED,
    ENTER_TOKEN,
    FAULT,
    GONE,
    GONE_ADVICE,
    LOOK_UP,
    OUTCOMES,
    READY,
    REASONS,
    RENDERERS,
    RIG_NOTES,
    STARTS,
    TROUBLES,
    UNDER_WAY,
)
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
    recognised,
)
from kling_ui.runs.pricing import BudgetError, PriceRisenError, TooDearError
from kling_ui.runs.publishing.protocol import Deliveries, Delivery
from kling_ui.runs.record import EngineName, Expiry, RunState, StartCode
from kling_ui.runs.run_view import UNDO_PAID_S, UNDO_S, DeletionLoss, LossError, RunView


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
        price="" if run.quote is None else price_sentence(run.quote),
        cost=cost_sentence(run),
        expiry="" if run.expiry is None else expiry_words(run.expiry),
        note=_note(run),
        sentence=say_all(doing, trouble) if trouble and not needs_token else doing,
    )
    said = {field.name: naming_provider(getattr(words, field.name), run.choice) for field in fields(RunWords)}
    return RunWords(**said)


@in_english
def entry_words(run: RunView) -> EntryWords:
    """Say of a run what is written beside it when somebody looks back."""
    error, advice = _outcome_words(run)
    said = (naming_provider(words, run.choice) for words in (_doing(run), error, advice))
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
        case DeletionLoss.UNDER_WAY if run.needs_token:
            return say("{enter_token} It can be deleted once it has ended.", enter_token=ENTER_TOKEN)
        case DeletionLoss.UNDER_WAY:
            return say("This run is under way. It can be deleted once it has ended or was cancelled.")
        case DeletionLoss.NOT_FETCHED:
            request = say("request {request_id}", request_id=run.request_id) if run.request_id else say("the run")
            return say(
                "A video that may be paid for is not fetched yet, and {request} may still have it at RunComfy. "
                "Delete it all the same? Then nothing here leads to it any more, and running it again is "
                "charged again.",
                request=request,
            )
        case DeletionLoss.PAID:
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
        message, advice = refusal_words(error.refusal)
    elif isinstance(error, PriceRisenError):
        message, advice = price_risen_words(error.quote, error.shown_rate_usd)
    elif isinstance(error, SchemaChangedError):
        message, advice = schema_stop_words(error.changes)
    elif isinstance(error, TooDearError):
        message, advice = too_dear_words(error.quote, error.max_usd)
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
            return _progress_words(run.progress, retell(DRAWING[run.engine]))
        case RunState.COMPLETED:
            return retell(READY[run.engine])
        case RunState.FAILED | RunState.CANCELLED | RunState.UNKNOWN:
            return _outcome_words(run)[0] or say(ENDED[run.state], renderer=RENDERERS[run.engine])
        case _:
            return say(UNDER_WAY[run.state], renderer=RENDERERS[run.engine])


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

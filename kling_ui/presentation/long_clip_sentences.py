"""What is said of how a clip is cut into pieces: where and why, what is lost, what it costs, and how it went on."""

from collections.abc import Sequence

from kling_ui.checks.pieces import ClipCut, CutReason, Piece, PiecePlan
from kling_ui.checks.usability import SpanKind
from kling_ui.languages import retell, say, told
from kling_ui.presentation.price_sentences import dollars, price_sentence
from kling_ui.presentation.wording import SPANS, seconds
from kling_ui.runs.pricing import Quote

TOO_LONG_ADVICE = told(
    "kling-ui plan tells how a longer clip becomes several runs, and what they cost; kling-ui run-long makes and joins "
    "them. In Python these are plan() and run_long()."
)
AGAIN = told(
    "Asked for once more, it goes on from there: pieces that are finished are not made again, nor charged again."
)
FREE = told("The previews are free: this app draws them, and nothing goes to Kling.")
SKIP_BLOCKED = told("Tick “Go on without blocked pieces”, repair the clip, or cut it elsewhere.")
SHOWN_AS_HELD = told("the last picture before it is shown for so long")


def cut_words(cut: ClipCut) -> str:
    """Say why a clip is cut at a moment."""
    speed = say("{speed:.1f} trunk lengths a second", speed=cut.speed)
    shown = "" if cut.kind == SpanKind.GOOD else say("; {span} here", span=_lower(SPANS[cut.kind]))
    match cut.reason:
        case CutReason.STILL:
            return say("the figure is nearly still ({speed}) and whole", speed=speed)
        case CutReason.SLOW:
            return say("the calmest moment there is for a lawful piece ({speed}){shown}", speed=speed, shown=shown)
        case CutReason.SHOT:
            return say("another shot begins")
        case CutReason.EMPTY:
            return say("nobody is in view for seconds on one side")
        case CutReason.HAND:
            return say("you said so ({speed}){shown}", speed=speed, shown=shown)


def _lower(words: str) -> str:
    """Go on with a label in the middle of a sentence."""
    return told(words.lower())


def piece_words(plan: PiecePlan, piece: Piece) -> str:
    """Say from when to when a piece goes, and how long it is."""
    start_s, end_s = plan.seconds(piece.first_frame), plan.seconds(piece.end_frame)
    span = say("Piece {number}: {start_s:.1f}-{end_s:.1f} s", number=piece.number, start_s=start_s, end_s=end_s)
    if piece.is_empty:
        return say("{span}, nobody is in view, so it is not sent; {held}.", span=span, held=SHOWN_AS_HELD)
    overlap = say(" with its overlap") if piece.frame_count > piece.end_frame - piece.first_frame else ""
    return say(
        "{span}, {frame_count:.1f} s long{overlap}.",
        span=span,
        frame_count=plan.seconds(piece.frame_count),
        overlap=overlap,
    )


def plan_words(plan: PiecePlan) -> str:
    """Say in a sentence what a clip becomes."""
    length = seconds(plan.seconds(plan.frame_count))
    if len(plan.pieces) == 1:
        return say("The clip lasts {length}, so one run takes it whole.", length=length)
    sent, paid = len(plan.sent), seconds(plan.sent_s)
    overlap = (
        say(", {overlap_s} of them twice for the overlaps", overlap_s=seconds(plan.overlap_s))
        if plan.overlap_s > 0
        else ""
    )
    return say(
        "The clip of {length} becomes {sent} runs of {paid} together{overlap}.",
        length=length,
        sent=sent,
        paid=paid,
        overlap=overlap,
    )


def plan_price_words(quote: Quote) -> str:
    """Say what all pieces cost on Kling."""
    return say("On Kling: {price}", price=price_sentence(quote))


def lost_words(plan: PiecePlan) -> list[str]:
    """Say what of the clip is likely to come back badly or not at all."""
    return [
        say(
            "{start_s:.1f}-{end_s:.1f} s: {what}.",
            start_s=span.start_s,
            end_s=span.end_s,
            what=_lower(SPANS[span.kind]),
        )
        for span in plan.lost
    ]


def refused_words(refusals: Sequence[tuple[int, str]]) -> str:
    """Say that pieces are blocked by the checks, with what these say of each."""
    said = " ".join(say("Piece {number}: {words}", number=number, words=words) for number, words in refusals)
    return say("Nothing was sent: the checks block {pieces}. {said}", pieces=_pieces(len(refusals)), said=said)


def joined_words(*, pieces: int, held_s: float, length_s: float) -> str:
    """Say that all is joined, and for how long it stands still."""
    held = (
        say("; for {held_s} it stands still, as there is nothing to show", held_s=seconds(held_s)) if held_s > 0 else ""
    )
    return say(
        "{pieces} joined to {length}{held}.", pieces=_pieces(pieces).capitalize(), length=seconds(length_s), held=held
    )


def ended_words(number: int, count: int, words: str) -> str:
    """Say how the piece ended that kept the others from being joined."""
    return say("Piece {number} of {count}: {words}", number=number, count=count, words=words)


def _pieces(count: int) -> str:
    return say("one piece") if count == 1 else say("{count} pieces", count=count)


def offer_words(length_s: float, limit_s: float, least: int) -> tuple[str, str]:
    """Offer to run a clip in pieces, and say so on a button.

    Args:
        length_s: How long the clip is.
        limit_s: How long a run's clip may be.
        least: The fewest pieces that it can become.
    """
    words = say(
        "The clip lasts {length_s}, and a run takes {limit_s} at most. Nothing of it need be lost.",
        length_s=seconds(length_s),
        limit_s=seconds(limit_s),
    )
    return words, say("Run it in {least} pieces", least=least)


def start_label(plan: PiecePlan, quote: Quote, *, is_free: bool) -> str:
    """Say on the button how many pieces are run, where, and what all of them may cost."""
    label = say("Run {pieces} and join them", pieces=_pieces(len(plan.sent)))
    if is_free:
        return label
    price = (
        "" if quote.estimate_usd is None else say(", about {estimate_usd}", estimate_usd=dollars(quote.estimate_usd))
    )
    return say("{label} on Kling{price}", label=label, price=price)


def piece_state_words(state: str, progress: float | None) -> str:
    """Say where a piece is, in a word or two."""
    words = retell(_STATE_WORDS.get(state, state))
    return f"{words} {progress:.0%}" if progress is not None and state in _DRAWN else words


def joined_label(pieces: int) -> str:
    """Name a joined video, and say from how many pieces."""
    return say("Joined from {pieces}", pieces=_pieces(pieces))


def held_words(number: int) -> str:
    """Say why a joined video stands still for a while."""
    return say("stands still, as piece {number} has nothing to show", number=number)


def drift_words(*, colours: float, size_share: float, place_share: float) -> str:
    """Say how much the pieces differ from each other."""
    return say(
        "Between pieces colours differ by up to {colours:.1f} in Lab, the figure's size by "
        "{size_share:.1%}, its place by {place_share:.1%} of the picture.",
        colours=colours,
        size_share=size_share,
        place_share=place_share,
    )


_DRAWN = frozenset({"in_progress"})
_STATE_WORDS = told(
    {
        "waiting": "waiting",
        "empty": "nobody in view",
        "blocked": "blocked",
        "preparing": "being prepared",
        "submitting": "being sent",
        "in_queue": "in the queue",
        "in_progress": "drawing",
        "collecting": "being fetched",
        "scoring": "being measured",
        "completed": "finished",
        "failed": "failed",
        "cancelled": "cancelled",
        "unknown": "outcome not known",
    }
)

"""Where a run is, as the page tells it: from a :class:`RunView` to the plain values that ``status.js`` displays."""

from collections.abc import Mapping
from typing import Any

from kling_ui.checks.repair_kinds import RepairKind
from kling_ui.errors import AuthenticationError, KlingUIError
from kling_ui.languages import joined, retell, retell_stored, say, say_all, told
from kling_ui.media.signatures import shown_name
from kling_ui.presentation import wording
from kling_ui.presentation.model_sentences import engine_label
from kling_ui.presentation.run_sentences import NOT_SENT_AGAIN
from kling_ui.presentation.runs import RunWords, loss_words, run_words
from kling_ui.presentation.wording import ORIENTATIONS
from kling_ui.runs.record import EngineName, RunState
from kling_ui.runs.run_view import DeletionLoss, RunView
from kling_ui.runs.submission import NoTokenError

Action = dict[str, Any]

AGAIN = told("Run it again")
SEE = told("See what was found")
INSTEAD: Action = {"do": "preview", "label": told("Use the preview instead")}
TOKEN: Action = {"do": "token", "label": told("Enter the token")}
UNANSWERED_STEPS = told(
    (
        "Look at your account's requests at RunComfy. If this run is there, enter the token that made it at the top "
        "and its request id below: it is followed on from where it is, and its video is kept here.",
        "If it is not there, run it again.",
    )
)
PLACES = told({"image": "Change the image", "video": "Change the video", "prompt": "Change the scene in words"})
REPAIRS = told(
    {
        RepairKind.IMAGE_CONVERT: "Convert the image",
        RepairKind.IMAGE_COMPRESS: "Compress the image",
        RepairKind.IMAGE_RESIZE: "Resize the image",
        RepairKind.IMAGE_CROP_AROUND: "Crop around the character",
        RepairKind.IMAGE_CROP_TO_ASPECT: "Crop the image",
        RepairKind.IMAGE_PAD_TO_ASPECT: "Pad the image",
        RepairKind.VIDEO_TRIM: "Trim the video",
        RepairKind.VIDEO_CONVERT: "Convert the video",
        RepairKind.VIDEO_COMPRESS: "Compress the video",
        RepairKind.CHOICE_ORIENTATION: "Change the orientation",
    }
)


def status_value(run: RunView, *, words: str = "") -> dict[str, Any]:
    """Show where a run is; a finished one needs no words beside its result.

    Args:
        run: The run.
        words: Why this run is shown in place of a new one.
    """
    if run.state is RunState.COMPLETED and run.files_gone and run.result is None:
        return _gone(run)
    said = run_words(run)
    if run.state is RunState.COMPLETED:
        return {"run_id": run.run_id, "final": True} | (_standing(run, words) if words else {})
    return {
        "run_id": run.run_id,
        "state": run.state.value,
        "who": engine_label(run.engine, run.choice),
        "sentence": said.doing,
        "trouble": said.trouble,
        "progress": run.progress,
        "frame": run.frame,
        "elapsed_s": run.elapsed_s,
        "elapsed_words": ""
        if run.state is RunState.UNKNOWN
        else say("Ended after {elapsed}", elapsed=wording.elapsed(run.elapsed_s)),
        "request_words": ""
        if is_free(run) or not run.request_id
        else say("Request {request_id}", request_id=run.request_id),
        "money": said.cost or ("" if run.is_final else said.price),
        "expiry": said.expiry,
        "can_cancel": run.can_cancel and not run.needs_token,
        "final": run.is_final or run.needs_token,
        "advice": _advice(run, said),
        "standing": words,
        "steps": list(UNANSWERED_STEPS) if _is_unanswered(run) else [],
        "asks_request_id": _is_unanswered(run),
        "actions": _actions(run),
        "raw_error": run.raw_error or "",
    }


def refusal(error: KlingUIError, engine: EngineName | None = None) -> dict[str, Any]:
    """Show why something could not be done, and where to go on; nothing was sent.

    Args:
        error: What happened.
        engine: Where it should have gone.
    """
    wants_token = isinstance(error, AuthenticationError | NoTokenError)
    actions = [TOKEN] if wants_token else []
    return {
        "run_id": "",
        "state": "refused",
        "sentence": retell(error.message),
        "advice": retell(error.advice),
        "actions": [*actions, INSTEAD] if engine is EngineName.KLING else actions,
        "final": True,
    }


def deleted() -> dict[str, Any]:
    """Show that a run is gone because its visitor deleted it."""
    return {"run_id": "", "state": "gone", "sentence": say("The run was deleted."), "final": True}


def is_free(run: RunView) -> bool:
    """Tell whether a run costs nothing."""
    return run.engine is EngineName.PREVIEW


def _standing(run: RunView, words: str) -> dict[str, Any]:
    return {
        "state": "standing",
        "who": engine_label(run.engine, run.choice),
        "sentence": words,
        "actions": [{"do": "again", "label": AGAIN}],
    }


def _gone(run: RunView) -> dict[str, Any]:
    said = run_words(run)
    return {
        "run_id": run.run_id,
        "state": "gone",
        "who": engine_label(run.engine, run.choice),
        "sentence": said.sentence,
        "advice": said.advice,
        "final": True,
    }


def _advice(run: RunView, said: RunWords) -> str:
    if _is_unanswered(run):
        return NOT_SENT_AGAIN
    return said.advice or ("" if run.is_final else said.note)


def _is_unanswered(run: RunView) -> bool:
    """The vendor may have the run, under an id that is not known here."""
    return run.state is RunState.UNKNOWN and run.request_id is None


def _actions(run: RunView) -> list[Action]:
    if run.needs_token:
        return [TOKEN]
    if not run.is_final:
        return []
    actions: list[Action] = []
    if run.can_recover and run.request_id:
        actions.append({"do": "recover", "label": say("Look for it again"), "request_id": run.request_id})
    if run.state is RunState.FAILED:
        actions += _finding_actions(run) + _repair_actions(run)
    if is_free(run) and run.rules:  # it would only fail again
        return actions
    label = say("It is not there: run it again") if _is_unanswered(run) else AGAIN
    return [*actions, {"do": "again", "label": label}] if run.image and run.reference else actions


def _finding_actions(run: RunView) -> list[Action]:
    """Lead to what the checks say of why it failed, else to the input that this is about."""
    if not run.rules:
        return []
    return [{"do": "find", "rules": list(run.rules), "place": run.rules[0].partition(".")[0], "label": SEE}]


def _repair_actions(run: RunView) -> list[Action]:
    """Offer the repairs that help, and else the places of what is to be changed."""
    repairs = [RepairKind(repair) for repair in run.repairs]
    known: list[Action] = [
        {"do": "go", "repair": kind.value, "label": REPAIRS[kind]} for kind in repairs if kind in REPAIRS
    ]
    repaired = {kind.target for kind in repairs}
    return known + [{"do": "go", "place": name, "label": PLACES[name]} for name in run.inputs if name not in repaired]


def about_value(run: RunView) -> dict[str, Any]:
    """Show what a run was made of, what it is called, and what would be lost with it."""
    return {
        "run_id": run.run_id,
        "rows": about_rows(run),
        "name": run.name,
        "can_use": run.image is not None and run.reference is not None,
        "can_go_to_kling": is_free(run) and None not in {run.result, run.image, run.reference},
        "can_delete": run.loss is not DeletionLoss.UNDER_WAY,
        "loss": run.loss.value,
        "loss_words": loss_words(run),
    }


def about_rows(run: RunView) -> list[tuple[str, str]]:
    """Say what a run was made of and what came of it; what nobody knows any more is left out."""
    rows = []
    if run.choice.prompt:  # a recovered run has none, since this model needs one
        rows = [
            (say("Scene in words"), run.choice.prompt),
            (say("Orientation"), ORIENTATIONS[run.choice.orientation]),
            (say("Sound"), say("Kept from the clip") if run.choice.keep_sound else say("Left out")),
        ]
        if run.engine is EngineName.PREVIEW:
            rows.append((say("Size asked for"), run.choice.resolution.value))
    image, video = _facts(run, "image"), _facts(run, "video")
    rows += [
        (say("Picture"), joined(", ", (part for part in (_size(image), _format(image)) if part))),
        (
            say("Clip"),
            joined(", ", (part for part in (_length(video), _size(video), _rate(video), _format(video)) if part)),
        ),
        (say("Repaired before"), _repaired(run)),
        (say("Corrected by you"), _corrected(run)),
        (say("Result"), joined(", ", _result_parts(run))),
    ]
    return [(name, text) for name, text in rows if text]


def _facts(run: RunView, name: str) -> Mapping[str, Any]:
    """Give what the checks measured of an input; ledgers hold less of it in older runs."""
    section = (run.findings or {}).get(name)
    facts = section.get("facts") if isinstance(section, Mapping) else None
    return facts if isinstance(facts, Mapping) else {}


def _size(facts: Mapping[str, Any]) -> str:
    width_px, height_px = facts.get("width_px"), facts.get("height_px")
    return wording.size(width_px, height_px) if isinstance(width_px, int) and isinstance(height_px, int) else ""


def _length(facts: Mapping[str, Any]) -> str:
    return wording.seconds(facts["duration_s"]) if isinstance(facts.get("duration_s"), int | float) else ""


def _rate(facts: Mapping[str, Any]) -> str:
    return wording.rate(facts["fps"]) if isinstance(facts.get("fps"), int | float) else ""


def _format(facts: Mapping[str, Any]) -> str:
    name = facts.get("format")
    return shown_name(name) if isinstance(name, str) else ""


def _repaired(run: RunView) -> str:
    """Say what was done to the inputs before they were sent; runs of earlier releases do not tell."""
    if run.repaired is None:
        return ""
    done = {word: run.repaired.get(name) or () for name, word in (("image", say("Picture")), ("video", say("Clip")))}
    words = [
        say("{what}: {repairs}.", what=word, repairs=joined(", ", (retell_stored(str(label)) for _, label in repairs)))
        for word, repairs in done.items()
        if repairs
    ]
    return say_all(*words) or say("Nothing")


def _corrected(run: RunView) -> str:
    """Say what of the character a person had corrected."""
    if not run.corrected:
        return ""
    joints = joined(", ", (retell(str(joint)) for joint in run.corrected.get("joints") or ()))
    return joined(", ", (part for part in (joints, say("outline") if run.corrected.get("mask") else "") if part))


def _result_parts(run: RunView) -> list[str]:
    parts = [] if run.duration_s is None else [wording.seconds(run.duration_s)]
    if run.width_px and run.height_px:
        parts.append(wording.size(run.width_px, run.height_px))
    return parts if run.fps is None else [*parts, wording.rate(run.fps)]

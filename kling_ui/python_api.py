"""What Python code can call: check, repair, run, score and models, as the commands do.

plan, run_long, batch and sheet stand where their work is done; a check is quicker for not importing them.

Each comes twice. ``check`` waits for its result; ``acheck`` is awaited, takes the same and returns the same, and so on,
as ``anext`` does in Python. The twins need asyncio; cancelling one ends its work, as Ctrl+C does for the others.

Work on pixels is done in worker processes, which do not run the calling script again.

Inability is an error of :mod:`kling_ui.errors`. What the checks find, and a run without a video, is a result.
"""

from collections.abc import Collection
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from kling_ui.checks.adjustments import adjustment_of
from kling_ui.checks.repair_session import RepairInput, RepairPhase, RepairRequest
from kling_ui.composition import blocking, open_parts
from kling_ui.errors import KlingUIError, SettingsError
from kling_ui.options import DEFAULT_PROMPT, Orientation, member_of
from kling_ui.presentation.findings import repair_effect, repair_label
from kling_ui.presentation.runs import in_words
from kling_ui.results import CheckResult, Progress, RepairResult, RunResult
from kling_ui.run_orders import AnyPath, OnProgress, RunOrder, carry_out, open_folder, options_of, path_of
from kling_ui.runs.pricing import ModelOffer
from kling_ui.runs.record import EngineName, RunInputs
from kling_ui.scoring.match import MotionMatch
from kling_ui.settings import Settings


async def acheck(
    image: AnyPath | None = None,
    video: AnyPath | None = None,
    *,
    prompt: str = DEFAULT_PROMPT,
    orientation: str = "video",
    keep_sound: bool = True,
    accept: Collection[str] = (),
    joints: AnyPath | None = None,
    mask: AnyPath | None = None,
    settings: Settings | None = None,
) -> CheckResult:
    """Look at the inputs and say whether a run will work; nothing is sent.

    Args:
        image: The character image.
        video: The reference video.
        prompt: Scene, clothes and light in words, 1-2500 characters.
        orientation: Whose facing the result follows: ``video`` (at most 30 s) or ``image`` (at most 10 s).
        keep_sound: Keep the reference's sound.
        accept: Ids of rules that a person overrules; only where :attr:`Problem.may_accept` allows it.
        joints: A JSON file of joints of the character that are placed by hand, see ``docs/corrections.md``.
        mask: A PNG that says what of the image is the character: white is, black is not, clear is as it was found.
        settings: Other settings than those of the environment.

    Raises:
        MediaError: A file cannot be read.
        SettingsError: An argument or a variable of the environment has a value that cannot be used.
        WorkError: A worker died or took too long.
    """
    choice = options_of(prompt, orientation, keep_sound)
    _require_input(image, video)
    # One process looks at both files: an image takes it a moment, and each loads the models, which takes a second.
    async with open_parts(settings or Settings.from_env(), worker_count=1) as parts:
        corrections = await parts.corrections(path_of(image), path_of(joints), path_of(mask))
        report = await parts.preflight.report(path_of(image), path_of(video), choice, corrections)
    return CheckResult.of(report.accepting(accept))


async def arepair(
    image: AnyPath | None = None,
    video: AnyPath | None = None,
    *,
    out: AnyPath,
    orientation: str = "video",
    keep_sound: bool = True,
    person: int | None = None,
    trim: tuple[float, float] | None = None,
    crop: tuple[int, int, int, int] | None = None,
    turn: str | None = None,
    on_progress: OnProgress | None = None,
    settings: Settings | None = None,
) -> RepairResult:
    """Repair what the checks find, into new files; the originals stay as they are.

    With ``trim``, ``crop`` or ``turn`` one file becomes what they say, and nothing is repaired besides.

    Args:
        image: The character image.
        video: The reference video.
        out: Folder for the copies, as ``<name>-repaired.<suffix>``; nothing in it is overwritten.
        orientation: Whose facing the result is to follow, ``video`` or ``image``.
        keep_sound: Keep the reference's sound, if it has any.
        person: Whom to keep where an input shows several people, counted from the left: the others are cropped out.
        trim: What to keep of a clip, from when to when, in seconds.
        crop: What to keep of each picture: left, top, width and height, in px as displayed before a turn.
        turn: ``left``, ``right`` or ``over``.
        on_progress: Told what is being done, on the thread of the event loop.
        settings: Other settings than those of the environment.

    Raises:
        MediaError: A file cannot be read, a copy cannot be written, what is asked for is not lawful, or nobody can be
            kept alone under that number.
        SettingsError: An argument or a variable of the environment has a value that cannot be used.
        WorkError: A worker died or took too long.
    """
    choice = options_of(DEFAULT_PROMPT, orientation, keep_sound)
    _require_input(image, video)
    adjustment = adjustment_of(trim, crop, turn)
    if adjustment and (person is not None or (image is not None and video is not None)):
        raise SettingsError("trim, crop and turn are of one file.", advice="Give it alone; repair the copy afterwards.")
    tell = on_progress or (lambda _news: None)
    async with open_parts(settings or Settings.from_env()) as parts:
        tell(Progress("Looking at the inputs."))
        if adjustment:
            planned = await parts.repairs.plan_adjustment(path_of(image), path_of(video), adjustment, choice)
        else:
            request = RepairRequest(_to_repair(image), _to_repair(video), choice, person=person)
            planned = await parts.repairs.plan(request)
        if not planned.kinds and not adjustment:
            return RepairResult.of(planned, planned.sources, planned.before, planned.report)
        for repair in planned.repairs:
            tell(Progress(f"{repair_label(repair)}. {repair_effect(repair)}"))
        repaired = await parts.repairs.write(planned, Path(out), on_progress=partial(_tell_phase, tell))
    return RepairResult.of(planned, repaired.copies, repaired.after, repaired.report)


async def arun(
    image: AnyPath,
    video: AnyPath,
    *,
    engine: str = "preview",
    prompt: str = DEFAULT_PROMPT,
    orientation: str = "video",
    keep_sound: bool = True,
    resolution: str = "720p",
    model: str = "",
    out: AnyPath = ".",
    max_price_usd: float | None = None,
    token: str | None = None,
    accept: Collection[str] = (),
    again: bool = False,
    joints: AnyPath | None = None,
    mask: AnyPath | None = None,
    transparent: bool = False,
    on_progress: OnProgress | None = None,
    settings: Settings | None = None,
) -> RunResult:
    """Check the inputs, make the video, measure how well it follows, and put it into a folder.

    A paid run is made only within ``max_price_usd``: the price is read right before it is sent, and it is not sent when
    it would cost more or when its price is not known. The budgets of the settings hold besides. The same run is not
    made twice: one that is under way is followed, one that was completed is given again; neither is charged again.

    Cancelling ends a preview; a paid run is cancelled if it has not started yet, else RunComfy goes on with it, and
    ``kling-ui recover`` fetches its video.

    Args:
        image: The character image.
        video: The reference video.
        engine: Who renders: ``preview`` is free and drawn on this machine, ``kling`` is paid and needs a token.
        prompt: Scene, clothes and light in words, 1-2500 characters, sent to Kling as they are; without any,
            :data:`kling_ui.options.DEFAULT_PROMPT` is sent: "A person dancing in daylight". The motion comes from the
            video.
        orientation: Whose facing the result follows: ``video`` (at most 30 s) or ``image`` (at most 10 s).
        keep_sound: Keep the reference's sound.
        resolution: How large a preview may be, ``720p`` or ``1080p``; Kling decides for itself.
        model: Of Kling, the model's id as :func:`amodels` lists it; empty for that of the settings. One of fal is paid
            with the settings' own key.
        out: Folder for the video; nothing in it is overwritten.
        max_price_usd: The most that a run on Kling may cost, in US dollars; ``math.inf`` sets no limit of its own, and
            takes prices that are not known, too. Without it nothing is sent to Kling.
        token: RunComfy token that pays; by default that of the settings.
        accept: Ids of rules that a person overrules, see :func:`acheck`.
        again: Make another one although the same was made, or may have been; it is charged again.
        joints: A JSON file of joints placed by hand, see :func:`acheck`; a preview follows them, Kling is sent none.
        mask: A PNG of the character, see :func:`acheck`.
        transparent: Of a preview, also draw the character without its background, as a silent WebM (VP9 with alpha).
        on_progress: Told what is being done, on the thread of the event loop.
        settings: Other settings than those of the environment.

    Raises:
        MediaError: A file cannot be read.
        SettingsError: An argument or a variable of the environment has a value that cannot be used.
        RunError: A price or a budget does not allow the run. Nothing was sent.
        APIError: The model API does not take the token, or does not answer.
        WorkError: A worker died or took too long.
    """
    settings = settings or Settings.from_env()
    order = RunOrder(
        inputs=RunInputs(
            image=Path(image), video=Path(video), choice=options_of(prompt, orientation, keep_sound, resolution, model)
        ),
        engine=member_of(EngineName, engine, "engine"),
        max_price_usd=max_price_usd,
        token=token,
        again=again,
        tell=on_progress or (lambda _news: None),
        joints=joints,
        mask=mask,
        transparent=transparent,
    )
    order.require_leave_to_pay(settings)
    folder = open_folder(Path(out))
    try:
        return await carry_out(order, folder, accept, order.bounded(settings))
    except KlingUIError as error:
        told = in_words(error)
        if told is error:
            raise
        raise told from error


async def amodels(*, token: str | None = None, settings: Settings | None = None) -> tuple[ModelOffer, ...]:
    """List the models of Kling Motion Control that a run can go to at this moment, each with its price.

    Args:
        token: RunComfy token; by default that of the settings.
        settings: Other settings than those of the environment.

    Raises:
        SettingsError: There is no token and no key.
        APIError: Nobody tells what is offered.
    """
    settings = settings or Settings.from_env()
    if token is None and settings.token is None and settings.fal_key is None:
        raise SettingsError("Models are listed with a token in RUNCOMFY_API_TOKEN.")
    async with open_parts(settings) as parts, parts.open_runner(take_over=False) as runner:
        return await runner.models(token=None if token is None else SecretStr(token))


async def ascore(
    reference: AnyPath,
    result: AnyPath,
    *,
    orientation: str = "video",
    settings: Settings | None = None,
) -> MotionMatch:
    """Measure how well the motion of a result follows its reference.

    Args:
        reference: The clip that gives the motion.
        result: The clip that should follow it.
        orientation: Whose facing the result follows: ``video`` compares directions, ``image`` their changes.
        settings: Other settings than those of the environment.

    Returns:
        The motion match; its ``score`` is 0-100, or ``None`` for a ``reason``.

    Raises:
        MediaError: A file cannot be read.
        SettingsError: An argument or a variable of the environment has a value that cannot be used.
        WorkError: A worker died or took too long.
    """
    from kling_ui.scoring.compare import match_clips  # noqa: PLC0415  the others need none of it

    facing = member_of(Orientation, orientation, "orientation")
    async with open_parts(settings or Settings.from_env()) as parts:
        return await match_clips(parts.workers, Path(reference), Path(result), orientation=facing)


check = blocking(acheck, "check")
repair = blocking(arepair, "repair")
run = blocking(arun, "run")
score = blocking(ascore, "score")
models = blocking(amodels, "models")


def _tell_phase(tell: OnProgress, phase: RepairPhase, share: float | None) -> None:
    if phase is RepairPhase.CHECKING:
        tell(Progress("Looking at the result."))
    elif share is not None:
        tell(Progress("Repairing.", share))


def _require_input(image: AnyPath | None, video: AnyPath | None) -> None:
    if image is None and video is None:
        raise SettingsError("Give an image, a video or both.")


def _to_repair(given: AnyPath | None) -> RepairInput | None:
    return None if given is None else RepairInput(Path(given), Path(given))

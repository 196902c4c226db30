"""Files that are made of a finished run when somebody wants to download them, each once."""

from pathlib import Path

from kling_ui.composition import draw_without_background
from kling_ui.corrections import read_corrections
from kling_ui.errors import RunError
from kling_ui.media.edit import side_by_side
from kling_ui.quotas import Usage
from kling_ui.runs.record import EngineName
from kling_ui.runs.view import RunView
from kling_ui.ui.services import Services

COMPARISON_TIMEOUT_S = 600.0


async def comparison_of(run: RunView, services: Services) -> Path:
    """Give the comparison of a finished run, made the first time.

    Args:
        run: The run.
        services: Of whoever asks.

    Raises:
        RunError: It has no result.
        KlingUIError: There is no room for it, a clip cannot be read, or making it took too long.
    """
    path = _result_of(run, "This run has no result to compare.").with_name("comparison.mp4")
    if not path.is_file():
        services.store.floor.check()
        sources = run.image, run.reference, run.result
        await services.workers.run(side_by_side, *sources, path, timeout_s=COMPARISON_TIMEOUT_S)
    return path


async def without_background_of(run: RunView, services: Services) -> Path:
    """Give a finished preview without its background, a WebM with transparency, drawn the first time.

    Args:
        run: The run.
        services: Of whoever asks.

    Raises:
        RunError: It is no preview that could be drawn once more.
        KlingUIError: There is no room for it, a file cannot be read, or drawing it took too long.
    """
    path = _result_of(run, "This run has no result.").with_name("transparent.webm")
    if run.engine is not EngineName.PREVIEW or run.image is None or run.reference is None:
        raise RunError("Only a preview whose picture and clip are kept can be drawn without its background.")
    if not path.is_file():
        services.store.floor.check()
        await services.runner.admission.take(services.quota_keys, Usage(previews=1))  # it is drawn once more
        corrections = read_corrections(run.corrections) if run.corrections else None
        await draw_without_background(services.workers, (run.image, run.reference), path, run.choice, corrections)
    return path


def _result_of(run: RunView, otherwise: str) -> Path:
    if run.result is None:
        raise RunError("The files of this run are no longer kept here." if run.files_gone else otherwise)
    return run.result

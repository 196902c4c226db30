"""Picture, reference and result in one file, made when somebody asks for it."""

from pathlib import Path

from kling_ui.errors import RunError
from kling_ui.media.edit import side_by_side
from kling_ui.runs.view import RunView
from kling_ui.ui.services import Services

TIMEOUT_S = 600.0


async def comparison_of(run: RunView, services: Services) -> Path:
    """Give the comparison of a finished run, made the first time.

    Args:
        run: The run.
        services: Of whoever asks.

    Raises:
        RunError: It has no result.
        KlingUIError: There is no room for it, a clip cannot be read, or making it took too long.
    """
    if run.result is None:
        words = (
            "The files of this run are no longer kept here." if run.files_gone else "This run has no result to compare."
        )
        raise RunError(words)
    path = run.result.with_name("comparison.mp4")
    if not path.is_file():
        services.store.floor.check()
        await services.workers.run(side_by_side, run.image, run.reference, run.result, path, timeout_s=TIMEOUT_S)
    return path

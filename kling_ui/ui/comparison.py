"""Picture, reference and result in one file, made when somebody asks for it."""

from pathlib import Path

from kling_ui.errors import RunError
from kling_ui.media.edit import side_by_side
from kling_ui.runs.view import RunView
from kling_ui.workers import Workers

TIMEOUT_S = 600.0


async def comparison_of(run: RunView, workers: Workers) -> Path:
    """Give the comparison of a finished run, made the first time.

    Raises:
        RunError: It has no result.
        KlingUIError: A clip cannot be read, or making it took too long.
    """
    if run.result is None:
        raise RunError("This run has no result to compare.")
    path = run.result.with_name("comparison.mp4")
    if not path.is_file():
        await workers.run(side_by_side, run.image, run.reference, run.result, path, timeout_s=TIMEOUT_S)
    return path

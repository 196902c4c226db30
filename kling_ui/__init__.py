"""A playground for Kling 2.6 Motion Control.

Python calls it by functions, which the command line uses, too: :func:`check`, :func:`repair`, :func:`run`,
:func:`score` and :func:`sheet`; :func:`plan` and :func:`run_long` for clips beyond the limit, :func:`batch` for many
runs, :func:`models` for what is offered. On asyncio they are awaited under the same names with an ``a`` before them,
such as :func:`acheck`. All errors are a :class:`KlingUIError`; :mod:`kling_ui.errors` draws their tree.
``docs/python.md`` shows all that at work. What a name needs is imported when it is first asked for.
"""

import importlib

__version__ = "0.1.0"
TYPE_CHECKING = False  # type checkers take it for true; importing it from typing would cost most of this import

if TYPE_CHECKING:
    from kling_ui.batches.manifest import ManifestError
    from kling_ui.batches.order import BatchResult, abatch, batch
    from kling_ui.errors import APIError, KlingUIError, MediaError, RunError, SettingsError, WorkError
    from kling_ui.long_clips.clip_plan import PlanResult, aplan, plan
    from kling_ui.long_clips.long_result import LongRunResult, PieceResult
    from kling_ui.long_clips.long_run import arun_long, run_long
    from kling_ui.python_api import (
        acheck,
        amodels,
        arepair,
        arun,
        ascore,
        check,
        models,
        repair,
        run,
        score,
    )
    from kling_ui.results import CheckResult, Problem, Progress, RepairResult, RunResult
    from kling_ui.runs.pricing import ModelOffer
    from kling_ui.scoring.match import MotionMatch
    from kling_ui.settings import Settings
    from kling_ui.sheets import SheetCell, SheetResult, asheet, sheet

__all__ = [
    "APIError",
    "BatchResult",
    "CheckResult",
    "KlingUIError",
    "LongRunResult",
    "ManifestError",
    "MediaError",
    "ModelOffer",
    "MotionMatch",
    "PieceResult",
    "PlanResult",
    "Problem",
    "Progress",
    "RepairResult",
    "RunError",
    "RunResult",
    "Settings",
    "SettingsError",
    "SheetCell",
    "SheetResult",
    "WorkError",
    "__version__",
    "abatch",
    "acheck",
    "amodels",
    "aplan",
    "arepair",
    "arun",
    "arun_long",
    "ascore",
    "asheet",
    "batch",
    "check",
    "models",
    "plan",
    "repair",
    "run",
    "run_long",
    "score",
    "sheet",
]
_HOMES = {
    "LongRunResult": "long_clips.long_result",
    "PieceResult": "long_clips.long_result",
    "PlanResult": "long_clips.clip_plan",
    "BatchResult": "batches.order",
    "ManifestError": "batches.manifest",
    "ModelOffer": "runs.pricing",
    "MotionMatch": "scoring.match",
    "Settings": "settings",
    "SheetCell": "sheets",
    "SheetResult": "sheets",
    "abatch": "batches.order",
    "aplan": "long_clips.clip_plan",
    "arun_long": "long_clips.long_run",
    "asheet": "sheets",
    "batch": "batches.order",
    "plan": "long_clips.clip_plan",
    "run_long": "long_clips.long_run",
    "sheet": "sheets",
}


def __getattr__(name: str) -> object:
    """Import what was asked for; see PEP 562."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    usual = "errors" if name.endswith("Error") else "results" if name[0].isupper() else "python_api"
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, usual)}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

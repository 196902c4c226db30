"""A playground for Kling 2.6 Motion Control.

Python calls it by six functions, which the command line uses, too: :func:`check`, :func:`repair`, :func:`run`,
:func:`batch`, :func:`score` and :func:`sheet`. On asyncio they are awaited under the names :func:`acheck`,
:func:`arepair`, :func:`arun`, :func:`abatch`, :func:`ascore` and :func:`asheet`. All errors are a
:class:`KlingUIError`; :mod:`kling_ui.errors` draws their tree. ``docs/python.md`` shows all that at work. What a name
needs is imported when it is first asked for.
"""

import importlib

__version__ = "0.1.0"
TYPE_CHECKING = False  # type checkers take it for true; importing it from typing would cost most of this import

if TYPE_CHECKING:
    from kling_ui.batches.manifest import ManifestError
    from kling_ui.batches.order import BatchResult
    from kling_ui.errors import APIError, KlingUIError, MediaError, RunError, SettingsError, WorkError
    from kling_ui.python_api import (
        abatch,
        acheck,
        arepair,
        arun,
        ascore,
        asheet,
        batch,
        check,
        repair,
        run,
        score,
        sheet,
    )
    from kling_ui.results import CheckResult, Problem, Progress, RepairResult, RunResult
    from kling_ui.scoring.match import MotionMatch
    from kling_ui.settings import Settings
    from kling_ui.sheets import SheetCell, SheetResult

__all__ = [
    "APIError",
    "BatchResult",
    "CheckResult",
    "KlingUIError",
    "ManifestError",
    "MediaError",
    "MotionMatch",
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
    "arepair",
    "arun",
    "ascore",
    "asheet",
    "batch",
    "check",
    "repair",
    "run",
    "score",
    "sheet",
]
_HOMES = {
    "BatchResult": "batches.order",
    "ManifestError": "batches.manifest",
    "MotionMatch": "scoring.match",
    "Settings": "settings",
    "SheetCell": "sheets",
    "SheetResult": "sheets",
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

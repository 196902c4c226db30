"""Telling on standard error what a run does: a progress bar on a terminal, plain lines elsewhere."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from kling_ui.cli.output import say
from kling_ui.runs.view import RunView


class Narrator:
    """Shows one run.

    Args:
        console: Where to; standard error by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        self._bar = (
            Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )
            if console.is_terminal
            else None
        )
        self._task = self._bar.add_task("", total=None) if self._bar else None
        self._told: tuple[object, ...] = ()
        self._said: set[str] = set()

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def say(self, text: str) -> None:
        """Tell something that stays on the screen."""
        if self._bar:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            say(text)

    def show(self, view: RunView) -> None:
        """Show where the run is; a line is told when it says something new, not for every per cent."""
        for words in (view.price_words, view.note):
            if words and words not in self._said:
                self._said.add(words)
                self.say(words)
        if self._bar and self._task is not None:
            total = None if view.progress is None else 1.0
            self._bar.update(self._task, description=view.sentence, total=total, completed=view.progress or 0.0)
        elif not view.is_final and (view.state, view.queue_position, view.trouble) != self._told:
            self._told = view.state, view.queue_position, view.trouble
            say(view.sentence)

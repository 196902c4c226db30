"""How long a second visitor waits for the start of a preview while a first one has many waiting.

    python -m benchmarks fair_queue               50 waiting
    python -m benchmarks.fair_queue --waiting 5   fewer

The runs are real ones of the example pair, with everything but the page around them; nothing limits the first visitor.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

from kling_ui.options import TransferOptions
from kling_ui.runs.record import EngineName, RunState
from kling_ui.runs.runner import RunInputs, Runner, open_runner
from kling_ui.settings import Settings
from kling_ui.workers import Workers

EXAMPLES = Path(__file__).resolve().parents[1] / "assets" / "examples"
IMAGE, VIDEO = EXAMPLES / "character-upper-body.png", EXAMPLES / "dance-full-body.mp4"
IS_LONG = True  # left out unless it is asked for by name


def main(*arguments: str) -> None:
    """Print the seconds, and how many previews of the first visitor started meanwhile."""
    parser = argparse.ArgumentParser(prog="benchmarks.fair_queue", description=__doc__)
    parser.add_argument("--waiting", type=int, default=50, help="previews of the first visitor that wait")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name, Workers(2) as workers:
        waited_s, started = asyncio.run(_measure(Path(name), workers, asked.waiting))
    print(
        f"{asked.waiting} waiting: the second visitor's preview started after {waited_s:.1f} s, {started} others before"
    )


async def _measure(folder: Path, workers: Workers, waiting: int) -> tuple[float, int]:
    async with open_runner(Settings(data_dir=folder), workers) as runner:
        crowd = [await _begin(runner, f"preview {number}", "first") for number in range(waiting + 1)]
        await _until(runner, crowd[0], "first", RunState.IN_PROGRESS)
        await _until(runner, crowd[-1], "first", RunState.IN_QUEUE)
        began_s = time.perf_counter()
        mine = await _begin(runner, "mine", "second")
        await _until(runner, mine, "second", RunState.IN_PROGRESS)
        waited_s = time.perf_counter() - began_s
        views = [await runner.view(run_id, "first") for run_id in crowd]
        started = sum(view.state is not RunState.IN_QUEUE for view in views) - 1  # one was being drawn already
        return waited_s, started


async def _begin(runner: Runner, prompt: str, visitor: str) -> str:
    inputs = RunInputs(image=IMAGE, video=VIDEO, choice=TransferOptions(prompt=prompt))
    return (await runner.begin(inputs, engine=EngineName.PREVIEW, visitor=visitor)).run_id


async def _until(runner: Runner, run_id: str, visitor: str, state: RunState) -> None:
    async with aclosing(runner.watch(run_id, visitor)) as views:
        async for view in views:
            if view.state is state or view.is_final:
                return


if __name__ == "__main__":
    main(*sys.argv[1:])

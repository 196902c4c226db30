"""From a click to a scored result against the preview alone: what measuring the motion match costs a person who waits.

Both are measured in turn in one process, so that their ratio says more than either time. The inputs have been checked
before, as they have on the page by the time somebody clicks.
"""

import asyncio
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from kling_ui.checks.preflight import Preflight
from kling_ui.options import TransferOptions
from kling_ui.presentation.findings import report_json
from kling_ui.puppet.render import render_preview
from kling_ui.runs.record import EngineName, RunInputs, RunState
from kling_ui.runs.runner import open_runner
from kling_ui.settings import Settings
from kling_ui.workers import Workers

EXAMPLES = Path(__file__).resolve().parents[1] / "assets" / "examples"
IMAGE, VIDEO = EXAMPLES / "character-full-body.png", EXAMPLES / "dance-full-body.mp4"
ROUNDS = 5
AHEAD_S = 8.0  # between handing in a clip and the click: reading the findings takes longer


def main() -> None:
    """Print the ratio of every round, and the median."""
    with tempfile.TemporaryDirectory() as folder, Workers() as workers:
        settings = replace(Settings.from_env(), data_dir=Path(folder), ledger_url=f"sqlite:///{folder}/ledger.sqlite")
        ratios = asyncio.run(_measure(settings, workers))
    print(f"click to scored result: {statistics.median(ratios):.2f} x the preview alone (median of {len(ratios)})")


async def _measure(settings: Settings, workers: Workers) -> list[float]:
    preflight = Preflight(workers, settings.analyses_folder)
    report = await preflight.report(IMAGE, VIDEO, TransferOptions())
    alone = settings.data_dir / "alone.mp4"
    for _ in range(workers.count):  # every worker loads its models and the rig of the picture
        await asyncio.gather(*(workers.run(render_preview, IMAGE, VIDEO, alone) for _ in range(workers.count)))
    ratios = []
    async with open_runner(settings, workers, take_over=False) as runner:
        runner.watch_ahead(VIDEO)  # as the page does when a clip was handed in
        await asyncio.sleep(AHEAD_S)
        known = set(preflight.folder.iterdir())
        for number in range(ROUNDS):
            began = time.perf_counter()
            await workers.run(render_preview, IMAGE, VIDEO, alone)
            alone_s = time.perf_counter() - began
            choice = TransferOptions(prompt=f"Take {number}")
            inputs = RunInputs(image=IMAGE, video=VIDEO, choice=choice, findings=report_json(report))
            for new in set(preflight.folder.iterdir()) - known:
                new.unlink()  # equal results are known by their content: every round has to watch its own
            began, states = time.perf_counter(), {}
            start = await runner.begin(inputs, engine=EngineName.PREVIEW, visitor="benchmark")
            async for view in runner.watch(start.run_id, "benchmark"):
                states.setdefault(view.state, time.perf_counter() - began)
            whole_s = states[RunState.COMPLETED]
            ratios.append(whole_s / alone_s)
            steps = ", ".join(f"{state.value} {at_s:.2f}" for state, at_s in states.items())
            print(
                f"preview alone {alone_s:.2f} s, click to scored {whole_s:.2f} s ({steps}): {ratios[-1]:.2f} x",
                flush=True,
            )
    return ratios

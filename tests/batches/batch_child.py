"""Processes that carry a batch out and are made to be killed: it loads everything once, then forks one life a line."""

import asyncio
import os
import ssl
import sys
import traceback
from pathlib import Path
from typing import Any

import anyio._backends._asyncio  # noqa: F401  what a life would load late is loaded before the fork
import httpcore._backends.anyio  # noqa: F401
import httpx
import sqlalchemy.dialects.sqlite.pysqlite  # noqa: F401
from pydantic import SecretStr

import kling_ui.runs.ledger.store  # noqa: F401
from kling_ui.batches.batch_folder import BatchFolder
from kling_ui.batches.manifest import read_manifest
from kling_ui.batches.order import BatchWork
from kling_ui.batches.plan import Payment, Planner
from kling_ui.checks.report import Report, Section
from kling_ui.errors import WorkError
from kling_ui.options import Orientation
from kling_ui.runs.engines import Engines
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.publishing.url_probe import UrlProbe
from kling_ui.runs.record import EngineName, ResultFacts
from kling_ui.runs.recorder import RunContext
from kling_ui.runs.run_files import Measured, RunFolders
from kling_ui.runs.runner import open_runner
from kling_ui.settings import Settings

FACTS = ResultFacts(duration_s=5.0, fps=24.0, frame_count=120, width_px=72, height_px=128, has_audio=True, size_bytes=9)
LEASE_S = 0.2
HASTE = 200  # what takes the app two seconds takes 10 ms here
TOKEN = "planted-token-0123456789"


class NoMeasurer:
    """Measures nothing, at once."""

    async def facts(self, video: Path) -> Measured:
        return Measured("f" * 64, FACTS)

    async def motion(self, reference: Path, result: Path, orientation: Orientation) -> dict[str, Any]:
        return {"score": 90.0}

    async def aclose(self) -> None:
        """Nothing is open."""


class NoPreflight:
    """Finds nothing wrong, at once."""

    async def report(self, *_: object) -> Report:
        return Report(video=Section({"file": "in.mp4", "duration_s": 5.0}))


class NoWorkers:
    """Reads no picture."""

    async def run(self, *_: object, **__: object) -> None:
        raise WorkError("There are no workers here.")


async def live(folder: Path, api_base: str, trust: ssl.SSLContext) -> None:
    """Carry the batch of this folder out, or go on with it."""
    settings = Settings(token=SecretStr(TOKEN), api_base=api_base, data_dir=folder / "data")
    stand_in: Any = NoWorkers()
    preflight: Any = NoPreflight()
    measurer: Any = NoMeasurer()
    context = RunContext(
        ledger=Ledger(f"sqlite:///{folder / 'data' / 'ledger.sqlite'}"),
        folders=RunFolders(folder / "data" / "runs"),
        measurer=measurer,
        lease_s=LEASE_S,
        sleep=lambda seconds: asyncio.sleep(min(seconds, 4.0) / HASTE),
    )
    async with httpx.AsyncClient(verify=trust) as web:
        remote, probe = httpx.AsyncHTTPTransport(verify=trust), UrlProbe(web, takes_http=True)
        engines = Engines(settings, stand_in, folder / "data" / "preview", remote=remote, probe=probe)
        async with open_runner(settings, stand_in, engines=engines, context=context, take_over=False) as runner:
            batch, payment = BatchFolder.open(folder / "out", resume=True), Payment(visitor="ann", max_usd=1000.0)
            planner = Planner(
                preflight=preflight, repairs=stand_in, runner=runner, folder=batch, payment=payment, repair=()
            )
            plan = await planner.plan(read_manifest(folder / "rows.csv"), EngineName.KLING, None)
            work = BatchWork(stand_in, runner, batch, payment, "Batch")
            await work.carry_out(plan, jobs=3, pause=asyncio.Event())


def main() -> None:
    """Fork a life for each line, tell its process id, and tell how it has ended."""
    folder, api_base = Path(sys.argv[1]), sys.argv[2]
    trust = ssl.create_default_context()
    for _ in sys.stdin:
        pid = os.fork()
        if not pid:
            code = 1
            try:
                asyncio.run(live(folder, api_base, trust))
                code = 0
            except Exception:  # noqa: BLE001  a life ends here, whatever befell it
                traceback.print_exc()
            finally:
                os._exit(code)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"ended {os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

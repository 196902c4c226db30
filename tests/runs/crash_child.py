"""A nursery of app processes that are made to be killed: it loads everything once, then forks one life a line.

Each line is a JSON object: ``requests`` to start, and ``finish`` to live until every run has ended.
"""

import asyncio
import json
import os
import ssl
import sys
from pathlib import Path
from typing import Any

import anyio._backends._asyncio  # noqa: F401  what a life would load late is loaded before the fork
import httpcore._backends.anyio  # noqa: F401
import httpx
import sqlalchemy.dialects.sqlite.pysqlite  # noqa: F401
from pydantic import SecretStr

import kling_ui.runs.ledger.store  # noqa: F401
from kling_ui.options import Orientation, TransferOptions
from kling_ui.runs.engines import Engines
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.publishing.url_probe import UrlProbe
from kling_ui.runs.record import EngineName, ResultFacts
from kling_ui.runs.recorder import RunContext
from kling_ui.runs.run_files import Measured, RunFolders
from kling_ui.runs.runner import RunInputs, Runner, open_runner
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


async def live(folder: Path, api_base: str, trust: ssl.SSLContext, order: dict[str, Any]) -> None:
    """Be an app: follow what earlier ones left behind, start what is wished."""
    settings = Settings(token=SecretStr(TOKEN), api_base=api_base, data_dir=folder / "data")
    measurer: Any = NoMeasurer()
    nobody: Any = None
    context = RunContext(
        ledger=Ledger(f"sqlite:///{folder / 'data' / 'ledger.sqlite'}"),
        folders=RunFolders(folder / "data" / "runs"),
        measurer=measurer,
        lease_s=LEASE_S,
        sleep=lambda seconds: asyncio.sleep(min(seconds, 4.0) / HASTE),
    )
    async with httpx.AsyncClient(verify=trust) as web:
        remote, probe = httpx.AsyncHTTPTransport(verify=trust), UrlProbe(web, takes_http=True)
        engines = Engines(settings, nobody, folder / "data" / "preview", remote=remote, probe=probe)
        async with open_runner(settings, nobody, engines=engines, context=context) as runner:
            for request in order["wishes"]:
                inputs = RunInputs(
                    image=folder / "in.png", video=folder / "in.mp4", choice=TransferOptions(prompt=request)
                )
                await runner.start(inputs, engine=EngineName.KLING, visitor="ann")
            while not (order["finish"] and await all_ended(runner)):
                await runner.take_over()
                await asyncio.sleep(0.02)


async def all_ended(runner: Runner) -> bool:
    return all(view.is_final for view in await runner.history("ann", 1000))


def main() -> None:
    """Fork a life for each line, tell its process id, and tell how it has ended."""
    folder, api_base = Path(sys.argv[1]), sys.argv[2]
    trust = ssl.create_default_context()
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            asyncio.run(live(folder, api_base, trust, json.loads(line)))
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"ended {os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

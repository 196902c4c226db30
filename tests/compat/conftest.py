"""What version 0.1.0 left on disks and in browsers, and the doors through which the code of today reads it.

All names of the code that these tests know stand here: a rename is followed here and nowhere else. What lies in the
folders beside this file never changes; ``make_data_folder.py`` tells how it was made.
"""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import obstore
import pytest
from obstore.store import MemoryStore
from starlette.testclient import TestClient

from kling_ui.checks.preflight import Preflight
from kling_ui.errors import SettingsError
from kling_ui.media.playable import PlayableCopies
from kling_ui.options import TransferOptions
from kling_ui.presentation.findings import report_json
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.publishing.protocol import InputFile
from kling_ui.runs.publishing.public_files import KEY_FILE
from kling_ui.runs.publishing.s3 import S3Publisher
from kling_ui.runs.runner import open_runner
from kling_ui.settings import Settings
from kling_ui.signing import secret_in
from kling_ui.ui.services import Services, open_store
from kling_ui.ui.visitors import TokenStore
from kling_ui.ui.web.security import StreamShutdown
from kling_ui.ui.web.server import build_app

EVENTS = {
    "account": "on_account",
    "kept choice": "on_kept_choice",
    "first look": "on_first_inputs",
    "return": "on_return",
    "run": "on_run",
}
HERE = Path(__file__).parent
SPACE = "my-space.hf.space"
STREAM_MAX_S = 60.0  # a run that is followed on where none should be tells of itself for ever


class InThreads:
    """Plays worker processes for the page."""

    previews_at_once = 1

    async def run(self, work: Any, /, *args: Any, timeout_s: float | None = None, **how: Any) -> Any:
        return await asyncio.to_thread(work, *args, **how)


@asynccontextmanager
async def opening(settings: Any, signed_files: Any) -> AsyncGenerator[Any]:
    """Open what the page works with; runs that an earlier process left open wait for :func:`look_after`."""
    workers: Any = InThreads()
    async with open_runner(settings, workers, take_over=False) as runner, httpx.AsyncClient() as http:
        yield Services(
            settings=settings,
            signed_files=signed_files,
            workers=workers,
            preflight=Preflight(workers, settings.data_dir / "looks"),
            runner=runner,
            tokens=TokenStore(),
            http=http,
            store=open_store(settings, signed_files),
            copies=PlayableCopies(settings.data_dir / "playable", workers),
        )


def open_app(data: Path, **environ: str) -> Any:
    """Put the page together as in a Space where people log in."""
    space = {"SPACE_ID": "somebody/space", "SPACE_HOST": SPACE, "OPENID_PROVIDER_URL": "https://provider.invalid"}
    settings = Settings.from_env({"KLING_UI_DATA_DIR": str(data), "OAUTH_CLIENT_ID": "client", **space, **environ})
    stream_shutdown = StreamShutdown()
    app = build_app(settings, opening, stream_shutdown=stream_shutdown)
    app.state.end_streams = stream_shutdown.say
    return app


def complaint(environ: dict[str, str]) -> str:
    """Say what is wrong with settings."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environ)
    return str(caught.value)


async def look_after(app: Any) -> None:
    """Look after the runs that an earlier process left open, and wait until those that can end have ended."""
    runner = app.state.services.runner
    for run_id in await runner.take_over():
        async for _ in runner.watch(run_id, None):
            pass


def report(data: Path, image: Path, video: Path) -> dict[str, Any]:
    """Look at two inputs and judge them."""
    workers: Any = InThreads()
    return report_json(asyncio.run(Preflight(workers, data / "looks").report(image, video, TransferOptions())))


def spent(data: Path, visitor: str, now: float, *, own_token: bool) -> list[float]:
    """Add up what a visitor spent: in the session, in the day, and in the day with the same token."""

    async def asked() -> Any:
        ledger = Ledger(f"sqlite:///{data / 'ledger.sqlite'}")
        try:
            return await ledger.ask(lambda store: store.spending(visitor, now, own_token=own_token))
        finally:
            await ledger.aclose()

    spending = asyncio.run(asked())
    return [spending.session_usd, spending.day_usd, spending.payer_day_usd]


def take_back(data: Path, run_id: str, objects: dict[str, str]) -> list[str]:
    """Take a run's files back from a store that holds some objects; return the names of those that are left."""
    store: Any = MemoryStore()
    probe: Any = None  # nothing is lent
    for name in objects.values():
        obstore.put(store, name, b"x")
    way = S3Publisher(store, secret_in(data, KEY_FILE), probe, publish_hours=24)
    for name in objects:
        asyncio.run(way.take_back(InputFile(data / "runs" / run_id / name)))
    return sorted(meta["path"] for batch in obstore.list(store) for meta in batch)


# --- nothing below names anything of the code ------------------------------------------------------------------------


def lay_out(folder: Path) -> Path:
    """Copy the data folder of a person who ran version 0.1.0 yesterday."""
    data = folder / "data"
    shutil.copytree(HERE / "data", data)
    for path in (data, *data.rglob("*")):
        os.utime(path)  # uploads of a checkout may be too old to be kept
    with sqlite3.connect(data / "ledger.sqlite") as connection:
        connection.executescript((HERE / "ledger-v3.sql").read_text("utf-8").replace("DATA", str(data)))
    connection.close()
    return data


def type_commands(data: Path, now: float, *commands: list[Any], **environ: str) -> list[SimpleNamespace]:
    """Type commands at a frozen moment."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("KLING_UI_", "RUNCOMFY_"))}
    known |= {"KLING_UI_DATA_DIR": str(data), "KLING_UI_WORKERS": "1"}
    words = json.dumps([[str(word) for word in command] for command in commands])
    program = [sys.executable, str(HERE / "type_commands.py"), str(now), words]
    done = subprocess.run(program, env=known | environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [SimpleNamespace(**one) for one in json.loads(done.stdout)]


def send(client: TestClient, event: str, filled: dict[str, Any]) -> list[Any]:
    """Send an event as the page does; return the values of its first answer."""
    config = client.get("/config").json()
    known = {part["id"]: part["props"] for part in config["components"]}
    found = next(one for one in config["dependencies"] if one["api_name"] == EVENTS[event])
    values = [filled.get(known[part].get("storage_key") or known[part].get("elem_id")) for part in found["inputs"]]
    body = {
        "data": values,
        "fn_index": found["id"],
        "session_hash": (tab := event.replace(" ", "-")),
        "event_data": filled,
        "trigger_id": None,
    }
    assert client.post("/gradio_api/queue/join", json=body).status_code == 200
    app: Any = client.app
    late = threading.Timer(STREAM_MAX_S, client.portal.call, [app.state.end_streams])
    late.start()
    lines = client.get("/gradio_api/queue/data", params={"session_hash": tab}).text.splitlines()
    late.cancel()
    told = [json.loads(line.removeprefix("data:")) for line in lines if line.startswith("data:")]
    return next(message["output"]["data"] for message in told if "data" in (message.get("output") or {}))


@pytest.fixture(scope="session")
def kept() -> dict[str, Any]:
    """What browsers and others hold, and the names of the runs."""
    return json.loads((HERE / "kept.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def said() -> dict[str, Any]:
    """What the command line said, with ``DATA`` for the data folder."""
    return json.loads((HERE / "said.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def exported() -> Path:
    """The tables of an export."""
    return HERE / "export"


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory, kept: dict[str, Any]) -> SimpleNamespace:
    """What the command line says today: ``data`` is the folder that was asked, ``out`` the export."""
    folder = tmp_path_factory.mktemp("asked")
    data, out = lay_out(folder), folder / "exported"
    commands: dict[str, list[Any]] = {
        "everybodys": ["runs", "--all", "--json"],
        "own": ["runs", "--json"],
        "worded": ["runs"],
        "shown": ["show", kept["runs"]["failed"], "--json"],
        "found": ["show", kept["runs"]["preview"][:8]],
        "export": ["export", out, "--json"],
    }
    budgets = {"KLING_UI_BUDGET_SESSION_USD": "5", "KLING_UI_BUDGET_DAY_USD": "20"}
    answers = type_commands(data, kept["now"], *commands.values(), **budgets)
    assert [answer.code for answer in answers] == [0] * len(commands)
    said = {name: answer.stdout.replace(str(data), "DATA") for name, answer in zip(commands, answers, strict=True)}
    return SimpleNamespace(data=data, out=out, budget_words=answers[2].stderr, **said)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A copy of the data folder."""
    return lay_out(tmp_path)


@pytest.fixture
def typed(data: Path, kept: dict[str, Any]) -> Callable[..., list[SimpleNamespace]]:
    """Types commands over the data folder, at the moment of the frozen answers."""
    return lambda *commands, **environ: type_commands(data, kept["now"], *commands, **environ)


@pytest.fixture
def client(data: Path, kept: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The page over the data folder; nobody has logged in."""
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "GRADIO_RUN_HISTORY", "GRADIO_SSR_MODE"):
        monkeypatch.setenv(name, "")  # so that what the server sets is undone
    app = open_app(data, OAUTH_CLIENT_SECRET=kept["oauth"]["secret"])
    with TestClient(app, base_url=f"https://{SPACE}", follow_redirects=False) as opened:
        yield opened


@pytest.fixture
def doors() -> SimpleNamespace:
    """The functions above, for the tests."""
    return SimpleNamespace(
        complaint=complaint,
        look_after=look_after,
        report=report,
        send=send,
        spent=spent,
        take_back=take_back,
    )

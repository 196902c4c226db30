"""Documents how the files beside this script were made: once, with version 0.1.0 at commit 941f281.

It is not meant to be run against newer code, which has other names and may write other things. What lies here is what
people who ran that version have on their disks, in their browsers and at their stores; it never changes. That is why
neither the type checker nor the tests look at this script.

It went through that version's own doors, with played engines behind them and a clock of its own: runs through the
runner, uploads and logins through the page's addresses, the looks and the JSON through the command line. Only the four
pictures of the looks were made smaller afterwards, because nothing but a browser reads them.
"""

import asyncio
import functools
import importlib.util
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import httpx
from figure import Actor, Camera, Scene, gesture, write_clip, write_still
from figure.cast import DANCER, THEO
from playwright._impl._driver import compute_driver_executable
from pydantic import SecretStr
from starlette.testclient import TestClient

from kling_ui.checks.preflight import Preflight
from kling_ui.checks.repair_kinds import RepairKind
from kling_ui.options import Orientation, Resolution, TransferOptions
from kling_ui.runs.engines import Engines, open_public_files
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.publishing.s3 import S3Publisher
from kling_ui.runs.publishing.url_probe import UrlProbe
from kling_ui.runs.record import EngineName, RunState
from kling_ui.runs.recorder import RunContext
from kling_ui.runs.run_files import Measurer, RunFolders
from kling_ui.runs.runner import RunInputs, Runner, open_runner
from kling_ui.settings import Settings
from kling_ui.ui.browser_values import InputVersion, InputVersions
from kling_ui.ui.examples import asset
from kling_ui.ui.input_session import InputAnalysis
from kling_ui.ui.services import Services
from kling_ui.ui.views.input_slot import InputKind
from kling_ui.ui.visitors import TokenStore
from kling_ui.ui.web.server import build_app
from kling_ui.ui.web.signed_files import SignedFiles
from kling_ui.workers import Workers

HERE = Path(__file__).parent
NOW = "2026-11-20T01:00:00Z"
LENT_UNTIL = 9_999_999_999
# Real keys are random bytes, so these hold some that are no text, and end with one that a careless reader would strip.
FILES_KEY = b"\xff\x00 files.key of a test, no key \n"
LENDING_KEY = b"\xff\x00 lending.key of a test, false\n"
COMMAND_LINE = "command-line-visitor-of-a-test-000000000000"
BROWSER = "browser-of-a-test-that-logs-in-000000000000"
OTHER = "browser-of-a-test-that-waits-00000000000000"
APP_TOKEN, OWN_TOKEN = "app-token-of-a-test", "own-token-of-a-test"
OAUTH_SECRET = "oauth-secret-of-a-test"
ACCOUNT = {"sub": "account-of-a-test", "preferred_username": "somebody"}
PREVIEW_PROMPT, ACCOUNT_PROMPT = "In a bright room", "At the window"


class Clock:
    """Seconds since 1970 that go on by a quarter whenever somebody looks, and by what is slept."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.25
        return self.now

    def set(self, text: str) -> None:
        self.now = _seconds(text)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0.002)


@dataclass
class Vendor(httpx.AsyncBaseTransport):
    """Plays RunComfy for one run; ``None`` for an answer never comes."""

    request_id: str
    video: bytes
    cost: float = 0.35
    submit: httpx.Response | None = field(default_factory=lambda: httpx.Response(500))
    words: tuple[str, ...] = ("in_queue", "in_progress", "completed")
    error: str = ""
    file: bool = True
    created_at: str = ""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        answer = self._answer(request)
        if answer is None:
            await asyncio.Event().wait()
        assert answer is not None
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def _answer(self, request: httpx.Request) -> httpx.Response | None:
        if request.url.host != "api.example":
            return httpx.Response(200, content=self.video, headers={"ETag": '"1"'}) if self.file else None
        if request.url.path.startswith("/v1/models"):
            price = httpx.Response(200, json={"base_price_usd": 0.07, "price_unit": "second", "pricing_note": ""})
            return self.submit if request.method == "POST" else price
        body: dict[str, Any] = {"request_id": self.request_id}
        match request.url.path.rpartition("/")[2]:
            case "status":
                word, self.words = self.words[0], self.words[1:] or self.words
                return httpx.Response(200, json=body | {"status": word})
            case "cancel":
                return httpx.Response(202, json=body | {"status": "cancelled", "outcome": "cancelled"})
        if self.created_at:
            body |= {"created_at": self.created_at, "finished_at": self.created_at}
        if self.error:
            body |= {"status": "failed", "error": {"type": "InputError", "message": self.error}}
        else:
            body |= {"status": "succeeded", "output": {"video": "https://files.runcomfy.net/v.mp4"}, "cost": self.cost}
        return httpx.Response(200, json=body)


def accepting(request_id: str, video: bytes, **how: Any) -> Vendor:
    """A vendor that takes the request."""
    return Vendor(request_id, video, submit=httpx.Response(200, json={"request_id": request_id}), **how)


def deliver(result: Path, image: Path, video: Path, out: Path, **_: object) -> None:
    """Plays the drawing of a preview; runs in a worker."""
    shutil.copyfile(result, out)


class InThreads:
    """Plays worker processes for the page."""

    async def run(self, work: Any, /, *args: Any, timeout_s: float | None = None, **how: Any) -> Any:
        return await asyncio.to_thread(work, *args, **how)


@dataclass(frozen=True)
class Media:
    """What was drawn for the runs."""

    image: Path
    clip: Path
    result: Path
    small_image: Path
    small_clip: Path


def draw_media(folder: Path) -> Media:
    """Draw a man, a talker whose second shot begins at 3.2 s, and files that are as small as files can be."""
    whole, near = Camera(y_m=1.28, height_m=1.15), Camera(x_m=0.2, y_m=1.35, height_m=0.9)
    man = write_still(
        folder / "man.png", Scene((Actor(THEO, gesture(0.7)),), whole, "plain"), width_px=340, height_px=340
    )
    picture = cv2.imread(str(man.path))
    cv2.imwrite(str(folder / "my character.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 40])
    cv2.imwrite(str(folder / "small.png"), picture[::80, ::80])

    def talk(time_s: float) -> Scene:
        camera, backdrop = (whole, "plain") if time_s < 3.2 else (near, "room")
        return Scene((Actor(DANCER, gesture(time_s)),), camera, backdrop)

    for name, side_px, quality in (("my clip (1).mp4", 340, 46), ("result.mp4", 160, 46)):
        write_clip(folder / name, talk, duration_s=3.8, fps=5, width_px=side_px, height_px=side_px, quality=quality)
    empty = Scene((), whole, "plain")
    write_clip(folder / "small.mp4", lambda _: empty, duration_s=0.6, fps=5, width_px=32, height_px=32, quality=46)
    names = ("my character.jpg", "my clip (1).mp4", "result.mp4", "small.png", "small.mp4")
    return Media(*(folder / name for name in names))


@asynccontextmanager
async def process(
    data: Path, result: Path, workers: Workers, clock: Clock, vendor: Vendor, *, motion: bool = True
) -> AsyncGenerator[Runner]:
    """One life of the app; when it ends, open runs stay as they are."""
    settings = Settings(token=SecretStr(APP_TOKEN), api_base="https://api.example", data_dir=data)

    async def silent(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def look_up(_host: str, _port: int) -> list[str]:
        return ["93.184.215.14"]

    measurer = Measurer(workers)
    if not motion:
        measurer.motion = lambda *_: asyncio.Event().wait()
    context = RunContext(
        ledger=Ledger(f"sqlite:///{data / 'ledger.sqlite'}"),
        folders=RunFolders(data / "runs"),
        measurer=measurer,
        clock=clock,
        sleep=clock.sleep,
    )
    async with httpx.AsyncClient(transport=httpx.MockTransport(silent)) as web:
        engines = Engines(
            settings,
            workers,
            data / "preview",
            remote=vendor,
            probe=UrlProbe(web, resolve=look_up),
            render=functools.partial(deliver, result),
        )
        async with open_runner(settings, workers, engines=engines, context=context, adopt=False) as runner:
            yield runner


async def until(runner: Runner, run_id: str, state: RunState | None = None) -> None:
    """Wait until a run is in a state, or has ended."""
    async with aclosing(runner.watch(run_id, None)) as views:
        async for view in views:
            if view.state is state or view.is_final:
                return


async def make_runs(data: Path, media: Media, findings: dict[str, Any], workers: Workers) -> dict[str, str]:
    """Make a run for each state that there is; return their ids."""
    clock, made, tiny = Clock(), {}, media.small_clip.read_bytes()

    def small(prompt: str, **how: Any) -> RunInputs:
        how = {"choice": TransferOptions(prompt, Orientation.IMAGE, keep_sound=False), "duration_s": 5.0} | how
        return RunInputs(image=media.small_image, video=media.small_clip, **how)

    async def end(
        name: str, at: str, vendor: Vendor, inputs: RunInputs, *, who: str = COMMAND_LINE, result: Path | None = None
    ) -> None:
        clock.set(at)
        engine = EngineName.PREVIEW if inputs.image == media.image else EngineName.KLING
        async with process(data, result or media.small_clip, workers, clock, vendor) as runner:
            made[name] = await runner.start(inputs, engine=engine, visitor=who)
            await until(runner, made[name])

    async def leave(
        name: str, at: str, vendor: Vendor, state: RunState, *, own: bool = False, motion: bool = True, **how: Any
    ) -> None:
        clock.set(at)
        token = SecretStr(OWN_TOKEN) if own else None
        async with process(data, media.small_clip, workers, clock, vendor, motion=motion) as runner:
            inputs, engine = small(f"Left {name}", **how), EngineName.KLING
            made[name] = await runner.start(inputs, engine=engine, visitor=OTHER, token=token)
            await until(runner, made[name], state)

    done = accepting("req-completed", tiny)
    await end("completed", "2026-11-19T22:00:00Z", done, small("By the sea, at noon"))

    clock.set("2026-11-20T00:05:00Z")
    found = accepting("req-recovered", tiny, cost=0.14, created_at="2026-11-20T00:04:30Z")
    async with process(data, media.small_clip, workers, clock, found) as runner:
        made["recovered"] = (await runner.recover("req-recovered", visitor=COMMAND_LINE)).run_id
        await until(runner, made["recovered"])

    words = "Image recognition failed: No complete upper body detected (code 1201)"
    refused = accepting("req-failed", tiny, error=words)
    await end("failed", "2026-11-20T00:10:00Z", refused, small("=SUM(A1)"))

    clock.set("2026-11-20T00:20:00Z")
    async with process(
        data, media.small_clip, workers, clock, accepting("req-cancelled", tiny, words=("in_queue",))
    ) as runner:
        inputs = small("Called off")
        made["cancelled"] = await runner.start(inputs, engine=EngineName.KLING, visitor=COMMAND_LINE)
        await until(runner, made["cancelled"], RunState.IN_QUEUE)
        await runner.cancel(made["cancelled"], COMMAND_LINE)
        await until(runner, made["cancelled"])

    lost = Vendor("req-lost", tiny, submit=httpx.Response(502, text="<html>Bad gateway</html>"))
    await end("unknown", "2026-11-20T00:30:00Z", lost, small("Lost on the way"))

    choice = TransferOptions(PREVIEW_PROMPT, resolution=Resolution.P1080)
    await end("preview", "2026-11-20T00:40:00Z", lost, RunInputs(image=media.image, video=media.clip, choice=choice))
    whole = RunInputs(image=media.image, video=media.clip, choice=TransferOptions(ACCOUNT_PROMPT), findings=findings)
    await end("account", "2026-11-20T00:45:00Z", lost, whole, who=BROWSER, result=media.result)

    address = {"image_url": "https://pictures.example/small.png"}
    await leave("preparing", "2026-11-20T00:46:00Z", lost, RunState.PREPARING, **address)
    await leave("submitting", "2026-11-20T00:47:00Z", Vendor("-", tiny, submit=None), RunState.SUBMITTING)
    going = accepting("req-in-progress", tiny, words=("in_progress",))
    await leave("in_progress", "2026-11-20T00:48:00Z", going, RunState.IN_PROGRESS)
    stuck = accepting("req-collecting", tiny, file=False)
    await leave("collecting", "2026-11-20T00:49:00Z", stuck, RunState.COLLECTING)
    here = accepting("req-scoring", tiny, cost=0.21)
    await leave("scoring", "2026-11-20T00:50:00Z", here, RunState.SCORING, motion=False)
    waits = accepting("req-waiting", tiny, words=("in_queue",))
    await leave("waiting", "2026-11-20T00:55:00Z", waits, RunState.IN_QUEUE, own=True)
    return made


def type_in(data: Path, *words: object) -> str:
    """Type a command at the frozen moment; return what it prints."""
    shift = f"import time; time.time = lambda: {_seconds(NOW)}"
    start = (
        "import runpy, sys; sys.argv = ['kling-ui', *sys.argv[1:]]; runpy.run_module('kling_ui', run_name='__main__')"
    )
    environ = os.environ | {"KLING_UI_DATA_DIR": str(data), "KLING_UI_WORKERS": "1"}
    environ |= {"KLING_UI_BUDGET_SESSION_USD": "5", "KLING_UI_BUDGET_DAY_USD": "20"}
    command = [sys.executable, "-c", f"{shift}; {start}", *map(str, words)]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False).stdout


def use_page(data: Path, media: Media, made: dict[str, str]) -> dict[str, Any]:
    """Upload, log in, and let the browser keep what it keeps; return all that others hold."""
    provider = _load(HERE.parent / "ui" / "web" / "provider.py")
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        played = provider.PlayedProvider(trial.getsockname()[1], who=ACCOUNT)
    played.start()
    settings = Settings.from_env(
        {
            "KLING_UI_DATA_DIR": str(data),
            "SPACE_ID": "somebody/space",
            "SPACE_HOST": provider.SPACE,
            "OAUTH_CLIENT_ID": provider.CLIENT_ID,
            "OAUTH_CLIENT_SECRET": OAUTH_SECRET,
            "OPENID_PROVIDER_URL": played.url,
        }
    )

    @asynccontextmanager
    async def opening(settings: Settings, signed_files: SignedFiles) -> AsyncGenerator[Services]:
        workers: Any = InThreads()
        async with open_runner(settings, workers, adopt=False) as runner, httpx.AsyncClient() as http:
            preflight = Preflight(workers, data / "looks")
            parts = {"preflight": preflight, "runner": runner, "tokens": TokenStore(), "http": http}
            yield Services(settings=settings, signed_files=signed_files, workers=workers, **parts)

    app = build_app(settings, opening)
    with TestClient(app, base_url=f"https://{provider.SPACE}", follow_redirects=False) as client:
        refs = {}
        for name, path in (("image", media.image), ("video", media.clip), ("original", media.small_image)):
            headers = {"X-File-Name": path.name.replace(" ", "%20")}
            refs[name] = client.post("/inputs", content=path.read_bytes(), headers=headers).json()["ref"]
        signed_at = time.time()
        assert provider.log_in(client).status_code == 303
        cookie = client.cookies.get(provider.COOKIE)
        _send(client, "on_arrival", {"kling_ui.visitor": BROWSER})  # makes the browser's runs the account's
        services = app.state.services
        signed_files = services.signed_files
        for name in ("preview", "account"):
            for file in sorted((data / "runs" / made[name]).iterdir()):
                refs[f"{name} {file.stem}"] = signed_files.sign(file)
        image, video, original = (signed_files.open(refs[name]) for name in ("image", "video", "original"))
        versions = {
            "image": InputVersions(
                InputVersion(image, tuple((kind, f"Label of {kind}") for kind in RepairKind), picture=original),
                (InputVersion(original),),
            ),
            "video": InputVersions(
                InputVersion(video, span=(0.0, 3.2), origin="https://videos.example/clip.mp4?key=of-a-test")
            ),
        }
        slots = {
            name: asyncio.run(InputAnalysis(lambda: services).whole(InputKind(name), one))
            for name, one in versions.items()
        }
        choice = {"orientation": "image", "keep_sound": False, "prompt": ACCOUNT_PROMPT}
        kept = _keep(slots["image"], slots["video"], choice)
        judged = {"image-slot": slots["image"], "video-slot": slots["video"], "orientation": "video"}
        judged |= {"keep-sound": True, "prompt": ACCOUNT_PROMPT, "accepted": False}
        wish = _send(client, "judge", judged)[1]["wish"]
    played.stop()
    key = (data / "lending.key").read_bytes()
    nothing: Any = None
    bucket, lender = S3Publisher(nothing, key, nothing, lend_hours=24), open_public_files(data)
    unknown, waiting, completed = (data / "runs" / made[name] for name in ("unknown", "waiting", "completed"))
    return {
        "now": _seconds(NOW),
        "runs": made,
        "visitors": {"command line": COMMAND_LINE, "other": OTHER, "account": f"hf:{ACCOUNT['sub']}"},
        "oauth": {"secret": OAUTH_SECRET, "cookie_name": provider.COOKIE, "cookie": cookie, "signed_at": signed_at},
        "account_name": ACCOUNT["preferred_username"],
        "references": refs,
        "lent": {
            "unknown image": lender.sign(unknown / "image.png", LENT_UNTIL),
            "waiting reference": lender.sign(waiting / "reference.mp4", LENT_UNTIL),
            "completed image": lender.sign(completed / "image.png", LENT_UNTIL),
            "expired": lender.sign(unknown / "image.png", int(_seconds(NOW))),
        },
        "objects": {name: bucket._name(unknown / name) for name in ("image.png", "reference.mp4")},
        "browser": {"kling_ui.visitor": OTHER, "kling_ui.inputs": kept},
        "browser_scramble": "kling_ui",
        "wish": wish,
        "spending": {
            who: asyncio.run(_spent(data, visitor, own_token=who == "own token"))
            for who, visitor in {"command line": COMMAND_LINE, "other": OTHER, "own token": OTHER}.items()
        },
    }


async def _spent(data: Path, visitor: str, *, own_token: bool) -> list[float]:
    ledger, now = Ledger(f"sqlite:///{data / 'ledger.sqlite'}"), _seconds(NOW)
    spent = await ledger.ask(lambda store: store.spending(visitor, now, own_token=own_token))
    await ledger.aclose()
    return [spent.session_usd, spent.day_usd, spent.payer_day_usd]


def _keep(image: dict[str, Any], video: dict[str, Any], choice: dict[str, Any]) -> dict[str, Any]:
    """Let the page's own script decide what the browser keeps."""
    values = [image, video, choice["orientation"], choice["keep_sound"], choice["prompt"], None]
    script = asset("ui/kept.js").read_text("utf-8")
    told = f"console.log(JSON.stringify(({script.strip()})(...{json.dumps(values)})))"
    node = compute_driver_executable()[0]
    return json.loads(subprocess.run([node, "-e", told], capture_output=True, text=True, check=True).stdout)


def _send(client: TestClient, name: str, filled: dict[str, Any]) -> list[Any]:
    """Send an event as the page does; return the values of its first answer."""
    config = client.get("/config").json()
    known = {part["id"]: part["props"] for part in config["components"]}
    event = next(event for event in config["dependencies"] if event["api_name"] == name)
    values = [filled.get(known[part].get("storage_key") or known[part].get("elem_id")) for part in event["inputs"]]
    body = {"data": values, "fn_index": event["id"], "session_hash": name, "event_data": None, "trigger_id": None}
    assert client.post("/gradio_api/queue/join", json=body).status_code == 200
    lines = client.get(f"/gradio_api/queue/data?session_hash={name}").text.splitlines()
    told = [json.loads(line.removeprefix("data:")) for line in lines if line.startswith("data:")]
    return next(message["output"]["data"] for message in told if "data" in (message.get("output") or {}))


def shrink_pictures(looks: Path) -> None:
    """Make the pictures of looks small; only a browser reads them."""
    for path in looks.glob("*.jpg"):
        picture = cv2.imread(str(path))
        height_px, width_px = picture.shape[:2]
        small = cv2.resize(picture, (max(1, 24 * width_px // height_px), 24), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(path), small, [cv2.IMWRITE_JPEG_QUALITY, 30])


def main() -> None:
    """Make everything in a temporary folder, then write it beside this script."""
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "data"
        (drawn := Path(scratch) / "drawn").mkdir()
        data.mkdir()
        (data / "files.key").write_bytes(FILES_KEY)
        (data / "lending.key").write_bytes(LENDING_KEY)
        (data / "command-line-visitor").write_text(COMMAND_LINE)
        media = draw_media(drawn)
        inputs = ("--image", media.image, "--video", media.clip)
        checked = json.loads(type_in(data, "check", *inputs, "--prompt", ACCOUNT_PROMPT, "--json"))
        with Workers(1) as workers:
            made = asyncio.run(make_runs(data, media, checked, workers))
        kept = use_page(data, media, made)
        said = {
            "check": checked,
            "runs": json.loads(type_in(data, "runs", "--all", "--json")),
            "own runs": [run["run_id"] for run in json.loads(type_in(data, "runs", "--json"))["runs"]],
            "show": json.loads(type_in(data, "show", made["failed"], "--json")),
        }
        exported = Path(scratch) / "exported"
        type_in(data, "export", exported)
        write_down(data, exported, kept, said)


def write_down(data: Path, exported: Path, kept: dict[str, Any], said: dict[str, Any]) -> None:
    """Put what was made beside this script, the ledger as text and without the names of this machine's folders."""
    shrink_pictures(data / "looks")
    for name in ("data", "export"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    for name in ("runs", "looks", "uploads"):
        shutil.copytree(data / name, HERE / "data" / name)
    for name in ("files.key", "lending.key", "command-line-visitor"):
        shutil.copyfile(data / name, HERE / "data" / name)
    with sqlite3.connect(data / "ledger.sqlite") as connection:
        ledger = "\n".join(connection.iterdump()) + "\n"
    texts = {
        "ledger-v3.sql": ledger,
        "kept.json": json.dumps(kept, indent=1) + "\n",
        "said.json": json.dumps(said, separators=(",", ":")) + "\n",
    }
    for name, text in texts.items():
        (HERE / name).write_text(text.replace(str(data), "DATA"), encoding="utf-8")
    listed = json.loads((exported / "runs.json").read_text())["runs"]
    for name in (name for run in listed for name in run["files"]):  # copies of what lies in the data folder
        assert (exported / name).read_bytes() == (data / "runs" / Path(name).relative_to("files")).read_bytes()
    (HERE / "export").mkdir()
    for name in ("runs.json", "runs.csv"):
        shutil.copyfile(exported / name, HERE / "export" / name)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()

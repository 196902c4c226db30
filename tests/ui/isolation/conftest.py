"""A public app that holds things of a victim, and a stranger who knows the names of all of them."""

import json
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
from itsdangerous import TimestampSigner
from pydantic import SecretStr
from run_records import a_run
from starlette.testclient import TestClient

from kling_ui.corrections import Corrections, PlacedJoint
from kling_ui.errors import WorkError
from kling_ui.media.files import content_sha256
from kling_ui.options import TransferOptions
from kling_ui.runs.engines import Engines
from kling_ui.runs.ledger.store import Store
from kling_ui.runs.publishing.url_probe import UrlProbe
from kling_ui.runs.record import EngineName, ResultFacts, RunInputs, RunRecord, RunState, Terms
from kling_ui.runs.runner import open_runner
from kling_ui.settings import Settings, SpaceLogin
from kling_ui.ui import visitors
from kling_ui.ui.services import Services, open_store
from kling_ui.ui.visitors import Account
from kling_ui.ui.web import login as login_module
from kling_ui.ui.web import server
from kling_ui.ui.web.signed_files import SignedFiles

HOST = "my-space.hf.space"
LOGIN = SpaceLogin(HOST, "client-id", SecretStr("client-secret"), "https://provider.example")
VICTIM, STRANGER = "a" * 43, "b" * 43
ANN = {"sub": "5f0c34ann", "preferred_username": "ann"}
PROMPT, NAME = "At the quiet lake", "My secret lake"
APPS, TYPED, PROGRAMS = "apps-token-0123456789", "victims-token-0123456789", "programs-token-0123456789"
PICTURE = b"\x89PNG\r\n\x1a\n what the victim handed in"


class ScriptedVendor:
    """Takes every token; what the victim and its program submit waits in the queue, what others submit fails."""

    def __init__(self) -> None:
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        path, token = request.url.path, request.headers.get("authorization", "")
        request_id = path.split("/")[3]
        if path.endswith("/cancel"):
            return httpx.Response(202, json={"request_id": request_id, "status": "cancelled", "outcome": "cancelled"})
        if request.method == "POST":
            return httpx.Response(200, json={"request_id": f"req-{len(self.seen)}"})
        if path.startswith("/v1/models"):
            return httpx.Response(200, json={"base_price_usd": 0.07, "price_unit": "second"})
        waits = token in {f"Bearer {TYPED}", f"Bearer {PROGRAMS}"}
        word = "in_queue" if waits else "completed" if path.endswith("/status") else "failed"
        error = {} if waits or word == "completed" else {"error": {"type": "InputError", "message": "No."}}
        return httpx.Response(200, json={"request_id": request_id, "status": word} | error)

    def paid_with(self, token: str) -> list[httpx.Request]:
        """Return what was asked with a token."""
        return [request for request in self.seen if request.headers.get("authorization") == f"Bearer {token}"]

    def cancelled(self) -> list[httpx.Request]:
        """Return what was asked to stop."""
        return [request for request in self.seen if request.url.path.endswith("/cancel")]


class Target:
    """The app with the victim's things.

    Attributes:
        client: A stranger's, who keeps no cookie.
        services: What the app works with; only the checks' workers and the vendor are played.
        vendor: Who would be paid.
        seen: A finished preview of the victim's; ``paid`` is on Kling, ``lost`` of unknown outcome, ``program`` a
            program's, whose handle is ``handle``, ``anns`` that of somebody who has logged in, and ``orphan`` a
            program's on Kling that waits for its token.
        waiting: A run on Kling that the victim pays, under way.
        upload: A picture that the victim has handed in.
    """

    PROMPT, NAME, VICTIM, STRANGER, HOST = PROMPT, NAME, VICTIM, STRANGER, HOST
    APPS, TYPED, PROGRAMS, PICTURE, ANN = APPS, TYPED, PROGRAMS, PICTURE, ANN
    seen, paid, lost, program, anns, orphan = ("0" * 31 + digit for digit in "123456")
    program_owner = f"program:{'e' * 32}"
    waiting = handle = orphan_handle = ""
    upload = Path()

    def __init__(self, client: TestClient, services: Services, vendor: ScriptedVendor, request: dict[str, Any]) -> None:
        self.client = client
        self.services = services
        self.vendor = vendor
        self.data_dir = services.settings.data_dir
        paths = {kind: self.path_of(request[kind]) for kind in ("image", "video")}
        self.request = request | {kind: services.signed_files.sign(path) for kind, path in paths.items()}
        self._config = client.get("/config").json()

    # --- what a stranger does -----------------------------------------------------------------------------------------

    def send(
        self,
        name: str,
        told: Any = None,
        *,
        browser: Any = STRANGER,
        session: str = "",
        query: str = "",
        headers: dict[str, str] | None = None,
        reads: bool = True,
        **filled: Any,
    ) -> str:
        """Send an event of the page, and give all that came back."""
        event = self.event(name)
        parts = {part["id"]: part["props"] for part in self._config["components"]}
        usual = {"kling_ui.visitor": browser, "engine": "kling", "run-request": self.request, "resolution": "720p"}
        usual["kling_ui.inputs"] = filled.pop("kept", None)
        known = usual | {key.replace("_", "-"): value for key, value in filled.items()}
        values = [known.get(parts[n].get("storage_key") or parts[n].get("elem_id") or "") for n in event["inputs"]]
        session = session or secrets.token_hex(6)
        body = {"data": values, "fn_index": event["id"], "session_hash": session, "event_data": told}
        joined = self.client.post(f"/gradio_api/queue/join{query}", json=body, headers=headers)
        return self.read(session, headers) if reads and joined.is_success else joined.text

    def read(self, session: str, headers: dict[str, str] | None = None) -> str:
        """Read the answers to a tab."""
        return self.client.get("/gradio_api/queue/data", params={"session_hash": session}, headers=headers).text

    def event(self, name: str) -> dict[str, Any]:
        """Return an event of the page as its config describes it."""
        return next(event for event in self._config["dependencies"] if event["api_name"] == name)

    def call(self, name: str, headers: dict[str, str] | None = None, **values: Any) -> str:
        """Call an endpoint for programs."""
        begun = self.client.post(f"/gradio_api/call/v2/{name}", json=values, headers=headers)
        if not begun.is_success:
            return begun.text
        return self.client.get(f"/gradio_api/call/{name}/{begun.json()['event_id']}", headers=headers).text

    def tool(self, name: str, headers: dict[str, str] | None = None, **values: Any) -> str:
        """Call a tool for agents."""
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": values}}
        accepted = {"Accept": "application/json, text/event-stream"} | (headers or {})
        return self.client.post("/gradio_api/mcp", json=body, headers=accepted).text

    # --- what is true -------------------------------------------------------------------------------------------------

    def gives_away(self, told: str) -> bool:
        """Tell whether an answer holds something of the victim's runs or files."""
        return any(text in told for text in (PROMPT, NAME, "what the victim handed in", f"runs/{self.seen}/"))

    def path_of(self, ref: str) -> Path:
        """Tell which file a reference is of, whoever signed it."""
        return self.data_dir / ref.partition("/")[2]

    def record(self, run_id: str) -> RunRecord:
        """Read a run from the ledger."""
        store = Store(self.services.settings.ledger_url)
        try:
            found = store.get(run_id)
        finally:
            store.close()
        assert found is not None
        return found

    def runs_of(self, visitor: str | None) -> list[RunRecord]:
        """Read somebody's runs, or everybody's, from the ledger."""
        store = Store(self.services.settings.ledger_url)
        try:
            return store.of_visitor(visitor, 50)
        finally:
            store.close()

    def inside(self, work: Callable[[], Any]) -> Any:
        """Do something within the app."""
        return self.client.portal.call(work)

    def cookie_of(self, account: Account) -> dict[str, str]:
        """Give the cookie of a login that the app itself would have given."""
        return {"Cookie": f"{login_module.COOKIE}={signed_cookie(account, login_module._session_secret(LOGIN))}"}

    def account(self, **claims: str) -> Account:
        """Begin a login; Ann's, if nothing is said."""
        return Account.from_claims(ANN | claims)

    def kept_token_of(self, account: Account) -> None:
        """Keep the victim's token for a login."""
        self.services.tokens.keep(visitors.token_key_of(account), SecretStr(TYPED))


def signed_cookie(account: Account, key: str) -> str:
    """Sign a session as Starlette does."""
    return TimestampSigner(key).sign(b64encode(json.dumps({"account": account.to_session()}).encode())).decode()


@pytest.fixture
def sign_cookie() -> Callable[[Account, str], str]:
    """Signs a session with any key."""
    return signed_cookie


@pytest.fixture
def open_target(
    services: Services,
    canned: dict[str, Any],
    run_request: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., AbstractContextManager[Target]]:
    """Opens the app with changed settings; the victim's things are there by then."""
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "GRADIO_RUN_HISTORY", "GRADIO_SSR_MODE"):
        monkeypatch.setenv(name, "")  # so that what the server sets is undone
    canned["render_lazily"] = WorkError("It cannot be drawn.")
    canned["facts_of"] = ResultFacts(
        duration_s=12.0, fps=24.0, frame_count=288, width_px=720, height_px=1280, has_audio=False, size_bytes=9
    )
    canned["draw"] = lambda *given: given[3].write_bytes(b"x")
    canned["render_transparent"] = lambda *paths: paths[-1].write_bytes(b"x")
    usual: dict[str, Any] = {
        "on_space": True,
        "public_url": f"https://{HOST}",
        "hosts": (HOST,),
        "login": LOGIN,
        "mcp": find_spec("mcp") is not None,
        "token": SecretStr(APPS),
        "api_base": "https://api.example",
        "ledger_url": f"sqlite:///{tmp_path / 'ledger.sqlite'}",
        "trusted_proxies": (ip_network("10.0.0.0/8"),),
    }

    @contextmanager
    def opened(peer: str = "203.0.113.7", **changes: Any) -> Generator[Target]:
        settings, vendor = replace(services.settings, **(usual | changes)), ScriptedVendor()
        _remember(settings.ledger_url, settings.data_dir)

        @asynccontextmanager
        async def opening(_: Settings, signed_files: SignedFiles) -> Any:
            shut = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(404)))
            remote = httpx.MockTransport(vendor)
            engines = Engines(
                settings, services.workers, tmp_path / "preview", remote=remote, probe=UrlProbe(shut, resolve=_nowhere)
            )
            async with (
                shut,
                open_runner(settings, services.workers, engines=engines, take_over=False) as runner,
            ):
                store = open_store(settings, signed_files)
                ours = {"settings": settings, "runner": runner, "http": shut, "signed_files": signed_files}
                yield replace(services, store=store, **ours)

        app = server.build_app(settings, opening)
        browser = TestClient(app, base_url=f"https://{HOST}", follow_redirects=False, client=(peer, 50_000))
        with browser as client:
            client.cookies.clear()
            target = Target(client, app.state.services, vendor, run_request)
            _begin(target)
            vendor.seen.clear()
            yield target

    return opened


async def _nowhere(_host: str, _port: int) -> list[str]:
    return []


def _remember(url: str, data_dir: Path) -> None:
    store = Store(url)
    program = Target.program_owner
    for run_id, visitor, engine, state in (
        (Target.seen, VICTIM, EngineName.PREVIEW, RunState.COMPLETED),
        (Target.paid, VICTIM, EngineName.KLING, RunState.COMPLETED),
        (Target.lost, VICTIM, EngineName.KLING, RunState.UNKNOWN),
        (Target.program, program, EngineName.PREVIEW, RunState.COMPLETED),
        (Target.anns, f"hf:{ANN['sub']}", EngineName.PREVIEW, RunState.COMPLETED),
        (Target.orphan, program, EngineName.KLING, RunState.IN_QUEUE),
    ):
        folder = data_dir / "runs" / run_id
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("image.png", "reference.mp4", "result.mp4"):
            (folder / name).write_bytes(PICTURE)
        has_result = state is RunState.COMPLETED
        store.add(
            a_run(
                run_id=run_id,
                visitor=visitor,
                engine=engine,
                state=state,
                created_at=time.time() - 60,
                changed_at=time.time(),
                fingerprint=f"{run_id} of the victim",
                choice=TransferOptions(PROMPT),
                request_id=None if state is RunState.UNKNOWN else f"req-of-{run_id}",
                own_token=engine is EngineName.KLING,
                result_name="result.mp4" if has_result else None,
                visitor_pays=engine is EngineName.KLING,
                name=NAME,
            )
        )
    store.close()


def _begin(target: Target) -> None:
    """Let the victim hand in a picture, correct one, keep a token, and have a run under way."""
    services = target.services
    services.tokens.keep(VICTIM, SecretStr(TYPED))
    target.upload = target.data_dir / "uploads" / f"of-{'c' * 32}" / "a-folder-of-its-own" / "me.png"
    target.upload.parent.mkdir(parents=True, exist_ok=True)
    target.upload.write_bytes(PICTURE)
    image, video = target.path_of(target.request["image"]), target.path_of(target.request["video"])
    corrections = Corrections({"nose": PlacedJoint(0.123, 0.456)})
    services.corrections.keep(VICTIM, content_sha256(image), corrections)
    inputs = RunInputs(image=image, video=video, choice=TransferOptions(PROMPT))
    terms = Terms(app_token=False, any_request=False)

    async def begin() -> str:
        runner = services.runner
        how = {"engine": EngineName.KLING, "visitor": VICTIM, "token": SecretStr(TYPED), "terms": terms}
        started = await runner.begin(inputs, **how)
        async for view in runner.watch(started.run_id, VICTIM):
            if view.state is RunState.IN_QUEUE:
                break
        return started.run_id

    target.waiting = target.inside(begin)
    target.handle, target.orphan_handle = (
        target.inside(partial(services.runner.handles.give, run_id)) for run_id in (target.program, target.orphan)
    )

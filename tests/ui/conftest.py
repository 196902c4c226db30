"""The page in Chromium, served with all its real parts; and small plays of these parts for the handlers."""

import importlib.util
import inspect
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from figure import Actor, Scene, dance, write_clip
from figure.cast import DANCER
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from kling_ui.checks.preflight import Preflight
from kling_ui.errors import KlingUIError, MediaError
from kling_ui.media.image import ImageFacts
from kling_ui.media.playable import PlayableCopies
from kling_ui.media.probe import VideoFacts
from kling_ui.options import TransferOptions
from kling_ui.quotas import QuotaKeys, Usage
from kling_ui.runs.admission import UploadAllowance
from kling_ui.runs.gallery import ForecastRecord, GalleryOverview
from kling_ui.runs.ledger.gallery import GalleryPage, GalleryQuery
from kling_ui.runs.outcomes import CancelAnswer, OutcomeCode
from kling_ui.runs.pricing import Budget, Charge, ModelOffer, Quote, Spending
from kling_ui.runs.publishing.protocol import Channel, Delivery, PlannedDeliveries
from kling_ui.runs.record import EngineName, RunState
from kling_ui.runs.run_view import DeletionLoss, RunView
from kling_ui.runs.runner import RunInputs, Start
from kling_ui.settings import Settings
from kling_ui.ui.browser_values import RunRequest
from kling_ui.ui.examples import EXAMPLES, asset
from kling_ui.ui.services import Services, open_store
from kling_ui.ui.visitors import TokenStore
from kling_ui.ui.web.signed_files import SignedFiles
from kling_ui.vision.analysis import ImageAnalysis, PersonFacts, VideoAnalysis
from kling_ui.vision.editing import EditableFigure
from kling_ui.vision.pose import Landmark, PoseTrack

HERE = Path(__file__).parent
BUSY_MS = 180_000  # for whatever a page waits for: machines that run tests do much else, and workers give way to it
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LOOKS = ((1440, 900, "light"), (390, 900, "dark"))  # colours depend on the one, the layout on the other
ROOT = HERE.parents[1]
# Somebody who stands upright, faces the camera and fits into the picture: (x, y) of the left; the right mirrors it.
LEFT = {
    Landmark.LEFT_SHOULDER: (0.58, 0.3),
    Landmark.LEFT_ELBOW: (0.62, 0.42),
    Landmark.LEFT_WRIST: (0.63, 0.53),
    Landmark.LEFT_HIP: (0.55, 0.54),
    Landmark.LEFT_KNEE: (0.55, 0.7),
    Landmark.LEFT_ANKLE: (0.55, 0.86),
    Landmark.LEFT_HEEL: (0.55, 0.88),
    Landmark.LEFT_FOOT_INDEX: (0.57, 0.9),
}


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"ui_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def three_seconds_mp4(media_dir: Path) -> Path:
    """A dance just long enough to be taken: 3.25 s, 8 frames a second, 360 x 640, without sound."""
    clip = write_clip(
        media_dir / "three-seconds.mp4",
        lambda t: Scene((Actor(DANCER, dance(t)),)),
        duration_s=3.25,
        fps=8,
        width_px=360,
        height_px=640,
    )
    return clip.path


@pytest.fixture(scope="session")
def page_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the running app."""
    folder = tmp_path_factory.mktemp("app")
    with _serve(folder) as (_, address):
        yield address


@pytest.fixture(scope="session")
def serve() -> Callable[..., AbstractContextManager[tuple["subprocess.Popen[str]", str]]]:
    """Starts another app of one's own, in a folder and with more variables of the environment."""
    return _serve


@contextmanager
def _serve(folder: Path, **more_env: str) -> Generator[tuple[subprocess.Popen[str], str]]:
    """Start the app as a person does, wait for it, and end it; what it says goes to ``folder/said.txt``."""
    port = more_env.get("KLING_UI_PORT") or str(_free_port())  # the same again, where a browser is to know it again
    address = f"http://127.0.0.1:{port}/"
    env = os.environ | {"KLING_UI_PORT": port, "KLING_UI_DATA_DIR": str(folder), "KLING_UI_WORKERS": "2"}
    env |= more_env
    with (
        (folder / "said.txt").open("w") as said,
        subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=env, stdout=said, stderr=said, text=True) as app,
    ):
        try:
            _wait_for(f"{address}health", app)
            yield app, address
        finally:
            app.terminate()
            app.wait(30)


def _wait_for(address: str, app: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and app.poll() is None:
        try:
            if httpx.get(address).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("the app did not answer")


@pytest.fixture(scope="module")  # no longer: while it is open, other tests cannot start an event loop of their own
def chromium() -> Iterator[Browser]:
    """A headless Chromium with a played camera; without one tests are skipped, saying why, but fail where CI counts."""
    browser = _load("browser")
    path = browser.find_chromium()
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(browser.MISSING)
    expect.set_options(timeout=BUSY_MS)
    quiet = "--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update"
    played = "--use-fake-ui-for-media-stream --use-fake-device-for-media-stream"
    switches = ["--no-sandbox", "--disable-sync", *quiet.split(), *played.split()]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=switches)
        opened.on("context", lambda context: context.set_default_timeout(BUSY_MS))
        yield opened
        opened.close()


@pytest.fixture
def page(chromium: Browser, page_address: str) -> Iterator[Page]:
    """A fresh visitor's page, loaded and ready; at the end it must have asked no other host and thrown nothing."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    tab, foreign_requests, thrown = context.new_page(), [], []
    tab.on(
        "request",
        lambda request: foreign_requests.append(request.url) if _is_strange(request.url, page_address) else None,
    )
    tab.on("pageerror", lambda error: thrown.append(str(error)))
    tab.goto(page_address)
    tab.wait_for_selector("#run:not([disabled])")
    yield tab
    context.close()
    assert foreign_requests == []
    assert thrown == []


@pytest.fixture(scope="session")
def violations() -> Callable[..., list[str]]:
    """Says what axe finds in a page as it stands, light on a desktop and dark on a phone, or in other windows."""

    def found(page: Page, looks: tuple[tuple[int, int, str], ...] = LOOKS) -> list[str]:
        size, told = page.viewport_size, []
        page.add_style_tag(content="* { transition: none !important }")  # a colour that is on its way is none
        for width, height, look in looks:
            page.emulate_media(color_scheme="dark" if look == "dark" else "light")
            page.evaluate("dark => document.body.classList.toggle('dark', dark)", look == "dark")
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            rules = Axe().run(page, options=RULES).response["violations"]
            told += [f"{look} {width}: {rule['id']} {node['html'][:160]}" for rule in rules for node in rule["nodes"]]
        page.emulate_media(color_scheme="light")
        page.evaluate("document.body.classList.remove('dark')")
        if size:
            page.set_viewport_size(size)
        return told

    return found


@pytest.fixture(scope="session")
def too_small_png(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture that is refused as it is, and can be repaired."""
    path = tmp_path_factory.mktemp("small") / "small.png"
    with Image.open(asset("examples/character-full-body.png")) as picture:
        picture.resize((252, 448)).save(path)
    return path


@pytest.fixture
def serve_player() -> Iterator[Callable[..., str]]:
    """Serves the player alone, see ``player_page.py``, with a folder's files, and gives its address."""
    with ExitStack() as stack:
        yield lambda folder, answers=None: stack.enter_context(
            _load("player_page").serve_player(folder, _free_port(), answers)
        )


@pytest.fixture(scope="module")
def vendor(three_seconds_mp4: Path) -> Iterator[Any]:
    """A played vendor on a port of its own, see ``vendor.py``."""
    played = _load("vendor")
    server = played.PlayedVendorServer(played.PlayedVendor(three_seconds_mp4, 3.25), _free_port())
    server.start()
    yield server
    server.stop()


def _is_strange(url: str, home: str) -> bool:
    return not url.startswith((home, "data:", "blob:"))


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


@pytest.fixture
def run_of(tmp_path: Path) -> Callable[..., RunView]:
    """Makes views of runs: a preview in progress, but for what is said."""
    for name in ("image.png", "reference.mp4"):
        (tmp_path / name).write_bytes(b"x")
    usual: dict[str, Any] = {
        "run_id": "r1",
        "engine": EngineName.PREVIEW,
        "state": RunState.IN_PROGRESS,
        "elapsed_s": 3.0,
        "created_at": 100.0,
        "choice": TransferOptions(),
        "image": tmp_path / "image.png",
        "reference": tmp_path / "reference.mp4",
        "note": "",
        "needs_token": False,
        "charge": Charge.NO,
        "inputs": (),
        "notes": (),
        "repairs": (),
        "starred": False,
        "rules": (),
    }
    known: dict[str, Any] = {field.name: usual.get(field.name) for field in fields(RunView)}
    return lambda **changes: RunView(**(known | changes))


class CannedWorkers:
    """Answers by the name of the work: with a value, by calling a function, which may take its time, or by raising."""

    previews_at_once = 1

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers

    async def run(self, work: Any, /, *args: Any, timeout_s: float | None = None, **_: Any) -> Any:
        answer = self._answers[work.__name__]
        if isinstance(answer, Exception):
            raise answer
        said = answer(*args) if callable(answer) else answer
        return await said if inspect.isawaitable(said) else said


class PlayedGallery:
    """Plays a visitor's runs together: those that the runner was given.

    Args:
        runner: The runner.
    """

    def __init__(self, runner: "PlayedRunner") -> None:
        self._runner = runner
        self.asked: list[tuple[str, Any]] = []
        self.deleted: list[RunView] = []
        self.other: RunView | None = None

    async def overview(self, _: str) -> GalleryOverview:
        page = self._page()
        return GalleryOverview(
            page=page,
            deleted=self.deleted,
            days=[],
            forecasts=ForecastRecord(),
            has_paid=any(run.engine is EngineName.KLING for run in page.runs),
        )

    async def page(self, visitor: str, query: GalleryQuery) -> GalleryPage[RunView]:
        self._runner.refuse()
        self.asked.append((visitor, query))
        return self._page()

    def _page(self) -> GalleryPage[RunView]:
        runs = self._runner.views[-1:]
        return GalleryPage(runs=runs, total=len(runs), after=None)

    async def compared(self, visitor: str, run_ids: list[str]) -> list[RunView]:
        self._runner.refuse()
        self.asked.append((visitor, run_ids))
        return self._runner.views

    async def other_engine(self, *_: str) -> RunView | None:
        return self.other

    async def star(self, run_id: str, visitor: str, *, is_starred: bool) -> None:
        self._runner.refuse()
        self._runner.changed.append((run_id, visitor, is_starred))

    async def rename(self, run_id: str, visitor: str, name: str) -> None:
        self._runner.refuse()
        self._runner.changed.append((run_id, visitor, name))

    async def delete(self, run_id: str, visitor: str, *, losing: DeletionLoss) -> None:
        self._runner.refuse()
        self._runner.changed.append((run_id, visitor, losing))
        self._runner.views = []

    async def restore(self, run_id: str, visitor: str) -> None:
        self._runner.refuse()
        self._runner.changed.append((run_id, visitor, "restored"))


class PlayedAdmission:
    """Lets everything in, or refuses it as it is told."""

    def __init__(self) -> None:
        self.closed: KlingUIError | None = None
        self.asked: list[Usage] = []

    async def refusal(self, _: QuotaKeys, asked: Usage, **__: Any) -> KlingUIError | None:
        self.asked.append(asked)
        return self.closed

    async def take(self, _: QuotaKeys, asked: Usage) -> None:
        self.asked.append(asked)
        if self.closed is not None:
            raise self.closed

    @asynccontextmanager
    async def upload(self, keys: QuotaKeys, expected_bytes: int) -> AsyncGenerator[UploadAllowance]:
        await self.take(keys, Usage(uploads=1, size_bytes=expected_bytes))
        allowance: Any = self
        yield UploadAllowance(allowance, keys, 0)

    @property
    def is_counting(self) -> bool:
        return False

    async def forget(self) -> None:
        """Nothing is counted."""


class PlayedRunner:
    """Plays the views it is given, to whoever watches."""

    def __init__(self) -> None:
        self.views: list[RunView] = []
        self.started: list[dict[str, Any]] = []
        self.cancelled: list[tuple[str, str]] = []
        self.waiting: list[str] = []
        self.refusal: Exception | None = None
        self.start = Start(run_id="r1", is_new=True)
        self.standing: RunView | None = None
        self.recovered: list[tuple[str, dict[str, Any]]] = []
        self.admission = PlayedAdmission()
        self.budget = Budget()
        self.spent = Spending()
        self.price = Quote(rate_usd=0.07, unit="second")
        self.ahead: list[str] = []
        self.changed: list[tuple[Any, ...]] = []
        self.quoted: list[Any] = []
        self.offers: tuple[ModelOffer, ...] = ()
        self.asked_of: Any = None
        self.gallery = PlayedGallery(self)
        self.batches: Any = None

    def usual(self, choice: TransferOptions) -> TransferOptions:
        return choice

    def watch_ahead(self, reference: Path) -> None:
        """Note which clip would be watched."""
        self.ahead.append(reference.name)

    async def begin(self, inputs: RunInputs, **how: Any) -> Start:
        self.refuse()
        self.started.append({"inputs": inputs} | how)
        return self.start

    async def already(self, *_: Any, **__: Any) -> RunView | None:
        return self.standing

    async def recover(self, request_id: str, **how: Any) -> Start:
        self.refuse()
        self.recovered.append((request_id, how))
        return self.start

    async def models(self, **_: Any) -> tuple[ModelOffer, ...]:
        self.refuse()
        return self.offers

    async def quote(self, duration_s: float | None, *, token: Any, terms: Any, choice: Any = None) -> Quote:
        self.refuse()
        self.asked_of = choice
        self.quoted.append(token)
        return replace(self.price, duration_s=duration_s)

    async def foresee_deliveries(self, inputs: RunInputs) -> PlannedDeliveries:
        self.refuse()
        inline = Delivery(Channel.INLINE)
        given = (Delivery(Channel.GIVEN_ADDRESS, "pics.example"),) if inputs.image_url else ()
        return PlannedDeliveries((*given, inline), (inline,))

    async def spending(self, *_: str, **__: Any) -> Spending:
        return self.spent

    async def states(self, *_: str) -> list[tuple[RunState, float]]:
        return [(RunState.PREPARING, 100.0)]

    async def watch(self, *_: str) -> AsyncIterator[RunView]:
        self.refuse()
        for view in self.views:
            yield view

    async def view(self, *_: str) -> RunView:
        self.refuse()
        return self.views[-1]

    async def history(self, _: str) -> list[RunView]:
        return self.views[-1:]

    async def cancel(self, run_id: str, visitor: str) -> CancelAnswer:
        self.cancelled.append((run_id, visitor))
        return CancelAnswer(OutcomeCode.PREVIEW_STOPPED, EngineName.PREVIEW)

    async def resume(self, *_: Any) -> list[str]:
        self.refuse()
        return self.waiting

    def refuse(self) -> None:
        if self.refusal is not None:
            raise self.refusal


@pytest.fixture
def canned(tmp_path: Path) -> dict[str, Any]:
    """What the played workers answer: a picture of nobody, and a clip of 12 s of somebody who stands still."""
    image = ImageFacts(tmp_path, "png", 516_000, 622, 913, 1, "RGB", has_alpha=False, frame_count=1)
    video = VideoFacts(tmp_path, "mp4", 2_700_000, 720, 1280, 12.0, 24.0, 288, "h264", "yuv420p", 0, True, "aac")
    standing = [(0.5 + 0.1 * (-1) ** n, 0.2 + n * 0.02, 0.0, 1.0) for n in range(33)]
    poses = np.tile(np.asarray(standing, np.float32), (10, 1, 1)), np.zeros((10, 33, 3), np.float32)
    for name in ("strip.jpg", "figure.png"):
        (tmp_path / name).write_bytes(b"x")
    return {
        "recall_survey": MediaError("it cannot be read.", path=tmp_path, advice="Choose another clip."),
        "probe_image": image,
        "probe_video": video,
        "analyse_image": ImageAnalysis("0" * 64, image, None, 0.0, None),
        "find_editable": EditableFigure((), tmp_path / "figure.png"),
        "analyse_video": VideoAnalysis(
            "1" * 64, video, PoseTrack((np.arange(10) + 0.5) * 1.2, *poses, 0.5625), tmp_path / "strip.jpg"
        ),
    }


@pytest.fixture
def small_person(canned: dict[str, Any], tmp_path: Path) -> ImageAnalysis:
    """A picture whose character is surely there, but small."""
    landmarks = tuple((0.5, 0.45 + n * 0.003, 0.0, 1.0) for n in range(33))
    (tmp_path / "overlay.jpg").write_bytes(b"x")
    person = PersonFacts(landmarks, 0.02, (0.45, 0.4, 0.55, 0.6), 0.5, 0.95)
    return replace(canned["analyse_image"], person=person, overlay=tmp_path / "overlay.jpg")


@pytest.fixture
def runner() -> PlayedRunner:
    """Runs that are only played."""
    return PlayedRunner()


@pytest.fixture
def services(tmp_path: Path, canned: dict[str, Any], runner: PlayedRunner) -> Services:
    """What handlers call: real checks, played workers and runs."""
    signed_files = SignedFiles(tmp_path, b"secret")
    workers: Any = CannedWorkers(canned)
    played: dict[str, Any] = {
        "settings": Settings(data_dir=tmp_path),
        "signed_files": signed_files,
        "workers": workers,
        "preflight": Preflight(workers, tmp_path / "looks"),
        "runner": runner,
        "tokens": TokenStore(),
        "http": None,
        "store": open_store(Settings(data_dir=tmp_path), signed_files),
        "copies": PlayableCopies(tmp_path / "playable", workers),
    }
    (tmp_path / "examples").mkdir()
    for example in EXAMPLES:
        for name in (example.image, example.video):
            (tmp_path / "examples" / name).write_bytes(name.encode())
    return Services(**played)


@pytest.fixture
def canned_upright(canned: dict[str, Any]) -> dict[str, Any]:
    """The same answers, but the clip shows somebody who stands upright all the time."""
    pose = np.tile(np.array([0.5, 0.2, 0.0, 1.0], np.float32), (33, 1))
    for landmark, (x, y) in LEFT.items():
        pose[landmark, :2], pose[landmark + 1, :2] = (x, y), (1 - x, y)
    times_s = np.arange(0.0, 12.0, 0.25)
    track = PoseTrack(times_s, np.tile(pose, (len(times_s), 1, 1)), np.zeros((len(times_s), 33, 3), np.float32), 0.5625)
    canned["analyse_video"] = replace(canned["analyse_video"], track=track)
    return canned


@pytest.fixture
def run_request(services: Services, canned_upright: dict[str, Any]) -> dict[str, Any]:
    """What the page carries once the checks have passed: the pair of the first example."""
    folder, example = services.examples, EXAMPLES[0]
    carried = RunRequest(folder / example.image, folder / example.video, TransferOptions("In a garden"))
    return carried.to_value(services.signed_files)

"""A result is taken away, and a run card opens again: in the page with its files, and from disk without the app."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from kling_ui.runs.ledger.store import Store
from kling_ui.runs.record import ResultFacts, RunState
from kling_ui.runs.run_files import sha256_of

pytestmark = pytest.mark.browser

EXAMPLES = Path(__file__).parents[2] / "assets/examples"
PREPARED = json.loads((EXAMPLES / "prepared.json").read_text("utf-8"))
# Time goes by eight times as fast, for scripts and for the pictures that they draw.
SHORTEN = """() => {
    const [now, draw] = [performance.now.bind(performance), window.requestAnimationFrame.bind(window)];
    performance.now = () => now() * 8;
    window.requestAnimationFrame = (tick) => draw((at) => tick(at * 8));
}"""


@pytest.fixture(scope="module")
def house(serve: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The app, and the folder of its data."""
    folder = tmp_path_factory.mktemp("takeaway")
    with serve(folder) as (_, address):
        yield folder, address


@pytest.fixture(scope="module")
def kept(chromium: Browser, house: tuple[Path, str]) -> Any:
    """What the browser of a visitor keeps who has one finished run."""
    folder, address = house
    context = chromium.new_context(reduced_motion="reduce")
    tab = context.new_page()
    tab.goto(address)
    tab.click("#run:not([disabled])")
    tab.click(".status [data-do=cancel]")
    expect(tab.locator(".status")).to_have_attribute("data-state", "cancelled")
    run_id, state = tab.url.rpartition("run=")[2], context.storage_state()
    context.close()
    home = folder / "runs" / run_id
    shutil.copyfile(EXAMPLES / "prepared-dance.mp4", home / "result.mp4")
    store = Store(f"sqlite:///{folder / 'ledger.sqlite'}")
    assert store.change(
        run_id,
        holder=None,
        now=store.get(run_id).created_at + 30.0,
        state=RunState.COMPLETED,
        outcome=None,
        result_name="result.mp4",
        result_sha256=sha256_of(home / "result.mp4"),
        result_facts=ResultFacts(
            duration_s=6.0, fps=24.0, frame_count=144, width_px=720, height_px=1280, has_audio=True, size_bytes=9
        ),
        motion=PREPARED["motion"],
    )
    store.close()
    return state


def opened(chromium: Browser, address: str, state: Any = None, **more: Any) -> Page:
    size = {"width": 1440, "height": 900}
    context = chromium.new_context(viewport=size, reduced_motion="reduce", storage_state=state, **more)
    tab = context.new_page()
    tab.goto(address)
    return tab


def taken(tab: Page, what: str, folder: Path) -> Path:
    """Take something away by the menu, and keep it."""
    tab.click(".take summary")
    with tab.expect_download() as coming:
        tab.click(f"[data-take={what}]")
    path = folder / coming.value.suggested_filename
    coming.value.save_as(path)
    return path


def test_a_run_card_and_its_files_make_the_round_trip(chromium, house, kept, violations, tmp_path):
    address = house[1]
    tab = opened(chromium, address, kept)
    expect(tab.locator("[data-link=download]")).to_be_visible()
    package = taken(tab, "package", tmp_path)
    sheet = taken(tab, "sheet", tmp_path)
    assert sheet.read_bytes().startswith(b"\x89PNG")
    tab.context.close()

    shutil.unpack_archive(package, tmp_path / "brought")
    brought = sorted((tmp_path / "brought").iterdir())
    (card,) = (path for path in brought if path.name.endswith(".run.json"))
    stranger, asked, thrown = opened(chromium, address), [], []
    stranger.on("pageerror", lambda error: thrown.append(str(error)))
    stranger.on("request", lambda request: asked.append(request.url))
    expect(stranger.locator("#run:not([disabled])")).to_be_visible()
    stranger.set_input_files(".card-open input", [card])
    expect(stranger.locator(".card-words")).to_contain_text("Not found with this very content")
    stranger.set_input_files(".card-open input", brought)
    expect(stranger.locator(".player-label")).to_have_text("Replay")
    expect(stranger.locator(".card-words")).to_have_text("Opened from its run card: Preview, 6.0 s.")
    expect(stranger.locator("[data-pane=result] video")).to_have_js_property("readyState", 4)
    expect(stranger.locator("[data-pane=reference] video")).to_have_js_property("readyState", 4)
    expect(stranger.locator(".player-facts")).to_contain_text(f"{PREPARED['motion']['score']:.0f} of 100")
    assert violations(stranger) == []

    asked.clear()
    stranger.click("[data-do=replay]")
    expect(stranger.locator(".pane-replay")).to_be_visible()
    expect(stranger.locator(".pane-replay")).to_contain_text("shortened")
    expect(stranger.locator(".pane-replay")).to_be_hidden()
    expect(stranger.locator("[data-do=play]")).to_have_attribute("aria-label", "Pause")
    assert {url.removeprefix(address).partition("/")[0] for url in asked} <= {"files", "health"}

    stranger.keyboard.press("p")
    expect(stranger.locator(".player")).to_have_class("kl player is-presenting is-large")
    expect(stranger.locator(".transport")).to_be_hidden()
    expect(stranger.locator(".player-label")).to_be_visible()
    stranger.keyboard.press("p")
    expect(stranger.locator(".transport")).to_be_visible()
    assert thrown == []
    stranger.context.close()


def test_a_hostile_card_that_is_dropped_is_refused_in_words(chromium, house, tmp_path):
    tab = opened(chromium, house[1])
    expect(tab.locator("#run:not([disabled])")).to_be_visible()
    tab.evaluate(
        """() => {
            const files = new DataTransfer();
            files.items.add(new File(['{"format": "kling_ui run card", "version": 99}'], "a.run.json"));
            const dropped = { dataTransfer: files, cancelable: true, bubbles: true };
            document.body.dispatchEvent(new DragEvent("drop", dropped));
        }"""
    )
    expect(tab.locator(".card-words")).to_contain_text("Its version is 99; this release reads version 1.")
    tab.context.close()


def test_what_is_being_made_can_be_called_off(chromium, house, kept):
    folder, address = house
    tab = opened(chromium, address, kept)
    tab.click(".take summary")
    tab.click("[data-layout='16:9']")
    expect(tab.locator(".take-progress progress")).to_be_visible()
    tab.click("[data-do=stop-take]")
    expect(tab.locator(".player-note")).to_have_text("Called off; nothing was kept.")
    expect(tab.locator(".take-progress")).to_be_hidden()
    run_id = tab.url.rpartition("run=")[2]
    with tab.expect_download():
        tab.click(".take summary")
        tab.click("[data-take=card]")
    names = [path.name for path in (folder / "runs" / run_id).iterdir()]
    assert not [name for name in names if "making" in name or name == "comparison-16x9.mp4"]
    tab.context.close()


def test_a_card_opens_from_disk_without_the_app(chromium, house, kept, violations, tmp_path):
    tab = opened(chromium, house[1], kept)
    shutil.unpack_archive(taken(tab, "package", tmp_path), tmp_path / "brought")
    tab.context.close()
    (card,) = (tmp_path / "brought").glob("*.run.json")
    command = [sys.executable, "-m", "kling_ui", "open", str(card), "--no-browser", "--json"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert told["missing"] == []
    page, thrown, asked = chromium.new_page(viewport={"width": 1440, "height": 900}), [], []
    page.on("console", lambda message: thrown.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(f"({SHORTEN})()")
    page.goto(Path(told["page"]).as_uri())
    expect(page.locator(".mark")).to_have_text("Replay")
    expect(page.locator("[data-pane=result] video")).to_have_js_property("readyState", 4)
    page.locator("details").evaluate_all("folded => folded.forEach((one) => { one.open = true; })")
    assert violations(page) == []
    page.click("[data-do=replay]")
    expect(page.locator(".cover")).to_be_visible()
    expect(page.locator(".cover")).to_be_hidden()
    expect(page.locator("[data-do=play]")).to_have_text("Pause")
    page.keyboard.press("p")
    expect(page.locator("body")).to_have_class("is-stage")
    expect(page.locator(".do")).to_be_hidden()
    page.keyboard.press("p")
    expect(page.locator(".do")).to_be_visible()
    assert thrown == []
    assert all(url.startswith("file:") for url in asked)
    page.close()

"""Three hundred runs as a person goes through them: paged, searched, sorted, marked, deleted, put back and compared."""

import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from kling_ui.options import Orientation, TransferOptions
from kling_ui.runs.ledger.store import Store
from kling_ui.runs.record import EngineName, ResultFacts, RunRecord, RunState

pytestmark = pytest.mark.browser

EXAMPLES = Path(__file__).parents[2] / "assets/examples"
CARDS = ".gallery-list .tile"
DAY_S, NOW = 86_400.0, time.time()
FILES = {
    "character-full-body.png": "image.png",
    "dance-full-body.mp4": "reference.mp4",
    "prepared-dance.mp4": "result.mp4",
}
FACTS = ResultFacts(
    duration_s=6.0, fps=24.0, frame_count=144, width_px=720, height_px=1280, has_audio=True, size_bytes=9
)


@pytest.fixture(scope="module")
def house(serve: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The app, and the folder of its data."""
    folder = tmp_path_factory.mktemp("gallery")
    with serve(folder) as (_, address):
        yield folder, address


@pytest.fixture(scope="module")
def visitor(chromium: Browser, house: tuple[Path, str]) -> tuple[Any, str]:
    """What a visitor's browser keeps, and their first run, which was cancelled."""
    context = chromium.new_context(reduced_motion="reduce")
    tab = context.new_page()
    tab.goto(house[1])
    tab.fill("#prompt textarea", "The first")
    tab.click("#run:not([disabled])")
    expect(tab.locator(CARDS)).to_have_count(1)
    tab.click(".status [data-do=cancel]")
    expect(tab.locator(".status")).to_have_attribute("data-state", "cancelled")
    kept, run_id = context.storage_state(), tab.url.rpartition("run=")[2]
    context.close()
    return kept, run_id


@pytest.fixture
def page(chromium: Browser, house: tuple[Path, str], visitor: tuple[Any, str]) -> Iterator[Page]:
    """The page of a visitor who has 300 runs."""
    folder, address = house
    fill(folder, visitor[1])
    context = chromium.new_context(
        viewport={"width": 1440, "height": 900}, reduced_motion="reduce", storage_state=visitor[0]
    )
    tab, thrown = context.new_page(), []
    tab.on("pageerror", lambda error: thrown.append(str(error)))
    tab.goto(address)
    expect(tab.locator(".gallery-count")).to_have_text("300")
    yield tab
    context.close()
    assert thrown == []


def fill(folder: Path, run_id: str) -> None:
    """Give the visitor of a run 299 more: every fifth on Kling, every third finished, some with files."""
    with sqlite3.connect(folder / "ledger.sqlite") as connection:
        connection.execute("DELETE FROM runs WHERE run_id != ?", (run_id,))  # what the test before did to them
        connection.execute("UPDATE runs SET created_at = 1.0")  # the oldest
    connection.close()
    store = Store(f"sqlite:///{folder / 'ledger.sqlite'}")
    first = store.get(run_id)
    assert first is not None
    for number in range(1, 300):
        store.add(_run(first, number))
        home = folder / "runs" / _id(first, number)
        if number % 3 == 0 and number <= 30 and not home.exists():
            home.mkdir(parents=True)
            for source, name in FILES.items():
                shutil.copyfile(EXAMPLES / source, home / name)
    store.close()


def _id(first: RunRecord, number: int) -> str:
    return f"{first.run_id[:16]}{number:016x}"


def _run(first: RunRecord, number: int) -> RunRecord:
    is_done, is_kling = number % 3 == 0, number % 5 == 0
    return replace(
        first,
        run_id=_id(first, number),
        fingerprint=f"{first.run_id} {number}",
        engine=EngineName.KLING if is_kling else EngineName.PREVIEW,
        state=RunState.COMPLETED if is_done else RunState.CANCELLED,
        created_at=NOW - number * DAY_S / 10,
        holder=None,
        held_until=0.0,
        image_name="image.png",
        reference_name="reference.mp4",
        outcome=None,
        choice=TransferOptions(
            f"Scene {number}, a {'Ritter' if number % 7 == 0 else 'robot'} in the rain",
            Orientation.IMAGE if number % 2 else Orientation.VIDEO,
        ),
        request_id=f"req-{_id(first, number)}" if is_kling else None,
        cost_usd=number / 1000 if is_kling and is_done else 0.0 if is_kling else None,
        forecast_s=6.1 if is_kling else None,
        result_name="result.mp4" if is_done else None,
        result_facts=FACTS if is_done else None,
        motion={"score": 50 + number % 45, "headline": "", "limbs": [], "timeline": _pieces(number)}
        if is_done
        else None,
    )


def _pieces(number: int) -> list[dict[str, float | None]]:
    """Give a motion match over time that is weakest shortly before ``number / 10`` s, and not known for a second."""
    times_s = [place / 4 for place in range(24)]
    scores = {time_s: 95.0 - number - 20.0 * (abs(time_s - number / 10) < 0.2) for time_s in times_s}
    return [{"time_s": time_s, "score": None if 3.0 <= time_s < 4.0 else scores[time_s]} for time_s in times_s]


def test_three_hundred_runs_come_page_by_page_with_small_pictures(page: Page):
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/posters/" in request.url else None)
    expect(page.locator(CARDS)).to_have_count(24)
    more = page.locator("[data-do=more]")
    more.scroll_into_view_if_needed()
    picture = page.locator(f"{CARDS} img.past-picture").first
    picture.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.tile img.past-picture').naturalWidth > 0")
    assert picture.evaluate("node => [node.naturalWidth <= 360, node.naturalHeight <= 360]") == [True, True]
    more.press("Enter")
    expect(page.locator(CARDS)).to_have_count(48)
    expect(page.locator(f"{CARDS} >> nth=24").locator(".past")).to_be_focused()
    for count in (72, 96):
        more.click()
        expect(page.locator(CARDS)).to_have_count(count)
    runs = page.locator(CARDS).evaluate_all("nodes => nodes.map(node => node.dataset.run)")
    assert len(set(runs)) == 96
    numbers = [int(run[16:], 16) for run in runs]
    assert numbers == list(range(1, 97)), "newest first, without a gap"
    expect(page.locator(".gallery-forecasts")).to_contain_text("Forecast right in 19 of 19 paid runs; within 0.2")
    expect(page.locator(".gallery-spent")).to_contain_text("Spent on Kling:")
    page.click(".gallery-days summary")
    assert page.locator(".gallery-days tbody tr").count() >= 25


def test_runs_are_searched_filtered_and_sorted_by_the_server_and_that_is_kept(page: Page):
    page.fill(".gallery-search input", "RITTER")
    expect(page.locator(".gallery-count")).to_have_text("42")
    page.select_option(".gallery-tools [name=engine]", "kling")
    expect(page.locator(".gallery-count")).to_have_text("8")
    page.fill(".gallery-search input", "nobody wrote this")
    expect(page.locator(".gallery-note")).to_have_text("No run fits. Look for something else.")
    expect(page.locator(CARDS)).to_have_count(0)
    page.fill(".gallery-search input", "")
    page.select_option(".gallery-tools [name=state]", "completed")
    expect(page.locator(".gallery-count")).to_have_text("19")
    page.select_option(".gallery-tools [name=sort]", "cost")
    expect(page.locator(f"{CARDS} >> nth=0")).to_contain_text("$0.28")
    page.select_option(".gallery-tools [name=sort]", "score")
    expect(page.locator(f"{CARDS} >> nth=0")).to_contain_text("match 80")
    page.reload()
    expect(page.locator(".gallery-tools [name=sort]")).to_have_value("score")
    expect(page.locator(".gallery-count")).to_have_text("19")
    expect(page.locator(f"{CARDS} >> nth=0")).to_contain_text("match 80")


def test_a_run_is_marked_and_named_and_stays_so(page: Page):
    third = page.locator(f"{CARDS} >> nth=2")
    third.locator(".tile-star").press("Enter")
    expect(third.locator(".tile-star")).to_have_attribute("aria-pressed", "true")
    third.locator(".past").click()
    page.click(".about > summary")
    page.fill(".about-name input", "The best one")
    page.locator(".about-name input").press("Enter")
    expect(third.locator(".past-title")).to_have_text("The best one")
    page.reload()
    expect(page.locator(".gallery-count")).to_have_text("300")
    page.check(".gallery-tools [name=starred]")
    expect(page.locator(CARDS)).to_have_count(1)
    expect(page.locator(f"{CARDS} .past-title")).to_have_text("The best one")
    expect(page.locator(f"{CARDS} .past")).to_have_attribute("aria-current", "true")  # the address names it
    page.uncheck(".gallery-tools [name=starred]")
    page.fill(".gallery-search input", "best ONE")
    expect(page.locator(CARDS)).to_have_count(1)


def test_while_a_run_comes_nobody_names_the_one_before(page: Page):
    about, third = page.locator(".about > summary"), page.locator(f"{CARDS} >> nth=2").locator(".past")
    expect(about).to_be_visible()
    held: list[Route] = []
    page.route("**/queue/join*", lambda route: held.append(route))  # noqa: PLW0108  Playwright takes no builtin
    third.click()
    expect(about).to_be_hidden()
    for route in held:
        route.continue_()
    page.unroute("**/queue/join*")
    expect(about).to_be_visible()
    expect(third).to_have_attribute("aria-current", "true")


def test_a_deleted_run_is_put_back_even_after_a_reload(page: Page):
    first = page.locator(f"{CARDS} >> nth=0")
    run = first.get_attribute("data-run")
    first.locator(".tile-delete").click()
    back = page.locator(".gallery-trash button")
    expect(back).to_be_focused()
    expect(page.locator(".gallery-trash")).to_contain_text("It can be put back for 10")
    expect(page.locator(".gallery-count")).to_have_text("299")
    page.reload()
    expect(page.locator(".gallery-count")).to_have_text("299")
    expect(page.locator(f"[data-run='{run}']")).to_have_count(0)
    back.click()
    expect(page.locator(".gallery-count")).to_have_text("300")
    expect(page.locator(f"{CARDS} >> nth=0")).to_have_attribute("data-run", run or "")
    expect(back).to_have_count(0)


def test_what_was_paid_for_is_deleted_only_after_a_second_word(page: Page):
    paid = page.locator(f"{CARDS} >> nth=14")  # number 15
    paid.locator(".tile-delete").click()
    expect(paid.locator(".tile-sure")).to_contain_text("another one is charged again")
    expect(paid.get_by_text("Keep it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(paid.locator(".tile-sure")).to_be_hidden()
    expect(page.locator(".gallery-count")).to_have_text("300")
    paid.locator(".tile-delete").click()
    paid.get_by_text("Delete it").click()
    expect(page.locator(".gallery-trash")).to_contain_text("It can be put back for 24")
    expect(page.locator(".gallery-count")).to_have_text("299")


def test_chosen_runs_stand_beside_each_other_and_tell_what_differs(page: Page):
    boxes = page.locator(".tile-choose input")
    for place in range(4):
        boxes.nth(place).check()
    expect(boxes.nth(4)).to_be_disabled()
    boxes.nth(3).uncheck()
    expect(page.locator(".gallery-chosen p")).to_have_text("3 runs chosen.")
    page.click("[data-do=compare-runs]")
    table = page.locator(".differences-table")
    expect(table.locator("thead th")).to_have_text(["Run", *(f"Preview, 6.0 s ({n})" for n in (1, 2, 3))])
    rows = table.locator("tbody th").all_inner_texts()
    assert rows == ["Motion match", "Scene in words", "Orientation"]

    expect(page.locator(".pane[data-pane^=result] .pane-wait")).to_have_text([""] * 3)  # of the run that stood here

    line, legend = page.locator(".timeline-line"), page.locator(".timeline-legend li")
    expect(line.locator("polyline")).to_have_count(2 * 3)  # each is broken where nothing is known
    expect(legend).to_have_text([f"Preview, 6.0 s ({n}), match {score}" for n, score in ((1, 53), (2, 56), (3, 59))])
    lowest = re.compile(r"several results; lowest is 66 of 100 at 0\.8 s, in Preview, 6\.0.s \(3\)")
    expect(line).to_have_attribute("aria-label", lowest)
    page.click("[data-do=blind]")
    expect(line.locator("polyline")).to_have_count(0)  # they would tell which is which
    expect(legend).to_have_count(0)
    page.click("[data-do=unblind]")
    expect(line.locator("polyline")).to_have_count(2 * 3)
    page.click(f"{CARDS} .past >> nth=0")
    expect(page.locator(".differences")).to_be_hidden()


def test_axe_finds_nothing_in_what_opens_around_runs(page: Page, violations: Callable[[Page], list[str]]):
    page.locator(f"{CARDS} >> nth=2").locator(".past").click()
    expect(page.locator("[data-link=download]")).to_be_visible()
    folded = page.locator("#player details:not(.closer), #history details")
    folded.evaluate_all("all => all.forEach((one) => { one.open = true; })")
    page.click(".about [data-do=delete]")
    page.locator(f"{CARDS} >> nth=14").locator(".tile-delete").click()  # asks first
    page.locator(f"{CARDS} >> nth=0").locator(".tile-delete").click()
    expect(page.locator(".gallery-trash button")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")

    boxes = page.locator(".tile-choose input")
    for place in range(4):
        boxes.nth(place).check()
    page.click("[data-do=compare-runs]")
    expect(page.locator(".differences")).to_be_visible()
    expect(page.locator(".pane[data-pane^=result]")).to_have_count(4)
    assert violations(page) == []
    page.click("[data-do=blind]")
    expect(page.locator(".blind-choices button")).to_have_count(5)
    assert violations(page) == []
    page.click(".blind-choices button >> nth=1")
    expect(page.locator(".blind-words")).to_contain_text("You preferred B: Preview, 6.0")
    for view in ("wipe", "overlay", "difference"):
        page.click(f"button[data-view={view}]")
    assert violations(page) == []
    page.locator(".player").focus()
    page.keyboard.press("p")
    expect(page.locator(".transport")).to_be_hidden()
    assert violations(page) == []


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1920, 1080), (2560, 1440)])
def test_three_compared_runs_are_seen_at_once(page: Page, width: int, height: int):
    page.set_viewport_size({"width": width, "height": height})
    for place in range(3):
        page.locator(".tile-choose input").nth(place).check()
    page.click("[data-do=compare-runs]")
    expect(page.locator(".pane[data-pane^=result]")).to_have_count(3)
    page.wait_for_function("document.querySelector('.panes').dataset.form === 'rows'")
    panes = page.locator(".pane:not(.is-folded):not([hidden]) .pane-box")
    sizes = [box for box in (pane.bounding_box() for pane in panes.all()) if box]
    assert len(sizes) == 4
    assert max(box["y"] + box["height"] for box in sizes) - min(box["y"] for box in sizes) <= height - 380
    assert min(box["width"] for box in sizes) >= 180


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_the_gallery_fits_the_window(page: Page, width: int, scheme: str):
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 844})
    page.locator(f"{CARDS} >> nth=14").locator(".tile-delete").click()
    for place in range(2):
        page.locator(".tile-choose input").nth(place).check()
    page.click("[data-do=compare-runs]")
    expect(page.locator(".differences")).to_be_visible()
    edges = page.locator(".history *:visible").evaluate_all(
        "nodes => nodes.filter(one => !one.closest('.differences-table')).map(one => one.getBoundingClientRect().right)"
    )
    assert max(edges) <= width


def test_the_engine_and_the_open_run_are_there_again_after_a_reload(page: Page):
    page.click(f"{CARDS} .past >> nth=4")
    expect(page.locator(f"{CARDS} >> nth=4").locator(".past")).to_have_attribute("aria-current", "true")
    page.click("#engine label >> nth=1")
    expect(page.locator("#token input")).to_be_visible()
    address = page.url
    page.reload()
    expect(page.locator("#engine input >> nth=1")).to_be_checked()
    expect(page.locator("#token input")).to_be_visible()
    expect(page.locator("#run")).to_contain_text("Kling")
    expect(page).to_have_url(address)
    expect(page.locator(f"{CARDS} >> nth=4").locator(".past")).to_have_attribute("aria-current", "true")
    kept = page.evaluate("JSON.stringify(localStorage)")
    assert "kling_ui.engine" in kept
    page.click("#engine label >> nth=0")
    page.wait_for_function("localStorage['kling_ui.engine'].includes('preview')")
    page.reload()
    expect(page.locator("#run:not([disabled])")).to_be_visible()
    expect(page.locator("#engine input >> nth=0")).to_be_checked()

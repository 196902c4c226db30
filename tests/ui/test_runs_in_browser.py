"""Paid runs as a person meets them, with all real parts of the app and a played vendor."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.browser

TOKEN = "vendor-token-0123456789"
EXAMPLE_USD = "0.42"  # 6 s at $0.07
MEASURE_MS = 120_000
STATUS = ".status"


@pytest.fixture(scope="module")
def address(serve: Callable[..., Any], vendor: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app, set to the played vendor, with a budget for one run and a bit."""
    folder = tmp_path_factory.mktemp("paid")
    with serve(folder, KLING_UI_API_BASE=vendor.address, KLING_UI_BUDGET_SESSION_USD="0.80") as (_, address):
        yield address


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:
    """A fresh visitor's page with Kling chosen."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    tab = context.new_page()
    tab.goto(address)
    tab.wait_for_selector("#run:not([disabled])")
    tab.click("#engine label >> nth=1")
    yield tab
    context.close()


@pytest.fixture
def payer(page: Page) -> Page:
    """A visitor whose token is kept."""
    page.fill("#token input", TOKEN)
    page.locator("#token input").press("Enter")
    expect(page.locator(".token-words")).to_contain_text("kept in memory")
    expect(page.locator("#run")).to_contain_text(EXAMPLE_USD)
    return page


def _run(page: Page, prompt: str) -> Locator:
    page.fill("#prompt textarea", prompt)
    expect(page.locator(".headline-words")).to_have_text(re.compile("Ready|."))
    page.click("#run:not([disabled])")
    return page.locator(STATUS)


def test_a_token_leaves_its_field_and_can_be_forgotten(payer: Page):
    expect(payer.locator("#token input")).to_be_hidden()
    assert TOKEN not in payer.content()
    assert TOKEN not in payer.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    payer.reload()
    payer.click("#token-line [data-do=forget]")  # the engine is chosen still
    expect(payer.locator("#token input")).to_have_value("")
    expect(payer.locator("#cost")).to_contain_text("needs a RunComfy token")


def test_a_run_without_a_token_leads_to_its_field(page: Page):
    expect(page.locator("#token input")).to_be_visible()
    page.click("#run")
    expect(page.locator(STATUS)).to_contain_text("needs a RunComfy token")
    page.click("[data-act=token]")
    expect(page.locator("#token input")).to_be_focused()
    page.keyboard.type("two words")
    page.keyboard.press("Tab")
    expect(page.locator(".token-words")).to_contain_text("cannot be a RunComfy token")


@pytest.mark.slow
def test_price_before_cost_after_and_never_twice_unasked(payer: Page, vendor: Any):
    expect(payer.locator(".cost-words")).to_have_text(f"About ${EXAMPLE_USD}:")
    before = len(vendor.vendor.jobs)
    _run(payer, "In a garden")
    expect(payer.locator("[data-link=download]")).to_be_visible(timeout=MEASURE_MS)
    expect(payer.locator(".player-facts")).to_contain_text(re.compile(r"Cost\s*\$0\.23\s*about \$0\.42 expected"))
    expect(payer.locator(STATUS)).to_be_hidden(timeout=MEASURE_MS)
    expect(payer.locator(".timeline")).to_be_visible()
    payer.locator(".timeline svg").click(position={"x": 100, "y": 20})
    payer.wait_for_function("document.querySelector('[data-pane=result] video').currentTime > 0.3")

    payer.click("#run")
    expect(payer.locator(".status-words")).to_contain_text("You already have this result")
    assert len(vendor.vendor.jobs) == before + 1
    payer.click("[data-act=again]")
    expect(payer.locator(".past")).to_have_count(2)
    until = time.monotonic() + 30  # the row is there before the request is sent
    while len(vendor.vendor.jobs) < before + 2 and time.monotonic() < until:
        payer.wait_for_timeout(100)
    assert len(vendor.vendor.jobs) == before + 2


@pytest.mark.slow
def test_a_preview_goes_on_to_kling_at_its_price_and_both_stand_beside_the_reference(payer: Page, vendor: Any):
    payer.click("#engine label >> nth=0")
    _run(payer, "First here, then there")
    offer, before = payer.locator(".onward"), len(vendor.vendor.jobs)
    expect(offer).to_be_visible(timeout=2 * MEASURE_MS)
    preview = payer.url
    offer.locator("[data-do=price]").press("Enter")
    go = offer.locator("[data-do=onward]")
    expect(go).to_be_focused()
    expect(go).to_contain_text(EXAMPLE_USD)
    expect(offer.locator(".onward-more")).to_contain_text("First here, then there")
    assert len(vendor.vendor.jobs) == before, "nothing was sent yet"
    go.press("Enter")
    expect(payer.locator(".player-facts")).to_contain_text(re.compile(r"Cost\s*\$0\.23"), timeout=MEASURE_MS)
    assert len(vendor.vendor.jobs) == before + 1
    assert payer.url != preview
    expect(payer.locator(".player-facts")).to_contain_text("6.0\N{NO-BREAK SPACE}s forecast")
    expect(payer.locator(STATUS)).to_be_hidden(timeout=MEASURE_MS)
    expect(payer.locator(".gallery-forecasts")).to_contain_text("Forecast right in 0 of")  # the vendor plays 3 s
    payer.click(".about > summary")
    payer.click("[data-do=beside]")
    expect(payer.locator(".differences thead")).to_contain_text("Kling")
    payer.goto(preview)
    offer.locator("[data-do=price]").click()
    expect(go).to_have_text("Show it")


@pytest.mark.slow
def test_the_price_comes_by_itself_once_the_token_is_there(page: Page):
    page.click("#engine label >> nth=0")
    _run(page, "Nobody has paid yet")
    offer = page.locator(".onward")
    expect(offer).to_be_visible(timeout=2 * MEASURE_MS)
    offer.locator("[data-do=price]").press("Enter")
    expect(offer.locator("[data-do=enter-token]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#token input")).to_be_focused()
    page.keyboard.type(TOKEN)
    page.keyboard.press("Enter")
    expect(offer.locator("[data-do=onward]")).to_contain_text(EXAMPLE_USD)


def test_an_unknown_outcome_is_recovered_by_its_request_id(payer: Page, vendor: Any):
    status = _run(payer, "It gets lost")
    expect(status).to_have_attribute("data-state", "unknown")
    expect(status).to_contain_text("not sent again")
    (lost,) = [job.request_id for job in vendor.vendor.jobs.values() if job.fate == "lost"]
    payer.fill(".status-recover input", "no such id!")
    payer.click(".status-recover button")
    expect(payer.locator(".status-note")).to_contain_text("not a request id")
    payer.fill(".status-recover input", lost)
    payer.click(".status-recover button")
    expect(status).to_contain_text("Found. The run is followed on.")
    expect(payer.locator("[data-link=download]")).to_be_visible()
    expect(payer.locator(".past")).to_have_count(1)


def test_a_waiting_run_is_cancelled_and_holds_the_budget_until_then(payer: Page):
    status = _run(payer, "It waits")
    expect(status).to_have_attribute("data-state", "in_queue")
    _run(payer, "One more")
    expect(status).to_have_attribute("data-state", "refused")
    expect(status).to_contain_text("of the budget of $0.80")
    expect(payer.locator(".cost-stop-words")).to_contain_text("is left")
    payer.click("[data-act=open]")
    expect(status).to_have_attribute("data-state", "in_queue")
    payer.click("[data-do=cancel]")
    expect(status).to_have_attribute("data-state", "cancelled")
    expect(status).to_contain_text("Nothing was charged.")


def test_what_may_be_paid_for_is_deleted_by_somebody_who_knows_it_and_still_counts(payer: Page):
    expect(_run(payer, "It gets lost, and is deleted")).to_have_attribute("data-state", "unknown")
    spent = payer.locator(".cost-spent")
    expect(spent).to_contain_text("0.42")
    before = spent.inner_text()
    payer.click(".about > summary")
    payer.click(".about [data-do=delete]")
    expect(payer.locator(".about-sure p").first).to_contain_text("may be paid for is not fetched yet")
    expect(payer.locator(".about-sure p").first).to_contain_text("charged again")
    payer.click("[data-do=sure]")
    expect(payer.locator(".status-words")).to_have_text("The run was deleted.")
    expect(payer.locator(".past")).to_have_count(0)
    payer.reload()
    payer.wait_for_selector("#run:not([disabled])")
    payer.click("#engine label >> nth=1")
    expect(spent).to_have_text(before)


def test_a_running_one_goes_on_and_that_is_said(payer: Page, vendor: Any):
    status = _run(payer, "It runs")
    expect(status).to_have_attribute("data-state", "in_progress")
    payer.click("[data-do=cancel]")
    expect(payer.locator(".status-note")).to_contain_text("cannot be stopped any more")
    vendor.vendor.finish.set()
    expect(payer.locator("[data-link=download]")).to_be_visible()


def test_a_failure_leads_to_what_has_to_change(payer: Page):
    status = _run(payer, "It fails")
    expect(status).to_have_attribute("data-state", "failed")
    expect(payer.locator(".status-raw p")).to_be_hidden()
    payer.click(".status-raw summary")
    expect(payer.locator(".status-raw p")).to_contain_text("code 1201")
    payer.click("[data-act=go] >> nth=0")
    expect(payer.locator("#image-slot")).to_be_in_viewport()
    payer.click("[data-act=find]")
    expect(payer.locator("#image-slot")).to_be_in_viewport()  # the checks found nothing of the kind
    payer.click(".about > summary")
    payer.click(".history-steps summary")
    expect(payer.locator(".history-steps li").first).to_contain_text("Asked for")


def test_a_request_of_another_browser_is_recovered_without_its_inputs(payer: Page, vendor: Any):
    _run(payer, "It gets lost once more")
    expect(payer.locator(STATUS)).to_have_attribute("data-state", "unknown")
    lost = list(vendor.vendor.jobs)[-1]
    payer.evaluate("localStorage.clear()")
    payer.reload()
    payer.wait_for_selector("#run:not([disabled])")
    payer.click("#engine label >> nth=1")
    payer.fill("#token input", TOKEN)
    payer.click(".history-recover summary")
    expect(payer.locator(".token-words")).to_contain_text("kept in memory")
    payer.fill(".history-recover input", lost)
    payer.click(".history-recover button")
    expect(payer.locator(".player-remark")).to_contain_text("recovered by its request id")
    expect(payer.locator("[data-link=download]")).to_be_visible()


@pytest.mark.parametrize("is_open", [False, True])
def test_a_public_page_says_whose_token_pays(
    chromium: Browser, serve: Callable[..., Any], vendor: Any, tmp_path: Path, is_open: bool
):
    env = {"SPACE_ID": "ann/demo", "KLING_UI_HOST": "127.0.0.1", "KLING_UI_API_BASE": vendor.address}
    if is_open:
        env |= {"KLING_UI_TOKEN_FOR": "everybody", "KLING_UI_BUDGET_DAY_USD": "8"}
    before = len(vendor.vendor.jobs)
    with serve(tmp_path, RUNCOMFY_API_TOKEN=TOKEN, **env) as (_, address):
        page, errors = chromium.new_context(viewport={"width": 1440, "height": 900}).new_page(), []
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        page.wait_for_selector("#run:not([disabled])")
        page.click("#engine label >> nth=1")
        whose, cost = ("Leave it empty", EXAMPLE_USD) if is_open else ("Bring your token", "needs a RunComfy token")
        expect(page.locator(".token-words")).to_contain_text(whose)
        expect(page.locator("#cost")).to_contain_text(cost)
        if is_open:
            expect(_run(page, "It gets lost")).to_have_attribute("data-state", "unknown")
            expect(page.locator(".cost-spent")).to_contain_text("today $0.00 of $2.00. Up to $0.42 more if the run is")
        else:
            page.click("#run")
            expect(page.locator(STATUS)).to_contain_text("Bring your own")
            page.fill("#token input", "two words")
            page.locator("#token input").press("Enter")
            expect(page.locator(".token-words")).to_contain_text("cannot be a RunComfy token")
            expect(page.locator("#token-line [data-do=forget]")).to_be_hidden()
        page.context.close()
    assert errors == []
    assert len(vendor.vendor.jobs) == before + is_open
    assert (tmp_path / "said.txt").read_text().count("KLING_UI_TOKEN_FOR") == (0 if is_open else 1)

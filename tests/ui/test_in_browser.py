"""The page as a person uses it, with all its real parts."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

RUN, HEADLINE = "#run", ".headline-words"
IMAGE, VIDEO = "#image-slot", "#video-slot"
RENDER_MS = 180_000
CLOCKS = "[...document.querySelectorAll('.pane video')].map(clip => clip.currentTime)"


def _hand_in(page: Page, slot: str, path: Path) -> None:
    page.set_input_files(f"{slot} input[type=file]", path)  # the slot is busy when this returns
    expect(page.locator(f"{slot} .slot")).to_have_attribute("aria-busy", "false")


def test_a_first_visitor_is_one_click_away_from_a_result(page: Page):
    expect(page.locator(RUN)).to_be_enabled()
    expect(page.locator(f"{IMAGE} .slot-found")).to_contain_text("The character covers")
    expect(page.locator(f"{VIDEO} .slot-found")).to_contain_text("A person is in view")
    expect(page.locator(f"{VIDEO} .slot-strip img")).to_be_visible()
    expect(page.locator("#history h2")).to_be_hidden()


def test_a_first_visitor_finds_a_finished_result_that_goes_with_the_first_own_input(page: Page, person_png: Path):
    result, remark = page.locator("[data-pane=result] video"), page.locator(".player-remark")
    expect(result).to_have_attribute("src", re.compile("prepared-dance"))
    expect(page.locator(".player-facts")).to_contain_text(re.compile(r"Motion match\s*\d+ of 100"))
    expect(page.locator(".player-label")).to_contain_text("Prepared")
    expect(remark).to_contain_text("no run of yours")
    expect(page.locator(RUN)).to_be_enabled()
    page.wait_for_function(
        f"{CLOCKS}.length === 2 && document.querySelector('[data-pane=result] video').readyState > 1"
    )
    assert max(page.evaluate(CLOCKS)) < 0.03, "nobody has asked for it to play"
    expect(result).to_have_attribute("src", re.compile("prepared-dance"))  # the example has arrived beside it
    expect(page.locator("[data-link=download]")).to_be_hidden()
    expect(page.locator("[data-do=compare]")).to_be_hidden()
    expect(page.locator(".past")).to_have_count(0)

    _hand_in(page, IMAGE, person_png)
    expect(remark).to_be_hidden()
    expect(result).not_to_have_attribute("src", re.compile("prepared"))
    page.get_by_role("button", name="Full body, dancing").click()
    expect(page.locator(f"{IMAGE} .slot-facts")).to_contain_text("720")
    expect(remark).to_be_hidden()


def test_somebody_with_inputs_of_their_own_does_not_see_what_was_prepared(page: Page, person_png: Path):
    _hand_in(page, IMAGE, person_png)
    expect(page.locator(RUN)).to_be_enabled()
    page.wait_for_function("localStorage.getItem('kling_ui.inputs') !== null")
    page.add_init_script(
        """new MutationObserver(() => {
          if (document.querySelector("[data-pane=result] video")?.src.includes("prepared")) window.flashed = true;
        }).observe(document, { subtree: true, childList: true, attributes: true });"""
    )
    page.reload()
    expect(page.locator(f"{IMAGE} .slot-facts")).to_contain_text("540")
    expect(page.locator(RUN)).to_be_enabled()
    assert page.evaluate("window.flashed") is None


@pytest.mark.slow
def test_from_upload_to_a_playing_result(page: Page, person_png: Path, three_seconds_mp4: Path):
    expect(page.locator("#prompt textarea")).to_have_value(re.compile("yellow jacket"))
    _hand_in(page, IMAGE, person_png)
    expect(page.locator("#prompt textarea")).not_to_have_value(re.compile("yellow jacket"))
    _hand_in(page, VIDEO, three_seconds_mp4)
    expect(page.locator(f"{VIDEO} .slot-facts")).to_contain_text("8")
    page.click(RUN)
    expect(page.locator(".status-words")).to_be_visible()
    expect(page.locator("[data-link=download]")).to_be_visible(timeout=RENDER_MS)

    page.click("[data-do=play]")
    page.wait_for_function("document.querySelector('[data-pane=result] video').currentTime > 0.5")
    page.click("[data-do=play]")
    for key, time_s in (("Home", 0.5 / 8), ("ArrowRight", 1.5 / 8), ("ArrowRight", 2.5 / 8), ("ArrowLeft", 1.5 / 8)):
        page.locator("[data-do=play]").press(key)
        page.wait_for_function(f"{CLOCKS}.every(time => Math.abs(time - {time_s}) < 0.03)")

    expect(page.locator("#status")).to_be_hidden(timeout=RENDER_MS)
    expect(page.locator(".player-facts")).to_contain_text(re.compile(r"Motion match\s*\d+ of 100"))
    expect(page.locator(".player-label")).to_have_text("Preview, rendered by this app, not Kling")
    with page.expect_download() as result:
        page.click("[data-link=download]")
    assert re.fullmatch(r"motion-preview-\w{8}\.mp4", result.value.suggested_filename)
    with page.expect_download(timeout=RENDER_MS) as comparison:
        page.click("[data-do=compare]")
    assert Path(comparison.value.path()).stat().st_size > 50_000

    page.reload()
    expect(page.locator("[data-link=download]")).to_be_visible()
    expect(page.locator(".past")).to_have_count(1)


@pytest.mark.slow
def test_a_run_survives_a_reload_and_a_double_click_and_can_be_cancelled(page: Page):
    page.dblclick(RUN)
    expect(page.locator(".status [data-do=cancel]")).to_be_visible()
    page.reload()
    expect(page.locator(".status [data-do=cancel]")).to_be_visible()
    expect(page.locator(".past")).to_have_count(1)
    page.click(".status [data-do=cancel]")
    expect(page.locator(".status")).to_have_attribute("data-state", "cancelled")
    expect(page.locator(".past-about")).to_contain_text("Cancelled")


def test_an_unreadable_file_is_said_and_changes_nothing(page: Page, tmp_path: Path):
    (tmp_path / "clip.mp4").write_text("not a clip")
    _hand_in(page, VIDEO, tmp_path / "clip.mp4")
    expect(page.locator(f"{VIDEO} .slot-error")).to_contain_text("not a video")
    expect(page.locator(HEADLINE)).to_have_text("Ready.")  # the clip that was here is here still
    expect(page.locator(RUN)).to_be_enabled()
    expect(page.locator("[data-testid=toast-body]")).to_have_count(0)


def test_a_hard_limit_disables_the_button_and_says_why(page: Page, dance_mp4: Path):
    _hand_in(page, VIDEO, dance_mp4)
    expect(page.locator(RUN)).to_be_disabled()
    expect(page.locator(HEADLINE)).to_contain_text("Would fail")
    expect(page.locator("[data-rule='video.duration']")).to_contain_text("Stops the run")
    expect(page.locator("#accepted")).to_be_hidden()
    page.click(".example >> nth=0")
    expect(page.locator(RUN)).to_be_enabled(timeout=30_000)


def test_an_empty_prompt_is_noticed_while_typing(page: Page):
    page.click('#engine input[value="kling"]')
    page.fill("#prompt textarea", "")
    expect(page.locator(RUN)).to_be_disabled()
    expect(page.locator(HEADLINE)).to_contain_text("prompt")
    page.fill("#prompt textarea", "Outdoors")
    expect(page.locator(RUN)).to_be_enabled()


def test_hostile_names_stay_text(page: Page, person_png: Path, tmp_path: Path):
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    path = tmp_path / "${alert(1)}{{7}}<img src=x onerror=alert(2)>.png"
    path.write_bytes(person_png.read_bytes())
    _hand_in(page, IMAGE, path)
    expect(page.locator(f"{IMAGE} .slot-found")).to_contain_text("The character covers")
    expect(page.locator("#image-slot img[src=x]")).to_have_count(0)


def test_the_evidence_can_be_hidden(page: Page):
    picture, switch = page.locator(f"{IMAGE} .slot-picture"), page.locator(f"{IMAGE} [data-do=evidence]")
    expect(picture).to_have_attribute("src", re.compile("overlay"))
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "false")
    expect(picture).not_to_have_attribute("src", re.compile("overlay"))


def test_kling_is_offered_and_needs_a_token(page: Page):
    page.click("#engine label >> nth=1")
    expect(page.locator("#token input")).to_be_visible()
    expect(page.locator("#cost")).to_contain_text("needs a RunComfy token")
    expect(page.locator(RUN)).to_have_text("Transfer the motion on Kling")


def test_a_link_into_the_own_network_is_not_followed(page: Page, page_address: str):
    page.click(f"{IMAGE} [data-do=link]")
    page.fill(f"{IMAGE} input[type=url]", f"{page_address}health")
    page.keyboard.press("Enter")
    expect(page.locator(f"{IMAGE} .slot-error")).to_contain_text("public")


def test_a_picture_can_be_pasted(page: Page, person_png: Path):
    expect(page.locator(f"{IMAGE} .slot-facts")).not_to_contain_text("540")
    page.evaluate(
        """async (bytes) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "pasted.png", { type: "image/png" }));
            document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
        }""",
        list(person_png.read_bytes()),
    )
    expect(page.locator(f"{IMAGE} .slot-facts")).to_contain_text("540")


@pytest.mark.slow
def test_a_recording_arrives_as_a_clip_that_engines_take(page: Page):
    page.click(f"{VIDEO} [data-do=record]")
    expect(page.locator(f"{VIDEO} .recorder-words")).to_contain_text("Step back")
    page.click("[data-do=start]")
    expect(page.locator(".recorder-count")).to_have_text("3")
    page.click("[data-do=start]")  # called off; the camera stays
    expect(page.locator(".recorder-count")).to_be_hidden()
    page.click("[data-do=start]")
    expect(page.locator(".recorder-live")).to_have_text("3 s")
    page.click("[data-do=start]")
    expect(page.locator(f"{VIDEO} .slot-facts")).to_contain_text("MP4, H.264", timeout=RENDER_MS)
    expect(page.locator(".slot-recorder")).to_be_hidden()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_the_button_is_in_reach_and_nothing_sticks_out(chromium: Browser, page_address: str, width: int, height: int):
    tab = chromium.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
    tab.goto(page_address)
    tab.wait_for_selector(f"{RUN}:not([disabled])")
    expect(tab.locator(RUN)).to_be_in_viewport(ratio=1)
    tab.evaluate("window.scrollTo(0, document.body.scrollHeight / 3)")
    expect(tab.locator(RUN)).to_be_in_viewport(ratio=1)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.close()


def test_every_button_has_a_name(page: Page):
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, a, input:not([type=file]), textarea")]
            .filter((node) => node.offsetParent && !(node.textContent.trim() || node.ariaLabel || node.labels?.length))
            .map((node) => node.outerHTML)"""
    )
    assert nameless == []

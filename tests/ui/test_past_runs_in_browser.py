"""What a person sees and does about runs that were: why one cannot be drawn, what it was made of, where it is found."""

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.browser

RUN, HEADLINE, PROMPT, STATUS = "#run", ".headline-words", "#prompt textarea", ".status"
RENDER_MS = 180_000
LONG = "A knight in silver armour walks through a market in the rain; lanterns shine in every puddle. " * 12
NOT_KNOWN = "This run is not known here."


@pytest.fixture
def nobody_png(tmp_path: Path) -> Path:
    """A picture of nothing but a grey slope, 600 x 800."""
    Image.linear_gradient("L").resize((600, 800)).convert("RGB").save(path := tmp_path / "nobody.png")
    return path


@pytest.fixture
def large_jpg(tmp_path: Path) -> Path:
    """The character of the first example in a picture that gives more than 720p, 1440 x 2560."""
    with Image.open(Path(__file__).parents[2] / "assets/examples/character-full-body.png") as opened:
        opened.convert("RGB").resize((1440, 2560)).save(path := tmp_path / "large.jpg", quality=95)
    return path


def _cancelled_run(page: Page, prompt: str) -> str:
    """Start a preview, stop it, and give the address at which it is found."""
    page.fill(PROMPT, prompt)
    expect(page.locator(HEADLINE)).to_have_text("Ready.")
    before = page.locator(".past").count()
    page.click(f"{RUN}:not([disabled])")
    expect(page.locator(".past")).to_have_count(before + 1)
    page.click(f"{STATUS} [data-do=cancel]")
    expect(page.locator(STATUS)).to_have_attribute("data-state", "cancelled", timeout=RENDER_MS)
    expect(page).to_have_url(re.compile(r"\?run=[0-9a-f]{32}$"))
    return page.url


def _told(page: Page, name: str) -> Locator:
    """Find what is told of the run that is shown under this name."""
    return page.locator(".about-rows div", has=page.locator("dt", has_text=name)).locator("dd")


def _hand_in_nobody(page: Page, picture: Path) -> None:
    page.set_input_files("#image-slot input[type=file]", picture)
    expect(page.locator("#image-slot .slot-found")).to_have_text("No character was found.")


def test_a_picture_of_nobody_stops_the_preview_before_the_click_and_kling_not(page: Page, nobody_png: Path):
    _hand_in_nobody(page, nobody_png)
    expect(page.locator(HEADLINE)).to_contain_text("The preview would fail: the image shows no person")
    expect(page.locator(RUN)).to_be_disabled()
    expect(page.locator(RUN)).to_have_attribute("data-stop", "No person found in the picture")
    shown = page.evaluate("getComputedStyle(document.querySelector('#run'), '::after').content")
    assert shown == '"No person found in the picture"'
    expect(page.locator(".findings-verdict")).to_contain_text("Would fail")
    page.fill(PROMPT, "A market in the rain")  # the example's words went with its picture
    page.click("#engine label >> nth=1")
    expect(page.locator(HEADLINE)).to_contain_text("Will run, but the image shows no person")
    expect(page.locator(RUN)).to_be_enabled()
    expect(page.locator(RUN)).not_to_have_attribute("data-stop", re.compile("."))
    page.click("#engine label >> nth=0")
    expect(page.locator(RUN)).to_be_disabled()
    page.click("#examples button >> nth=0")
    expect(page.locator(HEADLINE)).to_have_text("Ready.")
    expect(page.locator(RUN)).to_be_enabled()


def test_a_run_that_failed_for_want_of_a_person_leads_to_what_was_found(page: Page, nobody_png: Path):
    _hand_in_nobody(page, nobody_png)
    page.check("#accepted input")
    expect(page.locator(HEADLINE)).to_contain_text("The preview tries it, but the image shows no person")
    page.click(f"{RUN}:not([disabled])")
    expect(page.locator(STATUS)).to_have_attribute("data-state", "failed", timeout=RENDER_MS)
    expect(page.locator(".status-words")).to_have_text("The preview found no person in the picture.")
    expect(page.locator("[data-act=again]")).to_have_count(0)  # it would only fail again
    page.locator("[data-act=find]").press("Enter")
    finding = page.locator(".finding[data-rule='image.character']")
    expect(finding).to_be_focused()
    expect(finding).to_be_in_viewport()
    expect(finding.locator(".finding-more")).to_have_attribute("open", "")

    page.click("#examples button >> nth=0")  # the finding is gone with its picture: the place of the picture is left
    expect(page.locator(HEADLINE)).to_have_text("Ready.")
    page.click("[data-act=find]")
    expect(page.locator("#image-slot")).to_be_in_viewport()
    expect(page.locator("#image-slot button").first).to_be_focused()


def test_a_run_tells_what_it_was_made_of_and_can_be_used_again(page: Page, large_jpg: Path):
    page.set_input_files("#image-slot input[type=file]", large_jpg)
    expect(page.locator("#image-slot .slot-facts")).to_contain_text("1440")
    page.click("#orientation label >> nth=1")
    page.uncheck("#keep-sound input")
    page.click("#resolution label >> nth=1")
    _cancelled_run(page, LONG.strip())
    expect(page.locator(".about-rows")).to_be_hidden()  # nothing that a first visitor has to understand
    page.locator(".about > summary").press("Enter")
    expect(_told(page, "Scene in words")).to_have_text(LONG.strip())
    for name, text in (
        ("Orientation", "Image"),
        ("Sound", "Left out"),
        ("Size asked for", "1080p"),
        ("Picture", re.compile(r"1440\s×\s2560\spx, JPEG")),
        ("Clip", re.compile(r"6\.0\ss, \d+\s×\s\d+\spx, \d+\sfps, MP4")),
        ("Repaired before", "Nothing"),
    ):
        expect(_told(page, name)).to_have_text(text)
    width, room = (page.locator(selector).evaluate("node => node.scrollWidth") for selector in (".about", "#right"))
    assert width <= room

    picture = page.locator("#image-slot .slot-picture")
    page.click("#examples button >> nth=1")
    expect(page.locator("#image-slot .slot-found")).to_contain_text("upper body")
    page.fill(PROMPT, "Something else")
    page.click("#orientation label >> nth=0")
    page.check("#keep-sound input")
    expect(page.locator("#resolution")).to_be_hidden()  # this picture gives 720p only
    expect(page.locator(".player-earlier")).to_be_visible()
    shown_before = picture.get_attribute("src")
    page.click("[data-do=reuse]")
    expect(page.locator(".about-note")).to_have_text("Its picture, clip and options stand in their places.")
    expect(page.locator("#image-slot .slot-found")).to_contain_text("full body")
    expect(page.locator(PROMPT)).to_have_value(LONG.strip())
    expect(page.locator("#orientation input >> nth=1")).to_be_checked()
    expect(page.locator("#keep-sound input")).not_to_be_checked()
    expect(page.locator("#resolution input >> nth=1")).to_be_checked()
    expect(page.locator(".player-earlier")).to_be_hidden()  # the run that is shown is theirs

    page.click(".about-undo")
    expect(page.locator("#image-slot .slot-found")).to_contain_text("upper body")
    expect(picture).to_have_attribute("src", shown_before or "")
    expect(page.locator(PROMPT)).to_have_value("Something else")
    expect(page.locator("#orientation input >> nth=0")).to_be_checked()
    expect(page.locator("#keep-sound input")).to_be_checked()
    expect(page.locator("#resolution")).to_be_hidden()
    expect(page.locator(".about-note")).to_have_text("What stood there before is back.")
    expect(page.locator(".about-undo")).to_be_hidden()


def test_a_repair_stands_with_its_run(page: Page, tmp_path: Path):
    with Image.open(Path(__file__).parents[2] / "assets/examples/character-full-body.png") as opened:
        opened.convert("RGB").save(tmp_path / "character.webp")
    page.set_input_files("#image-slot input[type=file]", tmp_path / "character.webp")
    expect(page.locator("#image-slot .slot-found")).to_contain_text("The character covers")
    expect(page.locator("#image-slot .slot-facts")).to_contain_text(re.compile("PNG|JPEG"))
    _cancelled_run(page, "Mended before")
    page.click(".about > summary")
    expect(_told(page, "Repaired before")).to_have_text(re.compile(r"Picture: .*(PNG|JPEG).*\."))
    expect(_told(page, "Picture")).to_contain_text(re.compile("PNG|JPEG"))


def test_a_run_is_named_and_keeps_its_name(page: Page):
    _cancelled_run(page, "To be named")
    page.click(".about > summary")
    page.fill(".about-name input", "  The <b>knight</b>  at dusk, " + "and so on " * 20)
    page.locator(".about-name input").press("Enter")
    expect(page.locator(".past-title")).to_contain_text("The <b>knight</b> at dusk, and so on")
    expect(page.locator(".about > summary")).to_contain_text("The <b>knight</b> at dusk")
    page.reload()
    expect(page.locator(".past-title")).to_contain_text("The <b>knight</b> at dusk")
    expect(page.locator(".past-about")).to_contain_text("Preview, Cancelled")
    page.click(".about > summary")
    page.fill(".about-name input", "")
    page.click(".about-name button")
    expect(page.locator(".past-title")).to_have_text("Preview")


def test_a_run_is_deleted_after_a_second_word_and_opens_no_more(page: Page):
    address = _cancelled_run(page, "To be deleted")
    assert page.request.get(page.locator(".past-picture").evaluate("node => node.src")).ok
    page.click(".about > summary")
    page.locator(".about [data-do=delete]").press("Enter")
    expect(page.locator(".about-sure p").first).to_have_text(
        "Delete this run with its files? It can be put back for 10 minutes."
    )
    expect(page.locator("[data-do=keep]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".about-sure").first).to_be_hidden()
    expect(page.locator(".about [data-do=delete]")).to_be_focused()
    page.click(".about [data-do=delete]")
    page.click("[data-do=sure]")
    expect(page.locator(".status-words")).to_have_text("The run was deleted.")
    expect(page.locator(".past")).to_have_count(0)
    expect(page.locator(".about")).to_be_hidden()
    expect(page.locator("[data-pane=result] .pane-wait")).to_have_text("Your result appears here")
    expect(page).not_to_have_url(re.compile("run="))
    expect(page.locator(".gallery-trash button")).to_be_focused()

    page.goto(address)
    expect(page.locator(".status-words")).to_have_text(NOT_KNOWN)
    expect(page.locator(RUN)).to_be_enabled()
    _cancelled_run(page, "And the page works on")


def test_a_run_under_way_cannot_be_deleted(page: Page):
    page.fill(PROMPT, "Under way")
    expect(page.locator(HEADLINE)).to_have_text("Ready.")
    page.click(f"{RUN}:not([disabled])")
    page.click(".about > summary")
    page.click(".about [data-do=delete]")
    sure = page.locator("[data-do=sure]")
    expect(page.locator(".about-sure p").first).to_contain_text(re.compile("under way|put back"))
    if "under way" in page.locator(".about-sure p").first.inner_text():  # it may have ended meanwhile
        expect(sure).to_be_hidden()
    page.click("[data-do=keep]")
    page.click(f"{STATUS} [data-do=cancel]")
    expect(page.locator(STATUS)).to_have_attribute("data-state", "cancelled", timeout=RENDER_MS)
    page.click(".about [data-do=delete]")
    expect(sure).to_be_visible()


def test_each_run_has_an_address_that_reload_back_and_forward_respect(page: Page, page_address: str):
    shown = page.locator(".past[aria-current]")
    words = _told(page, "Scene in words")
    first = _cancelled_run(page, "The first one")
    page.click(".about > summary")
    second = _cancelled_run(page, "The second one")
    assert first != second
    expect(words).to_have_text("The second one")
    page.go_back()
    expect(words).to_have_text("The first one")
    expect(page).to_have_url(first)
    page.go_back()
    expect(page).to_have_url(page_address)
    expect(shown).to_have_count(0)  # as it was before the first run: its inputs alone
    expect(page.locator("[data-pane=result] .pane-wait")).to_have_text("Your result appears here")
    expect(page.locator(STATUS)).to_be_hidden()
    page.go_forward()
    expect(words).to_have_text("The first one")
    page.go_forward()
    expect(words).to_have_text("The second one")
    page.evaluate("window.history.back(); setTimeout(() => window.history.back(), 50)")  # faster than any answer
    expect(page).to_have_url(page_address)
    expect(shown).to_have_count(0)
    expect(page.locator(STATUS)).to_be_hidden()
    page.go_forward()
    expect(words).to_have_text("The first one")
    expect(page).to_have_url(first)
    page.reload()
    expect(shown).to_have_count(1)
    expect(page).to_have_url(first)
    page.click(".about > summary")
    expect(words).to_have_text("The first one")
    page.click(".past >> nth=0")
    expect(words).to_have_text("The second one")
    expect(page).to_have_url(second)
    page.go_back()
    expect(words).to_have_text("The first one")
    page.goto(page_address)  # without an address it is the newest one, which then stands there
    expect(page).to_have_url(second)
    expect(shown).to_have_count(1)


def test_an_address_opens_for_its_owner_alone(page: Page, chromium: Browser, page_address: str):
    address = _cancelled_run(page, "Mine alone")
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    other = context.new_page()
    said = []
    for strange in (address, f"{page_address}?run={'0' * 32}", f"{page_address}?run=%00%F0%9F%A4%B7&run=<b>"):
        other.goto(strange)
        expect(other.locator(".status-words")).to_have_text(NOT_KNOWN)
        said.append(other.locator(STATUS).inner_text())
        expect(other.locator(RUN)).to_be_enabled(timeout=60_000)
        expect(other.locator(".past")).to_have_count(0)
        assert "Mine alone" not in other.content()
    assert len(set(said)) == 1, "nobody can tell whether there is such a run"
    context.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_what_a_run_tells_fits_the_window(page: Page, width: int, scheme: str):
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 844})
    _cancelled_run(page, "LongWordWithoutAnySpace" * 40)
    page.click(".about > summary")
    page.click(".about [data-do=delete]")
    page.fill(".about-name input", "W" * 80)
    page.locator(".about-name input").press("Enter")
    expect(page.locator(".past-title")).to_have_text("W" * 80)
    edges = page.locator(".history *:visible").evaluate_all(
        "nodes => nodes.map(node => node.getBoundingClientRect().right)"
    )
    assert max(edges) <= width, "the page hides what sticks out, so that its own width tells nothing"

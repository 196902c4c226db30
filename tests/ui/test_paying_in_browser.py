"""What a person reads before they pay, and the field of the token; against a played vendor."""

import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from kling_ui.options import DEFAULT_PROMPT
from kling_ui.ui.examples import EXAMPLES, asset

pytestmark = pytest.mark.browser
READY = "#run:not([disabled])"
TOKEN = "vendor-token-0123456789"


@pytest.fixture(scope="module")
def paying(serve, vendor, tmp_path_factory):
    """An app that sends to the played vendor, and that others can reach as well."""
    env = {"KLING_UI_API_BASE": vendor.address, "KLING_UI_HOST": "0.0.0.0"}
    with serve(tmp_path_factory.mktemp("paying"), **env) as (_, address):
        yield address


@pytest.fixture
def kling(chromium, paying):
    """A page on which Kling is chosen; no token is there."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    tab = context.new_page()
    tab.goto(paying)
    tab.wait_for_selector(READY)
    tab.click('#engine input[value="kling"]')
    yield tab
    context.close()


def test_before_paying_the_page_says_what_leaves_and_how(kling):
    leaves = kling.locator(".cost-leaves")
    expect(leaves).to_contain_text("Picture, clip and this text go to RunComfy inside the request:")
    expect(kling.locator(".cost-leaves-prompt")).to_have_text(EXAMPLES[0].choice.prompt)
    kling.click(".cost-leaves [data-do=edit]")
    expect(kling.locator("#prompt textarea")).to_be_focused()
    kling.fill("#prompt textarea", "At the sea, in the evening")
    expect(kling.locator(".cost-leaves-prompt")).to_have_text("At the sea, in the evening")
    kling.click('#engine input[value="preview"]')
    expect(leaves).to_be_hidden()


def test_the_request_stands_folded_beside_the_button_as_code(kling):
    fold, text = kling.locator("#code .code"), kling.locator("#code .code-text")
    expect(text).to_be_hidden()
    fold.locator("summary").click()
    expect(text).to_contain_text(f'"prompt": "{EXAMPLES[0].choice.prompt}"')
    fold.get_by_role("tab", name="JSON").press("ArrowRight")
    expect(fold.get_by_role("tab", name="curl")).to_be_focused()
    expect(text).to_contain_text("Authorization: Bearer $RUNCOMFY_API_TOKEN")
    kling.fill("#prompt textarea", "At the sea, <b>in the evening</b>")
    expect(text).to_contain_text("At the sea, <b>in the evening</b>")
    kling.fill("#token input", TOKEN)
    kling.keyboard.press("Enter")
    expect(kling.locator("#run")).to_contain_text("about")
    for number in range(5):
        kling.locator("#code .code-tab").nth(number).click()
        assert TOKEN not in text.inner_text()
    kling.click('#engine input[value="preview"]')
    fold.get_by_role("tab", name="curl").click()
    expect(text).to_contain_text("/gradio_api")
    kling.set_viewport_size({"width": 390, "height": 844})
    assert kling.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_stock_sentence_is_offered_and_sent_only_when_taken(kling, vendor):
    field, offer = kling.locator("#prompt textarea"), kling.locator("#use-sentence")
    expect(offer).to_be_hidden()
    kling.locator("#image-slot input[type=file]").set_input_files(asset("examples/character-upper-body.png"))
    expect(field).to_have_value("")  # the example's words spoke of another person
    expect(field).to_have_attribute("placeholder", f"Such as: {DEFAULT_PROMPT}")
    expect(kling.locator("#headline")).to_contain_text("prompt is empty")
    expect(kling.locator("#run")).to_be_disabled()
    expect(kling.locator(".cost-leaves")).to_be_hidden()
    offer.click()
    expect(field).to_have_value(DEFAULT_PROMPT)
    expect(offer).to_be_hidden()
    expect(kling.locator(".cost-leaves-prompt")).to_have_text(DEFAULT_PROMPT)
    assert not vendor.vendor.jobs


def test_the_preview_needs_no_words(kling):
    kling.fill("#prompt textarea", "")
    expect(kling.locator("#run")).to_be_disabled()
    kling.click('#engine input[value="preview"]')
    kling.wait_for_selector(READY)


def test_a_token_is_taken_by_its_button_and_a_rejected_one_is_simply_replaced(kling):
    link = kling.get_by_role("link", name="Get a token")
    expect(link).to_have_attribute("href", "https://www.runcomfy.com/")
    expect(link).to_have_attribute("target", "_blank")
    kling.fill("#token input", "no-such-token-0000")
    kling.click("#use-token")
    expect(kling.locator("#token-line")).to_contain_text("did not accept the token")
    expect(kling.locator("#token input")).to_have_value("")
    expect(kling.locator("#token-line [data-do=forget]")).to_be_hidden()
    kling.fill("#token input", TOKEN)
    kling.click("#use-token")
    expect(kling.locator("#token-line")).to_contain_text("Your token is kept in memory")
    expect(kling.locator("#token input")).to_be_hidden()
    expect(kling.locator("#run")).to_have_text(re.compile("about"))


def test_to_others_the_machine_is_a_server(kling):
    expect(kling.locator("#engine")).to_contain_text("Free, rendered on this server")
    expect(kling.locator("body")).not_to_contain_text("this machine")


def test_only_sizes_that_the_picture_gives_are_offered(kling, tmp_path):
    kling.click('#engine input[value="preview"]')
    kling.wait_for_selector(READY)
    size = kling.locator("#resolution")
    expect(size).to_be_hidden()  # the example has 720 x 1280 px
    with Image.open(asset("examples/character-full-body.png")) as figure:
        figure.resize((900, 1600)).save(tmp_path / "large.png")
    kling.locator("#image-slot input[type=file]").set_input_files(tmp_path / "large.png")
    expect(size.locator("label").first).to_contain_text(re.compile(r"720\s×\s1280"))
    expect(size.locator("label").last).to_contain_text(re.compile(r"900\s×\s1600\spx, takes longer"))
    size.locator("input").last.check()
    kling.click('#engine input[value="kling"]')
    expect(size).to_be_hidden()


def test_an_examples_own_choice_is_what_the_page_advises(kling):
    for example in EXAMPLES:
        kling.get_by_role("button", name=example.title).click()
        expect(kling.locator("#prompt textarea")).to_have_value(example.choice.prompt)
        expect(kling.locator(f"#orientation input[value={example.choice.orientation}]")).to_be_checked()
        expect(kling.locator("#advice")).not_to_be_empty()
        expect(kling.locator("#advice button")).to_be_hidden()

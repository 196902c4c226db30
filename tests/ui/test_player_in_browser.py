"""How large the picture, the reference and the result are, and how they are enlarged."""

import pytest
from PIL import Image
from playwright.sync_api import expect

from kling_ui.ui.examples import asset

pytestmark = pytest.mark.browser
SIZES = """[...document.querySelectorAll('.pane')].filter(pane => pane.offsetWidth).map(pane => {
    const box = pane.querySelector('.pane-box').getBoundingClientRect();
    return [pane.dataset.pane, box.width, box.height];
})"""
UPRIGHT, WIDE = "upright", "wide"
CLIPS = {UPRIGHT: "dance-full-body.mp4", WIDE: "gesture-upper-body.mp4"}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """The same character in an upright and in a wide picture."""
    upright = asset("examples/character-full-body.png")
    wide = tmp_path_factory.mktemp("pictures") / "wide.png"
    with Image.open(upright) as picture:
        figure = picture.convert("RGB").resize((405, 720))
        ground = Image.new("RGB", (1280, 720), (200, 205, 210))
        ground.paste(figure, (437, 0))
        ground.save(wide)
    return {UPRIGHT: upright, WIDE: wide}


def _put(page, picture, clip):
    page.locator("#image-slot input[type=file]").set_input_files(picture)
    page.locator("#video-slot input[type=file]").set_input_files(clip)
    page.wait_for_function("""() => {
        const [image, reference] = ['image img', 'reference video'].map(
            (node) => document.querySelector(`[data-pane=${node.replace(' ', '] ')}`));
        return [image, reference].every((node) => (node.getAttribute('src') || '').includes('uploads'))
            && image.naturalWidth && reference.videoWidth;
    }""")
    page.wait_for_selector("#run:not([disabled])")
    page.wait_for_function(f"{SIZES}.length > 1")


@pytest.mark.slow
@pytest.mark.parametrize("picture", [UPRIGHT, WIDE])
@pytest.mark.parametrize("clip", [UPRIGHT, WIDE])
def test_no_pane_is_tiny_whatever_the_shapes(page, pictures, picture, clip):
    _put(page, pictures[picture], asset(f"examples/{CLIPS[clip]}"))
    for width, height in ((1280, 720), (1440, 900), (1920, 1080), (2560, 1440)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(500)
        sizes = page.evaluate(SIZES)
        assert {"reference", "result"} <= {name for name, *_ in sizes}
        assert all(across >= 319 for _, across, _ in sizes), (width, sizes)
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(500)
    for name, across, _ in page.evaluate(SIZES):
        shape = clip if name == "reference" else picture
        assert across >= (280 if shape == WIDE else 140), name


def test_wide_clips_use_the_height_of_a_wide_screen(page):
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.get_by_role("button", name="Upper body, talking hands").click()
    page.wait_for_function("document.querySelector('.panes').dataset.form === 'stack'")
    sizes = {name: (across, height) for name, across, height in page.evaluate(SIZES)}
    assert set(sizes) == {"reference", "result"}
    assert all(across >= 540 for across, _ in sizes.values()), sizes
    bottom = page.evaluate("document.querySelector('.panes').getBoundingClientRect().bottom")
    assert bottom <= 1080


def test_a_click_enlarges_a_pane_and_escape_goes_back(page):
    before = {name: across for name, across, _ in page.evaluate(SIZES)}
    page.locator("[data-pane=reference] .pane-box").click()
    ((name, across, height),) = page.evaluate(SIZES)
    assert name == "reference"
    assert across > before["reference"]
    assert height <= page.viewport_size["height"]
    page.locator("[data-pane=reference] .pane-box").click()  # once more: all of them
    assert len(page.evaluate(SIZES)) > 1
    page.keyboard.press("Escape")
    expect(page.locator("[data-do=large]")).to_have_text("Enlarge")
    assert {name: across for name, across, _ in page.evaluate(SIZES)} == before


def test_a_folded_picture_is_one_click_away(page):
    expect(page.locator("[data-pane=image]")).to_be_hidden()  # three would be too small side by side here
    page.click("[data-do=picture]")
    assert [name for name, *_ in page.evaluate(SIZES)] == ["image"]
    page.click("[data-do=large]")
    expect(page.locator("[data-pane=image]")).to_be_hidden()


@pytest.mark.slow
def test_a_result_says_when_the_inputs_have_changed_since(page):
    earlier = page.locator(".player-earlier")
    page.click("#run")
    expect(page.locator("[data-link=download]")).to_be_visible(timeout=180_000)
    expect(earlier).to_be_hidden()
    result = page.locator("[data-pane=result] video").get_attribute("src")
    page.locator("#video-slot input[type=file]").set_input_files(asset("examples/gesture-upper-body.mp4"))
    expect(earlier).to_contain_text("Result of an earlier run")
    page.click("[data-do=swap]")
    expect(earlier).to_contain_text("The new inputs")
    expect(page.locator("[data-link=download]")).to_be_hidden()
    page.click("[data-do=swap]")
    expect(page.locator("[data-pane=result] video")).to_have_attribute("src", result)
    page.wait_for_selector("#run:not([disabled])")
    page.click("#run")  # the new one is no earlier one
    expect(page.locator("[data-pane=result] video")).not_to_have_attribute("src", result)
    expect(earlier).to_be_hidden()

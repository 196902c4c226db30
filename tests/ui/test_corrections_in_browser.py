"""Correcting a character on the page: joints dragged, placed or hidden, the outline painted; mouse, finger and keys."""

import re

import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
EDITOR = "dialog.editor[open]"
IN_ORDER = "options => options.map(option => option.value)"
ALPHA_AT = """([x, y]) => {
    const sheet = document.querySelector(".editor-sheet");
    return [...sheet.getContext("2d").getImageData(x * sheet.width, y * sheet.height, 1, 1).data];
}"""


@pytest.fixture
def garlic_page(page, garlic):
    """The page with a picture in which nobody is found."""
    page.locator("#image-slot input[type=file]").set_input_files(garlic[0])
    expect(page.locator("#image-slot .slot-found")).to_have_text("No character was found.")
    return page


def open_editor(page):
    page.locator("#image-slot .slot-correct").click()
    expect(page.locator(EDITOR)).to_be_visible()


def save(page):
    page.locator("[data-edit=save]").click()
    expect(page.locator(EDITOR)).to_have_count(0)


def place_all(page, joints):
    """Press where each joint is, in the order in which the editor asks for them."""
    stage = page.locator(".editor-stage").bounding_box()
    for name in page.locator(".editor-pick option").evaluate_all(IN_ORDER):
        if name not in joints:
            continue
        expect(page.locator(".editor-pick")).to_have_value(name)
        x, y = joints[name]
        page.mouse.click(stage["x"] + stage["width"] * x / 480, stage["y"] + stage["height"] * y / 640)


def joint(page, name):
    return page.locator(f'.editor-joint[data-joint="{name}"]')


def place_of(page, name):
    """Where a joint is, in per cent of the picture, as a screen reader says it."""
    said = joint(page, name).get_attribute("aria-label")
    return tuple(int(number) for number in re.findall(r"(\d+) %", said))


def middle_of(page, name):
    box = joint(page, name).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_character_that_nobody_finds_can_run_once_its_joints_are_placed(garlic_page, garlic):
    page = garlic_page
    expect(page.locator("#run")).to_be_disabled()
    page.locator("[data-do=place-joints]").click()  # offered where it is said that nobody was found
    expect(page.locator(EDITOR)).to_be_visible()
    place_all(page, garlic[1])
    save(page)
    expect(page.locator(".slot-corrected")).to_have_text("Corrected by you: 13 joints.")
    expect(page.locator("#image-slot .slot-found")).to_contain_text("full body")
    expect(page.locator("#run")).to_be_enabled()
    expect(page.locator("[data-do=place-joints]")).to_have_count(0)


def test_corrections_outlast_a_reload_and_come_back_with_the_same_picture(garlic_page, garlic, person_png):
    page = garlic_page
    open_editor(page)
    place_all(page, garlic[1])
    save(page)
    expect(page.locator("#run")).to_be_enabled()
    page.wait_for_timeout(2000)  # the browser writes down what is to outlast the page a moment later
    page.reload()
    expect(page.locator(".slot-corrected")).to_have_text("Corrected by you: 13 joints.")
    page.locator("#image-slot input[type=file]").set_input_files(person_png)
    expect(page.locator("#image-slot .slot-facts")).to_contain_text("540")
    expect(page.locator(".slot-corrected")).to_be_hidden()
    page.locator("#image-slot input[type=file]").set_input_files(garlic[0])
    expect(page.locator(".slot-corrected")).to_have_text("Corrected by you: 13 joints.")


def test_too_few_joints_are_refused_where_they_are_placed(garlic_page, garlic):
    page = garlic_page
    open_editor(page)
    place_all(page, {"nose": garlic[1]["nose"]})
    page.locator("[data-edit=save]").click()
    expect(page.locator(".editor-error")).to_contain_text("left shoulder and right shoulder must be placed")
    place_all(page, {name: garlic[1][name] for name in ("left shoulder", "right shoulder")})
    save(page)
    expect(page.locator(".slot-corrected")).to_contain_text("nose, left shoulder, right shoulder")


def test_a_found_joint_is_dragged_and_undone_and_redone(page):
    open_editor(page)
    before = place_of(page, "left wrist")
    x, y = middle_of(page, "left wrist")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y - 80, steps=6)
    page.mouse.up()
    moved = place_of(page, "left wrist")
    assert moved[0] > before[0] + 5
    assert moved[1] < before[1] - 5
    now = middle_of(page, "left wrist")
    assert now == pytest.approx((x + 60, y - 80), abs=2)
    page.locator("[data-edit=undo]").click()
    assert place_of(page, "left wrist") == before
    page.keyboard.press("Control+Shift+z")
    assert place_of(page, "left wrist") == moved
    save(page)
    expect(page.locator(".slot-corrected")).to_have_text("Corrected by you: left wrist.")
    open_editor(page)
    assert place_of(page, "left wrist") == pytest.approx(moved, abs=1)
    assert "corrected by you" in joint(page, "left wrist").get_attribute("aria-label")


def test_a_joint_is_moved_hidden_and_given_back_by_keys_alone(page):
    page.locator("#image-slot .slot-correct").focus()
    page.keyboard.press("Enter")
    expect(page.locator(EDITOR)).to_be_visible()
    joint(page, "right elbow").focus()
    before = place_of(page, "right elbow")
    x, y = middle_of(page, "right elbow")
    page.keyboard.press("ArrowRight")
    little = middle_of(page, "right elbow")[0] - x
    page.keyboard.press("Shift+ArrowDown")
    far = middle_of(page, "right elbow")[1] - y
    assert 1 < little < far
    expect(joint(page, "right elbow")).to_be_focused()
    expect(page.locator(".editor-said")).to_contain_text("Right elbow:")
    page.keyboard.press("h")
    expect(joint(page, "right elbow")).to_have_attribute("aria-label", re.compile("hidden"))
    page.keyboard.press("Delete")
    assert place_of(page, "right elbow") == before
    expect(joint(page, "right elbow")).to_have_attribute("aria-label", re.compile("^Right elbow, found,"))
    page.keyboard.press("Tab")
    expect(page.locator(".editor-joint:focus")).to_have_attribute("data-joint", re.compile("."))
    page.keyboard.press("Escape")
    expect(page.locator(".editor-said")).to_contain_text("not saved")
    page.locator("[data-edit=cancel]").click()
    expect(page.locator("#image-slot .slot-correct")).to_be_focused()
    expect(page.locator(".slot-corrected")).to_be_hidden()


def test_one_press_after_another_of_an_arrow_is_one_step_of_undo(page):
    open_editor(page)
    joint(page, "nose").focus()
    before = place_of(page, "nose")
    for _ in range(5):
        page.keyboard.press("Shift+ArrowLeft")
    assert place_of(page, "nose")[0] < before[0] - 3
    page.keyboard.press("Control+z")
    assert place_of(page, "nose") == before
    expect(page.locator("[data-edit=undo]")).to_have_attribute("aria-disabled", "true")


def test_a_joint_is_placed_by_keys_where_none_was_found(garlic_page):
    page = garlic_page
    open_editor(page)
    expect(page.locator(".editor-pick")).to_be_focused()
    page.locator("[data-edit=place]").press("Enter")
    expect(joint(page, "nose")).to_be_focused()
    assert place_of(page, "nose") == (50, 50)


def test_the_outline_is_painted_erased_and_kept(page):
    open_editor(page)
    page.locator("[data-mode=outline]").click()
    stage = page.locator(".editor-stage").bounding_box()
    corner, plain = (0.1, 0.1), page.evaluate(ALPHA_AT, (0.1, 0.1))
    page.mouse.move(stage["x"] + stage["width"] * 0.06, stage["y"] + stage["height"] * 0.1)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] * 0.16, stage["y"] + stage["height"] * 0.1, steps=8)
    page.mouse.up()
    painted = page.evaluate(ALPHA_AT, corner)
    assert painted != plain
    page.keyboard.press("Control+z")
    assert page.evaluate(ALPHA_AT, corner) == plain
    page.keyboard.press("Control+y")
    assert page.evaluate(ALPHA_AT, corner) == painted
    page.locator("[data-brush=erase]").click()
    page.mouse.click(stage["x"] + stage["width"] * 0.16, stage["y"] + stage["height"] * 0.1)
    page.locator("[data-edit=undo]").click()
    share = page.locator("#image-slot .slot-found").inner_text()
    save(page)
    expect(page.locator(".slot-corrected")).to_have_text("Corrected by you: outline.")
    expect(page.locator("#image-slot .slot-found")).not_to_have_text(share)
    open_editor(page)
    page.locator("[data-mode=outline]").click()
    assert page.evaluate(ALPHA_AT, corner) == painted
    page.locator("[data-edit=reset]").click()
    assert page.evaluate(ALPHA_AT, corner) == plain
    save(page)
    expect(page.locator(".slot-corrected")).to_be_hidden()
    expect(page.locator("#image-slot .slot-found")).to_have_text(share)


def test_the_brush_is_worked_by_keys(page):
    open_editor(page)
    page.locator("[data-mode=outline]").click()
    page.locator(".editor-sheet").focus()
    for _ in range(20):
        page.keyboard.press("Shift+ArrowLeft")
    for _ in range(20):
        page.keyboard.press("Shift+ArrowUp")
    plain = page.evaluate(ALPHA_AT, (0.002, 0.002))
    page.keyboard.press(" ")
    expect(page.locator(".editor-said")).to_have_text("Added.")
    assert page.evaluate(ALPHA_AT, (0.002, 0.002)) != plain
    page.keyboard.press("e")
    page.keyboard.press(" ")
    expect(page.locator(".editor-said")).to_have_text("Erased.")
    assert page.evaluate(ALPHA_AT, (0.002, 0.002)) == plain


def test_on_a_phone_a_joint_is_moved_by_finger_and_nothing_is_cut_off(chromium, page_address):
    context = chromium.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(page_address)
    page.wait_for_selector("#run:not([disabled])")
    page.locator("#image-slot .slot-correct").tap()
    expect(page.locator(EDITOR)).to_be_visible()
    before, (x, y) = place_of(page, "left wrist"), middle_of(page, "left wrist")
    fingers = context.new_cdp_session(page)
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": x + 10, "y": y - 20}]),
        ("touchMove", [{"x": x + 20, "y": y - 60}]),
        ("touchEnd", []),
    ):
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert place_of(page, "left wrist")[1] < before[1] - 5
    for button in ("save", "cancel"):
        box = page.locator(f"[data-edit={button}]").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert box["y"] + box["height"] <= 844
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_a_crop_takes_corrections_along_and_is_undone_to_them(page, garlic, tmp_path):
    path, joints = garlic
    with Image.open(path) as picture:
        wide = Image.new("RGB", (480 * 4, 640 * 2), (140, 190, 160))
        wide.paste(picture.resize((240, 320)), (200, 700))
    wide.save(tmp_path / "far.png")
    page.locator("#image-slot input[type=file]").set_input_files(tmp_path / "far.png")
    expect(page.locator("#image-slot .slot-found")).to_have_text("No character was found.")
    open_editor(page)
    # the figure covers an eighth of the width and a quarter of the height, from (200, 700)
    place_all(page, {name: ((200 + x / 2) / 4, (700 + y / 2) / 2) for name, (x, y) in joints.items()})
    save(page)
    expect(page.locator(".finding[data-rule='image.coverage']")).to_be_visible()
    before = page.locator("#image-slot .slot-found").inner_text()
    page.locator("[data-repair='image.crop-around-character']").first.click()
    expect(page.locator("#image-slot .slot-repaired")).to_be_visible()
    expect(page.locator(".slot-corrected")).to_have_text("Corrected by you: 13 joints.")
    expect(page.locator(".finding[data-rule='image.coverage']")).to_have_count(0)
    expect(page.locator("#image-slot .slot-found")).to_contain_text("full body")
    page.locator("#image-slot [data-do=undo]").click()
    expect(page.locator("#image-slot .slot-found")).to_have_text(before)
    expect(page.locator(".slot-corrected")).to_have_text("Corrected by you: 13 joints.")

"""What the player does with its clips: views, loop, marks, zoom, keys, touch, several results."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
BOX = "[data-pane=result] .pane-box"
ZOOM = "Number(getComputedStyle(document.querySelector('.panes')).getPropertyValue('--zoom') || 1)"
TIMES = "[...document.querySelectorAll('#player video')].map(video => video.currentTime)"
JOINTS = [[500, 100], [550, 200], [450, 200], [600, 300], [400, 300], [620, 400], [380, 400], [530, 450], [470, 450]]
SKELETON = {"times_s": [0.0, 0.4, 0.8], "joints": [[*JOINTS, *[None] * 8]] * 3}
CLOSER = {
    "strips": [
        {
            "kind": "faces",
            "name": "Face",
            "url": "files/x.jpg",
            "times_s": [0.5, 1.5],
            "tile_px": [10, 10],
            "words": "",
        },
        {"kind": "left-hand", "name": "Left hand", "url": "", "times_s": [], "tile_px": [0, 0], "words": "Too small."},
    ],
    "worst": {"name": "Worst moments", "moments": [{"at_s": 1.0, "words": "left forearm 64° off"}], "words": ""},
}
ANSWERS = {
    "shown/reference.mp4": {"fps": 20},
    "skeletons/reference.mp4": SKELETON,
    "skeletons/result.mp4": {"words": "nobody could be made out."},
    "shots/reference.mp4": {"cuts_s": [2.0]},
    "closer/result.mp4": CLOSER,
}


def _value(*results, **more):
    rows = [
        {"run_id": f"r{n}", "label": "", "src": f"files/{name}", "offset": 0} | how
        for n, (name, how) in enumerate(results)
    ]
    return {"run_id": "r0", "image": "files/none.png", "reference": "files/reference.mp4", "results": rows} | more


@pytest.fixture
def page(chromium, numbered_clip, serve_player, tmp_path):
    """The player with a reference of 3 s at 20 fps and a result of 2 s at 10 fps."""
    numbered_clip("reference.mp4", times=list(range(60)), fps=20)
    numbered_clip("result.mp4", times=list(range(20)), fps=10)
    context = chromium.new_context(viewport={"width": 900, "height": 1400}, reduced_motion="reduce")
    tab, thrown = context.new_page(), []
    tab.on("pageerror", lambda error: thrown.append(str(error)))
    tab.goto(serve_player(tmp_path, ANSWERS))
    tab.evaluate("value => show(value)", _value(("result.mp4", {"fps": 10})))
    tab.wait_for_function("[...document.querySelectorAll('#player video')].every(video => video.readyState === 4)")
    yield tab
    context.close()
    assert thrown == []


def _time(page, words):
    expect(page.locator(".transport-time")).to_have_text(words)


def _focus(page):
    page.evaluate("document.querySelector('.player').focus()")


def test_keys_step_jump_and_choose_the_view(page):
    _focus(page)
    page.keyboard.press(".")
    page.keyboard.press("ArrowRight")
    _time(page, "0.20 / 3.0 s")  # by frames of the result
    page.wait_for_function(f"{TIMES}.every((time, place) => Math.abs(time - [0.225, 0.25][place]) < 1e-3)")
    page.keyboard.press(",")
    page.keyboard.press("Shift+ArrowRight")
    _time(page, "1.10 / 3.0 s")
    for key, view in (("2", "wipe"), ("3", "overlay"), ("4", "difference"), ("1", "side")):
        page.keyboard.press(key)
        expect(page.locator(".panes")).to_have_attribute("data-view", view)
        expect(page.locator(f"button[data-view={view}]")).to_have_attribute("aria-pressed", "true")


def test_the_shorter_clip_holds_its_last_frame_and_says_so(page):
    mark = page.locator("[data-pane=result] .pane-mark")
    expect(mark).to_have_text("")
    _focus(page)
    page.keyboard.press("End")
    expect(mark).to_have_text("ended at 2.0\u00a0s")
    page.wait_for_function(f"{TIMES}.every((time, place) => Math.abs(time - [2.975, 1.95][place]) < 0.03)")
    page.evaluate("value => show(value)", _value(("result.mp4", {"fps": 10, "offset": 1.2})))
    page.keyboard.press("Home")
    expect(mark).to_have_text("starts at 1.2\u00a0s")


def test_the_line_of_the_wipe_is_dragged(page):
    page.click("button[data-view=wipe]")
    page.locator(".wipe-line").scroll_into_view_if_needed()
    line = page.locator(".wipe-line").bounding_box()
    across = page.locator(".panes").bounding_box()
    middle = line["y"] + line["height"] / 2
    page.mouse.move(line["x"] + line["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(across["x"] + across["width"] * 0.25, middle, steps=3)
    page.mouse.up()
    assert abs(int(page.locator(".player-blend input").input_value()) - 25) <= 1
    expect(page.locator(".panes")).to_have_attribute("data-view", "wipe")  # no click that enlarges
    assert page.evaluate("!document.querySelector('.player.is-large')")


def test_a_drag_on_the_timeline_loops_that_part_and_a_click_near_a_cut_goes_to_it(page):
    page.locator(".timeline-box").scroll_into_view_if_needed()
    box = page.locator(".timeline-box").bounding_box()

    def at(share):
        return box["x"] + share * box["width"], box["y"] + box["height"] / 2

    page.mouse.click(*at(2.0 / 3 + 0.004))
    _time(page, "2.00 / 3.0 s")
    page.mouse.move(*at(0.5 / 3))
    page.mouse.down()
    page.mouse.move(*at(1.0 / 3), steps=4)
    page.mouse.up()
    expect(page.locator(".timeline-loop")).to_contain_text("Loops 0.50–1.00 s")
    _time(page, "0.50 / 3.0 s")
    page.evaluate("""() => {
        window.seen = [];
        const look = () => {
            window.seen.push(parseFloat(document.querySelector('.transport-time').textContent));
            requestAnimationFrame(look);
        };
        look();
    }""")
    page.click("[data-do=play]")
    page.wait_for_function("window.seen.some((time, place) => time < window.seen[place - 1] - 0.2)")  # came round
    page.click("[data-do=play]")
    assert page.evaluate("Math.max(...window.seen) <= 1.05 && Math.min(...window.seen) >= 0.45")
    _focus(page)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".transport-time")).to_contain_text("0.10")
    page.keyboard.press("[")
    expect(page.locator(".timeline-loop")).to_contain_text("Loops 0.10–1.00 s")
    page.click("[data-do=unloop]")
    expect(page.locator(".timeline-loop")).to_be_hidden()


def test_all_panes_zoom_together_and_a_double_click_resets(page):
    page.locator(BOX).hover()
    page.mouse.wheel(0, -300)
    assert page.evaluate(ZOOM) == 1  # the page scrolls
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.wait_for_function(f"{ZOOM} > 2")
    views = page.locator(".pane:not(.is-folded):not([hidden]) .pane-view")
    assert (
        len(set(views.evaluate_all("views => views.map((view) => new DOMMatrix(getComputedStyle(view).transform).a)")))
        == 1
    )
    before = page.evaluate("getComputedStyle(document.querySelector('.panes')).getPropertyValue('--pan-x')")
    box = page.locator(BOX).bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 60, steps=4)
    page.mouse.up()
    assert page.evaluate("getComputedStyle(document.querySelector('.panes')).getPropertyValue('--pan-x')") != before
    page.locator(BOX).dblclick()
    assert page.evaluate(ZOOM) == 1


def test_skeletons_are_fetched_when_they_are_wanted(page):
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/skeletons/" in request.url else None)
    _focus(page)
    page.keyboard.press("ArrowRight")
    assert asked == []
    page.click("[data-do=skeletons]")
    page.wait_for_function(
        "document.querySelector('[data-pane=reference] [data-side=left]').getAttribute('d')?.startsWith('M')"
    )
    expect(page.locator(".player-skeleton-words")).to_have_text("Result: nobody could be made out.")
    assert len(asked) == 2
    page.click("[data-do=skeletons]")
    expect(page.locator("[data-pane=reference] .pane-skeleton")).to_be_hidden()


def test_looking_closer_leads_to_its_moments(page):
    page.click(".closer > summary")
    expect(page.locator(".closer-tile")).to_have_count(2)
    expect(page.locator(".closer")).to_contain_text("Too small.")
    page.get_by_role("button", name="Face at 1.5 s").click()
    _time(page, "1.50 / 3.0 s")
    page.get_by_role("button", name="1.0 s: left forearm 64° off").click()
    _time(page, "1.00 / 3.0 s")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_any_view(page, theme):
    page.goto(f"{page.url.partition('?')[0]}?theme={theme}")
    page.evaluate("value => show(value)", _value(*[("result.mp4", {"label": name, "fps": 10}) for name in "AB"]))
    page.click(".closer > summary")
    page.click(".player-keys > summary")
    for view in ("difference", "overlay", "wipe", "side"):
        page.click(f"button[data-view={view}]")
        found = Axe().run(page).response["violations"]
        assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []


def test_the_sound_of_one_clip_is_heard(page):
    muted = "[...document.querySelectorAll('#player video')].map(video => video.muted)"
    page.select_option(".transport-sound", "reference")
    assert page.evaluate(muted) == [False, True]
    page.select_option(".transport-sound", "result")
    assert page.evaluate(muted) == [True, False]
    page.select_option(".transport-sound", "")
    assert page.evaluate(muted) == [True, True]


def test_up_to_four_results_stand_beside_the_reference_and_go_again(page):
    results = [("result.mp4", {"label": f"Run {n}", "score": 90 + n, "fps": 10, "offset": 0.2 * n}) for n in range(5)]
    page.evaluate("value => show(value)", _value(*results))
    panes = page.locator(".pane[data-pane^=result]")
    expect(panes).to_have_count(4)
    expect(panes.nth(3)).to_contain_text("Run 3, match 93")
    page.wait_for_function("[...document.querySelectorAll('#player video')].every(video => video.readyState === 4)")
    _focus(page)
    page.keyboard.press("Shift+ArrowRight")
    middles = "[1.025, 1.05, 0.85, 0.65, 0.45]"
    page.wait_for_function(f"{TIMES}.every((time, place) => Math.abs(time - {middles}[place]) < 1e-3)")
    page.keyboard.press("2")
    expect(page.locator(".player-pair option:checked")).to_have_text(["Run 0, match 90", "Run 1, match 91"])
    page.locator(".player-pair select").first.select_option("reference")
    expect(page.locator(".is-below")).to_have_attribute("data-pane", "reference")
    page.evaluate("value => show(value)", _value(("result.mp4", {"fps": 10})))
    expect(panes).to_have_count(1)


def test_a_phone_is_used_with_fingers(chromium, numbered_clip, serve_player, tmp_path):
    for name, fps in (("reference.mp4", 20), ("result.mp4", 10)):
        numbered_clip(name, times=list(range(3 * fps)), fps=fps)
    context = chromium.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(serve_player(tmp_path, ANSWERS))
    page.evaluate("value => show(value)", _value(("result.mp4", {"fps": 10})))
    page.wait_for_function("[...document.querySelectorAll('#player video')].every(video => video.readyState === 4)")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    page.locator("button[data-view=overlay]").tap()
    expect(page.locator(".panes")).to_have_attribute("data-view", "overlay")
    page.locator(".timeline-box").scroll_into_view_if_needed()
    box = page.locator(".timeline-box").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 20)
    _time(page, "1.50 / 3.0 s")
    page.locator(".is-above .pane-box").scroll_into_view_if_needed()
    pane = page.locator(".is-above .pane-box").bounding_box()
    x, y = pane["x"] + pane["width"] / 2, pane["y"] + pane["height"] / 2
    fingers = context.new_cdp_session(page)

    def touch(kind, *apart):
        points = [{"x": x + way, "y": y, "id": place} for place, way in enumerate(apart)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", -20, 20)
    for way in (30, 40, 60):
        touch("touchMove", -way, way)
    touch("touchEnd")
    page.wait_for_function(f"{ZOOM} > 2")
    context.close()


def test_the_view_is_there_again_after_a_reload(page):
    page.click("button[data-view=wipe]")
    page.reload()
    page.evaluate("value => show(value)", _value(("result.mp4", {"fps": 10})))
    expect(page.locator("button[data-view=wipe]")).to_have_attribute("aria-pressed", "true")


def test_a_blind_vote_hides_names_and_tells_the_run_that_was_chosen(page):
    results = ("result.mp4", {"label": "Kling", "score": 90}), ("reference.mp4", {"label": "Preview", "score": 70})
    page.evaluate("value => show(value)", _value(*results))
    page.click("[data-do=blind]")
    names = page.locator("[data-pane^=result] .pane-name")
    expect(names).to_have_text(["A", "B"])
    expect(page.locator("html")).to_have_class("is-blind")
    assert page.locator(".transport-sound").inner_text().count("Kling") == 0
    page.click(".blind-choices button:nth-child(3)")  # no difference
    expect(page.locator(".blind-choices button").first).to_be_disabled()
    (told,) = [data for name, data in page.evaluate("told") if name == "vote"]
    assert (sorted(told["run_ids"]), told["preferred"]) == (["r0", "r1"], "")
    words = "Kling preferred in 7 of 9 blind votes."
    page.evaluate("words => { props.voted = { number: 1, words }; }", words)
    page.evaluate("watchers.filter(([names]) => names.includes('voted')).forEach(([, call]) => call())")
    expect(page.locator(".blind-words")).to_have_text(words)
    assert sorted(name.split(": ")[1] for name in names.all_inner_texts()) == ["Kling, match 90", "Preview, match 70"]
    page.click("[data-do=unblind]")
    expect(page.locator(".blind")).to_be_hidden()

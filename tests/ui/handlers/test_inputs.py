import asyncio
import re
from dataclasses import replace

import gradio as gr
import pytest

from kling_ui.errors import KlingUIError, MediaError, RunError
from kling_ui.options import DEFAULT_PROMPT, InputKind, Orientation, Resolution, TransferOptions
from kling_ui.runs.record import RunState
from kling_ui.ui.event_payload import DEBOUNCE_S
from kling_ui.ui.examples import EXAMPLES
from kling_ui.ui.handlers.inputs import InputHandlers

TAB = gr.Request(session_hash="tab")
CHOICE = ("video", True, "A person in a garden", False)


def _told(**data):
    return gr.EventData(None, data)


def _all(values):
    async def collect():
        return [value async for value in values]

    return asyncio.run(collect())


@pytest.fixture
def handlers(services):
    return InputHandlers(lambda: services)


@pytest.fixture
def image(services):
    return {"ref": services.signed_files.sign(services.examples / EXAMPLES[0].image), "facts": [("Size", "")]}


@pytest.fixture
def video(services):
    return {"ref": services.signed_files.sign(services.examples / EXAMPLES[0].video), "facts": [("Size", "")]}


@pytest.fixture
def slow(canned):
    """Has reading and looking take longer than what the page leaves out."""

    def slowed(answer):
        async def later(*_):
            await asyncio.sleep(1.5 * DEBOUNCE_S)
            return answer

        return later

    canned |= {name: slowed(canned[name]) for name in ("probe_image", "analyse_image")}


@pytest.mark.usefixtures("slow")
def test_an_upload_shows_itself_then_its_facts_then_what_was_found(handlers, image):
    first, second, third = _all(handlers.on_image("", _told(ref=image["ref"], seq=4), TAB))
    assert (first["busy"], first["url"].startswith("files/"), "facts" in first) == ("Reading the file", True, False)
    assert (second["busy"], bool(second["facts"])) == ("Looking for the character", True)
    assert (third["busy"], third["found"]) == ("", "No character was found.")
    assert {value["seq"] for value in (first, second, third)} == {4}


def test_what_is_known_at_once_is_shown_by_one_value(handlers, image):
    (value,) = _all(handlers.on_image("", _told(ref=image["ref"], seq=4), TAB))
    assert (value["busy"], value["found"]) == ("", "No character was found.")
    ((image, video),) = _all(handlers.on_first_inputs(None, TAB))
    assert (image["busy"], video["busy"]) == ("", "")


@pytest.mark.usefixtures("slow")
def test_a_place_that_shows_its_value_is_left_alone(handlers):
    images, videos = zip(*_all(handlers.on_first_inputs(None, TAB)), strict=True)
    assert [image["busy"] for image in images] == ["Reading the file", "Looking for the character", ""]
    assert (videos[0]["busy"], *videos[1:]) == ("", gr.skip(), gr.skip())


def test_the_words_of_an_example_do_not_stay_with_another_picture(handlers):
    dropped = [asyncio.run(handlers.on_own_picture(example.choice.prompt)) for example in EXAMPLES]
    assert dropped == [""] * len(EXAMPLES)
    assert asyncio.run(handlers.on_own_picture("My own words")) == gr.skip()


def test_an_unreadable_upload_says_why(handlers, video, canned):
    canned["probe_video"] = MediaError("it breaks off.", path=handlers._services().examples, advice="Upload it again.")
    *_, last = _all(handlers.on_video(VISITOR, _told(ref=video["ref"], seq=1), TAB))
    assert last == {"error": "It breaks off.", "advice": "Upload it again.", "seq": 1, "origin": None}


def test_an_unforeseen_error_is_said_in_plain_words(handlers, image, canned, caplog):
    canned["probe_image"] = ZeroDivisionError("secret detail")
    *_, last = _all(handlers.on_image("", _told(ref=image["ref"], seq=1), TAB))
    assert last["error"] == "Something went wrong inside the app."
    assert re.search(r"ZeroDivisionError at \S+\.py:\d+ .* < kling_ui/ui/input_session\.py", caplog.text)
    assert "secret detail" not in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("told", [{}, {"ref": "x" * 32 + "/files.key"}, {"ref": 7}, {"ref": "../ledger.sqlite"}])
def test_only_references_that_were_given_out_are_opened(handlers, told):
    (value,) = _all(handlers.on_image("", _told(**told), TAB))
    assert value["error"] == "This file is no longer kept here."


def test_a_link_is_fetched_and_remembered_as_the_origin(handlers, services, monkeypatch):
    async def fetch(_, kind, url):
        assert (kind, url) == (InputKind.IMAGE, "https://example.org/a.png")
        return services.examples / EXAMPLES[0].image

    monkeypatch.setattr(type(services), "fetch", fetch)
    *_, last = _all(handlers.on_image("", _told(url="https://example.org/a.png", seq=1), TAB))
    assert last["origin"] == "https://example.org/a.png"


@pytest.mark.usefixtures("slow")
def test_the_newest_upload_wins(handlers, image):
    async def both():
        older = handlers.on_image("", _told(ref=image["ref"], seq=1), TAB)
        await anext(older)
        newer = handlers.on_image("", _told(ref=image["ref"], seq=2), TAB)
        await anext(newer)
        return [value async for value in older], {value["seq"] async for value in newer}

    assert asyncio.run(both()) == ([], {2})


@pytest.mark.usefixtures("slow")
def test_another_tab_is_another_matter(handlers, image):
    async def both():
        older = handlers.on_image("", _told(ref=image["ref"], seq=1), TAB)
        await anext(older)
        await anext(handlers.on_image("", _told(ref=image["ref"], seq=1), gr.Request(session_hash="other")))
        return [value async for value in older]

    assert asyncio.run(both())[-1]["found"] == "No character was found."


def test_an_example_brings_its_settings(handlers):
    example = EXAMPLES[1]
    *_, (image, video, orientation, prompt) = _all(handlers.on_example(DEFAULT_PROMPT, "", _told(id=example.key), TAB))
    assert image["ref"].endswith(example.image)
    assert video["ref"].endswith(example.video)
    assert (orientation, prompt) == (example.choice.orientation.value, example.choice.prompt)


@pytest.mark.parametrize(
    ("before", "stays"),
    [
        ("", False),
        (" ", False),
        (DEFAULT_PROMPT, False),
        (EXAMPLES[0].choice.prompt, False),
        ("A knight at dusk", True),
    ],
)
def test_an_example_leaves_words_that_somebody_wrote(handlers, before, stays):
    *_, (_, _, _, prompt) = _all(handlers.on_example(before, "", _told(id=EXAMPLES[1].key), TAB))
    assert prompt == (gr.skip() if stays else EXAMPLES[1].choice.prompt)


def test_the_first_look_shows_the_first_example(handlers):
    *_, (image, video) = _all(handlers.on_first_inputs(None, TAB))
    assert image["ref"].endswith(EXAMPLES[0].image)
    assert (image["busy"], video["busy"]) == ("", "")


def _judge(handlers, image, video, *choice, engine="kling"):
    judged = asyncio.run(handlers.judge(image, video, *(choice or CHOICE), engine, TAB))
    findings, headline, *rest, run_request = judged
    return findings["findings"], headline | {"request": run_request}, *rest


def test_good_inputs_may_run(handlers, image, video):
    findings, headline, button, accepted = _judge(handlers, image, video)
    assert button["interactive"]
    assert headline["request"]["prompt"] == "A person in a garden"
    assert headline["tone"] == "warn"  # nobody is in the canned picture
    assert {finding["rule"] for finding in findings} >= {"image.character"}
    assert accepted == gr.update(visible=False, value=False)


def test_a_clip_that_is_too_long_for_the_orientation_blocks(handlers, image, video):
    findings, headline, button, _ = _judge(handlers, image, video, Orientation.IMAGE.value, True, "Outdoors", False)
    assert not button["interactive"]
    assert headline["request"] == {}
    assert findings[0]["rule"] == "video.duration"
    assert "12 s" in headline["text"]


def test_an_empty_prompt_stops_a_run_on_kling_alone(handlers, image, video):
    findings, _, button, _ = _judge(handlers, image, video, "video", True, "", False)
    assert (findings[0]["rule"], button["interactive"]) == ("prompt.required", False)
    findings, headline, button, _ = _judge(handlers, image, video, "video", True, "", True, engine="preview")
    assert button["interactive"]  # which reads no words
    assert "prompt.required" not in {finding["rule"] for finding in findings}
    assert headline["request"]["prompt"] == ""


@pytest.mark.parametrize(
    ("has_image", "has_video", "text"),
    [
        (False, True, "Add a character image."),
        (True, False, "Add a reference video."),
        (False, False, "Add a character image and a reference video."),
    ],
)
def test_a_missing_input_is_asked_for(handlers, request, has_image, has_video, text):
    image = request.getfixturevalue("image") if has_image else None
    video = request.getfixturevalue("video") if has_video else {}
    _, headline, button, _ = _judge(handlers, image, video)
    assert (headline["text"], headline["tone"], button["interactive"]) == (text, "empty", False)


def test_while_an_input_is_looked_at_nothing_runs_but_hard_limits_show(handlers, image, video):
    busy = video | {"busy": "Looking for the person"}
    findings, headline, button, _ = _judge(handlers, image, busy, "image", True, "Outdoors", False)
    assert (headline["tone"], headline["request"], button["interactive"]) == ("busy", {}, False)
    assert "video.duration" in {finding["rule"] for finding in findings}


def test_an_input_that_has_just_arrived_is_not_waited_for(handlers, image, video, canned):
    canned["probe_video"] = canned["analyse_video"] = AssertionError("asked too early")
    just_arrived = {"ref": video["ref"], "busy": "Reading the file"}
    assert _judge(handlers, image, just_arrived)[1]["tone"] == "busy"


def test_a_small_character_can_be_accepted_by_a_person(handlers, image, video, canned, small_person):
    canned["analyse_image"] = small_person
    findings, headline, button, accepted = _judge(handlers, image, video)
    assert findings[0]["rule"] == "image.coverage"
    assert (button["interactive"], accepted["visible"]) == (False, True)
    _, headline, button, accepted = _judge(handlers, image, video, *CHOICE[:3], True)
    assert (button["interactive"], accepted["visible"], headline["request"]["accepted"]) == (True, True, True)


@pytest.mark.parametrize(
    ("engine", "accepted", "may_run", "text", "stop"),
    [
        ("kling", False, True, "Will run, but the image shows no person", ""),
        (
            "preview",
            False,
            False,
            "The preview would fail: the image shows no person",
            "No person found in the picture",
        ),
        ("preview", True, True, "The preview tries it, but the image shows no person", ""),
        ("no engine", False, False, "The preview would fail:", "No person found in the picture"),
    ],
)
def test_what_the_preview_cannot_draw_stops_the_preview_alone(  # noqa: PLR0917  a row
    handlers, image, video, engine, accepted, may_run, text, stop
):
    _, headline, button, override = _judge(handlers, image, video, *CHOICE[:3], accepted, engine=engine)
    assert headline["text"].startswith(text)
    assert (headline["stop"], button["interactive"], bool(headline["request"])) == (stop, may_run, may_run)
    assert override["visible"] is (engine != "kling"), "a detector can be wrong, and the preview's is another one"


def test_the_button_names_no_stop_while_an_input_is_missing_or_looked_at(handlers, image, video):
    for inputs in ((image, None), (image, video | {"busy": "Looking for the person"})):
        assert _judge(handlers, *inputs, *CHOICE, engine="preview")[1]["stop"] == ""


def test_what_can_be_mended_is_offered(handlers, image, video, canned):
    canned["analyse_image"] = replace(canned["analyse_image"], facts=replace(canned["probe_image"], format="webp"))
    judged, headline, *_ = asyncio.run(handlers.judge(image, video, *CHOICE, "kling", TAB))
    assert judged["text"] == "Would fail: 1 finding stops the run, 1 may disappoint."
    assert judged["findings"][0]["repairs"][0]["repair"] == "image.convert"
    assert headline["more"] == "See and repair"
    assert judged["now"] == {"image": image["ref"], "video": video["ref"]}


def test_while_an_input_is_looked_at_nothing_is_offered(handlers, image, video, canned):
    canned["probe_image"] = replace(canned["probe_image"], format="webp")
    findings, *_ = _judge(handlers, image | {"busy": "Looking for the character"}, video)
    assert findings[0]["rule"] == "image.format"
    assert not any(finding["repairs"] for finding in findings)


def test_a_reload_brings_back_what_was_there(handlers, services):
    example = EXAMPLES[1]
    kept = {
        "image": {"ref": services.signed_files.sign(services.examples / example.image)},
        "video": None,
        "orientation": "image",
        "keep_sound": False,
        "prompt": "Outdoors",
    }
    *_, (image, video) = _all(handlers.on_first_inputs(kept, TAB))
    assert image["ref"].endswith(example.image)
    assert video == {}
    assert asyncio.run(handlers.on_kept_choice(kept)) == ("image", False, "Outdoors", "720p")


@pytest.mark.parametrize("kept", [None, {"image": {"ref": "gone/a.png"}}, "nonsense"])
def test_where_nothing_was_kept_the_example_is_shown(handlers, kept):
    *_, (image, _) = _all(handlers.on_first_inputs(kept, TAB))
    assert image["ref"].endswith(EXAMPLES[0].image)
    assert asyncio.run(handlers.on_kept_choice(kept)) == (gr.skip(),) * 4


def test_a_kept_file_that_breaks_gives_way_to_the_example(handlers, services, canned):
    probe = canned["probe_image"]
    broken = services.examples / EXAMPLES[1].image
    canned["probe_image"] = lambda path: probe if path != broken else _refuse()
    *_, (image, _) = _all(handlers.on_first_inputs({"image": {"ref": services.signed_files.sign(broken)}}, TAB))
    assert image["ref"].endswith(EXAMPLES[0].image)


def _refuse():
    raise KlingUIError("It broke.")


def test_the_clip_decides_the_advice(handlers, video):
    assert asyncio.run(handlers.on_advice(video, "image", TAB))["use"] == "video"
    assert asyncio.run(handlers.on_advice({}, "image", TAB)) == {}


@pytest.fixture
def past_run(services, run_of, tmp_path):
    """A run that has ended, with what stands on the page now."""
    choice = TransferOptions("A knight", Orientation.IMAGE, keep_sound=False, resolution=Resolution.P1080)
    services.runner.views = [run_of(state=RunState.COMPLETED, choice=choice)]
    return services.runner.views[0]


VISITOR = "v" * 43


def _reuse(handlers, kept, **told):
    scenes = _all(handlers.on_reuse_inputs(kept, "720p", VISITOR, _told(**told), TAB))
    return scenes, asyncio.run(handlers.on_reuse_choice(VISITOR, _told(**told), TAB))


def test_a_runs_inputs_come_back_as_copies_with_its_choice_and_a_way_back(handlers, services, image, video, past_run):
    kept = {"image": image, "video": video, "orientation": "video", "keep_sound": True, "prompt": "Before"}
    scenes, choice = _reuse(handlers, kept, run_id="r1")
    assert choice == ("image", False, "A knight", "1080p")
    *_, (last_image, last_video, player, history) = scenes
    files = [services.signed_files.open(value["ref"]) for value in (last_image, last_video)]
    assert [path.read_bytes() for path in files] == [past_run.image.read_bytes(), past_run.reference.read_bytes()]
    assert past_run.image not in files, "the run may be deleted while they stand there"
    assert (last_image["busy"], last_image["past"]) == ("", [])
    assert all(scene[2:] == (player, history) for scene in scenes), "of quick steps Gradio shows the last alone"
    assert player["used"] == {"run_id": "r1", "image": last_image["url"], "reference": last_video["url"]}

    before = history["used"]["before"]
    scenes, choice = _reuse(handlers, kept, before=before)
    assert choice == ("video", True, "Before", "720p")
    *_, (image_again, video_again, _, _) = scenes
    assert (image_again["ref"], video_again["ref"]) == (image["ref"], video["ref"])
    assert scenes[0][3]["used"].get("before") is None


@pytest.mark.usefixtures("past_run")
@pytest.mark.parametrize("kept", [None, {}, 7, {"image": {"ref": "forged"}}])
def test_there_is_no_way_back_where_nothing_stood(handlers, kept):
    scenes, _ = _reuse(handlers, kept, run_id="r1")
    assert scenes[0][3]["used"]["before"] is None


@pytest.mark.parametrize("before", [None, {}, {"image": {"ref": "forged"}}, "x", [[]]])
def test_the_inputs_of_somebody_elses_run_are_not_given(handlers, services, before):
    services.runner.refusal = RunError("This run is not known here.")
    scenes, choice = _reuse(handlers, None, run_id="r9", before=before)
    ((image, video, player, history),) = scenes
    assert [image, video, player, *choice] == [gr.skip()] * 7
    assert history["used"]["words"] == "This run is not known here."


def test_inputs_that_are_no_longer_kept_are_said(handlers, services, run_of):
    services.runner.views = [run_of(state=RunState.COMPLETED, image=None, reference=None, files_gone=True)]
    scenes, _ = _reuse(handlers, None, run_id="r1")
    assert scenes[0][3]["used"]["words"].startswith("The inputs of this run are not kept here.")


def test_what_was_repaired_goes_along_with_the_request(handlers, image, video):
    version = {"ref": image["ref"], "repairs": [["image.convert", "Convert to PNG"], ["no such repair", "x"]]}
    repaired = image | {"current": version, "past": [{"ref": image["ref"]}]}
    _, headline, *_ = _judge(handlers, repaired, video)
    assert headline["request"]["image_repairs"] == [["image.convert", "Convert to PNG"]]
    assert headline["request"]["video_repairs"] == []

import asyncio
from dataclasses import replace

import gradio as gr
import pytest

from kling_ui.corrections import JOINTS as JOINT_NAMES
from kling_ui.ui.examples import EXAMPLES
from kling_ui.ui.handlers.correction_editor import EditorHandlers
from kling_ui.ui.handlers.inputs import InputHandlers
from kling_ui.vision.editing import EditableJoint

TAB = gr.Request(session_hash="tab")


def _told(**data):
    return gr.EventData(None, data)


def _all(values):
    async def collect():
        return [value async for value in values]

    return asyncio.run(collect())


@pytest.fixture
def handlers(services):
    return EditorHandlers(lambda: services)


@pytest.fixture
def on_image(services):
    return InputHandlers(lambda: services).on_image


@pytest.fixture
def image(services):
    return {"ref": services.signed_files.sign(services.examples / EXAMPLES[0].image), "facts": [("Size", "")]}


BROWSER = "b" * 43
JOINTS = {name: {"x": 0.5, "y": 0.4, "hidden": False} for name in ("nose", "left shoulder", "right shoulder")}


def _correct(handlers, image, **told):
    told = {"ref": image["ref"], "joints": JOINTS, "mask": ""} | told
    return _all(handlers.on_correct(image, BROWSER, _told(**told), TAB))


def test_corrections_are_kept_used_and_found_again_for_their_maker_alone(handlers, on_image, image, canned):
    found, looked = canned["analyse_image"], []
    canned["analyse_image"] = lambda *given: (looked.append(given[2:]), found)[1]
    (value,) = _correct(handlers, image)
    assert value["instead_of"] == image["ref"]
    assert value["current"]["corrections"]
    assert set(looked[-1][0].joints) == set(JOINTS)
    *_, same = _all(on_image(BROWSER, _told(ref=image["ref"], seq=1), TAB))
    *_, other = _all(on_image("c" * 43, _told(ref=image["ref"], seq=1), TAB))
    assert same["current"]["corrections"] == value["current"]["corrections"]
    assert other["current"]["corrections"] is None
    (value,) = _correct(handlers, value | {"ref": image["ref"]}, joints={})
    assert value["current"]["corrections"] is None
    *_, same = _all(on_image(BROWSER, _told(ref=image["ref"], seq=1), TAB))
    assert same["current"]["corrections"] is None


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"joints": {"tail": {"x": 0, "y": 0}}}, "There is no joint 'tail'"),
        ({"joints": "x"}, "take a JSON object"),
        ({"mask": "x"}, "The mask"),
        ({"mask": "x" * 800_000}, "too large"),
        ({"ref": "y" * 32 + "/elsewhere"}, "Another picture stands here now"),
    ],
)
def test_corrections_that_cannot_be_meant_are_refused_in_the_editor(handlers, image, told, words):
    (update,) = _correct(handlers, image, **told)
    assert words in update["editor"]["error"]


def test_the_editor_is_told_every_joint_and_where_the_figure_lies(handlers, image, canned):
    wrist = EditableJoint("left wrist", 0.3, 0.6, hidden=False, placed=True)
    found = EditableJoint("left wrist", 0.2, 0.5, hidden=True, placed=False)
    canned["find_editable"] = replace(canned["find_editable"], joints=(wrist,), found=(found,))
    editor = asyncio.run(handlers.on_edit(image, TAB))["editor"]
    told = {joint["name"]: joint for joint in editor["joints"]}
    assert set(told) == set(JOINT_NAMES)
    assert told["left wrist"]["now"] == {"x": 0.3, "y": 0.6, "hidden": False, "placed": True}
    assert told["left wrist"]["found"] == {"x": 0.2, "y": 0.5, "hidden": True, "placed": False}
    assert told["nose"]["now"] is told["nose"]["found"] is None
    assert next(iter(told)) == "nose"  # the order in which an empty figure is placed: what a preview needs first
    assert list(told).index("left ear") > list(told).index("right ankle")
    assert editor["figure"].startswith("files/")
    assert editor["paint"] == ""


def test_a_picture_that_is_gone_cannot_be_corrected(handlers):
    update = asyncio.run(handlers.on_edit({"ref": "x" * 32 + "/gone.png"}, TAB))
    assert "no longer kept here" in update["editor"]["error"]

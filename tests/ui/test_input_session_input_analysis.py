import asyncio
from dataclasses import replace

import pytest

from kling_ui.checks.repair_kinds import RepairKind
from kling_ui.errors import MediaError
from kling_ui.options import InputKind
from kling_ui.ui.browser_values import InputVersion, InputVersions
from kling_ui.ui.examples import EXAMPLES
from kling_ui.ui.input_session import InputAnalysis, InputRepairs


@pytest.fixture
def input_analysis(services):
    return InputAnalysis(lambda: services)


@pytest.fixture
def repaired(services, canned):
    """A WebP picture that was made a PNG."""
    facts = canned["probe_image"]
    canned["probe_image"] = lambda path: replace(facts, format="webp" if "full" in path.name else "png")
    original, copy = (InputVersion(services.examples / example.image) for example in EXAMPLES)
    return InputVersions(original).adding(replace(copy, repairs=((RepairKind.IMAGE_CONVERT, "Convert to PNG"),)))


def _steps(input_analysis, kind, versions):
    async def collect():
        return [value async for value in input_analysis.steps(kind, versions)]

    return asyncio.run(collect())


def test_every_step_carries_the_way_back(input_analysis, repaired, services):
    steps = _steps(input_analysis, InputKind.IMAGE, repaired)
    assert [value["busy"] for value in steps] == ["Reading the file", "Looking for the character", ""]
    assert all(InputVersions.from_value(value, services.signed_files) == repaired for value in steps)


def test_with_the_facts_comes_what_the_repair_changed(input_analysis, repaired):
    first, second, third = _steps(input_analysis, InputKind.IMAGE, repaired)
    assert "repaired" not in first
    assert second["repaired"] == third["repaired"]
    assert third["repaired"]["labels"] == ("Convert to PNG",)
    assert third["repaired"]["changes"] == [("Format", "WebP", "PNG")]


def test_a_clip_shows_its_timeline_once_it_was_looked_at(input_analysis, services):
    first, second, third = _steps(
        input_analysis, InputKind.VIDEO, InputVersions(InputVersion(services.examples / EXAMPLES[0].video))
    )
    assert "timeline" not in first | second
    assert third["timeline"]["duration_s"] == 12
    assert third["timeline"]["spans"][0]["start_s"] == 0
    assert services.runner.ahead == [EXAMPLES[0].video]  # for the motion match of its result


def test_only_what_was_looked_at_is_known(input_analysis, services, canned):
    ref = services.signed_files.sign(services.examples / EXAMPLES[0].image)
    for value, known in [
        ({}, None),
        ({"ref": ref}, None),
        ({"ref": ref, "facts": [1], "busy": "Reading"}, canned["probe_image"]),
        ({"ref": ref, "facts": [1], "busy": ""}, canned["analyse_image"]),
    ]:
        assert asyncio.run(input_analysis.known(InputKind.IMAGE, value)) == known


def test_an_unreadable_file_is_an_error_after_it_was_received(input_analysis, services, canned):
    path = services.examples / EXAMPLES[0].image
    canned["probe_image"] = MediaError("it breaks off.", path=path)

    async def collect():
        steps = input_analysis.steps(InputKind.IMAGE, InputVersions(InputVersion(path)))
        assert (await anext(steps))["busy"] == "Reading the file"
        with pytest.raises(MediaError):
            await anext(steps)

    asyncio.run(collect())


def _arrival(services, kind, path):
    async def collect():
        return [value async for value in InputRepairs(lambda: services).arrive(kind, InputVersions(InputVersion(path)))]

    return asyncio.run(collect())


def test_what_cannot_be_converted_on_arrival_is_shown_as_it_is(services, canned):
    canned["probe_image"] = replace(canned["probe_image"], format="webp")
    canned["analyse_image"] = replace(canned["analyse_image"], facts=canned["probe_image"])
    canned["transform_image"] = MediaError("the disk is full.", path=services.examples)
    *steps, last = _arrival(services, InputKind.IMAGE, services.examples / EXAMPLES[0].image)
    assert "Converting the file" in [value["busy"] for value in steps]
    assert (last["busy"], "repaired" in last) == ("", False)


def test_a_clip_that_would_be_cut_as_well_is_left_for_a_person_to_decide(services, canned):
    canned["probe_video"] = replace(canned["probe_video"], format="matroska", duration_s=42.0)
    canned["analyse_video"] = replace(canned["analyse_video"], facts=canned["probe_video"])
    canned["transform_video"] = AssertionError("it would keep 30 s")
    steps = _arrival(services, InputKind.VIDEO, services.examples / EXAMPLES[0].video)
    assert [value["busy"] for value in steps] == ["Reading the file", "Looking for the person", ""]

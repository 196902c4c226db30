"""Looks that version 0.1.0 kept are taken up whole: nothing is looked at again, and nothing of them is lost.

Nearly all that a look found may be left out where there is nothing to tell. So a part that goes by another name today
is lost without a word, and the checks are silent where they spoke. Whoever renames a part raises the version of the
looks; then this module and the kept looks have done their work.
"""

import json

import numpy as np
import pytest

SEEN = [
    ("image.clear_share", 0.3, "image.format"),
    ("image.others", [[0.1, 0.1, 0.2, 0.9]], "image.people"),
    ("image.person.subject_share", 0.01, "image.coverage"),
    ("image.person.tilt_deg", 50.0, "image.posture"),
    ("image.person.covered", ["left hand"], "image.occlusion"),
    ("image.person.hidden", ["right elbow"], "image.occlusion"),
    ("image.facts.width_px", 299, "image.side"),
    ("video.notes.moments.others", [[0.1, 0.1, 0.2, 0.9]], "video.people"),
    ("video.notes.moments.covered", ["face"], "video.first_frame"),
    ("video.notes.moments.hidden", ["left elbow"], "video.person"),
    ("video.notes.moments.sharpness", 0.1, "video.speed"),
    ("video.notes.cuts.kind", "fade", "video.usable"),
    ("video.notes.camera.shift_x", 0.3, "video.camera"),
    ("video.notes.camera.shift_y", 0.3, "video.camera"),
    ("video.notes.camera.zoom", 0.3, "video.camera"),
    ("video.notes.camera.roll_rad", 0.3, "video.camera"),
    ("video.notes.pace.trunks_per_s", [5.0] * 18, "video.speed"),
    ("video.notes.seen_s", 1.0, "video.usable"),
]


@pytest.fixture
def reported(data, doors, kept):
    """Report on the inputs, by the looks as they are kept now."""
    inputs = [data / kept["references"][name].partition("/")[2] for name in ("image", "video")]
    return lambda: doors.report(data, *inputs)


def change(data, place, value):
    """Let a look have found something else."""
    kind, *way, last = place.split(".")
    (path,) = (data / "looks").glob(f"*-{kind}.json")
    look = json.loads(path.read_text("utf-8"))
    parts = [look]
    for name in way:
        inner = [part[name] for part in parts]
        parts = [one for part in inner for one in (part if isinstance(part, list) else [part])]
    for part in parts:
        assert last in part
        part[last] = value
    path.write_text(json.dumps(look), "utf-8")


def found(report):
    """Give what the checks found."""
    return {(one["rule"], one["measured"]) for part in ("image", "video") for one in report[part]["findings"]}


@pytest.mark.parametrize(("place", "value", "rule"), SEEN)
def test_what_was_seen_is_judged_again(data, reported, place, value, rule):
    before = found(reported())
    change(data, place, value)
    assert rule in {name for name, _ in found(reported()) - before}


@pytest.mark.parametrize(("fact", "value"), [("rotation_deg", 90), ("has_variable_rate", True), ("fps", 6.5)])
def test_what_the_file_says_is_told_again(data, reported, fact, value):
    change(data, f"video.facts.{fact}", value)
    assert reported()["video"]["facts"][fact] == value


def test_the_command_line_looks_at_nothing_again(typed, data, kept):
    change(data, "image.person.subject_share", 0.4321)
    (path,) = (data / "looks").glob("*-track.npz")
    with np.load(path) as track:
        arrays = dict(track)
    for name in ("landmarks", "world_m"):
        arrays[name][8] = np.nan  # in one moment nobody is there
    with path.open("wb") as file:
        np.savez(file, **arrays)
    image, video = (data / kept["references"][name].partition("/")[2] for name in ("image", "video"))
    (checked,) = typed(["check", "--image", image, "--video", video, "--json"])
    report = json.loads(checked.stdout)
    assert report["image"]["facts"]["subject_share"] == 0.4321
    assert 0.9 < report["video"]["facts"]["person_share"] < 1

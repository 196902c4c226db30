"""The routes of skeletons, cuts and strips: only by signed addresses, kept beside the result, asked for once."""

from collections import Counter
from dataclasses import replace
from urllib.parse import quote

import numpy as np
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from kling_ui.errors import WorkTimeoutError
from kling_ui.media.files import content_sha256
from kling_ui.scoring.identity import Strip, StripKind
from kling_ui.ui.web.closer_looks import add_closer_routes
from kling_ui.vision.analysis import AnalysisCache, _Kept
from kling_ui.vision.clip_measurements import Notes
from kling_ui.vision.shots import Cut, CutKind

STRIP = Strip(StripKind.FACES, (0.5,), (192, 192), 90)


@pytest.fixture
def worked():
    return Counter()


@pytest.fixture
def result(services, canned, worked):
    """The result of a run, and workers that watch clips and draw strips."""
    folder = services.signed_files.root / "runs" / "r1"
    folder.mkdir(parents=True)
    for name in ("result.mp4", "reference.mp4", "image.png"):
        (folder / name).write_bytes(name.encode())
    track = canned["analyse_video"].track
    track = replace(track, landmarks=np.asarray(track.landmarks))

    def draw(_, __, into):
        worked["draw"] += 1
        (into / "closer-faces.jpg").write_bytes(b"jpeg")
        return (STRIP,)

    canned |= {"_recall": (canned["probe_video"], "1" * 64, track), "draw_strips": draw, "face_of_character": False}
    return folder / "result.mp4"


@pytest.fixture
def client(services):
    app = FastAPI()
    app.state.services = services
    add_closer_routes(app, services.signed_files)
    with TestClient(app, base_url="http://127.0.0.1") as opened:
        yield opened


def _ref(services, path):
    return quote(services.signed_files.sign(path))


def test_a_skeleton_comes_by_the_address_of_its_clip(client, services, result):
    found = client.post(f"/skeletons/{_ref(services, result)}").json()
    assert len(found["times_s"]) == len(found["joints"]) == 10
    assert client.post("/skeletons/no-signature/runs/r1/result.mp4").status_code == 404


def test_cuts_are_those_that_the_checks_found(client, services, result):
    clip = result.parent / "reference.mp4"
    address = f"/shots/{_ref(services, clip)}"
    assert client.get(address).json() == {"cuts_s": []}
    notes = Notes(cuts=(Cut(next(iter(CutKind)), 1.9, 2.0),))
    facts = services_facts(services, clip)
    cache = AnalysisCache(services.settings.analyses_folder)
    cache.write(content_sha256(clip), "video.json", _Kept(facts, notes, ()))
    assert client.get(address).json() == {"cuts_s": [2.0]}
    assert client.get("/shots/no-signature/x.mp4").status_code == 404


def services_facts(services, clip):
    return replace(services.workers._answers["probe_video"], path=clip)


def test_strips_are_drawn_once_and_lie_beside_the_result(client, services, result, worked):
    folder = result.parent
    inputs = f"image={_ref(services, folder / 'image.png')}&reference={_ref(services, folder / 'reference.mp4')}"
    first = client.post(f"/closer/{_ref(services, result)}?{inputs}").json()
    assert first["strips"][0]["times_s"] == [0.5]
    assert first["strips"][0]["url"].endswith("/runs/r1/closer-faces.jpg")
    assert first["worst"]["moments"] == []
    assert client.post(f"/closer/{_ref(services, result)}?{inputs}").json() == first
    assert worked["draw"] == 1
    result.write_bytes(b"another result")
    client.post(f"/closer/{_ref(services, result)}")
    assert worked["draw"] == 2


def test_nothing_is_drawn_beside_what_is_no_result(client, services, result):
    upload = services.signed_files.root / "uploads" / "a" / "clip.mp4"
    upload.parent.mkdir(parents=True)
    upload.write_bytes(b"clip")
    assert client.post(f"/closer/{_ref(services, upload)}").status_code == 404
    assert client.post("/closer/no-signature/runs/r1/result.mp4").status_code == 404


def test_a_failure_is_told_in_words(client, services, result, canned):
    canned["draw_strips"] = WorkTimeoutError("It took too long.", advice="Try again.")
    assert client.post(f"/closer/{_ref(services, result)}").json() == {"words": "It took too long. Try again."}

"""What the player asks for when a person looks closer: skeletons, cuts, and strips of faces and hands."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from kling_ui.errors import KlingUIError
from kling_ui.languages import retell_all, say, told
from kling_ui.media.files import atomic_file, content_sha256
from kling_ui.options import Orientation
from kling_ui.presentation.result_sentences import (
    CHARACTER_UNSEEN,
    WORST_NAME,
    limb_words,
    no_strip_words,
    strip_name,
    worst_words,
)
from kling_ui.presentation.runs import in_words
from kling_ui.scoring.compare import track_in_workers
from kling_ui.scoring.identity import StripKind, draw_strips, face_of_character, strip_place, worst_moments
from kling_ui.ui.services import Services
from kling_ui.ui.web.signed_files import SignedFiles
from kling_ui.vision.analysis import kept_notes
from kling_ui.vision.pose import KEYPOINTS, VISIBLE_MIN, Landmark, PoseTrack

# As ``assets/ui/skeletons.js`` joins them: nose, then left and right of shoulders to ankles, fingers and toes.
JOINTS = [
    *KEYPOINTS,
    Landmark.LEFT_INDEX,
    Landmark.RIGHT_INDEX,
    Landmark.LEFT_FOOT_INDEX,
    Landmark.RIGHT_FOOT_INDEX,
]
NOBODY = told("nobody could be made out.")
_THOUSANDTHS = 1000

WATCH_LIMIT_S = 180.0  # as for a motion match
DRAW_LIMIT_S = 60.0
KEPT_AS = "closer-1.json"  # beside the result; the number rises with what is drawn
NO_STORE = {"Cache-Control": "no-store"}

log = logging.getLogger(__name__)
Look = Callable[[], Coroutine[Any, Any, dict[str, Any]]]


class LooksUnderWay:
    """Shares work that several ask for at the same time, so that a clip is watched once."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[str, Path], asyncio.Task[dict[str, Any]]] = {}

    async def share(self, what: str, path: Path, look: Look) -> dict[str, Any]:
        """Wait for what is being done about a file, or begin it; it goes on when the one who asked has left.

        Args:
            what: Kind of the work.
            path: The file.
            look: Does the work.

        Raises:
            KlingUIError: The work failed.
        """
        key = what, path
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(look())
            self._tasks[key].add_done_callback(lambda _: self._tasks.pop(key, None))
        return await asyncio.shield(self._tasks[key])


def add_closer_routes(app: FastAPI, signed_files: SignedFiles) -> None:
    """Add the routes; each is reached with the signed address of a clip only.

    Args:
        app: The application, whose services do the work.
        signed_files: Opens files.
    """
    under_way = LooksUnderWay()

    def services_of(request: Request) -> Services:
        return app.state.services.for_scope(request.scope)

    @app.post("/skeletons/{ref:path}")
    async def skeletons(ref: str, request: Request) -> Response:
        path = signed_files.open(ref)
        if path is None:
            return PlainTextResponse("Not found", 404)
        services = services_of(request)
        return await _answer(under_way.share("skeleton", path, lambda: _skeleton(services, path)))

    @app.get("/shots/{ref:path}")
    async def shots(ref: str) -> Response:
        path = signed_files.open(ref)
        if path is None:
            return PlainTextResponse("Not found", 404)
        return await _answer(_cuts(path, app.state.services.settings.analyses_folder))

    @app.post("/closer/{ref:path}")
    async def closer(
        ref: str, request: Request, image: str = "", reference: str = "", orientation: str = ""
    ) -> Response:
        result = signed_files.open(ref)
        if result is None or not _may_lie_beside(result, signed_files.root):
            return PlainTextResponse("Not found", 404)
        services, inputs = services_of(request), (signed_files.open(image), signed_files.open(reference))
        facing = Orientation.IMAGE if orientation == Orientation.IMAGE.value else Orientation.VIDEO
        look = under_way.share("closer", result, lambda: _look(services, result, *inputs, facing))
        return await _answer(look, lambda found: closer_value(signed_files, result.parent, found))


def _may_lie_beside(result: Path, root: Path) -> bool:
    """Whether strips may be written beside a result: among runs, which are removed with all that lies there."""
    return any(result.is_relative_to(root / folder) for folder in ("runs", "examples"))


async def _answer(
    work: Coroutine[Any, Any, dict[str, Any]], show: Callable[[dict[str, Any]], dict[str, Any]] = lambda found: found
) -> Response:
    try:
        return JSONResponse(retell_all(show(await work)), headers=NO_STORE)
    except KlingUIError as error:
        return JSONResponse({"words": str(in_words(error))}, headers=NO_STORE)
    except Exception:
        log.exception("A clip could not be looked at more closely.")
        return JSONResponse({"words": say("It could not be read here.")}, headers=NO_STORE)


async def _cuts(clip: Path, looks: Path) -> dict[str, Any]:
    notes = await asyncio.to_thread(kept_notes, clip, looks)
    return {"cuts_s": [round(cut.first_s, 4) for cut in notes.cuts] if notes else []}


async def _skeleton(services: Services, clip: Path) -> dict[str, Any]:
    folder = services.settings.analyses_folder
    watched = await track_in_workers(services.workers, clip, folder=folder, timeout_s=WATCH_LIMIT_S)
    return await asyncio.to_thread(skeleton_value, watched.track)


async def _look(
    services: Services, result: Path, image: Path | None, reference: Path | None, orientation: Orientation
) -> dict[str, Any]:
    """Draw what is shown of a result, or recall what was drawn."""
    folder, looks = result.parent, services.settings.analyses_folder
    kept = await asyncio.to_thread(_recall, folder, result)
    if kept is not None:
        return kept
    watch = partial(track_in_workers, services.workers, folder=looks, timeout_s=WATCH_LIMIT_S)
    given = await watch(result)
    strips = await services.workers.run(draw_strips, result, given.track, folder, timeout_s=DRAW_LIMIT_S)
    has_face = image is not None and await services.workers.run(
        face_of_character, image, looks, folder, timeout_s=DRAW_LIMIT_S
    )
    worst = None
    if reference is not None:
        wanted = await watch(reference)
        worst = await asyncio.to_thread(worst_moments, wanted.track, given.track, orientation)
    found = {
        "sha256": await asyncio.to_thread(content_sha256, result),
        "strips": [asdict(strip) for strip in strips],
        "has_character_face": has_face,
        "worst": None if worst is None else [asdict(moment) for moment in worst],
    }
    await asyncio.to_thread(_keep, folder, found)
    return found


def _recall(folder: Path, result: Path) -> dict[str, Any] | None:
    try:
        kept = json.loads((folder / KEPT_AS).read_bytes())
        return kept if kept["sha256"] == content_sha256(result) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(folder: Path, found: dict[str, Any]) -> None:
    with atomic_file(folder / KEPT_AS) as part:
        part.write_text(json.dumps(found), "utf-8")


def skeleton_value(track: PoseTrack) -> dict[str, Any]:
    """Show a clip's skeleton, small enough to be sent: :data:`JOINTS` in thousandths of width and height.

    Args:
        track: Its poses; frames with nobody are left out, joints that are hidden are ``None``.
    """
    rows = track.found
    landmarks = track.landmarks[rows][:, JOINTS]
    places = np.rint(landmarks[..., :2] * _THOUSANDTHS).clip(-_THOUSANDTHS, 2 * _THOUSANDTHS)
    is_seen = landmarks[..., 3] >= VISIBLE_MIN
    joints = [
        [[int(x), int(y)] if seen else None for (x, y), seen in zip(frame, shown, strict=True)]
        for frame, shown in zip(places, is_seen, strict=True)
    ]
    times_s = [round(float(time_s), 3) for time_s in track.times_s[rows]]
    return {"times_s": times_s, "joints": joints} if times_s else {"words": NOBODY}


def closer_value(signed_files: SignedFiles, folder: Path, found: Mapping[str, Any]) -> dict[str, Any]:
    """Show the strips that were drawn of a result, and its worst moments.

    Args:
        signed_files: Signs what is shown.
        folder: Where the strips lie.
        found: What was kept: ``strips``, ``has_character_face`` and ``worst``.
    """
    strips = [_strip_value(signed_files, folder, strip) for strip in found["strips"]]
    faces = next(strip for strip in strips if strip["kind"] == StripKind.FACES)
    if found["has_character_face"]:
        faces["beside"] = signed_files.url(strip_place(folder, "character"))
    elif faces["times_s"]:
        faces["words"] = CHARACTER_UNSEEN
    return {"strips": strips, "worst": None if found["worst"] is None else _worst_value(found["worst"])}


def _strip_value(signed_files: SignedFiles, folder: Path, strip: Mapping[str, Any]) -> dict[str, Any]:
    kind, times_s = StripKind(strip["kind"]), strip["times_s"]
    return {
        "kind": kind.value,
        "name": strip_name(kind),
        "url": signed_files.url(strip_place(folder, kind)) if times_s else "",
        "times_s": times_s,
        "tile_px": strip["tile_px"],
        "words": "" if times_s else no_strip_words(kind, strip["largest_px"]),
    }


def _worst_value(worst: list[Mapping[str, Any]]) -> dict[str, Any]:
    moments = [{"at_s": one["at_s"], "words": limb_words(one["limb"], one["error_deg"])} for one in worst]
    return {"name": WORST_NAME, "moments": moments, "words": worst_words(len(moments))}

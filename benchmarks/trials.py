"""Trials of what could be left out or bought instead: ``make bench ARGS="trials --inpainting"`` for one of them.

    inpainting     the background's and the cloth's own continuation against OpenCV's, where the truth is known
    cuts           the own search for cuts against PySceneDetect's, on the labelled clips and on joined real ones
    leave-one-out  each refinement of the rig switched off once, against drawn and filmed truth

Errors are mean CIE76 distances. Real media are taken from ``../shared/media``, where that folder is there; without it
the tables are those of the drawn media. Pictures of what a refinement changes most come into ``build/trials``.
"""

import argparse
import importlib
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from unittest.mock import patch

import cv2
import numpy as np

from kling_ui.media.colour import to_rgb
from kling_ui.media.probe import probe_video
from kling_ui.options import Orientation
from kling_ui.puppet import puppet as puppets
from kling_ui.puppet.rig import character as characters
from kling_ui.puppet.rig import hidden_parts, inpainting, layers, segmentation
from kling_ui.puppet.skeleton import BONES, Part
from kling_ui.scoring.motion import motion_match
from kling_ui.vision.clip_measurements import measure_clip

if TYPE_CHECKING:
    from benchmarks._trial_media import Play

IS_LONG = True
ROOT = Path(__file__).resolve().parents[1]
REAL, BUILD, ASSETS = ROOT.parent / "shared" / "media", ROOT / "build" / "trials", ROOT / "assets"
SAME, LITTLE = 3, 2e-4  # of 8 bits: less is no change; of the pixels: fewer are none
EVEN = 0.02  # of an error: less is neither better nor worse
UNKNOWN = (np.nan,) * 4
BESIDE_S = 0.25  # how far off a cut may be told
Span = tuple[float, float]
Change = tuple[object, str, Callable]  # where, what, and the plain thing instead
Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]


def main(*options: str) -> None:
    """Print the chosen tables, or all."""
    parser = argparse.ArgumentParser(prog="benchmarks trials", description=__doc__)
    parser.add_argument("--media", type=Path, default=REAL, help="real pictures and clips")
    for name in TRIALS:
        parser.add_argument(f"--{name}", action="store_true")
    asked = vars(parser.parse_args(options))
    chosen = [name for name in TRIALS if asked[name.replace("-", "_")]]
    for name in chosen or TRIALS:
        print(f"\n-- {name}", flush=True)
        TRIALS[name](asked["media"])


def _given() -> ModuleType:
    return importlib.import_module("benchmarks._trial_media")


def apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """``(height, width)``: distances of colours."""
    one, other = (cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) for rgb in (one, other))
    return np.linalg.norm(one - other, axis=-1)


def ssim(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """``(height, width)``: structural similarity of the light."""
    a, b = (cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32) for rgb in (one, other))
    ma, mb, aa, bb, ab = (cv2.GaussianBlur(v, (0, 0), 1.5) for v in (a, b, a * a, b * b, a * b))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    spread = (aa - ma * ma) + (bb - mb * mb) + c2
    return (2 * ma * mb + c1) * (2 * (ab - ma * mb) + c2) / ((ma * ma + mb * mb + c1) * spread)


def seam(filled: np.ndarray, true: np.ndarray, hole: np.ndarray) -> float:
    """Error of the slopes of light on a hole's border, grey levels a px."""
    rim = cv2.morphologyEx(hole.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0
    light = [cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32) for rgb in (filled, true)]
    slopes = [np.stack([cv2.Sobel(v, -1, *way, scale=1 / 8) for way in ((1, 0), (0, 1))]) for v in light]
    return float(np.hypot(*(slopes[0] - slopes[1]))[rim].mean())


def xphoto(kind: int, there: int, back: int) -> Fill:
    """One of OpenCV's, in the colours that it wants."""

    def fill(rgb: np.ndarray, known: np.ndarray) -> np.ndarray:
        source, valid = cv2.cvtColor(rgb, there), (known >= 1).astype(np.uint8) * 255
        out = np.zeros_like(source)
        cv2.xphoto.inpaint(source, valid, out, kind)
        return np.where(known[..., None] >= 1, rgb, cv2.cvtColor(out, back))

    return fill


OTHERS: dict[str, Fill] = {
    "push_pull": inpainting.push_pull,
    "cv2 Telea": lambda rgb, known: cv2.inpaint(rgb, (known < 1).astype(np.uint8), 5, cv2.INPAINT_TELEA),
    "cv2 Navier-Stokes": lambda rgb, known: cv2.inpaint(rgb, (known < 1).astype(np.uint8), 5, cv2.INPAINT_NS),
    "xphoto SHIFTMAP": xphoto(cv2.xphoto.INPAINT_SHIFTMAP, cv2.COLOR_RGB2LAB, cv2.COLOR_LAB2RGB),
    "xphoto FSR_FAST": xphoto(cv2.xphoto.INPAINT_FSR_FAST, cv2.COLOR_RGB2BGR, cv2.COLOR_BGR2RGB),
}


def try_inpainting(media: Path) -> None:
    """Fill holes behind people, and under an arm that is laid over known cloth."""
    given = _given()
    with tempfile.TemporaryDirectory() as folder:
        pictures = list(given.stills(Path(folder), media))
    drawn = [(c.rgb, layers.known_background(c), empty) for c, empty in pictures if empty is not None]
    filmed = [hole for c, empty in pictures if empty is None for hole in given.silhouettes(c)]
    cloth = [strip for c, _ in pictures for strip in given.strips(c)]
    backdrop = {"fill_in (own)": inpainting.fill_in} | OTHERS
    mirror = {"mirrored (own)": lambda rgb, known: inpainting.mirrored(rgb, known > 0, known < 1)} | OTHERS
    _fill_all("drawn background behind the figure", drawn, backdrop)
    _fill_all("real background under a shifted silhouette", filmed, backdrop)
    _fill_all("cloth under an arm", cloth, mirror)


def _fill_all(title: str, holes: Sequence[tuple[np.ndarray, ...]], fills: dict[str, Fill]) -> None:
    print(f"{title}, n = {len(holes)}\n  {'':20} error   SSIM   PSNR   seam  best of      s", flush=True)
    rows = {name: np.array([_filled(fill, *hole) for hole in holes]) for name, fill in fills.items()}
    best = np.argmin([row[:, 0] for row in rows.values()], axis=0) if holes else []
    for place, (name, row) in enumerate(rows.items()):
        if holes:
            error, alike, psnr, rim, spent_s = row.mean(axis=0)
            wins = int(np.sum(best == place))
            print(f"  {name:20} {error:5.2f}  {alike:5.3f}  {psnr:5.2f}  {rim:5.2f}  {wins:7}  {spent_s:6.3f}")


def _filled(fill: Fill, rgb: np.ndarray, known: np.ndarray, true: np.ndarray, *judged: np.ndarray) -> tuple[float, ...]:
    hole = known < 1
    hole &= judged[0] if judged else True
    spoilt = np.where(known[..., None] >= 1, rgb, 0).astype(np.uint8)
    started = time.perf_counter()
    filled = fill(spoilt, known.astype(np.float32))
    spent_s = time.perf_counter() - started
    psnr = 10 * np.log10(255**2 / max(np.square(filled[hole].astype(float) - true[hole]).mean(), 1e-3))
    errors = (float(how(filled, true)[hole].mean()) for how in (apart, ssim))
    return *errors, float(psnr), seam(filled, true, hole), spent_s


def try_cuts(media: Path) -> None:
    """Look for cuts in every labelled clip with each detector."""
    given, detectors = _given(), {"own": _own_cuts} | _scenedetect()
    told: dict[str, list[tuple[str, int, int, int, float]]] = {name: [] for name in detectors}
    with tempfile.TemporaryDirectory() as name:
        folder, path = Path(name), Path(name) / "clip.mp4"
        for title, reel, cuts in given.clips(folder, media):
            given.save_reel(reel, path, given.MP4)
            for detector, find in detectors.items():
                started = time.perf_counter()
                counts = _counted(find(path), cuts)
                told[detector].append((title, *counts, time.perf_counter() - started))
    print(f"{len(told['own'])} clips\n  {'':30} hits  missed  false  precision  recall  s a clip")
    for detector, rows in told.items():
        hits, missed, wrong, spent_s = np.array([row[1:] for row in rows]).sum(axis=0)
        precision, recall = hits / max(hits + wrong, 1), hits / max(hits + missed, 1)
        counts = f"{hits:4.0f}  {missed:6.0f}  {wrong:5.0f}  {precision:9.2f}  {recall:6.2f}"
        print(f"  {detector:30} {counts}  {spent_s / len(rows):8.2f}")
        for what, place in (("missed", 2), ("false", 3)):
            print(f"    {what}:", ", ".join(row[0] for row in rows if row[place]) or "none")


def _own_cuts(path: Path) -> list[Span]:
    return [(cut.last_s, cut.first_s) for cut in measure_clip(probe_video(path)).notes.cuts]


def _scenedetect() -> dict[str, Callable[[Path], list[Span]]]:
    try:
        import scenedetect as found  # noqa: PLC0415  # ty: ignore[import-not-found]  optional
    except ImportError:
        print("PySceneDetect is missing: uv pip install --no-deps scenedetect")  # the OpenCV that is there will do
        return {}

    def find(path: Path, detectors: tuple[type, ...], **options: float) -> list[Span]:
        scenes = [found.detect(str(path), detector(**options))[1:] for detector in detectors]
        return [(start.get_seconds(),) * 2 for one in scenes for start, _ in one]

    content, adaptive, fades = found.ContentDetector, found.AdaptiveDetector, found.ThresholdDetector
    short = {"min_scene_len": 4}  # frames; 15, as it comes, is more than a second of these clips, and finds the same
    return {
        "ContentDetector": partial(find, detectors=(content,), **short),
        "AdaptiveDetector": partial(find, detectors=(adaptive,), **short),
        "ContentDetector at 15": partial(find, detectors=(content,), threshold=15.0, **short),
        "AdaptiveDetector at 1.5": partial(
            find, detectors=(adaptive,), adaptive_threshold=1.5, min_content_val=8.0, **short
        ),
        "Content + Threshold": partial(find, detectors=(content, fades), **short),
    }


def _counted(found: Sequence[Span], cuts: Sequence[Span]) -> tuple[int, int, int]:
    def meets(one: Span, cut: Span) -> bool:
        return one[0] <= cut[1] + BESIDE_S and one[1] >= cut[0] - BESIDE_S

    hits = sum(any(meets(one, cut) for one in found) for cut in cuts)
    return hits, len(cuts) - hits, sum(not any(meets(one, cut) for cut in cuts) for one in found)


def _plain_hip(window: characters.Window, part: Part) -> np.ndarray:
    bone = BONES[part]
    return layers._disc(window, part, bone.start) * (window.labels == bone.parent)


OFF: dict[str, list[Change]] = {
    "hands": [(segmentation, "tell_fingers", lambda arm, *_: arm)],
    "palms in the matte": [(characters, "_palms", lambda *_: ())],
    "shadows": [(layers, "under_shoes", lambda c: np.full(c.size[::-1], -1, np.int8))],
    "shadows but erased": [(puppets, "shoe_shadows", lambda *_: {})],
    "mirror": [(hidden_parts, "mirrored", lambda rgb, known, _: inpainting.surround(rgb, known))],
    "mirror and marks": [
        (hidden_parts, "mirrored", lambda rgb, known, _: inpainting.surround(rgb, known)),
        (hidden_parts, "without_marks", lambda rgb, _: rgb),
    ],
    "hips": [(layers, "thigh_top", _plain_hip)],
    "continuation": [(layers, "fill_in", inpainting.push_pull)],
}


def try_leaving_out(media: Path) -> None:
    """Play every character with all refinements, and without each of them."""
    given = _given()
    BUILD.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in ("all on", *OFF)}
    with tempfile.TemporaryDirectory() as folder:
        for play in chain(given.drawn_plays(Path(folder)), given.real_plays(Path(folder), media)):
            usual = _played(given, play, [])
            rows["all on"].append((0.0, *UNKNOWN, *usual[1]))
            for name, changes in OFF.items():
                other = _played(given, play, changes)
                compared = _against(f"{name}-{play.name}", usual[0], other[0], play.true)
                rows[name].append((*compared, *other[1]))
            for name, row in rows.items():
                print(f"  {play.name:32} {name:20}", *(f"{value:8.4f}" for value in row[-1]), flush=True)
    head = "better  even  worse |  error on, off    SSIM on, off  |   score    limbs   PCK@20  PCK@0.2 | cutting"
    print(f"{'':20} {'changes':21} {head}")
    for name, row in rows.items():
        _tell(name, np.array(row), np.array(rows["all on"]))


def _tell(name: str, row: np.ndarray, usual: np.ndarray) -> None:
    changed = row[:, 0] > LITTLE
    known = changed & np.isfinite(row[:, 1])
    gain = row[known, 2] / row[known, 1] - 1
    wins, losses = int((gain > EVEN).sum()), int((gain < -EVEN).sum())
    even = len(gain) - wins - losses
    counts = f"{changed.sum():3} of {len(row):2}, {known.sum():2} known  {wins:6} {even:5} {losses:6}"
    errors = " ".join(f"{value:7.3f}" for value in row[known, 1:5].mean(axis=0)) if known.any() else f"{'-':>31}"
    costs = row if name == "all on" else row - usual
    judged = np.isfinite(costs[:, 5:]).all(axis=1) & (changed | (name == "all on"))
    match = " ".join(f"{value:8.4f}" for value in costs[judged, 5:9].mean(axis=0)) if judged.any() else f"{'-':>35}"
    print(f"{name:20} {counts} | {errors} | {match} | {np.median(costs[:, 9]):+.3f} s")


def _played(given: ModuleType, play: "Play", changes: Sequence[Change]) -> tuple[list[np.ndarray], list[float]]:
    with ExitStack() as stack:
        for change in changes:
            stack.enter_context(patch.object(*change))
        character = given.character_of(play.image, given.LONG_PX)
        started = time.perf_counter()
        puppet = puppets.Puppet(character)
        spent_s = time.perf_counter() - started
        frames = [to_rgb(puppet.draw(pose)) for pose in play.pose(character, puppet.parts)]
    match = motion_match(play.wanted, given.track_frames(frames, play.wanted.times_s), orientation=Orientation.VIDEO)
    shares = match.score, match.limb_error_deg, match.pck_20deg_share, match.pck_shoulder_share
    return frames, [*(np.nan if v is None else v for v in shares), spent_s]


def _against(name: str, usual: list[np.ndarray], other: list[np.ndarray], true: list[np.ndarray]) -> tuple[float, ...]:
    """How much of the pixels changes; of these the error and SSIM with and without."""
    masks = [np.abs(a.astype(int) - b).max(axis=-1) > SAME for a, b in zip(usual, other, strict=True)]
    most = int(np.argmax([mask.sum() for mask in masks]))
    if masks[most].any():
        shown = usual[most], other[most], *true[most : most + 1], cv2.merge([masks[most] * np.uint8(255)] * 3)
        cv2.imwrite(str(BUILD / f"{name}.png"), np.hstack(shown)[::2, ::2, ::-1])
    changed = float(np.mean(masks))
    if not true or changed <= LITTLE:
        return changed, *UNKNOWN
    count = sum(mask.sum() for mask in masks)
    pairs = [(how, frames) for how in (apart, ssim) for frames in (usual, other)]
    return changed, *(
        sum(float(how(f, t)[m].sum()) for f, t, m in zip(frames, true, masks, strict=True)) / count
        for how, frames in pairs
    )


TRIALS = {"inpainting": try_inpainting, "cuts": try_cuts, "leave-one-out": try_leaving_out}

"""Characters that are hard to cut out, measured without eyes; or a contact sheet of a folder's characters and clips.

    make bench ARGS=gallery                  draw the gallery's cast, let it dance, and measure every character
    make bench ARGS="gallery --only held"    only those whose name or kind holds a word
    make bench ARGS="gallery DIR"            render DIR's pictures with DIR's clips into one sheet

For each drawn character, of which the true outline is known, over the frames of a dance and of single limbs that swing:

    pieces  detached pieces of the figure a frame, beyond those that its own picture has
    lost    of the true outline, with all that is worn and held, at the picture's own stance: what the layers lack
    gained  likewise: what they show besides
    swing   how much area the figure loses or gains (the mean size of it) when one limb alone turns away from the body
    holes   of the figure's area, small holes in it that its own picture has not
    ghosts  of the true outline's area: what of the figure is still to be seen in the background without it

Sheets are written into ``build/gallery``: the picture, its frames at even moments, the figures below.
"""

import argparse
import importlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from kling_ui.media.colour import to_rgb
from kling_ui.media.probe import probe_video
from kling_ui.media.video import read_frames
from kling_ui.options import Orientation, Resolution
from kling_ui.puppet.motion.frame_pose import FramePose
from kling_ui.puppet.motion.pose_stream import PoseStream
from kling_ui.puppet.motion.retarget import Retargeter, opening_frames
from kling_ui.puppet.puppet import Puppet
from kling_ui.puppet.rig.character import Character, find_character
from kling_ui.puppet.rig.layers import backdrop
from kling_ui.puppet.skeleton import BONES, Part
from kling_ui.vision.pose import TRACK_LONG_SIDE_PX, find_poses, track_of

if TYPE_CHECKING:
    from benchmarks._gallery_cast import Drawn

IS_LONG = True
ROOT = Path(__file__).resolve().parents[1]
ASSETS, BUILD = ROOT / "assets", ROOT / "build" / "gallery"
DANCE = ASSETS / "examples" / "dance-full-body.mp4"
EVERY = 6  # of the dance's frames one is drawn
SOLID = 128  # of 255, from which on a pixel is the figure's
CRUMB_M = 0.008  # a side of the smallest piece and the smallest hole that count
SMALL_HOLE_M = 0.05  # a side of the largest hole that is a tear and not the space between two limbs
SWING = np.radians(35)
ALIKE, UNLIKE = 14, 36  # of 8 bits: a background that is still the picture's, and that is not the true one
EDGE_M = 0.012  # around the true outline, which is the figure's soft edge
TILE_PX, MOMENTS, COLUMNS = 260, 5, 3


@dataclass(frozen=True, slots=True)
class Marks:
    """What was measured of one character; see the module.

    Attributes:
        pieces: A frame.
        lost_share: Of the true outline's area; likewise all that follow.
        gained_share: See above.
        swing_share: See above.
        holes_share: See above.
        ghosts_share: See above.
    """

    pieces: float
    lost_share: float
    gained_share: float
    swing_share: float
    holes_share: float
    ghosts_share: float

    def __str__(self) -> str:
        shares = " ".join(f"{100 * value:7.2f}" for value in astuple(self)[1:])
        return f"{self.pieces:7.2f} {shares}"


HEAD = " pieces    lost  gained   swing   holes  ghosts"


def main(*options: str) -> None:
    """Measure the drawn cast, or write the sheet of a folder."""
    parser = argparse.ArgumentParser(prog="benchmarks gallery", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="pictures and clips for a sheet")
    parser.add_argument("--only", default="", help="a word in the names or the kinds that are measured")
    parser.add_argument("--out", type=Path, default=BUILD, help="where sheets are written")
    asked = parser.parse_args(options)
    asked.out.mkdir(parents=True, exist_ok=True)
    if asked.folder is not None:
        if not asked.folder.is_dir():
            parser.error(f"{asked.folder} is no folder")
        _write_sheet_of(asked.folder, asked.out / f"{asked.folder.resolve().name}.png")
        return
    _measure_all(asked.only, asked.out)


def _write_sheet_of(folder: Path, out: Path) -> None:
    from kling_ui.sheets import sheet  # noqa: PLC0415

    files = sorted(folder.iterdir())
    images = [path for path in files if path.suffix.lower() in {".png", ".jpg", ".jpeg", ".webp"}]
    videos = [path for path in files if path.suffix.lower() in {".mp4", ".mov", ".webm"}]
    made = sheet(images, videos, out=out, on_progress=lambda news: print(news.words, flush=True))
    print(f"{made.path}: {sum(cell.is_done for cell in made.cells)} of {len(made.cells)} previews")


def _measure_all(only: str, out: Path) -> None:
    cast = importlib.import_module("benchmarks._gallery_cast")
    stream = _dance()
    rows: dict[str, list[Marks]] = {}
    cells = []
    print(f"{'':34}{HEAD}   (all but pieces in % of the figure)", flush=True)
    with tempfile.TemporaryDirectory() as name:
        for model in cast.models():
            if only and only not in model.name and only not in model.kind:
                continue
            drawn = cast.draw_model(model)
            path = Path(name) / f"{model.name}.png"
            cv2.imwrite(str(path), drawn.rgb[..., ::-1])
            started = time.process_time()
            character = find_character(path, sides_px=Resolution.P720.sides_px)
            puppet = Puppet(character)
            cut_s = time.process_time() - started
            poses = _dancing(character, puppet, stream)
            marks = _marks(character, puppet, _as_large(drawn, character), poses)
            rows.setdefault(model.kind, []).append(marks)
            print(f"{model.kind:20} {model.name:20} {marks} {cut_s:6.2f} s", flush=True)
            shown = [poses[round((i + 0.5) * len(poses) / MOMENTS)] for i in range(MOMENTS)]
            frames = [character.rgb, *(to_rgb(puppet.draw(pose)) for pose in shown)]
            cells.append(_cell(frames, f"{model.name}  {marks}"))
    for kind, of_kind in rows.items():
        print(f"{kind:41} {_mean(of_kind)}  mean of {len(of_kind)}")
    print(f"{'all':41} {_mean([marks for of_kind in rows.values() for marks in of_kind])}")
    for number in range(0, len(cells), 4 * COLUMNS):
        _write(out / f"cast-{number // (4 * COLUMNS) + 1}.png", cells[number : number + 4 * COLUMNS])
    print(f"sheets in {out}")


def _mean(rows: Sequence[Marks]) -> Marks:
    return Marks(*np.mean([astuple(row) for row in rows], axis=0).tolist())


def _dance() -> PoseStream:
    """The example's motion, read once."""
    facts = probe_video(DANCE)
    track = track_of(find_poses(read_frames(DANCE, container=facts.format, long_side_px=TRACK_LONG_SIDE_PX)))
    return PoseStream.of(track, facts.fps)


def _dancing(character: Character, puppet: Puppet, stream: PoseStream) -> list[FramePose]:
    count, opening = len(stream.times_s), opening_frames(stream.fps)
    retargeter = Retargeter(
        character,
        puppet.parts,
        Orientation.VIDEO,
        stream.perform(0, min(opening, count)),
        held=puppet.held,
        outlines=puppet.outlines,
    )
    motion = retargeter.move(stream.perform(0, count))
    return [FramePose.of(motion, index) for index in range(0, count, EVERY)]


def _marks(character: Character, puppet: Puppet, drawn: "Drawn", poses: list[FramePose]) -> Marks:
    height = character.size[1]
    side_px = max(2.0, CRUMB_M * character.px_per_m)
    true = drawn.alpha > 0.5
    own_pieces = _pieces(true, side_px**2)
    rest = puppet.coverage(FramePose.at_rest(character.joints))[:height] >= SOLID
    area = max(float(true.sum()), 1.0)
    edge = np.ones((2 * max(1, round(EDGE_M * character.px_per_m)) + 1,) * 2, np.uint8)
    grown = cv2.dilate(true.astype(np.uint8), edge) > 0
    shrunk = cv2.erode(true.astype(np.uint8), edge, borderValue=(1,)) > 0
    own_holes = _holes(true, character.px_per_m)
    covers = [(puppet.coverage(pose) >= SOLID, pose.scale) for pose in poses]  # and what a metre is there
    holes = [max(0.0, _holes(cover, character.px_per_m * scale) - own_holes) for cover, scale in covers]
    pieces = [max(0, _pieces(cover, (side_px * scale) ** 2) - own_pieces) for cover, scale in covers]
    swung = [
        abs(float((puppet.coverage(pose) >= SOLID).sum()) / max(rest.sum(), 1) - 1)
        for pose in _swings(character, puppet)
    ]
    bare = backdrop(character).astype(int)
    shown, empty = drawn.rgb.astype(int), drawn.empty.astype(int)
    kept = (np.abs(bare - shown).max(axis=-1) < ALIKE) & (np.abs(bare - empty).max(axis=-1) > UNLIKE)
    return Marks(
        float(np.mean(pieces)),
        float((shrunk & ~rest).sum()) / area,
        float((rest & ~grown).sum()) / area,
        float(np.mean(swung)) if swung else 0.0,
        float(np.mean(holes)) / area,
        float((kept & true).sum()) / area,
    )


def _as_large(drawn: "Drawn", character: Character) -> "Drawn":
    """The truth in the size of the picture that the rig works on."""
    rgb, alpha, empty = (
        cv2.resize(values, character.size, interpolation=cv2.INTER_LINEAR)
        for values in (drawn.rgb, drawn.alpha, drawn.empty)
    )
    return replace(drawn, rgb=character.rgb if rgb.shape == character.rgb.shape else rgb, alpha=alpha, empty=empty)


def _pieces(figure: np.ndarray, least_area: float) -> int:
    _, _, stats, _ = cv2.connectedComponentsWithStats(figure.astype(np.uint8))
    return int((stats[1:, cv2.CC_STAT_AREA] >= least_area).sum())


def _holes(figure: np.ndarray, px_per_m: float) -> float:
    """The area, px, of small holes in the figure."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(
        np.pad(~figure, 1, constant_values=True).astype(np.uint8), connectivity=4
    )
    areas = stats[1:, cv2.CC_STAT_AREA]
    small = (areas >= (CRUMB_M * px_per_m) ** 2 / 2) & (areas <= (SMALL_HOLE_M * px_per_m) ** 2)
    return float(areas[small].sum())


def _swings(character: Character, puppet: Puppet) -> Iterator[FramePose]:
    """The picture's stance with one limb after the other turned away from the body."""
    for part, sign in (
        (Part.LEFT_UPPER_ARM, -1),
        (Part.RIGHT_UPPER_ARM, 1),
        (Part.LEFT_THIGH, -1),
        (Part.RIGHT_THIGH, 1),
    ):
        if part not in puppet.parts:
            continue
        bone = BONES[part]
        child = next(p for p, b in BONES.items() if b.parent is part)
        joints, hub = character.joints.copy(), character.joints[bone.start]
        turn = sign * SWING
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        for joint in (bone.end, BONES[child].end, BONES[child].tip):
            joints[joint] = hub + matrix @ (joints[joint] - hub)
        yield FramePose.at_rest(joints)


def _cell(frames: Sequence[np.ndarray], words: str) -> np.ndarray:
    width = round(frames[0].shape[1] * TILE_PX / frames[0].shape[0])
    row = np.hstack([cv2.resize(frame, (width, TILE_PX), interpolation=cv2.INTER_AREA) for frame in frames])
    label = np.full((18, row.shape[1], 3), 255, np.uint8)
    cv2.putText(label, words, (2, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (30, 30, 34), 1, cv2.LINE_AA)
    return np.vstack([row, label])


def _write(out: Path, cells: Sequence[np.ndarray]) -> None:
    width = max(cell.shape[1] for cell in cells)
    padded = [
        cv2.copyMakeBorder(c, 0, 0, 0, width - c.shape[1] + 6, cv2.BORDER_CONSTANT, value=(255,) * 3) for c in cells
    ]
    rows = [padded[start : start + COLUMNS] for start in range(0, len(padded), COLUMNS)]
    rows = [row + [np.full_like(padded[0], 255)] * (COLUMNS - len(row)) for row in rows]
    cv2.imwrite(str(out), np.vstack([np.hstack(row) for row in rows])[..., ::-1])

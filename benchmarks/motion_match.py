"""Motion match of previews: every character against every clip, in both orientations, with contact sheets.

It prints one row a preview and writes, into ``build/motion_match`` or the folder given, the previews, a sheet a pair
and ``sheet.png`` with all of them: the reference above its two previews, at evenly spaced moments.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kling_ui.media.probe import probe_video
from kling_ui.media.video import sample_frames
from kling_ui.options import Orientation
from kling_ui.puppet.render import render_preview
from kling_ui.scoring.compare import TrackedClip, load_tracked_clip
from kling_ui.scoring.match import MotionMatch
from kling_ui.scoring.motion import motion_match

ROOT = Path(__file__).resolve().parents[1]
SOURCES = (ROOT / "assets" / "examples", ROOT.parent / "shared" / "media")
BUILD = ROOT / "build" / "motion_match"
IMAGES, CLIPS = {".png", ".jpg", ".jpeg", ".webp"}, {".mp4", ".mov", ".webm"}
MOMENTS = 8
TILE_PX = 240  # longer side of a picture in a pair's sheet; the sheet of all has half of it
LABEL_PX, GAP_PX = 26, 6
PAPER, INK = (250, 250, 248), (30, 30, 34)
HEAD = "  score  error  PCK@20deg  PCK@0.2    AKD    MKR    lag ms  earned/still  missing"


def main(folder: Path = BUILD) -> None:
    """Render every pair, print its motion match and write the sheets."""
    folder.mkdir(parents=True, exist_ok=True)
    sheets = [sheet for source in SOURCES if source.is_dir() for sheet in _measure_all(source, folder)]
    if sheets:
        _all(sheets).save(folder / "sheet.png")
        print(f"\nsheets in {folder}")


def write_sheet(source: Path, out: Path) -> None:
    """Render every pair of a folder's pictures and clips, print its motion match and write one sheet of all."""
    with tempfile.TemporaryDirectory() as folder:
        _all(list(_measure_all(source, Path(folder)))).save(out)
    print(f"\n{out}")


def _measure_all(source: Path, folder: Path) -> Iterator[Image.Image]:
    clips = {path: load_tracked_clip(path) for path in _files(source, CLIPS)}
    for image in _files(source, IMAGES):
        for path, clip in clips.items():
            print(f"\n{image.stem} + {path.stem}\n  orientation {HEAD}", flush=True)
            yield _measure_pair(image, path, clip, folder)


def _all(sheets: Sequence[Image.Image]) -> Image.Image:
    """The sheets of all pairs at half their size, in two columns."""
    halves = [sheet.resize((sheet.width // 2, sheet.height // 2), Image.Resampling.BOX) for sheet in sheets]
    return _beside(_stack(halves[0::2]), _stack(halves[1::2] or halves[:1]))


def _measure_pair(image: Path, video: Path, clip: TrackedClip, folder: Path) -> Image.Image:
    times_s = (np.arange(MOMENTS) + 0.5) * probe_video(video).duration_s / MOMENTS
    rows = [("reference", _tiles(video, times_s))]
    for orientation in Orientation:
        result = folder / f"{image.stem}-{video.stem}-{orientation}.mp4"
        render_preview(image, video, result, orientation=orientation, keep_sound=False)
        match = motion_match(clip.track, load_tracked_clip(result).track, orientation=orientation, fps=clip.fps)
        print(f"  {orientation:<11} {_line(match)}", flush=True)
        score = "not measurable" if match.score is None else f"motion match {match.score:.0f}"
        rows.append((f"{orientation}: {score}", _tiles(result, times_s)))
    width_px = max(tile.width for _, tiles in rows for tile in tiles) + 4
    sheet = _stack([_row(f"{image.stem} + {video.stem}, {label}", tiles, width_px) for label, tiles in rows])
    sheet.save(folder / f"{image.stem}-{video.stem}.png")
    return sheet


def _line(match: MotionMatch) -> str:
    if match.score is None:
        return f"  {match.reason}"
    lag = f"{match.lag.late_s * 1000:+.0f} ({match.lag.uncertainty_s * 1000:.0f})" if match.lag else "untold"
    shares = match.pck_20deg_share, match.pck_shoulder_share, match.akd_shoulder_widths, match.mkr_share
    pck_deg, pck, akd, mkr = ("-" if value is None else f"{value:.3f}" for value in shares)
    measures = f"{match.score:5.1f}  {match.limb_error_deg:5.1f}  {pck_deg:>9}  {pck:>7}  {akd:>5}  {mkr:>5}  {lag:>8}"
    return f"  {measures}  {match.earned_share:5.2f} / {match.still_share:.2f}  {match.missing_s:5.1f} s"


def _files(folder: Path, suffixes: set[str]) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes)


def _tiles(path: Path, times_s: np.ndarray) -> list[Image.Image]:
    facts = probe_video(path)
    frames = sample_frames(
        path,
        container=facts.format,
        times_s=[float(time_s) for time_s in times_s],
        keyframe_times_s=facts.keyframe_times_s,
        long_side_px=TILE_PX,
    )
    return [Image.fromarray(frame.rgb) for frame in frames]


def _row(label: str, tiles: Sequence[Image.Image], width_px: int) -> Image.Image:
    row = Image.new("RGB", (width_px * MOMENTS, LABEL_PX + max(tile.height for tile in tiles)), PAPER)
    ImageDraw.Draw(row).text((2, 2), label, fill=INK, font=ImageFont.load_default(LABEL_PX - 6))
    for index, tile in enumerate(tiles):
        row.paste(tile, (index * width_px + (width_px - tile.width) // 2, LABEL_PX))
    return row


def _stack(pictures: Sequence[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (max(p.width for p in pictures), sum(p.height + GAP_PX for p in pictures)), PAPER)
    top = 0
    for picture in pictures:
        sheet.paste(picture, (0, top))
        top += picture.height + GAP_PX
    return sheet


def _beside(left: Image.Image, right: Image.Image) -> Image.Image:
    sheet = Image.new("RGB", (left.width + GAP_PX + right.width, max(left.height, right.height)), PAPER)
    sheet.paste(left, (0, 0))
    sheet.paste(right, (left.width + GAP_PX, 0))
    return sheet


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else BUILD)

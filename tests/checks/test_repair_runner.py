import asyncio
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from kling_ui.checks.repair_plan import Plan
from kling_ui.checks.repair_runner import RepairedCopy, RepairRunner, place
from kling_ui.errors import MediaError
from kling_ui.media.transform_image import ImageTransform
from kling_ui.media.transform_video import VideoTransform
from kling_ui.options import TransferOptions
from kling_ui.workers import Workers

IMAGE, VIDEO = ImageTransform("png"), VideoTransform((320, 240), Fraction(24), 0.0, 1.0)
NOTHING = Plan(None, None, TransferOptions())


@pytest.fixture(scope="module")
def workers():
    with Workers(2) as pool:
        yield pool


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "me.bmp"
    Image.new("RGB", (64, 48), "teal").save(path)
    return path


def clip(path: Path, frames: int) -> Path:
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
        rng = np.random.default_rng(1)
        for n in range(frames):
            frame = av.VideoFrame.from_ndarray(rng.integers(0, 256, (240, 320, 3), dtype=np.uint8), format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, 24)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_copies_are_named_after_the_originals(workers, picture, tmp_path):
    source, out = clip(tmp_path / "dance.mov", 24), tmp_path / "deep" / "out"
    plan = replace(NOTHING, image=IMAGE, video=VIDEO)
    for number in ("", "-2"):
        repaired = asyncio.run(RepairRunner(workers).apply(plan, picture, source, out))
        assert (repaired.image, repaired.video) == (
            out / f"me-repaired{number}.png",
            out / f"dance-repaired{number}.mp4",
        )
    assert files(out) == ["dance-repaired-2.mp4", "dance-repaired.mp4", "me-repaired-2.png", "me-repaired.png"]


def test_what_needs_nothing_stays_the_original(workers, picture, tmp_path):
    source = clip(tmp_path / "dance.mp4", 3)
    repaired = asyncio.run(RepairRunner(workers).apply(replace(NOTHING, image=IMAGE), picture, source, tmp_path))
    assert repaired.video == source
    repaired = asyncio.run(RepairRunner(workers).apply(NOTHING, picture, None, tmp_path))
    assert (repaired.image, repaired.video) == (picture, None)


def test_what_was_done_can_be_shown(workers, picture, tmp_path):
    originals = RepairedCopy(picture, clip(tmp_path / "dance.mov", 24))
    repair_runner, plan = RepairRunner(workers), replace(NOTHING, image=IMAGE, video=VIDEO)
    repaired = asyncio.run(repair_runner.apply(plan, originals.image, originals.video, tmp_path))
    shown = asyncio.run(repair_runner.before_after(plan, originals, repaired, tmp_path))
    assert shown == RepairedCopy(
        tmp_path / "me-repaired-before-after.jpg", tmp_path / "dance-repaired-before-after.jpg"
    )
    assert all(path and path.is_file() for path in (shown.image, shown.video))
    shown = asyncio.run(repair_runner.before_after(replace(plan, video=None), originals, repaired, tmp_path))
    assert shown.video is None


def test_progress_rises_to_the_end(workers, tmp_path):
    shares: list[float] = []
    plan = replace(NOTHING, video=replace(VIDEO, end_s=5.0))
    asyncio.run(
        RepairRunner(workers).apply(plan, None, clip(tmp_path / "a.mp4", 120), tmp_path, on_progress=shares.append)
    )
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_cancelled_repair_ends_soon_and_leaves_nothing(workers, tmp_path):
    source, out = clip(tmp_path / "long.mp4", 48), tmp_path / "out"
    endless = replace(VIDEO, size=(3840, 2160), fps=Fraction(60), end_s=600.0)

    async def cancel() -> None:
        begun = asyncio.Event()
        repairing = asyncio.create_task(
            RepairRunner(workers).apply(
                replace(NOTHING, video=endless), None, source, out, on_progress=lambda _: begun.set()
            )
        )
        await asyncio.wait_for(begun.wait(), 30)
        repairing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(repairing, 5)

    asyncio.run(cancel())
    assert files(out) == []
    assert source.exists()


def test_one_broken_file_leaves_nothing_of_the_other(workers, picture, tmp_path):
    broken, out = tmp_path / "broken.mp4", tmp_path / "out"
    broken.write_bytes(b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(500))
    with pytest.raises(MediaError, match=r"broken\.mp4"):
        asyncio.run(RepairRunner(workers).apply(replace(NOTHING, image=IMAGE, video=VIDEO), picture, broken, out))
    assert files(out) == []


def test_a_folder_that_cannot_be_made(workers, picture, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(MediaError, match="cannot be written to"):
        asyncio.run(RepairRunner(workers).apply(replace(NOTHING, image=IMAGE), picture, None, tmp_path / "file"))


@pytest.mark.parametrize(
    ("stem", "taken", "name"),
    [
        ("me", [], "me-repaired.png"),
        ("me", ["me-repaired.png"], "me-repaired-2.png"),
        ("me-repaired", ["me-repaired.png"], "me-repaired-2.png"),
        ("me-repaired-2", ["me-repaired.png", "me-repaired-2.png"], "me-repaired-3.png"),
        ("me-repaired-by-ann", [], "me-repaired-by-ann-repaired.png"),
        ("-rf", [], "rf-repaired.png"),
        ('new\nline\x07 \u202e"it\'s"?', [], "new_line_ __it_s__-repaired.png"),
        ("\udcff\udcfe", [], "__-repaired.png"),
        ("...", [], "input-repaired.png"),
        ("\u821e" * 83, [], "\u821e" * 53 + "-repaired.png"),
    ],
)
def test_names_never_pile_up_nor_overwrite(tmp_path, stem, taken, name):
    result, folder = tmp_path / "result.png", tmp_path / "out"
    folder.mkdir()
    result.write_bytes(b"new")
    for other in taken:
        (folder / other).write_bytes(b"old")
    assert place(result, folder, stem) == folder / name
    assert (folder / name).read_bytes() == b"new"
    assert all((folder / other).read_bytes() == b"old" for other in taken)

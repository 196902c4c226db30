import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from kling_ui.checks.preflight import judge
from kling_ui.checks.video_repairs import video_repairs
from kling_ui.media.probe import probe_video
from kling_ui.options import TransferOptions

BT709, BT2020, HLG, PQ = 1, 9, 18, 16  # ITU-T H.273


def clip(path: Path, *, codec: str = "libx265", primaries: int = BT709, transfer: int = BT709) -> Path:
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    with av.open(str(path), "w") as out:
        video = out.add_stream(codec, rate=25, options=options)
        video.width, video.height = 640, 360
        video.pix_fmt = "yuv420p10le" if codec == "libx265" else "yuv420p"
        video.codec_context.color_primaries, video.codec_context.color_trc = primaries, transfer
        for number in range(10):
            rgb = np.full((360, 640, 3), 40 + 10 * number, np.uint8)
            picture = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=video.pix_fmt)
            picture.pts, picture.time_base = number, Fraction(1, 25)
            out.mux(video.encode(picture))
        out.mux(video.encode(None))
    return path


def in_dolby_vision(path: Path, *, profile: int, compatible_with: int) -> Path:
    """Add what a track in Dolby Vision has (its specification, 3.2); the index is at the file's end."""
    content = bytearray(path.read_bytes())
    kind = b"dvcC" if profile <= 7 else b"dvvC"
    record = struct.pack(">BBHB", 1, 0, profile << 9 | 6 << 3 | 0b101, compatible_with << 4) + bytes(19)
    added = struct.pack(">I4s", 8 + len(record), kind) + record
    place = next(found for name in (b"hvcC", b"avcC") if (found := content.find(name)) > 0) - 4
    place += struct.unpack_from(">I", content, place)[0]
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hev1", b"avc1"):
        if (at := content.rfind(name, content.find(b"moov"), place)) > 0:
            struct.pack_into(">I", content, at - 4, struct.unpack_from(">I", content, at - 4)[0] + len(added))
    content[place:place] = added
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("profile", "compatible_with"), [(5, 0), (10, 0)])
def test_dolby_visions_own_colours_are_named_and_not_converted(tmp_path, profile, compatible_with):
    path = in_dolby_vision(clip(tmp_path / "a.mp4"), profile=profile, compatible_with=compatible_with)
    facts = probe_video(path)
    assert facts.hdr == "Dolby Vision"
    report = judge(None, facts)
    (found,) = (finding for finding in report.video.findings if finding.rule == "video.hdr")
    assert found.code == "video.hdr/own-colours"
    rules = [finding.rule for finding in report.video.findings]
    assert "video.codec" in rules
    offered = {rule for repair in video_repairs(facts, rules, TransferOptions(), None) for rule in repair.rules}
    assert not offered & {"video.hdr", "video.codec"}


@pytest.mark.parametrize(
    ("profile", "compatible_with", "transfer", "hdr"),
    [(8, 4, HLG, "HLG"), (8, 1, PQ, "PQ"), (7, 6, PQ, "PQ"), (8, 2, BT709, ""), (10, 4, HLG, "HLG")],
)
def test_dolby_vision_over_other_colours_is_what_these_are(tmp_path, profile, compatible_with, transfer, hdr):
    made = clip(tmp_path / "a.mov", primaries=BT709 if transfer == BT709 else BT2020, transfer=transfer)
    assert probe_video(in_dolby_vision(made, profile=profile, compatible_with=compatible_with)).hdr == hdr


def test_dolby_vision_over_h264_is_sdr(tmp_path):
    made = clip(tmp_path / "a.mp4", codec="libx264")
    assert probe_video(in_dolby_vision(made, profile=9, compatible_with=2)).hdr == ""

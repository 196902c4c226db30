from dataclasses import replace
from pathlib import Path

from kling_ui.media.image import ImageFacts
from kling_ui.media.probe import VideoFacts
from kling_ui.presentation.findings import FileDifference, file_differences

IMAGE = ImageFacts(Path("me.webp"), "webp", 400_000, 5000, 3000, 6, "RGBA", True, 1)
VIDEO = VideoFacts(
    Path("a.webm"), "webm", 9_400_000, 640, 480, 12.0, 25.0, 300, "vp9", "yuv420p", 90, True, "opus", True
)


def test_only_what_differs_is_told():
    assert file_differences(IMAGE, replace(IMAGE, path=Path("other"))) == ()
    assert file_differences(VIDEO, replace(VIDEO, duration_s=10.0)) == (
        FileDifference("duration", "12.00 s", "10.00 s"),
    )


def test_a_picture_in_words():
    after = replace(
        IMAGE,
        format="jpeg",
        size_bytes=30_000,
        width_px=4096,
        height_px=2458,
        exif_orientation=1,
        mode="RGB",
        has_alpha=False,
    )
    assert [(change.what, change.before, change.after) for change in file_differences(IMAGE, after)] == [
        ("format", "WebP", "JPEG"),
        ("size", "5000 x 3000 px", "4096 x 2458 px"),
        ("file", "0.4 MB", "30 kB"),
        ("colours", "RGBA", "RGB"),
        ("orientation", "turned by its metadata", "upright"),
        ("transparency", "may be transparent", "opaque"),
    ]


def test_a_clip_in_words():
    after = replace(VIDEO, format="mp4", codec="h264", rotation_deg=0, audio_codec="aac", has_variable_rate=False)
    assert [(change.what, change.before, change.after) for change in file_differences(VIDEO, after)] == [
        ("format", "WebM", "MP4"),
        ("codec", "VP9", "H.264"),
        ("frame rate", "25 frames per second, uneven", "25 frames per second, even"),
        ("rotation", "90°", "0°"),
        ("sound", "Opus", "AAC"),
    ]

"""What the buttons of repairs say, and what becomes of the input; and what is said of adjustments by hand.

The sentences are filled as those of findings are.
"""

from kling_ui.checks.adjustments import Adjustment
from kling_ui.checks.repair_kinds import RepairCode, RepairKind
from kling_ui.languages import joined, retell, say, told
from kling_ui.presentation.wording import seconds, size

_TURNS = told({1: "Turned left", 2: "Turned over", 3: "Turned right"})
_TO_LEFT, _OVER, _TO_RIGHT = (
    f"Turns all of it {way}, so that " for way in ("a quarter to the left", "upside down", "a quarter to the right")
)
_HEAD_UP, _PERSON_UP = "the head is above the hips.", "the person is upright{has_sound:with_sound}."

# What the button says, and one sentence that says what becomes of the input.
REPAIRS: dict[RepairCode, tuple[str, str]] = told(
    {
        RepairCode.IMAGE_CONVERT: (
            "Convert to {format:file_name}",
            "{is_first:first_upright}, in plain sRGB colours{on_white:on_white}, without metadata.",
        ),
        RepairCode.IMAGE_FLATTEN: (
            "Put on a white background",
            "Saves it as {format:file_name} with white where it is transparent.",
        ),
        RepairCode.IMAGE_SAVE_UPRIGHT: (
            "Save upright",
            "Saves it as {format:file_name}, turned upright, without metadata.",
        ),
        RepairCode.IMAGE_PLAIN_COLOURS: (
            "Convert to {format:file_name}",
            "In plain 8-bit sRGB colours, without metadata.",
        ),
        RepairCode.IMAGE_TO_SRGB: (
            "Convert to sRGB",
            "Saves it as {format:file_name} in plain 8-bit sRGB colours, without metadata.",
        ),
        RepairCode.IMAGE_COMPRESS: ("Compress to less than {limit_mb:.0f} MB", "Saves it as a JPEG of high quality."),
        RepairCode.IMAGE_FIT: ("Fit into {width_px} x {height_px} px", "Adds background in the colours of its edges."),
        RepairCode.IMAGE_ENLARGE: ("Enlarge to {width_px} x {height_px} px", "Adds pixels, but no detail."),
        RepairCode.IMAGE_SCALE_DOWN: (
            "Scale down to {width_px} x {height_px} px",
            "Loses only detail that the model does not use.",
        ),
        RepairCode.IMAGE_CROP_AROUND: (
            "Crop around the character",
            "Keeps {width_px} x {height_px} px around the character, which then covers about {share:percent}.",
        ),
        RepairCode.IMAGE_CROP_TO_ASPECT_AROUND: (
            "Crop to {shape}",
            "Keeps {width_px} x {height_px} px around the character.",
        ),
        RepairCode.IMAGE_CROP_TO_ASPECT_MIDDLE: ("Crop to {shape}", "Keeps {width_px} x {height_px} px in the middle."),
        RepairCode.IMAGE_PAD_TO_ASPECT: (
            "Add background to {shape}",
            "Adds background up to {width_px} x {height_px} px, in the colours of its edges.",
        ),
        RepairCode.IMAGE_CROP_TO_UPPER: (
            "Crop the image to the upper body",
            "Keeps head, arms and trunk, as much as the clip shows.",
        ),
        RepairCode.IMAGE_TURN_LEFT: ("Turn the picture", _TO_LEFT + _HEAD_UP),
        RepairCode.IMAGE_TURN_OVER: ("Turn the picture", _OVER + _HEAD_UP),
        RepairCode.IMAGE_TURN_RIGHT: ("Turn the picture", _TO_RIGHT + _HEAD_UP),
        RepairCode.IMAGE_BRIGHTEN: (
            "Brighten the picture",
            "Makes all of it {gain:.1f} times as bright; noise in its shadows shows more.",
        ),
        RepairCode.IMAGE_DEEPEN: (
            "Deepen the picture",
            "Spreads what lies between {veil:percent} of white and white over the whole range; "
            "bands and noise show more.",
        ),
        RepairCode.VIDEO_TURN_LEFT: ("Turn the clip", _TO_LEFT + _PERSON_UP),
        RepairCode.VIDEO_TURN_OVER: ("Turn the clip", _OVER + _PERSON_UP),
        RepairCode.VIDEO_TURN_RIGHT: ("Turn the clip", _TO_RIGHT + _PERSON_UP),
        RepairCode.VIDEO_BRIGHTEN: (
            "Brighten the clip",
            "Makes all of it {gain:.1f} times as bright{has_sound:with_sound}; noise in its shadows shows more.",
        ),
        RepairCode.VIDEO_DEEPEN: (
            "Deepen the clip",
            "Spreads what lies between {veil:percent} of white and white over the whole range{has_sound:with_sound}; "
            "bands and noise show more.",
        ),
        RepairCode.VIDEO_TRIM_TO_USABLE: (
            "Trim to {length_s:.1f} s",
            "Keeps {start_s:.1f}-{end_s:.1f} s, the longest usable part{has_sound:with_sound}.",
        ),
        RepairCode.VIDEO_TRIM_TO_BEGINNING: (
            "Trim to {length_s:.1f} s",
            "Keeps {start_s:.1f}-{end_s:.1f} s, its beginning{has_sound:with_sound}.",
        ),
        RepairCode.VIDEO_CONVERT: (
            "Convert to MP4 (H.264)",
            "Upright, {fps:.4g} frames per second{has_sound:with_sound}.",
        ),
        RepairCode.VIDEO_MAKE_PLAIN: (
            "Convert to MP4 (H.264)",
            "Upright, SDR colours, whole pictures of one size, {fps:.4g} frames per second{has_sound:with_sound}.",
        ),
        RepairCode.VIDEO_FIT: (
            "Fit into {width_px} x {height_px} px",
            "Adds black bars, because its shape is too slim for the limits.",
        ),
        RepairCode.VIDEO_ENLARGE: ("Enlarge to {width_px} x {height_px} px", "Its shape stays."),
        RepairCode.VIDEO_SCALE_DOWN: ("Scale down to {width_px} x {height_px} px", "Its shape stays."),
        RepairCode.VIDEO_COMPRESS: (
            "Compress to less than {limit_mb:.0f} MB",
            "Lowers the bit rate, not the size in pixels.",
        ),
        RepairCode.VIDEO_CROP_TO_UPPER: (
            "Crop the clip to the upper body",
            "Keeps head, arms and trunk, as much as the image shows.",
        ),
        **dict.fromkeys(
            (RepairCode(kind.value) for kind in RepairKind if kind.person),
            (
                "Keep the person {position:position}",
                "Crops the others out and keeps {width_px} x {height_px} px around that person.",
            ),
        ),
        RepairCode.VIDEO_CROP_TO_SHAPE: (
            "Crop the clip to the image's shape",
            "Keeps {width_px} x {height_px} px around the person, who stays in view.",
        ),
        RepairCode.CHOICE_ORIENTATION: (
            "Switch to orientation “video”",
            "Keeps all of the clip; the character then faces as the person in it does.",
        ),
        RepairCode.CHOICE_NO_SOUND: ("Go on without sound", "The result will be silent."),
    }
)


def adjustment_words(adjustment: Adjustment) -> str:
    """Say what was made of an input: ``Kept 2.0–9.5 s, cropped to 360 × 640 px, turned left``."""
    done = []
    if adjustment.span is not None:
        done.append(
            say("Kept {start_s:.1f}\N{EN DASH}{end}", start_s=adjustment.span[0], end=seconds(adjustment.span[1]))
        )
    if adjustment.crop is not None:
        done.append(say("Cropped to {size}", size=size(*adjustment.crop.size)))
    if adjustment.turns % 4:
        done.append(retell(_TURNS[adjustment.turns % 4]))
    words = joined(", ", done)
    return words[:1] + words[1:].replace("Cropped", "cropped").replace("Turned", "turned")

"""An engine's own words for a failure, turned into which input it was, why, and what a person can do."""

from dataclasses import dataclass

from kling_ui.checks.repair_kinds import RepairKind
from kling_ui.runs.record import EngineName

IMAGE, VIDEO, PROMPT = "image", "video", "prompt"


@dataclass(frozen=True, slots=True)
class FailureReason:
    """Why an engine did not make a video.

    Attributes:
        error: What happened, in words.
        advice: What to do next; may be empty.
        inputs: What to change: any of ``image``, ``video`` and ``prompt``; empty when it is none of them, or not known.
        repairs: Repairs that help, the likeliest first, as far as the inputs call for them.
    """

    error: str
    advice: str = ""
    inputs: tuple[str, ...] = ()
    repairs: tuple[RepairKind, ...] = ()


@dataclass(frozen=True, slots=True)
class _Known:
    """A row of the table below.

    Attributes:
        marks: Words that stay the same from one message to the next, in lower case; one of them is enough.
        reason: What they mean.
        narrows: Which input it is may be told by the words themselves.
    """

    marks: tuple[str, ...]
    reason: FailureReason
    narrows: bool = False


# The messages that the vendor's users met (docs/vendor_api.md, section 9).
_MET = (
    _Known(
        ("upper body detected", "image recognition failed"),
        FailureReason(
            "Kling did not find a whole upper body in the image or in the video.",
            "Choose a picture and a clip of one person with head, shoulders and torso in view.",
            (IMAGE, VIDEO),
            (RepairKind.IMAGE_CROP_AROUND, RepairKind.VIDEO_TRIM),
        ),
    ),
    _Known(
        ("character in the reference image or the first frame",),
        FailureReason(
            "Kling did not accept the character in the image, or the first frame of the video.",
            "Trim the video so that it starts with the whole figure clearly in view, or choose another image.",
            (VIDEO, IMAGE),
            (RepairKind.VIDEO_TRIM, RepairKind.IMAGE_CROP_AROUND),
        ),
    ),
    _Known(
        ("continuous valid motion is too short",),
        FailureReason(
            "Kling found less than 3 s of motion it can use in the video.",
            "Trim the video to its longest usable span: one person without cuts, from the front and not covered.",
            (VIDEO,),
            (RepairKind.VIDEO_TRIM,),
        ),
    ),
    _Known(
        ("risk control",),
        FailureReason(
            "The inputs were refused by content moderation, which does not say which one.",
            "Change the image, the video or the prompt.",
            (IMAGE, VIDEO, PROMPT),
        ),
    ),
    _Known(
        ("resolution or aspect ratio",),
        FailureReason(
            "Kling did not accept the size or the shape of the image.",
            "Use a picture of at least 300 px a side that is at most 2.5 times as long as wide.",
            (IMAGE,),
            (RepairKind.IMAGE_RESIZE, RepairKind.IMAGE_PAD_TO_ASPECT, RepairKind.IMAGE_CROP_TO_ASPECT),
        ),
    ),
    _Known(
        ("parallel task", "resource pack limit"),
        FailureReason("Kling is busy with other runs.", "Try again later; the inputs are fine."),
    ),
)

# Nobody has reported these; they say what the words plainly say.
_PLAIN = (
    _Known(
        ("more than one person", "multiple people", "multiple persons", "multiple characters"),
        FailureReason(
            "Kling found more than one person.",
            "Use a picture and a span of the clip with one person only.",
            (IMAGE, VIDEO),
            (RepairKind.IMAGE_CROP_AROUND, RepairKind.VIDEO_TRIM),
        ),
        narrows=True,
    ),
    _Known(
        ("failed to download", "unable to download", "failed to fetch", "unable to fetch", "not accessible"),
        FailureReason(
            "RunComfy could not fetch an input from its address.",
            "Give an address that opens without signing in, or upload the file here.",
            (IMAGE, VIDEO),
        ),
        narrows=True,
    ),
    _Known(
        ("duration", "too long"),
        FailureReason(
            "Kling did not accept the length of the video.",
            "It takes 3 to 30 s, or 3 to 10 s when the facing follows the image.",
            (VIDEO,),
            (RepairKind.VIDEO_TRIM, RepairKind.CHOICE_ORIENTATION),
        ),
    ),
    _Known(
        ("too large", "file size", "size limit"),
        FailureReason(
            "An input is too large.",
            "Make it smaller: images up to 10 MB and videos up to 100 MB are safe.",
            (IMAGE, VIDEO),
            (RepairKind.IMAGE_COMPRESS, RepairKind.VIDEO_COMPRESS),
        ),
        narrows=True,
    ),
    _Known(
        ("unsupported", "invalid format", "file format", "codec"),
        FailureReason(
            "RunComfy does not take the format of an input.",
            "Use JPEG or PNG for the image and MP4 with H.264 for the video.",
            (IMAGE, VIDEO),
            (RepairKind.IMAGE_CONVERT, RepairKind.VIDEO_CONVERT),
        ),
        narrows=True,
    ),
    _Known(
        ("nsfw", "moderation", "sensitive content", "content policy"),
        FailureReason(
            "The inputs were refused by content moderation.",
            "Change the image, the video or the prompt.",
            (IMAGE, VIDEO, PROMPT),
        ),
        narrows=True,
    ),
    _Known(
        ("insufficient balance", "insufficient credit", "no balance"),
        FailureReason("The account has no balance left.", "Top up the RunComfy account, then run it again."),
    ),
    _Known(
        ("timed out", "timeout"),
        FailureReason("RunComfy took too long over this run and gave up.", "Try again later; the inputs may be fine."),
    ),
)
_OTHER = FailureReason(
    "Kling could not make this video.", "Its own words may tell why; change the inputs or try again later."
)
_FIELDS = {"image_url": IMAGE, "video_url": VIDEO, "prompt": PROMPT}


def explain(engine: EngineName, raw: str | None) -> FailureReason:
    """Say what an engine's failure means and what to do next.

    Args:
        engine: Who failed.
        raw: Its own words, if it gave any.
    """
    words = (raw or "").strip()
    if engine is EngineName.PREVIEW:  # its words are ours, for people
        return FailureReason((words[:1].upper() + words[1:]) or "The preview could not be drawn.")
    return recognised(words) or _OTHER


def recognised(raw: str) -> FailureReason | None:
    """Recognise what the vendor's words mean; ``None`` where nobody knows."""
    words = raw.lower()
    for known in (*_MET, *_PLAIN):
        if any(mark in words for mark in known.marks):
            return _narrowed(known.reason, words) if known.narrows else known.reason
    return _by_field(words)


def _narrowed(reason: FailureReason, words: str) -> FailureReason:
    """Keep what is about the inputs that the words name; all of it when they name none."""
    named = tuple(name for name in reason.inputs if name in words) or reason.inputs
    repairs = tuple(repair for repair in reason.repairs if repair.target in named)
    return FailureReason(reason.error, reason.advice, named, repairs)


def _by_field(words: str) -> FailureReason | None:
    """Read the names of fields out of a refused schema."""
    named = tuple(name for field, name in _FIELDS.items() if f'"{field}"' in words or f"'{field}'" in words)
    if not named:
        return None
    return FailureReason(f"RunComfy did not accept the {' and the '.join(named)}.", "Its own words tell more.", named)

"""An engine's own words for a failure, turned into what a person can do."""

from kling_ui.runs.record import EngineName

# What the vendor's users met, by words that stay the same (CONTRACT section 9); matched in lower case.
_KNOWN = (
    (
        ("upper body detected", "image recognition failed"),
        "Kling did not find a whole upper body in the image or in the video.",
        "Choose a picture and a clip of one person with head, shoulders and torso in view.",
    ),
    (
        ("character in the reference image or the first frame",),
        "Kling did not accept the character in the image, or the first frame of the video.",
        "Trim the video so that it starts with the whole figure clearly in view, or choose another image.",
    ),
    (
        ("continuous valid motion is too short",),
        "Kling found less than 3 s of motion it can use in the video.",
        "Choose a clip of one person without cuts, seen from the front and not covered.",
    ),
    (
        ("risk control",),
        "The inputs were refused by content moderation, which does not say which one.",
        "Change the image, the video or the prompt. Whether this run is charged is not known.",
    ),
    (
        ("resolution or aspect ratio",),
        "Kling did not accept the size or the shape of the image.",
        "Use a picture of at least 300 px a side that is at most 2.5 times as long as wide.",
    ),
    (
        ("parallel task", "resource pack limit"),
        "Kling is busy with other runs.",
        "Try again later.",
    ),
)


def explain(engine: EngineName, raw: str | None) -> tuple[str, str]:
    """Say what an engine's failure means and what to do next.

    Args:
        engine: Who failed.
        raw: Its own words, if it gave any.

    Returns:
        What happened, and the way out (may be empty).
    """
    words = (raw or "").strip()
    if engine is EngineName.PREVIEW:  # its words are ours, for people
        return (words[:1].upper() + words[1:]) or "The preview could not be drawn.", ""
    for marks, error, advice in _KNOWN:
        if any(mark in words.lower() for mark in marks):
            return error, advice
    return "Kling could not make this video.", "Its own words may tell why; change the inputs or try again later."

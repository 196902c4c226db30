"""Every number that a check compares with, once, beside whoever says it."""

from dataclasses import dataclass
from enum import StrEnum

from kling_ui.choice import Orientation


class Source(StrEnum):
    """Who says it."""

    VENDOR = "RunComfy's page for this model"
    KLING = "Kling's API text and guide"
    BOTH = "Kling's API text and RunComfy's page for this model"
    FIELD = "reports of users"
    SENSE = "common sense"


@dataclass(frozen=True, slots=True)
class Limit:
    """One documented number.

    Attributes:
        value: In the unit that its name ends with.
        source: Who says it.
    """

    value: float
    source: Source


MB = 1_000_000  # a decimal megabyte, the stricter reading of "MB"

# --- character image -------------------------------------------------------------------------------------------------
IMAGE_FORMATS_TAKEN = frozenset({"jpeg", "png"})  # Kling
IMAGE_SIZE_MAX_BYTES = Limit(50 * MB, Source.VENDOR)  # a recommended limit, taken as hard
IMAGE_SIZE_KLING_BYTES = Limit(10 * MB, Source.KLING)  # Kling's own API refuses more; RunComfy may or may not
IMAGE_SIDE_MIN_PX = Limit(300, Source.KLING)
IMAGE_SIDE_SAFE_PX = Limit(340, Source.FIELD)  # what other front ends of the same model demand
IMAGE_SIDE_MAX_PX = Limit(65_536, Source.KLING)
IMAGE_ASPECT_MAX = Limit(2.5, Source.KLING)  # of the longer side to the shorter one
IMAGE_LARGE_PX = Limit(4096, Source.VENDOR)  # "up to about 4K"
COVERAGE_MIN_SHARE = Limit(0.05, Source.VENDOR)  # must be above, by the segmentation mask
# Ours: below this the mask and the landmarks mean different things (true finds measured 0.8-1.0), so the measured
# coverage proves nothing and must not block.
MASK_TRUST_MIN_SHARE = 0.5
# Ours: less is the soft edge that drawing programs leave.
TRANSPARENT_MIN_SHARE = 0.005

# --- reference video -------------------------------------------------------------------------------------------------
VIDEO_FORMATS_TAKEN = frozenset({"mp4", "mov"})  # Kling
VIDEO_CODECS_SURE = frozenset({"h264"})  # what every browser and the vendor surely take
VIDEO_PIXELS_SURE = frozenset({"yuv420p", "yuvj420p"})  # 8 bits 4:2:0: the only H.264 that every browser plays
VIDEO_SIZE_MAX_BYTES = Limit(100 * MB, Source.BOTH)
VIDEO_SIDE_MIN_PX = Limit(340, Source.KLING)
VIDEO_SIDE_MAX_PX = Limit(3850, Source.KLING)
DURATION_MIN_S = Limit(3, Source.KLING)
DURATION_MAX_S = {
    Orientation.IMAGE: Limit(10, Source.BOTH),
    Orientation.VIDEO: Limit(30, Source.BOTH),
}
DURATION_SLACK_S = 0.005  # rounding in a clip's clock, far below one frame
# Advice only ("in view all the time"): one miss among 24-32 moments may be the detector's, two are not.
PERSON_SHARE_MIN = 0.95

# --- prompt ----------------------------------------------------------------------------------------------------------
PROMPT_MAX_CHARS = Limit(2500, Source.KLING)

"""Every number that a rule compares with, once, beside whoever says it; those of detection stand in ``vision``."""

from dataclasses import dataclass
from enum import StrEnum

from kling_ui.media.signatures import IMAGE_MAX_BYTES, IMAGE_SAFE_BYTES, VIDEO_MAX_BYTES
from kling_ui.options import Orientation


class LimitSource(StrEnum):
    """Who says it."""

    VENDOR = "vendor"  # RunComfy's page for this model
    KLING = "kling"  # Kling's API text and guide
    BOTH = "both"
    FIELD = "field"  # reports of users
    SENSE = "sense"  # common sense


@dataclass(frozen=True, slots=True)
class Limit:
    """One documented number.

    Attributes:
        value: In the unit that its name ends with.
        source: Who says it.
    """

    value: float
    source: LimitSource


# --- character image -------------------------------------------------------------------------------------------------
IMAGE_FORMATS_TAKEN = frozenset({"jpeg", "png"})  # Kling
IMAGE_SIZE_MAX_BYTES = Limit(IMAGE_MAX_BYTES, LimitSource.VENDOR)  # a recommended limit, taken as hard
IMAGE_SIZE_KLING_BYTES = Limit(IMAGE_SAFE_BYTES, LimitSource.KLING)  # Kling refuses more; RunComfy may not
IMAGE_SIDE_MIN_PX = Limit(300, LimitSource.KLING)
IMAGE_SIDE_SAFE_PX = Limit(340, LimitSource.FIELD)  # what other front ends of the same model demand
IMAGE_SIDE_MAX_PX = Limit(65_536, LimitSource.KLING)
IMAGE_ASPECT_MAX = Limit(2.5, LimitSource.KLING)  # of the longer side to the shorter one
IMAGE_LARGE_PX = Limit(4096, LimitSource.VENDOR)  # "up to about 4K"
COVERAGE_MIN_SHARE = Limit(0.05, LimitSource.VENDOR)  # must be above, by the segmentation mask
# Ours: below this the mask and the landmarks mean different things (true finds measured 0.8-1.0), so the measured
# coverage proves nothing and must not block.
MASK_TRUST_MIN_SHARE = 0.5
# Ours: the detector's own default. A find below it may be a phantom beside a stylised character that it missed.
CONFIDENCE_TRUST_MIN = 0.5
# Ours: less is the soft edge that drawing programs leave.
TRANSPARENT_MIN_SHARE = 0.005

# --- reference video -------------------------------------------------------------------------------------------------
VIDEO_FORMATS_TAKEN = frozenset({"mp4", "mov"})  # Kling
VIDEO_CODECS_SURE = frozenset({"h264"})  # what every browser and the vendor surely take
VIDEO_PIXELS_SURE = frozenset({"yuv420p", "yuvj420p"})  # 8 bits 4:2:0: the only H.264 that every browser plays
VIDEO_SIZE_MAX_BYTES = Limit(VIDEO_MAX_BYTES, LimitSource.BOTH)
VIDEO_SIDE_MIN_PX = Limit(340, LimitSource.KLING)
VIDEO_SIDE_MAX_PX = Limit(3850, LimitSource.KLING)
DURATION_MIN_S = Limit(3, LimitSource.KLING)
DURATION_MAX_S = {
    Orientation.IMAGE: Limit(10, LimitSource.BOTH),
    Orientation.VIDEO: Limit(30, LimitSource.BOTH),
}
DURATION_SLACK_S = 0.005  # rounding in a clip's clock, far below one frame
# Advice only ("in view all the time"): one miss among 24 moments may be the detector's, two are not.
PERSON_SHARE_MIN = 0.95

# --- prompt ----------------------------------------------------------------------------------------------------------
PROMPT_MAX_CHARS = Limit(2500, LimitSource.KLING)

# --- what a look measures: ours, because the documents name no numbers ------------------------------------------------
# Image: 45 degrees is as near to lying as to standing; leaning dancers stay below 40. Beyond 135 the head is down.
TILT_LYING_DEG, TILT_UPSIDE_DOWN_DEG = 45.0, 135.0
# Of white: the light parts of a figure. Lit ones measure 0.4-1.0, a well visible one in a dim room 0.13. Below the
# first nobody makes out much; below the second doubts are the darkness's doing, and what seems hidden need not be.
DARK_MAX, DIM_MAX = 0.12, 0.2
WELL_FOUND_MIN = 0.9  # the detector's score
# Of white: the dark parts of a figure. Well exposed ones measure 0.02-0.3, pale ones in white before white 0.55. From
# the first on all of it is washed out; from the second on doubts are the light's doing, and what seems hidden need not
# be. Likewise where so much of a face is burnt out: 0-0.01 in well exposed ones, 0.5 and more where the detector errs.
WASHED_OUT_MIN, PALE_MIN, BLANK_SHARE_MIN = 0.8, 0.6, 0.6
LIGHT_SHARE_MIN = 0.3  # of the time that it is too dark, or too bright
# What brightening aims at, and what it can do before nothing but noise is to be seen.
BRIGHT_AIM, GAIN_MAX = 0.5, 8.0
BRIGHTEN_FROM = 0.03
# What deepening aims at, and the most of the range that it takes away before little but noise and bands is to be seen.
DEEP_AIM, VEIL_MAX = 0.2, 0.875
# A shape is portrait or landscape when one side is a tenth longer; below that it is as good as square.
ASPECT_SQUARE_MAX = 1.1
# Of the moments of the clip: less is a hand that swings out now and then.
ROOM_LEFT_SHARE_MAX = 0.2
# How far beyond the picture's edge a joint must come, as a share of that side: the retargeting is not exact.
ROOM_MARGIN_SHARE = 0.03
# Clip: what shows for less than a third of a second, or in fewer than three moments in ten, may be the detector's.
GLITCH_S = 0.35
COVERED_SHARE_MIN, HIDDEN_SHARE_MIN = 0.08, 0.25
# Of the moments; a turn in a dance shows the back for less.
BACK_SHARE_MIN = 0.3
POSE_SURE_MIN = 0.8  # the detector's score; poses of people who are half covered come out turned and tilted
FLOOR_SHARE_MIN = 0.2
BACK_DEG = 120.0
# Lengths of the trunk a second, mean of a second (see vision/motion_speed.py). Of the labelled clips, brisk walks and
# dances at 1.3-1.6 times their speed measure 1.6-2.78, a dancer behind whom somebody passes 2.87, dances at 2 times
# their speed and more 2.93-3.8, in every framing, in noise and compressed. At nine frame rates, telecined ones too, the
# same drawn dance or walk that is lively measures within a factor of 1.15 on average, 1.19 at most.
SPEED_MAX_TRUNKS_PER_S = 2.9
SPEED_WINDOW_S = 1.0
# A photograph held for seconds measures up to 0.06, as a codec changes it; who hardly moves 0.28 and more, who talks
# and moves the hands 0.4-0.6.
STILL_MAX_TRUNKS_PER_S = 0.12
# Edges of sharp figures measure 0.55-0.85, out of focus 0.3 (see vision/frame_analysis.py).
SHARPNESS_MIN = 0.42
BLURRED_SHARE_MIN = 0.3
# Movement of the view in long sides of the picture, zoom and roll counted at the picture's edge. A steady hand: 0.05
# within 2 s; a slow pan or zoom: 0.035 within 2 s, but 0.1 within 6 s. A tripod measures 0.00.
CAMERA_QUICK_MAX, CAMERA_QUICK_S = 0.065, 2.0
CAMERA_DRIFT_MAX, CAMERA_DRIFT_S = 0.08, 6.0
# Seconds that may be lost before it is worth a word: less than the gap to the next moment looked at.
LOST_MIN_S = 0.5
USABLE_MIN_S = DURATION_MIN_S  # "the longest continuous valid span must be >= 3 s"
# The adviser: a body that turns this far, for this share of the time, needs the orientation that follows it.
TURNED_DEG, TURNED_SHARE_MIN = 60.0, 0.1

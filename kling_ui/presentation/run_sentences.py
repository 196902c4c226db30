"""The sentences of runs in English: how they ended, what is in the way, how their files travel.

A place in a sentence names one of the values that :mod:`kling_ui.presentation.runs` gives.
"""

from kling_ui.errors import NO_BALANCE, REPORT_ADVICE
from kling_ui.languages import told
from kling_ui.options import RigNote
from kling_ui.runs.outcomes import (
    CancelCode,
    OutcomeCode,
    ReasonCode,
    TroubleCode,
)
from kling_ui.runs.publishing.protocol import Channel
from kling_ui.runs.record import EngineName, RunState, StartCode

RENDERERS = told({EngineName.PREVIEW: "the preview engine", EngineName.KLING: "RunComfy"})
GONE = told("The video was made, but its files are no longer kept here.")
GONE_ADVICE = told(
    {
        EngineName.PREVIEW: "To make another one, choose both inputs again.",
        EngineName.KLING: "Recover it by its request id, if RunComfy still has it.",
    }
)
ENTER_TOKEN = told("This run goes on at RunComfy. Enter its token to follow it here.")
FAULT = told("Something went wrong inside this program.")
DELETED = told("This run was deleted: its files, its prompt and its findings are gone.")
DELETED_FOR_NOW = told("This run was deleted on the page, where it can still be put back.")
NOT_SENT_AGAIN = told("It was not sent again, so that nothing is paid twice.")
RECOVER = told(
    f"{NOT_SENT_AGAIN} Look at the account's requests at RunComfy: if it is there, "
    "recover it here with its token and request id (or with kling-ui recover); if it is not, run it again."
)
LOOK_UP = told("Look for the request {request_id} in your account at {renderer}.")

REASONS: dict[ReasonCode, tuple[str, str]] = told(
    {
        ReasonCode.PREVIEW: ("The preview could not be drawn.", ""),
        ReasonCode.NO_CHARACTER: (
            "The preview found no person in the picture.",
            "Choose one that shows the character from the front, as large as can be.",
        ),
        ReasonCode.NOBODY_MOVES: (
            "The preview found no person in the clip.",
            "Choose one that shows a person moving, head and shoulders in view.",
        ),
        ReasonCode.UPPER_BODY: (
            "Kling did not find a whole upper body in the image or in the video.",
            "Choose a picture and a clip of one person with head, shoulders and torso in view.",
        ),
        ReasonCode.CHARACTER: (
            "Kling did not accept the character in the image, or the first frame of the video.",
            "Trim the video so that it starts with the whole figure clearly in view, or choose another image.",
        ),
        ReasonCode.MOTION_TOO_SHORT: (
            "Kling found less than 3 s of motion it can use in the video.",
            "Trim the video to its longest usable span: one person without cuts, from the front and not covered.",
        ),
        ReasonCode.RISK_CONTROL: (
            "The inputs were refused by content moderation, which does not say which one.",
            "Change the image, the video or the prompt.",
        ),
        ReasonCode.SIZE: (
            "Kling did not accept the size or the shape of the image.",
            "Use a picture of at least 300 px a side that is at most 2.5 times as long as wide.",
        ),
        ReasonCode.BUSY: (
            "Kling is busy with other runs.",
            "Try again later; the inputs are fine.",
        ),
        ReasonCode.SEVERAL_PEOPLE: (
            "Kling found more than one person.",
            "Use a picture and a span of the clip with one person only.",
        ),
        ReasonCode.NOT_FETCHED: (
            "RunComfy could not fetch an input from its address.",
            "Give an address that opens without signing in, or upload the file here.",
        ),
        ReasonCode.DURATION: (
            "Kling did not accept the length of the video.",
            "It takes 3 to 30 s, or 3 to 10 s when the facing follows the image.",
        ),
        ReasonCode.TOO_LARGE: (
            "An input is too large.",
            "Make it smaller: images up to 10 MB and videos up to 100 MB are safe.",
        ),
        ReasonCode.FORMAT: (
            "RunComfy does not take the format of an input.",
            "Use JPEG or PNG for the image and MP4 with H.264 for the video.",
        ),
        ReasonCode.MODERATION: (
            "The inputs were refused by content moderation.",
            "Change the image, the video or the prompt.",
        ),
        ReasonCode.NO_BALANCE: NO_BALANCE,
        ReasonCode.TIMEOUT: (
            "RunComfy took too long over this run and gave up.",
            "Try again later; the inputs may be fine.",
        ),
        ReasonCode.FIELDS: ("RunComfy did not accept the {inputs}.", "Its own words tell more."),
        ReasonCode.OTHER: (
            "Kling could not make this video.",
            "Its own words may tell why; change the inputs or try again later.",
        ),
    }
)

# Each with its advice; they are filled in with the values that _values gives.
OUTCOMES: dict[OutcomeCode, tuple[str, str]] = told(
    {
        OutcomeCode.ERROR: ("{message}", "{advice}"),
        OutcomeCode.FAULT: (FAULT, f"Its log tells more. {REPORT_ADVICE}"),
        OutcomeCode.ENGINE_FAILED: ("{reason}", "{reason_advice}"),
        OutcomeCode.REFUSED: ("{reason}", "{reason_advice}"),
        OutcomeCode.NEVER_ENDED: (
            "RunComfy has not ended this run for so long that its result would be gone by now. It may be charged.",
            LOOK_UP,
        ),
        OutcomeCode.NO_VIDEO: ("The run is done, but there is no video to keep. {message}", "{try_again}"),
        OutcomeCode.VIDEO_EXPIRED: (
            "The run is done, but there is no video to keep. {message} It has expired by now.",
            "{try_again}",
        ),
        OutcomeCode.NOT_TOLD: ("{message} What became of the run is not known; it may be charged.", LOOK_UP),
        OutcomeCode.SUBMIT_UNCLEAR: ("{message}", RECOVER),
        OutcomeCode.STOPPED_EACH_TIME: ("The app stopped each time it drew this preview.", "Try a shorter clip."),
        OutcomeCode.STOPPED_BEFORE_SENDING: (
            "The app stopped before this run was sent. Nothing is charged.",
            "Start it again.",
        ),
        OutcomeCode.STOPPED_WHILE_SENDING: (
            "The app stopped while it sent this run. It is not known whether RunComfy accepted it.",
            RECOVER,
        ),
        OutcomeCode.CANCELLED_AT_ENGINE: ("Cancelled before it started. Nothing was rendered.", ""),
        OutcomeCode.CANCELLED_BEFORE_SENDING: ("Cancelled. Nothing was sent.", ""),
        OutcomeCode.CANCELLED_WHILE_WAITING: ("Cancelled while it waited. Nothing was rendered.", ""),
        OutcomeCode.PREVIEW_STOPPED: ("Stopped. The half-drawn preview was thrown away.", ""),
    }
)
CANCELS = told(
    {
        CancelCode.BEING_SENT: (
            "It is being sent at this moment; once it is accepted, it is cancelled if that is still possible."
        ),
        CancelCode.VIDEO_MADE: "It is too late to cancel: the video is made, and it is kept.",
        CancelCode.ENDED_ALREADY: "This run has already ended.",
        CancelCode.JUST_ENDED: "This run has just ended.",
        CancelCode.ENDED_AT_ENGINE: "It is too late to cancel: the run has just ended.",
        CancelCode.GOES_ON: (
            "It has started and cannot be stopped any more: {renderer} goes on, and the video will be kept here."
        ),
        CancelCode.NOT_KNOWN: (
            "{message} Whether the run was cancelled is not known; it is still followed here, and it may be charged."
        ),
        CancelCode.NOT_FOLLOWED: "This run is not followed here at the moment, so it cannot be cancelled from here.",
    }
)
STARTS = told(
    {
        StartCode.NEW: "",
        StartCode.SAME_RESULT: "You already have this result. Run it again for another one.",
        StartCode.SAME_PAID_RESULT: (
            "You already have this result. Run it again for another one, which is charged again."
        ),
        StartCode.SAME_UNKNOWN: (
            "The same run was started before, and it is not known whether RunComfy accepted it. "
            "Run it again only if it is not among the account's requests: both would be charged."
        ),
        StartCode.SAME_OPEN: "This run is already under way.",
        StartCode.FOUND: "Found. The run is followed on.",
        StartCode.FOUND_WITHOUT_INPUTS: "Found. Its inputs are not known here, so its motion cannot be measured.",
        StartCode.FOUND_HERE: "This result is here already.",
        StartCode.FOUND_FOLLOWED: "This run is being followed already.",
    }
)
TROUBLES = told(
    {
        TroubleCode.RETRIED: "{message} It is tried again.",
        TroubleCode.RETRIED_LATER: "{message} It is tried again in a few minutes.",
        TroubleCode.NOT_WRITTEN: "{message}",
    }
)
CHANNELS = told(
    {  # they go on after "Image: "
        Channel.GIVEN_ADDRESS: "by the address that you gave ({host}).",
        Channel.STORE: (
            "by a signed address in the S3 store ({host}) that works for at most {hours} h; "
            "the copy there is deleted after the run."
        ),
        Channel.APP_ADDRESS: (
            "by a signed address of this app ({host}) that works while the run is open, for at most {hours} h."
        ),
        Channel.INLINE: (
            "inside the request itself. RunComfy's own nodes send files so, but it is not confirmed for this model."
        ),
    }
)
DRAWING = told({EngineName.PREVIEW: "Drawing the preview", EngineName.KLING: "Kling is rendering the video"})
READY = told({EngineName.PREVIEW: "The preview is ready.", EngineName.KLING: "The video is ready and kept here."})
UNDER_WAY = told(
    {
        RunState.PREPARING: "Getting the files ready.",
        RunState.SUBMITTING: "Handing the files to {renderer}.",
        RunState.COLLECTING: "The video is ready. Fetching it.",
        RunState.SCORING: "The video is ready. Measuring how well it follows the reference.",
    }
)
ENDED = told(
    {  # of runs that were written down without a reason
        RunState.FAILED: "The run failed.",
        RunState.CANCELLED: OUTCOMES[OutcomeCode.CANCELLED_AT_ENGINE][0],
        RunState.UNKNOWN: "It is not known whether {renderer} accepted this run.",
    }
)


RIG_NOTES: dict[RigNote, str] = told(
    {
        RigNote.HANDS_HIDDEN: "Hands are hidden in the picture: arms end at the sleeve and stay with the body.",
        RigNote.HAND_AT_HEAD: "A hand that touches head or neck in the picture stays there, and its arm with the body.",
        RigNote.LEGS_ONE: "Crossed legs move as one piece.",
        RigNote.SKIRT_ONE: "The cloth around both legs moves as one piece.",
    }
)

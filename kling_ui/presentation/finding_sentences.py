"""The sentences of findings and advice in English; the catalogues have them in other languages.

A place in a sentence names one of the values that come with its code; behind a colon stands how it is written, as
Python's format strings have it or as :data:`kling_ui.presentation.findings.WRITERS` does.
"""

from kling_ui.checks.limits import LimitSource
from kling_ui.checks.report import CurveKind
from kling_ui.checks.report import FindingCode as Code
from kling_ui.checks.usability import AdviceCode, SpanKind
from kling_ui.languages import told
from kling_ui.vision.pose import Framing

_SMALLER = "Save it as a JPEG, or scale it down."
_TO_MP4 = told("Convert it to MP4 (H.264).")
_ONE_PERSON = "Choose a clip of one person who stays in view, head included{can_trim:or_trim}."
_CLEAR_START = "Start the clip where the person is clearly in view."
_STILL_CAMERA = "Choose a clip from a camera that stands still{can_trim:or_trim}."
_LONGEST_PART = "{can_trim:trim_or_choose} another clip: what does not come back is paid for, too."
_UPRIGHT = "Choose a picture of somebody who stands or sits, or turn this one upright."

# What keeps the preview alone from being drawn, as its button says it.
STOPS: dict[Code, str] = told(
    {
        Code.IMAGE_CHARACTER: "No person found in the picture",
        Code.VIDEO_PERSON_NOBODY: "No person found in the clip",
    }
)

# What is wrong, in one sentence that starts with "The", and what to do. What a person may do depends
# on whether the clip has a part that can be kept: ``can_trim``.
FINDINGS: dict[Code, tuple[str, str]] = told(
    {
        Code.PROMPT_REQUIRED: (
            "The prompt is empty; this model needs one.",
            "Describe the scene, the clothes and the light in a few words.",
        ),
        Code.PROMPT_CHARACTERS: (
            "The prompt holds characters that are no text and cannot be sent ({characters}).",
            "Write it anew, or paste it without formatting; invisible characters go along with what is copied.",
        ),
        Code.PROMPT_LENGTH: (
            "The prompt has {length} characters; at most {limit} are taken.",
            "Shorten it: it only describes scene, clothes and light; the motion comes from the video.",
        ),
        Code.IMAGE_FORMAT: (
            "The image is {format:file_kind}; only JPEG and PNG are taken.",
            "Convert it to PNG or JPEG.",
        ),
        Code.IMAGE_FORMAT_ANIMATED: (
            "The image is animated ({frame_count} frames); at best its first frame is used.",
            "Save its first frame as a plain PNG.",
        ),
        Code.IMAGE_FORMAT_MODE: (
            "The image stores its colours as {mode}, which services often read wrongly or refuse.",
            "Save it with 8-bit RGB colours.",
        ),
        Code.IMAGE_FORMAT_TURNED: (
            "The image lies on its side and only its metadata turns it upright; not every service does.",
            "Save it upright.",
        ),
        Code.IMAGE_FORMAT_TRANSPARENT: (
            "The image is transparent in {share:fine_percent} of its area; what fills it is left to chance.",
            "Save it on a background of your choice.",
        ),
        Code.IMAGE_PROFILE: (
            "The image's colours are those of “{profile}”; a service that takes them for sRGB shifts them.",
            "Convert it to sRGB.",
        ),
        Code.IMAGE_SIZE: ("The image file has {size_mb:.1f} MB; at most {limit_mb:.0f} MB are taken.", _SMALLER),
        Code.IMAGE_SIZE_KLING: (
            "The image file has {size_mb:.1f} MB; Kling's own service takes at most {limit_mb:.0f} MB.",
            _SMALLER,
        ),
        Code.IMAGE_SIDE_SHORT: (
            "The image has {width_px} x {height_px} px; its shorter side needs at least {limit_px} px.",
            "Scale it up, or choose a larger picture.",
        ),
        Code.IMAGE_SIDE_ADVISED: (
            "The image has {width_px} x {height_px} px; some services demand {limit_px} px on the shorter side.",
            "Choose a larger picture if you have one.",
        ),
        Code.IMAGE_SIDE_LONG: (
            "The image has {width_px} x {height_px} px; its longer side may have at most {limit_px} px.",
            "Scale it down.",
        ),
        Code.IMAGE_ASPECT: (
            "The image is {width_px} x {height_px} px; one side may be {limit:g} times the other at most.",
            "Crop it, or add background at its longer sides.",
        ),
        Code.IMAGE_LARGE: (
            "The image has {long_px} px on its longer side; up to about {limit_px} px (4K) is advised.",
            "Scale it down.",
        ),
        Code.IMAGE_CHARACTER: (
            "The image shows no person or humanoid character that could be found.",
            "Go on if you see one clearly (detectors miss stylised characters), place its joints by hand, "
            "or choose another picture.",
        ),
        Code.IMAGE_COVERAGE: (
            "The character covers {share:fine_percent} of the image; more than {limit_share:fine_percent} is needed.",
            "Crop the picture around the character; go on only if the outline shown here is wrong.",
        ),
        Code.IMAGE_BODY_PART: (
            "The image does not clearly show the head and both shoulders of the character.",
            "Choose a picture of at least the upper body, seen from the front.",
        ),
        Code.IMAGE_BODY_CUT: (
            "The image cuts off the {parts:list} (the character's own left and right).",
            "Choose a picture with whole arms and legs, or one that ends above the knees.",
        ),
        Code.IMAGE_BODY_HANDS: (
            "The image leaves out the {parts:list}, so hands will be invented.",
            "Choose a picture that shows both hands if the video moves them.",
        ),
        Code.IMAGE_OCCLUSION: (
            "The image hides the {parts:short_list}.",
            "Choose a picture with nothing in front of the character and both arms in view; the preview lets arms "
            "whose hands are hidden end at the sleeve.",
        ),
        Code.IMAGE_DARK: (
            "The picture is too dark: what is light in the character reaches {brightness:percent} of white; "
            "{limit:percent} is about the least that shows it well.",
            "Brighten it, or choose a picture that was taken in more light.",
        ),
        Code.IMAGE_BRIGHT: (
            "The picture is too bright: even what is dark in the character reaches {shade:percent} of white; "
            "below about {limit:percent} it shows well.",
            "Deepen it, or choose a picture that was exposed for less.",
        ),
        Code.IMAGE_BRIGHT_FACE: (
            "The picture is too bright: {glare:percent} of the character's face is burnt out to white.",
            "Choose a picture that was exposed for less: what is burnt out cannot be brought back.",
        ),
        Code.IMAGE_POSTURE_TURNED: (
            "The picture was stored {turns:turned_how}, so the character is not upright.",
            "Turn it upright.",
        ),
        Code.IMAGE_POSTURE_LYING: (
            "The character lies or is turned on its side ({tilt_deg:.0f}° from upright).",
            _UPRIGHT,
        ),
        Code.IMAGE_POSTURE_UPSIDE_DOWN: ("The character is upside down ({tilt_deg:.0f}° from upright).", _UPRIGHT),
        Code.IMAGE_PEOPLE: (
            "The image shows {count} people; the largest one, {middle:place}, is used.",
            "Crop the picture around the character that you mean.",
        ),
        Code.VIDEO_FORMAT: ("The clip is {format:file_kind}; only MP4 and MOV are taken.", _TO_MP4),
        Code.VIDEO_CODEC: (
            "The clip is coded as {codec:codec_name}; only H.264 is sure to be taken and to play in every browser.",
            _TO_MP4,
        ),
        Code.VIDEO_CODEC_PIXELS: (
            "The clip stores its colours as {pixel_format}, which many players and services cannot read.",
            _TO_MP4,
        ),
        Code.VIDEO_CODEC_RATE: (
            "The clip's frame rate varies around {fps:.1f} frames per second, so movement may stutter.",
            "Convert it to an even frame rate.",
        ),
        Code.VIDEO_HDR: (
            "The clip is HDR ({hdr}); a service that takes it for SDR sees it grey and flat.",
            "Convert it to SDR, which keeps its look.",
        ),
        Code.VIDEO_HDR_OWN_COLOURS: (
            "The clip has the colours of {hdr} alone, which only licensed players can show; here, in previews and at "
            "most services it looks green and purple.",
            "Export it in SDR, or in HDR that others can show (HDR10 or HLG), where it was made.",
        ),
        Code.VIDEO_INTERLACED: (
            "The clip is interlaced: each picture mixes two moments, which shows as combs on what moves.",
            "Convert it, which makes whole pictures of it.",
        ),
        Code.VIDEO_DAMAGED: (
            "The clip's file is damaged: {count} of its pictures cannot be read, and what is seen may be wrong at "
            "{spans:spans}.",
            "Download or export it once more. Converting it leaves out what cannot be read.",
        ),
        Code.VIDEO_SIZE_CHANGES: (
            "The clip's pictures change their size (at {times_s:times}); services often refuse or stretch such a clip.",
            "Convert it to one size, or choose a clip that was not turned while it was recorded.",
        ),
        Code.VIDEO_SIZE: (
            "The clip's file has {size_mb:.1f} MB; at most {limit_mb:.0f} MB are taken.",
            "Trim it, or export it with a lower bit rate.",
        ),
        Code.VIDEO_SIDE_SHORT: (
            "The clip has {width_px} x {height_px} px; its shorter side needs at least {limit_px} px.",
            "Scale it up, or choose a larger clip.",
        ),
        Code.VIDEO_SIDE_LONG: (
            "The clip has {width_px} x {height_px} px; its longer side may have at most {limit_px} px.",
            "Scale it down.",
        ),
        Code.VIDEO_DURATION_SHORT: (
            "The clip lasts {duration_s:duration}; at least {limit_s:.0f} s are needed.",
            "Choose a longer clip.",
        ),
        Code.VIDEO_DURATION_LONG: (
            "The clip lasts {duration_s:duration}; orientation “{orientation}” takes at most {limit_s:.0f} s.",
            "Trim it to {limit_s:.0f} s.",
        ),
        Code.VIDEO_DURATION_LONG_FOR_IMAGE: (
            "The clip lasts {duration_s:duration}; orientation “{orientation}” takes at most {limit_s:.0f} s.",
            "Trim it to {limit_s:.0f} s, or choose orientation “video”.",
        ),
        Code.VIDEO_SOUND: (
            "The clip has no sound, so there is none to keep.",
            "Nothing to do if a silent result is fine; else choose a clip with sound.",
        ),
        Code.VIDEO_USABLE_TOO_SHORT: (
            "The clip's longest usable part lasts {at_best_s:.1f} s; at least {limit_s:.0f} s are needed "
            "(lost to {lost_to:causes}).",
            "Choose another clip, or another part of this one; go on only if the timeline shown here is wrong.",
        ),
        Code.VIDEO_USABLE_PART: (
            "The clip is likely to come back only in part: about {usable_s:.1f} of its {duration_s:.1f} s "
            "({lost_to:causes}).",
            _LONGEST_PART,
        ),
        Code.VIDEO_USABLE_NONE: (
            "The clip may not come back whole: no part of its {duration_s:.1f} s is sure to ({lost_to:causes}).",
            "All of it may come back nevertheless; to be sure choose another clip, no part of "
            "this one is free of that.",
        ),
        Code.VIDEO_DARK: (
            "The clip is too dark for {share:percent} of the time: what is light in the person reaches "
            "{brightness:percent} of white; {limit:percent} is about the least that shows moves well.",
            "Brighten it, or choose a clip that was filmed in more light.",
        ),
        Code.VIDEO_BRIGHT: (
            "The clip is too bright for {share:percent} of the time: even what is dark in the person reaches "
            "{shade:percent} of white; below about {limit:percent} moves show well.",
            "Deepen it, or choose a clip that was exposed for less.",
        ),
        Code.VIDEO_BRIGHT_FACE: (
            "The clip is too bright for {share:percent} of the time: {glare:percent} of the person's face is burnt out "
            "to white.",
            "Choose a clip that was exposed for less: what is burnt out cannot be brought back.",
        ),
        Code.VIDEO_PERSON_TURNED: (
            "The clip was stored {turns:turned_how}, so the person in it is not upright.",
            "Turn it upright.",
        ),
        Code.VIDEO_PERSON_NOBODY: (
            "The clip shows nobody with head and shoulders in any of the moments looked at.",
            _ONE_PERSON,
        ),
        Code.VIDEO_PERSON_GAPS: (
            "The clip shows a person with head and shoulders only {share:percent} of the time (not at {spans:spans}).",
            _ONE_PERSON,
        ),
        Code.VIDEO_PERSON_COVERED: (
            "The person in the clip is not seen whole: {parts:are_hidden}, {share:percent} of the time.",
            "Choose a clip with nothing in front of the person.",
        ),
        Code.VIDEO_PERSON_LYING: (
            "The person lies or is upside down for {share:percent} of the time; such moves often go wrong.",
            "Choose a clip of somebody who stands or sits.",
        ),
        Code.VIDEO_PERSON_BACK: (
            "The person is seen from behind for {share:percent} of the time; faces come out best from the front.",
            "Choose a clip from the front if the face matters.",
        ),
        Code.VIDEO_CUTS_ONE: (
            "The clip has a cut (at {times_s:times}); the model follows one shot only.",
            "{can_trim:one_shot}.",
        ),
        Code.VIDEO_CUTS_SEVERAL: (
            "The clip has {count} cuts (at {times_s:times}); the model follows one shot only.",
            "{can_trim:one_shot}.",
        ),
        Code.VIDEO_CAMERA_ZOOMS: (
            "The camera zooms for {moving_s:.1f} s ({spans:spans}), so the clip may be cut short.",
            _STILL_CAMERA,
        ),
        Code.VIDEO_CAMERA_MOVES: (
            "The camera moves for {moving_s:.1f} s ({spans:spans}), so the clip may be cut short.",
            _STILL_CAMERA,
        ),
        Code.VIDEO_CAMERA_SHAKES: (
            "The camera shakes for {moving_s:.1f} s ({spans:spans}), so the clip may be cut short.",
            _STILL_CAMERA,
        ),
        Code.VIDEO_PEOPLE: (
            "The clip shows {count} people for about {share:percent} of the time (besides the main one, somebody "
            "{people:people}); the largest one is used, and some runs are refused.",
            "Choose a clip of one person, or crop the others out.",
        ),
        Code.VIDEO_STILL: (
            "The person in the clip does not move, so there is nothing to transfer.",
            "Choose a clip of somebody who moves.",
        ),
        Code.VIDEO_SPEED_FAST: (
            "The figure moves very fast ({spans:spans}): {fastest:.1f} trunk lengths per second, where {limit:.1f} is "
            "about the most that is followed well.",
            "Choose a calmer clip, or slow it down.",
        ),
        Code.VIDEO_SPEED_BLURRED: (
            "The figure is blurred for {share:percent} of the time.",
            "Choose a sharper clip: in focus, in good light, with calm moves.",
        ),
        Code.VIDEO_FIRST_FRAME_PART: (
            "The clip's first frame shows {first:body}, although most of the clip shows {usual:body}.",
            _CLEAR_START,
        ),
        Code.VIDEO_FIRST_FRAME_COVERED: ("The clip's first frame hides the {part} of the person.", _CLEAR_START),
        Code.PAIR_FRAMING: (
            "The image shows {image:body}, the clip {video:body}; what is missing is invented.",
            "Choose an image and a clip that show the same part of the body, or crop the one that shows more.",
        ),
        Code.PAIR_ROOM: (
            "The image is too tight for the moves of the clip: the character would leave it at the {edges:list}, "
            "{share:percent} of the time.",
            "Choose a picture with more empty space around the character, or a calmer clip.",
        ),
        Code.PAIR_ASPECT: (
            "The image is in {image} format, the clip in {video} format.",
            "Choose two of the same format, or crop one of them.",
        ),
    }
)

ADVICE = told(
    {
        AdviceCode.TOO_LONG: "The clip lasts {duration_s:.1f} s; orientation “image” takes at most {limit_s:.0f} s.",
        AdviceCode.TURNS: (
            "The body is turned away for {share:percent} of the time; only orientation “video” follows turns."
        ),
        AdviceCode.CAMERA: "The camera moves for {camera_s:.1f} s; orientation “image” copes better with that.",
        AdviceCode.EITHER: (
            "The body faces the camera and the clip is short, so both work; “video” follows large moves more closely."
        ),
    }
)
# What the picture beside a finding shows, by the id of its rule.
PICTURES = told(
    {
        "image.people": "The picture with the people that were found",
        "pair.room": "The picture with the room that the moves need",
        "video.cuts": "The frames before and after a cut",
        "video.camera": "The view before and after the camera moved",
        "video.people": "A moment with the people that were found",
        "video.speed": "Two neighbouring frames of the fastest moment",
        "video.first_frame": "The first frame",
    }
)
CURVES = told(
    {
        CurveKind.CAMERA: "movement of the view, long sides of the picture per second",
        CurveKind.SPEED: "speed, trunk lengths per second",
        CurveKind.SHARPNESS: "sharpness",
    }
)
SOURCES = told(
    {
        LimitSource.VENDOR: "RunComfy's page for this model",
        LimitSource.KLING: "Kling's API text and guide",
        LimitSource.BOTH: "Kling's API text and RunComfy's page for this model",
        LimitSource.FIELD: "reports of users",
        LimitSource.SENSE: "common sense",
    }
)
CAUSES = told(
    {
        SpanKind.CUT: "cuts",
        SpanKind.NOBODY: "moments without a person",
        SpanKind.OUT_OF_VIEW: "moments in which head or shoulders are out of view",
        SpanKind.SEVERAL: "other people",
        SpanKind.OCCLUDED: "something in front of the person",
        SpanKind.CAMERA: "camera movement",
        SpanKind.FAST: "moves that are too fast",
        SpanKind.UNSEEN: "seconds that were not looked at",
    }
)
BODIES = told(
    {
        Framing.NOBODY: "nobody",
        Framing.PART: "only a part of a body",
        Framing.UPPER: "an upper body",
        Framing.FULL: "a full body",
    }
)

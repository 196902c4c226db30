import numpy as np

from kling_ui.presentation.result_sentences import CHARACTER_UNSEEN
from kling_ui.ui.web.closer_looks import JOINTS, NOBODY, closer_value, skeleton_value
from kling_ui.ui.web.signed_files import SignedFiles
from kling_ui.vision.pose import Landmark, PoseTrack

FACES = {"kind": "faces", "times_s": [0.5], "tile_px": [192, 192], "largest_px": 90}
NO_HAND = {"kind": "left-hand", "times_s": [], "tile_px": [0, 0], "largest_px": 12}


def _found(**changes):
    return {"strips": [FACES, NO_HAND], "has_character_face": True, "worst": []} | changes


def test_a_skeleton_is_small_and_leaves_out_what_is_not_seen():
    landmarks = np.full((3, 33, 4), 0.25, np.float32)
    landmarks[..., 3] = 1.0
    landmarks[0, Landmark.LEFT_WRIST, 3] = 0.1
    landmarks[1] = np.nan
    value = skeleton_value(PoseTrack(np.array([0.0, 0.1, 0.2]), landmarks, np.zeros((3, 33, 3)), 1.0))
    assert value["times_s"] == [0.0, 0.2]
    assert [len(frame) for frame in value["joints"]] == [len(JOINTS)] * 2
    assert value["joints"][0][JOINTS.index(Landmark.LEFT_WRIST)] is None
    assert value["joints"][1][JOINTS.index(Landmark.LEFT_WRIST)] == [250, 250]


def test_a_clip_of_nobody_says_so():
    nobody = PoseTrack(np.zeros(2), np.full((2, 33, 4), np.nan), np.zeros((2, 33, 3)), 1.0)
    assert skeleton_value(nobody) == {"words": NOBODY}


def test_strips_stand_beside_the_characters_face_and_what_is_missing_has_a_reason(tmp_path):
    value = closer_value(SignedFiles(tmp_path, b"secret"), tmp_path, _found())
    faces, hand = value["strips"]
    assert faces["url"].endswith("/closer-faces.jpg")
    assert faces["beside"].endswith("/closer-character.jpg")
    assert (hand["url"], hand["words"]) == (
        "",
        "No left hand is large enough to be judged: 12 px across at most, 28 are needed.",
    )
    assert value["worst"]["words"] == "No limb that is surely seen is more than 20° off."


def test_a_picture_without_a_face_and_a_run_without_a_reference(tmp_path):
    value = closer_value(SignedFiles(tmp_path, b"secret"), tmp_path, _found(has_character_face=False, worst=None))
    assert value["strips"][0]["words"] == CHARACTER_UNSEEN
    assert "beside" not in value["strips"][0]
    assert value["worst"] is None
    moment = {"at_s": 1.5, "limb": "left forearm", "error_deg": 64.4}
    value = closer_value(SignedFiles(tmp_path, b"secret"), tmp_path, _found(worst=[moment]))
    assert value["worst"]["moments"] == [{"at_s": 1.5, "words": "left forearm 64° off"}]

"""A drawn, shaded person with exactly known joints: the examples of the product and the ground truth of its tests."""

from figure.clip import DrawnClip, DrawnStill, write_clip, write_still
from figure.look import Hair, Look, Top
from figure.motions import DANCE_S, GESTURE_S, dance, gesture, mirror, offering
from figure.scene import Actor, Bar, Camera, Picture, Scene, draw, true_joints
from figure.skeleton import Build, Pose, pair
from figure.sound import tune

__all__ = [
    "DANCE_S",
    "GESTURE_S",
    "Actor",
    "Bar",
    "Build",
    "Camera",
    "DrawnClip",
    "DrawnStill",
    "Hair",
    "Look",
    "Picture",
    "Pose",
    "Scene",
    "Top",
    "dance",
    "draw",
    "gesture",
    "mirror",
    "offering",
    "pair",
    "true_joints",
    "tune",
    "write_clip",
    "write_still",
]

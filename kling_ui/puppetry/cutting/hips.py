"""How a thigh goes on around its hip: under the torso, and to the other thigh as far down as the crotch.

What it takes is bounded by a curve around the hip joint, so that it looks the same however the leg is spread: towards
the other thigh as far away as the crotch is, outwards no further than the body is wide there.
"""

import cv2
import numpy as np

from kling_ui.puppetry.cutting.distances import march
from kling_ui.puppetry.cutting.window import Window, among
from kling_ui.puppetry.skeleton import BONES, HIPS, THIGHS, Joint, Part

KNEES = (Joint.LEFT_KNEE, Joint.RIGHT_KNEE)
CROTCH_M = 0.12  # below the hips, where no gap between the legs shows it
LOWEST_M = 0.17  # a gap that begins further down is one between legs that touch
MIDDLE = 0.4  # of the way from between the hips to either one, where it may begin
LEAST_M, MOST_M = 0.06, 0.18  # how far a thigh goes on outwards
RIM_PX = 2.0
SOLID = 0.6


def thigh_top(window: Window, part: Part) -> np.ndarray:
    """``(height, width)`` float32 0-1: the spot around a hip that the thigh fills."""
    height, width = window.labels.shape
    hip = window.joints[BONES[part].start]
    other = window.joints[next(joint for joint in HIPS if joint is not BONES[part].start)]
    inwards = (other - hip) / max(float(np.hypot(*(other - hip))), 1e-6)
    cloth = among(window.labels, (Part.TORSO, *THIGHS)) & (window.alpha > SOLID)
    inner = _to_crotch(window, cloth, hip)
    outer = max(LEAST_M * window.px_per_m, march(cloth, hip, -inwards, MOST_M * window.px_per_m))
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    x, y = xs - np.float32(hip[0]), ys - np.float32(hip[1])
    away = cv2.magnitude(x, y)
    towards = (x * inwards[0] + y * inwards[1]) / np.maximum(away, 1e-6)
    reach = outer + (inner - outer) * np.clip(0.5 + towards, 0, 1)
    return (np.clip((reach - away) / RIM_PX, 0, 1) * cloth).astype(np.float32)


def _to_crotch(window: Window, cloth: np.ndarray, hip: np.ndarray) -> float:
    """How many px it is from a hip to where the gap between the legs begins."""
    left, right = window.joints[list(HIPS)]
    middle, knees = (left + right) / 2, window.joints[list(KNEES)].mean(axis=0)
    down = (knees - middle) / max(float(np.hypot(*(knees - middle))), 1e-6)
    most = LOWEST_M * window.px_per_m
    starts = [middle + share * (left - middle) for share in np.linspace(-MIDDLE, MIDDLE, 15)]
    ways = [(start, march(cloth, start, down, most)) for start in starts]
    ends = [start + way * down for start, way in ways if way < most - 2]
    ends = ends or [middle + down * CROTCH_M * window.px_per_m]
    return min(float(np.hypot(*(end - hip))) for end in ends)

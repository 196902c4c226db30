"""The mark in the corner of every preview, by which it is known."""

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kling_ui.media.colour import to_ycbcr

WORDS = "Preview, not Kling"
TEXT_SHARE = 0.026  # of the shorter side
LEAST_TEXT_PX = 9  # smaller letters cannot be read
GAP = 0.7  # of the text's height, to the frame's edges
PAD_X, PAD_Y = 0.7, 0.4  # of the text's height, between the text and the edges of its ground
INK, GROUND = (255, 255, 255, 225), (16, 18, 24, 120)  # RGBA


class Watermark:
    """Draws the watermark into the lower right corner of frames of one size.

    Args:
        size: ``(width_px, height_px)`` of the frames.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        text_px = max(LEAST_TEXT_PX, round(min(size) * TEXT_SHARE))
        mark = _draw_mark(text_px)
        height, width = min(mark.shape[0], size[1]), min(mark.shape[1], size[0])
        gap = min(round(text_px * GAP), size[0] - width, size[1] - height)
        alpha = mark[:height, :width, 3:].astype(np.float32) / 255
        self._ink = to_ycbcr(mark[:height, :width, :3]) * alpha
        self._clear = 1 - alpha
        self._rows = slice(size[1] - gap - height, size[1] - gap)
        self._columns = slice(size[0] - gap - width, size[0] - gap)

    def stamp(self, frame: np.ndarray) -> None:
        """Draw the watermark into ``(height, width, 3)`` uint8 in Y'CbCr, in place."""
        corner = frame[self._rows, self._columns]
        corner[:] = cv2.add(cv2.multiply(corner.astype(np.float32), np.repeat(self._clear, 3, axis=2)), self._ink)


def _draw_mark(text_px: int) -> np.ndarray:
    font = ImageFont.load_default(text_px)
    left, top, right, bottom = font.getbbox(WORDS)
    pad_x, pad_y = round(text_px * PAD_X), round(text_px * PAD_Y)
    size = int(right - left) + 2 * pad_x, int(bottom - top) + 2 * pad_y
    mark = Image.new("RGBA", size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(mark)
    pen.rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), radius=size[1] / 2, fill=GROUND)
    pen.text((pad_x - left, pad_y - top), WORDS, font=font, fill=INK)
    return np.asarray(mark)

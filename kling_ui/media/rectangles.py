"""Rectangles on pictures, in whole pixels of the picture as displayed."""

from typing import NamedTuple

Size = tuple[int, int]  # width and height, px


class Rect(NamedTuple):
    """A part of a picture; the right and bottom edges lie outside of it.

    Attributes:
        left_px: First column.
        top_px: First row.
        right_px: First column behind it.
        bottom_px: First row behind it.
    """

    left_px: int
    top_px: int
    right_px: int
    bottom_px: int

    @property
    def size(self) -> Size:
        """Width and height."""
        return self.right_px - self.left_px, self.bottom_px - self.top_px

    @classmethod
    def whole(cls, size: Size) -> "Rect":
        """Cover a picture of this size."""
        return cls(0, 0, *size)

    def turned(self, turns: int, size: Size) -> "Rect":
        """The same part after so many counter-clockwise quarter turns of a picture of ``size``."""
        left, top, right, bottom = self
        for _ in range(turns % 4):
            left, top, right, bottom = top, size[0] - right, bottom, size[0] - left
            size = size[1], size[0]
        return Rect(left, top, right, bottom)

    def holds(self, other: "Rect") -> bool:
        """Tell whether all of ``other`` lies inside."""
        return (
            self.left_px <= other.left_px
            and self.top_px <= other.top_px
            and self.right_px >= other.right_px
            and self.bottom_px >= other.bottom_px
        )


class Margins(NamedTuple):
    """What is added around a picture, in px."""

    left_px: int = 0
    top_px: int = 0
    right_px: int = 0
    bottom_px: int = 0

    def around(self, size: Size) -> Size:
        """Size of the picture with its margins."""
        return size[0] + self.left_px + self.right_px, size[1] + self.top_px + self.bottom_px

    def turned(self, turns: int) -> "Margins":
        """The same margins after so many counter-clockwise quarter turns."""
        turned = self
        for _ in range(turns % 4):
            turned = Margins(turned.top_px, turned.right_px, turned.bottom_px, turned.left_px)
        return turned


NO_MARGINS = Margins()


def window(size: Size, centre: tuple[float, float], within: Rect) -> Rect:
    """Place a rectangle of ``size`` around ``centre`` (px), moved as little as needed to lie ``within``.

    A size larger than ``within`` is cut to it.
    """
    left_px, width_px = _placed(size[0], centre[0], within.left_px, within.right_px)
    top_px, height_px = _placed(size[1], centre[1], within.top_px, within.bottom_px)
    return Rect(left_px, top_px, left_px + width_px, top_px + height_px)


def _placed(length: int, centre: float, first: int, end: int) -> tuple[int, int]:
    length = min(length, end - first)
    return max(first, min(round(centre - length / 2), end - length)), length

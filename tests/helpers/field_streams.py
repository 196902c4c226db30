"""Video of separate field pictures, which no encoder here can make: H.264 (ITU-T H.264) and MPEG-2 (ITU-T H.262).

Both are coded as plainly as the standards allow: H.264 in macroblocks of bare samples, MPEG-2 in blocks of one level.
"""

from collections.abc import Iterator, Sequence

import numpy as np

MACROBLOCK_PX, BLOCK_PX = 16, 8
_DC_CODES = ("100", "00", "01", "101", "110", "1110", "11110", "111110", "1111110")  # H.262, table B-12
_DC_CODES_CHROMA = ("00", "01", "10", "110", "1110", "11110", "111110", "1111110", "11111110")  # table B-13


def h264_frames(frames: Sequence[np.ndarray]) -> Iterator[bytes]:
    """Code each frame as two fields, the upper one first (an "Annex B" byte stream; the first holds the parameters).

    Args:
        frames: ``(height, width)`` uint8 of 16-235, sides of whole macroblocks in each field.
    """
    height, width = frames[0].shape
    across, down = width // MACROBLOCK_PX, height // 2 // MACROBLOCK_PX
    sequence = f"{77:08b}{0:08b}{40:08b}" + _ue(0, 0, 0, 4, 1) + "0" + _ue(across - 1, down - 1) + "0010"
    sequence += "1" + "0000" + f"1{1:032b}{50:032b}1" + "0000"  # 50 fields a second
    picture = _ue(0, 0) + "00" + _ue(0, 0, 0) + "000" + _se(0, 0, 0) + "100"
    head = _unit(0x67, sequence + "1") + _unit(0x68, picture + "1")
    for number, frame in enumerate(frames):
        fields = b"".join(_h264_field(frame[lower::2], number, lower) for lower in (0, 1))
        yield head + fields if number == 0 else fields


def _h264_field(luma: np.ndarray, number: int, lower: int) -> bytes:
    is_first = number == 0 and not lower
    slice_head = _ue(0, 7, 0) + f"{number % 16:04b}1{lower}" + (_ue(0) if is_first else "")
    slice_head += f"{(2 * number + lower) % 256:08b}" + ("00" if is_first else "0") + _se(0) + _ue(1)
    coded, begun = bytearray(), slice_head + _ue(25)
    grey = bytes([128] * (2 * BLOCK_PX**2))
    for top in range(0, luma.shape[0], MACROBLOCK_PX):
        for left in range(0, luma.shape[1], MACROBLOCK_PX):
            coded += _bytes(begun) + luma[top : top + MACROBLOCK_PX, left : left + MACROBLOCK_PX].tobytes() + grey
            begun = _ue(25)
    return b"\0\0\0\1" + bytes([0x65 if is_first else 0x61]) + _escaped(bytes(coded) + b"\x80")


def mpeg2_stream(frames: Sequence[np.ndarray]) -> bytes:
    """Code each frame as two fields, the upper one first, 25 frames a second.

    Args:
        frames: ``(height, width)`` uint8, level in each block of 8 x 8 px of each field.
    """
    height, width = frames[0].shape
    sequence = f"{width:012b}{height:012b}" + "0001" + "0011" + f"{20_000:018b}1{112:010b}000"
    extension = "0001" + f"{0x48:08b}" + "0" + "01" + "0000" + f"{0:012b}1{0:08b}0" + "0000000"
    coded = _start(0xB3, sequence) + _start(0xB5, extension) + _start(0xB8, f"{1 << 12:025b}10")
    for number, frame in enumerate(frames):
        for lower in (0, 1):
            coded += _start(0x00, f"{number:010b}001{0xFFFF:016b}0")
            structure = f"{lower + 1:02b}"
            coded += _start(0xB5, "1000" + "1" * 16 + "00" + structure + "0" * 9 + "00")
            coded += b"".join(_mpeg2_row(frame[lower::2], row) for row in range(height // 2 // MACROBLOCK_PX))
    return coded + b"\0\0\1\xb7"


def _mpeg2_row(luma: np.ndarray, row: int) -> bytes:
    bits, before = f"{2:05b}0", 128
    for left in range(0, luma.shape[1], MACROBLOCK_PX):
        bits += "11"
        for block in range(4):
            top = row * MACROBLOCK_PX + block // 2 * BLOCK_PX
            level = int(luma[top, left + block % 2 * BLOCK_PX])
            bits += _dc(level - before, _DC_CODES) + "10"
            before = level
        bits += 2 * (_dc(0, _DC_CODES_CHROMA) + "10")
    return _start(row + 1, bits)


def _dc(change: int, codes: Sequence[str]) -> str:
    size = abs(change).bit_length()
    value = change if change >= 0 else change + (1 << size) - 1
    return codes[size] + (f"{value:0{size}b}" if size else "")


def _start(code: int, bits: str) -> bytes:
    return b"\0\0\1" + bytes([code]) + _bytes(bits)


def _unit(kind: int, bits: str) -> bytes:
    return b"\0\0\0\1" + bytes([kind]) + _escaped(_bytes(bits))


def _bytes(bits: str) -> bytes:
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _escaped(payload: bytes) -> bytes:
    """Keep start codes out of a payload (H.264, 7.4.1)."""
    out, zeros = bytearray(), 0
    for value in payload:
        if zeros >= 2 and value <= 3:
            out.append(3)
            zeros = 0
        out.append(value)
        zeros = zeros + 1 if value == 0 else 0
    return bytes(out)


def _ue(*numbers: int) -> str:
    return "".join("0" * ((number + 1).bit_length() - 1) + f"{number + 1:b}" for number in numbers)


def _se(*numbers: int) -> str:
    return "".join(_ue(2 * number - 1 if number > 0 else -2 * number) for number in numbers)

"""Pictures of a clip that no decoder can read, told from the packets alone.

H.264 and HEVC in MP4, MOV and Matroska write the length of each part of a picture (a NAL unit) in front of it. Where
a download left a hole or a disk lost a sector these lengths lead nowhere. Damage inside of a part, with its length
intact, is not seen.
"""

from collections.abc import Sequence

from av.video.stream import VideoStream

_LENGTHS_AT = {"h264": 4, "hevc": 21}  # where the decoder's configuration says how long such a length is, less one
_LEAST_BYTES = {"h264": 1, "hevc": 2}  # of a part: its header
_FORBIDDEN_BIT = 0x80  # the first one of a header; it is never set

DamagedSpan = tuple[float, float]


def length_bytes(stream: VideoStream) -> int:
    """Tell how many bytes the length of a part takes, 1-4; 0 for a clip whose parts have none."""
    codec, configuration = stream.codec_context.codec.canonical_name, stream.codec_context.extradata or b""
    place = _LENGTHS_AT.get(codec)
    if place is None or len(configuration) <= place or configuration[:1] != b"\1":  # 0: start codes, not lengths
        return 0
    return (configuration[place] & 3) + 1


def is_whole(packet: bytes | memoryview, codec: str, length_size: int) -> bool:
    """Tell whether the lengths in a packet lead to its end.

    Args:
        packet: A coded picture.
        codec: ``h264`` or ``hevc``.
        length_size: What :func:`length_bytes` says.
    """
    start, size, least = 0, len(packet), _LEAST_BYTES[codec]
    while start + length_size < size:
        part = int.from_bytes(packet[start : start + length_size], "big")
        start += length_size
        if part == 0 and start > length_size and not any(packet[start:]):
            return True  # zeros behind the last part fill up
        if part < least or packet[start] & _FORBIDDEN_BIT:
            return False
        start += part
    return start == size or (start < size and not any(packet[start:]))


def damaged_spans(damaged_s: Sequence[float], keyframe_times_s: Sequence[float], end_s: float) -> list[DamagedSpan]:
    """Say from when to when a clip's pictures are wrong: until the next one that builds on no other.

    Args:
        damaged_s: Times of the pictures that cannot be read, rising, in seconds.
        keyframe_times_s: Times of those that build on no other, rising, in seconds.
        end_s: Length of the clip in seconds.
    """
    spans: list[DamagedSpan] = []
    for time_s in damaged_s:
        if spans and time_s < spans[-1][1]:
            continue
        mended_s = next((key_s for key_s in keyframe_times_s if key_s > time_s and key_s not in damaged_s), end_s)
        if spans and spans[-1][1] == mended_s:
            continue
        spans.append((time_s, mended_s))
    return spans

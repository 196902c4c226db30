"""Interlaced clips whose packets or decoded frames are single fields instead of whole frames."""

from itertools import islice

import av
from av.container import InputContainer
from av.video.stream import VideoStream

_PACKETS_SEEN = 32  # by which it is told what packets hold; decoding them takes a few hundredths of a second
# Of a field that is taken for a frame, width by height: no frames are wider, fields of any common frame are.
_FIELD_ASPECT_MIN = 2.4


def packets_are_fields(opened: InputContainer, stream: VideoStream) -> bool:
    """Tell whether it takes two packets to make a picture, as in H.264 of field pictures that camcorders record.

    Args:
        opened: An interlaced clip, at its start; what is decoded of it is lost.
        stream: Its picture.
    """
    packets = pictures = 0
    for packet in islice((packet for packet in opened.demux(stream) if packet.size), _PACKETS_SEEN):
        packets += 1
        try:
            pictures += len(packet.decode())
        except av.FFmpegError:
            continue
    pictures += len(stream.codec_context.decode(None))
    return pictures > 0 and packets >= 2 * pictures - 1 > 1


def is_field(decoded: av.VideoFrame, stream: VideoStream) -> bool:
    """Tell whether a decoded frame is one field: HEVC codes fields as pictures of their own (ITU-T H.265, D.3.3)."""
    return bool(decoded.interlaced_frame) and stream.codec_context.codec.canonical_name in {"hevc", "vvc"}


def field_aspect(decoded: av.VideoFrame, aspect: float) -> float:
    """The width of a field's pixels divided by their height; some files tell that of the frame's.

    Args:
        decoded: The field.
        aspect: What the file says.
    """
    return aspect / 2 if decoded.width * aspect / decoded.height > _FIELD_ASPECT_MIN else aspect

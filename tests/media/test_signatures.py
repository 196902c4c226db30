import av
import pytest

from kling_ui.media.signatures import described, shown_codec, signature


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "mov"),
        (b"\0\0\0\x08wide\0\0\0\x08mdat", "mov"),
        (b"\0\0\0\x20moov", "mov"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "mp4"),
        (b"\0\0\0\x18ftypM4V \0\0\0\0M4V mp42", "mp4"),
        (b"\0\0\0\x18ftyp3gp5\0\0\0\x003gp5isom", "3gp"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heif"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "avif"),
        (b"\0\0\0\x18ftypavif\0\0\0\0avifmif1", "avif"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webmB\x87", "webm"),
        (b"\x1aE\xdf\xa3\xa3B\x86\x81\x01B\x82\x88matroska", "matroska"),
        (b"RIFF\0\0\0\0AVI LIST", "avi"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "wav"),
        (b"\0\0\x01\xba\x44", "mpeg"),
        (b"ID3\x04", "mp3"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "jpeg2000"),
        (b"\xff\x4f\xff\x51\0\x2f", "jpeg2000"),
        ((b"\x47" + bytes(187)) * 6, "mpegts"),
        ((bytes(4) + b"\x47" + bytes(187)) * 6, "mpegts"),
        (b"\xef\xbb\xbf#EXTM3U", "playlist"),
        (b"\n  ffconcat version 1.0", "playlist"),
        ("Grüße aus dem Tal".encode(), "text"),
        (b"\x01\x02\x03\x04", "unknown"),
        (b"", "unknown"),
    ],
)
def test_first_bytes_tell_the_format(head, name):
    assert signature(head) == name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mp4", "an MP4 video"),
        ("avi", "an AVI video"),
        ("webm", "a WebM video"),
        ("matroska", "a Matroska video"),
        ("png", "a PNG picture"),
        ("avif", "an AVIF picture"),
        ("gif", "a GIF picture"),
        ("jpeg2000", "a JPEG 2000 picture"),
        ("flv", "a Flash video"),
        ("ogg", "an Ogg video"),
        ("asf", "a Windows Media video"),
        ("html", "a web page"),
    ],
)
def test_formats_in_words(name, words):
    assert described(name) == words


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("h264", "H.264"),
        ("dnxhd", "Avid DNxHD"),
        ("qtrle", "QuickTime Animation"),
        ("jpeg2000", "JPEG 2000"),
        ("aac", "AAC"),
        ("opus", "Opus"),
        ("pcm_s16le", "PCM"),
    ],
)
def test_codecs_are_named_as_people_know_them(name, shown):
    assert av.codec.Codec(name, "r").canonical_name == name
    assert shown_codec(name) == shown


def test_an_unknown_codec_keeps_its_name():
    assert (shown_codec("new2030"), shown_codec("")) == ("new2030", "")

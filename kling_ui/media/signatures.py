"""What a file is, told by its first bytes and never by its name."""

from pathlib import Path

from kling_ui.errors import MediaError
from kling_ui.languages import Told, told

HEAD_BYTES = 4096  # enough for every signature below, MPEG-TS sync bytes included

IMAGE_FORMATS = frozenset({"jpeg", "png", "webp", "gif", "bmp", "tiff", "avif", "heif", "jpeg2000"})
VIDEO_FORMATS = frozenset(
    {"mp4", "mov", "3gp", "webm", "matroska", "avi", "gif", "mpegts", "flv", "mpeg", "ogg", "asf"}
)
# How large a file may be (docs/vendor_api.md, section 8); checks/limits.py says who says which.
MB = 1_000_000  # a decimal megabyte, the stricter reading of "MB"
IMAGE_MAX_BYTES, IMAGE_SAFE_BYTES, VIDEO_MAX_BYTES = 50 * MB, 10 * MB, 100 * MB

# What the rest is called when a person is told why it is refused.
OTHER_NAMES = {
    "html": "a web page",
    "svg": "an SVG drawing",
    "xml": "an XML document",
    "playlist": "a playlist that points to other files",
    "text": "a text file",
    "pdf": "a PDF document",
    "zip": "a ZIP archive",
    "gzip": "a compressed archive",
    "mp3": "a sound file",
    "wav": "a sound file",
    "flac": "a sound file",
    "psd": "a Photoshop document",
    "jpegxl": "a JPEG XL picture",
    "unknown": "no known kind of file",
}
_SHOWN_NAMES = {
    "webm": "WebM",
    "webp": "WebP",
    "matroska": "Matroska",
    "heif": "HEIC",
    "jpeg2000": "JPEG 2000",
    "mpegts": "MPEG-TS",
    "asf": "Windows Media",
    "flv": "Flash",
    "ogg": "Ogg",
}
_UNREAD_PICTURES = frozenset({"svg", "psd", "jpegxl"})
# Of libavcodec's names of codecs those that people know by another one.
_SHOWN_CODECS = {
    "aac": "AAC",
    "ac3": "Dolby Digital",
    "alac": "Apple Lossless",
    "av1": "AV1",
    "cfhd": "GoPro CineForm",
    "cinepak": "Cinepak",
    "dnxhd": "Avid DNxHD",
    "dvvideo": "DV",
    "eac3": "Dolby Digital Plus",
    "ffv1": "FFV1",
    "ffvhuff": "HuffYUV",
    "flac": "FLAC",
    "flv1": "Flash Video (Sorenson Spark)",
    "h261": "H.261",
    "h263": "H.263",
    "h264": "H.264",
    "hevc": "HEVC (H.265)",
    "huffyuv": "HuffYUV",
    "indeo3": "Indeo 3",
    "indeo5": "Indeo 5",
    "jpeg2000": "JPEG 2000",
    "magicyuv": "MagicYUV",
    "mjpeg": "Motion JPEG",
    "mp2": "MP2",
    "mp3": "MP3",
    "mpeg1video": "MPEG-1",
    "mpeg2video": "MPEG-2",
    "mpeg4": "MPEG-4 Part 2",
    "msmpeg4v2": "Microsoft MPEG-4 2",
    "msmpeg4v3": "DivX 3",
    "opus": "Opus",
    "prores": "Apple ProRes",
    "qtrle": "QuickTime Animation",
    "rawvideo": "uncompressed pictures",
    "rpza": "Apple Video",
    "svq1": "Sorenson Video 1",
    "svq3": "Sorenson Video 3",
    "theora": "Theora",
    "utvideo": "Ut Video",
    "v210": "uncompressed 10 bit pictures",
    "vc1": "VC-1",
    "vorbis": "Vorbis",
    "vp6f": "Flash Video (VP6)",
    "vp8": "VP8",
    "vp9": "VP9",
    "vvc": "VVC (H.266)",
    "wmav2": "Windows Media Audio",
    "wmv1": "Windows Media Video 7",
    "wmv2": "Windows Media Video 8",
    "wmv3": "Windows Media Video 9",
}
_WORDS = frozenset({"Matroska"})  # spoken as words, not as letters

_PREFIXES = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"FLV\x01", "flv"),
    (b"OggS", "ogg"),
    (b"0&\xb2u\x8ef\xcf\x11", "asf"),
    (b"\0\0\x01\xba", "mpeg"),
    (b"\0\0\x01\xb3", "mpeg"),
    (b"%PDF", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"ID3", "mp3"),
    (b"fLaC", "flac"),
    (b"8BPS", "psd"),
    (b"\xff\x0a", "jpegxl"),
    (b"\0\0\0\x0cJXL ", "jpegxl"),
    (b"\0\0\0\x0cjP  ", "jpeg2000"),
    (b"\xff\x4f\xff\x51", "jpeg2000"),  # its bare codestream
)
_RIFF = {b"WEBP": "webp", b"AVI ": "avi", b"WAVE": "wav"}
_BRANDS = {"qt  ": "mov", "avif": "avif", "avis": "avif"}
_HEIF_BRANDS = frozenset({"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"})
_QUICKTIME_ATOMS = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_PLAYLISTS = ("#extm3u", "ffconcat", "v=0", "file '", "[playlist]")
_MARKUP = (("<!doctype html", "html"), ("<html", "html"), ("<svg", "svg"), ("<?xml", "xml"), ("<", "xml"))


def signature(head: bytes) -> str:
    """Name the format that a file's first bytes announce.

    Args:
        head: The first :data:`HEAD_BYTES` of the file, or all of a shorter one.

    Returns:
        A name from :data:`IMAGE_FORMATS`, :data:`VIDEO_FORMATS` or :data:`OTHER_NAMES`.
    """
    for prefix, name in _PREFIXES:
        if head.startswith(prefix):
            return name
    for recognise in (_riff, _iso_media, _matroska, _transport_stream, _words):
        if name := recognise(head):
            return name
    return "unknown"


def sniff(path: Path) -> str:
    """Name what a file is by its content; see :func:`signature`.

    Raises:
        MediaError: There is no such file, it cannot be opened or it is empty.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except FileNotFoundError as error:
        raise MediaError("there is no such file.", path=path, advice="Check the path.") from error
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise MediaError(
            Told("it cannot be opened ({reason}).", reason=reason), path=path, advice="Choose another file."
        ) from error
    if not head:
        raise MediaError("the file is empty.", path=path, advice="Upload or export it again.")
    return signature(head)


def sniff_image(path: Path) -> str:
    """Name a picture's format by its content.

    Raises:
        MediaError: It is not a picture that can be read here.
    """
    name = sniff(path)
    if name not in IMAGE_FORMATS:
        is_unread = name in _UNREAD_PICTURES
        advice = "Choose a JPEG or PNG picture."
        if is_unread:
            advice = "Export it again as JPEG or PNG, or choose another picture."
        lack = "which cannot be read here" if is_unread else "not a picture"
        raise MediaError(
            Told("it is {described}, {lack}.", described=described(name), lack=told(lack)), path=path, advice=advice
        )
    return name


def sniff_video(path: Path) -> str:
    """Name a clip's container by its content; lists of other files are refused whatever they are called.

    Raises:
        MediaError: It is not a clip that can be read here.
    """
    name = sniff(path)
    if name not in VIDEO_FORMATS:
        advice = "Choose an MP4 or MOV clip."
        raise MediaError(Told("it is {described}, not a video.", described=described(name)), path=path, advice=advice)
    return name


def described(name: str) -> str:
    """Put a format's name into words, article included: ``a web page``, ``a JPEG picture``, ``an MP4 video``."""
    if name in OTHER_NAMES:
        return told(OTHER_NAMES[name])
    shown = shown_name(name)
    is_an = shown[0] in "AEIOM" and shown not in _WORDS
    if name in IMAGE_FORMATS:
        return Told("an {format} picture" if is_an else "a {format} picture", format=shown)
    return Told("an {format} video" if is_an else "a {format} video", format=shown)


def shown_name(name: str) -> str:
    """Name a format as people know it: ``JPEG``, ``WebP``, ``JPEG 2000``."""
    return _SHOWN_NAMES.get(name, name.upper())


def shown_codec(name: str) -> str:
    """Name a codec of pictures or sound as people know it: ``H.264``, ``AAC``; PCM of any kind is ``PCM``.

    Args:
        name: What libavcodec calls it; an unknown one stays as it is.
    """
    return _SHOWN_CODECS.get(name, "PCM" if name.startswith("pcm_") else name)


def _riff(head: bytes) -> str:
    return _RIFF.get(head[8:12], "") if head[:4] == b"RIFF" else ""


def _iso_media(head: bytes) -> str:
    if head[4:8] != b"ftyp":
        return "mov" if head[4:8] in _QUICKTIME_ATOMS else ""
    brand = head[8:12].decode("latin-1").lower()
    compatible = head[16 : min(int.from_bytes(head[:4], "big"), 256)].decode("latin-1").lower()
    if brand in _HEIF_BRANDS:  # AVIF pictures may call themselves plain mif1
        return "avif" if "avif" in compatible else "heif"
    return "3gp" if brand.startswith(("3gp", "3g2")) else _BRANDS.get(brand, "mp4")


def _matroska(head: bytes) -> str:
    if head[:4] != b"\x1aE\xdf\xa3":
        return ""
    return "webm" if b"webm" in head[:80] else "matroska"


def _transport_stream(head: bytes) -> str:
    for first, packet in ((0, 188), (4, 192)):
        if len(head) > first + 4 * packet and all(head[first + n * packet] == 0x47 for n in range(5)):
            return "mpegts"
    return ""


def _words(head: bytes) -> str:
    try:
        text = head[:1024].decode("utf-8-sig", "strict" if len(head) <= 1024 else "ignore").lstrip().lower()
    except UnicodeDecodeError:
        return ""
    if any(ord(char) < 32 and char not in "\t\r\n\f" for char in text):
        return ""
    if text.startswith(_PLAYLISTS):
        return "playlist"
    return next((name for start, name in _MARKUP if text.startswith(start)), "text" if text else "")

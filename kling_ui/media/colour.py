"""Colours: from whatever a picture or a clip stores to 8-bit sRGB, and from there to the BT.709 Y'CbCr of clips.

Frames of clips keep their code values where they are BT.709 or BT.601 (whose primaries hardly differ) already. Those of
HDR (HLG and PQ, ITU-R BT.2100) and of wider primaries go through a table: to linear light in which 1 is the reference
white of ITU-R BT.2408 (75 % of HLG, 203 cd/m2 of PQ), to the primaries of BT.709, and back through a curve; what is
about as bright as white or brighter is rolled off, each colour by itself. HLG codes the light of the scene, so its way
back is the camera's curve of BT.709; PQ codes the light of a display, and SDR of wider primaries is mastered on one, so
theirs is that of ITU-R BT.1886 displays (the two mappings of BT.2408, 5.1, and of BT.2087).
"""

import struct
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import av
import cv2
import numpy as np
from av.filter import Graph
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter
from PIL import Image, ImageCms, ImageFilter

from kling_ui.media.files import SCRATCH

_MANAGED = frozenset({"RGB", "L", "CMYK", "LAB"})  # the pixel layouts that littlecms takes as they are
_PROFILE_DAMAGE = (ImageCms.PyCMSError, OSError, ValueError, TypeError, KeyError)
_LUMA = np.array([0.2126, 0.7152, 0.0722])  # ITU-R BT.709-6, 3.2
_SPANS = np.array([219.0, 224.0, 224.0]) / 255  # 8-bit ranges of ITU-R BT.709-6, 4.6
_ZEROS = np.array([16.0, 128.0, 128.0])
_HD_SHORT_SIDE_PX = 720  # from here on, a clip that does not name its colours means BT.709
BT709, _BT601, _SMPTE_240M, _BT2020 = 1, 5, 7, 9  # libavutil's numbers of matrices
_MATRICES = {BT709: "bt709", 4: "fcc", _BT601: "bt470bg", 6: "smpte170m", _SMPTE_240M: "smpte240m", _BT2020: "bt2020nc"}
_HDR_NAMES = {int(ColorTrc.ARIB_STD_B67): "HLG", int(ColorTrc.SMPTE2084): "PQ"}
# From linear light of wider primaries to that of BT.709 (ITU-R BT.2087; SMPTE EG 432-1).
_FROM_BT2020 = ((1.660491, -0.587641, -0.072850), (-0.124550, 1.132900, -0.008349), (-0.018151, -0.100579, 1.118730))
_FROM_P3 = ((1.224940, -0.224940, 0.0), (-0.042057, 1.042057, 0.0), (-0.019638, -0.078636, 1.098274))
_WIDE = {int(ColorPrimaries.BT2020): _FROM_BT2020, 11: _FROM_P3, int(ColorPrimaries.SMPTE432): _FROM_P3}
_WIDE_NAMES = {int(ColorPrimaries.BT2020): "BT.2020", 11: "DCI-P3", int(ColorPrimaries.SMPTE432): "Display P3"}
WIDE_INFO = "kling_ui wide"  # under which an opened picture carries the name of its HDR, and its primaries
# Colorants of sRGB (IEC 61966-2-1), brought to the white of ICC profiles.
_SRGB_XYZ_D50 = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141))
# Of a PNG: its gAMA is 1 where it is linear, 0.56 from old Macs, 0.45 usually, by which sRGB is meant.
_GAMMA_MIN, _GAMMA_MAX, _GAMMA_USUAL, _GAMMA_SLACK = 0.2, 2.0, 1 / 2.2, 0.005
_PQ_WHITE_CD_M2 = 203.0
_HLG_WHITE = 0.26496256  # scene light of 75 % of the signal
_KEPT_MATRICES = frozenset({BT709, _BT601, 6})
_SWATCHES = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 120, 90], [128, 128, 128], [30, 60, 90]]
_SAME_LEVELS = 3  # by which a profile may differ from sRGB and still be called that
_ROLL_OFF_FROM = 0.98  # of the BT.709 signal
_CUBE_STEPS = 65  # dark and saturated colours change quickly: with 33 they are 5 levels off
_DISPLAY_GAMMA = 2.4  # ITU-R BT.1886


def to_srgb(image: Image.Image) -> Image.Image:
    """Bring a decoded picture to ``RGB``, or ``RGBA`` when it has transparency, through its own colour profile.

    A profile that is damaged, or meant for another kind of pixels, is left out of account.
    """
    alpha = image.convert("RGBA").getchannel("A") if _has_alpha(image) else None
    colours = _managed(_eight_bit(image), _profile(image))
    if wide := image.info.get(WIDE_INFO):
        colours = colours.filter(_table(*wide))
    if alpha is not None:
        colours.putalpha(alpha)
    return colours


def tell_colours(image: Image.Image, named: Sequence[tuple[int, int]]) -> None:
    """Note in an opened picture without a profile what else its file says of its colours, for :func:`to_srgb`.

    Args:
        image: As opened; Pillow tells of PNGs the gamma and whether they are sRGB.
        named: Numbers of primaries and transfer (ITU-T H.273) in the file. Where they differ, as in a file with a gain
            map, the picture itself is in SDR.
    """
    if "icc_profile" in image.info:
        return
    if len(set(named)) == 1:
        primaries, transfer = named[0]
        hdr = _HDR_NAMES.get(transfer, "")
        if hdr or primaries in _WIDE:
            image.info[WIDE_INFO] = hdr, primaries if primaries in _WIDE else int(ColorPrimaries.BT2020)
    gamma = 0.0 if named or "srgb" in image.info else image.info.get("gamma", 0.0)
    if _GAMMA_MIN <= gamma <= _GAMMA_MAX and abs(gamma - _GAMMA_USUAL) > _GAMMA_SLACK:
        image.info["icc_profile"] = _gamma_profile(1 / gamma, is_grey=image.mode[0] in "1LI")


@lru_cache(maxsize=4)
def _gamma_profile(gamma: float, *, is_grey: bool) -> bytes:
    """An ICC profile (ICC.1:2001-04) of the primaries of sRGB whose curve is a power."""
    number, white = struct.Struct(">i"), (0.9642, 1.0, 0.8249)  # D50

    def xyz(values: Sequence[float]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(number.pack(round(value * 65536)) for value in values)

    name = f"gamma {gamma:.2f}".encode()
    curve = b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256)) + b"\0\0"
    said = b"desc" + struct.pack(">II", 0, len(name) + 1) + name + bytes(79)
    tags = {b"desc": said + bytes(-len(said) % 4), b"wtpt": xyz(white)}
    letters = (b"k",) if is_grey else (b"r", b"g", b"b")
    tags |= {letter + b"TRC": curve for letter in letters}
    if not is_grey:
        tags |= {letter + b"XYZ": xyz(values) for letter, values in zip(letters, _SRGB_XYZ_D50, strict=True)}
    place, table, body = 132 + 12 * len(tags), b"", b""
    for tag, content in tags.items():
        table += tag + struct.pack(">II", place + len(body), len(content))
        body += content
    kind = b"GRAY" if is_grey else b"RGB "
    head = struct.pack(">I4sI4s4s4s", place + len(body), b"none", 0x02400000, b"mntr", kind, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + xyz(white)[8:] + bytes(48)
    return head + struct.pack(">I", len(tags)) + table + body


def on_background(image: Image.Image, rgb: tuple[int, int, int]) -> Image.Image:
    """Lay a picture that may be transparent on one colour."""
    if image.mode != "RGBA":
        return image
    canvas = Image.new("RGBA", image.size, (*rgb, 255))
    canvas.alpha_composite(image)
    return canvas.convert("RGB")


def profile_name(image: Image.Image) -> str:
    """Name the colour profile of a picture, or its HDR; empty without one, and for sRGB under whatever name."""
    if wide := image.info.get(WIDE_INFO):
        return wide[0] or _WIDE_NAMES[wide[1]]
    return _profile_name(image.info.get("icc_profile") or b"") if image.mode != "LAB" else ""


@lru_cache(maxsize=16)
def _profile_name(raw: bytes) -> str:
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(raw))
    except _PROFILE_DAMAGE:
        return ""
    kind = profile.profile.xcolor_space.strip()
    if kind in {"RGB", "GRAY"}:
        plain = Image.fromarray(np.array([_SWATCHES], np.uint8)).convert("RGB" if kind == "RGB" else "L")
        seen, meant = (np.asarray(shown, np.int16) for shown in (_managed(plain, profile), plain.convert("RGB")))
        if np.abs(seen - meant).max() <= _SAME_LEVELS:
            return ""
    return (profile.profile.profile_description or kind).strip() or "unnamed"


def _has_alpha(image: Image.Image) -> bool:
    return image.has_transparency_data and image.mode[0] not in "IF"


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode in _MANAGED:
        return image
    if image.mode[0] not in "IF":
        return image.convert("L" if image.mode in {"1", "LA", "La"} else "RGB")
    values = np.asarray(image, np.float32)
    top = float(values.max(initial=0))
    full = 65535.0 if image.mode[0] == "I" and top > 255 else max(1.0, top)  # Pillow would clip instead of scale
    return Image.fromarray((values.clip(0, full) * (255.0 / full)).astype(np.uint8))


def _profile(image: Image.Image) -> ImageCms.ImageCmsProfile | None:
    if image.mode == "LAB":
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    raw = image.info.get("icc_profile")
    if not raw:
        return None
    try:
        return ImageCms.ImageCmsProfile(BytesIO(raw))
    except _PROFILE_DAMAGE:
        return None


def _managed(image: Image.Image, profile: ImageCms.ImageCmsProfile | None) -> Image.Image:
    if profile is not None:
        try:
            srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
            turned = ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB")
            if turned is not None:
                return turned
        except _PROFILE_DAMAGE:
            pass  # the profile does not fit the pixels
    return image.convert("RGB")


def to_ycbcr(rgb: np.ndarray) -> np.ndarray:
    """Convert pictures.

    Args:
        rgb: ``(height, width, 3)`` uint8, or ``(height, width, 4)`` with the colours premultiplied by alpha.

    Returns:
        The same shape and dtype; alpha is kept, and the colours stay premultiplied by it.
    """
    matrix = _matrix()
    if rgb.shape[2] == 3:
        return cv2.transform(rgb, np.column_stack([matrix, _ZEROS]))
    with_alpha = np.zeros((4, 4))
    with_alpha[:3, :3], with_alpha[:3, 3], with_alpha[3, 3] = matrix, _ZEROS / 255, 1
    return cv2.transform(rgb, with_alpha)


def to_rgb(ycbcr: np.ndarray) -> np.ndarray:
    """Convert ``(height, width, 3)`` uint8 back; equal to within 2 of 255."""
    back = np.linalg.inv(_matrix())
    return cv2.transform(ycbcr, np.column_stack([back, -back @ _ZEROS]))


def subsample(ycbcr: np.ndarray, planes: Sequence[np.ndarray]) -> None:
    """Take a picture apart into the three planes of yuv420p, with half the chroma.

    Args:
        ycbcr: ``(height, width, 3)`` uint8 with even sides.
        planes: Written over: ``(height, width)`` uint8 and two of half the size; rows may lie apart.
    """
    height, width = ycbcr.shape[:2]
    small = cv2.resize(ycbcr, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    for place, (source, plane) in enumerate(zip((ycbcr, small, small), planes, strict=True)):
        cv2.extractChannel(source, place, dst=plane)


def _matrix() -> np.ndarray:
    """``(3, 3)``: from RGB of 0-255 to Y'CbCr without the zeros' offsets."""
    red, _, blue = _LUMA
    cb = (np.array([0, 0, 1]) - _LUMA) / (2 * (1 - blue))
    cr = (np.array([1, 0, 0]) - _LUMA) / (2 * (1 - red))
    return np.stack([_LUMA, cb, cr]) * _SPANS[:, None]


def settle_colours(frame: av.VideoFrame) -> None:
    """Settle what a decoded frame leaves open about its matrix and range, as players do."""
    if frame.format.is_rgb:
        frame.color_range = ColorRange.JPEG
        return
    if frame.colorspace not in _MATRICES:
        is_wide = frame.color_primaries == ColorPrimaries.BT2020 or hdr_name(frame)
        frame.colorspace = (
            _BT2020 if is_wide else BT709 if min(frame.width, frame.height) >= _HD_SHORT_SIDE_PX else _BT601
        )
    if frame.color_range not in {ColorRange.MPEG, ColorRange.JPEG}:
        frame.color_range = ColorRange.JPEG if frame.format.name.startswith("yuvj") else ColorRange.MPEG


def hdr_name(frame: av.VideoFrame) -> str:
    """``HLG``, ``PQ``, or nothing for a frame that is not HDR."""
    return _HDR_NAMES.get(int(frame.color_trc), "")


def _is_linear(frame: av.VideoFrame) -> bool:
    return frame.color_trc == ColorTrc.LINEAR


def is_standard(frame: av.VideoFrame) -> bool:
    """Its primaries and transfer are those of BT.709, or as good as them."""
    return not hdr_name(frame) and not _is_linear(frame) and int(frame.color_primaries) not in _WIDE


def filter_graph(frame: av.VideoFrame, before: Sequence[str], after: Sequence[str] | None = None) -> Graph:
    """Build a filter graph for frames like this one, whose colours are settled.

    Args:
        frame: Tells size, pixels and colours.
        before: Filters, as libavfilter writes them, that see the frame's own colours.
        after: Filters that see the primaries and the transfer of BT.709; `None` leaves the colours as they are.
    """
    graph = Graph()
    shape = f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:pixel_aspect=1/1"
    matrix = "" if frame.format.is_rgb else f":colorspace={_MATRICES[frame.colorspace]}"
    limits = ":range=pc" if frame.color_range == ColorRange.JPEG else ":range=tv"
    nodes = [graph.add("buffer", f"{shape}:time_base=1/1000{matrix}{limits}")]
    nodes += [graph.add(*text.partition("=")[::2]) for text in before]
    if after is not None and frame.colorspace == _SMPTE_240M:
        nodes.append(graph.add("format", "gbrp"))  # from matrix to matrix libswscale is 2 levels off
    if after is not None and _is_linear(frame):
        level = f"maxval*pow(val/maxval,1/{_DISPLAY_GAMMA})"
        nodes += [graph.add("format", "gbrp16"), graph.add("lutrgb", f"r='{level}':g='{level}':b='{level}'")]
    if after is not None and (hdr_name(frame) or int(frame.color_primaries) in _WIDE):
        primaries = int(frame.color_primaries) if int(frame.color_primaries) in _WIDE else int(ColorPrimaries.BT2020)
        with tempfile.TemporaryDirectory(prefix=SCRATCH) as folder:  # libavfilter reads it while it is added
            place = Path(folder) / "sdr.cube"
            place.write_text(_cube(hdr_name(frame), primaries), encoding="ascii")
            named = place.as_posix().replace(":", r"\:")
            nodes += [graph.add("format", "gbrp12"), graph.add("lut3d", f"file={named}:interp=tetrahedral")]
    nodes += [graph.add(*text.partition("=")[::2]) for text in after or ()]
    graph.link_nodes(*nodes, graph.add("buffersink")).configure()
    return graph


def matrix_option(frame: av.VideoFrame) -> str:
    """The option of the filter ``scale`` that names the matrix of a frame whose colours are settled."""
    return "" if frame.format.is_rgb else f":in_color_matrix={_MATRICES[frame.colorspace]}"


@lru_cache(maxsize=4)
def _cube(hdr: str, primaries: int) -> str:
    """The table from code values to those of BT.709, as a ``.cube`` file."""
    lines = (f"{red:.5f} {green:.5f} {blue:.5f}" for red, green, blue in _entries(hdr, primaries).tolist())
    return "\n".join([f"LUT_3D_SIZE {_CUBE_STEPS}", *lines, ""])


@lru_cache(maxsize=4)
def _table(hdr: str, primaries: int) -> ImageFilter.Color3DLUT:
    """The same table for pictures."""
    return ImageFilter.Color3DLUT(_CUBE_STEPS, _entries(hdr, primaries).ravel().tolist())


def _entries(hdr: str, primaries: int) -> np.ndarray:
    steps = np.linspace(0, 1, _CUBE_STEPS)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")  # red changes fastest
    return to_sdr(np.stack([red, green, blue], axis=-1).reshape(-1, 3), hdr, primaries)


def to_sdr(signal: np.ndarray, hdr: str, primaries: int) -> np.ndarray:
    """Bring signals of HDR or of wider primaries to BT.709; see the module's docstring.

    Args:
        signal: ``(n, 3)`` R'G'B', 0-1.
        hdr: ``HLG``, ``PQ``, or empty for SDR.
        primaries: libavutil's number of the primaries.

    Returns:
        ``(n, 3)`` R'G'B', 0-1.
    """
    light = {"HLG": _from_hlg, "PQ": _from_pq}.get(hdr, _from_display)(signal)
    light = (light @ np.array(_WIDE[primaries]).T).clip(0)
    if hdr == "HLG":
        sdr = np.where(light < 0.018, 4.5 * light, 1.099 * light**0.45 - 0.099)  # ITU-R BT.709-6, 1.2
    else:
        sdr = light ** (1 / _DISPLAY_GAMMA)
    room = 1 - _ROLL_OFF_FROM
    over = (sdr - _ROLL_OFF_FROM).clip(0)
    return np.minimum(sdr, _ROLL_OFF_FROM) + room * (1 - np.exp(-over / room))


def _from_display(signal: np.ndarray) -> np.ndarray:
    return signal.clip(0) ** _DISPLAY_GAMMA


def _from_hlg(signal: np.ndarray) -> np.ndarray:
    """Scene light, 1 at 75 % of the signal (ITU-R BT.2100-2, table 5; BT.2408-7, 2.2)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12) / _HLG_WHITE


def _from_pq(signal: np.ndarray) -> np.ndarray:
    """Display light, 1 at 203 cd/m2 (ITU-R BT.2100-2, table 4; BT.2408-7, 2.2)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = signal ** (1 / m2)
    return 10_000 * ((power - c1).clip(0) / (c2 - c3 * power)) ** (1 / m1) / _PQ_WHITE_CD_M2


class Converter:
    """Brings decoded frames to one size and one kind of pixels, and their primaries and transfer to BT.709.

    It may be used for many frames, in one thread.
    """

    def __init__(self) -> None:
        self._scaler = VideoReformatter()
        self._graphs: dict[tuple[object, ...], Graph] = {}

    def convert(
        self, frame: av.VideoFrame, size: tuple[int, int], pixel_format: str, canvas: tuple[int, int] | None = None
    ) -> av.VideoFrame:
        """Convert one frame.

        Args:
            frame: As decoded, its colours settled; it is not changed.
            size: Width and height of the result, in px.
            pixel_format: ``rgb24``, or ``yuv420p`` for limited range with the matrix of BT.601 or BT.709, which the
                result names.
            canvas: Put it into the middle of a black picture of this size.
        """
        is_fitted = canvas is not None and canvas != size
        if pixel_format == "rgb24" and (
            is_fitted or not _is_plain(frame)
        ):  # by the steps of plain clips, to look alike
            frame, canvas = self.convert(frame, size, "yuv420p", canvas), None
            size = frame.width, frame.height
            is_fitted = False
        if is_standard(frame) and not is_fitted and (frame.colorspace != _SMPTE_240M or pixel_format == "rgb24"):
            return self._scaled(frame, size, pixel_format)
        kind = (*frame_kind(frame), size, canvas)
        graph = self._graphs.get(kind)
        if graph is None:
            flags = "bilinear" if size == (frame.width, frame.height) else "fast_bilinear"  # as plain clips are scaled
            scale = f"scale={size[0]}:{size[1]}:flags={flags}{matrix_option(frame)}"
            after = ["scale=out_color_matrix=bt709:out_range=tv", "format=yuv420p"]
            if canvas is not None and is_fitted:
                left, top = ((outer - inner) // 4 * 2 for outer, inner in zip(canvas, size, strict=True))
                after.append(f"pad={canvas[0]}:{canvas[1]}:{left}:{top}")
            graph = self._graphs[kind] = filter_graph(frame, [scale], after)
        graph.vpush(frame)
        made = graph.vpull()
        made.colorspace, made.color_range, made.color_trc, made.color_primaries = BT709, ColorRange.MPEG, BT709, BT709
        return made

    def _scaled(self, frame: av.VideoFrame, size: tuple[int, int], pixel_format: str) -> av.VideoFrame:
        to_yuv = pixel_format == "yuv420p"
        other = to_yuv and (frame.format.is_rgb or frame.colorspace not in _KEPT_MATRICES)
        return self._scaler.reformat(
            frame,
            *size,
            format=pixel_format,
            interpolation=Interpolation.FAST_BILINEAR,
            dst_colorspace=Colorspace.ITU709 if other else None,
            dst_color_range=ColorRange.MPEG if to_yuv else None,
            threads=1,  # one frame is scaled sooner than threads are woken and waited for
        )


def _is_plain(frame: av.VideoFrame) -> bool:
    is_limited = frame.format.name == "yuv420p" and frame.color_range == ColorRange.MPEG
    return is_standard(frame) and (frame.format.is_rgb or (is_limited and frame.colorspace in _KEPT_MATRICES))


def frame_kind(frame: av.VideoFrame) -> tuple[object, ...]:
    """What a filter graph depends on: frames of the same kind may share one."""
    colours = frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries
    return frame.width, frame.height, frame.format.name, *colours

"""The labelled pictures whose files matter: formats, sizes, sides, aspects."""

from figure import gesture
from figure.cast import THEO

from benchmarks.labelled.case import BLOCK, HINT, WARN, Picture
from benchmarks.labelled.files import Encoding, other_profile
from benchmarks.labelled.stills import changed, full, grainy, scaled, turned, upper

MB = 1_000_000

PICTURE_FILES = [
    Picture(name="jpeg", draw=full(), encoding=Encoding("jpg", options={"quality": 60})),
    Picture(name="webp", draw=full(), encoding=Encoding("webp"), must={"image.format": BLOCK}),
    Picture(name="bmp", draw=full(), encoding=Encoding("bmp"), must={"image.format": BLOCK}),
    Picture(name="tiff", draw=full(THEO), encoding=Encoding("tiff"), must={"image.format": BLOCK}),
    Picture(name="gif", draw=full(THEO), encoding=Encoding("gif"), must={"image.format": BLOCK}),
    Picture(name="cmyk", draw=full(), encoding=Encoding("jpg", pixels="CMYK"), must={"image.format": WARN}),
    Picture(
        name="other-profile",
        draw=full(),
        encoding=Encoding("jpg", options={"icc_profile": other_profile(), "quality": 90}),
        must={"image.profile": HINT},
    ),
    Picture(
        name="moving-png",
        draw=full(),
        encoding=Encoding("png", options={"frames": 3}),
        must={"image.format": WARN},
    ),
    Picture(name="clear", draw=full(), encoding=Encoding("png", options={"clear": 0.2}), must={"image.format": WARN}),
    Picture(name="alpha-but-opaque", draw=full(), encoding=Encoding("png", pixels="RGBA")),
    Picture(
        name="on-its-side-by-exif",
        draw=changed(full(), turned),
        encoding=Encoding("jpg", options={"exif": 6}),
        must={"image.format": HINT},
    ),
    Picture(name="9.9-mb", draw=full(), encoding=Encoding("png", size_bytes=int(9.9 * MB))),
    Picture(
        name="10.4-mb",
        draw=changed(full(), grainy),
        encoding=Encoding("png", size_bytes=int(10.4 * MB)),
        must={"image.size": WARN},
    ),
    Picture(name="49-mb", draw=full(), encoding=Encoding("png", size_bytes=49 * MB), must={"image.size": WARN}),
    Picture(name="50.2-mb", draw=full(), encoding=Encoding("png", size_bytes=50_200_000), must={"image.size": BLOCK}),
    Picture(name="side-296", draw=full(size=(296, 540)), must={"image.side": BLOCK}),
    Picture(name="side-300", draw=full(size=(300, 540)), must={"image.side": WARN}),
    Picture(name="side-338", draw=upper(size=(480, 338)), must={"image.side": WARN}),
    Picture(name="side-340", draw=upper(size=(480, 340))),
    Picture(name="aspect-2.48", draw=full(pose=gesture(0.0), size=(400, 992))),
    Picture(name="aspect-2.53", draw=full(pose=gesture(0.0), size=(400, 1012)), must={"image.aspect": BLOCK}),
    Picture(name="aspect-wide-2.45", draw=upper(size=(980, 400))),
    Picture(name="aspect-wide-2.55", draw=upper(size=(1020, 400)), must={"image.aspect": BLOCK}),
    Picture(name="4096-px", draw=changed(full(THEO), scaled(2304, 4096))),
    Picture(name="4160-px", draw=changed(full(THEO), scaled(2340, 4160)), must={"image.large": WARN}),
]

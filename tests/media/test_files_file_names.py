import pytest

from kling_ui.media.files import NAME_MAX_BYTES, NAME_MAX_CHARS, clean_name, cut, name_in_header

FACE = "\U0001f600"  # four bytes, and no letter
HAN = "\U00020000"  # four bytes, and a letter


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("photo.png", "photo.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\clip.MOV", "clip.MOV"),
        ("<img src=x onerror=alert(1)>.png", "_img src_x onerror_alert(1)_.png"),
        ("${7*7}{{x}}.png", "__7_7___x__.png"),
        ("\u0424\u043e\u0442\u043e.jpg", "\u0424\u043e\u0442\u043e.jpg"),
        ("a" * 300 + ".png", "a" * 76 + ".png"),
        # a disk counts bytes
        (HAN * 90 + ".png", HAN * 39 + ".png"),
        (HAN * 90, HAN * 40),
        ("\u0424" * 90 + ".jpg", "\u0424" * 76 + ".jpg"),
        (FACE * 90 + ".png", "_" * 76 + ".png"),
        # nothing is left of it
        ("", "input"),
        (".", "input"),
        ("..", "input"),
        ("......", "input"),
        (". . .", "input"),
        ("/", "input"),
        (".png", "input.png"),
        ("....png", "input.png"),
        (" .png", "input.png"),
        # suffixes
        ("clip.", "clip"),
        ("clip.mp4 ", "clip.mp4"),
        ("clip. mp4", "clip.mp4"),
        ("a." + "b" * 300, "a." + "b" * 11),
        ("a." + HAN * 300, "a." + HAN * 11),
        ("a" * 300 + "." + "b" * 300, "a" * 68 + "." + "b" * 11),
        ("archive.tar.gz", "archive.tar.gz"),
        # names of devices
        ("CON", "_CON"),
        ("nul.png", "_nul.png"),
        ("NUL.tar.png", "_NUL.tar.png"),
        ("com1.mp4", "_com1.mp4"),
        ("lpt\u00b2.mp4", "_lpt\u00b2.mp4"),
        ("CONIN$", "_CONIN_"),
        ("console.png", "console.png"),
        ("com10.png", "com10.png"),
        # characters that show otherwise than they are, or break what reads them
        ("a\u202egnp.exe", "a_gnp.exe"),
        ("a\u2066b\u2069.png", "a_b_.png"),
        ("a\x00b\r\nc\x1b[2J.png", "a_b__c__2J.png"),
        ("a\u200bb\ufeff.png", "a_b_.png"),
        ("a\ud800b\udfff.png", "a_b_.png"),
        ("half\udcff.png", "half_.png"),
        ("a\ufffdb.png", "a_b.png"),
        ("caf\u0065\u0301.png", "caf\u00e9.png"),  # a Mac writes it in two parts
    ],
)
def test_names_become_harmless(name, cleaned):
    assert clean_name(name, "input") == cleaned
    assert len(cleaned.encode()) <= NAME_MAX_BYTES
    assert len(cleaned) <= NAME_MAX_CHARS + 1


@pytest.mark.parametrize("letter", ["a", "\u0424", "\ud55c", HAN, "\ufdfa", "\u1fb7", "\u0958"])
@pytest.mark.parametrize("ending", ["", ".png", "." + HAN * 20])
def test_a_name_and_all_that_is_added_to_it_fits_a_disk(tmp_path, letter, ending):
    name = clean_name(letter * 500 + ending, "input")
    for added in (f"{name}.part", f".{name}-repaired-9999-before-after-01234567.part.jpg"):
        (tmp_path / added).touch()


@pytest.mark.parametrize(
    ("text", "max_bytes", "kept"),
    [
        ("abc", 3, "abc"),
        ("abc", 2, "ab"),
        ("\u0424\u0424", 3, "\u0424"),
        (HAN, 3, ""),
        ("\udcff", 3, "\udcff"),
        ("a\udcffb", 3, "a"),
    ],
)
def test_a_text_is_cut_between_characters(text, max_bytes, kept):
    assert cut(text, max_bytes) == kept


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("my%20clip.mp4", "my clip.mp4"),
        ("%D0%A4.png", "\u0424.png"),
        ("\u0424.png".encode().decode("latin-1"), "\u0424.png"),  # not encoded at all
        ("%ff%fe.png", "\ufffd\ufffd.png"),
        ("%ED%A0%80.png", "\ufffd\ufffd\ufffd.png"),  # half of a character
        ("caf\xe9.png", "caf\ufffd.png"),  # Latin-1
        ("100%.png", "100%.png"),
        ("%zz%", "%zz%"),
        ("\u0424", "?"),
        ("", ""),
    ],
)
def test_a_name_is_read_from_a_header_in_whatever_state_it_comes(header, name):
    assert name_in_header(header) == name

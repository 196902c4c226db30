import pytest

from kling_ui.options import odd_characters, without_odd


@pytest.mark.parametrize(
    ("text", "odd", "cleaned"),
    [
        ("", (), ""),
        ("plain", (), "plain"),
        ("two\nlines\r\nand a\ttab", (), "two\nlines\r\nand a\ttab"),
        (
            "\u043c\u043e\u0440\u0435 \U0001f469\u200d\U0001f4bb",
            (),
            "\u043c\u043e\u0440\u0435 \U0001f469\u200d\U0001f4bb",
        ),
        ("half a \ud83d smile", ("U+D83D",), "half a \ufffd smile"),
        ("\udcff\udcff\ud800", ("U+DCFF", "U+D800"), "\ufffd\ufffd\ufffd"),
        ("a\x00b", ("U+0000",), "a\ufffdb"),
        ("\x1b[2J\x07", ("U+001B", "U+0007"), "\ufffd[2J\ufffd"),
        ("\x7f\x85", ("U+007F", "U+0085"), "\ufffd\ufffd"),
        ("lost \ufffd on its way", ("U+FFFD",), "lost \ufffd on its way"),
    ],
)
def test_halves_of_characters_and_control_characters_are_odd(text, odd, cleaned):
    assert odd_characters(text) == odd
    assert without_odd(text) == cleaned
    cleaned.encode()

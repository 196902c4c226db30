import pytest

from kling_ui.api.responses import redacted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://b.example/a.mp4?sig=1, please", "see https://b.example/a.mp4?... please"),
        ('{"u": "https://b.example?sig=1"}', '{"u": "https://b.example?..."}'),
        ("https://u:p@b.example/a#frag", "https://b.example/a?..."),
        ("https://b.example/a.mp4 is fine", "https://b.example/a.mp4 is fine"),
        ("data:image/png;base64,AAAA== ends", "data:... ends"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("the metadata: none", "the metadata: none"),
    ],
)
def test_redacted(text, expected):
    assert redacted(text) == expected

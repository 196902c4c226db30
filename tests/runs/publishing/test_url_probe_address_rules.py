from typing import Any

import pytest

from kling_ui.media.signatures import HEAD_BYTES
from kling_ui.options import InputKind as Kind
from kling_ui.runs.publishing.url_probe import EXPIRY_MIN_S, EXPIRY_SAFE_S, AddressFacts, CheckedCopy, judge_address

PNG = b"\x89PNG\r\n\x1a\n" + bytes(5000)
GOOD: dict[str, Any] = {
    "hosts": ("pics.example",),
    "media_type": "image/png",
    "size_bytes": len(PNG),
    "head": PNG[:HEAD_BYTES],
}
COPY = CheckedCopy(len(PNG), PNG[:HEAD_BYTES])
NOW = 1_800_000_000.0


def judged(role=Kind.IMAGE, copy=COPY, **changed):
    findings = judge_address(AddressFacts(**(GOOD | changed)), role, copy, NOW)
    assert all(finding.message.startswith("The ") and finding.message.endswith(".") for finding in findings)
    return [(finding.rule, finding.severity.value) for finding in findings]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"size_bytes": None}, []),
        ({"head": PNG[:100]}, []),  # a server may give less than it was asked for
        ({"head": b"<!DOCTYPE html>"}, [("address.content", "block")]),
        ({"head": b""}, [("address.content", "block")]),
        ({"head": b"\0\0\0\x18ftypisom"}, [("address.content", "block")]),
        ({"size_bytes": len(PNG) + 1}, [("address.changed", "block")]),
        ({"head": PNG[:100] + b"x"}, [("address.changed", "block")]),
        ({"media_type": "text/plain"}, [("address.type", "warn")]),
        ({"media_type": "video/mp4"}, [("address.type", "warn")]),
        ({"media_type": "application/octet-stream"}, [("address.type", "hint")]),
        ({"media_type": ""}, [("address.type", "hint")]),
        ({"hosts": ("a.example", "b.example")}, [("address.redirect", "hint")]),
        ({"expires_at": NOW + EXPIRY_SAFE_S}, []),
        ({"expires_at": NOW + EXPIRY_SAFE_S - 1}, [("address.expiry", "warn")]),
        ({"expires_at": NOW + EXPIRY_MIN_S}, [("address.expiry", "warn")]),
        ({"expires_at": NOW + EXPIRY_MIN_S - 1}, [("address.expiry", "block")]),
        ({"expires_at": NOW - 1}, [("address.expiry", "block")]),
        (
            {"hosts": ("a.example", "b.example"), "media_type": "", "expires_at": 0.0},
            [("address.expiry", "block"), ("address.type", "hint"), ("address.redirect", "hint")],
        ),
    ],
)
def test_what_is_found_at_an_address(changed, expected):
    assert judged(**changed) == expected


def test_without_a_copy_only_the_kind_counts():
    assert judged(copy=None, size_bytes=1) == []
    assert judged(Kind.VIDEO, copy=None)[0] == ("address.content", "block")


def test_the_copy_is_read_as_it_is_compared(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    assert CheckedCopy.of(path) == COPY

from datetime import UTC, datetime

import pytest

from kling_ui.runs.publishing.url_probe import expires_at

T0 = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("query", "after_s"),
    [
        ("X-Amz-Date=20261122T120000Z&X-Amz-Expires=3600&X-Amz-Signature=ab", 3600),
        ("x-amz-expires=60&x-amz-date=20261122T120000Z", 60),
        ("X-Goog-Date=20261122T120000Z&X-Goog-Expires=900", 900),
        ("x-oss-date=20261122T120000Z&x-oss-expires=10", 10),
        (f"Expires={T0 + 5:.0f}&Signature=ab&AWSAccessKeyId=k", 5),
        (f"expires={T0 + 7:.0f}&signature=ab", 7),
        (f"exp={T0 + 8:.0f}", 8),
        ("sv=2024&sig=ab%3D&se=2026-11-22T12%3A01%3A00Z", 60),
        ("sig=ab&se=2026-11-22", -12 * 3600),
        (f"ex={int(T0 + 9):x}&is=1&hm=2", 9),
        (f"Expires={T0 + 50:.0f}&X-Amz-Date=20261122T120000Z&X-Amz-Expires=40", 40),
    ],
)
def test_addresses_that_say_when_they_expire(query, after_s):
    assert expires_at(f"https://files.example/a.png?{query}") == pytest.approx(T0 + after_s)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "v=3",
        "X-Amz-Expires=3600",
        "X-Amz-Date=yesterday&X-Amz-Expires=3600",
        "X-Amz-Date=20261122T120000Z&X-Amz-Expires=99999999999999999999",
        "expires=3600",  # seconds of something else
        "expires=1763812800000000",
        "expires=never",
        "exp=²",
        "se=2026-11-22T12:00:00Z",  # not signed: means something else
        "ex=ffff",
        "ex=zz&is=1&hm=2",
        "sig=a&se=soon",
    ],
)
def test_addresses_that_do_not(query):
    assert expires_at(f"https://files.example/a.png?{query}") is None

import pytest

from kling_ui.api.result_hosts import trusted_result_url

REMOTE = "https://model-api.runcomfy.net"


@pytest.mark.parametrize(
    ("url", "api_base", "trusted"),
    [
        ("https://cdn.runcomfy.net/a.mp4?sig=1", REMOTE, True),
        ("https://a.b.runcomfy.com/a.mp4", REMOTE, True),
        ("https://CDN.RunComfy.net:443/a.mp4", REMOTE, True),
        ("https://cdn.runcomfy.net", REMOTE, True),
        ("https://cdn.runcomfy.net?x", REMOTE, True),
        ("https://cdn.runcomfy.net/vidéo.mp4", REMOTE, True),
        ("http://preview.localhost/v1/files/x.mp4", "http://preview.localhost", True),
        ("http://127.0.0.1:8000/v1/files/x.mp4", "http://127.0.0.1:8000/", True),
        ("http://[::1]:8000/v1/files/x.mp4", "http://[::1]:8000", True),
        ("http://cdn.runcomfy.net/a.mp4", REMOTE, False),
        ("https://cdn.runcomfy.net:8443/a.mp4", REMOTE, False),
        ("https://runcomfy.net.evil.example/a.mp4", REMOTE, False),
        ("https://evilruncomfy.net/a.mp4", REMOTE, False),
        ("https://evil.example/a.mp4#.runcomfy.net", REMOTE, False),
        ("https://evil.example\\@cdn.runcomfy.net/a.mp4", REMOTE, False),
        ("https://evil.example\\.runcomfy.net/a.mp4", REMOTE, False),
        ("https://cdn.runcomfy.net@evil.example/a.mp4", REMOTE, False),
        ("https://user:pass@cdn.runcomfy.net/a.mp4", REMOTE, False),
        ("https://cdn.runcomfy.net/a b.mp4", REMOTE, False),
        ("https://cdn.runcomfy.net/a\r\nHost: x", REMOTE, False),
        ("https://cdn.runcomfy.net/a.mp4\n", REMOTE, False),
        ("https://%63dn.runcomfy.net/a.mp4", REMOTE, False),
        ("https://cdn。runcomfy.net/a.mp4", REMOTE, False),
        ("//cdn.runcomfy.net/a.mp4", REMOTE, False),
        ("file:///etc/passwd", REMOTE, False),
        ("data:video/mp4;base64,AAAA", REMOTE, False),
        ("http://127.0.0.1:8000/x.mp4", REMOTE, False),
        ("http://preview.localhost:81/v1/files/x.mp4", "http://preview.localhost", False),
        ("https://preview.localhost/v1/files/x.mp4", "http://preview.localhost", False),
        ("", REMOTE, False),
    ],
)
def test_trusted_result_url(url, api_base, trusted):
    assert trusted_result_url(url, api_base) is trusted

import asyncio

import httpx
import pytest

from kling_ui.errors import MediaError
from kling_ui.options import InputKind
from kling_ui.preview.job_inputs import InputFetch

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
MP4 = b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + b"\0" * 20
SIGNED = "https://files.example/a?signature=secret"


def fetch(tmp_path, url, kind, *, content=PNG, address="93.184.215.14", **options):
    async def resolve(host, port):
        return [address]

    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=httpx.ByteStream(content)))
    return asyncio.run(InputFetch(transport=transport, resolve=resolve, **options)(url, tmp_path, kind=kind))


@pytest.mark.parametrize(("kind", "content"), [(InputKind.IMAGE, PNG), (InputKind.VIDEO, MP4)], ids=["image", "video"])
def test_an_input_is_kept_in_the_jobs_folder(tmp_path, kind, content):
    path = fetch(tmp_path, SIGNED, kind, content=content)
    assert path.parent == tmp_path
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("kind", "content", "address"),
    [
        pytest.param(InputKind.VIDEO, PNG, "93.184.215.14", id="an image for a video"),
        pytest.param(InputKind.IMAGE, MP4, "93.184.215.14", id="a video for an image"),
        pytest.param(InputKind.IMAGE, b"<html>", "93.184.215.14", id="a web page"),
        pytest.param(InputKind.IMAGE, PNG, "127.0.0.1", id="this machine"),
        pytest.param(InputKind.IMAGE, PNG, "169.254.169.254", id="a cloud's metadata"),
        pytest.param(InputKind.IMAGE, PNG, "::1", id="this machine, IPv6"),
    ],
)
def test_a_refusal_names_the_input_and_not_its_address(tmp_path, kind, content, address):
    with pytest.raises(MediaError, match=rf"{kind}_url could not be fetched: ") as caught:
        fetch(tmp_path, SIGNED, kind, content=content, address=address)
    assert "secret" not in str(caught.value)
    assert "files.example" not in caught.value.reason
    assert list(tmp_path.iterdir()) == []


def test_private_addresses_are_fetched_when_allowed(tmp_path):
    assert fetch(tmp_path, "http://127.0.0.1:9/a", InputKind.IMAGE, address="127.0.0.1", allow_private=True).exists()


def test_a_picture_above_the_vendors_limit_is_given_up(tmp_path):
    with pytest.raises(MediaError, match="larger than 50 MB"):
        fetch(tmp_path, SIGNED, InputKind.IMAGE, content=PNG + b"\0" * 50_000_000)

import asyncio
import base64

import pytest

from kling_ui.options import InputKind as Kind
from kling_ui.runs.publishing.given_url import MAX_BYTES, DataUriPublisher, data_uri
from kling_ui.runs.publishing.protocol import Channel, Delivery, InputFile, NoPublisherError

CONTENTS = {
    "image/png": b"\x89PNG\r\n\x1a\n" + bytes(9),
    "image/jpeg": b"\xff\xd8\xff\xe0" + bytes(9),
    "video/mp4": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(9),
    "video/quicktime": b"\0\0\0\x14ftypqt  \0\0\2\0qt  " + bytes(9),
}


@pytest.mark.parametrize("media_type", CONTENTS)
def test_a_file_travels_under_the_type_that_its_content_has(tmp_path, media_type):
    path = tmp_path / "misnamed.bin"
    path.write_bytes(CONTENTS[media_type])
    head, _, data = data_uri(path, Kind(media_type.partition("/")[0]), 1000).partition(",")
    assert head == f"data:{media_type};base64"
    assert base64.b64decode(data) == CONTENTS[media_type]


def test_what_travels_so_is_foreseen_by_the_same_limits(tmp_path):
    source = InputFile(tmp_path / "a.png")
    source.path.write_bytes(CONTENTS["image/png"])
    assert asyncio.run(DataUriPublisher().foresee(source, Kind.IMAGE)) == Delivery(Channel.INLINE)
    with source.path.open("ab") as file:
        file.truncate(MAX_BYTES[Kind.IMAGE] + 1)
    with pytest.raises(NoPublisherError, match="at most 6 MiB can travel inside a request"):
        asyncio.run(DataUriPublisher().foresee(source, Kind.IMAGE))


def test_a_file_at_the_limit_travels_and_one_above_does_not(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(CONTENTS["image/png"] + bytes(2**20 - 17))
    assert data_uri(path, Kind.IMAGE, 2**20)
    path.write_bytes(CONTENTS["image/png"] + bytes(2**20 - 16))
    with pytest.raises(NoPublisherError, match=r"The image has 1\.1 MiB; at most 1 MiB can travel inside a request"):
        data_uri(path, Kind.IMAGE, 2**20)


@pytest.mark.parametrize(
    ("content", "role", "words"),
    [
        (b"hello", Kind.IMAGE, "The image is a text file"),
        (CONTENTS["video/mp4"], Kind.IMAGE, "The image is an MP4 video"),
        (CONTENTS["image/png"], Kind.VIDEO, "The video is a PNG picture"),
    ],
)
def test_other_kinds_of_files_do_not_travel(tmp_path, content, role, words):
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(NoPublisherError, match=words):
        data_uri(path, role, 1000)


def test_two_files_at_their_limits_fit_into_one_request():
    assert sum(4 * (size // 3 + 1) for size in MAX_BYTES.values()) < 63 * 2**20
    assert {role: size // 2**20 for role, size in MAX_BYTES.items()} == {Kind.IMAGE: 6, Kind.VIDEO: 32}


def test_a_small_file_travels_inside_the_request(net, video):
    published_file = net.run(DataUriPublisher().publish(video, Kind.VIDEO))
    assert published_file.url.startswith("data:video/mp4;base64,")
    assert published_file.delivery == Delivery(Channel.INLINE)
    assert "base64" not in repr(published_file)
    net.run(DataUriPublisher().take_back(video))

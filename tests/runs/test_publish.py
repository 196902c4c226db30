import asyncio
import base64

import pytest

from kling_ui.errors import MediaError
from kling_ui.runs.publish import InlinePublisher, OfferPublisher, Source, data_uri

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
    head, _, data = data_uri(path, 1000).partition(",")
    assert head == f"data:{media_type};base64"
    assert base64.b64decode(data) == CONTENTS[media_type]


def test_a_file_at_the_limit_travels_and_one_above_does_not(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(CONTENTS["image/png"] + bytes(2**20 - 17))
    assert data_uri(path, 2**20)
    path.write_bytes(CONTENTS["image/png"] + bytes(2**20 - 16))
    with pytest.raises(MediaError, match="Nothing was sent"):
        data_uri(path, 2**20)


def test_other_kinds_of_files_do_not_travel(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("hello")
    with pytest.raises(MediaError, match="of this kind"):
        data_uri(path, 1000)


def test_what_is_published_hides_its_addresses_from_logs(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(CONTENTS["image/png"])
    source = Source(path, "https://pics.example/a.png?sig=s3cret")
    published = asyncio.run(InlinePublisher().publish(source, Source(path)))
    assert published.image_url == source.url
    assert published.video_url.startswith("data:")
    assert "s3cret" not in repr(source) + repr(published)
    assert "base64" not in repr(published)
    assert "not confirmed" in published.note


class _Offers:
    def __init__(self):
        self.open = {}

    def offer(self, path):
        address = f"/v1/inputs/{len(self.open)}"
        self.open[address] = path
        return address

    def withdraw(self, address):
        del self.open[address]


def test_offered_files_are_taken_back(tmp_path):
    offers = _Offers()
    image, video = tmp_path / "a.png", tmp_path / "b.mp4"
    published = asyncio.run(OfferPublisher(offers, "http://x").publish(Source(image), Source(video)))
    assert (published.image_url, published.video_url) == ("http://x/v1/inputs/0", "http://x/v1/inputs/1")
    assert offers.open == {"/v1/inputs/0": image, "/v1/inputs/1": video}
    published.close()
    assert offers.open == {}

import base64
import io
import re
from dataclasses import replace

import httpx
import pytest
from PIL import Image

from kling_ui.presentation.runs import delivery_words
from kling_ui.runs.engines import open_public_files, open_publishers
from kling_ui.runs.publishing.protocol import InputFile, NoPublisherError
from kling_ui.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path)


@pytest.fixture
def publish(net, image, video):
    """Publish the two files in a network where every host answers in the same way."""

    def published(settings, answer=nothing, files=(image, video)):
        return net.run(open_publishers(settings, net.probe(answer)).publish(*files))

    return published


def nothing(request):
    return httpx.Response(404)


def both(net):
    """Serve the image under names with ``image``, else the video."""
    return lambda request: net.ranged(net.png if "image" in request.url.path else net.mp4, request)


def test_without_any_setting_files_travel_inside_the_request(settings, publish):
    done = publish(settings)
    assert done.image_url.startswith("data:image/png")
    assert done.video_url.startswith("data:video/mp4")
    assert delivery_words(done.deliveries).startswith("Image and video: inside the request itself.")
    assert "not confirmed" in delivery_words(done.deliveries)
    assert not (settings.data_dir / "lending.key").exists()  # made only when needed


def test_what_travels_inside_the_request_says_nothing_of_where_it_was_taken(settings, net, publish, video, tmp_path):
    tags, place = Image.Exif(), "48.8584N 2.2945E"
    tags.get_ifd(0x8825)[29] = place
    photo = tmp_path / "runs" / net.run_id / "image.jpg"
    Image.new("RGB", (32, 32), "teal").save(photo, exif=tags)
    assert place.encode() in photo.read_bytes()
    sent = publish(settings, files=(InputFile(photo), video)).image_url.partition("base64,")[2]
    assert place.encode() not in base64.b64decode(sent)
    assert Image.open(io.BytesIO(base64.b64decode(sent))).size == (32, 32)


def test_a_given_address_comes_first_and_why_it_was_not_used_is_told(net, settings, publish, image, video):
    url = "https://pics.example/image?sig=s3cret"
    files = replace(image, url=url), replace(video, url="http://v.example/b.mp4?sig=s3cret")
    done = publish(settings, both(net), files)
    assert done.image_url == url
    assert done.video_url.startswith("data:")
    assert delivery_words(done.deliveries).startswith("Image: by the address that you gave (pics.example).")
    assert "Video: inside the request itself." in delivery_words(done.deliveries)
    assert "The address of the video cannot be used: http:// addresses are not used." in delivery_words(done.deliveries)
    assert "s3cret" not in delivery_words(done.deliveries) + repr(done)


def test_the_store_comes_before_this_app(net, settings, image, video, s3):
    settings = replace(settings, store_url="s3://bucket/x", public_url="https://demo.example")
    probe = net.probe(httpx.AsyncHTTPTransport(verify=False), takes_http=True)
    done = net.run(open_publishers(settings, probe).publish(image, video))
    assert done.image_url.startswith(f"{s3}/bucket/x/lent/")
    assert delivery_words(done.deliveries).startswith(
        "Image and video: by a signed address in the S3 store (127.0.0.1)"
    )
    assert "X-Amz" not in delivery_words(done.deliveries) + repr(done)


def test_this_app_comes_before_the_request(net, settings, publish):
    done = publish(replace(settings, public_url="https://demo.example"), both(net))
    assert done.video_url.startswith(f"https://demo.example/lent/{net.run_id}/reference-sent.mp4?")
    assert "this app (demo.example)" in delivery_words(done.deliveries)
    assert "signature" not in delivery_words(done.deliveries) + repr(done)


def test_a_space_lends_from_its_own_host_if_it_is_public(net, settings, publish):
    space = replace(settings, space_host="ann-demo.hf.space")
    assert publish(space, both(net)).image_url.startswith("https://ann-demo.hf.space/lent/")
    private = publish(space, nothing)
    assert private.image_url.startswith("data:")
    assert "This app cannot be reached from outside at ann-demo.hf.space: nothing is there (404)." in delivery_words(
        private.deliveries
    )


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, {"KLING_UI_STORE_URL", "KLING_UI_PUBLIC_URL"}),
        ({"public_url": "https://demo.example"}, {"KLING_UI_STORE_URL"}),
        ({"space_host": "ann-demo.hf.space"}, {"KLING_UI_STORE_URL"}),
    ],
)
def test_what_would_help_is_named_when_nothing_fits(settings, publish, image, changes, named):
    image.path.write_bytes(image.path.read_bytes()[:8] + b"\0\x60\0\0IDAT" + bytes(6 * 2**20 + 4))
    with pytest.raises(NoPublisherError) as caught:
        publish(replace(settings, **changes))
    assert caught.value.message.startswith("The image cannot reach RunComfy. Nothing was sent. ")
    assert "at most 6 MiB can travel inside a request" in caught.value.message
    assert caught.value.advice.startswith("Use a smaller file, or give the public https address of it.")
    assert set(re.findall("KLING_UI_[A-Z_]+", caught.value.advice)) == named


def test_addresses_stay_valid_over_a_restart(net, settings, image):
    until = int(net.now) + 60
    signature = open_public_files(settings.data_dir).sign(image.path, until).partition("signature=")[2]
    again = open_public_files(settings.data_dir)
    assert again.open(f"{net.run_id}/image.png", str(until), signature, net.now) == image.path

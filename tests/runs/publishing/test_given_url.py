from dataclasses import replace

import httpx
import pytest

from kling_ui.checks.report import Severity
from kling_ui.options import InputKind as Kind
from kling_ui.runs.publishing.given_url import GivenUrlPublisher, examine
from kling_ui.runs.publishing.protocol import Channel, Delivery, NoPublisherError

URL = "https://pics.example/a.png?sig=s3cret"


def publisher(net, answer):
    return GivenUrlPublisher(net.probe(answer), clock=lambda: net.now)


def test_an_address_is_passed_on_as_it_is_once_a_stranger_finds_the_file_there(net, image):
    given = replace(image, url=URL)
    answer = publisher(net, lambda request: net.ranged(net.png, request, **{"content-type": "image/png"}))
    published_file = net.run(answer.publish(given, Kind.IMAGE))
    assert published_file.url == URL
    assert published_file.delivery == Delivery(Channel.GIVEN_ADDRESS, "pics.example")
    assert "s3cret" not in repr(published_file) + repr(given)


def test_what_may_trouble_the_engine_is_told(net, image):
    given = replace(image, url=f"{URL}&Expires={net.now + 3600:.0f}")
    published_file = net.run(publisher(net, lambda request: net.ranged(net.png, request)).publish(given, Kind.IMAGE))
    words = " ".join(finding.message for finding in published_file.delivery.findings)
    assert "works for 60 minutes only" in words
    assert "calls it nothing" in words
    assert "s3cret" not in words + repr(published_file)


def test_without_an_address_there_is_nothing_to_do(net, image):
    assert net.run(publisher(net, lambda _: httpx.Response(500)).publish(image, Kind.IMAGE)) is None
    assert net.asked == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(403), "refuses strangers"),
        (httpx.Response(200, content=b"<!DOCTYPE html><html>"), "leads to a web page, not to a picture"),
        (httpx.Response(200, content=b"\x89PNG\r\n\x1a\n another"), "another file now"),
    ],
)
def test_an_address_that_does_not_lead_to_the_file_is_not_passed_on(net, image, answer, words):
    with pytest.raises(NoPublisherError, match=words) as caught:
        net.run(publisher(net, lambda _: answer).publish(replace(image, url=URL), Kind.IMAGE))
    assert "s3cret" not in str(caught.value)


def test_an_address_can_be_examined_before_there_is_a_run(net):
    probe = net.probe(lambda _: httpx.Response(401))
    (finding,) = net.run(examine(URL, Kind.IMAGE, probe=probe, now=net.now))
    assert (finding.rule, finding.severity) == ("address.reach", Severity.BLOCK)
    assert finding.message == "The address of the image cannot be used: it asks for a sign-in (401)."
    assert finding.advice

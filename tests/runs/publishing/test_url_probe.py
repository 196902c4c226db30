import httpx
import pytest

from kling_ui.errors import MediaError
from kling_ui.media.signatures import HEAD_BYTES
from kling_ui.runs.publishing.url_probe import is_inside

URL = "https://pics.example/a.png?X-Amz-Signature=secret"


def refusal(net, answer, url=URL, ours=False, **options):
    with pytest.raises(MediaError) as caught:
        net.run(net.probe(answer, **options).probe(url, ours=ours))
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None or "secret" not in repr(caught.value.__cause__)
    assert caught.value.advice
    return caught.value.reason


def test_a_stranger_asks_for_the_beginning_and_brings_nothing(net):
    probe = net.probe(lambda request: net.ranged(net.png, request, **{"content-type": "Image/PNG; x=y"}))
    facts = net.run(probe.probe(f"{URL}&Expires=1800000060"))
    (request,) = net.asked
    assert (request.method, request.headers["range"]) == ("GET", f"bytes=0-{HEAD_BYTES - 1}")
    assert not {"authorization", "cookie", "referer"} & set(request.headers)
    assert (facts.hosts, facts.media_type, facts.format) == (("pics.example",), "image/png", "png")
    assert (facts.size_bytes, facts.head, facts.expires_at) == (len(net.png), net.png[:HEAD_BYTES], 1_800_000_060)
    assert "PNG" not in repr(facts)


def test_a_server_without_ranges_is_left_after_the_beginning(net):
    body = net.body(net.mp4 * 100)
    facts = net.run(net.probe(lambda _: httpx.Response(200, stream=body)).probe(URL))
    assert facts.head == net.mp4[:HEAD_BYTES]
    assert facts.size_bytes is None
    assert body.taken_bytes == 5000


@pytest.mark.parametrize(
    ("headers", "size_bytes"),
    [
        ({"content-range": "bytes 0-9/123"}, 123),
        ({"content-range": "bytes 0-9/*"}, None),
        ({"content-range": "words"}, None),
        ({"content-length": "10"}, None),  # of the part only
    ],
)
def test_the_size_of_all_of_it(net, headers, size_bytes):
    answer = httpx.Response(206, headers=headers, content=net.png[:10])
    assert net.run(net.probe(lambda _: answer).probe(URL)).size_bytes == size_bytes


def test_redirects_are_told(net):
    def answer(request):
        if request.headers["host"] == "pics.example":
            return httpx.Response(302, headers={"location": "https://cdn.example/b?secret"})
        return net.ranged(net.png, request)

    assert net.run(net.probe(answer).probe(URL)).hosts == ("pics.example", "cdn.example")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "asks for a sign-in (401)"),
        (403, "refuses strangers (403)"),
        (404, "nothing is there (404)"),
        (416, "an error (416)"),
        (429, "an error (429)"),
        (500, "an error (500)"),
        (204, "an error (204)"),
    ],
)
def test_answers_that_give_nothing(net, status, words):
    assert words in refusal(net, lambda _: httpx.Response(status))


def test_what_only_comes_compressed_is_not_taken(net):
    answer = httpx.Response(200, headers={"content-encoding": "br"}, stream=net.body(b"x"))
    assert "compressed" in refusal(net, lambda _: answer)


def test_no_connection_and_no_answer_in_time(net):
    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            import asyncio  # noqa: PLC0415

            await asyncio.sleep(30)
            raise AssertionError

    def broken(request):
        raise httpx.ConnectError(f"secret {request.url}")

    assert "could not be reached" in refusal(net, broken)
    assert "could not be reached" in refusal(net, Slow(), limit_s=0.05)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://pics.example/a?secret", "http:// addresses are not used"),
        ("https://inside.example/a?secret", "does not lead to the public internet"),
        ("https://nowhere.example/a?secret", "no server of that name"),
        ("https://ann:secret@pics.example/a", "user name or password"),
        ("words", "not a web address"),
    ],
)
def test_addresses_that_are_not_asked(net, url, words):
    assert words in refusal(net, lambda _: httpx.Response(200), url)
    assert net.asked == []


def test_a_redirect_into_a_private_network_is_not_followed(net):
    answer = httpx.Response(302, headers={"location": "https://inside.example/secret"})
    assert "public internet" in refusal(net, lambda _: answer)
    assert len(net.asked) == 1


def test_a_name_of_ours_may_mean_a_private_machine_seen_from_inside(net):
    probe = net.probe(lambda request: net.ranged(net.png, request))
    assert net.run(probe.probe("https://inside.example/a", ours=True)).format == "png"


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("localhost", True),
        ("minio", True),
        ("nas.local", True),
        ("a.internal", True),
        ("127.0.0.1", True),
        ("192.168.1.5", True),
        ("::1", True),
        ("93.184.215.14", False),
        ("demo.example.org", False),
    ],
)
def test_hosts_that_are_plainly_private(net, host, inside):
    assert is_inside(host) is inside
    url = f"https://[{host}]/a" if ":" in host else f"https://{host}/a"
    if inside:
        assert "private network" in refusal(net, lambda _: httpx.Response(200), url, ours=True)


def test_a_stand_in_for_the_vendor_on_this_machine_takes_what_is_on_this_machine(net):
    probe = net.probe(lambda request: net.ranged(net.png, request), takes_http=True)
    assert net.run(probe.probe("http://127.0.0.1:9000/a", ours=True)).format == "png"
    reason = refusal(net, lambda _: httpx.Response(200), "http://127.0.0.1/a", takes_http=True)
    assert "public internet" in reason  # a visitor still cannot point there

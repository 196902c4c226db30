import pytest

from kling_ui.own_hosts import AllowedHosts, Authority, Origin
from kling_ui.settings import Settings


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("example.org", "example.org", None),
        ("EXAMPLE.org.:8080", "example.org", 8080),
        ("my_box:65535", "my_box", 65535),
        ("127.0.0.1:7860", "127.0.0.1", 7860),
        ("[::1]", "::1", None),
        ("[0:0::1]:7860", "::1", 7860),
    ],
)
def test_a_host_and_its_port_are_read(text, host, port):
    assert Authority.parse(text) == Authority(host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        ":7860",
        "localhost:",
        "localhost:65536",
        "localhost:-1",
        "localhost:7860:7860",
        "localhost, evil.example",
        "localhost evil.example",
        "localhost\n",
        "user@localhost",
        "user:password@localhost",
        "localhost/",
        "http://localhost",
        "localhost#",
        "loc\u00e4lhost",
        "::1",
        "[::1",
        "[::1]x",
        "[::1%25eth0]",
        "[localhost]",
        "[1.2.3.4]",
        "a" * 256,
    ],
)
def test_anything_else_is_no_host(text):
    assert Authority.parse(text) is None


@pytest.mark.parametrize(
    ("asked", "on_loopback", "for_others"),
    [
        ("localhost:7860", True, True),
        ("LocalHost.", True, True),
        ("app.localhost:1", True, True),
        ("127.0.0.1", True, True),
        ("127.8.8.8:9", True, True),
        ("[::1]:7860", True, True),
        ("[::ffff:127.0.0.1]", True, True),
        ("192.168.1.5:7860", False, True),  # nobody can let a literal address lead elsewhere
        ("[2001:db8::5]", False, True),
        ("0.0.0.0:7860", False, True),
        ("169.254.169.254", False, True),
        ("evil.example", False, False),
        ("localhost.evil.example", False, False),
        ("127.0.0.1.evil.example", False, False),
        ("evillocalhost", False, False),
        ("127.1", False, False),
        ("0x7f.0.0.1", False, False),
        ("2130706433", False, False),
        ("127.000.000.001", False, False),
    ],
)
def test_names_that_everybody_has_and_literal_addresses(asked, on_loopback, for_others):
    authority = Authority.parse(asked)
    assert (authority in AllowedHosts()) is on_loopback
    assert (authority in AllowedHosts(listening="0.0.0.0")) is for_others


@pytest.mark.parametrize(
    ("settings", "asked", "known"),
    [
        (Settings(hosts=("demo.example.org",)), "Demo.Example.org:8443", True),
        (Settings(hosts=("demo.example.org",)), "x.demo.example.org", False),
        (Settings(hosts=("192.168.1.5",)), "192.168.1.5:7860", True),
        (Settings(public_url="https://play.example.org/kling"), "play.example.org", True),
        (Settings(public_url="https://[2001:db8::5]:8443"), "[2001:db8:0::5]:8443", True),
        (Settings(public_url="https://b\u00fccher.example"), "xn--bcher-kva.example", True),
        (Settings(host="box.local"), "box.local:7860", True),
        (Settings(host="box.local"), "192.168.1.5:7860", True),
        (Settings(host="box.local"), "other.local", False),
        (Settings(host="::"), "[2001:db8::5]:7860", True),
        (Settings(host="localhost"), "192.168.1.5:7860", False),
        (Settings(host="::1"), "192.168.1.5:7860", False),
    ],
)
def test_the_settings_name_more_hosts(settings, asked, known):
    assert (Authority.parse(asked) in AllowedHosts.from_settings(settings)) is known


@pytest.mark.parametrize(
    ("page", "asked", "is_at"),
    [
        ("http://localhost:7860", "localhost:7860", True),
        ("http://LOCALHOST:7860", "localhost:7860", True),
        ("http://localhost:7861", "localhost:7860", False),
        ("http://127.0.0.1:7860", "localhost:7860", False),
        ("http://demo.example.org", "demo.example.org", True),
        ("https://demo.example.org", "demo.example.org", True),  # a proxy has ended https
        ("https://demo.example.org:443", "demo.example.org", True),
        ("https://demo.example.org", "demo.example.org:443", True),
        ("https://demo.example.org", "demo.example.org:80", False),
        ("https://demo.example.org:8443", "demo.example.org", False),
        ("http://[::1]:7860/page?x#y", "[0::1]:7860", True),
    ],
)
def test_a_page_stands_where_host_and_port_fit(page, asked, is_at):
    assert Origin.parse(page).is_at(Authority.parse(asked)) is is_at


@pytest.mark.parametrize(
    "url",
    [
        "null",
        "",
        "file:///etc/passwd",
        "localhost:7860",
        "http://",
        "http://[::1",
        "http://a@localhost",
        "ws://localhost",
    ],
)
def test_what_is_no_web_page_has_no_origin(url):
    assert Origin.parse(url) is None


def test_the_scheme_belongs_to_an_origin():
    assert not Origin.parse("http://example.org:443").is_same(Origin.parse("https://example.org"))
    assert Origin.parse("https://example.org:443").is_same(Origin.parse("https://example.org"))

from ipaddress import ip_network

import pytest

from kling_ui.settings import SPACE_PROXIES
from kling_ui.ui.web.client_address import address_key, client_address

PROXIES = [ip_network(text) for text in ("10.0.0.0/8", "127.0.0.1", "::1")]


def _scope(peer, *forwarded):
    headers = [(b"x-forwarded-for", text.encode()) for text in forwarded]
    return {"type": "http", "client": (peer, 1234) if peer else None, "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("198.51.100.7", (), "198.51.100.7"),
        ("198.51.100.7", ("203.0.113.9",), "198.51.100.7"),  # no proxy of ours: not believed
        ("10.0.0.5", ("203.0.113.9",), "203.0.113.9"),
        ("10.0.0.5", ("1.2.3.4, 203.0.113.9",), "203.0.113.9"),  # the first was only claimed
        ("10.0.0.5", ("1.2.3.4", "203.0.113.9"), "203.0.113.9"),
        ("10.0.0.5", ("203.0.113.9, 10.1.2.3",), "203.0.113.9"),  # two proxies, one behind the other
        ("10.0.0.5", ("203.0.113.9:4711",), "203.0.113.9"),
        ("10.0.0.5", ("[2001:db8::5]:4711",), "2001:db8::"),
        ("10.0.0.5", ("203.0.113.9, nonsense",), "10.0.0.5"),
        ("10.0.0.5", (), "10.0.0.5"),
        ("::ffff:10.0.0.5", ("203.0.113.9",), "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", (), "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", (), "2001:db8:1:2::"),  # the same household
        ("testclient", (), ""),
        ("", (), ""),
    ],
)
def test_who_asks(peer, forwarded, address):
    assert client_address(_scope(peer, *forwarded), PROXIES) == address


def test_a_spaces_own_proxies_are_private_addresses():
    proxies = [ip_network(text) for text in SPACE_PROXIES]
    assert client_address(_scope("10.16.3.2", "6.6.6.6, 203.0.113.9, 10.16.9.9"), proxies) == "203.0.113.9"


def test_a_key_does_not_tell_the_address_and_differs_between_installations():
    key = address_key("203.0.113.9", b"secret")
    assert key == address_key("203.0.113.9", b"secret")
    assert len({key, address_key("203.0.113.8", b"secret"), address_key("203.0.113.9", b"other")}) == 3
    assert "203" not in key
    assert address_key("", b"secret") == ""

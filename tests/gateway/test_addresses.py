"""One line that names the broker's nodes."""

import pytest

from gateway.addresses import addresses


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("broker", [("broker", 1883)]),
        ("a, b:1884 ,c", [("a", 1883), ("b", 1884), ("c", 1883)]),
        ("[::1]:1884, ::1, fe80::1%eth0", [("::1", 1884), ("::1", 1883), ("fe80::1%eth0", 1883)]),
        ("10.0.0.1:65535,", [("10.0.0.1", 65535)]),
    ],
)
def test_each_node_has_its_own_port_or_the_common_one(text, found):
    assert addresses(text, 1883) == found


@pytest.mark.parametrize("text", ["a b", "a:0", "a:65536", "a:x", "mqtt://a", "[::1", "a:1:2", "[a]:1"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError):
        addresses(text, 1883)

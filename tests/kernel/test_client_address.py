"""Whose request it is, behind proxies that may lie."""

import pytest

from config.kernel.context import resolve_address


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "expected"),
    [
        ("10.0.0.9", "", [], "10.0.0.9"),
        ("10.0.0.9", "1.2.3.4", [], "10.0.0.9"),
        ("127.0.0.1", "1.2.3.4", ["127.0.0.1"], "1.2.3.4"),
        ("127.0.0.1", "6.6.6.6, 1.2.3.4", ["127.0.0.1"], "1.2.3.4"),
        ("127.0.0.1", "1.2.3.4, 10.1.1.1", ["127.0.0.1", "10.0.0.0/8"], "1.2.3.4"),
        ("127.0.0.1", "junk", ["127.0.0.1"], "127.0.0.1"),
        ("", "1.2.3.4", ["127.0.0.1"], "1.2.3.4"),
        ("nonsense", "1.2.3.4", [], None),
        ("fe80::1%eth0", "", [], "fe80::1"),
        ("127.0.0.1", "[fe80::2%en0]", ["127.0.0.1"], "fe80::2"),
    ],
)
def test_only_trusted_proxies_are_believed(settings, peer, forwarded, trusted, expected):
    settings.TRUSTED_PROXIES = trusted
    assert resolve_address(peer, forwarded) == expected

"""The address that counts is found with and without a proxy."""

import ipaddress
from typing import Any

import pytest
from django.test import RequestFactory

from learners import address


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::1", "::1"),
        ("unix:", ""),
        ("", ""),
    ],
)
def test_without_a_proxy_the_address_of_the_connection_counts(peer: str, expected: str) -> None:
    assert address.client_address(peer, "198.51.100.1") == expected


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("6.6.6.6,198.51.100.1:4711", "198.51.100.1"),
        ("6.6.6.6, [2001:db8::1]:4711", "2001:db8::/64"),
        ("6.6.6.6, 198.51.100.1, 127.0.0.1", "198.51.100.1"),
        ("6.6.6.6, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
        ("6.6.6.6, 10.1.1.1", "10.1.1.1"),
        ("6.6.6.6, rubbish", "127.0.0.1"),
        ("", "127.0.0.1"),
        (",,", "127.0.0.1"),
    ],
)
def test_behind_a_proxy_the_right_most_untrusted_address_counts(settings: Any, forwarded: str, expected: str) -> None:
    settings.TRUST_PROXY, settings.TRUSTED_PROXIES = True, [ipaddress.ip_network("10.9.0.0/16")]
    assert address.client_address("127.0.0.1", forwarded) == expected


def test_a_request_and_a_connection_have_the_same_address(settings: Any) -> None:
    settings.TRUST_PROXY = True
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "6.6.6.6, 198.51.100.1"})
    scope = {
        "client": ("127.0.0.1", 1),
        "headers": [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"198.51.100.1")],
    }
    assert address.of_request(request) == address.of_scope(scope) == "198.51.100.1"

"""Find the address that a request comes from, for all limits that count by address."""

import ipaddress
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.http import HttpRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# The scope of an ASGI connection: servers and middleware put values of any type into it.
Scope = dict[str, Any]


def of_request(request: HttpRequest) -> str:
    """Return the client's address, "" if it is unknown. An IPv6 address becomes its /64 network, which one subscriber has."""
    return client_address(request.META.get("REMOTE_ADDR", ""), request.headers.get("X-Forwarded-For", ""))


def of_scope(scope: Scope) -> str:
    """Return the same as `of_request` for an ASGI connection, such as a WebSocket."""
    peer = (scope.get("client") or [""])[0]
    forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"x-forwarded-for"]
    return client_address(peer, ",".join(forwarded))


def client_address(peer: str, forwarded: str) -> str:
    """Return the client's address from that of the connection and the header X-Forwarded-For.

    The header counts only with TRUST_PROXY. Each proxy appends the address that it was asked from. So the client's is
    the right-most one that is not a trusted proxy: the client may have written everything to the left of it.
    """
    hops = [peer]
    if settings.TRUST_PROXY and forwarded:
        hops += reversed(forwarded.split(","))
    client = None
    for index, hop in enumerate(hops):
        address = parse(hop)
        if address is None:
            break
        client = address
        # The first hop is the proxy that connects to this server.
        if index and not is_trusted_proxy(address):
            break
    if isinstance(client, ipaddress.IPv6Address) and not client.is_loopback:
        return str(ipaddress.ip_network((client, 64), strict=False))
    return str(client) if client else ""


def parse(text: str) -> Address | None:
    """Return an address as it may stand in a header, with a port or brackets. Return None if it is not one."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_trusted_proxy(address: Address) -> bool:
    return address.is_loopback or is_in(address, settings.TRUSTED_PROXIES)


def is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)

"""Check whether browsers on the site's pages can reach the address of recordings."""

import ipaddress
from enum import IntEnum
from urllib.parse import urlsplit

from core.findings import Warned

# Suffixes of host names that only a local network resolves.
INSIDE = (
    *(".local", ".lan", ".internal", ".intranet", ".home", ".corp", ".private", ".localdomain"),
    *(".home.arpa", ".test", ".svc", ".consul"),
)
ADVICE = (
    "Set AWS_S3_PUBLIC_ENDPOINT_URL to the address by which browsers reach the bucket's server ({scheme}…). Its proxy must pass "
    "the Host header unchanged, because links are signed for it."
)


class Reach(IntEnum):
    """Say from where an address can be reached. Each value includes the ones before it."""

    SAME_MACHINE = 0
    SAME_SEARCH_DOMAIN = 1
    SAME_NETWORK = 2
    ANYWHERE = 3


DESCRIBED = {
    Reach.SAME_MACHINE: "leads each browser to its own machine",
    Reach.SAME_SEARCH_DOMAIN: "is a bare name, which most browsers cannot look up",
    Reach.SAME_NETWORK: "is known only inside a network",
}


def reach(host: str) -> Reach:
    """Return from where this host name or IP address can be reached."""
    host = host.lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return Reach.SAME_MACHINE
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        if "." not in host:
            return Reach.SAME_SEARCH_DOMAIN
        return Reach.SAME_NETWORK if host.endswith(INSIDE) else Reach.ANYWHERE
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback or address.is_unspecified:
        return Reach.SAME_MACHINE
    return Reach.ANYWHERE if address.is_global else Reach.SAME_NETWORK


def require_reachable(link: str, site: str) -> str:
    """Describe the address from which pages of `site` play `link`. Raises Warned if browsers cannot or will not use it."""
    there, here = urlsplit(link), urlsplit(site)
    host = there.hostname or ""
    advice = ADVICE.format(scheme=f"{here.scheme}://")
    where, site_reach = reach(host), reach(here.hostname or "")
    # Visitors of a site on this machine are on this machine, but a name of a container does not resolve for them.
    is_local_site = site_reach is Reach.SAME_MACHINE
    is_reached = where is not Reach.SAME_SEARCH_DOMAIN if is_local_site else where >= site_reach
    if host != here.hostname and not is_reached:
        raise Warned(f"Recordings are at {there.scheme}://{there.netloc}, which {DESCRIBED[where]}.", advice)
    if here.scheme == "https" and there.scheme == "http":
        found = f"Recordings are at http://{there.netloc}: browsers refuse http on a page of https://."
        raise Warned(found, advice)
    return f"Browsers are sent to {there.scheme}://{there.netloc}."

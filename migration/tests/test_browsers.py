"""Verify tests the address of recordings from the point of view of browsers on the site."""

import pytest

from core.findings import Warned
from migration.checks.browsers import Reach, reach, require_reachable


@pytest.mark.parametrize(
    ("host", "where"),
    [
        ("localhost", Reach.SAME_MACHINE),
        ("LOCALHOST.", Reach.SAME_MACHINE),
        ("minio.localhost", Reach.SAME_MACHINE),
        ("127.0.0.1", Reach.SAME_MACHINE),
        ("127.8.8.8", Reach.SAME_MACHINE),
        ("::1", Reach.SAME_MACHINE),
        ("::ffff:127.0.0.1", Reach.SAME_MACHINE),
        ("0.0.0.0", Reach.SAME_MACHINE),
        ("minio", Reach.SAME_SEARCH_DOMAIN),
        ("s3.lan", Reach.SAME_NETWORK),
        ("S3.LAN.", Reach.SAME_NETWORK),
        ("nas.local", Reach.SAME_NETWORK),
        ("s3.eu.internal", Reach.SAME_NETWORK),
        ("minio.storage.svc.cluster.local", Reach.SAME_NETWORK),
        ("s3.home.arpa", Reach.SAME_NETWORK),
        ("10.0.3.7", Reach.SAME_NETWORK),
        ("172.16.0.1", Reach.SAME_NETWORK),
        ("192.168.1.5", Reach.SAME_NETWORK),
        ("169.254.1.1", Reach.SAME_NETWORK),
        ("100.64.0.1", Reach.SAME_NETWORK),
        ("fd00::1", Reach.SAME_NETWORK),
        ("fe80::1%eth0", Reach.SAME_NETWORK),
        ("::ffff:10.0.0.1", Reach.SAME_NETWORK),
        ("172.32.0.1", Reach.ANYWHERE),
        ("8.8.8.8", Reach.ANYWHERE),
        ("2600::1", Reach.ANYWHERE),
        ("s3.amazonaws.com", Reach.ANYWHERE),
        ("lan.example.org", Reach.ANYWHERE),
        ("my-local.example", Reach.ANYWHERE),
    ],
)
def test_where_an_address_can_be_reached_from(host: str, where: Reach) -> None:
    assert reach(host) is where


@pytest.mark.parametrize(
    ("link", "site"),
    [
        ("https://s3.example.org/talk/k", "https://talk.example.org"),
        ("https://d111.cloudfront.net/k", "http://localhost:8000"),
        ("http://localhost:9000/talk/k", "http://localhost:8000"),
        ("http://127.0.0.1:9000/talk/k", "http://localhost:8000"),
        ("http://192.168.1.5:9000/talk/k", "http://localhost:8000"),
        ("http://s3.lan:9000/talk/k", "http://talk.lan"),
        ("http://10.0.0.2:9000/talk/k", "http://10.0.0.1"),
        ("http://s3.example.org/talk/k", "http://talk.lan"),
        ("http://minio/talk/k", "http://talk"),
        ("http://talk:9000/talk/k", "http://talk"),
    ],
)
def test_addresses_that_browsers_can_reach_pass(link: str, site: str) -> None:
    assert link.split("/")[2] in require_reachable(link, site)


@pytest.mark.parametrize(
    ("link", "site", "reason"),
    [
        ("http://s3.example.org/talk/k", "https://talk.example.org", "browsers refuse http on a page of https"),
        ("http://s3.lan:9000/talk/k", "https://talk.example.org", "only inside a network"),
        ("https://10.0.0.2/talk/k", "https://talk.example.org", "only inside a network"),
        ("https://[fd00::2]/talk/k", "https://talk.example.org", "only inside a network"),
        ("http://minio:9000/talk/k", "https://talk.example.org", "bare name"),
        ("http://minio:9000/talk/k", "http://localhost:8000", "bare name"),
        ("http://localhost:9000/talk/k", "http://talk.lan", "its own machine"),
        ("http://127.0.0.1:9000/talk/k", "https://talk.example.org", "its own machine"),
    ],
)
def test_addresses_that_browsers_cannot_reach_are_warned_of(link: str, site: str, reason: str) -> None:
    with pytest.raises(Warned, match=reason) as warned:
        require_reachable(link, site)
    assert "AWS_S3_PUBLIC_ENDPOINT_URL" in warned.value.do

"""Links lead back to the address that the client used."""

from typing import Any

import pytest

from core.absolute_links import absolute, remember

PUBLIC = "https://talk.example.org"


@pytest.fixture(autouse=True)
def _hosts(settings: Any) -> None:
    settings.APP_URL, settings.ALLOWED_HOSTS = (
        "http://localhost:8000",
        ["localhost", "127.0.0.1", "[::1]", "192.168.1.5"],
    )


@pytest.fixture
def public(settings: Any) -> None:
    settings.APP_URL, settings.ALLOWED_HOSTS = (
        PUBLIC,
        ["talk.example.org", "other.example.org", "localhost", "127.0.0.1"],
    )


@pytest.mark.parametrize(
    ("host", "secure", "origin"),
    [
        ("localhost:8000", False, "http://localhost:8000"),
        ("127.0.0.1:8000", False, "http://127.0.0.1:8000"),
        ("[::1]:8000", False, "http://[::1]:8000"),
        ("192.168.1.5:8000", False, "http://192.168.1.5:8000"),
        ("192.168.1.5", True, "https://192.168.1.5"),
    ],
)
def test_a_link_leads_to_the_host_that_was_asked(host: str, secure: bool, origin: str):
    remember(host, secure=secure)
    assert absolute("/api/audio/file/k") == f"{origin}/api/audio/file/k"


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("talk.example.org", PUBLIC),
        ("127.0.0.1:8000", PUBLIC),
        ("localhost:8000", PUBLIC),
        ("other.example.org", "https://other.example.org"),
    ],
)
def test_behind_a_proxy_a_link_leads_to_the_site(host: str, origin: str):
    remember(host, secure=host == "other.example.org")
    assert absolute("/k") == f"{origin}/k"


@pytest.mark.parametrize("host", ["evil.example", "", "a b", "localhost:8000@evil.example", "[::1"])
def test_a_host_that_is_not_ours_is_in_no_link(host: str):
    remember(host, secure=False)
    assert absolute("/k") == "http://localhost:8000/k"


@pytest.mark.parametrize("link", ["", "https://bucket.example/k?X-Amz-Signature=1"])
def test_an_absolute_link_stays(link: str):
    assert absolute(link) == link

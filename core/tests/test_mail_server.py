from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from core import env


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://mail.example.org", 25, False, False),
        ("smtp+tls://mail.example.org", 587, True, False),
        ("smtp+ssl://mail.example.org:4650", 4650, False, True),
    ],
)
def test_the_scheme_chooses_port_and_encryption(url: str, port: int, tls: bool, ssl: bool, monkeypatch: Any) -> None:
    monkeypatch.setenv("EMAIL_URL", url)
    found = env.mail_server("EMAIL_URL")
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"]) == ("mail.example.org", port)
    assert (found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (tls, ssl)


def test_user_and_password_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_URL", "smtp+tls://anna%40example.org:p%3Aw%2F@mail.example.org")
    found = env.mail_server("EMAIL_URL")
    assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("anna@example.org", "p:w/")


def test_without_a_server_there_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMAIL_URL", raising=False)
    assert env.mail_server("EMAIL_URL") == {}


@pytest.mark.parametrize(
    "url", ["mail.example.org", "https://secret@mail", "smtp://", "smtp://u:secret@host:x", "smtp://["]
)
def test_another_address_is_refused_without_showing_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_URL", url)
    with pytest.raises(ImproperlyConfigured, match=r"^EMAIL_URL: write smtp://") as error:
        env.mail_server("EMAIL_URL")
    assert "secret" not in str(error.value)

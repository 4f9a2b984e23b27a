"""Read typed values from the environment. An invalid value stops the start with its name and the reason."""

import ipaddress
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from core import env_file

UNKNOWN_USER = "this path cannot be followed: the user after ~ is unknown, or its links lead in a circle"


def text(name: str, default: str = "") -> str:
    value = several_lines(name)
    if any(ord(character) < 32 for character in value):
        why = r"it contains a line break or another control character. Only in double quotes is \n a line break"
        raise wrong(name, why)
    return value or default


def several_lines(name: str) -> str:
    value = os.environ.get(name, "").strip()
    # Docker's --env-file, for example, passes quotes and comments on.
    return value if name in env_file.WRITTEN_AT else env_file.value(value)


def written_at(name: str) -> str:
    return f" ({env_file.WRITTEN_AT[name]})" if name in env_file.WRITTEN_AT else ""


def wrong(name: str, advice: str) -> ImproperlyConfigured:
    """Return the error for an invalid value. It does not show the value, which may be a secret in the wrong line."""
    return ImproperlyConfigured(f"{name}: {advice}{written_at(name)}.")


def flag(name: str, default: bool) -> bool:
    value = text(name, "on" if default else "off").lower()
    if value in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        return bool(environ.Env.parse_value(value, bool))
    raise wrong(name, "write on or off")


def number(name: str, default: int, *, low: int, high: int) -> int:
    value = text(name, str(default))
    if re.fullmatch(r"\d{1,9}", value, re.ASCII) and low <= int(value) <= high:
        return int(value)
    raise wrong(name, f"write a whole number from {low} to {high}")


def country(name: str) -> str:
    """Return an ISO 3166 code of two capital letters, "" if none is set."""
    value = text(name).upper()
    if value and not re.fullmatch(r"[A-Z]{2}", value, re.ASCII):
        raise wrong(name, "write the two letters of a country, such as DE")
    return value


def price(name: str, default: float) -> float:
    value = text(name, str(default))
    if re.fullmatch(r"\d{1,6}(\.\d+)?", value, re.ASCII):
        return float(value)
    raise wrong(name, f"write an amount in dollars such as {default}")


def price_range(name: str, default: str) -> tuple[float, float]:
    value = text(name, default)
    if found := re.fullmatch(r"(\d{1,6}(?:\.\d+)?)(?:\s*-\s*(\d{1,6}(?:\.\d+)?))?", value, re.ASCII):
        return float(found[1]), max(float(found[1]), float(found[2] or found[1]))
    raise wrong(name, f"write an amount in dollars, or from and to: {default}")


def one_of(name: str, default: str, choices: tuple[str, ...]) -> str:
    value = text(name, default)
    if value in choices:
        return value
    raise wrong(name, f"write one of {', '.join(choices)}")


def existing_path(name: str) -> str:
    value = text(name)
    if not value:
        return ""
    try:
        path = Path(value).expanduser()
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise wrong(name, "there is nothing at this path") from None
    # `expanduser` raises RuntimeError for ~user of an unknown user.
    except RuntimeError:
        raise wrong(name, UNKNOWN_USER) from None
    except OSError as error:
        raise wrong(name, f"it cannot be read: {error.strerror}") from None
    return str(path)


def mail_server(name: str) -> dict[str, object]:
    """Return Django's settings for the SMTP server that a setting names, {} if it is empty."""
    value = text(name)
    if not value:
        return {}
    advice = "write smtp://user:password@host:587 (plain), smtp+tls:// (STARTTLS) or smtp+ssl://"
    try:
        parts = urlsplit(value)
        if parts.scheme not in ("smtp", "smtp+tls", "smtp+ssl") or not parts.hostname:
            raise wrong(name, advice)
        ssl, tls = parts.scheme == "smtp+ssl", parts.scheme == "smtp+tls"
        return {
            "EMAIL_HOST": parts.hostname,
            "EMAIL_PORT": parts.port or (465 if ssl else 587 if tls else 25),
            "EMAIL_HOST_USER": unquote(parts.username or ""),
            "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
            "EMAIL_USE_SSL": ssl,
            "EMAIL_USE_TLS": tls,
        }
    # A port that is not a number.
    except ValueError:
        raise wrong(name, advice) from None


def origin(name: str, default: str = "") -> str:
    value = text(name, default)
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if valid and not (parts.path.strip("/") or parts.query or parts.fragment or parts.username):
        # Browsers write the header Origin in this way.
        return f"{parts.scheme}://{parts.netloc.lower()}"
    raise wrong(name, "write an origin such as https://talk.example.org, without a path")


def redis_url(name: str) -> str:
    """Return the URL of a Redis server, "" if none is named. It may hold a password."""
    value = text(name)
    try:
        parts = urlsplit(value)
        # `parts.port` raises for a number that is no port.
        valid = parts.scheme in ("redis", "rediss") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not value or valid:
        return value
    raise wrong(name, "write a URL such as redis://127.0.0.1:6379/0")


def networks(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Return the addresses and networks that a setting lists, separated by spaces or commas."""
    try:
        return [ipaddress.ip_network(each) for each in text(name).replace(",", " ").split()]
    except ValueError:
        raise wrong(name, "write addresses or networks such as 10.0.3.7 10.1.0.0/16") from None

"""Describe the stages of settings.OPENAI: where each is served, with which key and which model."""

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

OPENAI_HOST = "api.openai.com"
# The value of OPENAI_MODERATION_MODEL that switches the endpoint off.
OFF = "off"
THIS_SERVER = "this site's own computer"


@dataclass(frozen=True, slots=True)
class Stage:
    """Describe where a stage is served, with which key and model, and which settings change that."""

    name: str
    url: str
    key: str
    model: str

    @property
    def url_setting(self) -> str:
        own = self.url != settings.OPENAI["realtime"]["url"]
        return f"OPENAI_{self.name.upper()}_URL" if own else "OPENAI_BASE_URL"

    @property
    def key_setting(self) -> str:
        own = (self.url, self.key) != (settings.OPENAI["realtime"]["url"], settings.OPENAI["realtime"]["key"])
        return f"OPENAI_{self.name.upper()}_KEY" if own else "OPENAI_API_KEY"

    @property
    def model_setting(self) -> str:
        return f"OPENAI_{self.name.upper()}_MODEL"

    @property
    def host(self) -> str:
        """Return the host with its port, without a user and password in the URL, or "" if the URL is invalid."""
        if any(map(str.isspace, self.url)):
            return ""
        try:
            parts = urlsplit(self.url)
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            return ""
        return f"{parts.hostname}{port}" if parts.scheme in ("http", "https") and parts.hostname else ""

    @property
    def key_fits(self) -> bool:
        """Return whether an HTTP header can carry the key."""
        return self.key.isascii() and self.key.isprintable()

    @property
    def is_openais(self) -> bool:
        """Return whether OpenAI itself serves the stage, so that OpenAI's announcements apply to the model."""
        name = self.host.partition(":")[0]
        # A subdomain is, for example, eu.api.openai.com.
        return name == OPENAI_HOST or name.endswith(f".{OPENAI_HOST}")

    @property
    def provider(self) -> str:
        """Return the name of the service that gets the stage's audio or text, for learners."""
        if self.is_openais:
            return "OpenAI"
        name = self.host.rsplit(":", 1)[0] if not self.host.startswith("[") else self.host.strip("[]")
        try:
            is_this_server = name == "localhost" or ipaddress.ip_address(name).is_loopback
        except ValueError:
            is_this_server = False
        return THIS_SERVER if is_this_server else name or "another server"

    @property
    def may_answer(self) -> bool:
        """Return whether the stage has a key, or is on a private server, which may need none."""
        return bool(self.key) or not self.is_openais


def stages(names: Collection[str]) -> list[Stage]:
    """Return the stages with these names, in the order of settings.OPENAI."""
    return [Stage(name, **chosen) for name, chosen in settings.OPENAI.items() if name in names]


def moderation() -> tuple[str, ...]:
    """Return the name of the stage that judges what is said, nothing if it is switched off."""
    return () if settings.OPENAI["moderation"]["model"] == OFF else ("moderation",)


def with_own_server(names: Collection[str]) -> bool:
    """Return whether any of these stages is on another server than the one that all stages share."""
    return any(stage.url != settings.OPENAI["realtime"]["url"] for stage in stages(names))

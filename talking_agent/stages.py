"""What the settings ask of OpenAI, or of a server that speaks its protocol: which engines talk, and which stages they use."""

import importlib.util
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

OPENAI_HOST = "api.openai.com"
# Of each engine the stages of settings.OPENAI that it uses, in a talk or beside it.
USED_BY = {
    "openai_realtime": ("realtime", "transcription", "chat", "speech"),
    "openai_pipeline": ("transcription", "chat", "speech"),
    "local": (),
}


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a stage is asked, with which key, for which model; and by which settings an operator changes that."""

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
        """With its port, and without the user and password that an address may hold; empty if the address is none."""
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
        """A header can carry it."""
        return self.key.isascii() and self.key.isprintable()

    @property
    def is_openais(self) -> bool:
        """OpenAI itself is asked, and no other server: what OpenAI announces holds for the model."""
        name = self.host.partition(":")[0]
        return name == OPENAI_HOST or name.endswith(f".{OPENAI_HOST}")  # such as eu.api.openai.com


def engines() -> tuple[str, ...]:
    """The names of the engines that can talk here, the preferred one first."""
    configured = _configured()
    if settings.TUTOR_ENGINE == "auto":
        return configured
    last = tuple(name for name in configured if name == "local")
    return tuple(dict.fromkeys((settings.TUTOR_ENGINE, *last)))


def stages(engine: str | None = None) -> list[Stage]:
    """Those that this engine uses; those that any engine in use does, if none is named."""
    used = {name for each in ([engine] if engine else engines()) for name in USED_BY[each]}
    return [Stage(name, **chosen) for name, chosen in settings.OPENAI.items() if name in used]


def _configured() -> tuple[str, ...]:
    three = [settings.OPENAI[name] for name in USED_BY["openai_pipeline"]]
    own = [stage for stage in three if stage["url"] != settings.OPENAI["realtime"]["url"]]
    found = []
    if settings.OPENAI["realtime"]["key"] and not own:
        found.append("openai_realtime")
    if any(stage["key"] for stage in three) or settings.OPENAI_BASE_URL or own:
        found.append("openai_pipeline")
    if not found or importlib.util.find_spec("faster_whisper"):
        found.append("local")
    return tuple(found)

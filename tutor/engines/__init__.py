"""The engines, one folder each. Which of them talks is a setting; the others stand in for it when it fails."""

import importlib.util
from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from tutor.engines.base import Engine


def names() -> tuple[str, ...]:
    """The engines that can talk here, the preferred one first."""
    configured = _configured()
    if settings.TUTOR_ENGINE == "auto":
        return configured
    last = tuple(name for name in configured if name == "local")
    return tuple(dict.fromkeys((settings.TUTOR_ENGINE, *last)))


@cache
def engine(name: str) -> Engine:
    """One per process, for its models are large and its connections are reused."""
    made: Engine = import_string(settings.ENGINES[name])()
    return made


def engines() -> tuple[Engine, ...]:
    return tuple(engine(name) for name in names())


def _configured() -> tuple[str, ...]:
    stages = [settings.OPENAI[stage] for stage in ("transcription", "chat", "speech")]
    own = [stage for stage in stages if stage["url"] != settings.OPENAI["realtime"]["url"]]
    found = []
    if settings.OPENAI["realtime"]["key"] and not own:
        found.append("openai_realtime")
    if any(stage["key"] for stage in stages) or settings.OPENAI_BASE_URL or own:
        found.append("openai_pipeline")
    if not found or importlib.util.find_spec("faster_whisper"):
        found.append("local")
    return tuple(found)

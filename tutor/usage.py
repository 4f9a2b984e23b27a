"""What a turn took of a provider: seconds of audio and tokens, and about how much money that is."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Used:
    """What one call took. `stage`: transcription, chat, speech, realtime, correction, analysis or translation. Tokens, where
    the provider counts them: `text_in` and `audio_in` without the `cached_in` ones."""

    stage: str
    model: str
    seconds: float = 0.0  # of audio
    characters: int = 0  # of text that was spoken
    text_in: int = 0
    audio_in: int = 0
    cached_in: int = 0
    text_out: int = 0
    audio_out: int = 0


_collected: ContextVar[list[Used] | None] = ContextVar("used", default=None)


@contextmanager
def collected() -> Iterator[list[Used]]:
    """What is recorded inside, in tasks begun inside, too."""
    used: list[Used] = []
    token = _collected.set(used)
    try:
        yield used
    finally:
        _collected.reset(token)


def record(used: Used) -> None:
    """A figure that is none is taken for 0: a compatible server may count as it likes."""
    collector = _collected.get()
    if collector is not None:
        figures = {each.name: getattr(used, each.name) for each in fields(used) if each.name not in ("stage", "model")}
        mended: dict[str, Any] = {name: 0 for name, value in figures.items() if not _is_amount(value)}
        collector.append(replace(used, **mended))


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12

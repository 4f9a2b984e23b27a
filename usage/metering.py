"""Record the usage of providers: seconds of audio, characters and tokens. `usage.spending` estimates its cost."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from typing import Any, TypeGuard

# No turn takes so many milliseconds, tokens or dollars.
MOST = 1e12
# The fields of `Used` that count tokens.
TOKENS = ("text_in", "audio_in", "cached_in", "text_out", "audio_out")


@dataclass(frozen=True, slots=True)
class Used:
    """Hold the usage of one call to a provider.

    `stage` is transcription, chat, speech, realtime, correction, analysis or translation. The other fields are 0 if the
    provider does not count them. `text_in` and `audio_in` are tokens without the `cached_in` ones.
    """

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
    """Collect the usage that is recorded inside the block, also by tasks that are started inside it."""
    used: list[Used] = []
    token = _collected.set(used)
    try:
        yield used
    finally:
        _collected.reset(token)


def record(used: Used) -> None:
    """Add a call to the current collector, if any."""
    collector = _collected.get()
    if collector is not None:
        collector.append(valid(used))


def valid(used: Used) -> Used:
    """Return the usage with 0 in place of each invalid number: a compatible server may send anything."""
    counts = [each.name for each in fields(used) if each.name not in ("stage", "model")]
    zeros: dict[str, Any] = {name: 0 for name in counts if not is_amount(getattr(used, name))}
    return replace(used, **zeros)


def is_amount(value: object) -> TypeGuard[float]:
    """Return whether the value is a number from 0 to below MOST."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < MOST

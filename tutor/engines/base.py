"""What an engine is: something that hears a learner, and answers aloud.

A talk asks its engine for one `Session`. Sound is PCM16, mono, 24 kHz, little-endian, both ways. Everything an engine can
fail with is an `EngineError`; an SDK's own exceptions do not leave its folder.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from tutor.scenario import Brief

SAMPLE_RATE = 24_000


class EngineError(Exception):
    """An engine could not do its part. `retryable` says whether trying again may help; the text may be shown to a learner."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the dialogue so far: `role` is "user" or "assistant"."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Correction:
    """One mistake in what was said. `start` and `end` are characters of the transcript; `sure`: fit to be spoken."""

    said: str
    better: str
    why: str
    category: str
    start: int
    end: int
    sure: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """What the learner said, verbatim; "" when there was no speech (nothing else follows then)."""

    text: str


@dataclass(frozen=True, slots=True)
class Corrected:
    corrections: tuple[Correction, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """The next words of the answer, a sentence or a clause; its sound follows."""

    text: str


@dataclass(frozen=True, slots=True)
class Speech:
    """The next sound of the answer."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer brought the talk to its end."""


Event = Heard | Corrected | Words | Speech | Ended


class Session(Protocol):
    """One talk. `transcript` is the talk's own list, which it keeps up to date with what was said and heard: an engine that
    holds the dialogue elsewhere needs it only to begin."""

    transcript: Sequence[Line]
    speed: float

    async def hear(self, pcm: bytes) -> None:
        """Add sound to the learner's present turn."""

    def reply(self, text: str | None = None) -> AsyncIterator[Event]:
        """Answer what has been heard since the last `end_turn` (or `text`, if typed). If that is nothing: open the talk,
        answer the learner's line that the transcript ends with, or go on where the agent left off.

        What is answered is what was heard when this was called. Changes nothing: it may be closed half-way and asked for
        again after more was heard. Typed text is given back as `Heard`, too.
        """

    async def end_turn(self) -> None:
        """The turn is over: what is heard from now on belongs to the next one."""

    async def interrupt(self, played_ms: int) -> None:
        """The learner broke in after hearing this much of the answer."""


class Engine(Protocol):
    name: str
    detects_turns: bool  # True: it says itself when a turn has ended, so that nothing listens for pauses beside it

    async def warm(self) -> None:
        """Load what is slow to load. Called when a talk begins; returns at once when warm."""

    async def correct(self, text: str) -> tuple[Correction, ...]:
        """The mistakes in something that was said."""

    def talk(self, brief: Brief, transcript: Sequence[Line]) -> AbstractAsyncContextManager[Session]: ...

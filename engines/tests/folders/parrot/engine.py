"""Repeat what is heard."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

from engines.interface import Capabilities, Detection, Event, Heard, Speech, Spoken, Words
from tutor.domain import Analysis, CannotDo, Correction, Line
from tutor.moderation import Category
from tutor.scenario import Brief
from tutor.transcripts import Transcript

SQUAWK = b"\x10\x10" * 2400


class ParrotSession:
    def __init__(self, transcript: Sequence[Line]) -> None:
        self.transcript, self.speed, self.noticed = transcript, 1.0, None

    async def hear(self, pcm: bytes) -> None:
        """Hear nothing: what is typed is repeated."""

    async def reply(self, text: str | None = None) -> AsyncGenerator[Event, None]:
        if text is not None:
            yield Heard(text)
        yield Words(f"{text or 'Hello'}! {text or 'Hello'}!")
        yield Speech(SQUAWK)
        yield Spoken()

    async def end_turn(self) -> None: ...

    async def detect_turns(self, detection: Detection | None) -> None: ...

    async def interrupt(self, played_ms: int) -> None: ...


class ParrotEngine:
    name = "parrot"
    capabilities = Capabilities(corrects_aloud=True)

    async def warm(self) -> None: ...

    @asynccontextmanager
    async def talk(self, brief: Brief, transcript: Sequence[Line]) -> AsyncIterator[ParrotSession]:
        yield ParrotSession(transcript)

    async def correct(self, text: str, *, context: Sequence[Line] = (), language: str = "en") -> tuple[Correction, ...]:
        return ()

    async def analyse(self, lines: Sequence[Line], *, brief: Brief, language: str = "en") -> Analysis:
        raise CannotDo("A parrot does not judge.")

    async def translate(self, text: str, *, language: str) -> str:
        raise CannotDo("A parrot does not translate.")

    async def transcribe(self, pcm: bytes, *, language: str = "en") -> Transcript:
        raise CannotDo("A parrot does not write.")

    async def speak(self, text: str, *, speed: float = 1.0, voice: str = "") -> AsyncIterator[bytes]:
        yield SQUAWK

    async def chat(self, lines: Sequence[Line], *, brief: Brief) -> str:
        return lines[-1].text if lines else "Hello!"

    async def moderate(self, text: str) -> frozenset[Category]:
        return frozenset()

    async def close(self) -> None: ...

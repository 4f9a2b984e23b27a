"""Define the interface of an engine, which transcribes a learner and answers aloud.

A talk asks its engine for one `Session`. Audio is PCM16, mono, 24 kHz, little-endian, in both directions. Every failure
of an engine is an `EngineError`. An SDK's own exceptions do not leave the engine's folder.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from django.core.checks import CheckMessage

from core.findings import Probe
from tutor.domain import Analysis, Correction, EngineError, Line
from tutor.moderation import Category
from tutor.scenario import Brief
from tutor.transcripts import Doubt, Transcript

SAMPLE_RATE = 24_000
# The group of the engines' checks in `storage verify`.
LANGUAGE_MODELS = "language models"

# Whether a learner talks and listens during the reply. False for a turn that was recorded elsewhere, whose client waits
# for the whole reply.
is_live: ContextVar[bool] = ContextVar("is_live", default=True)


@dataclass(frozen=True, slots=True)
class Heard(Transcript):
    """Hold the learner's words, verbatim.

    The text is "" when there was no speech, and then no other event follows. An engine that answers audio with audio
    may emit this event only after its answer has begun.
    """

    @classmethod
    def of(cls, heard: Transcript) -> "Heard":
        return cls(heard.text, heard.confidence, heard.doubt, heard.unsure, heard.invented_end)


@dataclass(frozen=True, slots=True)
class Unheard:
    """Report speech that could not be transcribed. The turn is kept as audio. `doubt` is the reason, if it is known."""

    doubt: Doubt | None = None


@dataclass(frozen=True, slots=True)
class Corrected:
    corrections: tuple[Correction, ...]


@dataclass(frozen=True, slots=True)
class Thought:
    """Report that the first words of the answer are written. `Words` follows when their audio is there."""


@dataclass(frozen=True, slots=True)
class Words:
    """Hold the next words of the answer, a sentence or a clause. Their audio follows.

    With `joined`, the words continue the previous ones exactly as they stand, and their audio is not tied to them.
    """

    text: str
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Speech:
    """Hold the next audio of the answer."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Spoken:
    """Mark the end of the answer. Later events are about the learner's turn."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Report that the answer brought the talk to its end."""


Event = Heard | Unheard | Corrected | Thought | Words | Speech | Spoken | Ended


@dataclass(frozen=True, slots=True)
class ListenerEvent:
    """Report what a detector of turns found. `at_ms` counts all audio that it was given."""

    at_ms: int


class SpeechStarted(ListenerEvent):
    """Report the first speech of a turn, or the first after the turn ended. The voice began at `at_ms`."""


class ShortPause(ListenerEvent):
    """Report that the silence after speech reached 300 ms at `at_ms`. The turn may be over."""


class SpeechResumed(ListenerEvent):
    """Report speech after a short pause, in the same turn. The voice began again at `at_ms`."""


class TurnEnded(ListenerEvent):
    """Report that the silence since the last speech reached `pause_ms` at `at_ms`."""


@dataclass(frozen=True, slots=True)
class TurnDetectionLost:
    """Report that an engine that detected turns can no longer do so."""

    error: EngineError


@dataclass(frozen=True, slots=True)
class Detection:
    """Configure how an engine that detects turns should do it.

    `pause_ms` is the silence in ms that ends a turn, if the learner chose it. If it is None, the engine is about as patient as
    `level_pause_ms`, the value for the level, suggests. With `hold`, no pause ends the turn ("let me think").
    """

    level_pause_ms: int
    pause_ms: int | None = None
    hold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """Declare what an engine can do, and how it behaves, so that a talk need not find out by failing."""

    # The engine can report by itself when a turn has ended, so no voice activity detector runs beside it.
    detects_turns: bool = False
    # A reply can be begun in a short pause, and thrown away unheard.
    supports_preemptive: bool = False
    # The engine corrects before it answers. If False, `correct` is called beside the answer.
    corrects_aloud: bool = False
    # The engine's transcription invents words in silence.
    invents_in_silence: bool = False
    # The engine translates, and explains in every language of tutor/languages. If False, it knows only English.
    multilingual: bool = False
    # The engine runs in this process and asks no server, so it can stand in for any other.
    embedded: bool = False
    # The engine's provider may have a service that judges texts, beside the word list.
    moderates: bool = False


class Session(Protocol):
    """Hold one talk.

    `transcript` is the talk's own list. The talk keeps it up to date with what was said and heard. An engine that holds
    the dialogue elsewhere needs it only to begin. The talk sets `noticed`. An engine that detects turns calls it with
    each SpeechStarted and TurnEnded, or with TurnDetectionLost. `at_ms` counts the audio that this session was given, in ms.
    """

    transcript: Sequence[Line]
    speed: float
    noticed: Callable[[ListenerEvent | TurnDetectionLost], Awaitable[None]] | None

    async def hear(self, pcm: bytes) -> None:
        """Add audio to the learner's current turn. Never raises: the reply, or `noticed`, reports a failure."""

    def reply(self, text: str | None = None) -> AsyncIterator[Event]:
        """Answer the audio since the last `end_turn`, or `text` if it was typed.

        If there is neither, open the talk, answer the learner's line that the transcript ends with, or continue where
        the agent left off.

        The answer covers what was heard before this call. With `supports_preemptive` the call changes nothing: it may
        be closed half-way and repeated after more was heard. Typed text also comes back as `Heard`.
        """

    async def end_turn(self) -> None:
        """End the turn. Audio that is heard from now on belongs to the next one."""

    async def detect_turns(self, detection: Detection | None) -> None:
        """Report by `noticed` when a turn begins and when it has ended. With None, the learner says so.

        Call it only if the engine `detects_turns`.
        """

    async def interrupt(self, played_ms: int) -> None:
        """Report that the learner broke in after hearing `played_ms` of the answer."""


class Engine(Protocol):
    """Talk with learners, and do other language work beside a talk.

    A method raises CannotDo if this engine has no means for it.
    """

    name: str
    capabilities: Capabilities

    async def warm(self) -> None:
        """Load models that are slow to load, or connect. Called when a talk begins. Returns at once when the engine is warm."""

    def talk(self, brief: Brief, transcript: Sequence[Line]) -> AbstractAsyncContextManager[Session]: ...

    async def correct(self, text: str, *, context: Sequence[Line] = (), language: str = "en") -> tuple[Correction, ...]:
        """Return the mistakes in the text, explained in `language`. `context` holds the lines before it."""

    async def analyse(self, lines: Sequence[Line], *, brief: Brief, language: str = "en") -> Analysis:
        """Return scores and advice for a whole talk, in `language`. Fluency is measured on lines with `seconds`."""

    async def translate(self, text: str, *, language: str) -> str:
        """Translate the text into `language`: "en" or "vi"."""

    async def transcribe(self, pcm: bytes, *, language: str = "en") -> Transcript:
        """Return the words in a recording, verbatim, or "" if there is no speech, and what is in doubt about them."""

    def speak(self, text: str, *, speed: float = 1.0, voice: str = "") -> AsyncIterator[bytes]:
        """Yield PCM of the text as it is made. A `voice` that the engine lacks is replaced by its usual one."""

    async def chat(self, lines: Sequence[Line], *, brief: Brief) -> str:
        """Return the agent's next line, as text only."""

    async def moderate(self, text: str) -> frozenset[Category]:
        """Return what the provider's service finds in the text. Nothing while it has none or fails, because talks go on.

        Call it only if the engine `moderates`.
        """

    async def close(self) -> None:
        """Close the connections that the engine keeps between talks. The server calls it when it stops."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Name a service that gets what a learner says, for learners to read.

    `stage` is what it is used for: realtime, transcription, chat, speech or moderation. `host` is the host that is
    contacted, with its port.
    """

    provider: str
    host: str
    stage: str


class Declaration(ABC):
    """Declare an engine: the module `declaration` of its folder has one, as DECLARATION.

    It is imported at the start of the server, so it imports neither the engine nor an SDK.
    """

    # The name of the folder.
    name: str
    # The dotted path of the class, which follows `Engine`.
    engine: str
    # With TUTOR_ENGINE=auto, the configured engine with the lowest number talks. The others stand in for it, in this order.
    preference: int
    capabilities: Capabilities

    @abstractmethod
    def configured(self) -> bool:
        """Return whether the settings and the installed packages suffice to talk with this engine."""

    def system_checks(self) -> Iterable[CheckMessage]:
        """Return what is wrong with the settings of this engine, which is in use. Contacts no server."""
        return ()

    def verify_checks(self) -> Iterable[Probe]:
        """Return this engine's checks for `storage verify`, whether it is in use or not. Their group is LANGUAGE_MODELS."""
        return ()

    def model(self) -> str:
        """Return the name of the model that answers, or "" for a program that follows a scenario."""
        return ""

    def receivers(self) -> tuple[Receiver, ...]:
        """Return the services that get the learner's voice or words, one for each stage."""
        return ()

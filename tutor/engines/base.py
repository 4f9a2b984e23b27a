"""What an engine is: something that hears a learner, and answers aloud.

A talk asks its engine for one `Session`. Sound is PCM16, mono, 24 kHz, little-endian, both ways. Everything an engine can
fail with is an `EngineError`; an SDK's own exceptions do not leave its folder.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from tutor.scenario import Brief

SAMPLE_RATE = 24_000


class EngineError(Exception):
    """An engine could not do its part. The text may be shown to a learner; `detail` is for operators and the log, and never
    holds a secret. `retryable` says whether trying again may help."""

    def __init__(self, message: str, *, retryable: bool = False, detail: str = "") -> None:
        super().__init__(message)
        self.retryable = retryable
        self.detail = detail or message


class CannotDo(EngineError):
    """This engine has no means for what was asked, and never will: HTTP 501."""


class Unusable(EngineError):
    """This one request was refused, or its answer cannot be used. The engine is well: others need not do without it."""


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
class Analysis:
    """What is said of a whole talk, in the contract's shape. A score from 0 to 100 that was not measured is None, and
    `unmeasured` says why: nothing is guessed."""

    scores: dict[str, float | None]  # fluency, pronunciation, grammar, vocabulary, contentRichness
    feedback: str
    strengths: tuple[str, ...] = ()
    improvements: tuple[str, ...] = ()
    suggestions: tuple[dict[str, str], ...] = ()  # {type, original, alternative, explanation, category}
    unmeasured: dict[str, str] = field(default_factory=dict)  # name of a score → why there is none


@dataclass(frozen=True, slots=True)
class Heard:
    """What the learner said, verbatim; "" when there was no speech (nothing else follows then). An engine that answers
    sound with sound may have made it out only after its answer began."""

    text: str


@dataclass(frozen=True, slots=True)
class Unheard:
    """There was speech, and its words could not be made out: the turn is kept as sound."""


@dataclass(frozen=True, slots=True)
class Corrected:
    corrections: tuple[Correction, ...]


@dataclass(frozen=True, slots=True)
class Thought:
    """The first words of the answer are written; they are told of when their sound is there."""


@dataclass(frozen=True, slots=True)
class Words:
    """The next words of the answer, a sentence or a clause; its sound follows. `joined`: they go on with the words before,
    just as they stand, and their sound comes when it comes."""

    text: str
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Speech:
    """The next sound of the answer."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Spoken:
    """The answer is complete. What follows belongs to the learner's turn."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer brought the talk to its end."""


Event = Heard | Unheard | Corrected | Thought | Words | Speech | Spoken | Ended


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The first speech of a turn, or the first after the turn ended. `at_ms`: where the voice began."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class ShortPause:
    """The first 300 ms of silence after speech are over at `at_ms`; perhaps the turn is, too."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class SpeechResumed:
    """Speech after a short pause, in the same turn. `at_ms`: where the voice began again."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """`pause_ms` of silence since the last speech are over at `at_ms`."""

    at_ms: int


ListenerEvent = SpeechStarted | ShortPause | SpeechResumed | TurnEnded


@dataclass(frozen=True, slots=True)
class Lost:
    """An engine that listened for turns can no more."""

    error: EngineError


@dataclass(frozen=True, slots=True)
class Detection:
    """How an engine that detects turns should: after `pause_ms` of silence if the learner chose it, else as patiently as
    `level_pause_ms`, the level's, suggests. `hold`: no pause ends the turn ("let me think")."""

    level_pause_ms: int
    pause_ms: int | None = None
    hold: bool = False


class Session(Protocol):
    """One talk. `transcript` is the talk's own list, which it keeps up to date with what was said and heard: an engine that
    holds the dialogue elsewhere needs it only to begin. `noticed` is set by the talk, and called by an engine that
    detects turns with each SpeechStarted and TurnEnded, or Lost; `at_ms` counts the sound that this session was given."""

    transcript: Sequence[Line]
    speed: float
    noticed: Callable[[ListenerEvent | Lost], Awaitable[None]] | None

    async def hear(self, pcm: bytes) -> None:
        """Add sound to the learner's present turn. Never fails: what goes wrong is told by the reply, or by `noticed`."""

    def reply(self, text: str | None = None) -> AsyncIterator[Event]:
        """Answer what has been heard since the last `end_turn` (or `text`, if typed). If that is nothing: open the talk,
        answer the learner's line that the transcript ends with, or go on where the agent left off.

        What is answered is what was heard when this was called. An engine that `begins_early` changes nothing by it: it may
        be closed half-way and asked for again after more was heard. Typed text is given back as `Heard`, too.
        """

    async def end_turn(self) -> None:
        """The turn is over: what is heard from now on belongs to the next one."""

    async def detect_turns(self, detection: Detection | None) -> None:
        """Say by `noticed` when a turn begins and has ended; None: the learner says so. Only if the engine `detects_turns`."""

    async def interrupt(self, played_ms: int) -> None:
        """The learner broke in after hearing this much of the answer."""


class Engine(Protocol):
    """What talks, and what else can be asked of it beside a talk. A verb raises CannotDo where the engine has no means."""

    name: str
    detects_turns: bool  # it can say itself when a turn has ended, so that nothing listens for pauses beside it
    begins_early: bool  # a reply can be begun in a short pause, and thrown away unheard
    corrects_aloud: bool  # it corrects before it answers; else `correct` is asked beside the answer
    invents_in_silence: bool  # its transcription makes up words where nobody spoke

    async def warm(self) -> None:
        """Load what is slow to load, or connect. Called when a talk begins; returns at once when warm."""

    def talk(self, brief: Brief, transcript: Sequence[Line]) -> AbstractAsyncContextManager[Session]: ...

    async def correct(self, text: str, *, context: Sequence[Line] = (), language: str = "en") -> tuple[Correction, ...]:
        """The mistakes in something that was said, explained in `language`. `context`: the lines before it."""

    async def analyse(
        self, lines: Sequence[Line], *, brief: Brief, seconds: float | None = None, language: str = "en"
    ) -> Analysis:
        """What can be said of a whole talk. `seconds`: how long the learner spoke, if known."""

    async def translate(self, text: str, *, language: str) -> str:
        """Into `language`: "en" or "vi"."""

    async def transcribe(self, pcm: bytes, *, language: str = "en") -> str:
        """The words in a recording, verbatim; "" where nobody speaks."""

    def speak(self, text: str, *, speed: float = 1.0, voice: str = "") -> AsyncIterator[bytes]:
        """PCM of the text, as it is made. `voice`: one that the engine does not have is its usual one."""

    async def chat(self, lines: Sequence[Line], *, brief: Brief) -> str:
        """The agent's next line, as text alone."""

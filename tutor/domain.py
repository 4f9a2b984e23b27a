"""Hold the types that scenarios, engines and talks share: a line, a correction, an analysis, errors."""

from dataclasses import dataclass, field


class EngineError(Exception):
    """Report that an engine could not do its part.

    The text may be shown to a learner. `detail` is for operators and the log, and never holds a secret. `retryable`
    says whether trying again may help.
    """

    def __init__(self, message: str, *, retryable: bool = False, detail: str = "") -> None:
        super().__init__(message)
        self.retryable = retryable
        self.detail = detail or message


class CannotDo(EngineError):
    """Report that this engine does not support the request, now or later: HTTP 501."""


class EnoughForToday(EngineError):
    """Report that only a provider could do this and the site's daily budget is spent: HTTP 503 until tomorrow."""


class UnusableAnswer(EngineError):
    """Report that one request was refused, or its answer cannot be used. The engine stays in use for other requests."""


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one line of the dialogue.

    `role` is "user" or "assistant". `seconds` is the length of its recording, None for a typed line.
    """

    role: str
    text: str
    seconds: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Correction:
    """Hold one mistake of a learner and its correction.

    `start` and `end` are offsets in the transcript, in characters. `sure` marks a correction that may be spoken.
    """

    said: str
    better: str
    why: str
    category: str
    start: int
    end: int
    sure: bool = False


@dataclass(frozen=True, slots=True)
class Analysis:
    """Hold the analysis of a whole talk, in the contract's shape.

    Scores go from 0 to 100. A score that was not measured is None, and `unmeasured` says why. Scores are never guessed.
    """

    # Keys: fluency, pronunciation, grammar, vocabulary, contentRichness.
    scores: dict[str, float | None]
    feedback: str
    strengths: tuple[str, ...] = ()
    improvements: tuple[str, ...] = ()
    # Keys of each: type, original, alternative, explanation, category.
    suggestions: tuple[dict[str, str], ...] = ()
    # Name of a score → why it was not measured.
    unmeasured: dict[str, str] = field(default_factory=dict)

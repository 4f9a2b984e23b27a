"""What the provider does when nothing goes wrong: how long it takes, what it hears, what it answers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

MODELS = (
    "gpt-realtime-2.1",
    "gpt-realtime-2.1-mini",
    "gpt-realtime-2",
    "gpt-transcribe",
    "gpt-4o-mini-transcribe",
    "whisper-1",
    "gpt-4o-mini-tts",
    "tts-1",
    "gpt-5-mini",
    "gpt-5.4-mini",
    "omni-moderation-latest",
)


class BadSetting(ValueError):
    """No such setting, or a value it cannot have; the message names it."""


@dataclass(frozen=True)
class Delays:
    """In milliseconds, each counted from the moment the whole request, or the commit of a turn, has arrived."""

    connect_ms: float = 0  # until the handshake of a talk is answered
    transcription_ms: float = 0
    transcription_per_second_ms: float = 0  # more, for each second of audio
    first_token_ms: float = 0
    token_ms: float = 0  # between tokens: chat, responses, the transcript of a spoken answer
    speech_first_byte_ms: float = 0
    speech_per_second_ms: float = 0  # to make a second of speech; 1000 is real time
    moderation_ms: float = 0
    realtime_first_audio_ms: float = 0
    realtime_per_second_ms: float = 0


@dataclass(frozen=True)
class Settings:
    """Scripts (`transcripts`, `replies`, each list of `structured`) are handed out line by line; the last line stays."""

    delays: Delays = field(default_factory=Delays)
    api_key: str = ""  # the only one that is let in; any, when empty
    models: list[str] = field(default_factory=lambda: list(MODELS))  # what /v1/models lists
    missing_models: list[str] = field(default_factory=list)  # what every endpoint answers with 404
    heard: dict[str, str] = field(default_factory=dict)  # SHA-256, or length in bytes, of the audio → its transcript
    transcripts: list[str] = field(default_factory=list)  # for audio that `heard` does not name
    replies: list[str] = field(default_factory=list)
    structured: dict[str, list[Any]] = field(
        default_factory=dict
    )  # name of a JSON schema → answers; a str goes out as it is
    flagged: dict[str, str] = field(default_factory=dict)  # word → moderation category
    ms_per_character: float = 60.0  # of speech
    audio_chunk_ms: int = 100  # of speech in one piece
    semantic_pause_ms: dict[str, float] = field(
        default_factory=lambda: {"low": 1500.0, "medium": 800.0, "auto": 800.0, "high": 300.0}
    )
    session_expires_s: float = 3600.0

    def changed(self, changes: Mapping[str, Any]) -> "Settings":
        """These settings with some replaced; of `delays`, only those that are named.

        Raises BadSetting.
        """
        changes = dict(changes)
        delays = changes.pop("delays", {})
        if not isinstance(delays, Mapping):
            raise BadSetting("delays must be an object.")
        return replace(self, **_fitting(self, changes), delays=replace(self.delays, **_fitting(self.delays, delays)))

    def shape(self) -> dict[str, Any]:
        return asdict(self)


def _fitting(owner: Settings | Delays, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    known = {each.name for each in fields(owner)}
    for name, value in changes.items():
        if name not in known:
            raise BadSetting(f"There is no setting {name!r}.")
        now = getattr(owner, name)
        if isinstance(now, int | float):
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise BadSetting(f"{name} must be a number, and not negative.")
        elif not isinstance(value, type(now)):
            raise BadSetting(f"{name} must be a {type(now).__name__}.")
    return changes

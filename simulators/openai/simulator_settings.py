"""Define the provider's normal behaviour: its delays, the words it hears and its answers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace

from core.json_types import Json

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
    """Report an unknown setting or an invalid value. The message names it."""


@dataclass(frozen=True)
class Delays:
    """Hold delays in milliseconds, counted from the arrival of the whole request, or of the commit of a turn."""

    # Until the handshake of a talk is answered.
    connect_ms: float = 0
    transcription_ms: float = 0
    # Added for each second of audio.
    transcription_per_second_ms: float = 0
    first_token_ms: float = 0
    # Between tokens of chat, responses and the transcript of a spoken answer.
    token_ms: float = 0
    speech_first_byte_ms: float = 0
    # To make a second of speech. 1000 is real time.
    speech_per_second_ms: float = 0
    moderation_ms: float = 0
    realtime_first_audio_ms: float = 0
    realtime_per_second_ms: float = 0


@dataclass(frozen=True)
class Settings:
    """Hold all settings. Scripts (`transcripts`, `replies`, each list of `structured`) are used line by line.

    The last line of a script repeats.
    """

    delays: Delays = field(default_factory=Delays)
    # The only accepted key. Empty: any key.
    api_key: str = ""
    # Models that /v1/models lists.
    models: list[str] = field(default_factory=lambda: list(MODELS))
    # Models that every endpoint answers with 404.
    missing_models: list[str] = field(default_factory=list)
    # Transcript by the SHA-256 of the audio, or by its length in bytes.
    heard: dict[str, str] = field(default_factory=dict)
    # For audio that `heard` does not name.
    transcripts: list[str] = field(default_factory=list)
    # Negative log probability of each token of a transcript.
    unlikelihood: float = 0.05
    replies: list[str] = field(default_factory=list)
    # Answers by the name of a JSON schema. A str is sent as it is.
    structured: dict[str, list[object]] = field(default_factory=dict)
    # Moderation category by word.
    flagged: dict[str, str] = field(default_factory=dict)
    # Milliseconds of speech for each character.
    ms_per_character: float = 60.0
    # Milliseconds of speech in one piece.
    audio_chunk_ms: int = 100
    semantic_pause_ms: dict[str, float] = field(
        default_factory=lambda: {"low": 1500.0, "medium": 800.0, "auto": 800.0, "high": 300.0}
    )
    session_expires_s: float = 3600.0

    def changed(self, changes: Mapping[str, object]) -> "Settings":
        """Return these settings with changes. Of `delays`, only the named ones change.

        Raises BadSetting.
        """
        changes = dict(changes)
        delays = changes.pop("delays", {})
        if not isinstance(delays, Mapping):
            raise BadSetting("delays must be an object.")
        return replace(self, **_fitting(self, changes), delays=replace(self.delays, **_fitting(self.delays, delays)))

    def shape(self) -> dict[str, object]:
        return asdict(self)


def _fitting(owner: Settings | Delays, changes: Mapping[str, object]) -> Json:
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
    return dict(changes)

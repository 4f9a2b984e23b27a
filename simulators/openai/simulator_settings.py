"""Define the provider's normal behaviour: its delays, its transcripts and its answers."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt, ValidationError

from core.json_types import Json

MODELS = (
    *("gpt-realtime-2.1", "gpt-realtime-2.1-mini", "gpt-realtime-2", "gpt-5-mini", "gpt-5.4-mini"),
    *("gpt-transcribe", "gpt-4o-mini-transcribe", "whisper-1", "gpt-4o-mini-tts", "tts-1", "omni-moderation-latest"),
)


class BadSetting(ValueError):
    """Report an unknown setting or an invalid value. The message names it."""


class Strict(BaseModel):
    """Refuse unknown fields and values of another type."""

    model_config = ConfigDict(strict=True, extra="forbid")


Shape = TypeVar("Shape", bound=Strict)


def checked(shape: type[Shape], given: object) -> Shape:
    """Return an object with the given fields. Raises BadSetting."""
    try:
        return shape.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadSetting(f"{'.'.join(map(repr, first['loc']))}: {first['msg']}.") from error


class Delays(Strict):
    """Hold delays in milliseconds, counted from the arrival of the whole request, or of the commit of a turn."""

    # Until the handshake of a talk is answered.
    connect_ms: NonNegativeFloat = 0
    transcription_ms: NonNegativeFloat = 0
    # Added for each second of audio.
    transcription_per_second_ms: NonNegativeFloat = 0
    first_token_ms: NonNegativeFloat = 0
    # Between tokens of chat and the transcript of a spoken answer.
    token_ms: NonNegativeFloat = 0
    speech_first_byte_ms: NonNegativeFloat = 0
    # To make a second of speech. 1000 is real time.
    speech_per_second_ms: NonNegativeFloat = 0
    moderation_ms: NonNegativeFloat = 0
    realtime_first_audio_ms: NonNegativeFloat = 0
    realtime_per_second_ms: NonNegativeFloat = 0


class Settings(Strict):
    """Hold all settings. Scripts (`transcripts`, `replies`, each list of `structured`) are used line by line.

    The last line of a script repeats.
    """

    delays: Delays = Delays()
    # The only accepted key. Empty: any key.
    api_key: str = ""
    # Models that /v1/models lists.
    models: list[str] = list(MODELS)
    # Models that every endpoint answers with 404.
    missing_models: list[str] = []
    # Transcript by the SHA-256 of the audio, or by its length in bytes.
    heard: dict[str, str] = {}
    # For audio that `heard` does not name.
    transcripts: list[str] = []
    # Negative log probability of each token of a transcript.
    unlikelihood: NonNegativeFloat = 0.05
    replies: list[str] = []
    # Answers by the name of a JSON schema. A str is sent as it is.
    structured: dict[str, list[object]] = {}
    # Moderation category by word.
    flagged: dict[str, str] = {}
    # Milliseconds of speech for each character.
    ms_per_character: NonNegativeFloat = 60.0
    # Milliseconds of speech in one piece.
    audio_chunk_ms: NonNegativeInt = 100
    semantic_pause_ms: dict[str, NonNegativeFloat] = {"low": 1500.0, "medium": 800.0, "auto": 800.0, "high": 300.0}
    session_expires_s: NonNegativeFloat = 3600.0

    def changed(self, changes: Json) -> "Settings":
        """Return these settings with changes. Of `delays`, only the named ones change. Raises BadSetting."""
        now = self.model_dump()
        delays = changes.get("delays", {})
        if isinstance(delays, dict):
            delays = now["delays"] | delays
        return checked(Settings, now | changes | {"delays": delays})

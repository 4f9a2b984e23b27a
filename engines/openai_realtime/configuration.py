"""Build the configuration of a session at the provider.

A long talk stays within the model's context. When the context is full, the provider drops the oldest messages until
four fifths of it are used (`truncation`, with a retention ratio). So this happens seldom, and the provider's cache
stays valid in between.
"""

from collections.abc import Mapping

from django.conf import settings

from engines.interface import SAMPLE_RATE, Detection
from engines.openai import clients
from engines.openai.realtime import ServerEvent

PCM = {"type": "audio/pcm", "rate": SAMPLE_RATE}
RETAINED = 0.8
# Settings that a session can do without, each with the words that name it in an error.
DISPENSABLE = {
    "voice": ("voice",),
    "semantic_vad": ("turn_detection", "semantic_vad", "eagerness"),
    "truncation": ("truncation", "retention_ratio"),
    "speed": ("speed",),
}


class Configuration:
    """Hold the configuration of a session.

    `detection` and `speed` may change while it is in use. A setting that the provider has refused is not requested
    again.
    """

    def __init__(self, instructions: str) -> None:
        self.instructions = instructions
        self.detection: Detection | None = None
        self.speed = 1.0
        self._refused: set[str] = set()

    def whole(self) -> dict[str, object]:
        """Return the configuration for the beginning of a session, in which nothing ends a turn by itself."""
        sound_out: dict[str, object] = {"format": PCM}
        if "voice" not in self._refused:
            sound_out["voice"] = settings.OPENAI_VOICE
        if "speed" not in self._refused:
            sound_out["speed"] = self.speed
        transcription = {"model": clients.model("transcription"), "language": "en"}
        sound_in = {"format": PCM, "transcription": transcription, "turn_detection": None}
        session = _session({"input": sound_in, "output": sound_out})
        session |= {"instructions": self.instructions, "output_modalities": ["audio"]}
        if "truncation" not in self._refused:
            session["truncation"] = {"type": "retention_ratio", "retention_ratio": RETAINED}
        return session

    def turn_detection(self) -> dict[str, object]:
        detection = self.detection
        wanted: dict[str, object] | None = None
        if detection and not detection.hold:
            if detection.pause_ms is None and "semantic_vad" not in self._refused:
                wanted = {"type": "semantic_vad", "eagerness": "low"}
            else:
                pause = detection.pause_ms or detection.level_pause_ms
                wanted = {"type": "server_vad", "silence_duration_ms": pause}
            wanted |= {"create_response": True, "interrupt_response": True}
        return _session({"input": {"turn_detection": wanted}})

    def pace(self) -> dict[str, object] | None:
        """Return the configuration of the speed alone, or None if the provider has refused a speed."""
        return None if "speed" in self._refused else _session({"output": {"speed": self.speed}})

    def do_without(self, error: ServerEvent) -> str | None:
        """Return the dispensable setting that this error refuses, and leave it out from now on.

        Returns None if the error names no such setting, or one that is left out already.
        """
        said = str(error.get("param") or error.get("message") or "").lower()
        found = next((name for name, signs in DISPENSABLE.items() if any(sign in said for sign in signs)), None)
        if found in self._refused:
            return None
        if found:
            self._refused.add(found)
        return found


def _session(audio: Mapping[str, object]) -> dict[str, object]:
    return {"type": "realtime", "audio": audio}

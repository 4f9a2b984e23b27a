"""Configure a session at the provider.

A long talk stays within the model's context. When the context is full, the provider drops the oldest messages until four fifths
of it are used (`truncation`, with a retention ratio). So this happens seldom, and the provider's cache stays valid in between.
"""

from collections.abc import Mapping

from django.conf import settings

from engines.interface import SAMPLE_RATE, Detection
from engines.openai import clients
from engines.openai.realtime import ServerEvent
from engines.openai_realtime.connection import RealtimeConnection

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
    """Hold the configuration of a talk's sessions, and send it.

    `detection` and `speed` may change during a session. A setting that the provider has refused is not requested again.
    """

    def __init__(self, instructions: str) -> None:
        self.instructions = instructions
        self.detection: Detection | None = None
        self.speed = 1.0
        self._sent_speed = 1.0
        self._refused: set[str] = set()

    def send(self, connection: RealtimeConnection) -> None:
        """Send the configuration for the beginning of a session, in which nothing ends a turn by itself."""
        self._sent_speed = self.speed
        audio_out: dict[str, object] = {"format": PCM}
        if "voice" not in self._refused:
            audio_out["voice"] = settings.OPENAI_VOICE
        if "speed" not in self._refused:
            audio_out["speed"] = self.speed
        transcription = {"model": clients.model("transcription"), "language": "en"}
        audio_in = {"format": PCM, "transcription": transcription, "turn_detection": None}
        session = _session({"input": audio_in, "output": audio_out})
        session |= {"instructions": self.instructions, "output_modalities": ["audio"]}
        if "truncation" not in self._refused:
            session["truncation"] = {"type": "retention_ratio", "retention_ratio": RETAINED}
        connection.send("session.update", session=session)

    def send_detection(self, connection: RealtimeConnection) -> None:
        detection = self.detection
        wanted: dict[str, object] | None = None
        if detection and not detection.hold:
            if detection.pause_ms is None and "semantic_vad" not in self._refused:
                wanted = {"type": "semantic_vad", "eagerness": "low"}
            else:
                pause = detection.pause_ms or detection.level_pause_ms
                wanted = {"type": "server_vad", "silence_duration_ms": pause}
            wanted |= {"create_response": True, "interrupt_response": True}
        session = _session({"input": {"turn_detection": wanted}})
        connection.send("session.update", event_id="update_detection", session=session)

    def send_speed(self, connection: RealtimeConnection) -> None:
        """Send the speed, if it has changed and the provider has not refused it."""
        if self.speed != self._sent_speed and "speed" not in self._refused:
            self._sent_speed = self.speed
            session = _session({"output": {"speed": self.speed}})
            connection.send("session.update", event_id="update_speed", session=session)

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

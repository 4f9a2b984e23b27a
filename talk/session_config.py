"""Hold the configuration of a client's session, and describe the session to the client."""

from dataclasses import dataclass, field, replace

from conversations import representations
from core.json_types import Json
from talk.audio_formats import PCM, Decoder
from talk.dialogue import Dialogue
from talk.fallback import FallbackSession
from talk.protocol import ProtocolError
from talk.reply_events import Output
from talk.session_fields import DETECTION, Wishes
from talk.turn_detection import TurnDetector

NOT_HANDS_FREE = "Hands-free needs the packages of requirements-local.txt on the server. Hold to talk instead."
INTERRUPTS = "The engine in use stops for a voice by itself."


@dataclass(slots=True)
class SessionConfig:
    decoder: Decoder = field(default_factory=lambda: Decoder(PCM))
    output: Output = field(default_factory=Output)
    # Milliseconds of silence after a question before the first reprompt, hands-free only. None: no reprompts.
    idle_ms: int | None = None
    # Whether the end of a turn creates a response. Otherwise the client asks for it.
    creates_response: bool = True
    # Whether a voice stops the agent.
    interrupts_response: bool = True

    def apply(self, wishes: Wishes) -> None:
        if wishes.input_format and wishes.input_format is not self.decoder.format:
            self.decoder = Decoder(wishes.input_format)
        self.output = self.output_with(wishes)
        if wishes.hands_free is not None:
            self.idle_ms = wishes.idle_ms
        if wishes.hands_free:
            self.creates_response = wishes.create_response is not False
            self.interrupts_response = wishes.interrupt_response is not False

    def output_with(self, wishes: Wishes) -> Output:
        return Output(wishes.modality or self.output.modality, wishes.output_format or self.output.format)


def possible(wishes: Wishes, turn_detector: TurnDetector) -> Wishes:
    """Return the wishes, with those that this engine or installation cannot follow turned into refusals."""
    if wishes.hands_free and not turn_detector.can_be_hands_free:
        refusal = ProtocolError("hands_free_not_available", NOT_HANDS_FREE, f"session.{DETECTION}")
        wishes = replace(wishes, hands_free=None, refusals=[*wishes.refusals, refusal])
    if wishes.hands_free and wishes.interrupt_response is False and turn_detector.engine_detects:
        refusal = ProtocolError("not_supported", INTERRUPTS, f"session.{DETECTION}.interrupt_response")
        wishes = replace(wishes, interrupt_response=None, refusals=[*wishes.refusals, refusal])
    return wishes


def session_shape(
    config: SessionConfig, dialogue: Dialogue, turn_detector: TurnDetector, fallback_session: FallbackSession
) -> Json:
    """Return the `session` of an event for the client."""
    engine, pause_ms = fallback_session.engine, turn_detector.pause_ms
    detection = {
        "type": "server_vad",
        "silence_duration_ms": pause_ms,
        "idle_timeout_ms": config.idle_ms,
        "create_response": config.creates_response,
        # An engine that detects turns by itself always stops for a voice.
        "interrupt_response": config.interrupts_response or engine.capabilities.detects_turns,
    }
    sound_in = {
        "format": config.decoder.format.shape(),
        "turn_detection": detection if turn_detector.hands_free else None,
    }
    sound_out = {"format": config.output.format.shape(), "speed": fallback_session.speed, "voice": engine.name}
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": f"sess_{dialogue.conversation}",
        "model": engine.name,
        "output_modalities": [config.output.modality],
        "audio": {"input": sound_in, "output": sound_out},
        "talk": dialogue.shape() | {"engine": engine.name, "pause_ms": pause_ms, **representations.where()},
    }

"""Detect when the learner's turn begins, pauses and ends. Sound goes in, and events come back."""

from collections.abc import Iterable
from dataclasses import dataclass

from audio import sound_threads
from audio.encoding import BYTES_PER_SECOND, MAX_SECONDS
from engines.interface import Detection, ListenerEvent, ShortPause, SpeechResumed, SpeechStarted, TurnEnded
from engines.vad import ENDPOINTING_DELAY_MS
from talk import echo
from talk.input_buffer import InputAudioBuffer
from talk.playback import Playback
from talk.turn import Turn
from talk.voice_level import VoiceLevel
from tutor.utterances import is_unfinished

ECHO = "I hear my own voice over your loudspeakers. With headphones, or with hold to talk, we understand each other better."
# Replies that came back over the microphone before the learner gets the notice ECHO.
ECHOES_BEFORE_ADVICE = 2
OTHER_VOICE = (
    "That was much softer than you usually speak, so I'm not sure that it was you. If it was somebody else, or a television, use"
    " headphones or hold to talk."
)
LONG_TURN = "You spoke for long. If that was somebody else, or a television, use headphones or hold to talk."
# Learners pause earlier than this. A longer voice without a pause is probably not the learner's.
LONG_TURN_S = 20.0
# A client plays the agent's sound at most LATE_MS later than it could. The causes are the network, pauses between
# sentences and a loaded server. It plays it at most EARLY_MS earlier than estimated here.
LATE_MS, EARLY_MS = 5000, 200

# The factor by which a pause may be longer in an unfinished sentence, or while the words are unknown.
UNFINISHED = 2.0


@dataclass(frozen=True)
class _OfTurn:
    turn: Turn


class TurnBegan(_OfTurn):
    """Report that a voice began a turn, hands-free. The sound of the turn starts just before the voice."""


class MayReply(_OfTurn):
    """Report a short pause, in which a reply may be begun ahead. The turn may be over."""


class TurnResumed(_OfTurn):
    """Report that the voice goes on after a short pause, so a reply that was begun ahead is void."""


@dataclass(frozen=True)
class SpeechStopped(_OfTurn):
    """Report that the silence after the turn was long enough to end it. `TurnTaken` follows."""

    at_ms: int


class TurnTaken(_OfTurn):
    """Report that a turn is over. All later sound belongs to the next one."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Advise the learner how to be understood better. `code` is for programs."""

    code: str
    message: str


TurnEvent = TurnBegan | MayReply | TurnResumed | SpeechStopped | TurnTaken | Advice


class TurnDetector:
    """Divide the learner's sound into turns.

    For each piece of sound call `add`, pass the sound to the engine, then call `detect`. If the engine detects turns by itself
    (`engine_detects`), pass its reports to `notice`. `level` is the learner's, and sets the pause that ends a turn.
    """

    def __init__(self, input_buffer: InputAudioBuffer, level: str, *, engine_detects: bool = False) -> None:
        self.level, self.engine_detects = level, engine_detects
        # The turn that is being spoken.
        self.turn: Turn | None = None
        self.hands_free = False
        # Whether the learner has asked for time to think. Then no pause ends the turn.
        self.holds = False
        self._input_buffer = input_buffer
        # The pause that the learner chose, in milliseconds.
        self._pause_ms: int | None = None
        # The agent's sound that a client is playing. `_noted` is the latest one whose start was noted: it can be heard
        # in the microphone's sound from the position `_noted_at_ms` on.
        self._playback: Playback | None = None
        self._noted: Playback | None = None
        self._noted_at_ms = 0
        # The start of a voice that may be the agent's own, until that is known.
        self._suspected: SpeechStarted | None = None
        self._judged_at_ms = 0
        # The sound of replies that came back over the microphone.
        self._echoed: list[Playback] = []
        self._voice_level = VoiceLevel()
        # The codes of the advice that was given. Each is given once in a talk.
        self._advised = set[str]()

    # Settings

    @property
    def pause_ms(self) -> int:
        return self._pause_ms or ENDPOINTING_DELAY_MS[self.level]

    @property
    def detection(self) -> Detection | None:
        """Return the settings for an engine that detects turns by itself. None: the learner ends turns by hand."""
        return Detection(ENDPOINTING_DELAY_MS[self.level], self._pause_ms, self.holds) if self.hands_free else None

    @property
    def can_be_hands_free(self) -> bool:
        return self._input_buffer.listens or self.engine_detects

    def set_up(self, *, hands_free: bool, pause_ms: int | None) -> None:
        """Choose what ends a turn. If `hands_free` changes, drop the turn that is being spoken first.

        With None for `pause_ms`, the pause follows the level. Without `hands_free`, `pause_ms` is ignored.
        """
        self.hands_free = hands_free
        if hands_free:
            self._pause_ms = pause_ms

    def listen(self) -> None:
        """Apply the settings to the voice activity detector."""
        self._input_buffer.end_turns_after(self.pause_ms if self.hands_free else None, hold=self.holds)

    def change_engine(self, *, engine_detects: bool) -> None:
        """Adapt to another engine: detect turns here if it does not detect them by itself. Call `catch_up` next."""
        self.engine_detects = engine_detects
        self._input_buffer.listen()
        self.hands_free = self.hands_free and self.can_be_hands_free

    # Sound

    @property
    def is_turn_full(self) -> bool:
        return self.turn is not None and len(self.turn.pcm) >= MAX_SECONDS * BYTES_PER_SECOND

    def add(self, pcm: bytes, playback: Playback | None = None) -> Turn | None:
        """Add the next sound, at most 40 ms of PCM16 24 kHz. Return its turn, if any. `playback` is what the agent says."""
        self._playback = playback
        if playback and playback is not self._noted:
            self._noted, self._noted_at_ms = playback, self._input_buffer.position_ms
        if self.turn is None and not self.hands_free:
            self.turn = Turn(self._input_buffer.position_ms)
        if self.turn:
            self._input_buffer.add(self.turn, pcm)
        else:
            self._input_buffer.pass_by(pcm, long_preroll=self.engine_detects or self._suspected is not None)
        return self.turn

    async def detect(self, pcm: bytes, words: str | None = "") -> list[TurnEvent]:
        """Return what happened in the sound that was just added.

        `words` are the words of the turn so far. An unfinished sentence may pause for longer. So may a turn that is still
        being transcribed (None): its answer could not begin yet anyway.
        """
        if self.engine_detects:
            return []
        if self.hands_free:
            may_go_on = words is None or is_unfinished(words)
            pause_ms = round(self.pause_ms * UNFINISHED) if may_go_on else self.pause_ms
            self._input_buffer.end_turns_after(pause_ms, hold=self.holds)
        return self._notice_all(self._input_buffer.found_in(pcm)) + await self._judge_suspected()

    def catch_up(self) -> list[TurnEvent]:
        """Feed the earlier sound to the new voice activity detector, and return what happened in it."""
        if self.engine_detects or (self.turn is None and not self.hands_free):
            return []
        heard = bytes(self.turn.pcm) if self.turn else self._input_buffer.preroll
        return self._notice_all(self._input_buffer.found_again_in(heard)) if heard else []

    def notice(self, happened: ListenerEvent) -> list[TurnEvent]:
        """Return what an event of a voice activity detector, or of an engine that detects turns, means for the turn."""
        match happened:
            case SpeechStarted() if self.turn is None and self._agents_sound():
                self._suspected, self._judged_at_ms = happened, happened.at_ms + echo.FIRST_MS
            case SpeechStarted(at_ms):
                return self._begin_turn(at_ms)
            case ShortPause(at_ms) if self.turn:
                self.turn.voice_paused(at_ms)
                return [MayReply(self.turn)]
            case SpeechResumed(at_ms) if self.turn:
                self.turn.voice_began(at_ms)
                return [TurnResumed(self.turn)]
            case TurnEnded(at_ms) if self.turn:
                turn = self.end_turn()
                turn.is_much_softer = not turn.is_short and self._voice_level.is_much_softer(turn.spoken())
                # Explain what to do if the microphone picks up another voice.
                advice = [Advice("other_voice", OTHER_VOICE)] if turn.is_much_softer else []
                if turn.seconds >= LONG_TURN_S:
                    advice.append(Advice("long_turn", LONG_TURN))
                advice = [each for each in advice if each.code not in self._advised]
                self._advised.update(each.code for each in advice)
                return [SpeechStopped(turn, at_ms), *advice, TurnTaken(turn)]
        return []

    def end_turn(self) -> Turn:
        """End the turn that is being spoken, and return it."""
        assert self.turn is not None
        turn, self.turn = self.turn, None
        self._input_buffer.forget_voice()
        return turn

    def end_full_turn(self) -> list[TurnEvent]:
        """End a turn that has reached its maximum length, hands-free only. There the learner has no button for it."""
        return [TurnTaken(self.end_turn())] if self.hands_free and self.turn else []

    def drop_turn(self) -> bool:
        """Drop the turn that is being spoken, with its sound. Return whether there was one."""
        turn, self.turn = self.turn, None
        self._suspected = None
        self._input_buffer.forget_voice()
        return turn is not None

    def _notice_all(self, found: Iterable[ListenerEvent]) -> list[TurnEvent]:
        return [each for happened in found for each in self.notice(happened)]

    def _begin_turn(self, at_ms: int) -> list[TurnEvent]:
        began: list[TurnEvent] = []
        if self.turn is None:
            self.turn = self._input_buffer.turn_from(at_ms)
            began.append(TurnBegan(self.turn))
        # An engine that detects turns does not report pauses. The turn saver then searches the turn for the voice.
        if not self._is_detected_elsewhere:
            self.turn.voice_began(at_ms)
        return began

    @property
    def _is_detected_elsewhere(self) -> bool:
        return self.engine_detects and self.hands_free

    # The agent's own voice

    def _agents_sound(self) -> bytes:
        """Return the agent's sound that may come from a loudspeaker at this moment, as PCM.

        The delay depends on the client, and on how much of the microphone's sound still waits to be processed here.
        """
        if self._playback is None or self._is_detected_elsewhere:
            return b""
        since_ms, heard_ms = self._playback.elapsed_ms, self._input_buffer.position_ms - self._noted_at_ms
        return self._playback.between(min(since_ms, heard_ms) - LATE_MS, max(since_ms, heard_ms) + EARLY_MS)

    async def _judge_suspected(self) -> list[TurnEvent]:
        """Begin a turn with a voice that began while the agent spoke, once it is known not to be the agent's own."""
        started, playback = self._suspected, self._playback
        if started is None or self._input_buffer.position_ms < self._judged_at_ms:
            return []
        heard = self._input_buffer.passed_by_since(started.at_ms)
        likeness = await sound_threads.in_thread(echo.likeness, heard, self._agents_sound())
        if self._suspected is not started:
            return []
        judged_at_ms, self._judged_at_ms = self._judged_at_ms, started.at_ms + echo.WINDOW_MS
        if likeness >= echo.OTHER and judged_at_ms < self._judged_at_ms:
            return []
        self._suspected = None
        if likeness < 1:
            return self._begin_turn(started.at_ms)
        self._input_buffer.forget_voice()
        if playback is None or playback in self._echoed or len(self._echoed) == ECHOES_BEFORE_ADVICE:
            return []
        self._echoed.append(playback)
        return [Advice("echo", ECHO)] if len(self._echoed) == ECHOES_BEFORE_ADVICE else []

"""Who has the floor: when the learner's turn begins, pauses and has ended, and what is answered of it before it has."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from audio.encoding import BYTES_PER_SECOND, MAX_SECONDS
from talking_agent import metrics
from tutor import spending
from tutor.answer import Answer
from tutor.attempt import Attempt
from tutor.dialogue import Dialogue
from tutor.engines.base import Detection, ListenerEvent, ShortPause, SpeechResumed, SpeechStarted, TurnEnded
from tutor.hearing import Hearing
from tutor.listening import PAUSE_MS
from tutor.protocol import Event, event
from tutor.relay import Relay
from tutor.turn import Turn


class Floor:
    """The learner's side of a talk: sound in, turns out. `answering` is the latest answer, if any; `reply` asks for one, and
    `take` is given each turn that is over, with its answer if that was begun ahead."""

    def __init__(
        self,
        hearing: Hearing,
        relay: Relay,
        dialogue: Dialogue,
        *,
        send: Callable[[Event], Awaitable[None]],
        answering: Callable[[], Answer | None],
        reply: Callable[[Turn], Awaitable[Attempt]],
        take: Callable[[Turn, Attempt | None], Awaitable[None]],
        speculate: bool,
    ) -> None:
        self.turn: Turn | None = None  # being spoken
        self.hands_free = False
        self.closed = False
        self.thrown_away = 0  # answers that were begun ahead
        self._hearing, self._relay, self._dialogue, self._send = hearing, relay, dialogue, send
        self._answering, self._reply, self._take = answering, reply, take
        self._speculate = speculate
        self._pause_ms: int | None = None  # that the learner chose
        self._hold = False  # "let me think"
        self._ahead: Attempt | None = None  # the answer to `turn`, begun in a short pause
        self._catching_up: asyncio.Task[None] | None = None  # on what was said while no listener of ours was asked

    async def close(self) -> None:
        """No turn begins any more, for nobody would keep it."""
        if self._catching_up:
            await asyncio.wait([self._catching_up])
        self.closed = True
        if self._ahead:
            await self._ahead.discard()

    # What ends a turn

    @property
    def pause_ms(self) -> int:
        return self._pause_ms or PAUSE_MS[self._dialogue.brief.level]

    @property
    def can_be_hands_free(self) -> bool:
        return self._hearing.listens or self._relay.engine.detects_turns

    async def set_up(self, hands_free: bool | None, pause_ms: int | None) -> None:
        """As the learner wishes; None for `hands_free`: as before."""
        if hands_free is not None and hands_free != self.hands_free:
            await self.drop_turn()
            self.hands_free = hands_free
        if hands_free:
            self._pause_ms = pause_ms
        await self._listen_for_turns()

    async def hold(self, on: bool) -> None:
        """No pause ends the turn, while this is on."""
        self._hold = on
        await self._listen_for_turns()

    async def change_listeners(self) -> None:
        """Another engine goes on: what it does not do by itself is done here. `catch_up` is next."""
        self._hearing.listen()
        self.hands_free = self.hands_free and self.can_be_hands_free
        await self._listen_for_turns()

    def catch_up(self) -> None:
        """Let the new listener hear what was said before. In a task of its own: this may be the task of the answer that a
        turn's end would wait for."""
        if self.turn is None and not self.hands_free:
            return
        heard = bytes(self.turn.pcm) if self.turn else self._hearing.preroll
        if heard and not self._relay.engine.detects_turns:
            self._catching_up = asyncio.create_task(self._notice_all(self._hearing.found_again_in(heard)))

    async def _listen_for_turns(self) -> None:
        """Tell whoever listens what ends a turn."""
        if self._relay.engine.detects_turns:
            detection = Detection(PAUSE_MS[self._dialogue.brief.level], self._pause_ms, self._hold)
            await self._relay.detect_turns(detection if self.hands_free else None)
        self._hearing.end_turns_after(self.pause_ms if self.hands_free else None, hold=self._hold)

    # The learner speaks

    @property
    def is_turn_full(self) -> bool:
        return self.turn is not None and len(self.turn.pcm) >= MAX_SECONDS * BYTES_PER_SECOND

    async def hear(self, pcm: bytes) -> None:
        """The next sound; a SLICE at most."""
        if self.turn is None and self._is_free:
            await self._relay.return_if_rested()
        if self.turn is None and not self.hands_free:
            self.turn = Turn(self._hearing.position_ms)
        if self.turn:
            self._hearing.add(self.turn, pcm)
            await self._relay.hear(self.turn, pcm)
        else:
            is_catching_up = self._catching_up is not None and not self._catching_up.done()
            self._hearing.pass_by(pcm, told_late=self._relay.detects or is_catching_up)
            await self._relay.pass_by(pcm)
        if not self._relay.engine.detects_turns:
            await self._notice_all(self._hearing.found_in(pcm))

    async def notice(self, happened: ListenerEvent) -> None:
        """What whoever listens has found."""
        if self.closed:
            return
        match happened:
            case SpeechStarted(at_ms):
                turn = self.turn or await self._voice_began(at_ms)
                if not self._relay.detects:  # whose pauses nobody here has measured: the keeper looks for the voice
                    turn.voice_began(at_ms)
            case ShortPause(at_ms) if self.turn:
                self.turn.voice_paused(at_ms)
                may_begin = self._speculate and self._relay.engine.begins_early and not self._ahead
                if may_begin and self._is_free:
                    self._ahead = await self._reply(self.turn)
            case SpeechResumed(at_ms) if self.turn:
                self.turn.voice_began(at_ms)
                await self.throw_away()
            case TurnEnded(at_ms) if self.turn:
                item_id = self.turn.item_id
                await self._send(event("input_audio_buffer.speech_stopped", item_id=item_id, audio_end_ms=at_ms))
                self.turn.answer_wanted.set()
                await self.end_turn()

    async def end_turn(self) -> None:
        """The turn is over, and taken."""
        turn, self.turn = self.turn, None
        assert turn is not None
        ahead, self._ahead = self._ahead, None
        self._hearing.forget_voice()
        await self._take(turn, ahead)

    async def end_full_turn(self) -> None:
        """Hands-free has no button to end a turn with that takes no more sound."""
        if self.hands_free and self.turn:
            self.turn.answer_wanted.set()
            await self.end_turn()

    async def drop_turn(self) -> None:
        await self.throw_away()
        if self.turn:
            self.turn = None
            await self._relay.end_turn()
        self._hearing.forget_voice()

    async def throw_away(self) -> None:
        """The answer that was begun ahead is to something else than what will have been said."""
        if self._ahead:
            self.thrown_away += 1
            metrics.thrown_away(self._relay.engine.name)
            await self._ahead.discard()
            spending.count(self._relay.engine.name, self._ahead.used)
            self._ahead = None

    @property
    def _is_free(self) -> bool:
        """Nothing is being answered."""
        answer = self._answering()
        return answer is None or answer.done

    async def _notice_all(self, found: Sequence[ListenerEvent]) -> None:
        for happened in found:
            await self.notice(happened)

    async def _voice_began(self, at_ms: int) -> Turn:
        """Hands-free: a turn begins. First of all the agent falls silent."""
        turn = self.turn = self._hearing.turn_from(at_ms, self._dialogue.new_id("user"))
        started_ms = turn.start_ms
        await self._send(event("input_audio_buffer.speech_started", item_id=turn.item_id, audio_start_ms=started_ms))
        if answer := self._answering():
            answer.stop()
        if self._relay.detects:
            self._relay.has_heard(turn)
        await self._relay.bring_up_to(turn)
        return turn

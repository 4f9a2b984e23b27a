"""Exchange turns between a learner and an engine, for the length of a talk.

This is the one place where the parts of a talk meet. Sound goes down to the turn detector and the engine. They return, yield or
queue events, which are acted on here: a reply is begun, sent and saved. No part calls back into this one.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from dataclasses import replace

from audio import sound_threads
from core import safe_traceback
from core.json_types import Json
from engines import vad
from engines.interface import Engine, is_live
from talk import reprompt
from talk.dialogue import Dialogue
from talk.engine_reports import EngineReport, Notice
from talk.fallback import FallbackSession
from talk.input_buffer import InputAudioBuffer
from talk.outgoing import Outgoing
from talk.preemptive import PreemptiveReply
from talk.reply import Reply
from talk.reply_runner import ReplyRunner, nothing
from talk.saver import TurnSaver
from talk.session_config import SessionConfig, session_shape
from talk.session_fields import BY_LEVEL, Wishes
from talk.spoken_lines import spoken_lines
from talk.turn import Turn
from talk.turn_detection import (
    Advice,
    MayReply,
    SpeechStopped,
    TurnBegan,
    TurnDetector,
    TurnEvent,
    TurnResumed,
    TurnTaken,
)
from tutor import scenario
from tutor.domain import EngineError
from usage import budget, speech

logger = logging.getLogger(__name__)


class Exchange:
    """Act on the requests of the client, the events of the turn detector and the reports of the engines."""

    def __init__(
        self,
        dialogue: Dialogue,
        fallback_session: FallbackSession,
        turn_saver: TurnSaver,
        outgoing: Outgoing,
        *,
        preemptive: bool,
    ) -> None:
        self.config, self.dialogue, self.input_buffer = SessionConfig(), dialogue, InputAudioBuffer()
        self.turn_detector = TurnDetector(
            self.input_buffer, dialogue.brief.level, engine_detects=fallback_session.engine.capabilities.detects_turns
        )
        self.replies = ReplyRunner(dialogue, fallback_session, turn_saver, outgoing)
        self.fallback_session, self.turn_saver, self.outgoing = fallback_session, turn_saver, outgoing
        self._preemptive = preemptive
        self._silence = reprompt.SilenceTimer()
        # The latest reply that helped a silent learner.
        self._reprompt: Reply | None = None
        self._closed = False
        self._following = asyncio.create_task(self._follow_reports())
        # Tasks, each started when it is needed.
        self._warming: asyncio.Task[None] | None = None
        self._catching_up: set[asyncio.Task[None]] = set()
        self._resuming: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()
        # Done when the learner has used the minutes of the day and knows it. It has the error for the client.
        self.spoken_enough: asyncio.Future[speech.SpokenEnough] = asyncio.get_running_loop().create_future()

    def warm_up(self) -> None:
        """Warm up the engine in the background."""

        async def warm() -> None:
            try:
                await self.fallback_session.warm()
            except EngineError as error:
                await self.outgoing.send("talk.notice", code="engine", message=str(error))

        self._warming = asyncio.create_task(warm())

    async def settled(self) -> None:
        """Wait until the last turn is answered and everything is saved."""
        await _finished(self._resuming)
        if self.replies.latest:
            await self.replies.latest.finished()
        await self.replies.checks.finished()
        await self.turn_saver.settled()

    async def close(self) -> None:
        """End the last turn. It is still transcribed and saved if it was committed. Its reply is not finished."""
        await _finished(self._catching_up)
        # Ignore all reports from here on, because a new turn would not be saved any more.
        self._closed = True
        for task in self._closing:
            task.cancel()
        await self.replies.close()
        await self.settled()
        if self._warming:
            self._warming.cancel()
        await self.fallback_session.close()
        await asyncio.wait([self._following])

    @property
    def engine(self) -> Engine:
        return self.fallback_session.engine

    @property
    def shape(self) -> Json:
        """Return the `session` of an event for the client."""
        shape = session_shape(self.config, self.dialogue, self.turn_detector, self.fallback_session)
        shape["talk"]["keeps_audio"] = self.turn_saver.keeps_audio
        return shape

    # Requests of the client

    async def set_up(self, wishes: Wishes) -> None:
        """Configure the session. Begin another opening if the talk is now about something else."""
        is_opening_due = wishes.talk is not None and await self._change_topic(wishes.talk)
        if wishes.speed is not None:
            self.fallback_session.choose_speed(None if wishes.speed == BY_LEVEL else wishes.speed)
        if wishes.keeps_audio is not None:
            await self.turn_saver.keep_audio(wishes.keeps_audio)
        self.config.apply(wishes)
        if self.replies.latest:
            self.replies.latest.output = self.config.output
        # Without `hands_free` among the wishes, keep what ends a turn.
        if wishes.hands_free is not None:
            if wishes.hands_free != self.turn_detector.hands_free:
                await self.drop_turn()
            self.turn_detector.set_up(hands_free=wishes.hands_free, pause_ms=wishes.pause_ms)
        self.turn_detector.level = self.dialogue.brief.level
        await self._listen_for_turns()
        if is_opening_due:
            self.replies.begin(None, await self.replies.request(None), self.config.output)

    async def _change_topic(self, wishes: dict[str, str]) -> bool:
        """Choose what the talk is about. Take back an opening that is under way, and return whether another one has to begin."""
        before, latest = self.dialogue.brief, self.replies.latest
        if not self.dialogue.change_topic(wishes) or self.dialogue.brief == before:
            return False
        opening = latest if latest and not (latest.done or latest.turn) else None
        if opening and replace(before, language=self.dialogue.brief.language) == self.dialogue.brief:
            # Only the language of explanations has changed. The opening does not depend on it.
            return False
        if opening:
            await opening.take_back()
            if opening.response:
                await self.replies.send_truncated(opening.response.item_id, 0, "")
        await self.replies.discard_ahead()
        await self.fallback_session.open(self.dialogue.brief, self.dialogue.lines)
        return opening is not None

    async def _listen_for_turns(self) -> None:
        """Apply the turn detector's settings to our voice activity detector, and to an engine that detects turns."""
        self.turn_detector.listen()
        if self.engine.capabilities.detects_turns:
            await self.fallback_session.detect_turns(self.turn_detector.detection)

    async def end_turn(self, item_id: str | None) -> None:
        """End the turn that is being spoken. Its item gets this id, or keeps its own."""
        turn = self.turn_detector.end_turn()
        turn.item_id = item_id or turn.item_id
        await self.take_turn(turn, self.replies.take_ahead())

    async def end_full_turn(self) -> None:
        """End a turn that has reached its maximum length, hands-free only."""
        await self._act_on(self.turn_detector.end_full_turn())

    async def hold(self, *, on: bool) -> None:
        """Keep the turn open through any pause while `on` is True."""
        self.turn_detector.holds = on
        await self._listen_for_turns()

    async def take_recording(self, pcm: bytes, item_id: str | None) -> None:
        """Take a turn that was recorded beforehand, as one piece of PCM16 24 kHz."""
        turn = Turn(self.input_buffer.position_ms, item_id=item_id, pcm=pcm)
        is_silent = False
        if self.engine.capabilities.invents_in_silence:
            try:
                if found := await sound_threads.for_upload(vad.voice_in, pcm):
                    turn.voice_from_ms, turn.voice_until_ms = found.start_ms, found.stop_ms
                is_silent = found is None
            except EngineError:
                is_silent = not await sound_threads.for_upload(vad.is_audible, pcm)
        await self.take_turn(turn, PreemptiveReply(nothing(turn)) if is_silent else await self.replies.request(turn))

    async def drop_turn(self) -> None:
        await self.replies.discard_ahead()
        if self.turn_detector.drop_turn():
            await self.fallback_session.end_turn()

    async def truncate(self, item_id: object, heard_ms: int) -> bool:
        """Stop a reply and keep what was heard of it. Return False if it is not one of the latest."""
        answer = self.replies.speaking(item_id)
        if not (answer and answer.response):
            return False
        answer.stop()
        # A reprompt does not come from the engine's session.
        if answer is self.replies.latest and answer is not self._reprompt:
            # Interrupt before waiting for the learner's words. Otherwise the engine would go on speaking.
            await self.fallback_session.interrupt(heard_ms)
        text = await answer.truncate(heard_ms)
        if answer is self._reprompt and "?" not in text:
            # The learner has heard the question before, so half a repetition is not kept as a line of the talk.
            text = await answer.truncate(0)
        await self.replies.send_truncated(answer.response.item_id, heard_ms, text)
        return True

    # Events of the turn detector

    async def hear(self, pcm: bytes) -> None:
        """Process the next sound, at most 40 ms of PCM16 24 kHz."""
        if self.turn_detector.turn is None and self.replies.is_free:
            await self.fallback_session.return_if_rested()
        latest = self.replies.latest
        if turn := self.turn_detector.add(pcm, latest.playback if latest else None):
            await self.fallback_session.hear(turn, pcm)
        else:
            await self.fallback_session.pass_by(pcm)
        await self._act_on(await self.turn_detector.detect(pcm, self.replies.words_ahead))
        await self._watch_silence()

    async def _act_on(self, found: Iterable[TurnEvent]) -> None:
        for happened in found:
            match happened:
                case TurnBegan(turn):
                    await self._begin_turn(turn)
                case MayReply(turn) if self._preemptive:
                    await self.replies.begin_ahead(turn)
                case TurnResumed():
                    await self.replies.discard_ahead()
                case SpeechStopped(turn, at_ms):
                    where = {"item_id": turn.item_id, "audio_end_ms": at_ms}
                    await self.outgoing.send("input_audio_buffer.speech_stopped", **where)
                    if uninterrupted := self._uninterrupted():
                        await uninterrupted.finished()
                case TurnTaken(turn):
                    if self.config.creates_response:
                        turn.answer_wanted.set()
                    await self.take_turn(turn, self.replies.take_ahead())
                case Advice(code, message):
                    await self.outgoing.send("talk.notice", code=code, message=message)

    async def _begin_turn(self, turn: Turn) -> None:
        """Begin a turn, hands-free. The agent stops speaking before anything else that takes time."""
        turn.item_id = self.dialogue.new_id("user")
        answer = None if self._uninterrupted() else self.replies.latest
        if answer and answer.is_wanted and not answer.is_heard_out:
            turn.interrupts, turn.over = True, answer.response.text if answer.response else ""
        self.fallback_session.begin_turn(turn)
        where = {"item_id": turn.item_id, "audio_start_ms": turn.start_ms}
        await self.outgoing.send("input_audio_buffer.speech_started", **where)
        if answer:
            answer.stop()
        await self.fallback_session.bring_up_to(turn)

    def _uninterrupted(self) -> Reply | None:
        """Return the latest reply if it goes on while the learner speaks. Engines that detect turns always stop for a voice."""
        answer = self.replies.latest
        interrupts = self.config.interrupts_response or self.engine.capabilities.detects_turns
        return answer if answer and answer.is_wanted and not interrupts else None

    # Reports of the engines

    async def _follow_reports(self) -> None:
        async with asyncio.TaskGroup() as acting:
            async for report in self.fallback_session.reports:
                acting.create_task(self._follow_report(report))

    async def _follow_report(self, report: EngineReport) -> None:
        try:
            if self._closed:
                return
            if isinstance(report.happened, Notice):
                await self._follow_notice(report.happened)
            else:
                await self._act_on(self.turn_detector.notice(report.happened))
        # The outermost handler of reports. A failure must not end the talk.
        except Exception as error:  # noqa: BLE001
            logger.error("A report of an engine was not acted on: %s", safe_traceback.of(error))
        finally:
            report.acted_on.set()

    async def _follow_notice(self, notice: Notice) -> None:
        # A notice without an `engine` says that no engine is left that could go on.
        is_lost = notice.code == "engine" and notice.engine == self.dialogue.engine
        goes_on = {} if is_lost else {"engine": notice.engine}
        await self.outgoing.send("talk.notice", code=notice.code, message=notice.message, **goes_on)
        if notice.engine == self.dialogue.engine:
            return
        self.dialogue.engine = self.turn_saver.engine = notice.engine
        self.turn_detector.change_engine(engine_detects=self.engine.capabilities.detects_turns)
        await self._listen_for_turns()
        await self.outgoing.send("session.updated", session=self.shape)
        # In a task of its own: the end of a turn waits for a reply, and that reply may wait for this notice.
        _start(self._act_on(self.turn_detector.catch_up()), self._catching_up)

    # Answering

    async def take_turn(self, turn: Turn, preemptive: PreemptiveReply | None = None) -> None:
        """Start the reply to a turn that is over. `preemptive` is this reply, if it was begun before the turn ended."""
        turn.item_id, turn.at = turn.item_id or self.dialogue.new_id("user"), self.dialogue.stamp()
        speech.count(turn.seconds)
        if preemptive is None:
            preemptive = PreemptiveReply(nothing(turn)) if self._is_silent(turn) else await self.replies.request(turn)
        interrupted = self.replies.latest if turn.interrupts and not self.engine.capabilities.detects_turns else None
        reply = self.replies.begin(turn, preemptive, self.config.output)
        # At once, because all later sound belongs to the next turn.
        await self.fallback_session.end_turn()
        if interrupted:
            _start(self._repeat_interrupted(interrupted, after=reply), self._resuming)
        if is_live.get() and turn.text is None:
            try:
                speech.require_time()
            except speech.SpokenEnough as enough:
                _start(self._say_goodbye(enough, after=reply), self._closing)

    async def _say_goodbye(self, enough: speech.SpokenEnough, *, after: Reply) -> None:
        """Say that the minutes of the day are used up, when the turn that used them is answered. Then the talk has to end."""
        await after.finished()
        if self._closed or self.spoken_enough.done():
            return
        await asyncio.sleep(after.unheard_ms / 1000)
        # A learner who goes on speaking does not hear it, but can read it.
        if self._is_latest(after):
            engine = self.engine if budget.allows(self.engine.name) else None
            said = spoken_lines(engine, scenario.sentences(str(enough)), self.fallback_session.speed)
            goodbye = self.replies.begin(None, PreemptiveReply(said, hears=False), self.config.output)
            await goodbye.finished()
            await asyncio.sleep(goodbye.unheard_ms / 1000)
        if not self.spoken_enough.done():
            self.spoken_enough.set_result(enough)

    async def _repeat_interrupted(self, interrupted: Reply, *, after: Reply) -> None:
        """Say a reply again that was interrupted by sound that was not a turn. `after` is the reply to that sound."""
        await after.finished()
        if not after.dropped_turn or interrupted is self._reprompt or self.dialogue.ended:
            return
        if self._is_latest(after) and interrupted.response:
            await interrupted.truncate(0)
            await self.replies.send_truncated(interrupted.response.item_id, 0, "")
        if not self._is_latest(after):
            return
        preemptive = await self.replies.request(None)
        if self._is_latest(after):
            self.replies.begin(None, preemptive, self.config.output)
        else:
            await self.replies.discard(preemptive)

    def _is_latest(self, answer: Reply) -> bool:
        """Return whether the talk is still open and nothing has been said or answered since this reply."""
        return self.replies.latest is answer and self.turn_detector.turn is None and not self._closed

    def _is_silent(self, turn: Turn) -> bool:
        """Return whether the turn probably holds no voice. Only engines that invent words in silence need this check."""
        if not self.engine.capabilities.invents_in_silence or turn.text is not None or self.fallback_session.detects:
            return False
        if self.input_buffer.listens and not self.engine.capabilities.detects_turns:
            return turn.voice_from_ms is None
        return not self.input_buffer.is_audible(turn)

    # A silent learner

    async def _watch_silence(self) -> None:
        """Help a learner who has been silent for long, hands-free only."""
        answer, detector, idle_ms = self.replies.latest, self.turn_detector, self.config.idle_ms
        is_counted = detector.hands_free and self.config.creates_response and not detector.holds
        if not (answer and answer.done and detector.turn is None and is_counted and idle_ms):
            self._silence.restart()
            return
        now_ms, lines = self.input_buffer.position_ms, self.dialogue.lines
        if self._silence.is_help_due(now_ms, answer.unheard_ms, lines, idle_ms) and not self.dialogue.ended:
            await self.help_silent_learner()

    async def help_silent_learner(self) -> None:
        """Repeat the question, or give a hint."""
        lines = self.dialogue.lines
        said = reprompt.sentences(lines, self.dialogue.hint() if reprompt.helped(lines) else "")
        if not budget.allows(self.engine.name):
            await self.fallback_session.return_if_rested()
        engine = self.engine if budget.allows(self.engine.name) else None
        preemptive = PreemptiveReply(
            spoken_lines(engine, said, reprompt.slower(self.fallback_session.speed)), hears=False
        )
        self._reprompt = self.replies.begin(None, preemptive, self.config.output)
        self._silence.restart()


def _start(work: Coroutine[object, None, None], among: set[asyncio.Task[None]]) -> None:
    """Start a task, which stays in the set until it is done."""
    task = asyncio.create_task(work)
    among.add(task)
    task.add_done_callback(among.discard)


async def _finished(tasks: set[asyncio.Task[None]]) -> None:
    """Wait for the tasks that are in the set now."""
    if tasks:
        await asyncio.wait(set(tasks))

"""What can be asked of the engines by who does not talk with them: one call, one answer, over whichever is configured."""

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.db import OperationalError
from django.utils import timezone

from audio import mp3
from audio.encoding import BYTES_PER_SECOND, Clip
from conversations import store
from conversations.changes import Draft
from conversations.models import Message
from conversations.serializers import MAX_MESSAGES
from conversations.store import OutOfReach, Stored
from conversations.threads import in_thread
from conversations.views import FULL
from tutor import analysis, checks, feedback, spending
from tutor.asking import ask
from tutor.dialogue import Dialogue
from tutor.engines.base import Engine, EngineError, Line
from tutor.listening import Listener
from tutor.protocol import correction_shape
from tutor.relay import rest
from tutor.scenario import Brief
from tutor.turns import Refused

logger = logging.getLogger(__name__)

SLOW = 60.0  # seconds, and as many more as the recording has
LEARNERS_OWN = "messageId: This is a turn of the learner's, who has a voice of their own. Name one of the agent's."
UNKNOWN_MESSAGE = "This message does not exist, or is not yours."
DELETED = "This conversation was deleted."
NOTHING_TO_SPEAK = "`text` holds nothing that can be spoken."


class BrokenOff(Exception):
    """Speech ended before its end, when a part of it was sent already."""


@dataclass(frozen=True, slots=True)
class Speech:
    """Speech that has begun: `head`, and what is still being made, as PCM."""

    head: bytes
    more: AsyncGenerator[bytes, None]
    engine: Engine

    async def whole(self) -> bytes:
        """Raises EngineError."""
        async with aclosing(self._pieces()) as pieces:
            return b"".join([piece async for piece in pieces])

    async def as_mp3(self) -> AsyncGenerator[bytes, None]:
        """Raises BrokenOff, which holds nothing of what the engine said."""
        encoder = mp3.Mp3Encoder()
        try:
            async with aclosing(self._pieces()) as pieces:
                async for pcm in pieces:
                    yield await asyncio.to_thread(encoder.feed, pcm)
        except EngineError as error:
            rest(self.engine, error)
        else:
            yield await asyncio.to_thread(encoder.finish)
            return
        raise BrokenOff(f"The speech of {self.engine.name} broke off.")

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        """What they take of a provider is counted."""
        piece = self.head
        try:
            while piece:
                yield piece
                with spending.counted(self.engine.name):
                    piece = await anext(self.more, b"")
        finally:
            with spending.counted(self.engine.name):
                await self.more.aclose()


async def begin_speech(text: str, voice: str) -> Speech:
    """Returns when the first sound is there. Raises EngineError, Refused."""
    if not any(letter.isalnum() for letter in text):
        raise Refused(400, NOTHING_TO_SPEAK)

    async def begin(engine: Engine) -> tuple[bytes, AsyncGenerator[bytes, None]]:
        more = _sounding(engine.speak(text, voice=voice))
        return await anext(more, b""), more

    (head, more), engine = await ask(begin, patience=_patience())
    if not head:
        raise Refused(400, NOTHING_TO_SPEAK)
    return Speech(head, more, engine)


async def keep_speech(
    learner: uuid.UUID, conversation: str, message: str, text: str, voice: str
) -> tuple[Clip, Stored | None, Engine]:
    """Speak a message of the agent's, and keep the speech as its recording. A message, or a conversation, that is not there
    yet is made of these words: clients save a talk when it is over, and find its recordings then. None is stored where
    nothing can be written; the speech is not lost with that.

    Raises EngineError, Refused.
    """
    await in_thread(_draft, learner, conversation, message, text)
    pcm, engine = await _spoken(text, voice)
    clip = await asyncio.to_thread(mp3.from_pcm, pcm)
    try:
        return clip, await in_thread(_save, learner, conversation, message, text, clip), engine
    except store.Deleted:
        raise Refused(410, DELETED) from None
    except (OSError, OperationalError):  # a full disk, a locked database
        logger.exception("Speech could not be kept.")
        return clip, None, engine


async def transcribe(pcm: bytes, spoken: str) -> tuple[str, Engine]:
    """The words in it, "" where nobody speaks, and the engine that heard them. Raises EngineError."""

    async def hear(engine: Engine) -> str:
        if engine.invents_in_silence and not await asyncio.to_thread(_has_voice, pcm):
            return ""
        return await engine.transcribe(pcm, language=spoken)

    seconds = len(pcm) / BYTES_PER_SECOND
    return await ask(hear, within=SLOW + seconds, patience=_patience() + seconds)


async def translate(text: str, into: str) -> tuple[str, Engine]:
    """The text in that language, and the engine. Raises EngineError."""
    return await ask(lambda engine: engine.translate(text, language=into))


async def chat(lines: Sequence[Line], brief: Brief) -> tuple[str, Engine]:
    """The agent's next line, and the engine. Raises EngineError."""
    return await ask(lambda engine: engine.chat(lines, brief=brief), patience=_patience())


async def analyse(lines: Sequence[Line], brief: Brief, minutes: float | None) -> dict[str, Any]:
    """The contract's `analysis`, with the engine's name. Raises EngineError."""
    judged = analysis.newest(lines)
    found, engine = await ask(
        lambda engine: engine.analyse(judged, brief=brief, language=brief.language), within=feedback.WITHIN
    )
    return analysis.wire(found, lines, engine=engine.name, level=brief.level, time_limit=minutes)


async def mend(learner: uuid.UUID, conversation: str, message: str, content: str) -> tuple[Stored | None, str]:
    """Put right what was misheard in a message of the learner's, with new corrections. Where they cannot be made it has none,
    and the second of what is returned says why. Raises OutOfReach."""
    stored = await in_thread(store.get, learner, conversation)
    row = found(stored, message)
    corrections: list[dict[str, Any]] = []
    why_not = ""
    if stored and row and row.role == Message.Role.USER:
        before = stored.messages[: stored.messages.index(row)][-checks.CONTEXT :]
        context = [Line(each.role, each.content) for each in before]
        explained_in = Dialogue.of(conversation, stored, "").brief.language
        try:
            mistakes, _ = await ask(
                lambda engine: engine.correct(content, context=context, language=explained_in), within=checks.WITHIN
            )
            corrections = [correction_shape(each) for each in mistakes]
        except EngineError as error:
            why_not = str(error)
    return await in_thread(store.mend, learner, conversation, message, content, corrections), why_not


def found(stored: Stored | None, message: str) -> Message | None:
    return next((row for row in stored.messages if row.wire_id == message), None) if stored else None


async def _spoken(text: str, voice: str) -> tuple[bytes, Engine]:
    """All of the speech; from its beginning by the next engine, if one fails on the way."""
    speech = await begin_speech(text, voice)
    try:
        return await speech.whole(), speech.engine
    except EngineError as error:
        rest(speech.engine, error)
    speech = await begin_speech(text, voice)
    return await speech.whole(), speech.engine


def _draft(learner: uuid.UUID, conversation: str, message: str, text: str) -> Draft:
    """The message as it is, or will be; all but its sound. Raises Refused."""
    try:
        stored = store.get(learner, conversation)
        is_deleted = stored is None and store.is_deleted(learner, conversation)
    except OutOfReach:  # what is added here joins the rest when that can be reached again
        stored, is_deleted = None, False
    if is_deleted:
        raise Refused(410, DELETED)
    row = found(stored, message)
    if row.role == Message.Role.USER if row else message.startswith("user-"):
        raise Refused(400, LEARNERS_OWN)
    if row:
        return Draft(message, row.role, row.content, row.timestamp)
    if stored and len(stored.messages) >= MAX_MESSAGES:
        raise Refused(400, FULL)
    return Draft(message, Message.Role.ASSISTANT, text, timezone.now())


def _save(learner: uuid.UUID, conversation: str, message: str, text: str, clip: Clip) -> Stored:
    draft = replace(_draft(learner, conversation, message, text), audio=clip)  # it may have changed meanwhile
    return store.save(learner, conversation, columns={}, messages=[draft], replace=False)


def _has_voice(pcm: bytes) -> bool:
    listener = Listener()
    try:
        listener.feed(pcm)
    except EngineError:  # its packages are not installed
        return True
    return listener.had_speech


def _patience() -> float:
    """Seconds that a learner who waits for an answer gives one engine while there is another."""
    return float(settings.ENGINE_PATIENCE) / 1000


async def _sounding(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Those that are not empty; closed with what makes them."""
    try:
        async for piece in pieces:
            if piece:
                yield piece
    finally:
        await pieces.aclose()  # type: ignore[attr-defined]  # an async generator

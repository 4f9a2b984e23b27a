"""Call the engines outside a talk, one result for each call, with whichever engine is configured."""

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import OperationalError
from django.utils import timezone

from audio import mp3, quota, sound_threads
from audio.encoding import BYTES_PER_SECOND, Clip
from conversations import store
from conversations.drafts import Draft
from conversations.error_messages import DELETED, UNWRITABLE, WORDS_ONLY
from conversations.models import Message
from conversations.serializers import MAX_MESSAGES
from conversations.store import OutOfReach, StoredConversation
from conversations.views import FULL
from core.json_types import Json
from core.threads import in_thread
from engines.interface import Engine, is_live
from engines.vad import VoiceActivityDetector
from learners.visitors import Visitor
from talk import message_checks
from talk.call_with_fallback import attempts
from talk.dialogue import Dialogue
from talk.fallback import rest
from talk.protocol import correction_shape
from talk.turns import CallRefused
from tutor import moderation, redirection
from tutor.domain import EngineError, Line
from tutor.scenario import Brief
from tutor.transcripts import Transcript
from usage import payer, speech, spending

logger = logging.getLogger(__name__)

# Seconds for a transcription, in addition to the length of the recording.
SLOW = 60.0
LEARNERS_OWN = "messageId: This is a turn of the learner's, who has a voice of their own. Name one of the agent's."
NOT_THE_LEARNERS = "This is a message of the agent. Only the learner's own words can be replaced."
UNKNOWN_MESSAGE = "This message does not exist, or is not yours."
NOTHING_TO_SPEAK = "`text` holds nothing that can be spoken."


class BrokenOff(Exception):
    """Report that speech broke off after a part of it was sent."""


@dataclass(frozen=True, slots=True)
class SpeechStream:
    """Hold speech that has begun, as PCM. `head` is its first piece, `more` yields the pieces still being made."""

    head: bytes
    more: AsyncGenerator[bytes, None]
    engine: Engine
    # Who pays for the rest, which another task may make.
    visitor: Visitor | None

    async def read(self) -> bytes:
        """Return all of the speech as PCM. Raises EngineError."""
        async with aclosing(self._pieces()) as pieces:
            return b"".join([piece async for piece in pieces])

    async def as_mp3(self) -> AsyncGenerator[bytes, None]:
        """Yield the speech as MP3. Raises BrokenOff, which holds nothing of the engine's own message."""
        encoder = mp3.Mp3Encoder()
        try:
            async with aclosing(self._pieces()) as pieces:
                async for pcm in pieces:
                    yield await sound_threads.in_thread(encoder.feed, pcm)
        except EngineError as error:
            rest(self.engine, error)
        else:
            yield await sound_threads.in_thread(encoder.finish)
            return
        raise BrokenOff(f"The speech of {self.engine.name} broke off.")

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the pieces of PCM, and count the usage of the provider."""
        payer.work_for(self.visitor)
        piece = self.head
        try:
            while piece:
                yield piece
                with spending.counted(self.engine.name):
                    piece = await anext(self.more, b"")
        finally:
            with spending.counted(self.engine.name):
                await self.more.aclose()


async def begin_speech(text: str, voice: str, speed: float = 1.0) -> SpeechStream:
    """Begin to speak a text, and return the speech when its first sound is there. Raises EngineError, CallRefused."""
    if not any(letter.isalnum() for letter in text):
        raise CallRefused(400, NOTHING_TO_SPEAK)
    for attempt in attempts(patience=_patience()):
        async with attempt as engine:
            more = _non_empty(engine.speak(text, speed=speed, voice=voice))
            head = await anext(more, b"")
    if not head:
        raise CallRefused(400, NOTHING_TO_SPEAK)
    return SpeechStream(head, more, engine, payer.current())


async def keep_speech(
    learner: uuid.UUID, conversation: str, message: str, text: str, voice: str
) -> tuple[Clip, StoredConversation | str, Engine]:
    """Speak a message of the agent's, and save the speech as its recording.

    A missing message or conversation is created with this text, because clients save a talk when it is over and then
    find its recordings. Return the recording, the stored conversation and the engine. If nothing can be saved, the
    reason stands in place of the conversation, and the recording is returned all the same.

    Raises EngineError, CallRefused.
    """
    await in_thread(_draft, learner, conversation, message, text)
    pcm, engine = await _spoken(text, voice)
    clip = await sound_threads.in_thread(mp3.from_pcm, pcm)
    try:
        stored = await in_thread(_save, learner, conversation, message, text, clip)
        row = found(stored, message)
        return clip, stored if row and row.audio_key in stored.recordings else WORDS_ONLY, engine
    except store.ConversationDeleted:
        raise CallRefused(410, DELETED) from None
    except quota.QuotaExceeded as full:
        return clip, str(full), engine
    # A full disk or a locked database.
    except (OSError, OperationalError):
        logger.exception("Speech could not be kept.")
        return clip, UNWRITABLE, engine


async def transcribe(pcm: bytes, spoken: str) -> tuple[Transcript, Engine]:
    """Transcribe PCM16 24 kHz in the language `spoken`. Return the transcript, and the engine.

    Raises EngineError, SpokenEnough.
    """
    seconds = len(pcm) / BYTES_PER_SECOND
    speech.require_time()
    speech.count(seconds)
    is_live.set(False)
    for attempt in attempts(within=SLOW + seconds, patience=_patience() + seconds):
        async with attempt as engine:
            if engine.capabilities.invents_in_silence and not await sound_threads.for_upload(_has_voice, pcm):
                heard = Transcript("")
            else:
                heard = await engine.transcribe(pcm, language=spoken)
    return heard, engine


async def translate(text: str, into: str) -> tuple[str, Engine]:
    """Return the text in the language with the code `into`, and the engine. Raises EngineError."""
    for attempt in attempts():
        async with attempt as engine:
            translation = await engine.translate(text, language=into)
    return translation, engine


async def chat(lines: Sequence[Line], brief: Brief) -> tuple[str, Engine]:
    """Return the agent's next line, and the engine. Raises EngineError."""
    for attempt in attempts(patience=_patience()):
        async with attempt as engine:
            message = await engine.chat(lines, brief=brief)
            message = await _moderated(message, lines, brief, engine)
    return message, engine


async def replace_words(
    learner: uuid.UUID, conversation: str, message: str, content: str
) -> tuple[StoredConversation | None, str]:
    """Replace the words of a learner's message that was misheard, and make its corrections anew.

    Return the stored conversation, and the reason if the corrections could not be made, else "". The message then has
    none. Raises OutOfReach, and CallRefused for a message of the agent's.
    """
    stored = await in_thread(store.get, learner, conversation)
    row = found(stored, message)
    corrections: list[Json] = []
    why_not = ""
    if row and row.role != Message.Role.USER:
        raise CallRefused(400, NOT_THE_LEARNERS)
    if stored and row:
        before = stored.messages[: stored.messages.index(row)][-message_checks.CONTEXT :]
        context = [Line(each.role, each.content) for each in before]
        explained_in = Dialogue.of(conversation, stored, "").brief.language
        try:
            for attempt in attempts(within=message_checks.CHECK_WITHIN_S):
                async with attempt as engine:
                    mistakes = await engine.correct(content, context=context, language=explained_in)
            corrections = [correction_shape(each) for each in mistakes]
        except EngineError as error:
            why_not = str(error)
    return await in_thread(store.replace_words, learner, conversation, message, content, corrections), why_not


def found(stored: StoredConversation | None, message: str) -> Message | None:
    return next((row for row in stored.messages if row.wire_id == message), None) if stored else None


async def _spoken(text: str, voice: str) -> tuple[bytes, Engine]:
    """Return all of the speech as PCM, and the engine. If an engine breaks off, the next one starts anew."""
    speech = await begin_speech(text, voice)
    try:
        return await speech.read(), speech.engine
    except EngineError as error:
        rest(speech.engine, error)
    speech = await begin_speech(text, voice)
    return await speech.read(), speech.engine


def _draft(learner: uuid.UUID, conversation: str, message: str, text: str) -> Draft:
    """Return the message as it is stored, or as it will be, without its sound. Raises CallRefused."""
    try:
        stored = store.get(learner, conversation)
        is_deleted = stored is None and store.is_deleted(learner, conversation)
    # The new message is merged with the rest when the database is in reach again.
    except OutOfReach:
        stored, is_deleted = None, False
    if is_deleted:
        raise CallRefused(410, DELETED)
    row = found(stored, message)
    if row.role == Message.Role.USER if row else message.startswith("user-"):
        raise CallRefused(400, LEARNERS_OWN)
    if row:
        return Draft(message, row.role, row.content, row.timestamp)
    if stored and len(stored.messages) >= MAX_MESSAGES:
        raise CallRefused(400, FULL)
    return Draft(message, Message.Role.ASSISTANT, text, timezone.now())


def _save(learner: uuid.UUID, conversation: str, message: str, text: str, clip: Clip) -> StoredConversation:
    # Read the message again, because it may have changed meanwhile.
    draft = replace(_draft(learner, conversation, message, text), audio=clip)
    return store.save(learner, conversation, columns={}, messages=[draft], replace=False)


def _has_voice(pcm: bytes) -> bool:
    listener = VoiceActivityDetector()
    try:
        listener.feed(pcm)
    # The packages of the detector are not installed.
    except EngineError:
        return True
    return listener.had_speech


async def _moderated(message: str, lines: Sequence[Line], brief: Brief, engine: Engine) -> str:
    """Return the agent's line, or what it says instead if that, or the learner's line before it, is led away from."""
    heard = lines[-1].text if lines and lines[-1].role == Message.Role.USER else ""
    in_heard, in_message = {moderation.found_in_learners(heard)}, {moderation.found(message)}
    if engine.capabilities.moderates:
        of_heard, of_message = await asyncio.gather(engine.moderate(heard), engine.moderate(message))
        in_heard |= of_heard
        in_message |= of_message - {moderation.Category.SELF_HARM}
    # The embedded engine answers the learner's words kindly by itself.
    if (category := moderation.gravest(in_heard)) and not engine.capabilities.embedded:
        return " ".join(redirection.of_learner(brief, lines, heard, category))
    return " ".join(redirection.of_agent(brief, lines)) if moderation.gravest(in_message) else message


def _patience() -> float:
    """Return the seconds that one engine has while a learner waits and there is another engine."""
    return float(settings.ENGINE_PATIENCE) / 1000


async def _non_empty(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield the pieces that are not empty. Closing this generator also closes `pieces`."""
    try:
        async for piece in pieces:
            if piece:
                yield piece
    finally:
        await pieces.aclose()  # type: ignore[attr-defined]  # an async generator

"""Take an attempt of a review, or a sentence of the learner's own: hear it, judge it, and save it as a message.

A review is a conversation with the config {"kind": "review"}. So attempts wait in the outbox during an outage, and are
exported, erased and kept as all messages are.
"""

import contextlib
import uuid
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from audio import encoding, quota, sound_threads
from conversations import store
from conversations.changes import conversation_key
from conversations.drafts import Draft
from conversations.lookup import REVIEW, find, is_talk
from conversations.serializers import MAX_MESSAGES
from conversations.store import StoredConversation
from core import cloud
from core.json_types import Json
from core.threads import in_thread
from engines import vad
from engines.interface import EngineError
from learning import judging
from learning.card_words import CardWords
from learning.cards import SHOWN
from learning.due import Prompt
from practice import recorded_speech
from talk.reply import NOTHING_HEARD
from talk.turns import CallRefused
from tutor.transcripts import Transcript

TOPIC = "Review"
FULL = f"This review has {MAX_MESSAGES:,} messages already. Begin another one, with a new id."
NOT_A_REVIEW = "id: This is a talk, not a review. Nothing was saved: send the id of a review, or a new one."
QUESTION = "You said: “{}” How do you say it right?"
# Seconds. The sentence of a review is short.
LONGEST = 60


@dataclass(frozen=True, slots=True)
class SentAttempt:
    """Hold what a learner sent: sound, or text, or neither to see the answer."""

    conversation: str
    message: str
    audio: bytes | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class JudgedAttempt:
    """Hold how an attempt was judged, what was heard, and where it is stored."""

    outcome: str
    heard: Transcript
    stored: StoredConversation
    # Why there is no recording, "" if there is one or none was sent.
    without_sound: str = ""


async def take(learner: uuid.UUID, prompt: Prompt, sent: SentAttempt, visitor: Hashable) -> JudgedAttempt:
    """Judge an attempt at a prompt, and save both. Raises CallRefused, EngineError, AtCapacity, SpokenEnough."""
    heard, pcm = await _heard(sent, visitor)
    outcome = SHOWN
    if sent.audio is not None or sent.text is not None:
        outcome = judging.judge(heard, prompt.said, prompt.better, prompt.corrected)
    review = {"said": prompt.said, "better": prompt.better, "prompt": prompt.id, "outcome": outcome}
    asked_at = datetime.fromtimestamp(prompt.at / 1000, UTC)
    asked = Draft(f"ai-{prompt.id}", "assistant", QUESTION.format(prompt.sentence), asked_at)
    stored, without_sound = await _kept(learner, sent, heard, pcm, review, asked)
    return JudgedAttempt(outcome, heard, stored, without_sound)


async def add_sentence(learner: uuid.UUID, words: CardWords, sent: SentAttempt, visitor: Hashable) -> JudgedAttempt:
    """Save a sentence of the learner's own for a mistake. Raises as `take` does."""
    heard, pcm = await _heard(sent, visitor)
    stored, without_sound = await _kept(learner, sent, heard, pcm, {"said": words.said, "better": words.better}, None)
    return JudgedAttempt("", heard, stored, without_sound)


async def _heard(sent: SentAttempt, visitor: Hashable) -> tuple[Transcript, bytes]:
    """Return the words of an attempt, and its sound without the silence around it."""
    if sent.audio is None:
        return Transcript(sent.text or ""), b""
    heard, pcm = await recorded_speech.transcribe(sent.audio, LONGEST, visitor)
    if not heard.text and not heard.doubt:
        raise CallRefused(422, NOTHING_HEARD)
    return heard, await sound_threads.in_thread(_trimmed, pcm)


def _trimmed(pcm: bytes) -> bytes:
    """Return the attempt without the silence around it, if the packages that find it are installed."""
    with contextlib.suppress(EngineError):
        if voiced := vad.voice_in(pcm):
            return voiced.cut(pcm)
    return pcm


async def _kept(
    learner: uuid.UUID, sent: SentAttempt, heard: Transcript, pcm: bytes, review: Json, asked: Draft | None
) -> tuple[StoredConversation, str]:
    audio = await sound_threads.in_thread(encoding.from_pcm, pcm) if pcm else None
    measured = {"review": review, **heard.stored()}
    said = Draft(sent.message, "user", heard.text, _now(), audio=audio, corrections=[], measured=measured)
    drafts = [asked, said] if asked else [said]
    return await in_thread(save, learner, sent.conversation, TOPIC, drafts)


def save(learner: uuid.UUID, conversation: str, topic: str, drafts: Sequence[Draft]) -> tuple[StoredConversation, str]:
    """Save messages of a review. Return what is stored, and why there is no recording, "" if there is one or none was sent."""
    columns = {"topic": topic, "config": {"kind": REVIEW, "topic": topic}}
    with cloud.patience():
        there = find(conversation_key(learner, conversation), learner, ()).both
        if there and not there.conversation.deleted_at and is_talk(there.conversation):
            raise CallRefused(409, NOT_A_REVIEW)
        # The database is down. The attempt is merged with the stored messages later.
        with contextlib.suppress(store.OutOfReach):
            count, is_there = store.size(learner, conversation, drafts[-1].id) or (0, False)
            if count >= MAX_MESSAGES and not is_there:
                raise CallRefused(400, FULL)
        try:
            return store.save(learner, conversation, columns=columns, messages=list(drafts), replace=False), ""
        except quota.QuotaExceeded as full:
            silent = [replace(draft, audio=None) for draft in drafts]
            return store.save(learner, conversation, columns=columns, messages=silent, replace=False), str(full)


def _now() -> datetime:
    return datetime.now(UTC)

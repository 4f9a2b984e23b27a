"""Take an attempt at a minimal pair, and save it as a message of a review.

The learner hears one of the two words and chooses, or says one, and the agent chooses. A recording that fits both words about as
well counts as neither, and is not kept.
"""

import uuid
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from audio import encoding, sound_threads
from audio.encoding import BYTES_PER_SECOND
from conversations.drafts import Draft
from conversations.store import StoredConversation
from core.threads import in_thread
from engines import forced_choice, vad
from learning.models import PairAttempt
from practice import attempts, recorded_speech
from practice.minimal_pairs import Contrast, Pair
from talk.reply import NOTHING_HEARD
from talk.turns import CallRefused
from usage import speech

Way = PairAttempt.Way
TOPIC = "Minimal pairs"
HEARD = "I said one of “{}” and “{}”. Which one?"
SAID = "Say “{}”."
# Seconds of a recording, and of the voice in it.
LONGEST, LONGEST_WORD = 15, 2.5
ONLY_THE_WORD = "That was longer than a word. Say only the word, once."
NOT_SAID = "meant: I cannot tell the words of this pair apart well enough to judge them. It can only be heard."


@dataclass(frozen=True, slots=True)
class SentPair:
    """Hold an attempt: the word that was meant, and the sound of it or the learner's choice."""

    conversation: str
    message: str
    contrast: Contrast
    pair: Pair
    meant: str
    audio: bytes | None = None
    chosen: str | None = None


@dataclass(frozen=True, slots=True)
class TakenPair:
    """Hold which word was chosen, None if it is uncertain, and where the attempt is stored."""

    chosen: str | None
    stored: StoredConversation | None = None
    # Why there is no recording, "" if there is one or none was sent.
    without_sound: str = ""


async def take(learner: uuid.UUID, sent: SentPair, visitor: Hashable) -> TakenPair:
    """Judge an attempt and save it. Raises CallRefused, EngineError, AtCapacity, SpokenEnough."""
    chosen, pcm = sent.chosen, b""
    if sent.audio is not None:
        chosen, pcm = await _heard(sent, visitor)
    if chosen is None:
        return TakenPair(None)
    audio = await sound_threads.in_thread(encoding.from_pcm, pcm) if pcm else None
    way = Way.HEARING if sent.audio is None else Way.SAYING
    measured = {"contrast": sent.contrast.id, "way": way.value, "meant": sent.meant, "chosen": chosen}
    now = datetime.now(UTC)
    asked = HEARD.format(*sent.pair.words) if way == Way.HEARING else SAID.format(sent.meant)
    drafts = [
        Draft(f"ai-{sent.message.removeprefix('user-')}", "assistant", asked, now - timedelta(milliseconds=1)),
        Draft(sent.message, "user", chosen, now, audio=audio, corrections=[], measured={"pair": measured}),
    ]
    stored, why_not = await in_thread(attempts.save, learner, sent.conversation, TOPIC, drafts)
    return TakenPair(chosen, stored, why_not)


async def _heard(sent: SentPair, visitor: Hashable) -> tuple[str | None, bytes]:
    """Return the word that was heard, None if it is uncertain, and the sound without the silence around it."""
    if not sent.pair.can_be_said:
        raise CallRefused(400, NOT_SAID)
    speech.require_time()
    async with recorded_speech.decoded(sent.audio or b"", LONGEST, visitor) as pcm:
        speech.count(len(pcm) / BYTES_PER_SECOND)
        voiced = await sound_threads.in_thread(vad.voice_in, pcm)
        if voiced is None:
            raise CallRefused(422, NOTHING_HEARD)
        if voiced.speech_ms > LONGEST_WORD * 1000:
            raise CallRefused(422, ONLY_THE_WORD)
        word = voiced.cut(pcm)
        choice = await forced_choice.THREAD(forced_choice.choose, word, sent.pair.words)
    return (choice.word if choice.is_sure else None), word

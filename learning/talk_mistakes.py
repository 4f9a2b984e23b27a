"""Collect the learner's mistakes from the corrections of stored talks."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from audio.models import Recording
from conversations import store
from conversations.lookup import StoredConversation
from conversations.models import Message
from core.json_types import Json
from learning import card_words
from learning.kinds import kind_of
from tutor import sentences

# Talks that are read at once.
PAGE = 50


@dataclass(frozen=True, slots=True)
class TalkMistake:
    """Hold a mistake. `sentence` is the learner's sentence, `corrected` the same with `better` in place of `said`.

    `card` is the same for the same kind of mistake in another talk. `question` is what the agent had said before.
    """

    card: uuid.UUID
    said: str
    better: str
    why: str
    sentence: str
    corrected: str
    question: str
    recording: Recording | None


def of_learner(learner: uuid.UUID, conversation: str, most: int) -> list[TalkMistake]:
    """Return the mistakes of one talk, or of all if `conversation` is empty, the newest first, each once. Raises OutOfReach."""
    found: dict[uuid.UUID, TalkMistake] = {}
    for stored in _talks(learner, conversation):
        for mistake in _mistakes(stored):
            found.setdefault(mistake.card, mistake)
            if len(found) >= most:
                return list(found.values())
    return list(found.values())


def _talks(learner: uuid.UUID, conversation: str) -> Iterator[StoredConversation]:
    if conversation:
        stored = store.get(learner, conversation)
        yield from [stored] if stored else []
        return
    page = store.history(learner, limit=PAGE)
    while page:
        yield from page
        last = page[-1].conversation
        page = store.history(learner, limit=PAGE, before=(last.timestamp, last.pk))


def _mistakes(stored: StoredConversation) -> Iterator[TalkMistake]:
    for number in reversed(range(len(stored.messages))):
        message = stored.messages[number]
        before = stored.messages[number - 1] if number else None
        question = before.content if before and before.role == Message.Role.ASSISTANT else ""
        for each in message.corrections:
            # The learner may have said that it was right.
            if each.get("said") and each.get("better") and not each.get("disputed"):
                yield _mistake(message, each, question, stored.recordings.get(message.audio_key))


def _mistake(message: Message, correction: Json, question: str, recording: Recording | None) -> TalkMistake:
    said, better = str(correction["said"]), str(correction["better"])
    start, end = card_words.place(message.content, correction)
    sentence, corrected = said, better
    if start is not None and end is not None:
        first, last = next(
            (each for each in sentences.spans(message.content) if each[0] <= start < each[1]), (start, end)
        )
        # A correction may join two sentences.
        last = max(last, end)
        sentence = message.content[first:last]
        corrected = message.content[first:start] + better + message.content[end:last]
    card = kind_of(said, better).card(message.learner)
    return TalkMistake(card, said, better, str(correction.get("why") or ""), sentence, corrected, question, recording)

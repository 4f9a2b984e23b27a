"""Collect the learner's mistakes from the corrections of stored talks."""

import math
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audio.models import Recording
from conversations import store
from conversations.lookup import StoredConversation
from conversations.models import Message
from core.json_types import Json
from learning import card_words
from learning.card_words import is_in_doubt, well_formed
from learning.kinds import kind_of
from tutor import sentences

# Talks that are read at a time.
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
    # Whether the learner called the correction wrong.
    is_disputed: bool


def of_learner(learner: uuid.UUID, conversation: str, most: int, *, most_talks: float = math.inf) -> list[TalkMistake]:
    """Return at most `most` mistakes, each kind once, the newest first. Raises OutOfReach.

    They are those of one talk, or if `conversation` is empty, those of the newest `most_talks` talks.
    """
    found: dict[uuid.UUID, TalkMistake] = {}
    # As in reviews, one report is about all mistakes of its kind.
    disputed: set[uuid.UUID] = set()
    for stored in _talks(learner, conversation, most_talks):
        for mistake in _mistakes(stored):
            found.setdefault(mistake.card, mistake)
            if mistake.is_disputed:
                disputed.add(mistake.card)
        if len(found.keys() - disputed) >= most:
            break
    return [mistake for card, mistake in found.items() if card not in disputed][:most]


def _talks(learner: uuid.UUID, conversation: str, most: float) -> Iterator[StoredConversation]:
    if conversation:
        stored = store.get(learner, conversation)
        yield from [stored] if stored else []
        return
    read, before = 0, None
    while read < most and (page := store.history(learner, limit=PAGE, before=before, only_talks=True)):
        yield from page
        last = page[-1].conversation
        read, before = read + len(page), (last.timestamp, last.pk)


def _mistakes(stored: StoredConversation) -> Iterator[TalkMistake]:
    for number in reversed(range(len(stored.messages))):
        message = stored.messages[number]
        before = stored.messages[number - 1] if number else None
        question = before.content if before and before.role == Message.Role.ASSISTANT else ""
        # In a turn that may have been misheard, nothing is a mistake.
        corrections = [] if is_in_doubt(message) else well_formed(message)
        parts = sentences.spans(message.content) if corrections else []
        for each in corrections:
            if each.get("said") and each.get("better"):
                yield _mistake(message, each, parts, question, stored.recordings.get(message.audio_key))


def _mistake(
    message: Message, correction: Json, parts: Sequence[tuple[int, int]], question: str, recording: Recording | None
) -> TalkMistake:
    """Return a correction as a mistake. `parts` are the places of the message's sentences."""
    said, better = str(correction["said"]), str(correction["better"])
    start, end = card_words.place(message.content, correction)
    sentence, corrected = said, better
    if start is not None and end is not None:
        first, last = next((each for each in parts if each[0] <= start < each[1]), (start, end))
        # A correction may join two sentences.
        last = max(last, end)
        sentence = message.content[first:last]
        corrected = message.content[first:start] + better + message.content[end:last]
    return TalkMistake(
        card=kind_of(said, better).card(message.learner),
        said=said,
        better=better,
        why=str(correction.get("why") or ""),
        sentence=sentence,
        corrected=corrected,
        question=question,
        recording=recording,
        is_disputed=bool(correction.get("disputed")),
    )

"""Count what a learner did in one conversation: time, words, pauses, mistakes.

Words in doubt are not counted. Fluency is measured only in spoken turns without a doubt.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conversations import lookup
from conversations.models import Conversation, Message
from learning import word_levels
from learning.card_words import is_in_doubt, undisputed
from learning.days import QUARTER
from learning.models import TalkFigures
from learning.occurrences import MOST_CORRECTIONS, moment_of
from tutor.analysis import words_of
from tutor.transcripts import certain_of_stored
from usage.metering import is_amount

# Raise it when the figures are counted in another way. Then they are counted again.
VERSION = 1
# Pauses that are read of one turn.
MOST_PAUSES = 2000
# Minutes. A client that reports more is wrong.
LONGEST = 24 * 60


@dataclass(frozen=True, slots=True)
class TimedTurn:
    """Hold what was measured in the sound of one turn."""

    words: int
    syllables: int
    seconds: float
    pauses: int
    pause_seconds: float

    @property
    def runs(self) -> int:
        """Return in how many pieces the turn was said, with pauses between them."""
        return self.pauses + 1


def of_conversation(conversation: Conversation, messages: Sequence[Message]) -> Iterator[TalkFigures]:
    """Yield the figures of a conversation in which the learner has said something."""
    own = [row for row in messages if row.role == Message.Role.USER and not row.erased]
    said = {row.pk: certain_of_stored(row.content, row.measured) for row in own}
    words = {key: len(words_of(text)) for key, text in said.items()}
    if not any(words.values()):
        return
    speech = [found for row in own if (found := speech_of(row))]
    heard = [row.content for row in messages if row.role == Message.Role.ASSISTANT]
    config = conversation.config if isinstance(conversation.config, dict) else {}
    minutes = conversation.duration
    yield TalkFigures(
        conversation=conversation.pk,
        learner=conversation.learner,
        began_at=min(map(moment_of, own)),
        last_at=max(map(moment_of, own)),
        scenario=str(config.get("scenario") or "")[:100],
        is_talk=lookup.is_talk(conversation),
        minutes=min(minutes, LONGEST) if is_amount(minutes) else 0.0,
        turns=sum(count > 0 for count in words.values()),
        words=sum(words.values()),
        corrections=sum(map(corrections_of, own)),
        quarters=sorted({int(moment_of(row).timestamp()) // QUARTER for row in own if words[row.pk]}),
        spoken_words=sum(each.words for each in speech),
        syllables=sum(each.syllables for each in speech),
        speech_s=round(sum(each.seconds for each in speech), 3),
        runs=sum(each.runs for each in speech),
        pauses=sum(each.pauses for each in speech),
        pause_s=round(sum(each.pause_seconds for each in speech), 3),
        used=word_levels.levels_of(said.values()),
        met=word_levels.levels_of(heard),
    )


def speech_of(message: Message) -> TimedTurn | None:
    """Return what was measured in a learner's spoken turn. None for one that was typed, is in doubt, or was never measured."""
    measured = message.measured if isinstance(message.measured, dict) else {}
    speech_ms, pauses = measured.get("speech_ms"), measured.get("pauses_ms")
    words = words_of(message.content)
    if is_in_doubt(message) or not words or not is_amount(speech_ms) or speech_ms <= 0 or not isinstance(pauses, list):
        return None
    lengths = [each for each in pauses[:MOST_PAUSES] if is_amount(each)]
    syllables = sum(map(word_levels.syllables, words))
    return TimedTurn(len(words), syllables, speech_ms / 1000, len(lengths), sum(lengths) / 1000)


def corrections_of(message: Message) -> int:
    """Count the corrections of a learner's turn that the learner does not dispute. A turn in doubt has none."""
    return 0 if is_in_doubt(message) else min(len(undisputed(message)), MOST_CORRECTIONS)

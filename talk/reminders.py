"""Remind a talk of the learner's mistakes that are due, and notice when the learner gets one of them right."""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import DatabaseError
from django.utils import timezone

from conversations import lookup
from core import cloud
from learning import card_words, due, projection
from learning.card_words import CardWords
from learning.judging import has_form
from learning.kinds import kind_of
from learning.models import Card
from tutor.domain import Correction

logger = logging.getLogger(__name__)

# The number of mistakes in a brief.
MOST = 5
# The latest mistakes whose correct form is noticed in a talk, due or not.
WATCHED = 50
# Characters. A longer one is a whole sentence rewritten, and no use the second time.
LONGEST = 120
# Due cards that are looked at for a brief.
CANDIDATES = 4 * MOST


@dataclass(frozen=True, slots=True)
class Reminder:
    """Hold a mistake of an earlier talk: its words, and the same with a few words around them."""

    card: uuid.UUID
    said: str
    better: str
    said_in_context: str
    better_in_context: str
    is_due: bool = True

    def __str__(self) -> str:
        return f"{self.said_in_context} \N{RIGHTWARDS ARROW} {self.better_in_context}"

    def words(self) -> dict[str, str]:
        """Return the words that name the mistake in a message."""
        return {"said": self.said, "better": self.better}

    @classmethod
    def of(cls, card: Card, words: CardWords) -> "Reminder":
        before, is_due = _words_before(words), card.due <= timezone.now()
        return cls(card.pk, words.said, words.better, before + words.said, before + words.better, is_due)


def recall(learner: uuid.UUID) -> tuple[Reminder, ...]:
    """Return the latest mistakes and those that are due, the latest first, none if they cannot be read.

    Blocks for some reads.
    """
    try:
        with cloud.patience():
            # Only a few talks have changed since the last one.
            projection.refresh(learner, budget_s=0)
            with lookup.reaching() as using:
                every = due.open_cards(learner, using).order_by("-last_at", "-number", "-pk")
                latest = {card.pk: card for card in every[:WATCHED]}
                latest |= {card.pk: card for card in every.filter(due__lte=timezone.now())[:CANDIDATES]}
                words = card_words.of_cards(latest.values(), using)
    except (DatabaseError, OSError, cloud.Unavailable) as error:
        logger.info("A talk begins without the learner's latest mistakes: %s", type(error).__name__)
        return ()
    found = (Reminder.of(card, words[key]) for key, card in latest.items() if key in words)
    return tuple(one for one in found if len(str(one)) <= LONGEST)


def for_brief(reminders: Sequence[Reminder]) -> tuple[str, ...]:
    """Return the mistakes that a talk is to take up."""
    return tuple(dict.fromkeys(str(one) for one in reminders if one.is_due))[:MOST]


def taken_up(text: str, corrections: Sequence[Correction], reminders: Sequence[Reminder]) -> list[Reminder]:
    """Return the reminders whose correct form is in the text, unless the same mistake is, too."""
    wrong = {kind_of(each.said, each.better) for each in corrections}
    return [
        one for one in reminders if has_form(text, one.said, one.better) and kind_of(one.said, one.better) not in wrong
    ]


def _words_before(words: CardWords) -> str:
    """Return up to two words before a mistake of one word, in the same part of the sentence."""
    if words.start is None or len(words.said.split()) > 1:
        return ""
    before = words.sentence[: words.start].rstrip()
    for mark in '.,;:!?"':
        before = before.rpartition(mark)[2]
    near = before.split()[-2:]
    return f"{' '.join(near)} " if near else ""

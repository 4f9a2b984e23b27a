"""Choose the cards that are due, and sign the prompts of a review.

A prompt holds what is needed to judge an attempt, so reviews go on while the database of conversations is down.
"""

import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.core import signing
from django.db.models import Q, QuerySet
from django.utils import timezone

from conversations.merging import stamp_of
from learning.card_words import CardWords
from learning.models import Card

SALT = "learning.prompt"
# Characters of a sealed prompt, which has two sentences. The longest message of rare letters takes about 140,000.
LONGEST_PROMPT = 250_000
# How long a prompt can be answered.
PROMPT_LIFE = timedelta(days=2)
# A card that is due later today is due now, unless it was reviewed within this time: a review late in the evening is not
# repeated after midnight.
REST = timedelta(hours=8)


class BadPrompt(ValueError):
    """Report a prompt that is not the learner's, or too old. The message is for the learner."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Hold what a learner has to say right.

    `id` follows from the card and the time when it is due, so two tabs or servers offer the same prompt.
    """

    id: str
    said: str
    better: str
    sentence: str
    corrected: str
    # When it was offered, in milliseconds since 1970.
    at: int

    @classmethod
    def of(cls, card: Card, words: CardWords, now: datetime) -> "Prompt":
        due = card.due.astimezone(UTC).isoformat(timespec="milliseconds")
        id, at = uuid.uuid5(card.pk, due), stamp_of(now)
        return cls(str(id), words.said, words.better, words.sentence, words.corrected, at)

    def sealed(self, learner: uuid.UUID) -> str:
        return signing.dumps([learner.hex, *asdict(self).values()], salt=SALT, compress=True)


def opened(sealed: str, learner: uuid.UUID) -> Prompt:
    """Return a prompt that `sealed` made for this learner. Raises BadPrompt."""
    try:
        owner, *fields = signing.loads(sealed, salt=SALT, max_age=PROMPT_LIFE)
    except signing.SignatureExpired:
        raise BadPrompt("This sentence was offered more than two days ago. Load the next ones.") from None
    except signing.BadSignature:
        raise BadPrompt("Send a `prompt` as GET /api/reviews/next returned it.") from None
    if owner != learner.hex:
        raise BadPrompt("This is another learner's sentence. Load the next ones.")
    return Prompt(*fields)


def open_cards(learner: uuid.UUID, using: str) -> QuerySet[Card]:
    """Return the learner's cards that are reviewed: those whose correction the learner has not called wrong."""
    return Card.objects.using(using).filter(learner=learner, reported_at=None)


def due_cards(learner: uuid.UUID, using: str, zone: ZoneInfo, now: datetime | None = None) -> QuerySet[Card]:
    """Return the cards that are due today where the learner is, the longest due first."""
    now = now or timezone.now()
    rested = Q(reviewed_at=None) | Q(reviewed_at__lte=now - REST)
    due = Q(due__lte=now) | Q(due__lt=end_of_day(now, zone)) & rested
    return open_cards(learner, using).filter(due).order_by("due", "pk")


def end_of_day(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the end of the present day in this time zone. A day may have 23 or 25 hours."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone)

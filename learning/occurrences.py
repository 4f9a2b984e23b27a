"""Find the mistakes, attempts and correct uses in the messages of a conversation."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from conversations.models import Conversation, Message
from learning.kinds import kind_of
from learning.models import Occurrence

# Raise it when `find` changes. Then all conversations are read again.
VERSION = 1
# The most that is read of one message. Engines send fewer.
MOST_CORRECTIONS = 50
MOST_UPTAKES = 20


def find(conversation: Conversation, messages: Sequence[Message]) -> Iterator[Occurrence]:
    """Yield the occurrences in a conversation's messages. Their keys depend only on the messages."""
    for message in messages:
        if message.role == Message.Role.USER and not message.erased:
            yield from _mistakes(message)
            yield from _measured(message)


def moment_of(message: Message) -> datetime:
    """Return when a message was said, to the millisecond. A clock that is ahead does not put it into the future."""
    moment = min(message.timestamp, message.created_at).astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _mistakes(message: Message) -> Iterator[Occurrence]:
    measured = message.measured if isinstance(message.measured, dict) else {}
    # Doubtful turns have no mistakes. Attempts of a review are judged in `judging`.
    if not isinstance(message.corrections, list) or measured.get("doubt") or "review" in measured:
        return
    for number, correction in enumerate(message.corrections[:MOST_CORRECTIONS]):
        if card := _card(message, correction):
            row = _occurrence(message, Occurrence.Kind.MISTAKE, card, number)
            row.category = str(correction.get("category", ""))[:40]
            row.reported_at = _reported_at(correction)
            yield row


def _measured(message: Message) -> Iterator[Occurrence]:
    measured = message.measured if isinstance(message.measured, dict) else {}
    uptake, review = measured.get("uptake"), measured.get("review")
    for number, each in enumerate(uptake[:MOST_UPTAKES] if isinstance(uptake, list) else []):
        if (card := _card(message, each)) and not measured.get("doubt"):
            yield _occurrence(message, Occurrence.Kind.UPTAKE, card, number)
    if isinstance(review, dict) and (card := _card(message, review)):
        kind = Occurrence.Kind.ATTEMPT if review.get("outcome") else Occurrence.Kind.SENTENCE
        row = _occurrence(message, kind, card)
        row.outcome, row.prompt = str(review.get("outcome", ""))[:10], str(review.get("prompt", ""))[:40]
        yield row


def _occurrence(message: Message, kind: Occurrence.Kind, card: uuid.UUID, number: int = 0) -> Occurrence:
    return Occurrence(
        # The key depends on the card. So when the words change, the old row stays until `projection` has seen its card.
        id=uuid.uuid5(message.pk, f"{kind}-{number}-{card}"),
        learner=message.learner,
        conversation=message.conversation_id,
        message=message.pk,
        card=card,
        kind=kind.value,
        moment=moment_of(message),
        number=number,
    )


def _reported_at(correction: dict[str, object]) -> datetime | None:
    stamp = correction.get("disputed")
    return datetime.fromtimestamp(stamp / 1000, UTC) if isinstance(stamp, int) and 0 < stamp < 1 << 42 else None


def _card(message: Message, correction: object) -> uuid.UUID | None:
    """Return the key of the card that a correction's words name, for the learner who has the message now."""
    if not isinstance(correction, dict):
        return None
    said, better = correction.get("said"), correction.get("better")
    if not isinstance(said, str) or not isinstance(better, str):
        return None
    kind = kind_of(said, better)
    return kind.card(message.learner) if kind.better and kind.said != kind.better else None

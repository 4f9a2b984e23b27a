"""Find in the messages of a conversation what concerns the learner's cards."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from conversations.models import Conversation, Message
from learning.kinds import kind_of
from learning.models import Occurrence

# Raise it when `find` changes. Then all conversations are read again.
VERSION = 1
# Of one message. A longer list is no answer of an engine.
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
    # What may have been misheard is no mistake.
    if not isinstance(message.corrections, list) or _in_doubt(message):
        return
    for number, correction in enumerate(message.corrections[:MOST_CORRECTIONS]):
        said, better = (
            (correction.get(name) for name in ("said", "better")) if isinstance(correction, dict) else ("", "")
        )
        if not isinstance(said, str) or not isinstance(better, str):
            continue
        kind = kind_of(said, better)
        if kind.said != kind.better and kind.better:
            row = _occurrence(message, Occurrence.Kind.MISTAKE, kind.card(message.learner), number)
            row.category = str(correction.get("category", ""))[:40]
            row.reported_at = _reported_at(correction)
            yield row


def _measured(message: Message) -> Iterator[Occurrence]:
    measured = message.measured if isinstance(message.measured, dict) else {}
    uptake = measured.get("uptake")
    for number, each in enumerate(uptake[:MOST_UPTAKES] if isinstance(uptake, list) else []):
        if (card := _key(each)) and not _in_doubt(message):
            yield _occurrence(message, Occurrence.Kind.UPTAKE, card, number)
    review = measured.get("review")
    if isinstance(review, dict) and (card := _key(review.get("card"))):
        kind = Occurrence.Kind.ATTEMPT if review.get("outcome") else Occurrence.Kind.SENTENCE
        row = _occurrence(message, kind, card)
        row.outcome, row.prompt = str(review.get("outcome", ""))[:10], str(review.get("prompt", ""))[:40]
        yield row


def _in_doubt(message: Message) -> bool:
    return isinstance(message.measured, dict) and bool(message.measured.get("doubt"))


def _occurrence(message: Message, kind: Occurrence.Kind, card: uuid.UUID, number: int = 0) -> Occurrence:
    return Occurrence(
        # A row of another card has another key. So a row that is replaced tells which card it concerned.
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


def _key(value: object) -> uuid.UUID | None:
    try:
        return uuid.UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None

"""Build the JSON of mistakes and reviews."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from audio import recordings
from audio.models import Recording
from conversations.models import Conversation, Message
from conversations.representations import milliseconds
from core.json_types import Json
from learning import card_words
from learning.card_words import CardWords
from learning.due import Prompt
from learning.models import Card, Occurrence


def mistakes(cards: Sequence[Card], using: str) -> list[Json]:
    """Return the shapes of cards, with their words and links to recordings."""
    words = card_words.of_cards(cards, using)
    names = wire_ids((each.message.conversation_id for each in words.values()), using)
    voices = recordings.of(each.message.audio_key for each in words.values() if each.message.audio_key)
    return [mistake(card, words[card.pk], names, voices) for card in cards if card.pk in words]


def mistake(card: Card, words: CardWords, names: Mapping[uuid.UUID, str], voices: Mapping[str, Recording]) -> Json:
    shape: Json = {
        "id": str(card.pk),
        "said": words.said,
        "better": words.better,
        "why": words.why,
        "category": words.category,
        "sentence": words.sentence,
        "corrected": words.corrected,
        "start": words.start,
        "end": words.end,
        "conversation": names.get(words.message.conversation_id, ""),
        "message": words.message.wire_id,
        "count": card.mistakes,
        "reviews": card.reviews,
        "uptakes": card.uptakes,
        "firstAt": milliseconds(card.first_at),
        "lastAt": milliseconds(card.last_at),
        "dueAt": milliseconds(card.due),
        "state": _state(card),
    }
    return shape | _link(words.message, voices)


def reviews(cards: Sequence[Card], learner: uuid.UUID, using: str, now: datetime) -> list[Json]:
    """Return the shapes of cards to be reviewed, each with its prompt and the agent's line before the mistake."""
    words = card_words.of_cards(cards, using)
    asked = _questions([each.message for each in words.values()], using)
    found = []
    for shape, card in zip(mistakes(cards, using), (card for card in cards if card.pk in words), strict=True):
        days = (now - card.reviewed_at).total_seconds() / 86_400 if card.reviewed_at else None
        shape |= {"prompt": Prompt.of(card, words[card.pk], now).sealed(learner), "interval": days and round(days, 2)}
        found.append(shape | {"question": asked.get(words[card.pk].message.pk, "")})
    return found


def occurrences(found: Collection[Occurrence], using: str) -> list[Json]:
    messages = card_words.messages_of((each.message for each in found), using)
    names = wire_ids((row.conversation_id for row in messages.values()), using)
    voices = recordings.of(row.audio_key for row in messages.values() if row.audio_key)
    return [_occurrence(each, messages[each.message], names, voices) for each in found if each.message in messages]


def _occurrence(
    one: Occurrence, message: Message, names: Mapping[uuid.UUID, str], voices: Mapping[str, Recording]
) -> Json:
    shape: Json = {
        "kind": one.kind,
        "at": milliseconds(one.moment),
        "text": message.content,
        "conversation": names.get(message.conversation_id, ""),
        "message": message.wire_id,
    }
    return shape | ({"outcome": one.outcome} if one.outcome else {}) | _link(message, voices)


def wire_ids(keys: Iterable[uuid.UUID], using: str) -> dict[uuid.UUID, str]:
    return dict(Conversation.objects.using(using).filter(pk__in=set(keys)).values_list("pk", "wire_id"))


def _questions(messages: Sequence[Message], using: str) -> dict[uuid.UUID, str]:
    """Return the agent's line before each of these messages, by message, with one query for each."""
    found = {}
    for message in messages:
        before = Message.objects.using(using).filter(
            conversation=message.conversation_id, timestamp__lt=message.timestamp, deleted_at=None
        )
        row = before.order_by("-timestamp").first()
        found[message.pk] = row.content if row and row.role == Message.Role.ASSISTANT else ""
    return found


def _link(message: Message, voices: Mapping[str, Recording]) -> Json:
    voice = voices.get(message.audio_key)
    link = recordings.link(voice) if voice else ""
    return {"audioUrl": link} if link else {}


def _state(card: Card) -> str:
    if card.reported_at:
        return "reported"
    if card.gone_at:
        return "gone"
    return "returned" if card.returned_at else "open"

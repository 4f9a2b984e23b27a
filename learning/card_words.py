"""Read the words of cards. Cards have none: they name the message with the latest mistake."""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from conversations.models import Message
from core.batches import batches
from learning.models import Card, Occurrence

# Keys in one query.
AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class CardWords:
    """Hold a mistake with its sentence. `start` and `end` are its place in the sentence, None if it is not known."""

    said: str
    better: str
    why: str
    category: str
    sentence: str
    corrected: str
    start: int | None
    end: int | None
    message: Message

    def __str__(self) -> str:
        return f"{self.said} \N{RIGHTWARDS ARROW} {self.better}"


def of_cards(cards: Collection[Card], using: str) -> dict[uuid.UUID, CardWords]:
    """Return the words of these cards, by card. A card whose words were changed at this moment is left out."""
    found = messages_of((card.message for card in cards), using)
    words = {card.pk: of_message(found[card.message], card.number) for card in cards if card.message in found}
    return {key: each for key, each in words.items() if each}


def messages_of(keys: Iterable[uuid.UUID], using: str) -> dict[uuid.UUID, Message]:
    found: dict[uuid.UUID, Message] = {}
    for some in batches(list(set(keys)), AT_ONCE):
        found |= {
            row.pk: row for row in Message.objects.using(using).filter(pk__in=some, deleted_at=None, erased=False)
        }
    return found


def of_message(message: Message, number: int) -> CardWords | None:
    """Return one mistake of a message, or None if it has none there."""
    corrections = message.corrections if isinstance(message.corrections, list) else []
    if number >= len(corrections) or not isinstance(corrections[number], dict):
        return None
    one = corrections[number]
    said, better, why, category = (str(one.get(name) or "") for name in ("said", "better", "why", "category"))
    start, end = place(message.content, one)
    corrected = _corrected(message)
    return CardWords(said, better, why, category, message.content, corrected, start, end, message)


def is_in_doubt(message: Message) -> bool:
    """Return whether a message may have been misheard as a whole."""
    return isinstance(message.measured, dict) and bool(message.measured.get("doubt"))


def well_formed(message: Message) -> list[dict[str, object]]:
    """Return the corrections of a message. An imported one may have something else in their place."""
    corrections = message.corrections if isinstance(message.corrections, list) else []
    return [each for each in corrections if isinstance(each, dict)]


def undisputed(message: Message) -> list[dict[str, object]]:
    """Return the corrections of a message, without those that the learner called wrong."""
    return [each for each in well_formed(message) if not each.get("disputed")]


def place(text: str, correction: dict[str, object]) -> tuple[int, int] | tuple[None, None]:
    """Return where a correction's words are in the text. Older clients stored no place."""
    said, start, end = correction.get("said"), correction.get("start"), correction.get("end")
    if not isinstance(said, str) or not said:
        return None, None
    if isinstance(start, int) and isinstance(end, int) and 0 <= start <= end and text[start:end] == said:
        return start, end
    at = text.find(said)
    return (at, at + len(said)) if at >= 0 else (None, None)


def _corrected(message: Message) -> str:
    """Return the words of a message with all its corrections made, except those that the learner called wrong."""
    text, places = message.content, []
    for one in undisputed(message):
        if isinstance(one.get("better"), str):
            start, end = place(text, one)
            if start is not None and end is not None:
                places.append((start, end, str(one["better"])))
    until = len(text)
    for start, end, better in sorted(places, reverse=True):
        # A correction that overlaps another one is left out.
        if end <= until:
            text, until = text[:start] + better + text[end:], start
    return text


def occurrences_of(card: Card, using: str, limit: int) -> list[Occurrence]:
    """Return the newest occurrences of a card."""
    found = Occurrence.objects.using(using).filter(learner=card.learner, card=card.pk)
    return list(found.order_by("-moment")[:limit])

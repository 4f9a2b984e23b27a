"""Keep derived rows up to date with the conversations that they are from.

Conversations and their messages are the only truth, and nothing here is written anywhere else. `Conversation.version`
counts writes, so one query finds the conversations that changed since they were read. Only these are read again, their
rows are replaced, and the cards that they concern are computed anew. The version is recorded last. So a refresh that is
interrupted, or repeated by another server, ends alike, also on MongoDB without transactions.

`register` adds another table with rows for each conversation, such as figures of a talk.
"""

import logging
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Model
from django.utils import timezone

from conversations import rows
from conversations.lookup import alive, reaching
from conversations.models import Conversation, Message
from conversations.rows import Changed
from conversations.store import WriteConflict
from core import cloud
from core.batches import batches
from core.cloud import LOCAL
from learning import cards
from learning.models import Card, LearnerProjection, Occurrence, ProjectedConversation

# Conversations that are read at a time.
AT_ONCE = 25
# Seconds of a request. What is left is done by the next one.
BUDGET_S = 1.0
# Keys in one query. SQLite limits their number.
KEYS_AT_ONCE = 400
TRIES = 20
# MongoDB without transactions shows a new conversation before its messages. It is read again until it has settled.
SETTLE = timedelta(seconds=10)

logger = logging.getLogger(__name__)

Derive = Callable[[Conversation, Sequence[Message]], Iterable[Model]]


@dataclass(frozen=True, slots=True)
class Derivation:
    """Hold a table with rows for each conversation.

    `rows` computes them from a conversation and its messages in order, without those that are deleted. It reads no
    database. The keys of the rows depend only on its arguments, and the rows have the fields `conversation` and
    `learner`. A new `version` makes all conversations be read again.
    """

    model: type[Model]
    rows: Derive
    version: int


_derivations: list[Derivation] = []


def register(model: type[Model], rows_of: Derive, *, version: int) -> None:
    """Let `refresh` keep the rows of this table. Call it in `AppConfig.ready`, and register the table as personal data."""
    _derivations.append(Derivation(model, rows_of, version))


def derived_models() -> list[type[Model]]:
    return [each.model for each in _derivations]


def refresh(learner: uuid.UUID, *, budget_s: float = BUDGET_S) -> int:
    """Read the learner's conversations that changed. Return how many are left for the next call.

    Stops after `budget_s` seconds, but reads at least a few conversations. Raises cloud.Unavailable, WriteConflict.
    """
    until, done = time.monotonic() + budget_s, 0
    stale = _remove_gone(learner)
    for keys in batches(stale, AT_ONCE):
        if done and time.monotonic() > until:
            break
        read_at = timezone.now()
        with reaching() as using:
            found = rows.load(using, keys)
        held = {key: copy.conversation for key, copy in found.items() if copy.conversation.deleted_at is None}
        # Computing takes no time of the database's, so that a busy processor does not look like an outage.
        derived = {key: _derived(found[key]) for key in held}
        read = {key: _record(held[key], read_at) for key in held}
        with reaching() as using:
            _replace(using, learner, derived, keys, read)
        done += len(keys)
    return len(stale) - done


def prune() -> int:
    """Remove the rows of conversations that are deleted or belong to another learner now. Return how many learners had some.

    `refresh` does so when a learner comes back. Some never do: their talks were merged into an account, or ended by
    retention. Stops while the database is down.
    """
    learners: set[uuid.UUID] = set()
    last, done = uuid.UUID(int=0), 0
    try:
        if cloud.database.on:
            _empty_local_tables()
        while True:
            with reaching() as using:
                table = ProjectedConversation.objects.using(using).filter(pk__gt=last)
                page = list(table.order_by("pk")[:KEYS_AT_ONCE])
                there = Conversation.objects.using(using).filter(pk__in=[row.pk for row in page], deleted_at=None)
                owners = dict(there.values_list("pk", "learner"))
            if not page:
                break
            learners |= {row.learner for row in page if owners.get(row.pk) != row.learner}
            last = page[-1].pk
        for learner in learners:
            _remove_gone(learner)
            done += 1
    except cloud.Unavailable:
        logger.info("Derived rows of deleted conversations are removed when the database is back.")
    return done


def _empty_local_tables() -> None:
    """Delete what was derived while the cloud was off. Nothing reads it any more."""
    models: list[type[Model]] = [*derived_models(), Card, ProjectedConversation, LearnerProjection]
    for model in models:
        model._default_manager.using(LOCAL)._raw_delete(LOCAL)


def _remove_gone(learner: uuid.UUID) -> list[uuid.UUID]:
    """Remove the rows of the learner's conversations that are gone. Return those to read, the newest first."""
    with reaching() as using:
        stale, gone = _changed(using, learner)
        for keys in batches(gone, KEYS_AT_ONCE):
            _replace(using, learner, {}, keys)
    return stale


def rebuild(learner: uuid.UUID) -> None:
    """Forget what was read, so that the next refreshes read all the learner's conversations again."""
    with reaching() as using:
        ProjectedConversation.objects.using(using).filter(learner=learner).update(rules="")


def _changed(using: str, learner: uuid.UUID) -> tuple[list[uuid.UUID], list[uuid.UUID]]:
    """Return the conversations to read, the newest first, and those that are gone."""
    rules = _rules()
    table = ProjectedConversation.objects.using(using).filter(learner=learner)
    known = {row.pk: row for row in table}
    there = alive(using, learner).values_list("pk", "version", "updated_at")
    stale = []
    for key, version, updated_at in there:
        read = known.pop(key, None)
        is_current = read and read.version == version and read.rules == rules
        if not read or not is_current or read.read_at < updated_at + SETTLE <= timezone.now():
            stale.append(key)
    return stale, list(known)


def _rules() -> str:
    """Return what names the present rules. If they change, all conversations are read again."""
    versions = [f"{each.model._meta.model_name}{each.version}" for each in _derivations]
    return " ".join([f"card{cards.VERSION}", *sorted(versions)])[:100]


def _derived(copy: rows.Copy) -> list[list[Model]]:
    """Return the rows of a conversation for each derivation."""
    messages = [row for row in copy.messages.values() if row.deleted_at is None]
    messages.sort(key=lambda row: (row.timestamp, row.position, row.pk))
    return [list(each.rows(copy.conversation, messages)) for each in _derivations]


def _record(conversation: Conversation, read_at: datetime) -> ProjectedConversation:
    return ProjectedConversation(
        conversation=conversation.pk,
        learner=conversation.learner,
        version=conversation.version,
        rules=_rules(),
        read_at=read_at,
    )


def _replace(
    using: str,
    learner: uuid.UUID,
    derived: Mapping[uuid.UUID, list[list[Model]]],
    keys: Sequence[uuid.UUID],
    read: Mapping[uuid.UUID, ProjectedConversation] | None = None,
) -> None:
    """Let the tables hold these rows of the conversations `keys`. Those without rows are gone."""
    for _ in range(TRIES):
        try:
            with rows.writing(using):
                revision = _claim(using, learner)
                surplus = _write_rows(using, derived, keys)
                _write_cards(using, learner, surplus, derived, keys)
                # Only now, because what is deleted names the cards that have changed.
                for model, gone in surplus.items():
                    _delete(using, model, [row.pk for row in gone])
                if LearnerProjection.objects.using(using).filter(pk=learner, revision=revision).exists():
                    _write_record(using, keys, read or {})
                    return
        except Changed:
            continue
    raise WriteConflict


def _claim(using: str, learner: uuid.UUID) -> int:
    """Count this write, and return its number. In a transaction, other writers wait until it ends. Raises IntegrityError."""
    table = LearnerProjection.objects.using(using)
    if not table.filter(pk=learner).update(revision=F("revision") + 1):
        table.create(learner=learner, revision=1)
    return table.values_list("revision", flat=True).get(pk=learner)


def _write_rows(
    using: str, derived: Mapping[uuid.UUID, list[list[Model]]], keys: Sequence[uuid.UUID]
) -> dict[type[Model], list[Model]]:
    """Insert and update rows. Return those that are there and no longer derived."""
    surplus: dict[type[Model], list[Model]] = {}
    for number, derivation in enumerate(_derivations):
        table = derivation.model._default_manager.using(using)
        there = {row.pk: row for row in table.filter(conversation__in=keys)}
        put = [row for each in derived.values() for row in each[number]]
        _put(using, derivation.model, put, there)
        surplus[derivation.model] = [row for key, row in there.items() if key not in {each.pk for each in put}]
    return surplus


def _write_cards(
    using: str,
    learner: uuid.UUID,
    surplus: Mapping[type[Model], list[Model]],
    derived: Mapping[uuid.UUID, list[list[Model]]],
    keys: Sequence[uuid.UUID],
) -> None:
    """Compute the cards anew that the conversations concern, or concerned before."""
    former = [row for row in surplus[Occurrence] if isinstance(row, Occurrence)]
    present = [row for each in derived.values() for some in each for row in some if isinstance(row, Occurrence)]
    touched = list({row.card for row in (*former, *present)})
    left_out = {row.pk for row in former}
    for some in batches(touched, KEYS_AT_ONCE):
        of_card: dict[uuid.UUID, list[Occurrence]] = {key: [] for key in some}
        for row in Occurrence.objects.using(using).filter(learner=learner, card__in=some):
            if row.pk not in left_out:
                of_card[row.card].append(row)
        there = {row.pk: row for row in Card.objects.using(using).filter(learner=learner, pk__in=some)}
        put = [card for card in map(cards.card_of, of_card.values()) if card]
        _put(using, Card, put, there)
        _delete(using, Card, there.keys() - {card.pk for card in put})


def _write_record(using: str, keys: Sequence[uuid.UUID], read: Mapping[uuid.UUID, ProjectedConversation]) -> None:
    there = ProjectedConversation.objects.using(using).in_bulk(list(keys))
    _put(using, ProjectedConversation, read.values(), there)
    _delete(using, ProjectedConversation, there.keys() - read.keys())


def _put(using: str, model: type[Model], put: Iterable[Model], there: Mapping[uuid.UUID, Model]) -> None:
    """Insert the rows that are missing, and update the columns that differ from what is there."""
    table, new = model._default_manager.using(using), []
    for row in put:
        if row.pk not in there:
            new.append(row)
        elif columns := rows.differing(row, there[row.pk]):
            table.filter(pk=row.pk).update(**columns)
    table.bulk_create(new, batch_size=KEYS_AT_ONCE // 4)


def _delete(using: str, model: type[Model], keys: Collection[uuid.UUID]) -> None:
    for some in batches(list(keys), KEYS_AT_ONCE):
        model._default_manager.using(using).filter(pk__in=some).delete()

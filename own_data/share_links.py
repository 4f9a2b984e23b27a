"""Let a learner share one conversation by a link, and revoke it.

The link has a token that cannot be guessed, of which only the digest is stored. A link is dead when it has expired or was
revoked, and when its conversation is gone: deleted, erased by retention, or merged into an account.
"""

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from conversations import lookup, store
from conversations.changes import conversation_key
from conversations.lookup import StoredConversation
from conversations.models import Conversation
from core import cloud
from core.batches import batches
from own_data.models import ShareLink

# Days that a learner may choose.
DAYS = (1, 7, 30, 90, 365)
# Links of one learner.
MOST = 20
# Links in one query.
AT_ONCE = 400

TOO_MANY = f"There are {MOST} links already. Revoke one that you do not need."


class TooManyLinks(Exception):
    """Report that the learner has MOST links already."""


@dataclass(frozen=True, slots=True)
class TitledLink:
    """Hold a link and the title of its conversation, "" while that cannot be read."""

    link: ShareLink
    title: str


def create(learner: uuid.UUID, wire_id: str, *, days: int, words_only: bool) -> tuple[ShareLink, str] | None:
    """Create a link. Return it with its token, which is stored nowhere. Return None if there is no such conversation.

    Raises TooManyLinks, OutOfReach.
    """
    if store.get(learner, wire_id) is None:
        return None
    # Not those of deleted conversations: the learner does not see them, and so cannot revoke them.
    if len(of_learner(learner)) >= MOST:
        raise TooManyLinks(TOO_MANY)
    token = secrets.token_urlsafe(32)
    link = ShareLink(learner=learner, conversation=conversation_key(learner, wire_id), wire_id=wire_id)
    link.digest, link.words_only, link.expires_at = _digest(token), words_only, timezone.now() + timedelta(days=days)
    link.save(using="default")
    return link, token


def of_learner(learner: uuid.UUID, wire_id: str = "") -> list[TitledLink]:
    """Return the learner's links that work, of one conversation or of all, the newest first."""
    links = _alive().filter(learner=learner, **({"wire_id": wire_id} if wire_id else {}))
    found: list[TitledLink] = []
    for link in links:
        each = lookup.find(link.conversation, learner, ())
        row = each.both.conversation if each.both else None
        if row and not row.deleted_at:
            found.append(TitledLink(link, row.title or row.topic))
        elif not each.reached:
            found.append(TitledLink(link, ""))
    return found


def revoke(learner: uuid.UUID, key: uuid.UUID) -> bool:
    """Delete a link of the learner. Return False if there is none."""
    deleted, _ = ShareLink.objects.using("default").filter(learner=learner, pk=key).delete()
    return bool(deleted)


def shared(token: str) -> tuple[ShareLink, StoredConversation] | None:
    """Return the link with this token and its conversation, or None if it is dead. Raises OutOfReach, DatabaseError."""
    link = _alive().filter(digest=_digest(token)).first() if settings.SHARE_LINKS else None
    stored = store.get(link.learner, link.wire_id) if link else None
    return (link, stored) if link and stored else None


def prune() -> None:
    """Delete links that have expired, and those of conversations that were erased. Raises DatabaseError."""
    rows = ShareLink.objects.using("default")
    rows.filter(expires_at__lte=timezone.now()).delete()
    keys = list(rows.values_list("conversation", flat=True).distinct())
    try:
        erased = [key for some in batches(keys, AT_ONCE) for key in _erased(some)]
    except cloud.Unavailable:
        return
    for some in batches(erased, AT_ONCE):
        rows.filter(conversation__in=some).delete()


def _erased(keys: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    with lookup.reaching() as using:
        erased = Conversation.objects.using(using).filter(pk__in=keys, erased=True)
        return list(erased.values_list("pk", flat=True))


def _alive() -> QuerySet[ShareLink]:
    return ShareLink.objects.using("default").filter(expires_at__gt=timezone.now())


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()

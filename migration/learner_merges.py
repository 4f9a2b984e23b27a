"""Merge the conversations of a learner without an account into an account, with their recordings, or delete them.

A merge is a row in `default`. It goes conversation by conversation: the account gets a copy that names the same
recordings, they change their owner, then the learner's own conversation is erased. Each step can be repeated, so a killed
merge goes on where it was. While a part of the cloud is down, it waits. If another server then drains more of the
learner's conversations, `drain` opens the merge again.
"""

import logging
import os
import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.db import Error, connections, transaction
from django.utils import timezone

from audio import recordings
from audio.recordings import Owner
from conversations import preferences, store
from conversations.changes import conversation_key, message_key
from conversations.lookup import StoredConversation
from conversations.rows import Copy
from core import cloud
from learners import tokens
from learners.models import Account, Device, LearnerMerge
from migration import sync_worker
from migration.models import claim, release

# Conversations that are read at once.
BATCH = 20
# Seconds that the cloud may take for one conversation.
PATIENCE = 30.0
# Tries to begin while the outbox is being drained, and seconds between them.
TRIES, PAUSE = 20, 0.5

logger = logging.getLogger(__name__)
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="merge")


class Waits(Exception):
    """Report that a merge cannot go on now. The message says why."""


def begin(device: Device, *, deletes: bool) -> None:
    """Record what is to happen with the earlier conversations of a device, once. `start` carries it out."""
    if (source := device.previous_learner) is None:
        return
    total = store.count(source)
    with transaction.atomic(using="default"):
        if Device.objects.filter(pk=device.pk, previous_learner=source).update(previous_learner=None):
            LearnerMerge.objects.create(account=device.account, source=source, deletes=deletes, total=total)


def start() -> None:
    """Carry out what waits, in another thread."""
    _thread.submit(run_waiting)


def run_waiting() -> None:
    """Carry out all merges that are not finished, unless another process does. After an error, a later call goes on."""
    try:
        with cloud.within(PATIENCE):
            waiting = list(
                LearnerMerge.objects.filter(finished_at=None).select_related("account").order_by("created_at")
            )
        for merge in waiting:
            _run(merge)
    except Error as error:
        logger.warning("Merges of learners wait for the database of accounts: %s", cloud.sentence(error))
    finally:
        # This thread's.
        connections.close_all()


def _run(merge: LearnerMerge) -> None:
    work, holder = f"merge {merge.pk}", _holder()
    if not claim(work, holder, using="default"):
        return
    try:
        # After the merge, no page lists these tokens. They must not open the account.
        for token in tokens.of_learner(merge.source):
            tokens.revoke(merge.source, token.pk)
        if not merge.deletes:
            preferences.adopt(merge.account.learner, merge.source)
        while page := _page(merge.source):
            for each in page:
                if not claim(work, holder, using="default"):
                    return
                _move(merge, each.conversation.wire_id)
                merge.done, merge.problem = merge.done + 1, ""
                merge.total = max(merge.total, merge.done)
                merge.save(update_fields=["done", "total", "problem"])
        merge.finished_at = timezone.now()
        merge.save(update_fields=["finished_at"])
    except (Waits, cloud.Unavailable, store.OutOfReach, OSError) as error:
        why = str(error) if isinstance(error, Waits) else cloud.sentence(error)
        logger.warning("The merge of a learner waits: %s", why)
        merge.problem = "A part of the storage cannot be reached. It goes on by itself."
        merge.save(update_fields=["problem"])
    finally:
        release(work, holder, using="default")


def _page(source: uuid.UUID) -> list[StoredConversation]:
    """Return some conversations that the learner still has. Raises Waits while a part of the cloud is down."""
    with cloud.patience(PATIENCE):
        page = store.history(source, limit=BATCH)
        _require_up()
    return page


def _move(merge: LearnerMerge, wire_id: str) -> None:
    """Move one conversation into the account, or delete it."""
    holder = f"{_holder()}:merge"
    # Rows of recordings must not move to the cloud's database meanwhile.
    for _ in range(TRIES):
        if claim(sync_worker.WORK, holder):
            break
        time.sleep(PAUSE)
    else:
        raise Waits("The outbox is being drained.")
    try:
        with cloud.patience(PATIENCE):
            held = store.existing(merge.source, wire_id)
            if held and not held.conversation.deleted_at and not merge.deletes:
                _add(held, merge.account)
            _require_up()
            _erase(merge.source, wire_id, None if merge.deletes else held)
    finally:
        release(sync_worker.WORK, holder)


def _add(held: Copy, account: Account) -> None:
    """Add a conversation to the account, and give it the recordings that its messages name."""
    source = held.conversation.learner
    added = store.add_from(held, account.learner, _target(held, account.learner))
    own = {row.audio_key for row in held.messages.values() if row.audio_key}
    owners = {
        row.audio_key: Owner(account.learner, added.conversation.pk, row.pk, row.role)
        for row in added.messages
        if row.audio_key in own
    }
    recordings.hand_over(owners, source)


def _target(held: Copy, learner: uuid.UUID) -> str:
    """Return the id that the conversation gets in the account: its own, unless the account has another one with that id."""
    wire_id = held.conversation.wire_id
    there = store.existing(learner, wire_id)
    if there is None or _is_same(there, held):
        return wire_id
    return f"merged-{held.conversation.pk.hex}"


def _is_same(there: Copy, held: Copy) -> bool:
    """Return whether these are one conversation: they share a message, and all that they share are equal.

    An interrupted merge leaves such a copy, and so does one that is opened again.
    """
    if there.conversation.deleted_at:
        return False
    alive = [row for row in held.messages.values() if row.deleted_at is None]
    is_shared = not alive
    voices = recordings.of({row.audio_key for copy in (there, held) for row in copy.messages.values() if row.audio_key})
    for row in alive:
        same = there.messages.get(message_key(there.conversation.pk, row.wire_id))
        if same is None:
            continue
        if same.deleted_at or (same.role, same.content) != (row.role, row.content):
            return False
        is_shared = True
        if row.audio_key and same.audio_key and row.audio_key != same.audio_key:
            mine, theirs = voices.get(row.audio_key), voices.get(same.audio_key)
            if not (mine and theirs and mine.sha256 == theirs.sha256):
                return False
    return is_shared


def _erase(learner: uuid.UUID, wire_id: str, seen: Copy | None) -> None:
    """Delete a conversation, and erase its words and recordings at once. `seen` is as in `store.delete`."""
    key = conversation_key(learner, wire_id)
    store.delete(learner, wire_id, seen=seen)
    if not store.is_deleted(learner, wire_id):
        raise Waits("The conversation is being written to.")
    recordings.remove(recordings.of_conversations([key]).values())
    store.erase_deleted(before=timezone.now() + timedelta(seconds=1), only=[key])
    _require_up()


def _require_up() -> None:
    if down := cloud.down():
        raise Waits(" ".join(f"The {name} is down: {cause}." for name, cause in down.items()))


def _holder() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"

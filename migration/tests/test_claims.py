from datetime import timedelta

import pytest
from django.utils import timezone

from conversations import store
from conversations.models import Conversation, PendingChange
from migration import drain, sync_worker
from migration.drain import Report
from migration.models import LEASE, Claim, claim, release
from tests.clouds import ALIAS, DATABASES, Half

pytestmark = pytest.mark.django_db(databases=DATABASES)


def lapse() -> None:
    Claim.objects.using("local").update(until=timezone.now())


def test_one_has_the_work_and_the_other_does_not() -> None:
    assert (claim("work", "one"), claim("work", "other")) == (True, False)


def test_who_has_it_keeps_it() -> None:
    claim("work", "one")
    first = Claim.objects.using("local").get().until
    assert claim("work", "one")
    assert Claim.objects.using("local").get().until > first


def test_another_work_is_free() -> None:
    assert (claim("work", "one"), claim("other work", "other")) == (True, True)


def test_a_lease_ends() -> None:
    claim("work", "one")
    lapse()
    assert (claim("work", "other"), claim("work", "one")) == (True, False)


def test_a_lease_is_as_long_as_it_says() -> None:
    claim("work", "one")
    left = Claim.objects.using("local").get().until - timezone.now()
    assert LEASE - timedelta(seconds=5) < left <= LEASE


def test_what_is_released_is_free() -> None:
    claim("work", "one")
    release("work", "one")
    assert claim("work", "other")


def test_only_who_has_it_releases_it() -> None:
    claim("work", "one")
    release("work", "other")
    assert not claim("work", "other")


# The sync worker


@pytest.fixture
def waiting(database: Half, transactional_db: None) -> Half:
    """Save one conversation that waits."""
    import uuid

    with database.outage():
        store.save(uuid.uuid4(), "conv-1", columns={}, messages=[])
    return database


@pytest.mark.django_db(databases=DATABASES, transaction=True)
def test_it_moves_what_waits_and_lets_go(waiting: Half) -> None:
    assert sync_worker.reconcile().conversations == 1
    assert Conversation.objects.using(ALIAS).count() == 1
    assert claim(sync_worker.WORK, "somebody else")


@pytest.mark.django_db(databases=DATABASES, transaction=True)
def test_it_leaves_it_to_another_process_that_is_at_it(waiting: Half) -> None:
    claim(sync_worker.WORK, "somebody else")
    assert sync_worker.reconcile() == Report()
    assert PendingChange.objects.using("local").count() == 1


@pytest.mark.django_db(databases=DATABASES, transaction=True)
def test_it_takes_over_from_a_process_that_died(waiting: Half) -> None:
    claim(sync_worker.WORK, "somebody else")
    lapse()
    assert sync_worker.reconcile().conversations == 1


@pytest.mark.django_db(databases=DATABASES, transaction=True)
def test_it_lets_go_when_it_fails(waiting: Half, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> Report:
        raise OSError("the disk is full")

    monkeypatch.setattr(drain, "drain", fail)
    with pytest.raises(OSError, match="full"):
        sync_worker.reconcile()
    assert claim(sync_worker.WORK, "somebody else")


@pytest.mark.django_db(databases=DATABASES, transaction=True)
def test_while_nothing_can_be_moved_nothing_is_claimed(waiting: Half) -> None:
    waiting.goes_down()
    assert sync_worker.reconcile() == Report()
    assert not Claim.objects.using("local").exists()

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


def test_only_one_process_gets_a_claim() -> None:
    assert (claim("work", "one"), claim("work", "other")) == (True, False)


def test_the_holder_can_renew_its_claim() -> None:
    claim("work", "one")
    first = Claim.objects.using("local").get().until
    assert claim("work", "one")
    assert Claim.objects.using("local").get().until > first


def test_other_work_can_be_claimed() -> None:
    assert (claim("work", "one"), claim("other work", "other")) == (True, True)


def test_a_lease_ends() -> None:
    claim("work", "one")
    lapse()
    assert (claim("work", "other"), claim("work", "one")) == (True, False)


def test_a_lease_lasts_as_long_as_declared() -> None:
    claim("work", "one")
    left = Claim.objects.using("local").get().until - timezone.now()
    assert LEASE - timedelta(seconds=5) < left <= LEASE


def test_released_work_can_be_claimed() -> None:
    claim("work", "one")
    release("work", "one")
    assert claim("work", "other")


def test_only_the_holder_releases_a_claim() -> None:
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
def test_draining_moves_the_shelter_and_releases_the_claim(waiting: Half) -> None:
    assert sync_worker.reconcile().conversations == 1
    assert Conversation.objects.using(ALIAS).count() == 1
    assert claim(sync_worker.WORK, "somebody else")


@pytest.mark.django_db(databases=DATABASES, transaction=True)
def test_a_process_does_not_drain_while_another_one_does(waiting: Half) -> None:
    claim(sync_worker.WORK, "somebody else")
    assert sync_worker.reconcile() == Report()
    assert PendingChange.objects.using("local").count() == 1


@pytest.mark.django_db(databases=DATABASES, transaction=True)
def test_a_process_takes_over_from_one_that_died(waiting: Half) -> None:
    claim(sync_worker.WORK, "somebody else")
    lapse()
    assert sync_worker.reconcile().conversations == 1


@pytest.mark.django_db(databases=DATABASES, transaction=True)
def test_a_failure_releases_the_claim(waiting: Half, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> Report:
        raise OSError("the disk is full")

    monkeypatch.setattr(drain, "steps", fail)
    with pytest.raises(OSError, match="full"):
        sync_worker.reconcile()
    assert claim(sync_worker.WORK, "somebody else")


@pytest.mark.django_db(databases=DATABASES, transaction=True)
def test_nothing_is_claimed_while_nothing_can_be_moved(waiting: Half) -> None:
    waiting.goes_down()
    assert sync_worker.reconcile() == Report()
    assert not Claim.objects.using("local").exists()

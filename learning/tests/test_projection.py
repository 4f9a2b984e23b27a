import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations import store
from conversations.models import Conversation
from conversations.store import UNDO
from core import cloud
from learners import personal_data
from learners.personal_data import DataSubject
from learning import projection
from learning.kinds import kind_of
from learning.models import Card, LearnerProjection, Occurrence, ProjectedConversation, TalkFigures
from learning.tests.talks import AT, WORK, attempt, talk, turn, uptake
from migration import drain
from tests.clouds import ALIAS, DATABASES, Half

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)


@pytest.fixture
def learner() -> uuid.UUID:
    return uuid.uuid4()


def the_card(learner: uuid.UUID, using: str = "local") -> Card:
    projection.refresh(learner)
    return Card.objects.using(using).get(learner=learner)


def state(learner: uuid.UUID, using: str = "local") -> list[Any]:
    """Return all that is derived, without the counters."""
    tables = ((Card, "pk"), (Occurrence, "pk"), (ProjectedConversation, "pk"))
    return [
        sorted(
            tuple(sorted((name, str(value)) for name, value in row.items() if name not in ("read_at",)))
            for row in model._default_manager.using(using).filter(learner=learner).order_by(order).values()
        )
        for model, order in tables
    ]


def work(learner: uuid.UUID) -> uuid.UUID:
    return kind_of("work", "works").card(learner)


def test_mistakes_of_two_talks_are_one_card(learner: uuid.UUID) -> None:
    talk(learner, "one", turn("He work.", WORK))
    talk(learner, "two", turn("She work.", WORK | {"said": "She work", "better": "She works"}, days=2))
    card = the_card(learner)
    assert (card.pk, card.mistakes, card.last_at) == (work(learner), 2, AT + timedelta(days=2))


def test_reviews_and_uptake_move_the_card(learner: uuid.UUID) -> None:
    talk(learner, "one", turn("He work.", WORK))
    due = the_card(learner).due
    talk(learner, "review-1", attempt(work(learner), "right", days=1), config={"kind": "review"})
    reviewed = the_card(learner)
    assert reviewed.due > due
    talk(learner, "two", uptake(work(learner), days=4))
    assert the_card(learner).due > reviewed.due


def test_misheard_words_make_no_card(learner: uuid.UUID) -> None:
    talk(learner, "one", turn("He work.", WORK, measured={"doubt": "unclear", "confidence": 0.3}))
    assert projection.refresh(learner) == 0
    assert not Card.objects.using("local").exists()


def test_what_did_not_change_is_not_read_again(learner: uuid.UUID) -> None:
    talk(learner, "one", turn("He work.", WORK))
    Conversation.objects.using("local").update(updated_at=timezone.now() - timedelta(minutes=1))
    projection.refresh(learner)
    with CaptureQueriesContext(connections["local"]) as queries:
        projection.refresh(learner)
    assert len(queries) == 2


def test_a_corrected_message_changes_its_card(learner: uuid.UUID) -> None:
    talk(learner, "one", turn("He work.", WORK, id="user-1"))
    assert the_card(learner)
    store.replace_words(learner, "one", "user-1", "He works.", [])
    assert projection.refresh(learner) == 0
    assert not Card.objects.using("local").filter(learner=learner).exists()
    assert not Occurrence.objects.using("local").filter(learner=learner).exists()


def test_a_deleted_talk_takes_its_cards_along_and_undo_brings_them_back(learner: uuid.UUID) -> None:
    talk(learner, "one", turn("He work.", WORK))
    talk(learner, "review", attempt(work(learner), "right", days=1))
    projection.refresh(learner)
    before = Card.objects.using("local").values().get()
    store.delete(learner, "one")
    projection.refresh(learner)
    assert not Card.objects.using("local").exists()
    store.restore(learner, "one")
    projection.refresh(learner)
    assert Card.objects.using("local").values().get() == before


def test_erased_and_cleared_talks_leave_nothing(learner: uuid.UUID) -> None:
    talk(learner, "one", turn("He work.", WORK))
    projection.refresh(learner)
    store.clear(learner)
    store.erase_deleted(before=timezone.now() + UNDO)
    projection.refresh(learner)
    assert state(learner) == [[], [], []]


def test_the_order_of_delivery_does_not_matter() -> None:
    found = []
    for order in (1, -1):
        learner = uuid.uuid4()
        talks = [
            ("one", turn("He work.", WORK)),
            ("review", attempt(work(learner), "right", days=1)),
            ("two", turn("He work.", WORK, days=5)),
            ("three", uptake(work(learner), days=9)),
        ]
        for wire_id, draft in talks[::order]:
            talk(learner, wire_id, draft)
            projection.refresh(learner)
        row = Card.objects.using("local").filter(learner=learner).values().get()
        found.append({name: value for name, value in row.items() if name not in ("id", "learner", "message")})
    assert found[0] == found[1]
    assert found[0]["uptakes"] == 1


@pytest.mark.parametrize("step", ["_write_cards", "_delete", "_write_record", "_put"])
def test_a_refresh_that_is_killed_is_done_by_the_next(
    learner: uuid.UUID, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without transactions, as on MongoDB: what was written before stays."""
    monkeypatch.setattr(projection.rows, "_rolls_back", lambda using: False)
    monkeypatch.setattr(projection.rows, "_atomic", lambda using: _nothing())
    go = {"said": "go", "better": "goes", "why": "", "category": "agreement"}
    talk(learner, "one", turn("He work. He go.", WORK, go, id="user-1"))
    talk(learner, "two", turn("He work.", WORK, days=3))
    projection.refresh(learner)
    store.replace_words(learner, "one", "user-1", "He go.", [go])
    for dies_at in range(1, 9):
        _die(monkeypatch, step, dies_at)
        try:
            projection.refresh(learner)
        except KeyboardInterrupt:
            pass
        finally:
            monkeypatch.setattr(projection, step, _REAL[step])
        projection.refresh(learner)
        seen = state(learner)
        projection.rebuild(learner)
        projection.refresh(learner)
        assert state(learner) == seen
        assert {(row.category, row.mistakes) for row in Card.objects.using("local").all()} == {("agreement", 1)}
        # Change it again for the next round.
        corrections = [go] if dies_at % 2 else [WORK, go]
        store.replace_words(learner, "one", "user-1", f"He go {dies_at}.", corrections)
        projection.refresh(learner)
        store.replace_words(learner, "one", "user-1", f"He go {dies_at} times.", [go])


def test_several_refreshes_at_once_end_alike(learner: uuid.UUID) -> None:
    for number in range(30):
        talk(learner, f"talk-{number}", turn("He work.", WORK, days=number))

    def refresh(_: int) -> None:
        try:
            while projection.refresh(learner):
                pass
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(refresh, range(8)))
    card = Card.objects.using("local").get(learner=learner)
    assert card.mistakes == 30
    assert LearnerProjection.objects.using("local").get().revision >= 1


def test_a_refresh_is_bounded_and_goes_on(learner: uuid.UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "AT_ONCE", 2)
    for number in range(5):
        talk(learner, f"talk-{number}", turn("He work.", WORK, days=number))
    assert projection.refresh(learner, budget_s=0) == 3
    assert projection.refresh(learner, budget_s=0) == 1
    assert projection.refresh(learner, budget_s=0) == 0
    assert Card.objects.using("local").get().mistakes == 5


def test_new_rules_read_all_talks_again(learner: uuid.UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    talk(learner, "one", turn("He work.", WORK))
    projection.refresh(learner)
    Card.objects.using("local").update(mistakes=99)
    monkeypatch.setattr(projection.cards, "VERSION", 2)
    projection.refresh(learner)
    assert Card.objects.using("local").get().mistakes == 1


def test_what_happens_in_an_outage_ends_as_without_it(learner: uuid.UUID, database: Half) -> None:
    talk(learner, "one", turn("He work.", WORK))
    projection.refresh(learner)
    with database.outage():
        talk(learner, "review", attempt(work(learner), "right", days=1))
        talk(learner, "two", turn("He work.", WORK, days=6))
        with pytest.raises(cloud.Unavailable):
            projection.refresh(learner)
    drain.drain()
    projection.refresh(learner)
    after = Card.objects.using(ALIAS).values().get()
    assert (after["reviews"], after["mistakes"]) == (1, 2)
    projection.rebuild(learner)
    projection.refresh(learner)
    assert Card.objects.using(ALIAS).values().get() == after


def test_other_learners_are_not_touched(learner: uuid.UUID) -> None:
    other = uuid.uuid4()
    talk(other, "one", turn("He work.", WORK))
    projection.refresh(other)
    talk(learner, "one", turn("He work.", WORK))
    talk(learner, "review", attempt(work(learner), "right", days=1))
    projection.refresh(learner)
    assert set(Card.objects.using("local").values_list("learner", "reviews")) == {(other, 0), (learner, 1)}


def test_reviews_go_to_the_account_with_the_talks(learner: uuid.UUID) -> None:
    """A learner without an account signs in, and the talks are moved to another learner."""
    account = uuid.uuid4()
    talk(learner, "one", turn("He work.", WORK))
    talk(learner, "review", attempt(work(learner), "right", days=1))
    before = the_card(learner)
    for wire_id in ("one", "review"):
        held = store.existing(learner, wire_id)
        assert held
        store.add_from(held, account, wire_id)
    after = the_card(account)
    assert (after.due, after.reviews, after.mistakes) == (before.due, 1, 1)


@pytest.fixture
def retained(learner: uuid.UUID) -> uuid.UUID:
    """Return a learner who does not come back after retention has erased all talks."""
    talk(learner, "one", turn("He work.", WORK))
    projection.refresh(learner)
    store.delete(learner, "one")
    store.erase_deleted(before=timezone.now() + UNDO)
    return learner


def test_rows_of_erased_talks_go_also_if_the_learner_never_returns(retained: uuid.UUID) -> None:
    other = uuid.uuid4()
    talk(other, "one", turn("He work.", WORK))
    before = the_card(other).pk
    assert TalkFigures.objects.using("local").filter(learner=retained).exists()
    assert projection.prune() == 1
    assert state(retained) == [[], [], []]
    assert not TalkFigures.objects.using("local").filter(learner=retained).exists()
    assert Card.objects.using("local").get().pk == before
    assert projection.prune() == 0


def test_rows_of_a_learner_whose_talks_were_merged_into_an_account_go(learner: uuid.UUID) -> None:
    account = uuid.uuid4()
    talk(learner, "one", turn("He work.", WORK))
    projection.refresh(learner)
    held = store.existing(learner, "one")
    assert held
    store.add_from(held, account, "one")
    store.delete(learner, "one")
    projection.refresh(account)
    projection.prune()
    assert state(learner) == [[], [], []]
    assert Card.objects.using("local").get().learner == account


def test_obsolete_rows_wait_for_the_database(learner: uuid.UUID, database: Half) -> None:
    talk(learner, "one", turn("He work.", WORK))
    projection.refresh(learner)
    store.delete(learner, "one")
    with database.outage():
        assert projection.prune() == 0
    assert projection.prune() == 1
    assert state(learner, ALIAS) == [[], [], []]


def test_rows_from_before_the_cloud_was_switched_on_go(learner: uuid.UUID, database: Half) -> None:
    Card.objects.using("local").create(
        id=uuid.uuid4(), learner=learner, message=uuid.uuid4(), due=AT, mistakes=1, first_at=AT, last_at=AT
    )
    talk(learner, "one", turn("He work.", WORK))
    projection.refresh(learner)
    projection.prune()
    assert not Card.objects.using("local").exists()
    assert Card.objects.using(ALIAS).get().learner == learner


def test_an_erasure_leaves_no_derived_row(learner: uuid.UUID) -> None:
    talk(learner, "one", turn("He work.", WORK))
    projection.refresh(learner)
    for table in personal_data.tables():
        if table.model._meta.app_label == "learning":
            table.erase(DataSubject(learner), "local")
    assert state(learner) == [[], [], []]
    assert not LearnerProjection.objects.using("local").exists()


_REAL = {name: getattr(projection, name) for name in ("_write_cards", "_delete", "_write_record", "_put")}


def _die(monkeypatch: pytest.MonkeyPatch, step: str, at: int) -> None:
    """Let the process end at this call of a step, before or after its work."""
    calls = iter(range(1, 1000))

    def dies(*arguments: Any) -> Any:
        number = next(calls)
        if number == (at + 1) // 2 and at % 2:
            raise KeyboardInterrupt
        result = _REAL[step](*arguments)
        if number == (at + 1) // 2:
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(projection, step, dies)


def _nothing() -> Any:
    import contextlib

    return contextlib.nullcontext()

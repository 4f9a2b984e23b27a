"""The cost of providers in a day is limited, for the site, an address and a learner, however many calls are in progress."""

import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from learners.visitors import Visitor
from usage import budget, ledger, payer
from usage.ledger import SITE, Amount
from usage.models import DailyUse, Spending

PROVIDER = "openai_realtime"


@pytest.fixture(autouse=True)
def visitor(settings: Any) -> Iterator[Visitor]:
    settings.DAILY_SPENDING_LIMIT, settings.LEARNER_SPENDING_LIMIT, settings.LEARNERS_PER_ADDRESS = 10, 1, 3
    visitor = Visitor(uuid.uuid4(), "192.0.2.1")
    payer.work_for(visitor)
    yield visitor
    payer.work_for(None)


def spend(dollars: float) -> None:
    call = budget.reserve(dollars)
    call.charge(dollars)
    call.release()


def another_learner(address: str = "192.0.2.1") -> None:
    payer.work_for(Visitor(uuid.uuid4(), address))


class TestReserving:
    def test_calls_in_progress_count(self) -> None:
        calls = [budget.reserve(0.25) for _ in range(4)]
        with pytest.raises(budget.Exhausted, match="your share of the budget"):
            budget.reserve(0.01)
        for call in calls:
            call.release()
        assert budget.spent() == 0

    def test_a_refused_call_ends_the_day_for_this_learner(self) -> None:
        call = budget.reserve(0.9)
        with pytest.raises(budget.Exhausted):
            budget.reserve(0.2)
        call.release()
        assert not budget.allows(PROVIDER)
        assert budget.allows("local")

    def test_an_operator_who_raises_the_limit_opens_it_again(self, settings: Any) -> None:
        spend(0.9)
        with pytest.raises(budget.Exhausted):
            budget.reserve(0.2)
        settings.LEARNER_SPENDING_LIMIT = 2
        assert budget.allows(PROVIDER)
        budget.reserve(0.2).release()

    def test_what_a_call_really_cost_is_counted_and_the_rest_is_free_again(self, visitor: Visitor) -> None:
        call = budget.reserve(0.5)
        call.charge(0.25)
        call.charge(0.125)
        call.release()
        assert budget.spent() == budget.spent(visitor.own) == budget.spent(visitor.shared) == 0.375
        budget.reserve(0.625).release()

    def test_a_call_may_cost_more_than_was_reserved(self) -> None:
        call = budget.reserve(0.25)
        call.charge(0.5)
        call.release()
        assert budget.spent() == 0.5
        budget.reserve(0.5).release()

    def test_the_calls_of_a_turn_share_its_reservation(self) -> None:
        with budget.reserved_for_all(0.5):
            call = budget.reserve(0.5)
            call.charge(0.25)
            call.release()
            # More than is left of what the turn has reserved.
            budget.reserve(0.5).release()
        budget.reserve(0.75).release()

    def test_a_call_that_outlives_its_turn_keeps_its_part(self) -> None:
        with budget.reserved_for_all(0.75):
            late = budget.reserve(0.5)
        with pytest.raises(budget.Exhausted):
            budget.reserve(0.75)
        late.release()

    def test_many_threads_do_not_pass_the_limit(self) -> None:
        learner = payer.current()

        def call() -> None:
            payer.work_for(learner)
            for _ in range(50):
                try:
                    spend(0.03)
                except budget.Exhausted:
                    return

        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 0.95 < budget.spent() <= 1


class TestWhoPays:
    def test_a_learner_does_not_pay_for_another(self) -> None:
        spend(1)
        assert not budget.allows(PROVIDER)
        another_learner()
        assert budget.allows(PROVIDER)

    def test_an_address_that_makes_up_learners_is_stopped(self) -> None:
        for _ in range(3):
            another_learner()
            spend(1)
        another_learner()
        assert not budget.allows(PROVIDER)
        another_learner("192.0.2.2")
        assert budget.allows(PROVIDER)

    def test_clients_without_a_cookie_are_one_visitor(self) -> None:
        payer.work_for(Visitor(None, "192.0.2.1"))
        spend(1)
        payer.work_for(Visitor(None, "192.0.2.1"))
        assert not budget.allows(PROVIDER)

    def test_the_site_has_a_limit_of_its_own(self, settings: Any) -> None:
        settings.LEARNER_SPENDING_LIMIT = 100
        spend(10)
        another_learner("192.0.2.2")
        assert budget.why_not(PROVIDER) == budget.ENOUGH

    def test_no_money_at_all(self, settings: Any) -> None:
        settings.DAILY_SPENDING_LIMIT = 0
        assert not budget.allows(PROVIDER)


@pytest.mark.django_db(databases=["default", "local"])
class TestStoring:
    def test_servers_share_the_sums(self, visitor: Visitor) -> None:
        spend(0.5)
        ledger.store()
        ledger.forget()
        spend(0.25)
        ledger.store()
        assert budget.spent() == Spending.objects.get().dollars == 0.75
        assert budget.spent(visitor.own) == DailyUse.objects.get(who=visitor.own).dollars == 0.75

    def test_pending_spending_counts(self) -> None:
        spend(0.5)
        ledger.store()
        spend(0.25)
        assert budget.spent() == 0.75

    def test_a_restart_forgets_nothing(self, visitor: Visitor) -> None:
        spend(1)
        ledger.add((visitor.own,), Amount(seconds=90))
        ledger.store()
        budget.forget()
        ledger.store()
        assert not budget.allows(PROVIDER)
        assert ledger.used(visitor.own).seconds == 90

    def test_a_new_day_begins_at_zero(self, monkeypatch: pytest.MonkeyPatch) -> None:
        spend(1)
        today = ledger.today()
        monkeypatch.setattr(ledger, "today", lambda: today + timedelta(days=1))
        assert budget.allows(PROVIDER)
        ledger.store()
        assert Spending.objects.get(day=today).dollars == 1
        assert ledger.used(SITE) == Amount()

    def test_what_visitors_used_is_deleted_after_a_day(self, monkeypatch: pytest.MonkeyPatch) -> None:
        spend(1)
        today = ledger.today()
        ledger.store()
        monkeypatch.setattr(ledger, "today", lambda: today + timedelta(days=2))
        ledger.store()
        assert not DailyUse.objects.exists()
        assert Spending.objects.get(day=today).dollars == 1

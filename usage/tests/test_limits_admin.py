"""Operators see and change the limits in the admin, without a restart."""

import uuid
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from core import site_limits
from core.site_limits import LIMITS
from usage import ledger, limit_overrides
from usage.ledger import Amount
from usage.models import SiteLimits

pytestmark = pytest.mark.django_db(databases=["default", "local"])
PAGE = "/admin/usage/sitelimits/1/change/"
LEARNER = uuid.UUID("5a5a5a5a-0000-4000-8000-000000000000")


def test_every_limit_has_a_column() -> None:
    columns = {field.name for field in SiteLimits._meta.get_fields()} - {"id"}
    assert columns == {limit.name.lower() for limit in LIMITS}


def test_a_change_is_in_force_at_once_and_can_be_taken_back(operator: Client, settings: Any) -> None:
    settings.CALLS_PER_MINUTE = 60
    assert operator.get("/admin/usage/sitelimits/").headers["Location"] == PAGE
    assert operator.post(PAGE, {"calls_per_minute": "7", "learner_spending_limit": "0.25"}).status_code == 302
    assert (site_limits.value("CALLS_PER_MINUTE"), site_limits.dollars("LEARNER_SPENDING_LIMIT")) == (7, 0.25)
    assert site_limits.of_address("CALLS_PER_MINUTE") == 7 * settings.LEARNERS_PER_ADDRESS
    operator.post(PAGE, {"calls_per_minute": "", "learner_spending_limit": "0.25"})
    assert site_limits.value("CALLS_PER_MINUTE") == 60
    entries = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    assert entries == [
        "CALLS_PER_MINUTE: the environment's → 7; LEARNER_SPENDING_LIMIT: the environment's → 0.25",
        "CALLS_PER_MINUTE: 7 → the environment's",
    ]


def test_another_server_notices() -> None:
    SiteLimits(provider_talks=5).save()
    assert site_limits.value("PROVIDER_TALKS") == 200
    limit_overrides.read()
    assert site_limits.value("PROVIDER_TALKS") == 5


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "10000001"])
def test_a_wrong_value_changes_nothing(operator: Client, value: str) -> None:
    operator.get("/admin/usage/sitelimits/")
    answer = operator.post(PAGE, {"calls_per_minute": value})
    assert (answer.status_code, site_limits.value("CALLS_PER_MINUTE")) == (200, 60)
    assert "errorlist" in answer.content.decode()


def test_the_page_shows_the_use_of_today(operator: Client) -> None:
    ledger.add((f"learner:{LEARNER}", "address:192.0.2.1"), Amount(dollars=1.5, seconds=7200))
    ledger.add((ledger.SITE,), Amount(dollars=1.5))
    ledger.store()
    page = operator.get("/admin/usage/sitelimits/", follow=True).content.decode()
    assert "learner 5a5a5a5a" in page
    assert str(LEARNER) not in page
    assert "about $1.50 of $20.00" in page
    # The learner's minutes and dollars. The address may use more.
    assert page.count("at the limit") == 2
    assert 'placeholder="60"' in page


def test_only_staff_with_permission_may_change_them() -> None:
    person = get_user_model().objects.create(username="teacher", is_staff=True)
    staff = Client()
    staff.force_login(person)
    assert staff.get("/admin/usage/sitelimits/").status_code == 403
    SiteLimits(pk=1).save()
    assert staff.get(PAGE).status_code == 403
    person.user_permissions.add(Permission.objects.get(codename="view_sitelimits"))
    assert staff.get(PAGE).status_code == 200
    assert staff.post(PAGE, {"calls_per_minute": "7"}).status_code == 403
    person.user_permissions.add(Permission.objects.get(codename="change_sitelimits"))
    assert staff.post(PAGE, {"calls_per_minute": "7"}).status_code == 302
    assert staff.get("/admin/usage/sitelimits/add/").status_code == 403
    assert staff.get("/admin/usage/sitelimits/1/delete/").status_code == 403

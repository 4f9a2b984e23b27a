"""The record of access is complete, cannot be changed, and ends."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from staff import audit
from staff.models import AccessRecord
from tests.clients import staff_with

pytestmark = pytest.mark.django_db

LIST = "/admin/staff/accessrecord/"
ANNA, BORIS = uuid.uuid4(), uuid.uuid4()


def written(action: audit.Action = audit.Action.READ, learner: uuid.UUID = ANNA, name: str = "conv-1") -> AccessRecord:
    user, _ = User.objects.get_or_create(username="vera")
    audit.record(user, action, [audit.Accessed("conversation", uuid.uuid4(), name, learner)])
    return AccessRecord.objects.latest("pk")


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


def names(client: Client, query: str) -> set[str]:
    return {row.name for row in client.get(LIST + query).context["cl"].result_list}


def test_the_page_names_who_did_what_with_whose(operator: Client) -> None:
    row = written()
    page = operator.get(LIST)
    assert f"vera read conversation conv-1 {str(ANNA)[:8]}" in text_of(page)
    assert f'href="/admin/conversations/conversation/{row.key}/change/"' in page.content.decode()


def test_the_filters_and_the_search(operator: Client) -> None:
    first, second = written(), written(audit.Action.DELETED, BORIS, "conv-2")
    queries = [f"?learner={ANNA}", f"?key={first.key}", "?action__exact=read", f"?q={ANNA}", "?q=conv-1"]
    for query in [*queries, f"?q={str(first.key)[:8]}"]:
        assert names(operator, query) == {"conv-1"}, query
    assert names(operator, "?username=vera") == names(operator, "?q=vera") == {"conv-1", "conv-2"}
    assert names(operator, f"?key={second.key}&learner={ANNA}") == set()


@pytest.mark.parametrize("address", ["add/", "{}/change/", "{}/delete/"])
def test_not_even_a_superuser_changes_the_record(operator: Client, address: str) -> None:
    row = written()
    sent = {"post": "yes", "username": "nobody", "name": "other"}
    assert operator.post(LIST + address.format(row.pk), sent).status_code == 403
    operator.post(LIST, {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    row.refresh_from_db()
    assert (row.username, row.name) == ("vera", "conv-1")


def test_the_record_needs_its_permission() -> None:
    assert staff_with("view_conversation", "view_message", "view_recording").get(LIST).status_code == 403
    User.objects.all().delete()
    assert staff_with("view_accessrecord").get(LIST).status_code == 200


def test_a_row_outlives_the_account() -> None:
    row = written()
    User.objects.all().delete()
    row.refresh_from_db()
    assert row.username == "vera"


def test_rows_end_after_the_days_of_the_setting(settings: Any) -> None:
    settings.AUDIT_DAYS = 30
    old, new = written(), written(name="conv-2")
    AccessRecord.objects.filter(pk=old.pk).update(at=timezone.now() - timedelta(days=30, seconds=1))
    AccessRecord.objects.filter(pk=new.pk).update(at=timezone.now() - timedelta(days=29))
    assert audit.delete_old() == 1
    assert AccessRecord.objects.get() == new


def test_once_is_counted_for_each_account_action_and_object() -> None:
    vera, otto = User.objects.create(username="vera"), User.objects.create(username="otto")
    one, two = (audit.Accessed("recording", uuid.uuid4(), name, ANNA) for name in ("one", "two"))
    audit.record(vera, audit.Action.HEARD, [one], once=True)
    audit.record(vera, audit.Action.HEARD, [one, two], once=True)
    audit.record(vera, audit.Action.READ, [one], once=True)
    audit.record(otto, audit.Action.HEARD, [one], once=True)
    AccessRecord.objects.update(at=timezone.now() - audit.ONCE_IN)
    audit.record(otto, audit.Action.HEARD, [one], once=True)
    found = AccessRecord.objects.order_by("pk").values_list("username", "action", "name")
    assert list(found) == [
        ("vera", "heard", "one"),
        ("vera", "heard", "two"),
        ("vera", "read", "one"),
        ("otto", "heard", "one"),
        ("otto", "heard", "one"),
    ]

"""Operators see the corrections that learners reported as wrong. Who reads their words is recorded."""

import uuid

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from conversations import store
from learning import disputes, projection
from learning.models import Card
from learning.tests.talks import WORK, talk, turn
from staff.models import AccessRecord

pytestmark = pytest.mark.django_db(databases=["default", "local"], transaction=True)
PAGE = "/admin/learning/reportedcorrection/"


@pytest.fixture
def reported() -> uuid.UUID:
    learner = uuid.uuid4()
    talk(learner, "one", turn("My brother work.", WORK, id="user-1"))
    projection.refresh(learner)
    disputes.report(learner, Card.objects.using("local").get(learner=learner).pk)
    return learner


def staff_who_may(*permissions: str) -> Client:
    user = get_user_model().objects.create(username="-".join(permissions), is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def test_who_may_read_sees_the_correction_and_is_recorded(reported: uuid.UUID) -> None:
    page = staff_who_may("view_reportedcorrection", "view_message").get(PAGE).content.decode()
    assert "work \N{RIGHTWARDS ARROW} works" in page
    row = AccessRecord.objects.get()
    assert (row.action, row.learner, row.name) == ("found", reported, "one")


def test_who_may_not_read_sees_that_there_is_a_report(reported: uuid.UUID) -> None:
    page = staff_who_may("view_reportedcorrection").get(PAGE).content.decode()
    assert "works" not in page
    assert "agreement" in page
    assert not AccessRecord.objects.exists()


def test_only_reports_are_listed_and_none_after_it_was_taken_back(reported: uuid.UUID) -> None:
    other = uuid.uuid4()
    talk(other, "two", turn("She work.", WORK))
    projection.refresh(other)
    reader = staff_who_may("view_reportedcorrection", "view_message")
    assert reader.get(PAGE).content.decode().count("work \N{RIGHTWARDS ARROW} works") == 1
    disputes.withdraw(reported, Card.objects.using("local").get(learner=reported).pk)
    assert "\N{RIGHTWARDS ARROW}" not in reader.get(PAGE).content.decode()


def test_a_report_stays_while_other_words_of_the_talk_change(reported: uuid.UUID) -> None:
    talk(reported, "one", turn("Hello.", days=1, id="user-2"))
    store.change(reported, "one", {"title": "My talk"})
    assert disputes.report(uuid.uuid4(), uuid.uuid4()) is None
    projection.refresh(reported)
    assert Card.objects.using("local").get(learner=reported).reported_at

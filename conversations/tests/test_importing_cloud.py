"""With a cloud, an import waits for the database, because only the database shows which data is missing."""

from typing import Any

import pytest

from conversations import importing, store
from conversations.importing import Import, bring_in
from conversations.models import Conversation
from conversations.tests.browsers import nested
from conversations.tests.shapes import START, said
from tests.clients import LearnerClient
from tests.clouds import ALIAS, DATABASES, Half

pytestmark = [pytest.mark.django_db(databases=DATABASES), pytest.mark.usefixtures("database")]


def count(alias: str) -> int:
    return Conversation.objects.using(alias).count()


def test_what_comes_in_is_in_the_cloud(owner: LearnerClient):
    assert owner.send("/api/import", {"entries": [nested()]}).json()["storage"] == "cloud"
    assert (count(ALIAS), count("local")) == (1, 0)


def test_while_the_database_is_down_nothing_comes_in(owner: LearnerClient, database: Half):
    with database.outage():
        answer = owner.send("/api/import", {"entries": [nested()]})
    assert answer.status_code == 503
    assert "try again" in answer.json()["error"]
    assert (count(ALIAS), count("local")) == (0, 0)


def test_an_older_copy_does_not_replace_what_was_said_in_an_outage(owner: LearnerClient, database: Half):
    raw = nested()
    replaced = raw["messages"][1] | {"content": "Replaced."}
    with database.outage():
        owner.send("/api/conversations", {"id": raw["id"], "messages": [replaced, said("Newer.", at=START + 999_000)]})
    (result,) = owner.send("/api/import", {"entries": [raw]}).json()["results"]
    assert (result["state"], result["added"]["messages"]) == ("updated", 1)
    stored = store.get(owner.learner, raw["id"])
    assert stored is not None
    assert [each.content for each in stored.messages] == ["Where are you from?", "Replaced.", "Newer."]


def test_what_came_in_before_the_database_went_is_told(
    owner: LearnerClient, database: Half, monkeypatch: pytest.MonkeyPatch
):
    existing = importing.store.existing

    def fail_at_the_second(learner: Any, wire_id: str) -> Any:
        if wire_id == nested(1)["id"]:
            database.goes_down()
        return existing(learner, wire_id)

    monkeypatch.setattr(store, "existing", fail_at_the_second)
    results = bring_in([nested(), nested(1), nested(2)], Import(owner.learner))
    assert [each["state"] for each in results] == ["imported"]
    assert count(ALIAS) == 1

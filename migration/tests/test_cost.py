"""Each database counts the stored data and its cost."""

import io
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from audio.models import Recording
from conversations.models import Conversation, Message
from core import env
from migration.storage_cost import StoredCounts, costs
from tests.clouds import ALIAS, DATABASES, Half
from tests.servers import AgentServer, MongoServer, PostgresServer

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LEARNER = uuid.uuid4()
sqlite = pytest.mark.django_db(databases=DATABASES)


def talk(using: str, *, at: datetime = NOW, **columns: Any) -> Conversation:
    stamps = {"created_at": at, "updated_at": at, "timestamp": at}
    row = Conversation(id=uuid.uuid4(), learner=LEARNER, wire_id=uuid.uuid4().hex, **stamps, **columns)
    row.save(using=using, force_insert=True)
    return row


def say(using: str, conversation: Conversation, **columns: Any) -> None:
    stamps = {"created_at": NOW, "updated_at": NOW, "timestamp": NOW}
    names = {"learner": LEARNER, "conversation_id": conversation.pk, "wire_id": uuid.uuid4().hex, "role": "user"}
    Message(id=uuid.uuid4(), **names, **stamps, **columns).save(using=using, force_insert=True)


def record(using: str, place: str, *, size: int = 1000, seconds: float = 60.0, at: datetime = NOW) -> None:
    owner = {"learner": LEARNER, "conversation": uuid.uuid4(), "message": uuid.uuid4()}
    kept = {"key": f"audio/{uuid.uuid4().hex}", "content_type": "audio/webm", "sha256": "", "created_at": at}
    Recording(id=uuid.uuid4(), place=place, size=size, duration=seconds, **owner, **kept).save(using=using)


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("storage", "cost", *arguments, stdout=out)
    return out.getvalue()


@sqlite
def test_rows_are_counted_where_they_are(database: Half) -> None:
    say(ALIAS, talk(ALIAS))
    talk("local")
    found = costs(now=NOW)
    assert (found.cloud.conversations, found.cloud.messages) == (1, 1)
    assert (found.local.conversations, found.local.messages) == (1, 0)


@sqlite
def test_recordings_are_counted_where_their_bytes_are(database: Half) -> None:
    record(ALIAS, "cloud", size=5000, seconds=90)
    record("local", "cloud", size=1000, seconds=30)
    record("local", "local", size=70, seconds=6)
    found = costs(now=NOW)
    assert found.cloud == StoredCounts(recordings=2, bytes=6000, minutes=2.0)
    assert found.local == StoredCounts(recordings=1, bytes=70, minutes=0.1)


@sqlite
def test_what_was_deleted_is_not_counted(database: Half) -> None:
    gone = talk(ALIAS, deleted_at=NOW)
    say(ALIAS, gone, erased=True)
    say(ALIAS, gone, deleted_at=NOW)
    assert costs(now=NOW).cloud == StoredCounts()


@sqlite
def test_growth_is_counted_by_month(database: Half) -> None:
    last_second_of_october = datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC)
    for at in (NOW, last_second_of_october, datetime(2025, 12, 1, tzinfo=UTC), datetime(2025, 11, 30, tzinfo=UTC)):
        talk(ALIAS, at=at)
        record(ALIAS, "cloud", at=at)
    talk("local", at=last_second_of_october)
    months = costs(now=NOW).months
    assert len(months) == 12
    added = {each.month: (each.conversations, each.recordings, each.bytes, each.minutes) for each in months}
    assert {month: counts for month, counts in added.items() if any(counts)} == {
        "2025-12": (1, 1, 1000, 1.0),
        "2026-10": (2, 1, 1000, 1.0),
        "2026-11": (1, 1, 1000, 1.0),
    }


@sqlite
def test_the_guides_example_costs_what_the_guide_says(database: Half, bucket: Half) -> None:
    """The guide's example has 1,000 conversations of ten minutes, with a megabyte a minute."""
    # A recording has at most 2 GB.
    for _ in range(5):
        record(ALIAS, "cloud", size=2_000_000_000)
    bill = costs(now=NOW).bill
    assert bill.storage == pytest.approx(0.23)
    assert bill.database == (7.0, 20.0)
    assert bill.total == pytest.approx((7.23, 20.23), abs=0.01)


@sqlite
def test_prices_can_be_set(database: Half, settings: Any) -> None:
    settings.PRICE_STORAGE, settings.PRICE_DATABASE = 1.0, (0.0, 0.0)
    record(ALIAS, "cloud", size=3_000_000_000 // 2)
    assert costs(now=NOW).bill.total == (1.5, 1.5)


@sqlite
def test_without_a_cloud_it_costs_nothing() -> None:
    record("local", "local", size=2_000_000_000)
    found = costs(now=NOW)
    assert (found.local.recordings, found.bill.total) == (1, (0.0, 0.0))


@sqlite
def test_a_database_that_is_down_is_reported(database: Half) -> None:
    talk(ALIAS)
    talk("local")
    with database.outage():
        found = costs(now=NOW)
        assert (found.unseen, found.cloud.conversations, found.local.conversations) == ("database", 0, 1)
        assert command().startswith("The database is down, so its data is not counted.")


@sqlite
def test_the_command_shows_a_table_a_chart_and_the_bill(database: Half) -> None:
    record(ALIAS, "cloud", size=2_000_000, at=datetime.now(UTC))
    said = command()
    assert "2.0 MB" in said
    assert "█" * 30 in said
    assert "$7.00 to $20.00" in said


@sqlite
def test_json_has_the_same_figures(database: Half) -> None:
    talk(ALIAS)
    found = json.loads(command("--json"))
    assert found["cloud"]["conversations"] == 1
    assert found["bill"]["database"] == found["total"] == [7.0, 20.0]
    assert found["prices"] == {"storage": 0.023, "requests": 0.0004, "database": [7.0, 20.0]}


SEED = """
from datetime import timedelta
from migration.tests.test_cost import *
say({using!r}, talk({using!r}, at=NOW))
record({using!r}, "cloud", size=5000, at=datetime.now(UTC))
record({using!r}, "cloud", size=1000, at=datetime.now(UTC) - timedelta(days=2000))
record({using!r}, "local", size=70)
"""


@pytest.mark.parametrize(("server", "using"), [("own_postgres", "default"), ("own_mongo", "mongodb")])
def test_real_databases_count_the_same(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, server: str, using: str
) -> None:
    database: PostgresServer | MongoServer = request.getfixturevalue(server)
    agent = AgentServer(tmp_path_factory.mktemp("cost"), database.env, PYTHONPATH=".")
    agent.set_up()
    agent.manage("shell", "-c", SEED.format(using=using))
    found = json.loads(agent.manage("storage", "cost", "--json"))
    assert found["cloud"] == {"conversations": 1, "messages": 1, "recordings": 2, "bytes": 6000, "minutes": 2.0}
    assert found["local"]["bytes"] == 70
    assert found["months"][-1]["bytes"] in (5000, 5070)
    assert found["unseen"] == ""


# The prices


@pytest.mark.parametrize(("value", "means"), [("9", (9.0, 9.0)), ("7-20", (7.0, 20.0)), ("0.5 - 1.25", (0.5, 1.25))])
def test_a_database_costs_an_amount_or_from_and_to(
    monkeypatch: pytest.MonkeyPatch, value: str, means: tuple[float, float]
) -> None:
    monkeypatch.setenv("PRICE_DATABASE", value)
    assert env.price_range("PRICE_DATABASE", "7-20") == means


@pytest.mark.parametrize("value", ["cheap", "-1", "1,5", "$3", "nan"])
def test_a_price_is_an_amount(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PRICE_STORAGE", value)
    with pytest.raises(ImproperlyConfigured, match="PRICE_STORAGE"):
        env.price("PRICE_STORAGE", 0.023)
    monkeypatch.setenv("PRICE_DATABASE", value)
    with pytest.raises(ImproperlyConfigured, match="PRICE_DATABASE"):
        env.price_range("PRICE_DATABASE", "7-20")

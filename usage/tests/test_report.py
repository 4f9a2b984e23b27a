"""Operators see the use of answers by day and by engine, from all databases that can be reached."""

import random
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from conversations import store
from conversations.drafts import Draft
from conversations.models import Message
from tests.clients import staff_with
from tests.clouds import ALIAS, DATABASES, Half
from usage import report, report_page
from usage.report import Percentiles, Totals

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)

PAGE = "/admin/conversations/conversation/usage/"
ANNA = uuid.UUID("aaaaaaaa-1111-4111-8111-111111111111")
AT = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
HEARD = {"stage": "transcription", "model": "gpt-transcribe", "seconds": 30}
WROTE = {"stage": "chat", "model": "gpt-5.4-mini", "text_in": 900, "text_out": 40}


def measured(engine: str = "openai_pipeline", first_audio_ms: int | None = 900, **fields: Any) -> dict[str, Any]:
    times = {"heard_ms": 300, "thought_ms": 600, "first_audio_ms": first_audio_ms, "saved_ms": 40}
    return {"engine": engine, "usage": [HEARD, WROTE], "cost": 0.004} | times | fields


def keep(*kept: Any, at: datetime = AT, wire_id: str = "conv-1") -> None:
    drafts = [
        Draft(f"ai-{number}", "assistant", "And you?", at + timedelta(seconds=number), measured=each)
        for number, each in enumerate(kept)
    ]
    store.save(ANNA, wire_id, columns={"timestamp": AT, "topic": "Animals"}, messages=drafts, replace=False)


# What is counted


def test_usage_of_answers_is_added_up():
    keep(measured(), measured())
    assert report.usage().total == Totals(answers=2, seconds=60.0, tokens=1880, dollars=0.008)


def test_an_unknown_cost_is_not_added():
    keep(measured(), measured(cost=None))
    total = report.usage().total
    assert (total.dollars, total.unpriced) == (0.004, 1)


def test_an_opening_costs_and_is_no_answer():
    keep({"engine": "openai_realtime", "usage": [WROTE], "cost": 0.001})
    total = report.usage().total
    assert (total.answers, total.dollars) == (0, 0.001)


def test_engines_are_reported_separately():
    keep(measured("local"), measured("openai_realtime"), measured("openai_realtime"))
    assert {each.name: each.totals.answers for each in report.usage().engines} == {"local": 1, "openai_realtime": 2}


def test_percentiles_of_first_audio():
    keep(*[measured(first_audio_ms=ms) for ms in range(100, 0, -1)])
    (engine,) = report.usage().engines
    assert engine.percentiles["first audio"] == Percentiles(count=100, p50=50, p95=95)


def test_missing_measurements_do_not_count_as_zero():
    keep(measured(heard_ms=None), measured(heard_ms=400))
    (engine,) = report.usage().engines
    assert engine.percentiles["heard"] == Percentiles(count=1, p50=400, p95=400)


def test_days_are_those_of_utc():
    keep(measured(), at=datetime(2026, 5, 4, 23, 59, tzinfo=UTC))
    keep(measured(), at=datetime(2026, 5, 5, 0, 1, tzinfo=UTC), wire_id="conv-2")
    assert [f"{day}" for day in report.usage().days] == ["2026-05-04", "2026-05-05"]


def test_only_the_newest_messages_count():
    keep(measured("older"), measured("newer"))
    found = report.usage(limit=1)
    assert [each.name for each in found.engines] == ["newer"]
    assert found.since == AT + timedelta(seconds=1)


def test_deleted_messages_are_not_counted():
    keep(measured())
    store.drop_message(ANNA, "conv-1", "ai-0")
    assert report.usage().engines == []


@pytest.mark.parametrize(
    "strange", [[1], {"engine": 7, "usage": "much", "cost": True}, {"usage": [None, {"seconds": "x"}]}]
)
def test_invalid_measurements_do_not_break_the_report(strange: Any):
    keep(measured())
    Message.objects.using("local").update(measured=strange)
    assert report.usage().total.dollars == 0
    report_page.of_message(strange)


# JSON has no largest number.
HUGE = 10**400
ODD: list[Any] = [None, True, -1, -0.5, 7, 1e300, -1e300, HUGE, -HUGE, "", "900", "\ud800", "<b>", "x" * 5000, [], {}]
FIELDS = ["engine", "usage", "cost", *report.MOMENTS]


def absurd(chance: random.Random) -> Any:
    """Return a value that a row from another program may have."""
    if chance.random() < 0.1:
        # The column cannot be null.
        return chance.choice(ODD[1:])
    call = {name: chance.choice(ODD) for name in ("stage", "model", "seconds", *report.TOKENS) if chance.random() < 0.5}
    odd = {name: chance.choice([*ODD, [call, chance.choice(ODD)]]) for name in FIELDS if chance.random() < 0.5}
    return measured() | odd


def test_random_invalid_measurements_break_no_page(operator: Client):
    chance = random.Random(20260504)
    keep(*[measured()] * 300, at=datetime.now(UTC))
    rows = list(Message.objects.using("local"))
    for row in rows:
        row.measured = absurd(chance)
        row.save()
    pages = [PAGE, f"/admin/conversations/conversation/{rows[0].conversation_id}/change/"]
    assert [operator.get(page).status_code for page in pages] == [200, 200]


@pytest.mark.parametrize("odd", [HUGE, -1, 1e300, True, "900"])
def test_an_impossible_figure_counts_as_unknown(odd: Any):
    keep(measured(first_audio_ms=odd, cost=odd, usage=[{"seconds": odd, "text_in": odd}]))
    assert report.usage().total == Totals(unpriced=1)


def test_an_engine_name_is_shortened_and_made_printable():
    assert report.engine_of({"engine": "own\ud800" + "x" * 1000}) == "own?" + "x" * 36


# Databases that are counted


def test_shelter_and_cloud_are_counted_without_duplicates(database: Half):
    keep(measured())
    row = Message.objects.using(ALIAS).get()
    with database.outage():
        keep(measured(), wire_id="conv-2")
    Message.objects.using("local").filter(pk=row.pk).delete()
    row.conversation.save(using="local")
    row.save(using="local", force_insert=True)
    assert report.usage().total.answers == 2


def test_with_the_database_down_the_page_shows_the_shelter(operator: Client, database: Half):
    keep(measured("there"))
    with database.outage():
        keep(measured("here"), wire_id="conv-2")
        page = operator.get(PAGE).content.decode()
    assert "is down: what it has is not in these figures" in page
    assert "here" in page
    assert 'scope="row">there' not in page


# The page


def test_the_page_names_engines_times_and_money(operator: Client):
    keep(measured())
    page = operator.get(PAGE).content.decode()
    row = re.search(r'<tr><th scope="row">openai_pipeline</th>.*?</tr>', page)
    assert row
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", row[0])
    assert cells == [
        "1",
        "0.30 s / 0.30 s",
        "0.60 s / 0.60 s",
        "0.90 s / 0.90 s",
        "0.04 s / 0.04 s",
        "0.5",
        "940",
        "$0.0040",
    ]


def test_the_chart_has_a_bar_for_each_engine_of_a_day(operator: Client):
    keep(measured("local"), measured("openai_realtime"), at=datetime.now(UTC))
    page = operator.get(PAGE).content.decode()
    chart = page[page.index('class="chart"') :].partition("</svg>")[0]
    assert len(re.findall(r'class="engine-\d"', chart)) == 2


def test_the_page_states_what_it_does_not_count(operator: Client):
    keep(measured())
    page = operator.get(PAGE).content.decode()
    assert "Translations, analyses and the speaking calls are counted at /metrics alone." in page


def test_an_installation_without_measurements_is_reported(operator: Client):
    assert "No answer has been measured yet" in operator.get(PAGE).content.decode()


@pytest.mark.parametrize(
    ("permissions", "status"), [(["view_spending"], 200), (["view_conversation", "view_message"], 403)]
)
def test_permission_to_view_spending_gives_access(permissions: list[str], status: int):
    assert staff_with(*permissions).get(PAGE).status_code == status


def test_a_stranger_is_asked_to_log_in():
    assert Client().get(PAGE).status_code == 302


def test_the_list_of_conversations_links_to_the_page(operator: Client):
    assert PAGE in operator.get("/admin/conversations/conversation/").content.decode()


def test_a_conversations_page_shows_the_figures_of_each_answer(operator: Client):
    keep(measured(), measured(cost=None))
    key = Message.objects.using("local").first().conversation_id  # type: ignore[union-attr]
    page = operator.get(f"/admin/conversations/conversation/{key}/change/").content.decode()
    assert "Heard after 0.30 s · Thought after 0.60 s · First audio after 0.90 s · Saved in 0.04 s" in page
    assert "openai_pipeline · about $0.0040" in page
    assert "openai_pipeline · cost not known" in page


@pytest.mark.parametrize(
    ("amount", "words"),
    [(None, "not known"), (0, "$0"), (0.00001, "under $0.0001"), (0.0123, "$0.0123"), (1234.5, "$1,234.50")],
)
def test_small_amounts_are_shown_with_more_decimals(amount: float | None, words: str):
    assert report_page.dollars(amount) == words

"""Entries of every shape are read leniently: an invalid field is dropped, and losses are named."""

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from conversations import legacy
from conversations.legacy import DEAD, ELSEWHERE, UnusableEntry, read
from conversations.tests.browsers import BLOB, flat, nested, oldest
from conversations.tests.shapes import START, said

BEGAN = datetime.fromtimestamp(START / 1000, UTC)


def whys(entry: legacy.LegacyConversation) -> list[str]:
    return [each.why for each in entry.lost]


def without_ids(raw: dict[str, Any]) -> dict[str, Any]:
    raw = copy.deepcopy(raw)
    raw.pop("id")
    for message in raw["messages"]:
        message.pop("id")
    return raw


def test_a_nested_entry():
    entry = read(nested())
    assert entry.id == f"conv-{START}-abcdefg"
    assert entry.columns["config"] == {
        "topic": "Travel",
        "difficulty": 3,
        "voice": "alloy",
        "timeLimit": 5.0,
        "language": "en",
        "mode": "casual-chat",
    }
    assert entry.columns["started_at"] == BEGAN
    assert entry.columns["time_remaining"] == 12
    assert [(each.draft.role, each.draft.content) for each in entry.said] == [
        ("assistant", "Where are you from?"),
        ("user", "I come from Hanoi, and it is day 0."),
    ]
    assert entry.said[0].silent == DEAD
    assert entry.said[1].sound.startswith("data:audio/webm")
    assert entry.lost == []


def test_a_flat_entry():
    entry = read(flat())
    assert entry.columns["config"]["mode"] == "interview"
    assert entry.columns["config"]["difficulty"] == 2
    assert entry.columns["topic"] == entry.title == "Food"
    assert (entry.columns["timestamp"], entry.columns["duration"]) == (BEGAN, 2)
    assert entry.columns["call_ended"] is True
    assert [(each.draft.id, each.draft.role) for each in entry.said] == [("1", "assistant"), ("2", "user")]
    assert entry.said[1].silent == DEAD


def test_an_entry_of_the_oldest_shape():
    entry = read(oldest())
    assert entry.columns["timestamp"] == BEGAN
    assert entry.columns["config"]["difficulty"] == 1
    assert entry.said[1].draft.at == datetime(2024, 5, 1, 0, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize("make", [nested, flat, oldest])
def test_missing_ids_follow_from_what_was_said(make: Any):
    first, again = read(without_ids(make())), read(without_ids(make()))
    assert first.id == again.id
    assert [each.draft.id for each in first.said] == [each.draft.id for each in again.said]
    assert first.id != read(without_ids(make(1))).id


def test_a_derived_id_does_not_depend_on_the_recordings():
    raw = without_ids(nested())
    silent = copy.deepcopy(raw)
    del silent["messages"][1]["audioData"]
    assert read(raw).id == read(silent).id


def test_the_same_said_twice_without_ids_is_two_messages():
    entry = read({"messages": [{"role": "user", "content": "Yes."}, {"role": "user", "content": "Yes."}]})
    assert len({each.draft.id for each in entry.said}) == 2


def test_an_id_that_two_messages_share_costs_neither():
    raw = {"messages": [{"id": "1", "role": "user", "content": "Yes."}, {"id": "1", "role": "user", "content": "No."}]}
    assert [each.draft.content for each in read(raw).said] == ["Yes.", "No."]
    assert [each.draft.id for each in read(raw).said] == [each.draft.id for each in read(raw).said]


def test_a_copy_of_a_message_is_one_message():
    message = {"id": "1", "role": "user", "content": "Yes."}
    assert len(read({"messages": [message, dict(message)]}).said) == 1


@pytest.mark.parametrize("wire_id", ["a/b", "..", "", "x" * 201, "a\0b", None, [], {}, True, -1, 10**40])
def test_an_id_that_cannot_be_an_address_is_replaced(wire_id: Any):
    entry = read(nested(id=wire_id))
    assert entry.id.startswith(f"conv-{START}-")


def test_a_number_is_an_id():
    assert read(nested(id=17)).id == "17"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("duration", "NaN"),
        ("duration", -1),
        ("duration", 10**400),
        ("duration", {}),
        ("timeRemaining", "soon"),
        ("startTime", "yesterday"),
        ("endTime", 10**30),
        ("timestamp", [1]),
        ("analysis", "good"),
        ("analysis", {"a": 10**30}),
        ("callEnded", "perhaps"),
        ("config", "none"),
        ("title", 5),
        ("goals", [{"text": []}]),
    ],
)
def test_a_bad_field_costs_that_field(field: str, value: Any):
    entry = read(nested(**{field: value}))
    assert len(entry.said) == 2
    assert [each.field for each in entry.lost] == [field]
    assert len(entry.lost[0].why) < 200


@pytest.mark.parametrize("field", ["timestamp", "startTime", "endTime", "duration", "analysis", "config", "callEnded"])
def test_null_is_nothing_to_lose(field: str):
    assert read(nested() | {field: None}).lost == []


def test_a_bad_field_of_the_configuration_costs_that_one():
    config = {
        "topic": "Travel",
        "difficulty": 9,
        "timeLimit": "NaN",
        "voice": {"name": "x"},
        "newer": [1],
        "__proto__": {},
    }
    entry = read(nested(config=config))
    assert entry.columns["config"] == {"topic": "Travel", "newer": [1]}
    assert {each.field for each in entry.lost} == {"difficulty", "timeLimit", "voice", "__proto__"}


def test_without_any_date_the_first_message_tells():
    entry = read(nested(timestamp=None, startTime=None))
    assert entry.columns["timestamp"] == BEGAN


@pytest.mark.parametrize(
    "value", [START, float(START), str(START), "2024-05-01T00:00:00.000Z", "2024-05-01T02:00:00+02:00"]
)
def test_ways_to_write_a_date(value: Any):
    assert read(nested(timestamp=value)).columns["timestamp"] == BEGAN


def test_messages_without_a_time_follow_one_another():
    raw = nested(messages=[said("One."), {"role": "ai", "content": "Two."}, {"role": "ai", "content": "Three."}])
    moments = [each.draft.at for each in read(raw).said]
    assert moments == sorted(moments)
    assert len(set(moments)) == 3


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (None, "This is not a message."),
        ("hello", "This is not a message."),
        ([], "This is not a message."),
        ({"content": "Who am I?"}, "It does not say who spoke."),
        ({"role": "system", "content": "You are a tutor."}, "It does not say who spoke."),
        ({"role": {}, "content": "Hello"}, "It does not say who spoke."),
        ({"role": "user"}, "It is empty."),
        ({"role": "user", "content": "  "}, "It is empty."),
        ({"role": "user", "content": {"a": 1}}, "It is empty."),
    ],
)
def test_a_bad_message_costs_that_message(message: Any, why: str):
    entry = read(nested(messages=[said("Hello."), message]))
    assert len(entry.said) == 1
    assert whys(entry) == [why]


def test_a_voice_without_words_is_kept():
    entry = read(
        nested(messages=[{"id": "user-1", "role": "user", "content": "", "audioData": "data:audio/webm;base64,AAAA"}])
    )
    assert len(entry.said) == 1


@pytest.mark.parametrize("role", ["user", "USER", "learner", "human"])
def test_names_of_the_learner(role: str):
    assert read(nested(messages=[{"role": role, "content": "Hi"}])).said[0].draft.role == "user"


@pytest.mark.parametrize("role", ["assistant", "ai", "agent", "bot", "model"])
def test_names_of_the_agent(role: str):
    assert read(nested(messages=[{"role": role, "content": "Hi"}])).said[0].draft.role == "assistant"


def test_a_megabyte_of_text_is_cut_and_named():
    entry = read(nested(messages=[said("x" * 1_000_000)]))
    assert len(entry.said[0].draft.content) == 20_000
    assert whys(entry) == ["Only the first 20,000 characters were kept, of 1,000,000."]
    assert len(entry.lost[0].text) <= 60


def test_what_is_no_text_is_replaced():
    entry = read(nested(messages=[said("a\0b\ud800c")], title="x\0y"))
    assert entry.said[0].draft.content == "a\ufffdb\ufffdc"
    assert entry.title == "x\ufffdy"


def test_too_many_messages_are_named():
    entry = read(nested(messages=[said(f"{number}", at=START + number) for number in range(2_100)]))
    assert len(entry.said) == 2_000
    assert whys(entry) == ["Only the first 2,000 messages were kept, of 2,100."]


@pytest.mark.parametrize("url", ["https://bucket.example/a.webm", "/api/audio/file/x"])
def test_a_link_is_no_recording(url: str):
    assert read(nested(messages=[said("Hi", audioUrl=url)])).said[0].silent == ELSEWHERE


def test_our_own_answer_is_read_back():
    message = said("I has it.", audioS3Key="audio/1-a-b-user.webm", corrections=[{"said": "has", "better": "have"}])
    entry = read(nested(title="Mine", goals=[{"text": "Say hello", "done": True}], messages=[message]))
    assert entry.columns["title"] == "Mine"
    assert entry.columns["goals"] == [{"text": "Say hello", "done": True}]
    assert entry.said[0].draft.corrections == [{"said": "has", "better": "have", "why": "", "category": ""}]
    assert entry.said[0].silent == ELSEWHERE


@pytest.mark.parametrize(
    "raw",
    [
        None,
        5,
        "x",
        [],
        {},
        {"messages": None},
        {"messages": {}},
        {"messages": "x"},
        {"messages": []},
        {"messages": [None]},
    ],
)
def test_in_what_nothing_was_said_is_unusable(raw: Any):
    with pytest.raises(UnusableEntry):
        read(raw)


JUNK: list[Any] = [
    None,
    True,
    -1,
    10**400,
    1.5e300,
    "",
    "x" * 1_000_000,
    "\0\ud800",
    BLOB,
    [],
    {},
    [[[]]],
    {"__proto__": {"x": 1}},
]
FIELDS = [*nested(), *flat(), "title", "goals", "__proto__", "constructor"]
MESSAGE_FIELDS = [
    "id",
    "role",
    "content",
    "text",
    "isUser",
    "timestamp",
    "audioData",
    "audioUrl",
    "corrections",
    "interrupted",
]


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: repr(junk)[:20])
def test_junk_in_any_field_is_survived(junk: Any):
    for field in FIELDS:
        for make in (nested, flat, oldest):
            try:
                entry = read(make(**{field: junk}))
            except UnusableEntry:
                assert field == "messages"
            else:
                json.dumps([each.shape() for each in entry.lost])
    for field in MESSAGE_FIELDS:
        assert read(nested(messages=[said("Hello."), said("Bye.", at=START + 1) | {field: junk}])).said

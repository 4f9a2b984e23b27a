"""Every invalid request is answered with a 4xx that names the field, and nothing is half-written."""

import json
from typing import Any

import pytest

from audio.models import Recording
from conversations.models import Conversation, Message
from conversations.serializers import MessageSerializer
from conversations.tests.shapes import conversation, said
from tests.clients import LearnerClient

pytestmark = pytest.mark.django_db(databases=["default", "local"])
URL = "/api/conversations"
# A lone surrogate is not valid text.
NUL, HALF = "a\0b", "a\ud800b"
HUGE = 10**30


def refused(response: Any, field: str = "", *, status: int = 400) -> None:
    assert response.status_code == status, response.content[:300]
    error = response.json()["error"]
    assert error.startswith(field)
    assert len(error) < 300
    for model in (Conversation, Message, Recording):
        assert not model._default_manager.using("local").exists()


def raw(client: LearnerClient, body: bytes | str, content_type: str = "application/json") -> Any:
    return client.post(URL, body, content_type=content_type)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"hello", b'{"id": "x"', b"\xff\xfe", b'{"id": "x",}', b"'", b'{"id": NaN}', b'{"duration": Infinity}'],
)
def test_what_is_not_json(owner: LearnerClient, body: bytes) -> None:
    refused(raw(owner, body))


@pytest.mark.parametrize("body", ["[]", '[{"id": "x"}]', "null", "5", '"x"', "true", "[[]]"])
def test_what_is_not_an_object(owner: LearnerClient, body: str) -> None:
    refused(raw(owner, body))


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "x"]
)
def test_what_is_not_sent_as_json(owner: LearnerClient, content_type: str) -> None:
    refused(raw(owner, "id=x", content_type), "Unsupported media type", status=415)


@pytest.mark.parametrize("pair", ["[]", ("{", "}")])
@pytest.mark.parametrize("depth", [60, 300, 900, 100_000])
@pytest.mark.parametrize(
    "field", ["", "config", "analysis", "messages", "id", "title", "duration", "callEnded", "role"]
)
def test_deep_nesting(owner: LearnerClient, pair: Any, depth: int, field: str) -> None:
    deep = '{"a":' * depth + "1" + "}" * depth if pair != "[]" else "[" * depth + "]" * depth
    if field == "role":
        body = f'{{"id": "x", "messages": [{{"id": "m", "content": "x", "role": {deep}}}]}}'
    else:
        body = f'{{"id": "x", "{field}": {deep}}}' if field else deep
    refused(raw(owner, body), "The JSON is nested too deeply.")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("null", "The body must be a JSON object."),
        ("[1]", "The body must be a JSON object."),
        ("7", "The body must be a JSON object."),
        ('{"id":\n oops}', "The body is not valid JSON: see line 2, column 2."),
        (b'{"id": "\xff"}', "The body is not valid JSON: it is not UTF-8."),
        ('{"id": "x", "duration": NaN}', "The body is not valid JSON: a number in it is not finite."),
        ('{"id": "x", "messages": 7}', "messages: Write a list."),
        ('{"id": "x", "messages": [7]}', "messages[0]: Write an object."),
    ],
)
def test_a_wrong_shape_is_told_in_plain_words(owner: LearnerClient, body: str | bytes, words: str) -> None:
    response = raw(owner, body)
    assert (response.status_code, response.json()["error"]) == (400, words)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", None),
        ("id", ""),
        ("id", "   "),
        ("id", "x" * 10_000),
        ("id", NUL),
        ("id", HALF),
        ("id", True),
        ("id", []),
        ("title", "x" * 201),
        ("title", NUL),
        ("title", HALF),
        ("title", {}),
        ("timestamp", "yesterday"),
        ("timestamp", ""),
        ("timestamp", "1969-12-31T23:59:59Z"),
        ("timestamp", "0001-01-01T00:00:00+14:00"),
        ("timestamp", "9999-12-31T23:59:59-14:00"),
        ("timestamp", True),
        ("timestamp", []),
        ("startTime", -1),
        ("startTime", HUGE),
        ("startTime", 10**400),
        ("startTime", NUL),
        ("endTime", 253_402_300_800_000),
        ("duration", -1),
        ("duration", 1e300),
        ("duration", HUGE),
        ("duration", "nan"),
        ("duration", "inf"),
        ("duration", "x"),
        ("duration", []),
        ("timeRemaining", "nan"),
        ("timeRemaining", "-Infinity"),
        ("timeRemaining", HUGE),
        ("timeRemaining", {}),
        ("callEnded", "perhaps"),
        ("callEnded", None),
        ("callEnded", []),
        ("analysis", "good"),
        ("analysis", []),
        ("analysis", {"feedback": NUL}),
        ("analysis", {"feedback": HALF}),
        ("analysis", {"score": HUGE}),
        ("analysis", {"feedback": "x" * 70_000}),
        ("config", None),
        ("config", []),
        ("config", "x"),
        ("messages", None),
        ("messages", {}),
        ("messages", "x"),
        ("messages", [1]),
        ("messages", [None]),
        ("messages", [[]]),
        ("messages", [{}]),
        ("messages", [said("a"), said("b")]),
    ],
)
def test_a_bad_field(owner: LearnerClient, field: str, value: Any) -> None:
    refused(owner.send(URL, conversation(**{field: value})), field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", None),
        ("id", ""),
        ("id", "x" * 10_000),
        ("id", NUL),
        ("id", HALF),
        ("role", None),
        ("role", "robot"),
        ("role", "x" * 10_000),
        ("role", NUL),
        ("role", HALF),
        ("role", []),
        ("role", {}),
        ("content", None),
        ("content", NUL),
        ("content", HALF),
        ("content", "x" * 20_001),
        ("content", []),
        ("timestamp", None),
        ("timestamp", "x"),
        ("timestamp", -1),
        ("timestamp", HUGE),
        ("audioS3Key", NUL),
        ("audioS3Key", HALF),
        ("audioS3Key", "x" * 256),
        ("audioS3Key", []),
        ("corrections", {}),
        ("corrections", [1]),
        ("corrections", [{"said": "x"}]),
        ("corrections", [{"said": NUL, "better": "x"}]),
        ("corrections", [{"said": "x", "better": HALF}]),
        ("corrections", [{"said": "x", "better": "y", "start": HUGE}]),
        ("corrections", [{"said": "x", "better": "y", "end": -1}]),
        ("corrections", [{"said": "x", "better": "y"}] * 101),
        ("interrupted", "perhaps"),
    ],
)
def test_a_bad_field_of_a_message(owner: LearnerClient, field: str, value: Any) -> None:
    bad = said("Hello.", at=1) | {field: value}
    refused(owner.send(URL, conversation(messages=[said("Good."), bad])), f"messages[1].{field}")


@pytest.mark.parametrize("field", ["role", "content"])
def test_a_field_that_a_message_must_have(owner: LearnerClient, field: str) -> None:
    message = {name: value for name, value in said("Hello.").items() if name != field}
    refused(owner.send(URL, conversation(messages=[message])), f"messages[0].{field}: This field is required.")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("difficulty", 0),
        ("difficulty", 6),
        ("difficulty", HUGE),
        ("difficulty", 2.5),
        ("difficulty", "hard"),
        ("topic", "x" * 501),
        ("topic", NUL),
        ("topic", HALF),
        ("topic", []),
        ("voice", "x" * 101),
        ("voice", NUL),
        ("timeLimit", -1),
        ("timeLimit", "nan"),
        ("timeLimit", HUGE),
        ("language", HALF),
        ("language", "x" * 21),
        ("mode", NUL),
        ("mode", {}),
        ("unknown", NUL),
        ("unknown", HALF),
        ("unknown", [{"deep": [NUL]}]),
        ("unknown", {HALF: 1}),
        ("unknown", {NUL: 1}),
        ("unknown", "\\ud83d\ude00"),
        ("unknown", HUGE),
        ("unknown", -HUGE),
        ("unknown", "x" * 70_000),
    ],
)
def test_a_bad_field_of_the_config(owner: LearnerClient, field: str, value: Any) -> None:
    refused(owner.send(URL, conversation(config={"topic": "Travel", field: value})), "config")


def test_a_number_beyond_all_bounds(owner: LearnerClient) -> None:
    body = json.dumps(conversation(config={"x": 1})).replace('"x": 1', '"x": 1e999')
    refused(raw(owner, body), "config")


def test_an_integer_of_ten_thousand_digits(owner: LearnerClient) -> None:
    refused(raw(owner, f'{{"id": "x", "startTime": {"9" * 10_000}}}'))


def test_countless_messages_are_refused_without_a_look_at_them(
    owner: LearnerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(*_: Any) -> None:
        raise AssertionError("A message was looked at.")

    monkeypatch.setattr(MessageSerializer, "run_validation", look)
    body = '{"id": "x", "messages": [' + ",".join(["{}"] * 300_000) + "]}"
    refused(raw(owner, body), "messages: ")


@pytest.mark.parametrize("text", ["👋 Xin chào", "\\u0000", "\\ud800", "a\\", "\x7f\x1b", "\u2028"])
def test_unusual_text_is_kept(owner: LearnerClient, text: str) -> None:
    owner.send(URL, conversation(config={"topic": text.strip(), "x": {text: text}}, messages=[said(text)]))
    kept = owner.get(URL).json()["conversations"][0]
    assert kept["messages"][0]["content"] == text
    assert kept["config"]["x"] == {text: text}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("2024-05-01T07:00:00+07:00", "2024-05-01T00:00:00.000Z"), (1_714_521_600_000, "2024-05-01T00:00:00.000Z")],
)
def test_a_time_may_be_iso_or_milliseconds(owner: LearnerClient, sent: Any, kept: str) -> None:
    owner.send(URL, conversation(timestamp=sent))
    assert owner.get(URL).json()["conversations"][0]["timestamp"] == kept


def test_a_path_of_ten_kilobytes_is_404(owner: LearnerClient) -> None:
    assert owner.get(f"{URL}/{'x' * 10_000}").status_code == 404


@pytest.mark.parametrize("wire_id", ["x" * 10_000, NUL])
def test_an_id_that_cannot_be_is_400(owner: LearnerClient, wire_id: str) -> None:
    refused(owner.get(URL, {"id": wire_id}), "id: ")

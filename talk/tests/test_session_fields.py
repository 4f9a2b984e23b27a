"""Each field of a session is followed, ignored or refused, and every field of the official client is known."""

import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from openai.types.realtime import RealtimeResponseCreateParams, RealtimeSessionCreateRequest
from pydantic import BaseModel

from talk.audio_formats import PCM, PCMA, PCMU
from talk.protocol import ProtocolError
from talk.session_fields import MAX_REFUSALS, RESPONSE, SESSION, Fields, IgnoredField, response_wishes, session_wishes

API = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()
DETECTION = {"type": "server_vad"}


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Return every model that a field itself may hold.

    Models in lists have separate fields, and the list's name decides about them.
    """
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, types.UnionType, Annotated):
        for each in get_args(annotation):
            yield from models_in(each)


def undecided(model: type[BaseModel], fields: Fields, path: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        where = f"{path}{name}"
        inner = [each for each in fields if each.startswith(f"{where}.")]
        if where not in fields and not inner:
            yield where
        for each in models_in(field.annotation) if inner else ():
            yield from undecided(each, fields, f"{where}.")


def sent(path: str, value: Any) -> Any:
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


def refused(session: Any) -> list[tuple[str | None, str]]:
    return [(refusal.param, refusal.code) for refusal in session_wishes(session).refusals]


@pytest.mark.parametrize(
    ("model", "fields"), [(RealtimeSessionCreateRequest, SESSION), (RealtimeResponseCreateParams, RESPONSE)]
)
def test_every_field_of_the_official_client_is_decided(model: type[BaseModel], fields: Fields):
    assert list(undecided(model, fields)) == []


def test_undecided_fields_are_found():
    """Otherwise the previous test would check nothing."""
    some = {name: SESSION[name] for name in ("type", "audio.input.turn_detection.type")}
    missing = set(undecided(RealtimeSessionCreateRequest, some))
    assert {"tools", "audio.output", "audio.input.format", "audio.input.turn_detection.eagerness"} <= missing


@pytest.mark.parametrize("path", sorted(name for name in {*SESSION, *RESPONSE} if not name.startswith("talk")))
def test_every_field_is_in_the_docs(path: str):
    assert path in re.findall(r"`([\w.]+)`", API)


@pytest.mark.parametrize(
    ("path", "value", "wish", "in_force"),
    [
        ("audio.output.speed", 1.5, "speed", 1.2),
        ("audio.output.speed", 0.25, "speed", 0.6),
        ("audio.output.speed", 1, "speed", 1.0),
        ("audio.output.speed", 10**400, "speed", 1.2),
        ("audio.input.turn_detection.silence_duration_ms", 200, "pause_ms", 400),
        ("audio.input.turn_detection.silence_duration_ms", 10**6, "pause_ms", 6000),
        ("audio.input.turn_detection.silence_duration_ms", 700.4, "pause_ms", 700),
        ("audio.input.turn_detection.create_response", False, "create_response", False),
        ("audio.input.turn_detection.interrupt_response", False, "interrupt_response", False),
        ("audio.input.turn_detection.idle_timeout_ms", 6000, "idle_ms", 6000),
        ("audio.input.turn_detection.idle_timeout_ms", 1, "idle_ms", 5000),
        ("audio.input.turn_detection.idle_timeout_ms", None, "idle_ms", None),
        ("audio.input.turn_detection", {}, "idle_ms", 20_000),
        ("audio.input.turn_detection", None, "hands_free", False),
        ("audio.input.turn_detection.type", "semantic_vad", "hands_free", True),
        ("audio.input.format", {"type": "audio/pcma"}, "input_format", PCMA),
        ("audio.output.format", {"type": "audio/pcmu"}, "output_format", PCMU),
        ("audio.output.format", {"type": "audio/pcm", "rate": 24000}, "output_format", PCM),
        ("audio.output.format", {}, "output_format", PCM),
        ("output_modalities", ["text"], "modality", "text"),
        ("talk.level", "B2", "talk", {"level": "B2"}),
        ("talk", {}, "talk", {}),
    ],
)
def test_a_supported_field_is_limited_to_its_range(path: str, value: Any, wish: str, in_force: Any):
    wishes = session_wishes(sent(path, value))
    assert getattr(wishes, wish) == in_force
    assert wishes.refusals == []


@pytest.mark.parametrize("path", [name for name, field in SESSION.items() if isinstance(field, IgnoredField)])
def test_an_ignored_field_changes_nothing(path: str):
    for value in ("ash", 7, None, {"any": ["thing"]}):
        wishes = session_wishes(sent(path, value))
        assert wishes.refusals == []
        assert {wishes.speed, wishes.modality, wishes.input_format} == {None}


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("type", "transcription", "not_supported"),
        ("tools", [{"type": "function", "name": "look_up"}], "not_supported"),
        ("tool_choice", "required", "not_supported"),
        ("tool_choice", {"type": "function", "name": "look_up"}, "not_supported"),
        ("include", ["item.input_audio_transcription.logprobs"], "not_supported"),
        ("prompt", {"id": "pmpt_1"}, "not_supported"),
        ("audio.input.transcription.language", "vi", "not_supported"),
        ("audio.input.transcription.languages", ["vi", "fr"], "not_supported"),
        ("audio.input.turn_detection.idle_timeout_ms", "soon", "invalid_value"),
        ("audio.input.format", {"type": "audio/pcm", "rate": 8000}, "invalid_value"),
        ("audio.input.format", {"type": "audio/opus"}, "invalid_value"),
        ("audio.input.format", "pcm16", "invalid_value"),
        ("output_modalities", ["text", "audio"], "invalid_value"),
        ("output_modalities", [], "invalid_value"),
        ("output_modalities", "text", "invalid_value"),
        ("audio.output.speed", "fast", "invalid_value"),
        ("audio.output.speed", True, "invalid_value"),
        ("audio.output.speed", float("nan"), "invalid_value"),
        ("audio.input.turn_detection", 7, "invalid_value"),
        ("audio.input.turn_detection.type", "whistle", "invalid_value"),
        ("audio.input.turn_detection.type", ["server_vad"], "invalid_value"),
        ("audio.input.turn_detection.silence_duration_ms", "long", "invalid_value"),
        ("audio.input.turn_detection.create_response", 0, "invalid_value"),
        ("audio", 7, "invalid_value"),
        ("audio.input", [], "invalid_value"),
        ("talk", "travel", "invalid_value"),
        ("talk.level", "Z9", "invalid_value"),
        ("talk.level", {}, "invalid_value"),
        ("talk.scenario", "nowhere", "unknown_scenario"),
        ("talk.scenario", 7, "invalid_text"),
        ("talk.topic", "\ud800", "invalid_text"),
        ("talk.goal", "x" * 501, "text_too_long"),
        ("talk.subject", "cats", "unknown_parameter"),
        ("modalities", ["text"], "unknown_parameter"),
        ("input_audio_format", "pcm16", "unknown_parameter"),
        ("audio.input.formats", {}, "unknown_parameter"),
    ],
)
def test_a_refused_field_is_named_and_the_others_are_applied(path: str, value: Any, code: str):
    session = sent(path, value)
    if "audio" not in session:
        session["audio"] = {"output": {"speed": 0.8}}
    else:
        session["output_modalities"] = ["text"]
    wishes = session_wishes(session)
    assert [(refusal.param, refusal.code) for refusal in wishes.refusals] == [(f"session.{path}", code)]
    assert (wishes.speed, wishes.modality) in [(0.8, None), (None, "text")]


@pytest.mark.parametrize(
    "session",
    [{"tools": []}, {"tool_choice": "auto"}, {"include": []}, {"prompt": None}, {"audio": None}, {"talk": None}],
)
def test_values_without_an_effect_are_accepted(session: Any):
    assert refused(session) == []


def test_each_refusal_is_reported():
    session = {"tools": [{}], "audio": {"output": {"speed": "x"}, "input": {"turn_detection": DETECTION}}}
    assert [param for param, _ in refused(session)] == ["session.tools", "session.audio.output.speed"]
    assert session_wishes(session).hands_free is True


def test_the_number_of_reported_refusals_is_limited():
    assert len(refused({f"x{number}": 1 for number in range(1000)})) == MAX_REFUSALS


@pytest.mark.parametrize("session", [7, None, [], "realtime"])
def test_a_session_that_is_not_an_object_is_refused(session: Any):
    with pytest.raises(ProtocolError) as refusal:
        session_wishes(session)
    assert refusal.value.param == "session"


@pytest.mark.parametrize(
    ("response", "param"),
    [
        ({"conversation": "none"}, "response.conversation"),
        ({"input": []}, "response.input"),
        ({"tools": [{}]}, "response.tools"),
        ({"output_modalities": ["text", "audio"]}, "response.output_modalities"),
        ({"commit": True}, "response.commit"),
        (7, "response"),
    ],
)
def test_a_response_with_refused_fields_is_not_created(response: Any, param: str):
    with pytest.raises(ProtocolError) as refusal:
        response_wishes(response)
    assert refusal.value.param == param


def test_a_response_may_have_its_own_output():
    response = {"instructions": "Be brief.", "conversation": "auto", "output_modalities": ["text"]}
    assert response_wishes(response).modality == "text"
    assert response_wishes(None).modality is None

"""Make events for a talk: valid ones, each with one thing changed. Some are valid afterwards, too."""

import base64
import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from audio.encoding import BYTES_PER_SECOND
from tests.talking import silence, spoken

Json = Any
VOICE = spoken("learner_london")
TEXTS = ("I live in Hanoi.", "My brother has went to London.", "Yes.", "Why?", "I don't know what to say.", "Ngày mai.")
# Replacements for a value. Many have the right type for some field.
VALUES: tuple[Json, ...] = (
    *(None, True, False, 0, 1, -1, 3, 500, 2**31, -(2**63), 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf")),
    *(
        "",
        " ",
        "en",
        "auto",
        "audio/pcm",
        "audio/pcmu",
        "A1",
        "travel",
        "root",
        "server_vad",
        "a" * 3000,
        "\x00",
        "\ud800",
    ),
    *(
        "‮ﬀ ẛ̣ 👩‍👩‍👧‍👦",
        "../../etc/passwd",
        "{{7*7}}",
        "' OR 1=1 --",
        "<script>alert(1)</script>",
        "AAAA",
        "%00",
        "ta_" + "x" * 43,
    ),
    *([], {}, [[]], [None] * 50, {"type": "message"}, {"": ""}, ["text"], ["audio"], ["audio", "text"]),
)


def _sound(chance: random.Random) -> str:
    length = chance.randrange(1, BYTES_PER_SECOND // 4) // 2 * 2
    start = chance.randrange(0, len(VOICE) - length) // 2 * 2
    pcm = chance.choice(
        (VOICE[start : start + length], VOICE[start : start + length], silence(0.1), chance.randbytes(960))
    )
    return base64.b64encode(pcm).decode()


def _session(chance: random.Random, *, hands_free: bool) -> Json:
    detection = {
        "type": chance.choice(("server_vad", "semantic_vad")),
        "silence_duration_ms": chance.randrange(200, 3000),
        "idle_timeout_ms": chance.choice((None, 5_000, 20_000)),
        "create_response": chance.random() < 0.8,
        "interrupt_response": chance.random() < 0.8,
    }
    sound_in: Json = {"format": {"type": "audio/pcm", "rate": 24000}}
    if chance.random() < 0.5:
        sound_in["turn_detection"] = detection if hands_free else None
    talk = {"scenario": chance.choice(("travel", "weekend")), "level": chance.choice(("A1", "B1", "C1"))}
    own = {"topic": chance.choice(TEXTS), "goal": chance.choice(TEXTS), "keeps_audio": chance.random() < 0.5}
    session = {"type": "realtime", "audio": {"input": sound_in, "output": {"speed": chance.uniform(0.5, 1.5)}}}
    return session | {"talk": talk if chance.random() < 0.5 else own}


def valid_event(chance: random.Random, *, hands_free: bool) -> Json:
    """Return an event that the endpoint knows, with fields of the right form."""
    item = f"item-{chance.randrange(40)}"
    text = {"type": "input_text", "text": chance.choice(TEXTS)}
    message = {"type": "message", "role": "user", "content": [text]}
    kinds: dict[str, tuple[int, Callable[[], Json]]] = {
        "input_audio_buffer.append": (40, lambda: {"audio": _sound(chance)}),
        "session.update": (12, lambda: {"session": _session(chance, hands_free=hands_free)}),
        "input_audio_buffer.commit": (4, lambda: chance.choice(({}, {"item_id": item}))),
        "input_audio_buffer.clear": (6, dict),
        "conversation.item.create": (5, lambda: {"item": message | chance.choice(({}, {"id": item}))}),
        "conversation.item.truncate": (
            5,
            lambda: {"item_id": item, "content_index": 0, "audio_end_ms": chance.randrange(9000)},
        ),
        "conversation.item.retrieve": (4, lambda: {"item_id": item}),
        "conversation.item.delete": (1, lambda: {"item_id": item}),
        "response.create": (4, lambda: chance.choice(({}, {"response": {"output_modalities": ["text"]}}))),
        "response.cancel": (6, dict),
        "output_audio_buffer.clear": (1, dict),
        "talk.reprompt": (3, dict),
        "talk.think": (4, lambda: {"on": chance.random() < 0.3}),
        "talk.hint": (4, dict),
        "talk.end": (1, dict),
    }
    (kind,) = chance.choices(list(kinds), [weight for weight, _ in kinds.values()])
    return {"type": kind, **kinds[kind][1]()}


def _places(value: Json, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*place, key)
        yield from _places(each, (*place, key))


def _parent(event: Json, place: tuple[Any, ...]) -> Json:
    for key in place[:-1]:
        event = event[key]
    return event


def mutated(event: Json, chance: random.Random) -> str | bytes:
    """Return the frame of the event with one thing changed: a value, a name, a field too many or too few, or its text."""
    event = copy.deepcopy(event)
    # The type of most events stays, so that they are followed and not just refused.
    places = [place for place in _places(event) if place not in (("type",), ("event_id",))] or [("type",)]
    place = chance.choice(places)
    parent, how = _parent(event, place), chance.random()
    if how < 0.45:
        event[chance.choice(("more", "", "event", "\u0000", "id"))] = chance.choice(VALUES)
    elif how < 0.7:
        parent[place[-1]] = chance.choice(VALUES)
    elif how < 0.8 and isinstance(parent, dict) and place != ("type",):
        del parent[place[-1]]
    elif how < 0.88 and isinstance(parent, dict):
        parent[f"{place[-1]}{chance.choice(('', 's', '.x', chr(0)))}"] = copy.deepcopy(parent[place[-1]])
    elif how < 0.92 and isinstance(parent[place[-1]], str):
        text = parent[place[-1]]
        at = chance.randrange(len(text) + 1)
        parent[place[-1]] = text[:at] + chance.choice(("\x00", "=", "é", " ", "\ud800", "1")) + text[at:]
    elif how < 0.95:
        event["type"] = chance.choice(
            ("response.create", "input_audio_buffer.commit", "talk.hint", "talk.magic", 7, None)
        )
    frame = json.dumps(event)
    if how > 0.985:
        return frame.encode()
    if how > 0.97:
        at = chance.randrange(len(frame))
        return frame[:at] + chance.choice(("", "}", '"', "[" * 2000, "\\ud800")) + frame[at + 1 :]
    return frame

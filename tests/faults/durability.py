"""Check that nothing is lost in an outage or a crash.

Every acknowledged save exists exactly once, with its audio byte for byte. No deletion is undone. An unacknowledged
change has happened completely, or not at all.

A Learner is one client. It acts step by step and notes, for each conversation, every state that is possible: exactly
one after an acknowledgement, and one more for each request without an answer.
"""

import hashlib
import itertools
import json
import random
import re
import time
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import httpx
import numpy as np

from audio.encoding import RATE, from_pcm
from tests.faults.backends import Backends, Row

FIRST_TIMESTAMP = 1_700_000_000_000  # ms
NOT_SENT = -1
SOUND = re.compile('base64,[^"]*')
# Seconds. No request may take nearly as long.
CLIENT_TIMEOUT_S = 60.0
# Seconds that a request may wait for the cloud: its time limit of 2, and the stalls of a loaded machine.
MAX_WAIT_S = 6.0


@dataclass(frozen=True, slots=True)
class SentMessage:
    """Hold one message. `audio` is what was sent, byte for byte."""

    id: str
    content: str
    at: int  # ms
    audio: bytes | None = None

    @property
    def role(self) -> str:
        return "user" if self.id.startswith("user") else "assistant"


@dataclass(frozen=True, slots=True)
class State:
    """Hold a conversation as its learner intends it."""

    title: str
    said: tuple[SentMessage, ...]
    deleted: bool = False


Change = Callable[[State | None], State | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold the answer to a request.

    `status` is 0 without an answer, and NOT_SENT if the request was not even sent. `began` is of time.monotonic(),
    `seconds` the duration, and `waited` the seconds for the cloud, as the server reports.
    """

    what: str
    asked: str
    status: int
    body: dict[str, Any]
    began: float
    seconds: float
    waited: float

    @property
    def acknowledged(self) -> bool:
        return 200 <= self.status < 300

    @property
    def ended(self) -> float:
        return self.began + self.seconds

    @property
    def degraded(self) -> bool:
        return self.body.get("degraded") is True


@cache
def clips(count: int = 6) -> tuple[bytes, ...]:
    """Return short WebM/Opus clips, in tenths of a second, which the server keeps unchanged."""
    moments = np.arange(RATE // 10) / RATE
    tones = [(np.sin(2 * np.pi * 110 * (number + 2) * moments) * 8000).astype("<i2") for number in range(count)]
    return tuple(from_pcm(tone.tobytes()).data for tone in tones)


class Learner:
    """Act as one client. All requests return an Answer, and none raises because of the server."""

    def __init__(self, url: str, name: str, choose: random.Random | None = None) -> None:
        self.name = name
        self.choose = choose or random.Random(name)
        self.states: dict[str, set[State | None]] = {}
        self.answers: list[Answer] = []
        self.violations: list[str] = []
        self._count = itertools.count(1)
        self._http = httpx.Client(base_url=url, timeout=CLIENT_TIMEOUT_S)
        self._http.get("/api/conversations").raise_for_status()
        self.id = uuid.UUID(self._http.cookies["learner"].split(":")[0])

    def close(self) -> None:
        self._http.close()

    @property
    def alive(self) -> list[str]:
        """Return the conversations that exist, whatever the outcome of requests without an answer."""
        return [
            wire for wire, possible in self.states.items() if all(state and not state.deleted for state in possible)
        ]

    @property
    def deleted(self) -> list[str]:
        return [wire for wire, possible in self.states.items() if all(state and state.deleted for state in possible)]

    @property
    def cookie(self) -> str:
        return f"learner={self._http.cookies['learner']}"

    # Actions of learners

    def begin(self) -> Answer:
        """Save a new conversation of one turn with its answer, both with a recording or both without."""
        number = next(self._count)
        said = (self._message("user", self._clip()), self._message("ai", self._clip()))
        return self.save(f"conv-{self.name}-{number}", State(f"Talk {number}", said))

    def add_message(self, wire: str) -> Answer:
        """Save the conversation with one more message."""
        before = self._known(wire)
        role = "user" if len(before.said) % 2 == 0 else "ai"
        return self.save(wire, replace(before, said=(*before.said, self._message(role, self._clip()))))

    def edit(self, wire: str) -> Answer:
        """Save the conversation with its last message changed, and without the first of three or more."""
        before = self._known(wire)
        first, last = before.said[len(before.said) > 2 :][:-1], before.said[-1]
        changed = replace(
            last, content=f"{last.content} Replaced {next(self._count)}.", audio=self._clip(other=last.audio)
        )
        return self.save(wire, replace(before, said=(*first, changed)))

    def save(self, wire: str, state: State) -> Answer:
        """POST the complete conversation. Audio that the server certainly has is sent again only sometimes."""
        body = {
            "id": wire,
            "title": state.title,
            "timestamp": FIRST_TIMESTAMP,
            "messages": [self._sent(wire, each) for each in state.said],
        }
        answer = self.ask("save", "POST", "/api/conversations", body)
        self._note(wire, answer, lambda before: replace(state, deleted=False))
        self._expect(answer, 200, 201)
        return answer

    def rename(self, wire: str) -> Answer:
        title = f"Renamed {next(self._count)}"
        answer = self.ask("rename", "PATCH", f"/api/conversations/{wire}", {"title": title})
        self._note(wire, answer, lambda before: before and replace(before, title=title))
        self._expect(answer, 200)
        return answer

    def delete(self, wire: str) -> Answer:
        answer = self.ask("delete", "DELETE", f"/api/conversations/{wire}")
        self._note(wire, answer, _deleted)
        self._expect(answer, 200)
        return answer

    def restore(self, wire: str) -> Answer:
        answer = self.ask("restore", "POST", f"/api/conversations/{wire}/restore")
        self._note(wire, answer, lambda before: before and replace(before, deleted=False))
        self._expect(answer, 200)
        return answer

    def clear(self) -> Answer:
        answer = self.ask("clear", "DELETE", "/api/conversations?clearAll=true")
        for wire in self.states:
            self._note(wire, answer, _deleted)
        self._expect(answer, 200)
        return answer

    def list_all(self) -> Answer:
        """Fetch the list. While nothing is down, it must be exact."""
        answer = self.ask("list", "GET", "/api/conversations?limit=200")
        self._expect(answer, 200)
        if answer.acknowledged and not answer.degraded:
            listed = [each["id"] for each in answer.body["conversations"]]
            if missing := set(self.alive) - set(listed):
                self.violations.append(f"{self.name}: nothing is down, but the list lacks {sorted(missing)}")
            if back := set(self.deleted) & set(listed):
                self.violations.append(f"{self.name}: nothing is down, but the list has deleted {sorted(back)}")
            if len(set(listed)) < len(listed):
                self.violations.append(f"{self.name}: the list has a conversation twice: {listed}")
        return answer

    def open(self, wire: str) -> Answer:
        return self.ask("get", "GET", f"/api/conversations/{wire}")

    def ask(self, what: str, method: str, path: str, body: Any = None) -> Answer:
        began, waited = time.monotonic(), 0.0
        try:
            got = self._http.request(method, path, json=body)
            status, found, waited = got.status_code, got.json(), _waited(got)
        except httpx.ConnectError as error:
            status, found = NOT_SENT, {"error": repr(error)}
            # The server is down.
            time.sleep(0.1)
        except (httpx.TransportError, ValueError) as error:
            status, found = 0, {"error": repr(error)}
        asked = f"{path} {json.dumps(body) if body else ''}"
        answer = Answer(what, asked, status, found, began, time.monotonic() - began, waited)
        self.answers.append(answer)
        return answer

    def fetch(self, url: str) -> bytes:
        """Return the bytes behind a signed link, without a cookie."""
        got = httpx.get(self._http.base_url.join(url), timeout=CLIENT_TIMEOUT_S)
        return got.content if got.status_code == 200 else f"status {got.status_code}".encode()

    # Expected states

    def _note(self, wire: str, answer: Answer, change: Change) -> None:
        before = self.states.get(wire, {None})
        after = {change(state) for state in before}
        if answer.acknowledged:
            self.states[wire] = after
        elif answer.status == 0 or answer.status >= 500:
            self.states[wire] = before | after

    def _expect(self, answer: Answer, *good: int) -> None:
        # 404 is correct for a conversation that may not exist. Every other refusal is a violation.
        uncertain = answer.what in ("rename", "restore") and answer.status == 404
        if answer.status not in good and 0 < answer.status < 500 and not uncertain:
            self.violations.append(f"{self.name}: {answer.what} was answered {answer.status}: {answer.body}")

    def _known(self, wire: str) -> State:
        states = [state for state in self.states[wire] if state]
        return max(states, key=lambda state: (len(state.said), state.title))

    def _message(self, role: str, audio: bytes | None) -> SentMessage:
        number = next(self._count)
        return SentMessage(f"{role}-{number}", f"Said {number} by {self.name}.", FIRST_TIMESTAMP + number, audio)

    def _clip(self, other: bytes | None = None) -> bytes | None:
        if other is None and self.choose.random() < 0.3:
            return None
        return self.choose.choice([clip for clip in clips() if clip != other])

    def _sent(self, wire: str, said: SentMessage) -> dict[str, Any]:
        body: dict[str, Any] = {"id": said.id, "role": said.role, "content": said.content, "timestamp": said.at}
        if said.audio and (not self._has_certainly(wire, said) or self.choose.random() < 0.3):
            body["audioData"] = f"data:audio/webm;base64,{b64encode(said.audio).decode()}"
        return body

    def _has_certainly(self, wire: str, said: SentMessage) -> bool:
        possible = self.states.get(wire, {None})
        return all(
            state and any((each.id, each.audio) == (said.id, said.audio) for each in state.said) for state in possible
        )


def _deleted(before: State | None) -> State | None:
    return before and replace(before, deleted=True)


def check_durability(learners: Iterable[Learner], backends: Backends) -> None:
    """Check all states, while nothing is down and nothing waits. Raises AssertionError with all violations."""
    wrong = [*backends.leftovers()]
    store = _Store(backends)
    for learner in learners:
        wrong += learner.violations
        wrong += _wrong_by_api(learner)
        wrong += store.wrong(learner)
    assert not wrong, f"{len(wrong)} violations:\n" + "\n".join(wrong[:60])


def _wrong_by_api(learner: Learner) -> list[str]:
    listed = learner.ask("list", "GET", "/api/conversations?limit=200").body["conversations"]
    by_id = {each["id"]: each for each in listed}
    wrong = [f"{learner.name}: the list has a conversation twice"] if len(by_id) < len(listed) else []
    wrong += [f"{wire} is listed, but was never saved" for wire in by_id.keys() - learner.states.keys()]
    for wire, possible in learner.states.items():
        answer = learner.open(wire)
        state = _read(learner, answer.body["conversation"]) if answer.status == 200 else None
        if (state is not None) != (wire in by_id):
            wrong.append(f"{wire} is answered {answer.status}, but is in the list: {wire in by_id}")
        if state not in {_visible(each) for each in possible}:
            wrong.append(
                f"{wire}: {_described(state)}; possible: {' or '.join(_described(_visible(one)) for one in possible)}"
            )
            wrong += _history(learner, wire)
    return wrong


def _history(learner: Learner, wire: str) -> list[str]:
    """Return the requests about a conversation and their answers, without the audio."""
    return [
        f"  {answer.began:.3f} +{answer.seconds:.3f} {answer.what} {SOUND.sub('…', answer.asked)}"
        f" -> {answer.status} {answer.body.get('storage')} {answer.body.get('down', '')} {answer.body.get('error', '')}"
        for answer in learner.answers
        if f"/{wire}" in answer.asked or f'"{wire}"' in answer.asked or "clearAll" in answer.asked
    ]


def _visible(state: State | None) -> State | None:
    return None if state is None or state.deleted else state


def _read(learner: Learner, shape: dict[str, Any]) -> State:
    said = [
        SentMessage(
            each["id"],
            each["content"],
            each["timestamp"],
            learner.fetch(each["audioUrl"]) if "audioUrl" in each else each.get("audioS3Key", "").encode() or None,
        )
        for each in shape["messages"]
    ]
    return State(shape["title"], tuple(said))


def _described(state: State | None) -> str:
    if state is None:
        return "gone"
    said = ", ".join(f"{each.id} {each.content[-14:]!r} {_audio_described(each.audio)}" for each in state.said)
    return f"{state.title!r} [{said}]"


def _audio_described(audio: bytes | None) -> str:
    if audio is None:
        return "mute"
    return f"clip {clips().index(audio)}" if audio in clips() else f"{audio[:60]!r}"


class _Store:
    """Hold the content of the database and the bucket, read without the application."""

    def __init__(self, backends: Backends) -> None:
        self.conversations = backends.rows("conversations_conversation")
        self.messages = backends.rows("conversations_message")
        self.recordings = {row["key"]: row for row in backends.rows("audio_recording")}
        self.objects = backends.objects()

    def wrong(self, learner: Learner) -> list[str]:
        found: dict[str, list[Row]] = {}
        for row in self.conversations:
            if row["learner"] == learner.id:
                found.setdefault(row["wire_id"], []).append(row)
        wrong = [f"{wire} is {len(rows)} times in the database" for wire, rows in found.items() if len(rows) > 1]
        for wire, possible in learner.states.items():
            alive = [row for row in found.get(wire, ()) if row["deleted_at"] is None]
            state = self._state(alive[0]) if alive else None
            if state not in {_visible(each) for each in possible}:
                wrong.append(f"In the database, {wire} is {_described(state)}")
        return wrong

    def _state(self, row: Row) -> State:
        mine = [each for each in self.messages if each["conversation_id"] == row["_id"] and each["deleted_at"] is None]
        said = [SentMessage(each["wire_id"], each["content"], each["timestamp"], self._audio(each)) for each in mine]
        return State(row["title"] or row["topic"], tuple(sorted(said, key=lambda each: each.at)))

    def _audio(self, message: Row) -> bytes | None:
        if not message["audio_key"]:
            return None
        row = self.recordings.get(message["audio_key"])
        if not row or row["message"] != message["_id"] or row["place"] != "cloud":
            return f"no recording {message['audio_key']}: {row}".encode()
        data = self.objects.get(row["key"], b"no object")
        return data if hashlib.sha256(data).hexdigest() == row["sha256"] else b"another checksum"


def _waited(response: httpx.Response) -> float:
    """Return the seconds that the request waited for the cloud, from `Server-Timing: cloud;dur=<ms>`."""
    _, _, milliseconds = response.headers.get("Server-Timing", "").partition("cloud;dur=")
    return float(milliseconds or 0) / 1000

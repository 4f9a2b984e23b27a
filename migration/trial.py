"""The test: a whole conversation with a person's voice goes in as a learner's would, is read back, and is removed again, whatever
happens in between."""

import contextlib
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.core.files.storage import storages
from django.db import DatabaseError, connections
from django.http import Http404, HttpRequest, QueryDict
from django.urls import resolve

from audio import encoding, recordings
from audio.encoding import Clip
from audio.models import Recording
from audio.recordings import PLACES
from conversations import rows, store
from conversations.changes import Draft, conversation_key, now_after
from conversations.store import LOCAL, Stored
from talking_agent import cloud
from talking_agent.cloud import Breaker

PATIENCE = 4.0  # seconds for all that the cloud has to do
FETCH_WITHIN = 5.0
NO_ANSWER = "it does not answer"  # as `cloud.CAUSES` words it
NOTHING_SENT = "get a connection"  # of a pool that waited for one in vain
VOICE = Path(__file__).with_name(
    "voice.webm"
)  # from a reading of "Sense and Sensibility" for LibriVox, in the public domain
MAKE, SAVE, READ, SIGN, FETCH, REMOVE = "make", "save", "read back", "sign", "fetch and compare", "remove"
SAID = "He might even have been made amiable himself."
GONE_LATER = (
    "It is deleted as a learner's own would be: when that is right again, the server erases it, with its recording, "
    "within ten minutes."
)
UNREACHED = (cloud.Unavailable, store.OutOfReach, DatabaseError, OSError)

Answer = TypeVar("Answer")


class NotAsItShouldBe(Exception):
    """What is wrong, in a sentence without secrets, and what to do."""

    def __init__(self, what: str, do: str) -> None:
        super().__init__(what)
        self.what, self.do = what, do


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    ok: bool
    found: str
    advice: str
    seconds: float


@dataclass(slots=True)
class Outcome:
    steps: list[Step] = field(default_factory=list)

    @property
    def success(self) -> bool:
        return all(step.ok for step in self.steps)

    def report(self) -> dict[str, Any]:
        """What `POST /api/migration` and `storage test --json` answer."""
        failed = [step for step in self.steps if not step.ok]
        error = {"error": " ".join(filter(None, (failed[0].found, failed[0].advice)))} if failed else {}
        return {"success": not failed, **error, "steps": [asdict(step) for step in self.steps]}


@dataclass(slots=True)
class Trial:
    """Somebody who never was says something. The worker carries out one step at a time: an interruption is heeded when the
    step under way has ended, so that what it wrote is known, and can be removed."""

    worker: ThreadPoolExecutor
    told: Callable[[Step], None]
    learner: uuid.UUID = field(default_factory=uuid.uuid4)
    wire_id: str = field(default_factory=lambda: f"storage-test-{uuid.uuid4().hex[:12]}")
    outcome: Outcome = field(default_factory=Outcome)
    rows_are_there: bool = False  # in the cloud's database

    @property
    def key(self) -> uuid.UUID:
        return conversation_key(self.learner, self.wire_id)

    def step(self, name: str, do: Callable[[], tuple[str, Answer]]) -> Answer:
        """`do` returns what it found and what the next step needs. Raises NotAsItShouldBe, having told of it."""
        began = time.monotonic()

        def tell(ok: bool, found: str, advice: str = "") -> None:
            step = Step(name, ok, found, advice, round(time.monotonic() - began, 3))
            self.outcome.steps.append(step)
            self.told(step)

        try:
            found, answer = self.worker.submit(copy_context().run, do).result()
        except NotAsItShouldBe as error:
            tell(False, error.what, error.do)
            raise
        except UNREACHED as error:
            tell(False, f"It could not be done: {_reason(error)}", "manage.py storage verify says what is wrong.")
            raise NotAsItShouldBe(str(error), "") from error
        tell(True, found)
        return answer


def run(told: Callable[[Step], None] = lambda step: None) -> Outcome:
    """Try the storage in use, step by step; `told` hears of each as it ends."""
    worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="storage-test")
    trial = Trial(worker, told)
    with cloud.patience(PATIENCE):
        try:
            with contextlib.suppress(NotAsItShouldBe):
                _go_through(trial)
        finally:
            with cloud.patience(PATIENCE), contextlib.suppress(NotAsItShouldBe):
                trial.step(REMOVE, lambda: (_remove(trial), None))
            worker.submit(connections.close_all)
            worker.shutdown()
    return trial.outcome


def _go_through(trial: Trial) -> None:
    clip = trial.step(MAKE, _make)
    stored = trial.step(SAVE, lambda: _save(trial, clip))
    recording = trial.step(READ, lambda: _read_back(trial, clip, stored))
    link = trial.step(SIGN, lambda: _sign(recording))
    trial.step(FETCH, lambda: (_fetch_and_compare(recording, link, clip), None))


def _make() -> tuple[str, Clip]:
    clip = encoding.from_upload(VOICE.read_bytes())
    return f"A recording of {clip.duration:.0f} s ({len(clip.data)} bytes, {clip.content_type}).", clip


def _save(trial: Trial, clip: Clip) -> tuple[str, Stored]:
    now = now_after()
    turns = [Draft("user-1", "user", SAID, now, audio=clip), Draft("ai-2", "assistant", "I have heard you.", now)]
    columns = {"title": "Storage test", "config": {"topic": "Storage test"}, "timestamp": now}
    stored = store.save(trial.learner, trial.wire_id, columns=columns, messages=turns)
    [recording] = stored.recordings.values()
    trial.rows_are_there = stored.storage != LOCAL
    if any(
        half.on and where == LOCAL
        for half, where in ((cloud.database, stored.storage), (cloud.bucket, recording.place))
    ):
        raise NotAsItShouldBe(
            f"It was kept on this machine, not in the cloud: {_reason(cloud.Unavailable())}",
            "manage.py storage verify says what is wrong. Nothing is lost meanwhile: what is said is kept here.",
        )
    return f"The conversation is in {_kept_in(cloud.database)}, its recording in {_kept_in(cloud.bucket)}.", stored


def _read_back(trial: Trial, clip: Clip, saved: Stored) -> tuple[str, Recording]:
    found = store.get(trial.learner, trial.wire_id)
    do = "Look whether something else writes to the same database, and into its log."
    if found is None:
        raise NotAsItShouldBe("It is not there any more.", do)
    if [row.content for row in found.messages] != [row.content for row in saved.messages]:
        raise NotAsItShouldBe("Its words are not those that were saved.", do)
    recording = found.recordings.get(found.messages[0].audio_key)
    if recording is None or recording.size != len(clip.data):
        raise NotAsItShouldBe("Its recording is not known any more.", do)
    return f"{len(found.messages)} messages, one with a recording.", recording


def _sign(recording: Recording) -> tuple[str, str]:
    link = recordings.url(recording)
    if not link:
        raise NotAsItShouldBe("There is no link to the recording.", "Set S3_BUCKET_NAME.")
    whose = urlsplit(link).hostname or "this server"
    return f"A link to {whose}, good for {settings.AUDIO_URL_EXPIRY} s.", link


def _fetch_and_compare(recording: Recording, link: str, clip: Clip) -> str:
    data = _fetch(link) if urlsplit(link).scheme else _answer_of_the_view(link)
    if data != clip.data:
        raise NotAsItShouldBe(
            f"Other bytes came back ({len(data)}) than had been saved ({len(clip.data)}).",
            "See whether a proxy or a CDN in between changes them.",
        )
    return (
        f"The same {len(data)} bytes came back, from {PLACES[Recording.Place(recording.place)].removeprefix('audio_')}."
    )


def _fetch(link: str) -> bytes:
    host = urlsplit(link).hostname
    try:
        with urllib.request.urlopen(link, timeout=FETCH_WITHIN) as answer:
            data: bytes = answer.read()
            return data
    except urllib.error.HTTPError as error:
        with error:
            do = "See whether the key may read (s3:GetObject), whether the clock is right, and CloudFront's key if there is one."
            raise NotAsItShouldBe(f"{host} refused the signed link ({error.code}).", do) from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        do = f"Browsers play recordings from {host}: see whether it can be reached."
        raise NotAsItShouldBe(f"{host} could not be reached by the signed link ({reason}).", do) from None


def _answer_of_the_view(link: str) -> bytes:
    """A local link leads to this server, which may not be running: its view is asked itself."""
    request, parts = HttpRequest(), urlsplit(link)
    request.method, request.path, request.GET = "GET", parts.path, QueryDict(parts.query)
    try:
        view, args, kwargs = resolve(parts.path)
    except Http404:
        raise NotAsItShouldBe("The link to the recording leads nowhere.", "Report this: it is a defect.") from None
    answer = view(request, *args, **kwargs)
    if answer.status_code != 200:
        raise NotAsItShouldBe(f"The link to the recording was refused ({answer.status_code}).", "Check SECRET_KEY.")
    return bytes(answer.content)


def _remove(trial: Trial) -> str:
    """Rows and bytes, here and there. Raises NotAsItShouldBe, saying what has to stay for now."""
    known = _recordings(trial)
    try:
        recordings.remove(known)
        if cloud.database.on:
            with cloud.database.use():
                _remove_rows(trial, settings.CLOUD_DATABASE)
        _remove_rows(trial, LOCAL)
    except UNREACHED as error:
        _require_only_here(trial, known, error)
        _remove_what_is_here(trial, known)
    if left := [*_rows_left(trial), *_bytes_left(known)]:
        where = f"Look for {trial.key} (learner {trial.learner})."
        raise NotAsItShouldBe(f"{' and '.join(left)} could not be removed.", where)
    return "Nothing of it is left."


def _require_only_here(trial: Trial, known: list[Recording], error: Exception) -> None:
    """A half that does not answer may yet carry out what it was sent: a tombstone sees to that, and to what it has for sure."""
    unsure = any(half.on and half.cause == NO_ANSWER and NOTHING_SENT not in half.reason for half in cloud.halves)
    there = trial.rows_are_there and not cloud.database.usable
    there |= not cloud.bucket.usable and any(row.place == Recording.Place.CLOUD for row in known)
    if unsure or there:
        try:
            store.delete(trial.learner, trial.wire_id)
        except UNREACHED:
            do = f"Delete the conversation {trial.key} in the admin when that is right again."
            raise NotAsItShouldBe(f"It could not be removed: {_reason(error)}", do) from error
        raise NotAsItShouldBe(f"It could not be removed everywhere: {_reason(error)}", GONE_LATER) from error


def _remove_what_is_here(trial: Trial, known: list[Recording]) -> None:
    for row in known:
        storages["audio_local"].delete(row.key)
    for using in _reachable():
        Recording.objects.using(using).filter(pk__in=[row.pk for row in known]).delete()
        _remove_rows(trial, using)


def _remove_rows(trial: Trial, using: str) -> None:
    rows.remove(rows.load(using, [trial.key]).values(), using=using)


def _rows_left(trial: Trial) -> Iterator[str]:
    for using in _reachable():
        if rows.load(using, [trial.key]):
            yield f"rows in {using}"


def _bytes_left(known: list[Recording]) -> Iterator[str]:
    for row in known:
        if storages["audio_local"].exists(row.key):
            yield f"the file {row.key}"
        if cloud.bucket.usable:
            with cloud.bucket.use():
                if storages["audio_cloud"].exists(row.key):
                    yield f"the object {row.key}"


def _recordings(trial: Trial) -> list[Recording]:
    return list(recordings.of_conversations([trial.key]).values())


def _reachable() -> list[str]:
    return [LOCAL, settings.CLOUD_DATABASE] if cloud.database.usable else [LOCAL]


def _kept_in(half: Breaker) -> str:
    if half.on:
        return "the cloud"
    return f"local storage, for the {half.name} of the cloud is off"


def _reason(error: Exception) -> str:
    if not isinstance(error, cloud.Unavailable):
        return f"{getattr(error, 'strerror', None) or error}".rstrip(".") + "."
    down = [f"the {half.name} is down ({half.cause})" for half in cloud.halves if half.on and not half.up]
    return f"{' and '.join(down) or 'the cloud took too long'}."

"""Test the storage with a whole conversation that has a person's voice.

It is saved as a learner's would be, read back, and removed again, whatever happens in between.
"""

import sys
import time
import uuid
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import urllib3
from django.conf import settings
from django.core.files.storage import storages
from django.db import DatabaseError, connections
from django.http import Http404, HttpRequest, QueryDict
from django.urls import resolve
from urllib3.exceptions import HTTPError

from audio import encoding, recordings
from audio.encoding import Clip
from audio.models import Recording
from audio.recordings import PLACES
from audio.storages import ChecksumMismatch
from conversations import rows, store
from conversations.changes import conversation_key, now_after
from conversations.drafts import Draft
from conversations.store import StoredConversation
from core import cloud
from core.cloud import LOCAL, NO_ANSWER, Breaker
from core.findings import CheckFailed
from core.json_types import Json
from migration.transfer import deliver, holds

# Seconds for all that the cloud has to do.
PATIENCE = 4.0
FETCH_WITHIN = 5.0
# The words of a connection pool that waited for a connection in vain, so that nothing was sent.
NOTHING_SENT = "get a connection"
# From a reading of "Sense and Sensibility" for LibriVox, in the public domain.
VOICE = Path(__file__).with_name("voice.webm")
MAKE, SAVE, READ, SIGN, FETCH = "make", "save", "read back", "sign", "fetch and compare"
MOVE, REMOVE = "move", "remove"
SAID = "He might even have been made amiable himself."
GONE_LATER = (
    "It is deleted as a learner's own would be: when that is right again, the server erases it, with its recording, "
    "within ten minutes."
)
UNREACHED = (cloud.Unavailable, store.OutOfReach, DatabaseError, OSError)


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    ok: bool
    found: str
    advice: str
    seconds: float


@dataclass(slots=True)
class SelfTest:
    """Hold what the steps of one test have made and found. Its learner does not exist."""

    learner: uuid.UUID = field(default_factory=uuid.uuid4)
    wire_id: str = field(default_factory=lambda: f"storage-test-{uuid.uuid4().hex[:12]}")
    # Whether its rows are in the cloud's database.
    rows_are_there: bool = False
    # Each is set by the step that makes it.
    clip: Clip = field(init=False)
    saved: StoredConversation = field(init=False)
    recording: Recording = field(init=False)
    link: str = field(init=False)

    @property
    def key(self) -> uuid.UUID:
        return conversation_key(self.learner, self.wire_id)


def run() -> Generator[Step, None, None]:
    """Test the storage in use, and yield each step as it ends. A step that fails is the last one before REMOVE.

    A worker carries out one step at a time. If the caller is interrupted or closes the generator, the step under way
    ends first, so that what it wrote is known and can be removed.
    """
    test = SelfTest()
    worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="storage-test")
    with cloud.patience(PATIENCE):
        testing = copy_context()
    try:
        for name in (MAKE, SAVE, READ, SIGN, FETCH, MOVE):
            if name == MOVE and test.recording.place != Recording.Place.CLOUD:
                continue
            step = worker.submit(testing.run, _carry_out, name, test).result()
            yield step
            if not step.ok:
                break
    finally:
        with cloud.patience(PATIENCE):
            removal = worker.submit(copy_context().run, _carry_out, REMOVE, test)
        worker.submit(connections.close_all)
        worker.shutdown()
        # A generator that is being closed may not yield.
        if not isinstance(sys.exception(), GeneratorExit):
            yield removal.result()


def report(steps: Iterable[Step]) -> Json:
    """Return the answer of `POST /api/migration` and `storage test --json`."""
    taken = list(steps)
    failed = [step for step in taken if not step.ok]
    error = {"error": " ".join(filter(None, (failed[0].found, failed[0].advice)))} if failed else {}
    return {"success": not failed, **error, "steps": [asdict(step) for step in taken]}


def _carry_out(name: str, test: SelfTest) -> Step:
    began, ok, advice = time.monotonic(), False, ""
    try:
        found, ok = STEPS[name](test), True
    except CheckFailed as error:
        found, advice = error.what, error.do
    except UNREACHED as error:
        found, advice = f"It could not be done: {_reason(error)}", "manage.py storage verify says what is wrong."
    return Step(name, ok, found, advice, round(time.monotonic() - began, 3))


def _make(test: SelfTest) -> str:
    clip = test.clip = encoding.from_upload(VOICE.read_bytes())
    return f"A recording of {clip.duration:.0f} s ({len(clip.data)} bytes, {clip.content_type})."


def _save(test: SelfTest) -> str:
    now = now_after()
    turns = [Draft("user-1", "user", SAID, now, audio=test.clip), Draft("ai-2", "assistant", "I have heard you.", now)]
    columns = {"title": "Storage test", "config": {"topic": "Storage test"}, "timestamp": now}
    saved = test.saved = store.save(test.learner, test.wire_id, columns=columns, messages=turns)
    [recording] = saved.recordings.values()
    test.rows_are_there = saved.storage != LOCAL
    places = ((cloud.database, saved.storage), (cloud.bucket, recording.place))
    if any(half.on and where == LOCAL for half, where in places):
        raise CheckFailed(
            f"It was kept on this machine, not in the cloud: {_reason(cloud.Unavailable())}",
            "manage.py storage verify says what is wrong. Nothing is lost meanwhile: what is said is kept here.",
        )
    return f"The conversation is in {_kept_in(cloud.database)}, its recording in {_kept_in(cloud.bucket)}."


def _read_back(test: SelfTest) -> str:
    found = store.get(test.learner, test.wire_id)
    do = "Look whether something else writes to the same database, and into its log."
    if found is None:
        raise CheckFailed("It is not there any more.", do)
    if [row.content for row in found.messages] != [row.content for row in test.saved.messages]:
        raise CheckFailed("Its words are not those that were saved.", do)
    recording = found.recordings.get(found.messages[0].audio_key)
    if recording is None or recording.size != len(test.clip.data):
        raise CheckFailed("Its recording is not known any more.", do)
    test.recording = recording
    return f"{len(found.messages)} messages, one with a recording."


def _sign(test: SelfTest) -> str:
    link = recordings.url(test.recording)
    if not link:
        raise CheckFailed("There is no link to the recording.", "Set S3_BUCKET_NAME.")
    test.link = link
    return f"A link to {urlsplit(link).hostname or 'this server'}, good for {settings.AUDIO_URL_EXPIRY} s."


def _fetch_and_compare(test: SelfTest) -> str:
    data = _fetch(test.link) if urlsplit(test.link).scheme else _answer_of_the_view(test.link)
    if data != test.clip.data:
        raise CheckFailed(
            f"Other bytes came back ({len(data)}) than had been saved ({len(test.clip.data)}).",
            "See whether a proxy or a CDN in between changes them.",
        )
    return f"The same {len(data)} bytes came back, from {PLACES[Recording.Place(test.recording.place)].removeprefix('audio_')}."


def _fetch(link: str) -> bytes:
    """Fetch a link as a browser does, without our keys."""
    # Imported here because it loads botocore, which a server without a bucket does not need.
    from audio.s3_error_codes import no_answer, refusal_of

    host = urlsplit(link).hostname or ""
    try:
        answer = urllib3.request("GET", link, timeout=FETCH_WITHIN, retries=False)
    except HTTPError as error:
        trouble = no_answer(error, settings.S3_BUCKET_NAME, host)
        do = f"Browsers play recordings from {host}: see whether it can be reached."
        raise CheckFailed(f"{host} could not be reached by the signed link: {trouble.meaning}", do) from None
    if answer.status != 200:
        trouble = refusal_of(answer).trouble(settings.S3_BUCKET_NAME, host)
        raise CheckFailed(f"{host} refused the signed link ({answer.status}).{trouble.said}", trouble.advice)
    return bytes(answer.data)


def _answer_of_the_view(link: str) -> bytes:
    """Return the bytes behind a local link by calling its view, because this server may not be running."""
    request, parts = HttpRequest(), urlsplit(link)
    request.method, request.path, request.GET = "GET", parts.path, QueryDict(parts.query)
    try:
        view, args, kwargs = resolve(parts.path)
    except Http404:
        raise CheckFailed("The link to the recording leads nowhere.", "Report this: it is a defect.") from None
    answer = view(request, *args, **kwargs)
    if answer.status_code != 200:
        raise CheckFailed(f"The link to the recording was refused ({answer.status_code}).", "Check SECRET_KEY.")
    return bytes(answer.content)


def _move(test: SelfTest) -> str:
    """Send the recording once more and look it up, as a migration does, and the server after an outage."""
    bucket = storages["audio_cloud"]
    try:
        with cloud.bucket.use():
            deliver(test.recording, test.clip.data, bucket)
            found = holds(bucket, test.recording)
    except ChecksumMismatch as error:
        raise CheckFailed(str(error), "See whether a proxy in between changes the bytes.") from error
    if not found:
        raise CheckFailed("The bucket does not have what it has just taken.", "Look into the log of its server.")
    return "It was sent as moving recordings sends it, and its size and checksum are right."


def _remove(test: SelfTest) -> str:
    """Remove rows and bytes, here and in the cloud. Raises CheckFailed, which says what has to stay for now."""
    known = list(recordings.of_conversations([test.key]).values())
    try:
        recordings.remove(known)
        if cloud.database.on:
            with cloud.database.use():
                _remove_rows(test, settings.CLOUD_DATABASE)
        _remove_rows(test, LOCAL)
    except UNREACHED as error:
        _require_only_here(test, known, error)
        for row in known:
            storages["audio_local"].delete(row.key)
        for using in _reachable():
            Recording.objects.using(using).filter(pk__in=[row.pk for row in known]).delete()
            _remove_rows(test, using)
    left = [f"rows in {using}" for using in _reachable() if rows.load(using, [test.key])]
    left += [f"the file {row.key}" for row in known if storages["audio_local"].exists(row.key)]
    if known and cloud.bucket.usable:
        with cloud.bucket.use():
            left += [f"the object {row.key}" for row in known if storages["audio_cloud"].exists(row.key)]
    if left:
        where = f"Look for {test.key} (learner {test.learner})."
        raise CheckFailed(f"{' and '.join(left)} could not be removed.", where)
    return "Nothing of it is left."


STEPS = {
    **{MAKE: _make, SAVE: _save, READ: _read_back, SIGN: _sign, FETCH: _fetch_and_compare},
    **{MOVE: _move, REMOVE: _remove},
}


def _require_only_here(test: SelfTest, known: list[Recording], error: Exception) -> None:
    """Check that nothing of the test can be in a half of the cloud that is down.

    Otherwise leave a tombstone, and raise CheckFailed. A half that does not answer may still carry out what it was
    sent. The tombstone has the server erase this later, and what the half has for certain.
    """
    unsure = any(half.on and half.cause == NO_ANSWER and NOTHING_SENT not in half.reason for half in cloud.halves)
    there = test.rows_are_there and not cloud.database.usable
    there |= not cloud.bucket.usable and any(row.place == Recording.Place.CLOUD for row in known)
    if unsure or there:
        try:
            store.delete(test.learner, test.wire_id)
        except UNREACHED:
            do = f"Delete the conversation {test.key} in the admin when that is right again."
            raise CheckFailed(f"It could not be removed: {_reason(error)}", do) from error
        raise CheckFailed(f"It could not be removed everywhere: {_reason(error)}", GONE_LATER) from error


def _remove_rows(test: SelfTest, using: str) -> None:
    rows.remove(rows.load(using, [test.key]).values(), using=using)


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

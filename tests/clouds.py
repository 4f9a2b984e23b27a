"""Simulate a cloud in the test's process: a second SQLite database, and a folder as bucket.

An outage opens the breaker, as a real failure does, and the probe fails until the outage ends.
"""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import OperationalError

from audio import recordings
from audio.encoding import Clip
from audio.recordings import Owner
from audio.s3 import StoredObject
from audio.storages import LocalAudioStorage
from core import cloud
from core.cloud import Breaker

ALIAS = "cloud"
DATABASES = ["default", "local", ALIAS]


class FolderBucket(LocalAudioStorage):
    """Implement a bucket's verbs on a folder."""

    def put(self, name: str, data: bytes, content_type: str = "", sha256: str = "") -> None:
        self.save(name, ContentFile(data))

    def head(self, name: str) -> StoredObject:
        return StoredObject(Path(self.path(name)).stat().st_size, None)

    def probe(self) -> None:
        return None


class Half:
    """Simulate outages of the database or the bucket of the cloud."""

    def __init__(self, breaker: Breaker) -> None:
        self.breaker = breaker

    def goes_down(self, error: Exception | None = None) -> None:
        self.stays_down()
        self.breaker.trip(error or OperationalError("connection refused"))

    def stays_down(self) -> None:
        """Keep it down from now on."""
        self.breaker.probe = self._fail

    def comes_back(self) -> None:
        """Bring it back. Return when the breaker has noticed."""
        self.breaker.probe = lambda: None
        wait_for(lambda: self.breaker.up)

    def up(self) -> AbstractContextManager[None]:
        """Do nothing: it is up. This is the counterpart of `outage` for parametrised tests."""
        return nullcontext()

    @contextmanager
    def outage(self) -> Iterator[None]:
        self.goes_down()
        try:
            yield
        finally:
            self.comes_back()

    def _fail(self) -> None:
        raise OperationalError("connection refused")


def recording_of_another_learner() -> str:
    """Save another learner's recording. Return its key."""
    owner = Owner(uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), "user")
    return recordings.keep(owner, Clip(b"a voice", "audio/webm", 1.0)).key


def wait_for(what: Callable[[], object], seconds: float = 60) -> None:
    """Wait until the condition is true. Fail after this many seconds."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.005)):
        if what():
            return
        pause.wait(0.005)
    raise AssertionError("The condition has not become true.")


def use_bucket(settings: Any, backend: str, options: dict[str, Any]) -> None:
    settings.STORAGES = settings.STORAGES | {"audio_cloud": {"BACKEND": backend, "OPTIONS": options}}
    settings.CLOUD_AUDIO = True


@pytest.fixture
def fast_breakers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the breakers probe often. After the test they are closed, and no probe runs."""
    monkeypatch.setattr(cloud, "PROBE_EVERY", 0.002)
    # A failed request of an earlier test may still be open.
    cloud.end_request()
    probes = {half: half.probe for half in cloud.halves}
    yield
    for half in cloud.halves:
        Half(half).comes_back()
    wait_for(lambda: not any(thread.name.endswith("-probe") for thread in threading.enumerate()))
    for half, probe in probes.items():
        half.probe, half.reason = probe, ""


@pytest.fixture
def database(settings: Any, fast_breakers: None) -> Half:
    """Turn the cloud on, with a database and no bucket."""
    settings.CLOUD_DATABASE = ALIAS
    return Half(cloud.database)


@pytest.fixture
def bucket(settings: Any, fast_breakers: None, tmp_path: Path, recordings_folder: Path) -> Half:
    """Turn the cloud on, with a bucket in the folder "bucket"."""
    use_bucket(settings, "tests.clouds.FolderBucket", {"location": tmp_path / "bucket"})
    return Half(cloud.bucket)

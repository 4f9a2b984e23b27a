"""An export has everything, says what is missing, and restores into a fresh installation."""

import io
import json
import uuid
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.files.storage import storages
from django.utils import timezone

from audio.models import Recording
from audio.s3_errors import Kind, StorageUnavailable, Trouble
from conversations import representations, store
from conversations.models import Conversation
from core import site_limits
from core.cloud import LOCAL
from core.counts import MB
from learners import cookie, tokens
from learners.models import Account, Device
from migration.archive import restoring
from own_data import export_file, exporting, talk_files
from own_data.models import Export
from own_data.tests.traces import PHRASE, SOUND, speak
from tests.clients import LearnerClient
from tests.clouds import ALIAS, DATABASES, FolderBucket, Half

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)


def exported(client: LearnerClient) -> dict[str, Any]:
    """Order an export, let it be made, and return how it ended."""
    assert client.post("/api/me/export").status_code == 202
    exporting.work()
    return dict(client.get("/api/me/export").json()["export"])


def downloaded(client: LearnerClient) -> zipfile.ZipFile:
    answer = client.get("/api/me/export/file")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    data = b"".join(answer)
    assert len(data) == int(answer.headers["Content-Length"])
    return zipfile.ZipFile(io.BytesIO(data))


def talks(learner: uuid.UUID) -> list[Any]:
    """Return all talks as the API shows them, and the bytes of their recordings."""
    found = store.history(learner, limit=100)
    shapes = [{**representations.conversation(each), "storage": ""} for each in found]
    sounds = {
        key: storages["audio_cloud" if row.place == "cloud" else "audio_local"].open(key).read()
        for each in found
        for key, row in each.recordings.items()
    }
    return [shapes, sounds]


def forget_everything() -> None:
    for using in (LOCAL, ALIAS):
        for model in (Recording, Conversation):
            model.objects.using(using).all().delete()
    for name in ("audio_local", "audio_cloud"):
        for file in list(storages[name].files()):  # type: ignore[attr-defined]
            storages[name].delete(file.name)


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_it_restores_into_a_fresh_installation(
    owner: LearnerClient, database: Half, bucket: Half, tmp_path: Path, settings: Any
) -> None:
    speak(owner.learner)
    with bucket.outage():
        speak(owner.learner, "talk-2")
    with database.outage():
        speak(owner.learner, "talk-3")
    before = talks(owner.learner)
    assert exported(owner)["state"] == "done"
    file = downloaded(owner)
    forget_everything()
    assert talks(owner.learner) != before
    # The fresh installation has no cloud.
    settings.CLOUD_DATABASE, settings.CLOUD_AUDIO = "", False
    path = Path(file.extract("archive.tar", tmp_path))
    *_, done = restoring.restore(path, restoring.RestoreOptions("local"))
    assert done.restored.recordings == 3
    assert talks(owner.learner) == before


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_people_and_programs_can_read_it(owner: LearnerClient, outsider: LearnerClient) -> None:
    speak(owner.learner)
    speak(outsider.learner)
    tokens.create(owner.learner, "My script")
    exported(owner)
    file = downloaded(owner)
    assert file.testzip() is None
    (folder,) = {name.rpartition("/")[0] for name in file.namelist() if name.startswith("conversations/")}
    assert f"2026-11-20 {PHRASE}" in folder
    written = json.loads(file.read(f"{folder}/conversation.json"))
    (shown,) = owner.get("/api/conversations").json()["conversations"]
    sound = written["messages"][0].pop("audioFile")
    del shown["storage"]
    assert written == shown
    assert file.read(f"{folder}/{sound}") == SOUND + b"talk-1"
    text = file.read(f"{folder}/conversation.md").decode()
    assert f"**You:** {PHRASE}" in text
    assert f"[Listen]({sound})" in text
    assert json.loads(file.read("other-data.json"))["api tokens"][0]["name"] == "My script"
    assert "1 conversations, 1 recordings" in file.read("README.txt").decode()


@pytest.mark.parametrize("which", ["database", "bucket"])
def test_with_the_cloud_down_it_says_what_is_missing(
    owner: LearnerClient, database: Half, bucket: Half, which: str
) -> None:
    speak(owner.learner)
    half = {"database": database, "bucket": bucket}[which]
    with half.outage():
        failed = exported(owner)
    assert failed["state"] == "failed"
    assert half.breaker.name in failed["error"]
    assert "url" not in failed
    assert owner.get("/api/me/export/file").status_code == 404
    assert exported(owner)["state"] == "done"


def test_a_bucket_that_fails_in_the_middle_fails_the_export(
    owner: LearnerClient, database: Half, bucket: Half, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak(owner.learner)

    def fails(storage: object, name: str, mode: str = "rb") -> None:
        raise StorageUnavailable(Trouble(Kind.BUSY, "", "busy", "wait"))

    monkeypatch.setattr(FolderBucket, "_open", fails)
    monkeypatch.setattr("migration.archive.archive_writer.PAUSES", ())
    assert exported(owner)["state"] == "failed"
    assert list((settings.DATA_DIR / exporting.FOLDER).iterdir()) == []
    monkeypatch.undo()
    assert exported(owner)["state"] == "done"


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_lost_sound_is_named(owner: LearnerClient) -> None:
    speak(owner.learner)
    row = Recording.objects.using(LOCAL).get()
    storages["audio_local"].delete(row.key)
    assert exported(owner)["unheard"] == 1
    assert row.key in downloaded(owner).read("README.txt").decode()


def test_an_export_is_only_for_its_owner(owner: LearnerClient, outsider: LearnerClient) -> None:
    exported(owner)
    assert outsider.get("/api/me/export").json() == {"export": None}
    assert outsider.get("/api/me/export/file").status_code == 404


def test_a_killed_export_is_made_anew(owner: LearnerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    speak(owner.learner)
    owner.post("/api/me/export")

    class Killed(BaseException):
        pass

    def killed(*args: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(talk_files, "write", killed)
        with pytest.raises(Killed):
            exporting.work()
    assert owner.get("/api/me/export").json()["export"]["state"] == "running"
    stray = settings.DATA_DIR / exporting.FOLDER / "left.partial"
    stray.write_bytes(b"left")
    exporting.work()
    assert owner.get("/api/me/export").json()["export"]["state"] == "done"
    assert not stray.exists()


def test_it_is_deleted_after_a_day(owner: LearnerClient) -> None:
    exported(owner)
    path = exporting.path_of(Export.objects.using(LOCAL).get())
    assert path.stat().st_mode & 0o777 == 0o600
    Export.objects.using(LOCAL).update(finished_at=timezone.now() - timedelta(days=1, seconds=1))
    exporting.work()
    assert not path.exists()
    assert owner.get("/api/me/export").json() == {"export": None}


def test_a_second_export_replaces_the_first(owner: LearnerClient) -> None:
    exported(owner)
    first = exporting.path_of(Export.objects.using(LOCAL).get())
    exported(owner)
    assert not first.exists()
    assert Export.objects.using(LOCAL).count() == 1


def test_an_export_under_way_is_not_begun_again(owner: LearnerClient) -> None:
    assert [owner.post("/api/me/export").status_code for _ in range(12)] == [202] * 12
    assert Export.objects.using(LOCAL).count() == 1


def test_exports_are_limited(owner: LearnerClient, outsider: LearnerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "MOST_WAITING", 1)
    owner.post("/api/me/export")
    answer = outsider.post("/api/me/export")
    assert (answer.status_code, answer.json()) == (503, {"error": exporting.BUSY})
    exporting.work()
    codes = []
    for _ in range(10):
        codes.append(owner.post("/api/me/export").status_code)
        exporting.work()
    assert codes == [202] * 9 + [429]


def test_a_full_disk_fails_the_export(owner: LearnerClient, settings: Any) -> None:
    settings.DISK_RESERVE_MB = 10_000_000
    assert exported(owner)["error"] == exporting.DISK_FULL


def test_it_has_what_is_kept_of_the_account(owner: LearnerClient, outsider: LearnerClient) -> None:
    for number, learner in enumerate((owner.learner, outsider.learner)):
        user = get_user_model().objects.create(username=f"user-{number}", email=f"{number}@example.org")
        device = Device.objects.create(
            account=Account.objects.create(user=user, learner=learner), user_agent=f"Browser/{number}"
        )
        EmailAddress.objects.create(user=user, email=user.email)
        if learner == owner.learner:
            owner.cookies[cookie.NAME] = cookie.seal(learner, device.pk)
    exported(owner)
    found = downloaded(owner).read(export_file.TABLES).decode()
    assert "0@example.org" in found
    assert "Browser/0" in found
    assert "1@example.org" not in found
    assert "Browser/1" not in found


def test_the_summary_counts_what_is_kept(owner: LearnerClient, database: Half, bucket: Half) -> None:
    speak(owner.learner)
    with database.outage():
        speak(owner.learner, "talk-2")
        speak(owner.learner, message="more")
    kept = owner.get("/api/me").json()["kept"]
    assert (kept["conversations"], kept["recordings"], kept["minutes"]) == (2, 3, 1.5)
    assert kept["bytes"] == 3 * len(SOUND + b"talk-1")


def test_the_summary_has_the_limit_that_an_operator_has_set(owner: LearnerClient) -> None:
    site_limits.override({"LEARNER_QUOTA_MB": 7})
    assert owner.get("/api/me").json()["kept"]["bytesLimit"] == 7 * MB

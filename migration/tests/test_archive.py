"""An archive restores everything that was stored, into any store, and every damage to an archive is detected."""

import hashlib
import io
import json
import os
import tarfile
import threading
import uuid
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings as django_settings
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command

from audio.encoding import Clip
from audio.models import Recording
from conversations import preferences, rows, store
from conversations.changes import conversation_key
from conversations.drafts import Draft
from conversations.models import Conversation, LearnerPreferences
from learners.models import Account
from migration.archive import UnusableArchive, archive_writer, restoring
from migration.archive.archive_writer import Written
from migration.archive.restoring import Restored
from tests.clouds import ALIAS, DATABASES, Half
from tests.servers import AgentServer, MongoServer, PostgresServer, S3Server

LEARNER, OTHER = uuid.uuid4(), uuid.uuid4()
AT = datetime(2026, 11, 20, 9, 30, 0, 123000, tzinfo=UTC)

sqlite = pytest.mark.django_db(databases=DATABASES, transaction=True)


def talk(wire_id: str, *, learner: uuid.UUID = LEARNER, voice: bytes | None = None) -> uuid.UUID:
    """Save a spoken question and its answer. Return the conversation's key."""
    sound = Clip(voice or f"the voice of {wire_id}".encode(), "audio/webm", 1.5)
    drafts = [
        Draft("asked", "user", "Where is the station? 駅", AT, audio=sound, corrections=[{"said": "a"}]),
        Draft("answered", "assistant", "Past the bridge.\n\u2028", AT, interrupted=True),
    ]
    columns = {"timestamp": AT, "title": "mine", "config": {"level": "B1"}, "analysis": {"n": 1.5}, "duration": 0.1}
    store.save(learner, wire_id, columns=columns, messages=drafts)
    return conversation_key(learner, wire_id)


def backed_up(path: Path, **wish: Any) -> Written:
    *_, written = archive_writer.backup(path, archive_writer.BackupOptions(**wish), replace=True)
    return written


def restored(path: Path, **wish: Any) -> Restored:
    *_, done = restoring.restore(path, restoring.RestoreOptions(**wish))
    return done.restored


def forget_everything() -> None:
    for model in (Conversation, Recording):
        model.objects.using("local").all().delete()
    for name in storages["audio_local"].listdir("audio")[1]:
        storages["audio_local"].delete(f"audio/{name}")


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        files = {member.name: tar.extractfile(member) for member in tar}
        return {name: file.read() for name, file in files.items() if file}


def content(path: Path) -> dict[str, str]:
    """Return a hash of each conversation and each recording in an archive, whatever the place of the files."""
    found = members(path)
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in found.items() if name.startswith("audio/")}
    for name, data in found.items():
        for line in data.splitlines() if name.endswith(".jsonl") else []:
            record = json.loads(line)
            record.pop("place", None)
            hashes[record["id"]] = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    return hashes


def resealed(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Return a changed archive with new checksums, except those of recordings."""
    parts = members(path)
    del parts["manifest.sha256"]
    manifest = parts.pop("manifest.json")
    change(parts)
    described = json.loads(parts.pop("manifest.json", manifest))
    described["parts"] = [
        {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in parts.items()
        if not name.startswith("audio/")
    ]
    parts["manifest.json"] = json.dumps(described).encode()
    parts["manifest.sha256"] = hashlib.sha256(parts["manifest.json"]).hexdigest().encode()
    other = path.with_name("other.tar")
    with tarfile.open(other, "w") as tar:
        for name, data in parts.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return other


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return an archive of two conversations, an operator and a group, and delete them here."""
    for name in ("one", "two"):
        talk(name)
    group = Group.objects.create(name="helpdesk")
    group.permissions.set(Permission.objects.filter(codename="view_conversation"))
    operator = get_user_model().objects.create_user("anna", password="correct horse", is_staff=True)
    operator.groups.add(group)
    Account.objects.create(user=operator, learner=LEARNER)
    EmailAddress.objects.create(user=operator, email="anna@example.org", verified=True, primary=True)
    Authenticator.objects.create(user=operator, type=Authenticator.Type.TOTP, data={"secret": "for the tests"})
    path = tmp_path / "made.tar"
    backed_up(path, secret_key=True)
    forget_everything()
    operator.delete()
    group.delete()
    return path


# Restoring


@sqlite
def test_what_learners_have_chosen_is_restored(tmp_path: Path) -> None:
    refused = preferences.choose(LEARNER, audio_refused_at=AT, retention_days=30)
    preferences.choose(OTHER, retention_days=7)
    path = tmp_path / "made.tar"
    backed_up(path, learner=LEARNER)
    assert len(members(path)["preferences.jsonl"].splitlines()) == 1
    backed_up(path)
    LearnerPreferences.objects.using("local").all().delete()
    restored(path, dry=True)
    assert not LearnerPreferences.objects.using("local").exists()
    preferences.choose(OTHER, retention_days=90)
    restored(path)
    found = {row.pk: row for row in LearnerPreferences.objects.using("local")}
    assert (found[LEARNER].audio_refused_at, found[LEARNER].retention_days) == (AT, 30)
    assert found[LEARNER].stamps == refused.stamps
    assert found[OTHER].retention_days == 90


@sqlite
def test_choices_without_a_time_are_refused(archive: Path) -> None:
    def change(parts: dict[str, bytes]) -> None:
        row = {"learner": str(LEARNER), "stamps": {"retention_days": "x"}, "updated_at": AT.isoformat()}
        parts["preferences.jsonl"] = json.dumps(row).encode()

    with pytest.raises(UnusableArchive, match="has choices without the time"):
        restored(resealed(archive, change))


@sqlite
def test_conversations_are_restored_unchanged(tmp_path: Path) -> None:
    key = talk("one")
    store.delete(LEARNER, "one")
    talk("two")
    before = rows.load("local", [key, conversation_key(LEARNER, "two")])
    path = tmp_path / "made.tar"
    backed_up(path)
    forget_everything()
    restored(path)
    after = rows.load("local", list(before))
    for copy in (*before.values(), *after.values()):
        # A replacement is noted once for all messages, or with each.
        for row in (copy.conversation, *copy.messages.values()):
            row.stamps = None
    assert all(after[each].is_like(before[each]) and before[each].is_like(after[each]) for each in before)


@sqlite
def test_a_newer_archive_adds_to_what_is_there(tmp_path: Path) -> None:
    drafts = [Draft(each, "user", each, AT) for each in ("a", "b", "c")]
    key = store.save(LEARNER, "one", columns={}, messages=drafts[:2]).conversation.pk
    older = rows.load("local", [key])
    store.save(LEARNER, "one", columns={}, messages=drafts)
    path = tmp_path / "made.tar"
    backed_up(path)
    Conversation.objects.using("local").all().delete()
    rows.write("local", older.values(), {})
    restored(path)
    stored = store.get(LEARNER, "one")
    assert stored
    assert [row.content for row in stored.messages] == ["a", "b", "c"]


@sqlite
def test_recordings_are_restored_byte_for_byte(archive: Path) -> None:
    restored(archive)
    sound = {storages["audio_local"].open(row.key).read() for row in Recording.objects.using("local")}
    assert sound == {b"the voice of one", b"the voice of two"}


@sqlite
def test_a_second_restore_adds_nothing(archive: Path) -> None:
    restored(archive)
    again = restored(archive)
    assert (again.conversations, again.recordings, again.accounts, again.groups) == (0, 0, 0, 0)
    assert (again.conversations_same, again.recordings_same, again.accounts_same) == (2, 2, 1)


@sqlite
def test_a_dry_run_counts_and_writes_nothing(archive: Path) -> None:
    looked = restored(archive, dry=True)
    assert (looked.conversations, looked.recordings, looked.accounts, looked.groups) == (2, 2, 1, 1)
    assert not Conversation.objects.using("local").exists()
    assert not Recording.objects.using("local").exists()
    assert not get_user_model().objects.exists()
    assert storages["audio_local"].listdir("audio")[1] == []


@sqlite
def test_accounts_log_in_with_their_passwords_and_have_their_rights(archive: Path) -> None:
    restored(archive)
    anna: Any = authenticate(username="anna", password="correct horse")
    assert anna.is_staff
    assert anna.has_perm("conversations.view_conversation")


@sqlite
def test_accounts_keep_their_learners_addresses_and_second_factors(archive: Path) -> None:
    restored(archive)
    anna = get_user_model().objects.get()
    assert Account.objects.get(user=anna).learner == LEARNER
    assert EmailAddress.objects.get(user=anna).verified
    assert Authenticator.objects.get(user=anna).data == {"secret": "for the tests"}


@sqlite
def test_a_learner_who_has_another_account_here_keeps_it(archive: Path) -> None:
    here = Account.objects.create(user=get_user_model().objects.create_user("ben"), learner=LEARNER)
    restored(archive)
    assert Account.objects.get() == here
    assert authenticate(username="anna", password="correct horse")


@sqlite
def test_an_account_that_exists_stays_as_it_is(archive: Path) -> None:
    get_user_model().objects.create_user("anna", password="another one")
    restored(archive)
    assert authenticate(username="anna", password="another one")
    assert not get_user_model().objects.get(username="anna").is_staff


@sqlite
def test_newer_rows_of_the_store_are_kept(archive: Path) -> None:
    talk("one")
    store.save(LEARNER, "one", columns={"title": "renamed"}, messages=None, replace=False)
    restored(archive)
    assert Conversation.objects.using("local").get(wire_id="one").title == "renamed"


@sqlite
def test_recordings_of_erased_messages_are_not_restored(tmp_path: Path) -> None:
    talk("one")
    path = tmp_path / "made.tar"
    backed_up(path)
    store.delete(LEARNER, "one")
    store.erase_deleted(before=datetime.now(UTC))
    assert restored(path).recordings_erased == 1
    assert not Recording.objects.using("local").exists()
    assert store.get(LEARNER, "one") is None


@sqlite
def test_a_damaged_recording_is_replaced(archive: Path) -> None:
    restored(archive)
    row = Recording.objects.using("local").all()[0]
    good = storages["audio_local"].open(row.key).read()
    storages["audio_local"].save(row.key, ContentFile(b"damaged"))
    assert restored(archive).recordings == 1
    assert storages["audio_local"].open(row.key).read() == good


@sqlite
def test_the_same_recording_under_another_key_is_kept_too(archive: Path) -> None:
    talk("one")
    restored(archive)
    named = {row.audio_key for copy in rows.load("local", _keys()).values() for row in copy.messages.values()} - {""}
    assert named <= set(Recording.objects.using("local").values_list("key", flat=True))
    assert Recording.objects.using("local").count() == 3


@sqlite
def test_an_interrupted_restore_is_continued(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "AT_ONCE", 1)
    with closing(restoring.restore(archive, restoring.RestoreOptions())) as restore:
        next(state for state in restore if state.restored.conversations)
    rest = restored(archive)
    assert (rest.conversations, rest.conversations_same, rest.recordings) == (1, 1, 2)


@sqlite
def test_a_backup_merges_the_shelter_and_the_cloud(database: Half, bucket: Half, tmp_path: Path) -> None:
    talk("far")
    talk("both")
    with database.outage(), bucket.outage():
        talk("near")
        store.save(LEARNER, "both", columns={"title": "later"}, messages=None, replace=False)
    path = tmp_path / "made.tar"
    assert backed_up(path).counts.recordings == 3
    found = [json.loads(line) for line in members(path)["conversations/000001.jsonl"].splitlines()]
    titles = {each["wire_id"]: (each["title"], len(each["messages"])) for each in found}
    assert titles == {"far": ("mine", 2), "near": ("mine", 2), "both": ("later", 2)}


@sqlite
def test_a_backup_of_the_local_database_includes_pending_changes(database: Half, tmp_path: Path) -> None:
    database.goes_down()
    talk("near")
    assert backed_up(tmp_path / "made.tar", source="local").counts.conversations == 1


@sqlite
def test_an_archive_is_restored_into_the_cloud_if_it_is_on(archive: Path, database: Half, bucket: Half) -> None:
    restored(archive)
    assert Conversation.objects.using(ALIAS).count() == 2
    assert {storages["audio_cloud"].exists(row.key) for row in Recording.objects.using(ALIAS)} == {True}


@sqlite
def test_one_learners_archive_has_nothing_of_others(tmp_path: Path) -> None:
    get_user_model().objects.create_user("anna", password="correct horse")
    talk("one")
    talk("two", learner=OTHER)
    path = tmp_path / "made.tar"
    written = backed_up(path, learner=OTHER)
    assert (written.counts.conversations, written.counts.recordings) == (1, 1)
    whole = path.read_bytes()
    assert str(LEARNER).encode() not in whole
    assert b"anna" not in whole


@sqlite
def test_a_recording_that_cannot_be_read_is_named_and_the_rest_is_there(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        talk(name)
    lost, damaged, _ = Recording.objects.using("local").order_by("key")
    storages["audio_local"].delete(lost.key)
    storages["audio_local"].save(damaged.key, ContentFile(b"damaged"))
    path = tmp_path / "made.tar"
    with pytest.raises(SystemExit):
        call_command("storage", "backup", str(path))
    manifest = json.loads(members(path)["manifest.json"])
    assert manifest["missing"] == {
        lost.key: "its file is missing",
        damaged.key: "its file is not what was kept: the SHA-256 differs",
    }
    forget_everything()
    done = restored(path)
    assert (done.conversations, done.recordings, done.unheard) == (3, 1, 2)


@sqlite
def test_recordings_can_be_left_out(tmp_path: Path) -> None:
    talk("one")
    path = tmp_path / "made.tar"
    call_command("storage", "backup", str(path), "--no-audio")
    assert not any(name.startswith("audio/") for name in members(path))
    forget_everything()
    assert restored(path).unheard == 1


# The file


@sqlite
def test_only_its_owner_can_read_it(archive: Path) -> None:
    assert archive.stat().st_mode & 0o777 == 0o600


@sqlite
def test_an_existing_file_is_replaced_only_with_yes(tmp_path: Path) -> None:
    path = tmp_path / "made.tar"
    path.write_text("precious")
    with pytest.raises(CommandError, match="--yes"):
        call_command("storage", "backup", str(path))
    assert path.read_text() == "precious"
    call_command("storage", "backup", str(path), "--yes")
    assert tarfile.is_tarfile(path)


@sqlite
def test_a_backup_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "made.tar"
    path.write_text("precious")

    def is_full(self: Any, *args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "addfile", is_full)
    with pytest.raises(CommandError, match="No space left"):
        call_command("storage", "backup", str(path), "--yes")
    assert path.read_text() == "precious"
    assert os.listdir(tmp_path) == ["made.tar"]


@sqlite
def test_two_backups_into_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "made.tar"
    with archive_writer.written_aside(path), pytest.raises(CommandError, match="Another backup"):
        call_command("storage", "backup", str(path))


@sqlite
def test_the_secret_key_is_in_it_only_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "made.tar"
    backed_up(path)
    assert django_settings.SECRET_KEY.encode() not in path.read_bytes()
    with pytest.raises(UnusableArchive, match="one learner's"):
        backed_up(path, learner=LEARNER, secret_key=True)


@sqlite
def test_the_secret_key_is_restored_only_when_asked_for(archive: Path, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR, theirs = tmp_path, settings.SECRET_KEY
    (tmp_path / "secret_key").write_text("ours")
    settings.SECRET_KEY = "ours"
    assert restored(archive).secret_key == "differs"
    assert (tmp_path / "secret_key").read_text() == "ours"
    assert restored(archive, secret_key=True).secret_key == "restored"
    assert (tmp_path / "secret_key").read_text() == theirs
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "secret_key.old").read_text() == "ours"


# Damaged and foreign files


@sqlite
def test_a_changed_byte_is_detected_in_every_part(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        parts = [(each.name, each.offset_data + each.size // 2) for each in tar if each.name != "manifest.sha256"]
    assert len(parts) == 7
    for name, position in parts:
        whole = bytearray(archive.read_bytes())
        whole[position] ^= 1
        other = archive.with_name("other.tar")
        other.write_bytes(whole)
        with pytest.raises(UnusableArchive, match=name):
            restored(other)
    assert not Conversation.objects.using("local").exists()


@sqlite
def test_a_truncated_file_is_detected_at_every_length(archive: Path) -> None:
    whole = archive.read_bytes()
    with tarfile.open(archive) as tar:
        last = tar.getmembers()[-1].offset_data
    other = archive.with_name("other.tar")
    for length in (0, 1, 511, 512, 513, 1024, last // 3, last // 2 // 512 * 512, last - 512, last - 1, last):
        other.write_bytes(whole[:length])
        with pytest.raises(UnusableArchive):
            restored(other)
    assert not Conversation.objects.using("local").exists()


@sqlite
def test_a_newer_format_is_named(archive: Path) -> None:
    def newer(parts: dict[str, bytes]) -> None:
        manifest = json.loads(members(archive)["manifest.json"])
        parts["manifest.json"] = json.dumps(manifest | {"version": manifest["version"] + 1}).encode()

    with pytest.raises(UnusableArchive, match="update it first"):
        restored(resealed(archive, newer))


@sqlite
@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "audio/../../evil", "audio/.hidden", "audio/a/../b", "evil.py"]
)
def test_a_name_that_leads_elsewhere_is_refused(archive: Path, name: str) -> None:
    with pytest.raises(UnusableArchive, match="does not belong"):
        restored(resealed(archive, lambda parts: parts.update({name: b"evil"})))


@sqlite
def test_a_recording_that_no_part_describes_is_refused(archive: Path) -> None:
    with pytest.raises(UnusableArchive, match=r"audio/added\.webm"):
        restored(resealed(archive, lambda parts: parts.update({"audio/added.webm": b"evil"})))


@sqlite
def test_a_recording_that_is_not_there_is_named(archive: Path) -> None:
    key = next(name for name in members(archive) if name.startswith("audio/"))

    def without_it(parts: dict[str, bytes]) -> None:
        del parts[key]

    with pytest.raises(UnusableArchive, match=key):
        restored(resealed(archive, without_it))


@sqlite
def test_an_invalid_row_is_refused(archive: Path) -> None:
    def spoilt(parts: dict[str, bytes]) -> None:
        name = "conversations/000001.jsonl"
        parts[name] = parts[name].replace(b'"created_at": "2', b'"created_at": "x')

    with pytest.raises(UnusableArchive, match="created_at"):
        restored(resealed(archive, spoilt))


@sqlite
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_members_that_are_not_files_are_refused(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "made.tar"
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("audio/link.webm")
        member.type, member.linkname = kind, "/etc/passwd"
        tar.addfile(member)
    with pytest.raises(UnusableArchive, match="no plain file"):
        restored(path)


@sqlite
def test_a_declared_size_is_not_trusted(tmp_path: Path) -> None:
    path = tmp_path / "made.tar"
    member = tarfile.TarInfo("accounts.json")
    member.size = 10**12
    path.write_bytes(member.tobuf(tarfile.GNU_FORMAT) + b"{}")
    with pytest.raises(UnusableArchive, match="1,000,000,000,000"):
        restored(path)


@sqlite
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "made.tar"
    path.write_bytes(os.urandom(20_000))
    with pytest.raises(CommandError, match="no archive of `storage backup`"):
        call_command("storage", "restore", str(path), "--yes")


@sqlite
def test_nothing_is_restored_without_confirmation(archive: Path) -> None:
    with pytest.raises(SystemExit):
        call_command("storage", "restore", str(archive))
    assert not Conversation.objects.using("local").exists()


@sqlite
def test_a_backup_succeeds_while_conversations_are_saved_and_deleted(tmp_path: Path) -> None:
    for number in range(20):
        talk(f"before-{number}")
    ended = threading.Event()

    def go_on_talking() -> None:
        from django.db import connections

        number = 0
        while not ended.is_set():
            talk(f"during-{number}")
            store.delete(LEARNER, f"during-{number}")
            store.erase_deleted(before=datetime.now(UTC))
            number += 1
        connections.close_all()

    talking = threading.Thread(target=go_on_talking)
    talking.start()
    try:
        made = [backed_up(tmp_path / "made.tar") for _ in range(3)]
    finally:
        ended.set()
        talking.join()
    assert [written.missing for written in made] == [{}, {}, {}]
    assert json.loads(members(tmp_path / "made.tar")["manifest.json"])["counts"]["conversations"] >= 20


# Between installations


# This sets up three installations.
@pytest.mark.soak
@sqlite
def test_a_backup_passes_unchanged_through_every_store(
    tmp_path: Path, postgres: PostgresServer, mongo: MongoServer, s3: S3Server
) -> None:
    postgres.empty()
    mongo.empty()
    get_user_model().objects.create_user("anna", password="correct horse")
    for number in range(30):
        talk(f"talk-{number}", voice=os.urandom(2000))
    store.delete(LEARNER, "talk-7")
    first = tmp_path / "0.tar"
    backed_up(first)
    stops = [
        AgentServer(tmp_path / "1", postgres.env, s3.env, DATABASE_TYPE="postgresql"),
        AgentServer(tmp_path / "2", mongo.env, DATABASE_TYPE="mongodb"),
        AgentServer(tmp_path / "3"),
    ]
    for number, stop in enumerate(stops, 1):
        stop.manage("migrate", "-v0")
        stop.manage("storage", "restore", str(tmp_path / f"{number - 1}.tar"), "--yes")
        stop.manage("storage", "backup", str(tmp_path / f"{number}.tar"))
    assert len(content(first)) == 90
    assert [content(tmp_path / f"{number}.tar") == content(first) for number in (1, 2, 3)] == [True] * 3
    assert json.loads(members(tmp_path / "3.tar")["accounts.json"]) == json.loads(members(first)["accounts.json"])


@sqlite
def test_the_command_says_what_is_wrong(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:3000])
    with pytest.raises(CommandError, match="cut off or damaged after"):
        call_command("storage", "restore", str(archive), "--yes")


def _keys() -> list[uuid.UUID]:
    return [row.pk for row in Conversation.objects.using("local")]

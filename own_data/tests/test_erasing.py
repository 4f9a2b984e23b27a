"""After an erasure, no store has anything of the learner, whatever was down at that moment."""

import uuid
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import DatabaseError
from django.db.models import Model
from django.test import Client
from prometheus_client import REGISTRY

from audio import recordings, uploads
from audio.models import Recording
from audio.s3_errors import Kind, StorageUnavailable, Trouble
from conversations import store
from conversations.changes import conversation_key
from conversations.models import Conversation, Erasure, PendingChange
from core.cloud import LOCAL
from learners import cookie, erased, personal_data, tokens
from learners.models import Account, Device, Invitation, LearnerMerge
from learners.tests.test_authentication import accounts_down
from migration import drain
from migration.models import Run
from own_data import erasing, exporting, share_links
from own_data.tests import traces
from own_data.tests.traces import speak
from staff import audit
from tests.clients import LearnerClient
from tests.clouds import ALIAS, DATABASES, FolderBucket, Half
from usage.models import DailyUse

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the last pass follow the first one at once, and failed ones be repeated at once."""
    monkeypatch.setattr(erasing, "SETTLE", -1.0)
    monkeypatch.setattr(erasing, "PAUSE", 0.0)
    monkeypatch.setattr(erasing, "LONGEST_PAUSE", 0.0)
    monkeypatch.setattr(erasing, "_schedules", {})


def order(client: LearnerClient) -> Any:
    if device := Device.objects.filter(account__learner=client.learner).first():
        client.cookies[cookie.NAME] = cookie.seal(client.learner, device.pk)
    return client.send("/api/me/erasure", {"confirm": "Erase everything"})


def is_finished(learner: uuid.UUID) -> bool:
    return Erasure.objects.using(LOCAL).get(pk=learner).finished_at is not None


def require_no_trace(learner: uuid.UUID, tmp_path: Path, databases: list[str] = DATABASES) -> None:
    assert is_finished(learner)
    assert not any("device" in session.get_decoded() for session in Session.objects.all())
    assert traces.in_tables(learner, databases) == set()
    traces.without_ledger(learner, databases)
    assert traces.in_files(learner, Path(settings.DATA_DIR), tmp_path) == set()
    found = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert found <= {path.name for path in (tmp_path / "other").rglob("*")}


def everything_of(learner: uuid.UUID) -> None:
    """Leave something of the learner in every table and folder."""
    speak(learner)
    speak(learner, "talk-2")
    tokens.create(learner, traces.PHRASE)
    user = get_user_model().objects.create(username=uuid.uuid4().hex, email=f"{traces.PHRASE}@example.org")
    account = Account.objects.create(user=user, learner=learner)
    Device.objects.create(account=account, user_agent=traces.PHRASE)
    audit.record(user, audit.Action.READ, [audit.Accessed("conversation", uuid.uuid4(), "talk-1", learner)])
    DailyUse.objects.create(day=date(2026, 11, 20), who=f"learner:{learner}", seconds=60)
    session = SessionStore()
    session[SESSION_KEY], session["device"] = str(user.pk), cookie.seal(learner)
    session.save()
    exporting.request(learner)
    exporting.work()
    share_links.create(learner, "talk-1", days=7, words_only=False)
    key = conversation_key(learner, "talk-1")
    operator = get_user_model().objects.create(username=uuid.uuid4().hex)
    kept = store.get(learner, "talk-1")
    assert kept
    for row in (kept.conversation, *kept.recordings.values()):
        kind = ContentType.objects.get_for_model(type(row))
        LogEntry.objects.create(
            user=operator, content_type=kind, object_id=str(row.pk), object_repr=str(row), action_flag=4
        )
    address = EmailAddress.objects.create(user=user, email=user.email)
    Invitation.objects.create(digest=uuid.uuid4().hex, note=traces.PHRASE, used_by=user)
    kind = ContentType.objects.get_for_model(EmailAddress)
    # One row is still there, and an operator has deleted another one.
    for pk in (str(address.pk), "1000000"):
        LogEntry.objects.create(
            user=operator, content_type=kind, object_id=pk, object_repr=address.email, action_flag=2
        )
    Run.objects.create(options={"learner": str(learner)}, failed={f"conversation {key}": traces.PHRASE})
    # A killed server leaves bytes without a row.
    orphan = f"audio/1-{key.hex}-{uuid.uuid4().hex}0123456789abcdef-user.webm"
    for name in {"audio_local", "audio_cloud"} & settings.STORAGES.keys():
        storages[name].save(orphan, ContentFile(traces.SOUND))
    with pytest.raises(ZeroDivisionError), uploads.noted([orphan]):
        raise ZeroDivisionError


def test_the_search_finds_what_is_there(owner: LearnerClient, database: Half, bucket: Half, tmp_path: Path) -> None:
    """Without this, the other tests would prove nothing."""
    everything_of(owner.learner)
    found = traces.in_tables(owner.learner, DATABASES)
    in_learners = {
        "learners.Account",
        "learners.ApiToken",
        "learners.Device",
        "learners.Invitation",
        "account.EmailAddress",
    }
    in_default = in_learners | {
        "admin.LogEntry",
        "auth.User",
        "migration.Run",
        "own_data.ShareLink",
        "staff.AccessRecord",
        "usage.DailyUse",
    }
    in_cloud = {"conversations.Conversation", "conversations.Message", "audio.Recording"}
    assert found == (
        {f"default: {name}" for name in in_default}
        | {f"cloud: {name}" for name in in_cloud}
        | {"local: own_data.Export"}
    )
    assert len(traces.in_files(owner.learner, Path(settings.DATA_DIR), tmp_path)) >= 5
    exporting.remove(owner.learner)


@pytest.mark.parametrize("with_cloud", [False, True], ids=["cloud off", "cloud on"])
def test_nothing_is_left(owner: LearnerClient, tmp_path: Path, request: Any, with_cloud: bool) -> None:
    if with_cloud:
        request.getfixturevalue("database"), request.getfixturevalue("bucket")
    everything_of(owner.learner)
    assert order(owner).status_code == 202
    erasing.work()
    require_no_trace(owner.learner, tmp_path)


def halves_down(database: Half, bucket: Half, which: str) -> list[Half]:
    return {"database": [database], "bucket": [bucket], "both": [database, bucket]}[which]


@pytest.mark.parametrize("which", ["database", "bucket", "both"])
def test_with_the_cloud_down_the_rest_is_erased_and_the_cloud_follows(
    owner: LearnerClient, database: Half, bucket: Half, tmp_path: Path, which: str
) -> None:
    everything_of(owner.learner)
    down = halves_down(database, bucket, which)
    for half in down:
        half.goes_down()
    speak(owner.learner, "in the outage")
    assert order(owner).status_code == 202
    erasing.work()
    assert not is_finished(owner.learner)
    assert REGISTRY.get_sample_value("talking_agent_erasures_waiting") == 1
    reached = [name for name in DATABASES if name != ALIAS or database.breaker.up]
    left = traces.in_tables(owner.learner, reached)
    # Rows of recordings name files. The keys of conversations that are out of reach are not known yet.
    assert left <= {
        "local: audio.Recording",
        "cloud: audio.Recording",
        "default: admin.LogEntry",
        "default: migration.Run",
    }
    assert not PendingChange.objects.using(LOCAL).exists()
    for half in down:
        half.comes_back()
    drain.drain()
    erasing.work()
    require_no_trace(owner.learner, tmp_path)
    assert REGISTRY.get_sample_value("talking_agent_erasures_waiting") == 0


def test_a_failure_at_every_step_is_made_up_for(
    owner: LearnerClient, database: Half, bucket: Half, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed at a step is continued by the next one, which knows only the rows."""
    everything_of(owner.learner)
    order(owner)

    class Killed(BaseException):
        pass

    steps = ("_subject", "_erase_table", "_names", "_erase_files", "_overwrite_logs")
    for name in steps:
        whole = getattr(erasing, name)

        def killed(*args: Any, whole: Callable[..., Any] = whole) -> None:
            whole(*args)
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(erasing, name, killed)
            with pytest.raises(Killed):
                erasing.work()
        erasing._schedules.clear()
        assert not is_finished(owner.learner)
    erasing.work()
    require_no_trace(owner.learner, tmp_path)


def test_if_old_versions_may_not_be_listed_the_erasure_stays_open_and_the_bucket_up(
    owner: LearnerClient, database: Half, bucket: Half, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: Any
) -> None:
    def denied(storage: FolderBucket) -> Any:
        raise StorageUnavailable(Trouble(Kind.DENIED, "list", "denied", "allow s3:ListBucketVersions"))

    speak(owner.learner)
    order(owner)
    with monkeypatch.context() as patch:
        patch.setattr(FolderBucket, "versions", denied)
        erasing.work()
    assert not is_finished(owner.learner)
    assert bucket.breaker.up
    assert list(storages["audio_cloud"].files()) == []  # type: ignore[attr-defined]
    assert "allow s3:ListBucketVersions" in caplog.text
    erasing.work()
    require_no_trace(owner.learner, tmp_path)


def test_others_keep_everything(owner: LearnerClient, outsider: LearnerClient, database: Half, bucket: Half) -> None:
    speak(outsider.learner)
    _, secret = tokens.create(outsider.learner, "theirs")
    everything_of(owner.learner)
    order(owner)
    erasing.work()
    kept = store.get(outsider.learner, "talk-1")
    assert kept
    assert [recordings.read(row) for row in kept.recordings.values()] == [traces.SOUND + b"talk-1"]
    assert tokens.learner_of(secret) == outsider.learner


def test_the_browser_is_a_new_learner(owner: LearnerClient) -> None:
    speak(owner.learner)
    before = owner.cookies[cookie.NAME].value
    answer = order(owner)
    assert cookie.unseal(answer.cookies[cookie.NAME].value) not in (None, owner.learner)
    assert owner.get("/api/conversations").json()["conversations"] == []
    # Also with a copy of the former cookie.
    other = Client()
    other.cookies[cookie.NAME] = before
    assert other.get("/api/me").json()["learner"] != str(owner.learner)


def test_a_merge_that_waits_is_erased_too(owner: LearnerClient, database: Half, bucket: Half, tmp_path: Path) -> None:
    everything_of(owner.learner)
    source = uuid.uuid4()
    speak(source)
    LearnerMerge.objects.create(account=Account.objects.get(), source=source, total=1)
    order(owner)
    erasing.work()
    erasing.work()
    for learner in (source, owner.learner):
        require_no_trace(learner, tmp_path)


def test_the_browser_is_again_who_it_was_before_it_signed_in(owner: LearnerClient) -> None:
    everything_of(owner.learner)
    before = uuid.uuid4()
    speak(before)
    Device.objects.update(previous_learner=before)
    assert cookie.unseal(order(owner).cookies[cookie.NAME].value) == before
    erasing.work()
    assert store.get(before, "talk-1")


def test_without_the_accounts_the_erasure_begins_all_the_same(owner: LearnerClient, tmp_path: Path) -> None:
    everything_of(owner.learner)
    client, device = Client(), Device.objects.get()
    client.cookies[cookie.NAME] = cookie.seal(owner.learner, device.pk)
    client.get("/api/me")
    with accounts_down(tmp_path):
        answer = client.post("/api/me/erasure", {"confirm": "Erase everything"}, content_type="application/json")
        assert answer.status_code == 202
    assert cookie.unseal(answer.cookies[cookie.NAME].value) not in (None, owner.learner)
    assert erased.is_erased(owner.learner)
    erasing.work()
    require_no_trace(owner.learner, tmp_path)


def test_the_order_holds_after_a_restart(owner: LearnerClient) -> None:
    order(owner)
    erased.forget()
    erasing.load()
    assert erased.is_erased(owner.learner)


def test_a_talk_under_way_writes_nothing_more(owner: LearnerClient, tmp_path: Path) -> None:
    speak(owner.learner)
    order(owner)
    with pytest.raises(store.ConversationDeleted):
        speak(owner.learner, message="later")
    erasing.work()
    require_no_trace(owner.learner, tmp_path)


def test_the_last_pass_erases_what_a_slow_request_has_written(
    owner: LearnerClient, database: Half, bucket: Half, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak(owner.learner)
    order(owner)
    monkeypatch.setattr(erasing, "SETTLE", 600.0)
    erasing.work()
    assert not is_finished(owner.learner)
    erased.forget()
    speak(owner.learner, "slow")
    for schedule in erasing._schedules.values():
        schedule.seen_at -= 600
        schedule.due_at = 0
    erasing.work()
    require_no_trace(owner.learner, tmp_path)


def test_another_server_erases_what_waits_in_its_outbox(
    owner: LearnerClient, database: Half, bucket: Half, tmp_path: Path
) -> None:
    speak(owner.learner)
    # The other server has ordered the erasure and erased the shared database.
    Erasure.objects.using(ALIAS).create(learner=owner.learner, requested_at=traces.AT)
    Conversation.objects.using(ALIAS).all().delete()
    with database.outage():
        speak(owner.learner, "in the outage")
    erasing.exchange()
    assert erased.is_erased(owner.learner)
    erasing.work()
    require_no_trace(owner.learner, tmp_path)


def test_the_shared_database_learns_of_the_erasure(owner: LearnerClient, database: Half) -> None:
    order(owner)
    erasing.work()
    assert Erasure.objects.using(ALIAS).filter(pk=owner.learner).exists()


@pytest.mark.parametrize("body", [{}, {"confirm": ""}, {"confirm": "yes"}, {"confirm": 1}, [], {"confirm": None}])
def test_without_the_confirmation_nothing_is_erased(owner: LearnerClient, body: Any) -> None:
    speak(owner.learner)
    answer = owner.send("/api/me/erasure", body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert not Erasure.objects.using(LOCAL).exists()


def test_a_visitor_without_a_cookie_leaves_no_row() -> None:
    answer = Client().post("/api/me/erasure", {"confirm": "erase everything"}, content_type="application/json")
    assert answer.status_code == 202
    assert not Erasure.objects.using(LOCAL).exists()


def test_two_orders_at_once_are_one(owner: LearnerClient) -> None:
    erasing.request(owner.learner)
    erasing.request(owner.learner)
    assert Erasure.objects.using(LOCAL).count() == 1


def test_an_error_of_a_table_keeps_the_erasure_open(owner: LearnerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(subject: personal_data.DataSubject, using: str) -> None:
        raise DatabaseError("no")

    speak(owner.learner)
    order(owner)
    broken = personal_data.PersonalTable(tokens.ApiToken, fails)
    monkeypatch.setattr(personal_data, "tables", lambda: [broken])
    erasing.work()
    assert not is_finished(owner.learner)
    monkeypatch.undo()
    erasing.work()
    # The wait before the last pass is back.
    assert not Recording.objects.using(LOCAL).filter(learner=owner.learner).exists()


def test_every_model_with_a_learner_is_registered() -> None:
    registered = {table.model for table in personal_data.tables()}
    assert {model for model in apps.get_models() if _has_learner(model) and not model._meta.proxy} <= registered


def _has_learner(model: type[Model]) -> bool:
    return any(field.name in ("learner", "learner_id") for field in model._meta.get_fields())
